"""What the service answers about facts, definitions and members: commands and reads show them alike.

What a command answers has `position` as its first field, empty until the command is recorded.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType, field

from application.facts import ingest
from domain.catalogue.coupon import left
from domain.catalogue.entries import Account, Badge, Coupon, EventType, Generator, MemberList, Reward, Segment
from domain.catalogue.product import Product
from domain.catalogue.stock import NOTHING, Stock
from domain.facts.fact import Entity
from domain.facts.outcomes import Completed, Contributed, Corrected, NotCounted, Outcome, Progressed, Reason
from domain.members.member import Member
from domain.tiered.campaign import Status
from domain.tiered.definition import Aggregate, missing
from domain.tiered.points import HitType, Tier
from domain.tiered.preview import Preview
from domain.tiered.preview import Status as PreviewStatus
from domain.tiered.terms import CombinationScope, Confirmation, Late
from domain.tiered.warnings import tiered_warnings
from domain.values.amounts import Rounding, written, written_units
from domain.values.attributes import Attributes, AttributeType
from domain.values.problems import Problem
from projections.decisions.queries import DecisionRow
from projections.listing.page import Figure, Units
from projections.tiered.campaigns.queries import CampaignRow


def written_if(amount: Decimal | None) -> Figure | None:
    return None if amount is None else written(amount)


class ContributionShown(Struct, frozen=True, gc=False, tag="contribution", tag_field="kind"):
    """What the fact adds to an occurrence, and where the member stands with it."""

    tiered_campaign: UUID
    occurrence: int
    amount: Figure
    total: Figure
    pending_points: Units


class CorrectionShown(Struct, frozen=True, gc=False, tag="correction", tag_field="kind"):
    """A late fact changed an award by `points`, up or down, to `awarded_points`."""

    tiered_campaign: UUID
    occurrence: int
    points: Units
    awarded_points: Units


class ProgressShown(Struct, frozen=True, gc=False, tag="progress", tag_field="kind", omit_defaults=True):
    """The fact moved a rule (from 1) of an achievement to `value` of `goal`; `completed` when the rule is complete.

    `member` is given where it is another one's progress: the acting member's referrer.
    """

    achievement: UUID
    rule: int
    value: Figure
    goal: Figure
    completed: bool
    member: str | None = None


class CompletionShown(Struct, frozen=True, gc=False, tag="completion", tag_field="kind", omit_defaults=True):
    """The fact completed an achievement, for the `completions`-th time."""

    achievement: UUID
    completions: int
    member: str | None = None


class NotCountedShown(Struct, frozen=True, gc=False, tag="not_counted", tag_field="kind", omit_defaults=True):
    """Why the fact did not count for a tiered campaign, or an achievement (and one of its rules), that it concerns."""

    reason: Reason
    tiered_campaign: UUID | None = None
    occurrence: int | None = None
    achievement: UUID | None = None
    rule: int | None = None
    member: str | None = None
    detail: str | None = None


OutcomeShown = ContributionShown | CorrectionShown | ProgressShown | CompletionShown | NotCountedShown


class FactAnswer(Struct, frozen=True, gc=False):
    """What a fact did. `awards`, asked for with `Prefer`, is what campaigns decided for it; null when not in time."""

    position: str
    id: str
    status: str
    member: str
    outcomes: list[OutcomeShown]
    awards: list[DecisionRow] | UnsetType | None = UNSET


def fact(answer: ingest.FactAnswer, position: str = "") -> FactAnswer:
    return FactAnswer(position, answer.id, answer.status, answer.member, outcomes(answer.outcomes))


def outcomes(recorded: Iterable[Outcome]) -> list[OutcomeShown]:
    return [_outcome(outcome) for outcome in recorded]


def _outcome(outcome: Outcome) -> OutcomeShown:
    match outcome:
        case Contributed():
            return ContributionShown(
                outcome.tiered_campaign,
                outcome.occurrence,
                written(outcome.amount),
                written(outcome.total),
                written_units(outcome.pending_points),
            )
        case Corrected():
            return CorrectionShown(
                outcome.tiered_campaign,
                outcome.occurrence,
                written_units(outcome.points),
                written_units(outcome.awarded_points),
            )
        case Progressed():
            return ProgressShown(
                outcome.achievement,
                outcome.rule,
                written(outcome.value),
                written(outcome.goal),
                outcome.completed,
                outcome.member,
            )
        case Completed():
            return CompletionShown(outcome.achievement, outcome.completions, outcome.member)
        case NotCounted():
            return NotCountedShown(
                outcome.reason,
                outcome.tiered_campaign,
                outcome.occurrence,
                outcome.achievement,
                outcome.rule,
                outcome.member,
                outcome.detail,
            )


class WarningShown(Struct, frozen=True, gc=False):
    """What was saved and can't work as meant: where in the definition (a JSON pointer), of which kind, and why."""

    pointer: str
    code: str
    detail: str


