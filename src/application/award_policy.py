"""The award policy: follows the log, and has campaigns decide everything that was triggered, in order and once.

Of the processes that work one leads, by a lock in the database, for what one decides alone is never decided in vain. No
more hangs on it: each batch is decided by the state of the policy's own stream, so that two that lead, and one that
dies at any instant, decide nothing twice and leave nothing out.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from msgspec import Struct
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from application.awarding import (
    Batch,
    Done,
    Fired,
    Moved,
    Unlocated,
    decide_batch,
    decided,
    fired_by,
    pass_by,
    with_moves,
)
from application.log.errors import LogError
from application.log.mapper import Mapper
from application.log.reader import read_latest, read_tagged, read_versions
from application.log.wakeup import CHANNEL
from application.log.working import Working
from application.log.writer import Writer
from application.postgres.connection import connect_async
from application.postgres.errors import PostgresUnavailable
from application.streams import CAMPAIGN
from domain.award_policy import Decided
from domain.campaign import Activated
from domain.campaign_definition import CampaignTrigger
from domain.progress import Adjusted, Advanced, Completed

LEADER_LOCK = 0x6C61_0003
STANDBY_SECONDS = 0.5
POLL_SECONDS = 1.0
SPACING_SECONDS = 0.01
"""Between looks that leave nothing to decide: what many small commands trigger is decided together."""
IDLE_SECONDS = 0.2
"""The same while no campaign is active: until one is, whoever asks need not wait for it."""
OBSERVING_SECONDS = 0.02
RETRY_SECONDS = (0.1, 5.0)
"""The first and the longest wait after something went wrong; each wait is twice the last."""
TRIGGERS_AT_ONCE = 500
ACTIVATIONS_KEPT = 10_000
PASSED_UNRECORDED = 100_000
"""So many events without a trigger are passed at most before that is recorded: whoever leads next reads them again."""
ACTOR = "laurel"
SEED_BYTES = 32

_TAGS = {
    CampaignTrigger.ACHIEVEMENT_COMPLETED: {Completed.tag, Adjusted.tag},
    CampaignTrigger.ACHIEVEMENT_PROGRESSED: {Advanced.tag},
}
_LOST = (psycopg.Error, PoolTimeout, PostgresUnavailable, LogError, OSError, TimeoutError)

_log = logging.getLogger("laurel.awards")


def _seed() -> bytes:
    return secrets.token_bytes(SEED_BYTES)


class Look(Struct, frozen=True, gc=False):
    """The log as it stands at `head`: how far is `recorded` as decided, and what active campaigns fire `on`."""

    recorded: Decided
    on: frozenset[tuple[UUID, CampaignTrigger]]
    head: int = 0

    @property
    def tags(self) -> list[str]:
        """Of the events that may fire them."""
        return sorted({tag for kind in {kind for _, kind in self.on} for tag in _TAGS[kind]})


def look(working: Working) -> Look:
    """A command's decision: it records nothing, and sees the catalogue as it stands."""
    return Look(decided(working), working.catalogue.triggers())


