"""Batches that are decided while the one before them is being written."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from application.log.check import check
from application.log.errors import Stopped
from application.log.working import Command, Working
from application.log.writer import AHEAD_COMMANDS, Writer
from tests.application.log.conftest import Start
from tests.application.log.shop import (
    MAPPER,
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
    with held(database) as let_go:
        elsewhere = asyncio.create_task(other.submit(counting("a", 100)))
        await until_waiting(connection)
        first = asyncio.create_task(one.submit_many([reading("a"), counting("b")]))
        await until(lambda: one._may_form_ahead)
        moves: list[Command] = [moving("a", "b")] * AHEAD_COMMANDS
        second = asyncio.create_task(one.submit_many([counting("a", -1), *moves]))
        await until(lambda: one._ahead is not None and one._ahead.done())
        let_go()
        await elsewhere
    assert [outcome.answer for outcome in landed(await first)] == [Counter(100, 2), 1]
    outcomes = await second
    assert outcomes[0] == (4, 99)
    assert [outcome.answer for outcome in landed(outcomes[1:100])] == [(99 - n, n + 1) for n in range(1, 100)]
    assert all(isinstance(outcome, Refused) for outcome in outcomes[100:])
    assert list(check(connection, MAPPER)) == []


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
    with pytest.raises(Exception, match="was stopped while the command was under way"):
        await first
    assert all(isinstance(outcome, Stopped) for outcome in await second)
