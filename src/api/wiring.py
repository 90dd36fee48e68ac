"""A running program: everything that settings ask for, started in order and stopped in reverse."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from psycopg_pool import AsyncConnectionPool

from api.services import Check, Services
from application.catalogue import Catalogue
from application.clock import Clock, SandboxClock, SystemClock, settle_sandbox
from application.definitions import ensure_default_account
from application.keys import Keys
from application.log.mapper import Mapper
from application.log.writer import Writer
from application.migrate import migrate
from application.postgres.connection import connect_async, named, reach_database
from application.settings import Settings
from application.streams import KINDS
from projections.follower import Follower
from projections.positions import Positions
from projections.registry import PROJECTIONS

READ_CONNECTIONS = 8
READ_SECONDS = 30
"""A read that takes longer is ended by the database: none of them should."""


@asynccontextmanager
async def running(settings: Settings, *, works: bool) -> AsyncIterator[Services]:
    """Reaches and upgrades the database, then runs what serves requests and, where it `works`, what goes on by itself.

    Raises PostgresUnavailable, MigrationError, SandboxRefusedError.
    """
    async with AsyncExitStack() as stack:
        conninfo = await asyncio.to_thread(stack.enter_context, reach_database(settings.database_url, settings.data))
        await asyncio.to_thread(migrate, conninfo)
        connection = await connect_async(conninfo, "laurel sandbox")
        async with connection:
            await settle_sandbox(connection, wanted=settings.sandbox)
        pool = await stack.enter_async_context(_read_pool(conninfo))
        sandbox = SandboxClock(pool) if settings.sandbox else None
        if sandbox:
            await sandbox.refresh()
        clock: Clock = sandbox or SystemClock()
        catalogue = Catalogue(settings.time_zone.key)
        mapper = Mapper(KINDS)
        writer = Writer(conninfo, mapper, catalogue, clock=clock.now)
        await writer.start()
        stack.push_async_callback(writer.stop)
        await writer.submit(ensure_default_account, actor="laurel")
        positions = Positions(conninfo)
        await stack.enter_async_context(_task(positions.run(), "laurel positions"))
        follower = Follower(conninfo, mapper, PROJECTIONS)
        if works:
            follower.start()
            stack.callback(follower.stop)
            writer.listeners.append(lambda _: follower.wake())
        yield Services(
            settings=settings,
            clock=clock,
            keys=Keys(pool, settings.admin_key),
            positions=positions,
            sandbox=sandbox,
            checks=(_database_check(pool), _projections_check(positions)),
        )


@asynccontextmanager
async def _read_pool(conninfo: str) -> AsyncIterator[AsyncConnectionPool]:
    pool = AsyncConnectionPool(
        named(conninfo, "laurel reads"),
        min_size=1,
        max_size=READ_CONNECTIONS,
        open=False,
        kwargs={"autocommit": True, "options": f"-c statement_timeout={READ_SECONDS}s"},
    )
    async with pool:
        yield pool


@asynccontextmanager
async def _task(work: object, name: str) -> AsyncIterator[None]:
    task = asyncio.create_task(work, name=name)  # type: ignore[arg-type]
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
