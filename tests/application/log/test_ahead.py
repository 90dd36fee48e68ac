"""Batches that are decided while the one before them is being written."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from application.log import mapper as mappers
from application.log import writer as writers
from application.log.check import check
from application.log.deciding import LOADS
from application.log.errors import Contended, FateUnknown, LoadsTooDeep, Stopped, TooLarge
from application.log.reader import read_page
from application.log.working import Command, Working
from application.log.writer import AHEAD_COMMANDS, Writer
from tests.application.log.conftest import Start
from tests.application.log.shop import (
    COUNTERS,
    MAPPER,
    Counted,
    Counter,
    Refused,
    counting,
    counting_by_rule,
    landed,
    moving,
    noting,
    reading,
    ruling,
)
from tests.application.log.test_writer import Rules
from tests.application.log.waiting import until, until_waiting


@contextmanager
def held(database: str) -> Iterator[Callable[[], None]]:
    """Appends wait until what this gives is called."""
    with psycopg.connect(database) as holding:
        holding.execute("select from laurel.heads for update")
        yield holding.rollback


def noticed(command: Command, decided: list[Command]) -> Command:
    def noticing(working: Working) -> object:
        answer = command(working)
        decided.append(command)
        return answer

    return noticing


async def overtaken(
    one: Writer,
    database: str,
    connection: psycopg.Connection,
    elsewhere: Coroutine[Any, Any, Any],
    first: Coroutine[Any, Any, Any],
    second: Coroutine[Any, Any, Any],
) -> tuple[asyncio.Task[Any], asyncio.Task[Any]]:
    """Another writer's append lands before the first of this one's, when the second is decided ahead already."""
    with held(database) as let_go:
        landing = asyncio.create_task(elsewhere)
        await until_waiting(connection)
        writing = asyncio.create_task(first)
        await until(lambda: one._may_form_ahead)
        ahead = asyncio.create_task(second)
        await until(lambda: one._ahead is not None and one._ahead.done())
        let_go()
        await landing
    return writing, ahead


async def test_a_long_batch_is_decided_on_what_the_one_under_way_will_leave(
    writer: Writer, connection: psycopg.Connection, database: str
) -> None:
    decided: list[Command] = []
    with held(database) as let_go:
        first = asyncio.create_task(writer.submit_many([counting("a"), noting("n", "one")]))
        await until_waiting(connection)
        commands = [noticed(counting("a"), decided) for _ in range(AHEAD_COMMANDS)]
        second = asyncio.create_task(writer.submit_many([*commands, noting("n", "two")]))
        await until(lambda: len(decided) == AHEAD_COMMANDS)
        assert not first.done()
        let_go()
        assert [outcome.answer for outcome in landed(await first)] == [1, "one"]
    outcomes = landed(await second)
    assert [outcome.answer for outcome in outcomes] == [*range(2, AHEAD_COMMANDS + 2), "one; two"]
    assert len(decided) == AHEAD_COMMANDS
    assert list(check(connection, MAPPER)) == []


async def test_a_short_one_waits_to_be_shared(writer: Writer, connection: psycopg.Connection, database: str) -> None:
    decided: list[Command] = []
    with held(database) as let_go:
        first = asyncio.create_task(writer.submit(counting("a")))
        await until_waiting(connection)
        short = [noticed(counting("a"), decided) for _ in range(AHEAD_COMMANDS - 1)]
        second = asyncio.create_task(writer.submit_many(short))
        await asyncio.sleep(0.05)
        assert not decided
        let_go()
        await first
    assert landed(await second)[-1].answer == AHEAD_COMMANDS


async def test_what_was_decided_on_a_batch_that_did_not_land_is_decided_again_behind_it(
    start: Start, connection: psycopg.Connection, database: str
) -> None:
    """Also what was refused for what it saw: `moving` finds nothing until the other's hundred are known."""
    one, other = await start(), await start()
    await one.submit(counting("a", 0))
    first, second = await overtaken(
        one,
        database,
        connection,
        other.submit(counting("a", 100)),
        one.submit_many([reading("a"), counting("b")]),
        one.submit_many([counting("a", -1), *[moving("a", "b")] * AHEAD_COMMANDS]),
    )
    assert [outcome.answer for outcome in landed(await first)] == [Counter(100, 2), 1]
    outcomes = await second
    assert outcomes[0] == (4, 99)
    assert [outcome.answer for outcome in landed(outcomes[1:100])] == [(99 - n, n + 1) for n in range(1, 100)]
    assert all(isinstance(outcome, Refused) for outcome in outcomes[100:])
    assert list(check(connection, MAPPER)) == []