def warnings_shown(warnings: Iterable[Problem]) -> list[WarningShown]:
    return [WarningShown(warning.pointer, warning.code, warning.detail) for warning in warnings]


class MemberAnswer(Struct, frozen=True, gc=False):
    """A member as they are."""

    position: str
    id: str
    tier: str | None
    attributes: Attributes
    lists: tuple[str, ...]
    referrer: str | None


def member(shown: Member, position: str = "") -> MemberAnswer:
    return MemberAnswer(position, shown.id, shown.tier, shown.attributes, shown.lists, shown.referrer)


class ListChangeAnswer(Struct, frozen=True, gc=False):
    """How many members joined and left; those who were on the list, or off it, already are not among them."""

    position: str
    added: int
    removed: int


class EventTypeAnswer(Struct, frozen=True, gc=False):
    """An event type."""

    position: str
    code: str
    label: str
    attributes: dict[str, AttributeType]
    active: bool


def event_type(shown: EventType, position: str = "") -> EventTypeAnswer:
    return EventTypeAnswer(position, shown.code, shown.label, shown.attributes, shown.active)


class AccountAnswer(Struct, frozen=True, gc=False):
    """An account that points go to."""

    position: str
    code: str
    name: str
    unit: str
    decimals: int
    active: bool


def account(shown: Account, position: str = "") -> AccountAnswer:
    return AccountAnswer(position, shown.code, shown.name, shown.unit, shown.decimals, shown.active)


class SegmentAnswer(Struct, frozen=True, gc=False):
    """A segment."""

    position: str
    code: str
    name: str
    expression: str


def segment(shown: Segment, position: str = "") -> SegmentAnswer:
    return SegmentAnswer(position, shown.code, shown.name, shown.expression)


class ListAnswer(Struct, frozen=True, gc=False):
    """A list, without its members."""

    position: str
    code: str
    name: str


def member_list(shown: MemberList, position: str = "") -> ListAnswer:
    return ListAnswer(position, shown.code, shown.name)


class BadgeAnswer(Struct, frozen=True, gc=False):
    """A badge."""

    position: str
    code: str
    name: str


def badge(shown: Badge, position: str = "") -> BadgeAnswer:
    return BadgeAnswer(position, shown.code, shown.name)


class GeneratorShown(Struct, frozen=True, gc=False):
    """How codes are made: the prefix, then so many characters of the alphabet."""

    length: int
    alphabet: str
    prefix: str


class CouponAnswer(Struct, frozen=True, gc=False):
    """A coupon.

    `codes` are those that ever came into its pool. `given` is how many members have, `left` how many can still be
    given, null where nothing limits it.
    """

    position: str
    code: str
    name: str
    generator: GeneratorShown | None
    stock: int | None
    value: str | None
    valid_for: str | None
    valid_until: datetime | None
    codes: int
    given: int
    left: int | None


def coupon(shown: Coupon, stock: Stock | None, position: str = "") -> CouponAnswer:
    kept = stock or NOTHING
    return CouponAnswer(
        position,
        shown.code,
        shown.name,
        _generator(shown.generator),
        shown.stock,
        shown.value,
        shown.valid_for,
        shown.valid_until,
        kept.supplied,
        kept.given,
        left(shown, kept),
    )


def _generator(shown: Generator | None) -> GeneratorShown | None:
    return None if shown is None else GeneratorShown(shown.length, shown.alphabet, shown.prefix)


class RewardAnswer(Struct, frozen=True, gc=False):
    """A reward: `given` is how many members have, `left` how many can still be given, null where nothing limits it."""

    position: str
    code: str
    name: str
    stock: int | None
    given: int
    left: int | None


def reward(shown: Reward, stock: Stock | None, position: str = "") -> RewardAnswer:
    return RewardAnswer(position, shown.code, shown.name, shown.stock, (stock or NOTHING).given, left(shown, stock))


class CodesAnswer(Struct, frozen=True, gc=False):
    """How many codes came into a coupon's pool, and how many it knew already."""

    position: str
    added: int
    known: int


class ProductAnswer(Struct, frozen=True, gc=False):
    """A product."""

    position: str
    sku: str
    name: str
    category: str | None
    brand: str | None
    price: Figure | None


def product(shown: Product, position: str = "") -> ProductAnswer:
    return ProductAnswer(position, shown.sku, shown.name, shown.category, shown.brand, written_if(shown.price))


