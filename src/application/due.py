"""What is due: acceptances, scheduled previews and evaluations that time alone brings about, in order of their time.

Before all of it, whatever an edit's terms count again.

At one instant acceptances come first, then previews, then evaluations. Of scheduled previews that were missed only
the latest is made. A paused campaign has nothing due but an evaluation that has begun; the rest is due when it is
active again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from application import actors, ingest, tiered_campaigns
from application.catalogue import Catalogue
from application.clock import SandboxClock
from application.evaluation import Progress, Run, evaluate
from application.log.working import Command, Working
from application.log.writer import Writer
from application.previews import compute
from application.reads import Acceptance, Awarding, Reads, nothing, reach, reach_awards
from application.recounting import recount
from application.refusals import Conflict
from application.streams import PREVIEW
from domain.tiered.campaign import TieredCampaign
from domain.tiered.definition import Definition
from domain.tiered.occurrence import Phase
from domain.tiered.preview import Status, spacing
from domain.values.duration import Duration, ScheduleOverflowError, advance, parse_duration

_FIRST = datetime.min.replace(tzinfo=UTC)
CHUNK_ACCEPTANCES = 500
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


async def no_progress(_done: int, _total: int) -> None:
    """For runs that nobody watches."""


class Doing:
    """Does what is due, each item fully. Every item may be done any number of times, by any number of workers."""

    def __init__(self, writer: Writer, reads: Reads) -> None:
        self._writer = writer
        self._reads = reads
        self._planner = Planner()

    async def settled(self) -> None:
        """Waits until everything that is read shows all that is recorded now. Raises Behind."""
        await reach(self._reads.positions, await self._recorded())

    async def _recorded(self) -> int:
        """The position of what was recorded last."""
        return (await self._writer.submit(nothing)).position

    async def plan(self) -> Plan:
        planned = await self._writer.submit(self._planner.plan)
        plan: Plan = planned.answer
        return replace(plan, position=planned.position)

    async def do(
        self, item: Due, progress: Progress = no_progress, plan: Plan | None = None
    ) -> Run | Status | int | None:
        """Answers what came of it. The acceptances that come before it are done first. `plan` is one that it is in."""
        if isinstance(item, DueRecount):
            return await self.recount(item.campaign, progress)
        await self.accept(item.at, position=plan.position if plan else None)
        plan = plan or await self.plan()
        if plan.recount_of(item.campaign):
            await self.recount(item.campaign)
        if isinstance(item, ScheduledPreview):
            return await self._preview(item, progress)
        return await self._evaluate(item, plan, progress)

    async def recount(self, campaign: UUID, progress: Progress = no_progress) -> int:
        return await recount(self._writer, self._reads.standings, campaign, progress)

    async def _preview(self, tick: ScheduledPreview, progress: Progress) -> Status | None:
        """None when there was nothing to preview."""
        if not await self._requested(tick):
            return None
        return await compute(self._writer, self._reads.previews, tick.preview, progress)

    async def _evaluate(self, item: DueEvaluation, plan: Plan, progress: Progress) -> Run | None:
        """None while the campaign does not let it be evaluated. Its campaign's preview that is due before is frozen
        before the fence.
        """
        for other in plan.due:
            if isinstance(other, ScheduledPreview) and other.campaign == item.campaign and other.at <= item.at:
                await self._requested(other)
        return await evaluate(self._writer, self._reads.standings, item.campaign, item.occurrence, progress)

    async def _requested(self, tick: ScheduledPreview) -> bool:
        request = partial(
            tiered_campaigns.request_preview,
            campaign_id=tick.campaign,
            preview_id=tick.preview,
            scheduled_for=tick.at,
        )
        try:
            await self._writer.submit(request, actor=actors.PREVIEW)
        except Conflict as conflict:
            if conflict.code != "nothing_to_preview":
                raise
            return False
        return True

    async def accept(
        self,
        until: datetime,
        advance: Callable[[datetime, int], Awaitable[object]] | None = None,
        position: int | None = None,
    ) -> int:
        """Accepts what is due by an instant, of the transactions recorded up to a position or by now. Answers how many
        it were; `advance` is told the time of each before it happens, and the position of what happened before.
        """
        facts = self._reads.facts
        position = await self._recorded() if position is None else position
        accepted = 0
        failed: set[Acceptance] = set()
        while True:
            await reach(facts, position)
            due = await facts.due_acceptances(until, CHUNK_ACCEPTANCES + len(failed))
            if failed.issuperset(due):
                return accepted
            for at, together in groupby(due, key=_instant) if advance else ((until, due),):
                if advance:
                    await advance(at, position)
                items = list(together)
                outcomes = await self._writer.submit_many(
                    [_acceptance(item) for item in items],
                    actor=actors.AUTO_ACCEPTANCE,
                    origins=[item.origin for item in items],
                    bulk=True,
                )
                for item, outcome in zip(items, outcomes, strict=True):
                    if isinstance(outcome, Exception):
                        failed.add(item)
                        _log.error("an acceptance failed: %s", outcome)
                    else:
                        accepted += 1
                        position = max(position, outcome.position)


def _instant(acceptance: Acceptance) -> datetime:
    return acceptance.at


def _acceptance(due: Acceptance) -> Command:
    return partial(ingest.accept, transaction_id=due.transaction, at=due.at)


class Sandbox:
    """Moves a sandbox's clock, with everything that is due on the way happening at its time and in order.

    What campaigns fire on is decided before the clock moves on.
    """

    def __init__(self, doing: Doing, awarding: Awarding, clock: SandboxClock) -> None:
        self._doing = doing
        self._awarding = awarding
        self._clock = clock
        self._turn = asyncio.Lock()

    async def happen(self, until: datetime) -> None:
        """Raises BackwardsError when the clock stands later already. Once done, everything that is read shows it."""
        async with self._turn:
            if until < await self._clock.read():
                await self._clock.move(until)
            await self._go(until)
            await self._doing.settled()

    async def _go(self, until: datetime) -> None:
        done: set[Due] = set()
        while True:
            plan = await self._doing.plan()
            now = self._clock.now()
            due = [item for item in plan.due if item not in done]
            for item in due:
                await self._doing.do(item, plan=plan)
            done.update(due)
            upcoming = min(plan.next_at or until, until)
            if due or await self._doing.accept(upcoming, self._advance, plan.position):
                continue
            await self._decided(plan.position)
            if now == until:
                return
            await self._clock.move(upcoming)

    async def _advance(self, to: datetime, position: int) -> None:
        if to > self._clock.now():
            await self._decided(position)
            await self._clock.move(to)

    async def _decided(self, position: int) -> None:
        await reach_awards(self._awarding, position)