async def test_what_was_decided_on_a_command_that_was_given_up_is_decided_again(
    start: Start, connection: psycopg.Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another writer's event has the version that the given-up command's would have had."""
    monkeypatch.setattr(writers, "TRIES", 0)
    monkeypatch.setattr(writers, "AHEAD_COMMANDS", 1)
    one, other = await start(), await start()
    await one.submit(counting("a"))
    first, second = await overtaken(
        one,
        database,
        connection,
        other.submit(counting("a", 100)),
        one.submit(counting("a", 10)),
        one.submit(counting("a", 5)),
    )
    with pytest.raises(Contended):
        await first
    assert (await second).answer == 106
    assert list(check(connection, MAPPER)) == []


async def test_what_can_t_be_kept_is_taken_out_of_a_batch_once(
    writer: Writer, connection: psycopg.Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "AHEAD_COMMANDS", 1)
    monkeypatch.setattr(mappers, "PAYLOAD_BYTES", 1_000)
    with held(database) as let_go:
        first = asyncio.create_task(writer.submit(counting("a")))
        await until_waiting(connection)
        commands = [counting("c"), noting("n", "x" * 300), noting("n", "y" * 900)]
        second = asyncio.create_task(writer.submit_many(commands))
        await until(lambda: writer._ahead is not None and writer._ahead.done())
        let_go()
        await first
    outcomes = await second
    assert isinstance(outcomes[2], TooLarge)
    assert [outcome.answer for outcome in landed(outcomes[:2])] == [1, "x" * 300]
    assert [recorded.tag for recorded in read_page(connection, MAPPER, 0).events].count("note.noted") == 1
    assert list(check(connection, MAPPER)) == []


async def test_what_was_refused_while_it_was_decided_ahead_is_not_recorded(
    start: Start, connection: psycopg.Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "AHEAD_COMMANDS", 1)
    one, other = await start(), await start()
    await one.submit(counting("x"))

    def wandering(working: Working) -> int:
        for number in range(LOADS + 1):
            working.state(COUNTERS.at(f"far {number}"))
        return working.record(COUNTERS.at("far 0"), Counted(1)).total

    first, second = await overtaken(
        one,
        database,
        connection,
        other.submit(counting("x", 100)),
        one.submit(counting("x", 10)),
        one.submit_many([wandering, counting("z")]),
    )
    await first
    outcomes = await second
    assert isinstance(outcomes[0], LoadsTooDeep)
    assert (await one.submit(reading("far 0"))).answer is None


async def test_what_is_too_large_by_a_state_that_never_landed_is_decided_again(
    start: Start, connection: psycopg.Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "AHEAD_COMMANDS", 1)
    one, other = await start(), await start()
    await one.submit_many([reading("a"), noting("n", "0"), noting("n", "1")])
    monkeypatch.setattr(mappers, "PAYLOAD_BYTES", 1_000)

    def noting_before(working: Working) -> object:
        if working.state(COUNTERS.at("a")) is not None:
            raise Refused
        return noting("n", "x" * 600)(working)

    first, second = await overtaken(
        one,
        database,
        connection,
        other.submit(counting("a")),
        one.submit(noting_before),
        one.submit(noting("n", "y" * 600)),
    )
    with pytest.raises(Refused):
        await first
    assert (await second).answer == "0; 1; " + "y" * 600


async def test_what_comes_after_a_change_to_the_catalogue_waits_for_it(
    start: Start, connection: psycopg.Connection, database: str
) -> None:
    writer = await start(Rules())
    decided: list[Command] = []
    with held(database) as let_go:
        first = asyncio.create_task(writer.submit(ruling(7)))
        await until_waiting(connection)
        commands = [noticed(counting_by_rule("a"), decided) for _ in range(AHEAD_COMMANDS)]
        second = asyncio.create_task(writer.submit_many(commands))
        await asyncio.sleep(0.05)
        assert not decided
        let_go()
        await first
    assert landed(await second)[-1].answer == 7 * AHEAD_COMMANDS


async def test_stopping_finishes_what_was_decided_ahead(
    writer: Writer, connection: psycopg.Connection, database: str
) -> None:
    with held(database) as let_go:
        first = asyncio.create_task(writer.submit(counting("a")))
        await until_waiting(connection)
        second = asyncio.create_task(writer.submit_many([counting("a")] * AHEAD_COMMANDS))
        await until(lambda: writer._ahead is not None and writer._ahead.done())
        stopping = asyncio.create_task(writer.stop())
        await asyncio.sleep(0.05)
        let_go()
        await stopping
    assert (await first).answer == 1
    assert landed(await second)[-1].answer == AHEAD_COMMANDS + 1


async def test_stopping_in_a_hurry_answers_everyone(
    writer: Writer, connection: psycopg.Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was decided ahead was never sent, so its callers know that nothing came of it."""
    monkeypatch.setattr("application.log.writer.STOP_SECONDS", 0.05)
    with held(database):
        first = asyncio.create_task(writer.submit(counting("a")))
        await until_waiting(connection)
        second = asyncio.create_task(writer.submit_many([counting("a")] * AHEAD_COMMANDS))
        await until(lambda: writer._ahead is not None and writer._ahead.done())
        await writer.stop()
    with pytest.raises(FateUnknown):
        await first
    assert all(isinstance(outcome, Stopped) for outcome in await second)
    monkeypatch.undo()
    await writer.start()
    assert (await writer.submit(counting("b"))).answer == 1


async def test_stopping_in_a_hurry_answers_what_was_to_be_decided_again(
    start: Start, connection: psycopg.Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits behind a batch ahead that never ends."""
    monkeypatch.setattr(writers, "AHEAD_COMMANDS", 1)
    monkeypatch.setattr(writers, "STOP_SECONDS", 0.05)
    hanging = asyncio.Event()

    async def clock() -> datetime:
        if hanging.is_set():
            await asyncio.sleep(60)
        return datetime.now(UTC)

    one, other = await start(clock=clock), await start()
    await one.submit(counting("a"))
    with held(database) as let_go:
        elsewhere = asyncio.create_task(other.submit(counting("a")))
        await until_waiting(connection)
        first = asyncio.create_task(one.submit(counting("a")))
        await until(lambda: one._may_form_ahead)
        hanging.set()
        second = asyncio.create_task(one.submit(counting("b")))
        await until(lambda: one._ahead is not None)
        let_go()
        await elsewhere
    await until(lambda: not one._may_form_ahead)
    await one.stop()
    outcomes = await asyncio.wait_for(asyncio.gather(first, second, return_exceptions=True), 10)
    assert [type(outcome) for outcome in outcomes] == [Stopped, FateUnknown]
