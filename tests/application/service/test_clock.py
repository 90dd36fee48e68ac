from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import AsyncConnection

from application.log.catalogue import NoCatalogue
from application.log.reader import read_page
from application.log.writer import Writer
from application.service.administration import record_act
from application.service.clock import BackwardsError, SandboxClock, SandboxRefusedError, SystemClock, settle_sandbox
from domain.service.administration import KeyMade
from tests.application.access import pool_on
from tests.application.log.conftest import running
from tests.application.log.shop import MAPPER, counting

THEN = datetime(1997, 1, 1, tzinfo=UTC)


def is_real(now: datetime) -> bool:
    return abs(datetime.now(UTC) - now) < timedelta(minutes=1)


async def test_a_sandbox_clock_is_moved_forward_for_every_process(database: str) -> None:
    async with pool_on(database) as pool:
        async with pool.connection() as connection:
            await settle_sandbox(connection, wanted=True)
        here, there = SandboxClock(pool), SandboxClock(pool)
        assert is_real(here.now())
        assert await here.move(THEN) == THEN
        assert is_real(there.now())
        assert await there.read() == there.now() == THEN
        with pytest.raises(BackwardsError) as caught:
            await there.move(THEN - timedelta(microseconds=1))
        assert caught.value.now == THEN
        assert await there.move(THEN) == THEN
        assert is_real(await there.reset())
        assert is_real(await here.read())


async def recorded_at(clock: SandboxClock, conninfo: str) -> datetime:
    """When something is recorded now."""
    async with running(Writer(conninfo, MAPPER, NoCatalogue(), clock=clock.read)) as writer:
        await writer.submit(counting("a"))
    with psycopg.connect(conninfo) as connection:
        return read_page(connection, MAPPER, 0).events[-1].envelope.recorded_at


async def test_a_history_may_begin_in_the_past_and_never_goes_back_from_then_on(database: str) -> None:
    far, day = datetime(2999, 1, 1, tzinfo=UTC), timedelta(days=1)
    async with pool_on(database) as pool:
        async with pool.connection() as connection:
            await settle_sandbox(connection, wanted=True)
        clock = SandboxClock(pool)
        await clock.reset()
        assert is_real(await recorded_at(clock, database))
        for instant in (THEN, THEN, THEN + day, far):
            await clock.move(instant)
            assert await recorded_at(clock, database) == instant
        await clock.reset()
        assert await recorded_at(clock, database) == far
        await clock.move(THEN)
        assert await recorded_at(clock, database) == far
        await clock.move(far + day)
        assert await recorded_at(clock, database) == far + day


async def test_a_sandbox_says_so_for_ever(database: str) -> None:
    async with pool_on(database) as pool, pool.connection() as connection:
        await settle_sandbox(connection, wanted=False)
        await settle_sandbox(connection, wanted=True)
        await settle_sandbox(connection, wanted=True)
        with pytest.raises(SandboxRefusedError, match="--sandbox"):
            await settle_sandbox(connection, wanted=False)


async def test_a_real_history_never_becomes_a_sandbox(database: str) -> None:
    await record_act(database, KeyMade("1", "till 1", "integration"), "laurel keys by me")
    async with await AsyncConnection.connect(database) as connection:
        async with connection.transaction(force_rollback=True):
            assert await settle_sandbox(connection, wanted=True), "keys may be made before it is first served"
        await connection.execute("UPDATE laurel.events SET tag = 'member.registered'")
        with pytest.raises(SandboxRefusedError, match="real history"):
            await settle_sandbox(connection, wanted=True)


def test_the_system_clock_is_in_utc() -> None:
    assert is_real(SystemClock().now())
    assert SystemClock().now().tzinfo is UTC