class TierShown(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One row; `to` is absent in the last row of an unlimited table."""

    start: Figure = field(name="from")
    to: Figure | None = None
    reward: Figure


class PartShown(Struct, frozen=True, gc=False):
    """Pieces of a product that one complete set takes."""

    product: str
    quantity: Figure


class AggregateShown(Struct, frozen=True, gc=False, omit_defaults=True):
    """Either `attribute`, or `combination` with its `scope`."""

    attribute: str | None = None
    combination: list[PartShown] | None = None
    scope: CombinationScope | None = None


class AudienceShown(Struct, frozen=True, gc=False):
    """Whoever is in any of the segments or on any of the lists; both empty is everyone."""

    segments: tuple[str, ...]
    lists: tuple[str, ...]


class TieredCampaignAnswer(Struct, frozen=True, gc=False, kw_only=True):
    """A tiered campaign: what was filled in, and where it is in its life.

    `version` is that of its ETag. `missing` are the fields a draft still lacks. `next_evaluation_at` is that of the
    first occurrence whose evaluation has not begun, and may be past while the campaign is inactive;
    `occurrences_remaining` counts the occurrences that have not ended. `warnings` are computed from what was filled in.
    """

    position: str
    id: UUID
    version: int
    revision: int
    status: Status
    missing: tuple[str, ...]
    warnings: list[WarningShown]
    current_occurrence_ends_at: datetime | None
    ends_at: datetime | None
    next_evaluation_at: datetime | None
    recurring: bool
    occurrences_remaining: int
    name: str
    translations: dict[str, str]
    starts_at: datetime | None
    duration: str | None
    occurrences: int | None
    preview_every: str | None
    grace_period: str
    audience: AudienceShown
    time_zone: str | None
    entity: Entity | None
    event_type: str | None
    aggregate: AggregateShown | None
    date: str | None
    hit_type: HitType | None
    bracketed: bool
    unlimited: bool
    tiers: list[TierShown]
    products: tuple[str, ...]
    filter: dict[str, Any] | None
    account: str
    rounding: Rounding
    confirmation: Confirmation
    late: Late


def tiered_campaign(shown: CampaignRow, position: str = "") -> TieredCampaignAnswer:
    definition = shown.definition
    return TieredCampaignAnswer(
        position=position,
        id=shown.id,
        version=shown.version,
        revision=shown.revision,
        status=shown.status,
        missing=missing(definition),
        warnings=warnings_shown(tiered_warnings(definition)),
        current_occurrence_ends_at=shown.current_occurrence_ends_at,
        ends_at=shown.ends_at,
        next_evaluation_at=shown.next_evaluation_at,
        recurring=(definition.occurrences or 1) > 1,
        occurrences_remaining=shown.occurrences_remaining,
        name=definition.name,
        translations=definition.translations,
        starts_at=definition.starts_at,
        duration=definition.duration,
        occurrences=definition.occurrences,
        preview_every=definition.preview_every,
        grace_period=definition.grace_period,
        audience=AudienceShown(definition.audience.segments, definition.audience.lists),
        time_zone=definition.time_zone,
        entity=definition.entity,
        event_type=definition.event_type,
        aggregate=_aggregate(definition.aggregate),
        date=definition.date,
        hit_type=definition.hit_type,
        bracketed=definition.bracketed,
        unlimited=definition.unlimited,
        tiers=[_tier(tier) for tier in definition.tiers],
        products=definition.products,
        filter=definition.filter,
        account=definition.account,
        rounding=definition.rounding,
        confirmation=definition.confirmation,
        late=definition.late,
    )


def _aggregate(aggregate: Aggregate | None) -> AggregateShown | None:
    if aggregate is None:
        return None
    if aggregate.combination is None:
        return AggregateShown(aggregate.attribute)
    parts = [PartShown(part.product, written(part.quantity)) for part in aggregate.combination]
    return AggregateShown(aggregate.attribute, parts, aggregate.scope)


def _tier(tier: Tier) -> TierShown:
    return TierShown(start=written(tier.start), to=written_if(tier.to), reward=written(tier.reward))


class PreviewAnswer(Struct, frozen=True, gc=False):
    """A preview that has been asked for: what it will calculate is frozen, and the calculation runs."""

    position: str
    id: UUID
    tiered_campaign: UUID
    status: PreviewStatus
    occurrences: tuple[int, ...]


def preview(shown: Preview, position: str = "") -> PreviewAnswer:
    return PreviewAnswer(position, shown.id, shown.campaign, shown.status, shown.occurrences)


class IconAnswer(Struct, frozen=True, gc=False):
    """The media type that an icon was recognized as."""

    position: str
    media_type: str
