"""What is due: acceptances, scheduled previews and evaluations that time alone brings about, in order of their time.

Before all of it, whatever an edit's terms count again.

At one instant acceptances come first, then previews, then evaluations. Of scheduled previews that were missed only
the latest is made. A paused campaign has nothing due but an evaluation that has begun; the rest is due when it is
active again.
"""

import logging
from datetime import UTC, datetime
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from msgspec import Struct

from application.definitions.catalogue import Catalogue
from application.log.working import Working
from application.streams import PREVIEW
from domain.tiered.campaign import TieredCampaign
from domain.tiered.definition import Definition
from domain.tiered.occurrence import Phase
from domain.tiered.preview import Status, spacing
from domain.values.duration import Duration, ScheduleOverflowError, advance, parse_duration

_FIRST = datetime.min.replace(tzinfo=UTC)
MOST_TICKS = 2**40

_log = logging.getLogger("laurel.due")


class DueRecount(Struct, frozen=True, gc=False):
    """What is dated ahead is to be counted again by the terms of an edit, the newest being `revision`."""

    campaign: UUID
    revision: int


class ScheduledPreview(Struct, frozen=True, gc=False):
    """A tick of the schedule of previews. Its preview has an id of its own, so that it is made once."""

    campaign: UUID
    at: datetime

    @property
    def preview(self) -> UUID:
        return uuid5(self.campaign, f"preview {self.at.isoformat()}")


class DueEvaluation(Struct, frozen=True, gc=False):
    """`begun` ones were interrupted."""

    campaign: UUID
    occurrence: int
    at: datetime
    begun: bool


Due = DueRecount | ScheduledPreview | DueEvaluation


class Plan(Struct, frozen=True):
    """What is due now, in order, and when (later than now) the next preview or evaluation will be.

    `position` covers everything that it was made from.
    """

    due: tuple[Due, ...]
    next_at: datetime | None
    position: int = 0

    def recount_of(self, campaign: UUID) -> DueRecount | None:
        for item in self.due:
            if isinstance(item, DueRecount) and item.campaign == campaign:
                return item
        return None


class Planner:
    """Looks through the campaigns in memory. It remembers what is over, so that looking again costs little."""

    def __init__(self) -> None:
        self._evaluated: dict[UUID, int] = {}
        self._made: dict[UUID, datetime] = {}

    def plan(self, working: Working) -> Plan:
        """A command's decision: it records nothing, and sees the catalogue as it stands."""
        due: list[Due] = []
        upcoming: list[datetime] = []
        catalogue: Catalogue = working.catalogue
        for campaign in catalogue.tiered_campaigns.values():
            if campaign.archived:
                continue
            if catalogue.recount_from(campaign):
                due.append(DueRecount(campaign.id, campaign.revision.number))
            self._evaluations(catalogue, campaign, working.now, due, upcoming)
            if campaign.active:
                self._previews(working, campaign, due, upcoming)
        due.sort(key=_order)
        return Plan(tuple(due), min(upcoming, default=None))

    def _evaluations(
        self, catalogue: Catalogue, campaign: TieredCampaign, now: datetime, due: list[Due], upcoming: list[datetime]
    ) -> None:
        first = self._first_left(catalogue, campaign)
        soonest: datetime | None = None
        for number, window in enumerate(campaign.windows[first:], first + 1):
            if window.ends_at > now and soonest and window.ends_at >= soonest:
                break
            phase = catalogue.phase(campaign.id, number)
            begun = phase is Phase.EVALUATING
            if begun or (phase is None and campaign.active and window.evaluation_at <= now):
                due.append(DueEvaluation(campaign.id, number, window.evaluation_at, begun))
            elif window.evaluation_at > now and (soonest is None or window.evaluation_at < soonest):
                soonest = window.evaluation_at
        if soonest:
            upcoming.append(soonest)

    def _first_left(self, catalogue: Catalogue, campaign: TieredCampaign) -> int:
        """How many occurrences from the first on are evaluated."""
        first = self._evaluated.get(campaign.id, 0)
        while first < len(campaign.windows) and catalogue.phase(campaign.id, first + 1) is Phase.EVALUATED:
            first += 1
        self._evaluated[campaign.id] = first
        return first

    def _previews(self, working: Working, campaign: TieredCampaign, due: list[Due], upcoming: list[datetime]) -> None:
        every = _preview_spacing(campaign.definition)
        if not every or self._evaluated[campaign.id] == len(campaign.windows):
            return
        zone = ZoneInfo(campaign.revision.time_zone)
        latest, following = ticks_around(campaign.windows[0].starts_at, every, working.now, zone)
        if following:
            upcoming.append(following)
        if latest is None or self._made.get(campaign.id) == latest or not self._running(working, campaign):
            return
        tick = ScheduledPreview(campaign.id, latest)
        preview = working.state(PREVIEW.of(tick.preview))
        if preview is None or preview.status is Status.RUNNING:
            due.append(tick)
        else:
            self._made[campaign.id] = latest

    def _running(self, working: Working, campaign: TieredCampaign) -> bool:
        """Whether an occurrence is active or in grace."""
        catalogue: Catalogue = working.catalogue
        first = self._evaluated[campaign.id]
        for number, window in enumerate(campaign.windows[first:], first + 1):
            if window.starts_at > working.now:
                return False
            if catalogue.phase(campaign.id, number) is None:
                return True
        return False


def _order(item: Due) -> tuple[datetime, int, UUID, int]:
    if isinstance(item, DueRecount):
        return _FIRST, 0, item.campaign, 0
    if isinstance(item, ScheduledPreview):
        return item.at, 1, item.campaign, 0
    return item.at, 2, item.campaign, item.occurrence


def _preview_spacing(definition: Definition) -> Duration | None:
    if not definition.preview_every:
        return None
    every, length = parse_duration(definition.preview_every), parse_duration(definition.duration or "")
    assert isinstance(every, Duration)  # noqa: S101  they were checked when they were saved
    assert isinstance(length, Duration)  # noqa: S101
    return spacing(every, length)


def ticks_around(
    anchor: datetime, every: Duration, now: datetime, zone: ZoneInfo
) -> tuple[datetime | None, datetime | None]:
    """The last tick up to `now` and the first one after it; ticks are `anchor + every`, `anchor + 2 * every`, ..."""
    if now < anchor:
        return None, _tick(anchor, every, 1, zone)
    low, high = 0, 1
    while high < MOST_TICKS and (tick := _tick(anchor, every, high, zone)) and tick <= now:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        tick = _tick(anchor, every, middle, zone)
        low, high = (middle, high) if tick and tick <= now else (low, middle)
    return (_tick(anchor, every, low, zone) if low else None), _tick(anchor, every, high, zone)


def _tick(anchor: datetime, every: Duration, number: int, zone: ZoneInfo) -> datetime | None:
    try:
        return advance(anchor, every, number, zone)
    except ScheduleOverflowError:
        return None
