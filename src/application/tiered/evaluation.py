"""The evaluation of an occurrence: its fence, then awards for all its standings, in chunks, then its end.

It may be killed at any instant and run by any number of workers: behind the fence no standing appears or changes
without being awarded first, every award is decided by its standing's own state, and the end is recorded once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

from msgspec import Struct

from application.log.batch import Commit
from application.log.envelope import Origin
from application.log.writer import Writer
from application.reads import Awards, Standings, reach
from application.service import actors
from application.streams import TIERED_OCCURRENCE
from application.tiered import commands as tiered_campaigns
from domain.tiered.occurrence import Phase, TieredOccurrence

CHUNK_MEMBERS = 500
CHUNKS_IN_FLIGHT = 4
"""So many awards at most delay a command that comes between, as they may be decided in one batch."""

SWEEPS = 10

Progress = Callable[[int, int], Awaitable[None]]
"""Told how many are done and how many there are in all."""


class EvaluationRun(Struct, frozen=True, gc=False):
    """A finished evaluation. `awarded` are those of this run alone, `awards` all that the occurrence has."""

    awarded: int
    awards: Awards
    position: int


class Unfinished(Exception):  # noqa: N818  named for what happened
    """Standings that are not awarded kept appearing behind the fence, which can't be."""


async def evaluate(
    writer: Writer, standings: Standings, campaign: UUID, number: int, progress: Progress
) -> EvaluationRun | None:
    """Pays an occurrence; None while its campaign does not let it be evaluated.

    Raises Behind when the projections do not follow, and what the log raises; it may be run again after any of it.
    """
    start = partial(tiered_campaigns.start_evaluation, campaign_id=campaign, number=number)
    fence = await writer.submit(start, actor=actors.EVALUATION)
    occurrence: TieredOccurrence | None = fence.answer
    if occurrence is None:
        return None
    origin = await standings.origin(TIERED_OCCURRENCE.at(campaign, number).id, 1)
    await reach(standings, fence.position)
    awarded = 0
    if occurrence.phase is Phase.EVALUATING:
        awarded = await _sweep(writer, standings, campaign, number, origin, progress)
    awards = await standings.awards(campaign, number)
    end = await writer.submit(
        partial(
            tiered_campaigns.finish_evaluation,
            campaign_id=campaign,
            number=number,
            members=awards.members,
            points=awards.points,
        ),
        actor=actors.EVALUATION,
        origin=origin,
    )
    return EvaluationRun(awarded, awards, end.position)


async def _sweep(
    writer: Writer, standings: Standings, campaign: UUID, number: int, origin: Origin, progress: Progress
) -> int:
    """Awards until none is left; the second pass, over what the first one left, finds nothing."""
    awarded = 0
    for _ in range(SWEEPS):
        chunks = _Chunks(writer, standings, campaign, number, origin, progress)
        await chunks.run()
        if not chunks.read:
            return awarded
        awarded += chunks.awarded
        await reach(standings, chunks.position)
    raise Unfinished(f"occurrence {number} of {campaign} still has standings to award after {SWEEPS} sweeps")


class _Chunks:
    """One pass over the standings that are not awarded. What it awards answers to the fence, its `origin`."""

    def __init__(
        self, writer: Writer, standings: Standings, campaign: UUID, number: int, origin: Origin, progress: Progress
    ) -> None:
        self._writer = writer
        self._standings = standings
        self._campaign = campaign
        self._number = number
        self._origin = origin
        self._progress = progress
        self._under_way: set[asyncio.Task[Commit]] = set()
        self.read = 0
        self.awarded = 0
        self.position = 0

    async def run(self) -> None:
        chunk = await self._following("")
        if not chunk:
            return
        before = (await self._standings.awards(self._campaign, self._number)).members
        total = before + await self._standings.left(self._campaign, self._number)
        try:
            while chunk:
                self.read += len(chunk)
                self._under_way.add(asyncio.create_task(self._award(chunk)))
                if len(self._under_way) >= CHUNKS_IN_FLIGHT:
                    await self._settle(asyncio.FIRST_COMPLETED)
                    await self._progress(before + self.awarded, total)
                chunk = await self._following(chunk[-1])
            if self._under_way:
                await self._settle(asyncio.ALL_COMPLETED)
        finally:
            for task in self._under_way:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._progress(total, total)

    async def _following(self, member: str) -> list[str]:
        return await self._standings.unawarded(self._campaign, self._number, member, CHUNK_MEMBERS)

    async def _award(self, members: list[str]) -> Commit:
        award = partial(tiered_campaigns.award, campaign_id=self._campaign, number=self._number, member_ids=members)
        return await self._writer.submit(award, actor=actors.EVALUATION, origin=self._origin, bulk=True)

    async def _settle(self, when: str) -> None:
        done, self._under_way = await asyncio.wait(self._under_way, return_when=when)
        for committed in [task.result() for task in done]:
            self.awarded += committed.answer
            self.position = max(self.position, committed.position)
