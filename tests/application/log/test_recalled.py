"""What a stream was at a version is what it was, wherever its events are: in the log, under way, or being decided."""

import asyncio

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from application.log import writer as writers
from application.log.errors import Damaged
from application.log.snapshot import snapshot
from application.log.streams import past_key
from application.log.working import Command, Working
from application.log.writer import Writer
from tests.application.log.conftest import Start
from tests.application.log.shop import (
    COUNTERS,
    MAPPER,
    SHELVES,
    Counter,
    Labelled,
    Refused,
    counting,
    labelling,
    landed,
    recalling,
)
from tests.application.log.test_ahead import held
from tests.application.log.waiting import until, until_waiting


async def answers(writer: Writer, *commands: Command) -> list[object]:
    return [outcome.answer for outcome in landed(await writer.submit_many(commands))]


async def test_it_is_loaded_by_who_has_not_seen_it(writer: Writer, start: Start) -> None:
    for text in ("one", "two", "three"):
        await answers(writer, labelling("s", text))
    asked = [recalling("s", version) for version in (1, 3, 2)]
    assert await answers(writer, *asked) == ["one", "three", "two"]
    assert await answers(await start(), *asked) == ["one", "three", "two"]


async def test_it_is_read_in_pages_each_stream_once(
    writer: Writer, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("application.log.reader.PAGE_EVENTS_MOST", 2)
    for text in ("one", "two", "three", "four", "five"):
        await answers(writer, *(labelling(stream, f"{text} of {stream}") for stream in ("s", "t", "u")))
    asked = [recalling(stream, version) for version in (4, 1, 3) for stream in ("u", "s", "t")]
    told = [f"{text} of {stream}" for text in ("four", "one", "three") for stream in ("u", "s", "t")]
    assert await answers(await start(), *asked) == told


async def test_it_is_known_where_one_batch_has_it_all(writer: Writer) -> None:
    await answers(writer, labelling("s", "one"))
    steps = [labelling("s", "two"), recalling("s", 2), labelling("s", "three"), recalling("s", 2), recalling("s", 1)]
    assert await answers(writer, *steps, recalling("s", 3)) == [2, "two", 3, "two", "one", "three"]


async def test_what_was_refused_never_was(writer: Writer) -> None:
    def refused(working: Working) -> None:
        labelling("s", "wrong")(working)
        raise Refused

    outcomes = await writer.submit_many(
        [labelling("s", "one"), refused, labelling("s", "two"), labelling("s", "three"), recalling("s", 2)]
    )
    assert isinstance(outcomes.pop(1), Refused)
    assert [outcome.answer for outcome in landed(outcomes)] == [1, 2, 3, "two"]


async def test_it_is_asked_of_a_batch_under_way_once_that_is_in_the_log(
    writer: Writer, connection: psycopg.Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "AHEAD_COMMANDS", 1)
    with held(database) as let_go:
        first = asyncio.create_task(answers(writer, *(labelling("s", text) for text in ("one", "two", "three"))))
        await until_waiting(connection)
        second = asyncio.create_task(answers(writer, recalling("s", 2), labelling("s", "four"), recalling("s", 3)))
        await asyncio.sleep(0.05)
        assert writer._ahead is None
        let_go()
        assert await first == [1, 2, 3]
    assert await second == ["two", 4, "three"]


async def test_one_change_of_a_stream_holds_nothing_up(
    writer: Writer, connection: psycopg.Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "AHEAD_COMMANDS", 1)
    await answers(writer, labelling("s", "one"))
    with held(database) as let_go:
        first = asyncio.create_task(answers(writer, labelling("s", "two"), labelling("new", "one")))
        await until_waiting(connection)
        second = asyncio.create_task(answers(writer, labelling("s", "three"), recalling("s", 1), recalling("s", 2)))
        await until(lambda: writer._ahead is not None and writer._ahead.done())
        let_go()
        await first
    assert await second == [3, "one", "two"]


async def test_a_version_that_is_not_there_is_the_fault_of_who_asks(writer: Writer) -> None:
    await answers(writer, labelling("s", "one"))
    outcomes = await writer.submit_many([recalling("s", 7), counting("a"), recalling("s", 1)])
    assert isinstance(outcomes.pop(0), Damaged)
    assert [outcome.answer for outcome in landed(outcomes)] == [1, "one"]


async def test_a_snapshot_has_it_too(writer: Writer, database: str) -> None:
    await answers(writer, labelling("s", "one"), labelling("s", "two"), counting("a"))
    pool = AsyncConnectionPool(database, min_size=1, max_size=1, open=False, kwargs={"autocommit": True})
    first, now, counter = past_key(SHELVES.at("s"), 1), SHELVES.at("s").key, COUNTERS.at("a").key
    async with pool, snapshot(pool, MAPPER) as seen:
        assert await seen.load([first, now, counter]) == {
            first: (1, Labelled("one")),
            now: (2, Labelled("two")),
            counter: (1, Counter(1, 1)),
        }
