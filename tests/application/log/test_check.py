"""Whatever is tampered with is named with its place, and the check ends."""

import asyncio
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import pytest

from application.log import check as checking
from application.log.catalogue import NoCatalogue
from application.log.check import Finding, LogCheck, check, find_head_faults
from application.log.writer import Writer
from tests.application.log.shop import COUNTERS, MAPPER, NOTES, RULES, Counted, counting, creating, noting, ruling
from tests.support.database import fresh_database

LONG = COUNTERS.at("long").id
START = datetime(2026, 9, 1, tzinfo=UTC)
POSITIONS = 20
"""One each of: a, b, a, the rule, a note, its second, b; then LONG's, two a command."""


class Clock:
    """A second later each time that it is read."""

    def __init__(self) -> None:
        self.at = START

    async def read(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


def twice(key: str) -> Any:
    def command(working: Any) -> None:
        for _ in range(2):
            working.record(COUNTERS.at(key), Counted(1))

    return command


async def write(database: str) -> None:
    writer = Writer(database, MAPPER, NoCatalogue(), clock=Clock().read)
    await writer.start()
    for command in (
        *(counting("a"), counting("b"), counting("a"), ruling(3), noting("n", "x"), noting("n", "y"), counting("b")),
        *(twice("long") for _ in range((POSITIONS - 7 - 1) // 2)),
        noting("brief", "z"),
    ):
        await writer.submit(command, actor="test")
    await writer.stop()


@pytest.fixture(scope="module")
def written(server: str) -> Iterator[psycopg.Connection]:
    with fresh_database(server) as database:
        asyncio.run(write(database))
        with psycopg.connect(database, autocommit=True) as connection:
            yield connection


@pytest.fixture
def connection(written: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """To a log that is as it was again after the test."""
    with written.transaction(force_rollback=True):
        yield written


@pytest.fixture(params=["in pages of all", "in pages of two"])
def paged(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found does not hang on where pages end."""
    if request.param == "in pages of two":
        for name in ("PAGE_POSITIONS", "PAGE_STREAMS", "PAGE_EVENTS"):
            monkeypatch.setattr(checking, name, 2)


def found(connection: psycopg.Connection) -> list[str]:
    return [str(finding) for finding in check(connection, MAPPER)]


@pytest.mark.usefixtures("paged")
def test_a_log_that_was_only_written_to_agrees_with_itself(connection: psycopg.Connection) -> None:
    run = LogCheck(connection, MAPPER)
    assert list(run.findings()) == []
    assert (run.end, run.events, run.streams) == (POSITIONS, POSITIONS, 6)


STREAMS = {
    "A": COUNTERS.at("a").id,
    "B": COUNTERS.at("b").id,
    "LONG": COUNTERS.at("long").id,
    "RULE": RULES.at("only").id,
    "NOTE": NOTES.at("n").id,
    "BRIEF": NOTES.at("brief").id,
    "NOWHERE": UUID(int=7),
}
SWAPPED = """
update laurel.events set position = -1 where position = 1;
update laurel.events set position = 1 where position = 3;
update laurel.events set position = 3 where position = -1;
"""
FORGED = """
insert into laurel.events select stream, version + 1, bucket, POSITION, tag, payload, envelope
from laurel.events where bucket = 0 and position = 7;
"""

HIDDEN = "update laurel.heads set head = 21; update laurel.streams set version = 3 where id = '{B}'"
TAMPERED = {
    "an event deleted": (
        "delete from laurel.events where position = 1",
        [
            "position 1: position 1 is not there",
            "stream {A}, version 1: version 1 is not there, and its row is at 2",
        ],
    ),
    "several deleted": (
        "delete from laurel.events where position between 9 and 11",
        [
            "position 9: positions 9 to 11 are not there",
            "stream {LONG}, version 2: versions 2 to 4 are not there, and its row is at 12",
        ],
    ),
    "the last event of a stream deleted": (
        "delete from laurel.events where position = 3",
        [
            "position 3: position 3 is not there",
            "stream {A}, version 2: version 2 is not there, and its row is at 2",
        ],
    ),
    "the tail cut": (
        "delete from laurel.events where position > 18",
        [
            "heads: the head is 20, and the last event is at position 18",
            "stream {LONG}, version 12: version 12 is not there, and its row is at 12",
            "stream {BRIEF}, version 1: version 1 is not there, and its row is at 1",
        ],
    ),
    "the tail cut, the head set back": (
        "delete from laurel.events where position > 18; update laurel.heads set head = 18",
        [
            "stream {LONG}, version 12: version 12 is not there, and its row is at 12",
            "stream {BRIEF}, version 1: version 1 is not there, and its row is at 1",
        ],
    ),
    "a payload changed": (
        "update laurel.events set payload = (select payload from laurel.events where position = 8) where position = 5",
        ["position 5, stream {NOTE}, version 1: an event note.noted can't be read: Object missing"],
    ),
    "a payload of its kind changed": (
        "update laurel.events set payload = '\\x82a2627909a46e6f7465a0' where position = 2",
        ["stream {B}, version 2: the state of the counter is not what its events make: total is 2 and not 10"],
    ),
    "garbage for a payload": (
        "update laurel.events set payload = '\\xdeadbeef' where position = 9",
        ["position 9, stream {LONG}, version 2: an event counter.counted can't be read: "],
    ),
    "no payload": (
        "update laurel.events set payload = '' where position = 9",
        ["position 9, stream {LONG}, version 2: an event counter.counted can't be read: "],
    ),
    "garbage for an envelope": (
        "update laurel.events set envelope = '\\xc1' where position = 9",
        ["position 9: an envelope can't be read: "],
    ),
    "an unknown tag": (
        "update laurel.events set tag = 'counter.vanished' where position = 7",
        ["position 7, stream {B}, version 2: no event type has the tag 'counter.vanished'"],
    ),
    "a tag of another kind": (
        "update laurel.events set tag = 'note.noted' where position = 7",
        ["position 7, stream {B}, version 2: an event note.noted can't be read: the row is of kind 'counter'"],
    ),
    "a stream changed": (
        "update laurel.events set stream = '{A}', version = 3 where position = 7",
        [
            "position 7, stream {A}, version 3: its row ends at version 2",
            "stream {B}, version 2: version 2 is not there, and its row is at 2",
        ],
    ),
    "moved to a stream that is not there": (
        "update laurel.events set stream = '{NOWHERE}' where position = 7",
        [
            "position 7, stream {NOWHERE}: it has no row, and 1 events up to version 2",
            "stream {B}, version 2: version 2 is not there, and its row is at 2",
        ],
    ),
    "a version changed": (
        "update laurel.events set version = 5 where position = 7",
        [
            "stream {B}, version 2: versions 2 to 4 are not there, and its row is at 2",
            "position 7, stream {B}, version 5: its row ends at version 2",
        ],
    ),
    "a version before the first": (
        "update laurel.events set version = -3 where position = 7",
        [
            "position 7, stream {B}, version -3: versions begin with 1",
            "stream {B}, version 2: version 2 is not there, and its row is at 2",
        ],
    ),
    "a position changed": (
        "update laurel.events set position = 1000 where position = 7",
        [
            "heads: the head is 20, and the last event is at position 1000",
            "position 7: position 7 is not there",
            "position 21: positions 21 to 999 are not there",
            "position 1000: it was recorded at ",
        ],
    ),
    "two of a stream swapped": (
        SWAPPED,
        [
            "position 2: it was recorded at ",
            "position 3: it was recorded at ",
            "position 1, stream {A}, version 2: it comes before the version before it",
        ],
    ),
    "one inserted, with head, row and version set": (
        FORGED.replace("POSITION", "21") + HIDDEN,
        [
            "position 21: it stands apart from the other events of its command",
            "position 21: it was recorded at ",
            "stream {B}, version 3: the state of the counter is not what its events make: total is 2 and not 3; times",
        ],
    ),
    "one inserted beyond the head": (
        FORGED.replace("POSITION", "21"),
        [
            "heads: the head is 20, and the last event is at position 21",
            "position 21: it stands apart from the other events of its command",
            "position 21: it was recorded at ",
            "position 21, stream {B}, version 3: its row ends at version 2",
        ],
    ),
    "one inserted far beyond the head": (
        FORGED.replace("POSITION", "4611686018427387904"),
        [
            "heads: the head is 20, and the last event is at position 4611686018427387904",
            "position 21: positions 21 to 4611686018427387903 are not there",
            "position 4611686018427387904: it stands apart from the other events of its command",
            "position 4611686018427387904: it was recorded at ",
            "position 4611686018427387904, stream {B}, version 3: its row ends at version 2",
        ],
    ),
    "a state changed": (
        "update laurel.streams set state = (select state from laurel.streams where id = '{B}') where id = '{LONG}'",
        [
            "stream {LONG}, version 12: the state of the counter is not what its events make: total is 2 and not 12;",
        ],
    ),
    "garbage for a state": (
        "update laurel.streams set state = '\\x01' where id = '{A}'",
        ["stream {A}, version 2: a state of kind 'counter' can't be read: "],
    ),
    "a kind changed": (
        "update laurel.streams set kind = 'note' where id = '{A}'",
        ["position 1, stream {A}, version 1: an event counter.counted can't be read: the row is of kind 'note'"],
    ),
    "a kind that there is not": (
        "update laurel.streams set kind = 'ghost' where id = '{A}'",
        ["position 1, stream {A}, version 1: an event counter.counted can't be read: the row is of kind 'ghost'"],
    ),
    "a row deleted": (
        "delete from laurel.streams where id = '{LONG}'",
        ["position 8, stream {LONG}: it has no row, and 12 events up to version 12"],
    ),
    "a row moved to another bucket": (
        "update laurel.streams set bucket = 7 where id = '{A}'",
        ["position 1, stream {A}: it has no row, and 2 events up to version 2"],
    ),
    "a row's version raised": (
        "update laurel.streams set version = 3 where id = '{A}'",
        ["stream {A}, version 3: version 3 is not there, and its row is at 3"],
    ),
    "a row's version lowered": (
        "update laurel.streams set version = 1 where id = '{A}'",
        [
            "position 3, stream {A}, version 2: its row ends at version 1",
            "stream {A}, version 1: the state of the counter is not what its events make: ",
        ],
    ),
    "a row without events": (
        "insert into laurel.streams select '{NOWHERE}', bucket, kind, 1, state from laurel.streams where id = '{A}'",
        ["stream {NOWHERE}, version 1: version 1 is not there, and its row is at 1"],
    ),
    "a definition's place lowered": (
        "update laurel.streams set catalogue = 1 where kind = 'rule'",
        [
            "heads: definitions changed last at 4, and by their rows at 1",
            "position 4, stream {RULE}, version 1: its row says the definition changed last at 1",
        ],
    ),
    "a definition's place lost": (
        "update laurel.streams set catalogue = null where kind = 'rule'",
        [
            "heads: definitions changed last at 4, and by their rows at 0",
            "position 4, stream {RULE}, version 1: its row says the definition changed last at None",
        ],
    ),
    "the head's definitions set back": (
        "update laurel.heads set catalogue = 0",
        ["heads: definitions changed last at 0, and by their rows at 4"],
    ),
    "the head lowered": (
        "update laurel.heads set head = 18",
        ["heads: the head is 18, and the last event is at position 20"],
    ),
    "the head raised": (
        "update laurel.heads set head = 30",
        ["heads: the head is 30, and the last event is at position 20"],
    ),
    "the head's time set back": (
        "update laurel.heads set recorded_at = recorded_at - interval '1 hour'",
        ["heads: the last event was recorded at "],
    ),
    "the head deleted": ("delete from laurel.heads", ["heads: bucket 0 has no row"]),
}


@pytest.mark.usefixtures("paged")
@pytest.mark.parametrize("what", TAMPERED)
def test_what_was_tampered_with_is_named(connection: psycopg.Connection, what: str) -> None:
    tampering, expected = TAMPERED[what]
    connection.execute(tampering.format(**STREAMS))
    said = found(connection)
    assert len(said) == len(expected), said
    for beginning in expected:
        assert any(line.startswith(beginning.format(**STREAMS)) for line in said), said


def test_an_emptied_state_waits_to_be_made_anew(connection: psycopg.Connection) -> None:
    connection.execute("update laurel.streams set state = '' where id = %s", [LONG])
    assert found(connection) == []


def test_what_is_recorded_meanwhile_is_left_out(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "PAGE_STREAMS", 1)
    asyncio.run(write(database))
    with psycopg.connect(database, autocommit=True) as connection:
        run = LogCheck(connection, MAPPER)
        findings = run.findings()
        asyncio.run(write(database))
        assert list(findings) == []
        assert run.events == POSITIONS


def test_states_too_large_to_be_read_together_are_read_alone(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "LARGE_BYTES", 4)
    monkeypatch.setattr(checking, "PAGE_BYTES", 40)
    assert found(connection) == []
    connection.execute("delete from laurel.events where position = 12")
    assert found(connection)[1] == f"stream {LONG}, version 5: version 5 is not there, and its row is at 12"


def test_random_tampering_is_named_and_ends(connection: psycopg.Connection) -> None:
    """But for bytes inside an event, which may still be an event, and be none of the state's business."""
    random = Random(7)  # noqa: S311
    for _ in range(150):
        position = random.randrange(1, POSITIONS + 1)
        column = random.choice(["payload", "envelope", "tag", "version", "position", "stream"])
        with connection.transaction(force_rollback=True):
            connection.execute(*altered(random, column, position))
            assert found(connection) or column in ("payload", "envelope"), (column, position)


BYTE = "set_byte({0}, floor(%s * length({0}))::int, %s)"


def altered(random: Random, column: str, position: int) -> tuple[Any, list[Any]]:
    values = {"tag": "counter.lost", "version": random.randrange(-5, 0), "position": 10_000, "stream": UUID(int=1)}
    value, parameters = "%s", [values.get(column)]
    if column in ("payload", "envelope"):
        value, parameters = BYTE.format(column), [random.random(), random.randrange(256)]
    return f"update laurel.events set {column} = {value} where position = %s", [*parameters, position]  # noqa: S608  of constants


async def fill(database: str, size: int) -> None:
    writer = Writer(database, MAPPER, NoCatalogue())
    await writer.start()
    await writer.submit_many([counting("big") for _ in range(size)], actor="test")
    await writer.submit_many([creating(number) for number in range(size)], actor="test")
    await writer.stop()


def test_memory_does_not_grow_with_the_log(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream of many events, and many streams: only pages of them are held."""
    monkeypatch.setattr(checking, "COMMANDS", 1_000)
    peaks = []
    for size in (5_000, 15_000):
        asyncio.run(fill(database, size))
        with psycopg.connect(database, autocommit=True) as connection:
            tracemalloc.start()
            assert found(connection) == []
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.3


async def test_the_heads_alone_are_looked_at_in_no_time(database: str) -> None:
    await write(database)
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        assert await find_head_faults(connection) == []
        await connection.execute("delete from laurel.events where position = 20")
        assert await find_head_faults(connection) == [
            Finding("heads: the head is 20, and the last event is at position 19")
        ]
