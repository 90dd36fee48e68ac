"""Commands over tiered campaigns: definition and life, previews, and the evaluation of occurrences."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from application.definitions.catalogue import Catalogue
from application.log.envelope import Cause, Origin
from application.log.streams import Stream
from application.log.working import Working
from application.service.preconditions import Precondition
from application.service.refusals import Conflict, Unknown, check_saved
from application.streams import ICON, PREVIEW, PRODUCT, RECOUNT, STANDING, TIERED_CAMPAIGN, TIERED_OCCURRENCE
from domain.catalogue.entries import MOST_REFERENCES, Account, EventType
from domain.tiered import campaign as campaigns
from domain.tiered import occurrence as occurrences
from domain.tiered import preview as previews
from domain.tiered import recount as recounts
from domain.tiered import standing as standings
from domain.tiered.campaign import Incomplete, Status, TieredCampaign, WrongStatus
from domain.tiered.definition import MOST_PARTS, Definition, Resolution, products_named, references_of, resolve
from domain.tiered.icon import IconPut
from domain.tiered.occurrence import OccurrenceStatus, TieredOccurrence
from domain.tiered.preview import Figures, Preview
from domain.tiered.standing import Standing, StandingPlace
from domain.tiered.terms import TieredTerms
from domain.values.picture import icon_type
from domain.values.problems import Invalid, Problem
from domain.values.zone import zone_named


class _References(Struct, frozen=True):
    """What definitions may refer to: the catalogue in memory, and the products in the log."""

    working: Working

    def account(self, code: str) -> Account | None:
        account: Account | None = self.working.catalogue.account(code)
        return account

    def event_type(self, code: str) -> EventType | None:
        event_type: EventType | None = self.working.catalogue.event_type(code)
        return event_type

    def has_segment(self, code: str) -> bool:
        return self.working.catalogue.segment(code) is not None

    def has_list(self, code: str) -> bool:
        return bool(self.working.catalogue.has_list(code))

    def has_product(self, sku: str) -> bool:
        return self.working.state(PRODUCT.at(sku)) is not None


def define(working: Working, campaign_id: UUID, definition: Definition) -> TieredCampaign:
    """Saves a new campaign: a draft while required fields are missing, else inactive."""
    stream = TIERED_CAMPAIGN.of(campaign_id)
    if working.state_if_known(stream) is not None:
        raise Conflict(f"a tiered campaign {campaign_id} exists already", "exists")
    resolved = _resolved(working, definition, None)
    return working.record(stream, campaigns.define(campaign_id, definition, resolved))


def revise(working: Working, campaign_id: UUID, definition: Definition, precondition: Precondition) -> TieredCampaign:
    stream, campaign = _campaign(working, campaign_id)
    precondition.check(campaign.version)
    if definition == campaign.definition:
        return campaign
    resolved = _resolved(working, definition, campaign.definition)
    decided = campaigns.revise(campaign, definition, resolved, working.now, status(working, campaign))
    return _record(working, stream, campaign, decided)


def activate(working: Working, campaign_id: UUID) -> TieredCampaign:
    stream, campaign = _campaign(working, campaign_id)
    changed = campaigns.activate(campaign, status(working, campaign), working.catalogue.position)
    if changed and isinstance(changed, list):
        check_saved(working.catalogue.inactive(references_of(campaign.definition)))
    return _record(working, stream, campaign, changed)


def deactivate(working: Working, campaign_id: UUID) -> TieredCampaign:
    stream, campaign = _campaign(working, campaign_id)
    after = working.catalogue.position
    return _record(working, stream, campaign, campaigns.deactivate(campaign, status(working, campaign), after))


def archive(working: Working, campaign_id: UUID) -> TieredCampaign:
    stream, campaign = _campaign(working, campaign_id)
    if working.catalogue.evaluating(campaign):
        raise Conflict("an occurrence is being evaluated; archive it when that is done", "evaluating")
    return _record(working, stream, campaign, campaigns.archive(campaign, status(working, campaign)))


def status(working: Working, campaign: TieredCampaign) -> Status:
    return campaigns.status(campaign, working.now, evaluated=working.catalogue.evaluated(campaign))


def put_icon(working: Working, campaign_id: UUID, content: bytes) -> str:
    """Stores a picture; answers its media type. Raises Unknown or Invalid."""
    _campaign(working, campaign_id)
    media_type = icon_type(content)
    if media_type is None:
        raise Invalid([Problem("", "must be a PNG, JPEG, GIF or WebP picture of at most 1 MiB")])
    icon = IconPut(campaign_id, media_type, content)
    stream = ICON.at(campaign_id)
    if working.state(stream) != icon:
        working.record(stream, icon)
    return media_type


def request_preview(
    working: Working, campaign_id: UUID, preview_id: UUID, scheduled_for: datetime | None = None
) -> Preview:
    """Freezes the occurrences that are active or in grace, as of the position this is recorded at."""
    _, campaign = _campaign(working, campaign_id)
    stream = PREVIEW.of(preview_id)
    preview = working.state(stream)
    if preview is not None:
        return preview
    running = _running(working, campaign)
    if not running:
        raise Conflict("no occurrence is active or in its grace period", "nothing_to_preview")
    first = working.catalogue.recount_from(campaign)
    if first and running[-1] >= first:
        raise Conflict("facts are being counted again by an edit's terms; try again in a moment", "recounting")
    requested = previews.Requested(preview_id, campaign_id, running, scheduled_for)
    return working.record(stream, requested, due_by(campaign) if scheduled_for else None)


def finish_preview(working: Working, preview_id: UUID, figures: tuple[Figures, ...]) -> None:
    stream = PREVIEW.of(preview_id)
    preview = working.state(stream)
    for event in previews.finish(preview, figures) if preview else ():
        working.record(stream, event)


def fail_preview(working: Working, preview_id: UUID, reason: str) -> None:
    stream = PREVIEW.of(preview_id)
    preview = working.state(stream)
    for event in previews.fail(preview, reason) if preview else ():
        working.record(stream, event)


def start_evaluation(working: Working, campaign_id: UUID, number: int) -> TieredOccurrence | None:
    """Fences an occurrence that is due, once; None while its campaign does not let it be evaluated."""
    _, campaign = _campaign(working, campaign_id)
    stream = TIERED_OCCURRENCE.at(campaign_id, number)
    occurrence = working.state(stream)
    if occurrence is not None:
        return occurrence
    due = campaign.active and not campaign.archived and campaign.windows[number - 1].evaluation_at <= working.now
    first = working.catalogue.recount_from(campaign)
    if not due or (first and number >= first):
        return None
    revision = campaign.revision_of(number).number
    for event in occurrences.start_evaluation(None, campaign_id, number, revision):
        occurrence = working.record(stream, event, due_by(campaign))
    return occurrence


def due_by(campaign: TieredCampaign) -> Origin:
    """Of what time brings about: the last word there is on the campaign lets it."""
    return Origin(Cause(campaign.id, campaign.version))


def award(working: Working, campaign_id: UUID, number: int, member_ids: Sequence[str]) -> int:
    """Awards the standings of these members that are not awarded yet; answers how many they were."""
    terms: TieredTerms = working.catalogue.terms(campaign_id, number)
    streams = [STANDING.at(campaign_id, number, member_id) for member_id in member_ids]
    working.prefetch(streams)
    awarded = 0
    for member_id, stream in zip(member_ids, streams, strict=True):
        standing: Standing | None = working.state(stream)
        if standing is not None and standing.awarded is None:
            working.record(stream, standings.award(standing, StandingPlace(number, member_id, terms, fenced=True)))
            awarded += 1
    return awarded


def finish_evaluation(working: Working, campaign_id: UUID, number: int, members: int, points: Decimal) -> None:
    stream = TIERED_OCCURRENCE.at(campaign_id, number)
    occurrence = working.state(stream)
    for event in occurrences.finish_evaluation(occurrence, members, points) if occurrence else ():
        working.record(stream, event)


def finish_recount(working: Working, campaign_id: UUID, revision: int) -> None:
    stream = RECOUNT.at(campaign_id)
    for event in recounts.finish(working.state(stream), campaign_id, revision):
        working.record(stream, event)


def _campaign(working: Working, campaign_id: UUID) -> tuple[Stream[TieredCampaign, campaigns.Event], TieredCampaign]:
    stream = TIERED_CAMPAIGN.of(campaign_id)
    campaign = working.state(stream)
    if not isinstance(campaign, TieredCampaign):  # of what shares the ids that callers choose, such as a preview, too
        raise Unknown(f"no tiered campaign {campaign_id}")
    return stream, campaign


def _resolved(working: Working, definition: Definition, before: Definition | None) -> Resolution:
    """Raises Invalid; `before` is what an edit replaces."""
    catalogue: Catalogue = working.catalogue
    working.prefetch([PRODUCT.at(sku) for sku in products_named(definition)[: MOST_REFERENCES + MOST_PARTS]])
    resolved = resolve(definition, _References(working), catalogue.time_zone)
    problems = resolved if isinstance(resolved, list) else []
    zone = definition.time_zone if definition.time_zone and zone_named(definition.time_zone) else catalogue.time_zone
    compiled = catalogue.compile_filter(definition, zone)
    problems = problems + (compiled if isinstance(compiled, list) else [])
    problems += catalogue.inactive(references_of(definition), references_of(before) if before else ())
    if problems or isinstance(resolved, list):
        raise Invalid(problems)
    return resolved


def _record(
    working: Working,
    stream: Stream[TieredCampaign, campaigns.Event],
    campaign: TieredCampaign,
    decided: list[campaigns.Event] | list[Problem] | WrongStatus | Incomplete,
) -> TieredCampaign:
    match decided:
        case WrongStatus():
            allowed = " or ".join(decided.allowed)
            raise Conflict(f"the tiered campaign is {decided.status}; it must be {allowed}", "wrong_status")
        case Incomplete():
            raise Conflict(f"the draft lacks: {', '.join(decided.missing)}", "incomplete")
    for event in decided:
        if isinstance(event, Problem):
            raise Invalid([found for found in decided if isinstance(found, Problem)])
        campaign = working.record(stream, event)
    return campaign


def _running(working: Working, campaign: TieredCampaign) -> tuple[int, ...]:
    return tuple(
        number
        for number, window in enumerate(campaign.windows, 1)
        if occurrences.status(
            window, working.catalogue.phase(campaign.id, number), working.now, archived=campaign.archived
        )
        in (OccurrenceStatus.ACTIVE, OccurrenceStatus.GRACE_PERIOD)
    )
