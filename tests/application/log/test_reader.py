from functools import partial
from uuid import uuid4

import psycopg
import pytest

from application.log.catalogue import NoCatalogue
from application.log.errors import Damaged
from application.log.reader import (
    head,
    read_catalogue,
    read_catalogue_at,
    read_page,
    read_stream,
    read_tagged,
    read_versions,
)
from application.log.writer import Writer
from tests.application.log.shop import COUNTERS, MAPPER, RULES, Counted, Ruled, counting, ruling


@pytest.fixture
async def connection(database: str) -> psycopg.Connection:
    writer = Writer(database, MAPPER, NoCatalogue())
    await writer.start()
    await writer.submit_many([counting("a", 3), counting("b", 4), ruling(2), counting("a", 5)], actor="tester")
    await writer.stop()
    return psycopg.connect(database, autocommit=True)


def test_pages_follow_the_order_of_positions(connection: psycopg.Connection) -> None:
    with connection:
        page = read_page(connection, MAPPER, 0, limit=3)
        assert [(recorded.position, recorded.event) for recorded in page.events] == [
            (1, Counted(3)),
            (2, Counted(4)),
            (3, Ruled(2)),
        ]
        rest = read_page(connection, MAPPER, page.last)
        assert [(recorded.stream, recorded.version, recorded.tag) for recorded in rest.events] == [
            (COUNTERS.at("a").id, 2, "counter.counted")
        ]
        assert read_page(connection, MAPPER, rest.last) == ([], 4)
        assert head(connection) == 4


def test_an_event_knows_who_recorded_it_and_when(connection: psycopg.Connection) -> None:
    with connection:
        first, second = read_page(connection, MAPPER, 0, limit=2).events
    assert first.envelope.actor == "tester"
    assert first.envelope.recorded_at.utcoffset() is not None
    assert first.envelope.recorded_at == second.envelope.recorded_at
    assert first.envelope.command != second.envelope.command


def test_a_streams_events_are_read_by_its_identity(connection: psycopg.Connection) -> None:
    with connection:
        stream = COUNTERS.at("a").id
        assert [recorded.event for recorded in read_stream(connection, MAPPER, stream)] == [Counted(3), Counted(5)]
        assert [recorded.version for recorded in read_stream(connection, MAPPER, stream, after_version=1)] == [2]
        assert read_stream(connection, MAPPER, uuid4()) == []


def test_the_catalogue_is_read_from_its_streams(connection: psycopg.Connection) -> None:
    with connection:
        assert read_catalogue(connection, MAPPER) == [(RULES.at("only").id, "rule", Ruled(2), 3)]
        assert read_catalogue(connection, MAPPER, after=3) == []


async def test_events_of_some_tags_are_found_among_others(
    connection: psycopg.Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.close()
    monkeypatch.setattr("application.log.reader.PASSED_EVENTS_MOST", 3)
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as asking:
        read = partial(read_tagged, asking, MAPPER, ["rule.ruled"])
        page = await read(0, 4)
        assert [(recorded.position, recorded.event) for recorded in page.events] == [(3, Ruled(2))]
        assert page.last == 3
        assert await read(3, 4) == ([], 4)
        assert await read(0, 2) == ([], 2)
        assert await read(4, 4) == await read(4, 2) == ([], 4)
        counted = await read_tagged(asking, MAPPER, ["counter.counted", "rule.ruled"], 0, 3, limit=2)
        assert ([recorded.position for recorded in counted.events], counted.last) == ([1, 2], 2)


async def test_single_events_are_read_by_their_place(connection: psycopg.Connection, database: str) -> None:
    connection.close()
    one, other = COUNTERS.at("a").id, COUNTERS.at("b").id
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as asking:
        places = [(one, 2), (other, 1), (other, 2), (uuid4(), 1)]
        found = await read_versions(asking, MAPPER, places)
        assert [(recorded.position, recorded.stream, recorded.event) for recorded in found] == [
            (2, other, Counted(4)),
            (4, one, Counted(5)),
        ]


async def test_the_catalogue_is_read_as_it_was_at_a_position(connection: psycopg.Connection, database: str) -> None:
    connection.close()
    writer = Writer(database, MAPPER, NoCatalogue())
    await writer.start()
    await writer.submit_many([ruling(7), counting("b", 1)])
    await writer.stop()
    found = {}
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as asking:
        for position in (2, 3, 4, 5, 6):
            found[position] = [entry.state for entry in await read_catalogue_at(asking, MAPPER, ["rule"], position)]
        assert await read_catalogue_at(asking, MAPPER, ["counter"], 6) == []
    assert found == {2: [], 3: [Ruled(2)], 4: [Ruled(2)], 5: [Ruled(7)], 6: [Ruled(7)]}


def test_a_hole_in_the_positions_is_an_error_and_not_skipped(connection: psycopg.Connection) -> None:
    with connection:
        connection.execute("delete from laurel.events where position = 2")
        with pytest.raises(Damaged, match="after position 0"):
            read_page(connection, MAPPER, 0)


@pytest.mark.parametrize("limit", [0, -1, 5001])
def test_a_page_is_bounded(connection: psycopg.Connection, limit: int) -> None:
    with connection, pytest.raises(ValueError, match="limit"):
        read_page(connection, MAPPER, 0, limit=limit)
