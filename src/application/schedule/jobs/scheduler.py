"""The scheduler: looks for what is due, and queues a job for each of it. Any number of them may run."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from time import monotonic
from uuid import UUID

from application.reads import Reads
from application.schedule.jobs.kinds import acceptance_order, evaluation_order, preview_order, recount_order
from application.schedule.jobs.store import JobOrder, JobStore
from application.schedule.plan import Due, DueEvaluation, DueRecount
from application.schedule.run import Doing
from application.service.clock import Clock

LOOK_SECONDS = 1.0
"""The longest it sleeps; it wakes at the instant of what is due next when that is sooner."""

SHORTEST_SECONDS = 0.05
QUEUED_AT_ONCE = 32
"""The earliest items of what is due that one look queues; the next ones come once these are done."""

TIDY_SECONDS = 60.0
STUCK_PREVIEWS = 100


class Scheduler:
    def __init__(self, doing: Doing, reads: Reads, jobs: JobStore, clock: Clock) -> None:
        self._doing = doing
        self._reads = reads
        self._jobs = jobs
        self._clock = clock

    async def run(self) -> None:
        """For ever. Raises Behind when the projections do not follow, and what the log and the database raise."""
        await self._doing.settled()
        tidied = -TIDY_SECONDS
        while True:
            if monotonic() - tidied >= TIDY_SECONDS:
                tidied = monotonic()
                await self.tidy()
            next_at = await self.look()
            ahead = (next_at - self._clock.now()).total_seconds() if next_at else LOOK_SECONDS
            await asyncio.sleep(min(max(ahead, SHORTEST_SECONDS), LOOK_SECONDS))

    async def look(self) -> datetime | None:
        """Queues what is due now, and answers when there will be more."""
        now = await self._clock.read()
        plan = await self._doing.plan()
        for item in islice(_ready(plan.due), QUEUED_AT_ONCE):
            await self._jobs.create(_order(item))
        acceptance = await self._reads.facts.next_acceptance()
        if acceptance and acceptance <= (until := _until(plan.due, now)):
            await self._jobs.create(acceptance_order(until))
        upcoming = [at for at in (plan.next_at, acceptance) if at and at > now]
        return min(upcoming, default=None)

    async def tidy(self) -> None:
        """Queues anew the previews whose job was lost between their request and its queueing."""
        await self._jobs.prune()
        for running in await self._reads.previews.running(STUCK_PREVIEWS):
            await self._jobs.create(preview_order(running.campaign, running.preview))


def _ready(due: Iterable[Due]) -> Iterator[Due]:
    """Without the previews that come after an evaluation of their campaign: they wait for its fence."""
    begin: set[UUID] = set()
    for item in due:
        if isinstance(item, DueEvaluation):
            if not item.begun:
                begin.add(item.campaign)
            yield item
        elif isinstance(item, DueRecount) or item.campaign not in begin:
            yield item


def _order(item: Due) -> JobOrder:
    if isinstance(item, DueEvaluation):
        return evaluation_order(item)
    if isinstance(item, DueRecount):
        return recount_order(item)
    return preview_order(item.campaign, item.preview, item.at)


def _until(due: tuple[Due, ...], now: datetime) -> datetime:
    """Acceptances after an evaluation that is to begin wait for its fence."""
    return min((item.at for item in due if isinstance(item, DueEvaluation) and not item.begun), default=now)
