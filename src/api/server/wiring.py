"""A running program: everything that settings ask for, started in order and stopped in reverse."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from api.http.commands import commands_over
from api.http.services import Imports, ReadAccess, RunningProgram
from api.routes.service.projections import RebuildThreads
from api.server.lag import Following
from api.server.readiness import Look, ProjectionsLook, Readiness, WriterLook, look_at_awards, look_at_log
from application.campaigns.award_policy import AwardPolicy
from application.catalogue.commands import ensure_default_account
from application.definitions.catalogue import Catalogue
from application.facts.ingest import Rules
from application.imports.importing import ImportIntake
from application.imports.job import ImportHandler
from application.imports.storage import ImportStorage
from application.log.mapper import Mapper
from application.log.wakeup import CHANNEL as LOG_CHANNEL
from application.log.wakeup import listening
from application.log.writer import Writer
from application.postgres.connection import connect_async, pool_of, reach_database, recovering
from application.schedule.jobs.kinds import due_handlers, preview_order
from application.schedule.jobs.scheduler import Scheduler
from application.schedule.jobs.store import JobKind, JobStore, open_store
from application.schedule.jobs.work import work
from application.schedule.run import Doing
from application.schedule.sandbox import Sandbox
from application.service import actors
from application.service.clock import Clock, SandboxClock, SystemClock, settle_sandbox
from application.service.keys import Keys
from application.service.migrate import migrate
from application.service.settings import Settings
from application.streams import KINDS
from projections import readers
from projections.engine.follower import Follower
from projections.engine.positions import CHANNEL as PROJECTIONS_CHANNEL
from projections.engine.positions import Positions
from projections.registry import PROJECTIONS

CONNECTIONS = 8
STATEMENT_SECONDS = 15
"""A statement that takes longer is ended by the database: none of them should."""
PAGE_COST = "1.1"
"""A page by its key costs little more than the next one, on any disk of today's: the plans count on it."""
CONNECTION_SECONDS = 10.0
"""How long a read waits for a connection, also while the database is away."""


class PreviewJobs:
    """Previews are calculated by jobs."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs

    async def start(self, campaign: UUID, preview: UUID) -> None:
        await self._jobs.create(preview_order(campaign, preview))


@asynccontextmanager
async def running(settings: Settings, *, works: bool, joins: bool = False) -> AsyncIterator[RunningProgram]:
    """Reaches and upgrades the database, then runs what serves requests and, where it `works`, what goes on by itself.

    One that `joins` takes the database for the sandbox that it is, or is not.

    Raises PostgresUnavailable, MigrationError, SandboxRefusedError.
    """
    async with AsyncExitStack() as stack:
        conninfo = await _reached(settings, stack)
        await asyncio.to_thread(migrate, conninfo)
        sandboxed = await _sandboxed(conninfo, wanted=settings.sandbox or (None if joins else False))
        pool = await stack.enter_async_context(_pool(conninfo))
        sandbox = SandboxClock(pool) if sandboxed else None
        clock: Clock = sandbox or SystemClock()
        await clock.read()
        catalogue = Catalogue(settings.time_zone.key)
        mapper = Mapper(KINDS)
        writer = Writer(conninfo, mapper, catalogue, clock=clock.read)
        await writer.start()
        stack.push_async_callback(writer.stop)
        await writer.submit(ensure_default_account, actor=actors.SETUP)
        positions = Positions(conninfo)
        await stack.enter_async_context(in_background(positions.run(), "laurel positions"))
        follower = Follower(conninfo, mapper, PROJECTIONS)
        reads = readers.reads(pool, positions, mapper, follower.hurry)
        doing = Doing(writer, reads)
        awards = AwardPolicy(conninfo, mapper, writer, pool)
        stack.push_async_callback(awards.stop)
        wakes = {PROJECTIONS_CHANNEL: positions.wake}
        if works:
            follower.start()
            stack.callback(follower.stop)
            await stack.enter_async_context(in_background(awards.run(), "laurel awards"))

            def wake(_: int = 0) -> None:
                follower.wake()
                awards.wake()

            writer.listeners.append(wake)
            wakes[LOG_CHANNEL] = wake
        await stack.enter_async_context(listening(conninfo, wakes))
        jobs = await stack.enter_async_context(open_store(conninfo))
        storage = ImportStorage(pool)
        rules = Rules(settings.register_unknown_members)
        commands = commands_over(writer, pool, mapper, rules, PreviewJobs(jobs))
        intake = ImportIntake(writer, commands.facts, catalogue)
        if works:
            handlers = {**due_handlers(doing, writer, reads), JobKind.IMPORT: ImportHandler(storage, intake)}
            scheduler = Scheduler(doing, reads, jobs, clock)
            working = work(jobs, handlers, scheduler, settings.workers)
            await stack.enter_async_context(in_background(working, "laurel work"))
        looks: dict[str, Look] = {
            "log": look_at_log,
            "projections": ProjectionsLook(),
            "awards": look_at_awards,
            "writer": WriterLook(writer),
        }
        readiness = Readiness(conninfo, looks)
        stack.push_async_callback(readiness.close)
        rebuilds = RebuildThreads(conninfo, mapper)
        stack.push_async_callback(asyncio.to_thread, rebuilds.stop)
        yield RunningProgram(
            settings=settings,
            clock=clock,
            keys=Keys(pool, settings.admin_key),
            positions=positions,
            awarding=awards,
            sandbox=sandbox,
            due=Sandbox(doing, awards, sandbox).happen if sandbox else None,
            checks=readiness.checks,
            collectors=(Following(positions, awards),),
            commands=commands,
            reads=ReadAccess(pool, mapper),
            rebuilds=rebuilds,
            imports=Imports(jobs, storage, intake),
        )


async def _reached(settings: Settings, stack: AsyncExitStack) -> str:
    if settings.database_url:
        # a thread that waits would go on when the program is told to stop
        for seconds in recovering(settings.database_url):
            await asyncio.sleep(seconds)
    database = reach_database(settings.database_url, settings.data, settings.postgres_user)
    return await asyncio.to_thread(stack.enter_context, database)


async def _sandboxed(conninfo: str, *, wanted: bool | None) -> bool:
    async with await connect_async(conninfo, "laurel sandbox") as connection:
        return await settle_sandbox(connection, wanted=wanted)


@asynccontextmanager
async def _pool(conninfo: str) -> AsyncIterator[AsyncConnectionPool]:
    settings = {"statement_timeout": f"{STATEMENT_SECONDS}s", "random_page_cost": PAGE_COST}
    kwargs = {"autocommit": True}
    pool = pool_of(conninfo, "laurel service", CONNECTIONS, settings, timeout=CONNECTION_SECONDS, kwargs=kwargs)
    async with pool:
        yield pool


@asynccontextmanager
async def in_background(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
