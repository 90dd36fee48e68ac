"""What is due, carried out: acceptances, counts after edits, previews and evaluations."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from itertools import groupby
from uuid import UUID

from msgspec.structs import replace

from application.facts import ingest
from application.facts.recounting import recount
from application.log.working import Command
from application.log.writer import Writer
from application.reads import Acceptance, Reads, nothing, reach
from application.schedule.plan import Due, DueEvaluation, DueRecount, Plan, Planner, ScheduledPreview, _log
from application.service import actors
from application.service.refusals import Conflict
from application.tiered import commands as tiered_campaigns
from application.tiered.evaluation import EvaluationRun, Progress, evaluate
from application.tiered.previews import compute
from domain.tiered.preview import Status

CHUNK_ACCEPTANCES = 500


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
    ) -> EvaluationRun | Status | int | None:
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

    async def _evaluate(self, item: DueEvaluation, plan: Plan, progress: Progress) -> EvaluationRun | None:
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
