"""Forming a batch: its commands decided as if one after the other, with few loads for all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from itertools import islice
from time import monotonic
from typing import Any

from application.log.batch import BatchCommand, Decision
from application.log.cache import Cache, Kept
from application.log.errors import Cold, LoadsTooDeep, LogError
from application.log.mapper import Mapper
from application.log.working import Seen, Working

BATCH_EVENTS = 4_000
BATCH_BYTES = 16 * 1024 * 1024
LOADS = 32
LOAD_STREAMS = 20_000
DECIDE_SECONDS = 0.01
"""How long the event loop's other work waits for commands being decided."""

Load = Callable[[list[bytes]], Awaitable[dict[bytes, Kept | LogError]]]


class _OutOfOrder(Exception):  # noqa: N818  a way of going that did not work out
    """A command that waited for its streams met what a later one had done."""


class _Knowledge:
    """The cache, and what this batch has loaded, which must not be evicted while the batch is formed."""

    def __init__(self, cache: Cache, mapper: Mapper) -> None:
        self._find = cache.find
        self._decode = mapper.decode_state
        self.loaded: dict[bytes, Kept | LogError] = {}

    def knows(self, key: bytes) -> bool:
        return key in self.loaded or self._find(key) is not None

    def find(self, key: bytes) -> Seen | None:
        kept = self.loaded.get(key) or self._find(key)
        if kept is None:
            return None
        if isinstance(kept, LogError):
            raise kept
        version, kind, state = kept
        return version, self._decode(kind, state) if version else None


class Deciding:
    """One batch while it is formed.

    A command that asks for streams that are not loaded waits until one load has fetched what all of them ask for, and
    those after it go on, as long as they touch none of the streams that it has touched. Should it turn out, once it
    runs, to touch what a later one has seen, everything is taken back and decided strictly one after the other.
    """

    def __init__(self, mapper: Mapper, cache: Cache, load: Load, now: datetime, catalogue: Any) -> None:  # noqa: ANN401  injected
        self._mapper = mapper
        self._cache = cache
        self._load = load
        self._now = now
        self._catalogue = catalogue
        self._known = _Knowledge(cache, mapper)
        self._yielded = monotonic()

    async def decide(self, jobs: list[BatchCommand]) -> tuple[list[Decision], list[BatchCommand]]:
        """What was decided, in the order of the jobs, and the jobs left for the next batch. Settles hopeless ones."""
        await self._fetch(key for job in jobs for key in job.required)
        try:
            return await self._decide_freely(jobs)
        except _OutOfOrder:
            return await self._decide_strictly(jobs)

    async def _decide_freely(self, jobs: list[BatchCommand]) -> tuple[list[Decision], list[BatchCommand]]:
        working = Working(self._mapper, self._known, self._now, self._catalogue)
        room = _Room()
        decided: list[Decision | None] = [None] * len(jobs)
        waiting, end, lap = list(range(len(jobs))), len(jobs), 0
        while waiting:
            missing: list[bytes] = []
            postponed: list[int] = []
            lap += 1
            for number in waiting:
                if lap == 1 and room.closed:
                    end = number
                    break
                try:
                    decision = _run(jobs[number], working)
                except Cold as cold:
                    missing += cold.keys
                    if _may_wait(jobs[number]):
                        postponed.append(number)
                        _mark(working, lap)
                    continue
                if postponed and any(held.lap == lap for held in working.touched):
                    working.take_back()
                    postponed.append(number)
                    _mark(working, lap)
                    continue
                if postponed or lap > 1:
                    if lap > 1 and number + 1 < end and working.changes_catalogue:
                        raise _OutOfOrder
                    _keep_order(decision, number)
                decided[number] = decision
                room.take(decision, working)
                if not number % 16:
                    await self._let_others_run()
            await self._fetch(missing)
            waiting = postponed
        return [decision for decision in decided if decision], jobs[end:]

    async def _decide_strictly(self, jobs: list[BatchCommand]) -> tuple[list[Decision], list[BatchCommand]]:
        working = Working(self._mapper, self._known, self._now, self._catalogue)
        room = _Room()
        decisions: list[Decision] = []
        for number, job in enumerate(jobs):
            if room.closed:
                return decisions, jobs[number:]
            if job.loads > LOADS:
                continue
            decision = await self._run_loading(job, working)
            if decision is not None:
                decisions.append(decision)
                room.take(decision, working)
            await self._let_others_run()
        return decisions, []

    async def _run_loading(self, job: BatchCommand, working: Working) -> Decision | None:
        while True:
            try:
                return _run(job, working)
            except Cold as cold:
                missing = cold.keys
            if not _may_wait(job):
                return None
            await self._fetch(missing)

    async def _fetch(self, keys: Iterable[bytes]) -> None:
        wanted = list(islice(dict.fromkeys(keys), LOAD_STREAMS))
        if not wanted:
            return
        loaded = await self._load(wanted)
        self._known.loaded.update(loaded)
        for key, kept in loaded.items():
            if not isinstance(kept, LogError):
                self._cache.put(key, kept)

    async def _let_others_run(self) -> None:
        if monotonic() - self._yielded > DECIDE_SECONDS:
            await asyncio.sleep(0)
            self._yielded = monotonic()


class _Room:
    """What a batch may still take. What changes the catalogue ends it, as those after it must see the new one."""

    def __init__(self) -> None:
        self._events = BATCH_EVENTS
        self._bytes = BATCH_BYTES
        self.closed = False

    def take(self, decision: Decision, working: Working) -> None:
        self._events -= len(decision.rows)
        self._bytes -= working.bytes
        self.closed |= self._events <= 0 or self._bytes <= 0 or working.changes_catalogue


def _run(job: BatchCommand, working: Working) -> Decision:
    working.begin()
    try:
        answer = job.command(working)
    except Cold:
        working.take_back()
        raise
    except Exception as refusal:  # noqa: BLE001  whatever a command raises is its answer
        working.take_back()
        return Decision(job, None, refusal, working.touched, [])
    return Decision(job, answer, None, working.touched, working.rows)


def _may_wait(job: BatchCommand) -> bool:
    """Whether the command may have one more load; otherwise it is settled."""
    job.loads += 1
    if job.loads > LOADS:
        job.settle(LoadsTooDeep(LOADS))
    return job.loads <= LOADS


def _mark(working: Working, lap: int) -> None:
    for held in working.touched:
        held.lap = lap


def _keep_order(decision: Decision, number: int) -> None:
    for held in decision.touched:
        if held.last > number:
            raise _OutOfOrder
        held.last = number