class Found(NamedTuple):
    """The first that was triggered after a position; nothing else was up to `last`."""

    fired: list[Fired]
    last: int


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
        self._failures = 0
        self._conninfo = conninfo
        self._mapper = mapper
        self._writer = writer
        self._pool = pool
        self._seed = seed
        self._on: frozenset[tuple[UUID, CampaignTrigger]] = frozenset()
        self._activated: dict[tuple[UUID, int], int] = {}
        self._awake = asyncio.Event()
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
                await self._pass_without_campaigns(position)
                await self._wait_for(position)
        return self.position >= position

    async def _pass_without_campaigns(self, position: int) -> None:
        """Saves a program without active campaigns the wait for whoever leads."""
        if self.position < position:
            seen = await self._look()
            if not seen.on:
                await self._move(seen.head)

    async def _wait_for(self, position: int) -> None:
        async with self._moved:
            self._waiting += 1
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
                        found = await self._find(connection, seen)
                    await self._move(found.fired[0].trigger.position - 1 if found.fired else found.last)
            await asyncio.sleep(OBSERVING_SECONDS)

    async def run(self) -> None:
        """For ever: what is wrong with the database or the log is over some time, and until then `failure` says it."""
        while True:
            try:
                async with await connect_async(self._conninfo, "laurel awards") as connection:
                    await self._elected(connection)
                    async with self._listening():
                        await self._lead(connection)
            except Exception as error:  # noqa: BLE001  nobody else would decide
                self._failures += 1
                self.failure = f"{type(error).__name__}: {error}".strip()
                _log.warning("awards interrupted, to be gone on with: %s", self.failure)
            finally:
                self.leads = False
            first, longest = RETRY_SECONDS
            await asyncio.sleep(min(longest, first * 2 ** min(self._failures, 10)))

    async def _elected(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """The lock ends with the connection that also reads, so whoever has lost it reads no more."""
        while True:
            row = await (await connection.execute("select pg_try_advisory_lock(%s)", [LEADER_LOCK])).fetchone()
            if row is not None and row[0]:
                return
            self.failure = None
            await asyncio.sleep(STANDBY_SECONDS)

    async def _lead(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self.leads = True
        while True:
            self._awake.clear()
            more = await self.step(connection)
            self.failure, self._failures = None, 0
            if not more:
                await asyncio.sleep(SPACING_SECONDS if self._on else IDLE_SECONDS)
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._awake.wait()

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        """Others that write wake this one. A wake-up that is lost costs no more than a poll."""
        task = asyncio.create_task(self._listen(), name="laurel awards listener")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _listen(self) -> None:
        while True:
            with suppress(*_LOST):
                async with await connect_async(self._conninfo, "laurel awards listener") as connection:
                    await connection.execute(f"listen {CHANNEL}")
                    async for _ in connection.notifies():
                        self.wake()
            await asyncio.sleep(POLL_SECONDS)

    async def step(self, connection: psycopg.AsyncConnection[Any]) -> bool:
        """Decides what was triggered next, as much as is decided at once. Says whether there may be more."""
        seen = await self._look()
        recorded = seen.recorded.position
        start = max(self.position, recorded)
        fires_on_more = seen.on is not self._on and not seen.on <= self._on
        self._on = seen.on
        if (fires_on_more and start > recorded) or start - recorded > PASSED_UNRECORDED:
            # What was passed by for want of campaigns would else be taken for undecided by whoever asks elsewhere.
            await self._writer.submit(partial(pass_by, recorded=seen.recorded, position=start), actor=ACTOR)
            return True
        found = await self._find(connection, seen)
        if not found.fired:
            await self._move(found.last)
            return found.last < seen.head
        fired = await self._with_progress(connection, found.fired)
        await self._decide(connection, Batch(seen.recorded, found.last, tuple(fired)))
        return True

    async def _look(self) -> Look:
        committed = await self._writer.submit(look)
        seen: Look = committed.answer
        self.head = max(self.head, committed.position)
        if seen.on is not self._on:
            self._on &= seen.on
        return Look(seen.recorded, seen.on, committed.position)

    async def _find(self, connection: psycopg.AsyncConnection[Any], seen: Look) -> Found:
        """Passes by whatever no campaign fires on, in bounded steps."""
        after = max(self.position, seen.recorded.position)
        if not seen.on:
            return Found([], max(after, seen.head))
        while after < seen.head:
            page = await read_tagged(connection, self._mapper, seen.tags, after, seen.head, TRIGGERS_AT_ONCE)
            fired = [one for recorded in page.events if (one := fired_by(recorded)) and one.on in seen.on]
            if fired:
                return Found(fired, page.last)
            after = page.last
            await self._move(after)
        return Found([], after)

    async def _with_progress(self, connection: psycopg.AsyncConnection[Any], fired: list[Fired]) -> list[Fired]:
        """As `with_moves`, of what the log has before them."""
        places = [
            (one.trigger.stream, one.trigger.version - 1) for one in fired if one.trigger.fact and one.progress is None
        ]
        return with_moves(fired, await read_versions(connection, self._mapper, places))

    async def _decide(self, connection: psycopg.AsyncConnection[Any], batch: Batch) -> None:
        """All of it, by as many commands as it takes, unless someone else has decided some."""
        while True:
            outcome = await self._submit(batch)
            if isinstance(outcome, Unlocated):
                await self._locate(connection, outcome.campaigns)
                outcome = await self._submit(batch)
            if not isinstance(outcome, Done):
                return
            reached = outcome.recorded.position
            await self._move(reached)
            left = tuple(one for one in batch.fired if one.trigger.position > reached)
            if not left:
                return
            batch = Batch(outcome.recorded, batch.upto, left)

    async def _submit(self, batch: Batch) -> Done | Moved | Unlocated:
        command = partial(decide_batch, batch=batch, activated=self._activated, seed=self._seed())
        outcome: Done | Moved | Unlocated = (await self._writer.submit(command, actor=ACTOR, bulk=True)).answer
        return outcome

    async def _locate(self, connection: psycopg.AsyncConnection[Any], campaigns: Sequence[tuple[UUID, int]]) -> None:
        """Finds where in the log campaigns were last activated: their time alone would not tell what came before."""
        if len(self._activated) > ACTIVATIONS_KEPT:
            self._activated.clear()
        streams = {campaign: CAMPAIGN.of(campaign).id for campaign, _ in campaigns}
        found = await read_latest(connection, list(streams.values()), Activated.tag)
        for campaign, version in campaigns:
            self._activated[campaign, version] = found[streams[campaign]]

    async def _move(self, position: int) -> None:
        if position > self.position:
            async with self._moved:
                self.position = max(self.position, position)
                self._moved.notify_all()
