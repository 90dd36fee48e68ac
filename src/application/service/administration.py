"""Acts on the system itself, recorded like everything else, by whoever did them."""

from functools import partial
from typing import assert_never

from application.log.catalogue import NoCatalogue
from application.log.mapper import Mapper
from application.log.working import Working
from application.log.writer import Writer
from application.postgres.connection import pool_of
from application.service.clock import Clock, SandboxClock, SystemClock, settle_sandbox
from application.streams import ADMINISTRATION, KINDS
from domain.service.administration import Act, ClockMoved, ClockReturned, KeyMade, KeyRevoked, RebuildStarted


def record(working: Working, act: Act) -> None:
    working.record(ADMINISTRATION.at(*_subject(act)), act)


async def record_act(conninfo: str, act: Act, actor: str) -> None:
    """For those who have no writer of their own, as on the command line. Raises what a writer raises."""
    async with pool_of(conninfo, "laurel administration", 1, kwargs={"autocommit": True}) as pool:
        async with pool.connection() as connection:
            sandboxed = await settle_sandbox(connection, wanted=None)
        clock: Clock = SandboxClock(pool) if sandboxed else SystemClock()
        writer = Writer(conninfo, Mapper(KINDS), NoCatalogue(), clock=clock.read)
        await writer.start()
        try:
            await writer.submit(partial(record, act=act), actor=actor)
        finally:
            await writer.stop()


def _subject(act: Act) -> tuple[str, ...]:
    match act:
        case KeyMade() | KeyRevoked():
            return "key", act.key
        case ClockMoved() | ClockReturned():
            return ("clock",)
        case RebuildStarted():
            return "rebuild", str(act.rebuild)
        case _:
            assert_never(act)
