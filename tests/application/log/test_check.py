from collections.abc import Iterator

import psycopg
import pytest

from application.log.catalogue import NoCatalogue
from application.log.check import Finding, check
from application.log.writer import Writer
from tests.application.log.shop import COUNTERS, MAPPER, counting, ruling

A, B = COUNTERS.at("a").id, COUNTERS.at("b").id


@pytest.fixture
async def log(database: str) -> psycopg.Connection:
    writer = Writer(database, MAPPER, NoCatalogue())
    await writer.start()
    await writer.submit_many([counting("a"), counting("b"), counting("a"), ruling(3)])
    await writer.stop()
    return psycopg.connect(database, autocommit=True)


@pytest.fixture
def connection(log: psycopg.Connection) -> Iterator[psycopg.Connection]:
    with log:
        yield log


def test_a_log_that_was_only_written_to_agrees_with_itself(connection: psycopg.Connection) -> None:
    assert list(check(connection, MAPPER)) == []


def test_a_lost_event_shows_in_the_order_and_in_its_stream(connection: psycopg.Connection) -> None:
    connection.execute("delete from laurel.events where position = 3")
    assert list(check(connection, MAPPER))[:2] == [
        Finding(None, "the head is 4, the last position 4, and there are 3 events"),
        Finding(A, "counter at version 2, with 1 events up to version 1"),
    ]


def test_a_lost_row_shows(connection: psycopg.Connection) -> None:
    connection.execute("delete from laurel.streams where id = %s", [B])
    assert list(check(connection, MAPPER)) == [Finding(B, "no row at version 0, with 1 events up to version 1")]


def test_a_state_that_its_events_do_not_make_shows(connection: psycopg.Connection) -> None:
    connection.execute("update laurel.streams set state = (select state from laurel.streams where id = %s)", [A])
    findings = {finding.stream: finding.what for finding in check(connection, MAPPER)}
    assert "is Counter(total=2, times=2), and its events make Counter(total=1, times=1)" in findings[B]


def test_a_state_that_cant_be_read_shows(connection: psycopg.Connection) -> None:
    connection.execute("update laurel.streams set state = '\\x01' where id = %s", [A])
    [finding] = check(connection, MAPPER)
    assert finding.stream == A
    assert "can't be read" in finding.what


def test_a_tag_that_is_not_known_shows(connection: psycopg.Connection) -> None:
    connection.execute("update laurel.events set tag = 'counter.vanished' where stream = %s", [B])
    [finding] = check(connection, MAPPER)
    assert "counter.vanished" in finding.what


def test_an_emptied_state_waits_to_be_made_anew(connection: psycopg.Connection) -> None:
    connection.execute("update laurel.streams set state = '' where id = %s", [A])
    assert list(check(connection, MAPPER)) == []
