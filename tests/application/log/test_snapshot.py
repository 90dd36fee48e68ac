"""The log as it stood at one position, also while it grows."""

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from application.log.errors import Damaged
from application.log.reader import read_catalogue
from application.log.snapshot import snapshot
from application.log.writer import Writer
from tests.application.log.shop import COUNTERS, MAPPER, NOTES, RULES, Counter, Noted, Ruled, counting, noting, ruling

A, B, NOTE = COUNTERS.at("a"), COUNTERS.at("b"), NOTES.at("n")


@pytest.fixture
async def pool(database: str) -> AsyncConnectionPool:
    return AsyncConnectionPool(database, min_size=1, max_size=1, open=False, kwargs={"autocommit": True})


async def test_what_is_recorded_later_is_not_seen(writer: Writer, pool: AsyncConnectionPool) -> None:
    await writer.submit_many([counting("a", 3), ruling(2), noting("n", "first")])
    async with pool, snapshot(pool, MAPPER) as seen:
        await writer.submit_many([counting("a", 4), counting("b"), ruling(5)])
        assert seen.position == 3
        assert await seen.load([A.key, B.key, NOTE.key]) == {
            A.key: (1, Counter(3, 1)),
            B.key: (0, None),
            NOTE.key: (1, Noted("first")),
        }
        assert [entry.state for entry in await seen.catalogue(0)] == [Ruled(2)]
        assert await seen.catalogue(3) == []


async def test_a_state_that_was_emptied_is_made_anew(
    writer: Writer, pool: AsyncConnectionPool, connection: psycopg.Connection
) -> None:
    await writer.submit_many([counting("a", 3), counting("a", 4)])
    connection.execute("update laurel.streams set state = ''")
    async with pool, snapshot(pool, MAPPER) as seen:
        assert await seen.load([A.key]) == {A.key: (2, Counter(7, 2))}


async def test_an_emptied_state_of_the_catalogue_is_made_anew(
    writer: Writer, pool: AsyncConnectionPool, connection: psycopg.Connection
) -> None:
    await writer.submit_many([ruling(2), counting("a"), ruling(5)])
    connection.execute("update laurel.streams set state = ''")
    async with pool, snapshot(pool, MAPPER) as seen:
        assert [(entry.state, entry.position) for entry in await seen.catalogue(0)] == [(Ruled(5), 3)]
    assert read_catalogue(connection, MAPPER) == [(RULES.at("only").id, "rule", Ruled(5), 3)]


async def test_a_bucket_without_a_head_is_damaged(pool: AsyncConnectionPool) -> None:
    async with pool:
        with pytest.raises(Damaged):
            async with snapshot(pool, MAPPER, bucket=7):
                pass


async def test_nothing_can_be_recorded_through_it(pool: AsyncConnectionPool) -> None:
    async with pool, snapshot(pool, MAPPER) as seen:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await seen.connection.execute("update laurel.heads set head = 9")
