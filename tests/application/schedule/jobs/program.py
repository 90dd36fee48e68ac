"""A whole program for jobs to run in: a log's writer, the projections' follower, campaigns that decide, and reads."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from msgspec import Struct
from psycopg_pool import AsyncConnectionPool

from application.campaigns.award_policy import AwardPolicy
from application.catalogue.commands import ensure_default_account
from application.definitions.catalogue import Catalogue
from application.facts import ingest
from application.log.batch import Commit
from application.log.mapper import Mapper
from application.log.wakeup import CHANNEL as LOG_CHANNEL
from application.log.wakeup import listening
from application.log.working import Command
from application.log.writer import Writer
from application.reads import Reads, nothing, reach
from application.service.clock import Clock, SandboxClock, SystemClock, settle_sandbox
from application.streams import KINDS
from application.tiered import commands as tiered_campaigns
from domain.facts.purchase import Purchase
from domain.facts.transaction import Status
from projections.engine.follower import Follower
from projections.engine.positions import CHANNEL as PROJECTIONS_CHANNEL
from projections.engine.positions import Positions
from projections.readers import reads
from projections.registry import PROJECTIONS
from tests.support.campaigns import definition

RULES = ingest.Rules()


class Running(Struct):
    """One process's part of a program; any number of them share a database."""

    conninfo: str
    writer: Writer
    catalogue: Catalogue
    clock: Clock
    reads: Reads
    pool: AsyncConnectionPool
    mapper: Mapper
    policy: AwardPolicy

    @property
    def sandbox(self) -> SandboxClock:
        assert isinstance(self.clock, SandboxClock)
        return self.clock

    async def campaign(self, **fields: Any) -> UUID:
        """Defines and activates a tiered campaign; with nothing else said, its only occurrence is over and due."""
        campaign = uuid4()
        start = datetime.now(UTC) - timedelta(days=10)
        once: dict[str, Any] = {"starts_at": start, "duration": "9 days", "grace_period": "0 days", "occurrences": 1}
        defined = definition(**(once | fields))
        await self.writer.submit(lambda working: tiered_campaigns.define(working, campaign, defined))
        await self.writer.submit(lambda working: tiered_campaigns.activate(working, campaign))
        return campaign

    async def buy(self, purchases: Sequence[Purchase], status: Status = Status.ACCEPTED) -> None:
        for first in range(0, len(purchases), 1000):
            commands = [receiving(purchase, status) for purchase in purchases[first : first + 1000]]
            for outcome in await self.writer.submit_many(commands):
                assert isinstance(outcome, Commit), outcome

    async def caught_up(self) -> None:
        await reach(self.reads.positions, (await self.writer.submit(nothing)).position)

    async def rows(self, query: Any, *parameters: object) -> list[tuple[Any, ...]]:
        async with self.pool.connection() as connection:
            return await (await connection.execute(query, parameters)).fetchall()

    async def awards(self, campaign: UUID) -> dict[tuple[int, str], list[Decimal]]:
        """What the log's own fold says was awarded, by occurrence and member."""
        await self.caught_up()
        found: dict[tuple[int, str], list[Decimal]] = {}
        query = "select occurrence, member, points from p_decisions.decisions where campaign = %s order by position"
        for occurrence, member, points in await self.rows(query, campaign):
            found.setdefault((occurrence, member), []).append(points)
        return found


async def until(true: Callable[[], Awaitable[object]], seconds: float = 120) -> None:
    async with asyncio.timeout(seconds):
        while not await true():  # noqa: ASYNC110  other processes do what is waited for
            await asyncio.sleep(0.02)


def receiving(purchase: Purchase, status: Status) -> Command:
    return lambda working: ingest.receive_transaction(working, purchase, status, RULES)


@asynccontextmanager
async def running(conninfo: str, *, follows: bool = True, sandbox: bool = False) -> AsyncIterator[Running]:
    async with AsyncConnectionPool(conninfo, min_size=1, max_size=8, open=False, kwargs={"autocommit": True}) as pool:
        clock: Clock = SystemClock()
        if sandbox:
            async with pool.connection() as connection:
                await settle_sandbox(connection, wanted=True)
            clock = SandboxClock(pool)
            await clock.read()
        catalogue, mapper = Catalogue("UTC"), Mapper(KINDS)
        writer = Writer(conninfo, mapper, catalogue, clock=clock.read)
        await writer.start()
        await writer.submit(ensure_default_account)
        positions = Positions(conninfo)
        following = asyncio.create_task(positions.run())
        follower = Follower(conninfo, mapper, PROJECTIONS)
        writer.listeners.append(lambda _: follower.wake())
        awards = AwardPolicy(conninfo, mapper, writer, pool)
        writer.listeners.append(lambda _: awards.wake())
        tasks = [following]
        if follows:
            follower.start()
            tasks.append(asyncio.create_task(awards.run()))
        wakes = {LOG_CHANNEL: awards.wake, PROJECTIONS_CHANNEL: positions.wake}
        try:
            async with listening(conninfo, wakes):
                yield Running(conninfo, writer, catalogue, clock, reads(pool, positions, mapper), pool, mapper, awards)
        finally:
            if follows:
                await asyncio.to_thread(follower.stop)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await awards.stop()
            await writer.stop()
