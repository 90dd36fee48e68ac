"""The award policy: follows the log, and has campaigns decide everything that was triggered, in order and once.

Of the processes that work one leads, by a lease in the database: what one decides alone is never decided in vain. No
more hangs on it: each batch is decided by the state of the policy's own stream, so that two that lead, and one that
dies at any instant, decide nothing twice and leave nothing out.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from application.campaigns.awarding import BatchOutcome, Overtaking, TriggerBatch, decide_batch, pass_by
from application.campaigns.cancellation import cancel_grant
from application.campaigns.triggers import Look, Triggers, look
from application.log.errors import LogError
from application.log.events import Recorded
from application.log.mapper import Mapper
from application.log.reader import read_versions
from application.log.wakeup import woken
from application.log.writer import Writer
from application.postgres.connection import TROUBLE, connect_async
from application.reads import nothing
from application.service import actors
from application.service.leadership import CANDIDATE_SECONDS, LEASE_SECONDS, Lease
from domain.campaigns.award_policy import Decided

LEASE = "awards"
SPACING_SECONDS = 0.01
"""Between looks that leave nothing to decide: what many small commands trigger is decided together."""
IDLE_SECONDS = 0.2
"""The same while no campaign is active and nobody waits."""
OBSERVING_SECONDS = 0.02
PASSED_UNRECORDED = 100_000
"""So many events without a trigger are passed at most before that is recorded: whoever leads next reads them again."""
SEED_BYTES = 32

_LOST = (*TROUBLE, LogError)

_log = logging.getLogger("laurel.awards")


def _seed() -> bytes:
    return secrets.token_bytes(SEED_BYTES)


class AwardPolicy:
    """`position` is how far everything is decided, and `head` how far the log goes, both as known in this process;
    `failure` says why it does not go on.

    `run` is a task of those processes that work. Any process may ask.
    """

    def __init__(
        self,
        conninfo: str,
        mapper: Mapper,
        writer: Writer,
        pool: AsyncConnectionPool,
        seed: Callable[[], bytes] = _seed,
    ) -> None:
        self.position = 0
        self.head = 0
        self.leads = False
        self.failure: str | None = None
        self._lease = Lease(conninfo, LEASE)
        self._conninfo = conninfo
        self._mapper = mapper
        self._writer = writer
        self._pool = pool
        self._seed = seed
        self._triggers = Triggers(mapper)
        self._watched = Triggers(mapper)
        self._awake = asyncio.Event()
        self._asked = asyncio.Event()
        self._moved = asyncio.Condition()
        self._waiting = 0
        self._observer: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """The log may have grown. To be called in the event loop."""
        self._awake.set()

    async def awarded(self, position: int, seconds: float) -> bool:
        """Waits until everything that was triggered up to a position is decided, at most so many seconds."""
        with suppress(TimeoutError, *_LOST):
            async with asyncio.timeout(seconds):
                await self._wait_for(position)
        return self.position >= position

    async def covered(self, position: int, seconds: float) -> int | None:
        """As `awarded`; a position that covers what was decided, None where it was not."""
        if not await self.awarded(position, seconds):
            return None
        return (await self._writer.submit(nothing)).position

    async def _wait_for(self, position: int) -> None:
        async with self._moved:
            self._waiting += 1
            self._asked.set()
            try:
                if self.position < position and (self._observer is None or self._observer.done()):
                    self._observer = asyncio.create_task(self._observe(), name="laurel awards observer")
                await self._moved.wait_for(lambda: self.position >= position)
            finally:
                self._waiting -= 1

    async def stop(self) -> None:
        """Ends what was begun for those who wait."""
        if self._observer is not None:
            self._observer.cancel()
            with suppress(asyncio.CancelledError):
                await self._observer

    async def _observe(self) -> None:
        """While someone waits and this process does not lead: finds out how far the one that does has come."""
        while self._waiting:
            if not self.leads:
                with suppress(*_LOST):
                    seen = await self._look()
                    async with self._pool.connection() as connection:
                        turn = await self._watched.next(connection, max(self.position, seen.recorded.position), seen)
                    await self._move(turn.undecided - 1)
            await asyncio.sleep(OBSERVING_SECONDS)

    async def run(self) -> None:
        """For ever: what is wrong with the database or the log is over some time, and until then `failure` says it."""
        self._lease.start()
        try:
            while True:
                await self._lead_once()
                await asyncio.sleep(self._lease.rest_seconds)
        finally:
            await asyncio.to_thread(self._lease.stop)

    async def _lead_once(self) -> None:
        """Until another leads, or something goes wrong: the other may do better."""
        try:
            await self._elected()
            async with await connect_async(self._conninfo, "laurel awards") as connection:
                await self._lead(connection)
        except Exception as error:  # noqa: BLE001  nobody else would decide
            self.failure = f"{type(error).__name__}: {error}".strip()
            self._lease.resign(error)
            _log.warning("awards interrupted, to be gone on with: %s", self.failure)
        finally:
            self.leads = False

    async def _elected(self) -> None:
        begun = monotonic()
        while not self._lease.ask():
            if monotonic() - begun > LEASE_SECONDS:
                self.failure = None
            await asyncio.sleep(CANDIDATE_SECONDS)

    async def _lead(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self.leads = True
        while self._lease.ask():
            self._awake.clear()
            more = await self.step(connection)
            self.failure = None
            self._lease.worked()
            if not more:
                await self._pause()
                await woken(self._awake)

    async def _pause(self) -> None:
        await asyncio.sleep(SPACING_SECONDS)
        if not self._triggers.fires and not self._waiting:
            self._asked.clear()
            await woken(self._asked, IDLE_SECONDS)

    async def step(self, connection: psycopg.AsyncConnection[Any]) -> bool:
        """Decides what was triggered next, as much as is decided at once. Says whether there may be more."""
        seen = await self._look()
        start = max(self.position, seen.recorded.position)
        if start - seen.recorded.position > PASSED_UNRECORDED:
            await self._writer.submit(
                partial(pass_by, recorded=seen.recorded, position=start), actor=actors.AWARD_POLICY
            )
            return True
        turn = await self._triggers.next(connection, start, seen)
        if turn.cancellation:
            await self._cancel(connection, seen.recorded, turn.cancellation)
        elif turn.fired:
            fired, catalogue = tuple(turn.fired), self._triggers.catalogue
            await self._decide(TriggerBatch(seen.recorded, turn.last, fired, catalogue, turn.supplies))
        else:
            await self._move(turn.last)
            return False
        return True

    async def _look(self) -> Look:
        committed = await self._writer.submit(look)
        seen: Look = committed.answer
        self.head = max(self.head, committed.position)
        return Look(seen.recorded, seen.changed, seen.time_zone, committed.position)

    async def _decide(self, batch: TriggerBatch) -> None:
        """All of it, by as many commands as it takes, unless someone else has decided some."""
        while True:
            command = partial(decide_batch, batch=batch, seed=self._seed())
            # what is one event for all of them, such as the budget's, answers to the first
            origin = batch.fired[0].origin
            outcome = (await self._writer.submit(command, actor=actors.AWARD_POLICY, origin=origin, bulk=True)).answer
            if not isinstance(outcome, BatchOutcome):
                return
            reached = outcome.recorded.position
            await self._move(reached)
            left = tuple(one for one in batch.fired if one.trigger.position > reached)
            if not left:
                return
            batch = TriggerBatch(outcome.recorded, batch.upto, left, batch.catalogue, batch.supplies)

    async def _cancel(self, connection: psycopg.AsyncConnection[Any], recorded: Decided, request: Recorded) -> None:
        """In the name of whoever asked for it."""
        (granted,) = await read_versions(connection, self._mapper, [(request.stream, request.event.granted)])
        command = partial(cancel_grant, recorded=recorded, granted=granted.event, request=request)
        outcome = await self._writer.submit(command, actor=request.envelope.actor, origin=request.origin)
        if not isinstance(outcome.answer, Overtaking):
            await self._move(request.position)

    async def _move(self, position: int) -> None:
        if self.leads:
            self._lease.ask()
        if position > self.position:
            async with self._moved:
                self.position = max(self.position, position)
                self._moved.notify_all()
