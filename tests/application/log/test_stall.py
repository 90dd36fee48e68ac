"""A database that owes an answer: those who wait are told soon, and nothing is lost or doubled for it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from application.log import writer as writers
from application.log.batch import Commit
from application.log.check import check
from application.log.errors import FateUnknown, Unavailable
from application.log.writer import Writer
from tests.application.log.shop import MAPPER, counting, reading
from tests.application.log.test_lost_connection import FAULT
from tests.application.log.waiting import until, until_waiting
from tests.support.sessions import sessions, stopped

STALL_SECONDS = 1.0
SOON_SECONDS = 10.0
"""Generous; without an end to the waiting it was a minute."""


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "STALL_SECONDS", STALL_SECONDS)
    monkeypatch.setattr(writers, "WATCH_SECONDS", 0.1)


@asynccontextmanager
async def soon() -> AsyncIterator[None]:
    async with asyncio.timeout(SOON_SECONDS):
        yield


@pytest.mark.parametrize("name", ["laurel writer", "laurel writer's reads"])
async def test_those_who_wait_are_told_soon_and_later_all_is_well(
    writer: Writer, connection: psycopg.Connection, database: str, name: str
) -> None:
    await writer.submit(counting("a"))
    assert writer.failure is None
    with stopped(*sessions(database, name)):
        async with soon():
            with pytest.raises(FateUnknown):
                await writer.submit(counting("cold"))
        assert "has not answered for" in str(writer.failure)
        begun = time.monotonic()
        with pytest.raises(Unavailable, match="has not answered for"):
            await writer.submit(counting("a"))
        with pytest.raises(Unavailable):
            await writer.submit_many([counting("a")] * 3)
        assert time.monotonic() - begun < STALL_SECONDS
    await until(lambda: writer.failure is None)
    assert (await writer.submit(counting("a"))).answer == 2
    assert (await writer.submit(counting("cold"))).answer in (1, 2)
    assert list(check(connection, MAPPER)) == []


async def test_who_was_told_that_nothing_is_recorded_was_told_the_truth(
    writer: Writer, connection: psycopg.Connection, database: str
) -> None:
    with psycopg.connect(database) as holding:
        holding.execute("select from laurel.heads for update")
        under_way = asyncio.create_task(writer.submit(counting("a")))
        await until_waiting(connection)
        queued = asyncio.create_task(writer.submit_many([counting("b")] * 3))
        async with soon():
            outcomes = [*await asyncio.gather(under_way, return_exceptions=True), *await queued]
        assert [type(outcome) for outcome in outcomes] == [FateUnknown, *[Unavailable] * 3]
        holding.rollback()
    await until(lambda: writer.failure is None)
    assert (await writer.submit(reading("b"))).answer is None
    assert (await writer.submit(counting("a"))).answer == 2
    assert list(check(connection, MAPPER)) == []


async def test_a_process_that_stood_still_itself_tells_nobody(
    writer: Writer, connection: psycopg.Connection, database: str
) -> None:
    """Its answer is there when it goes on."""
    with psycopg.connect(database) as holding:
        holding.execute("select from laurel.heads for update")
        waiting = asyncio.create_task(writer.submit(counting("a")))
        await until_waiting(connection)
        await asyncio.sleep(0.1)
        holding.rollback()
        time.sleep(2 * STALL_SECONDS)  # noqa: ASYNC251  the whole loop stands still
    assert isinstance(await waiting, Commit)


async def test_a_failure_to_write_is_told_of_until_it_is_over(
    writer: Writer, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.execute(FAULT.format("53100").replace("new.version = 3", "new.version = 2"))
    await writer.submit(counting("a"))
    with pytest.raises(Unavailable, match="no third time"):
        await writer.submit(counting("a"))
    assert "no third time" in str(writer.failure)
    await writer.submit(reading("a"))
    assert "no third time" in str(writer.failure), "what records nothing does not show that it can write"
    await writer.submit(counting("b"))
    assert writer.failure is None
    with pytest.raises(Unavailable):
        await writer.submit(counting("a"))
    monkeypatch.setattr(writers, "FAILURE_SECONDS", 0.0)
    assert writer.failure is None
