"""A connection that is lost, at every moment that matters, and a server that answers with errors."""

import asyncio
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from application.log import session as sessions
from application.log import writer as writers
from application.log.catalogue import NoCatalogue
from application.log.check import check
from application.log.errors import AppendFailed, FateUnknown, Unavailable
from application.log.writer import Writer
from application.postgres.embedded import EmbeddedPostgres
from application.service.migrate import migrate
from tests.application.log.conftest import Start, running
from tests.application.log.shop import MAPPER, Counter, counting, landed, moving, reading
from tests.application.log.waiting import until, until_waiting

pytestmark = pytest.mark.usefixtures("ahead")

END_WRITERS = """
    select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
    where application_name like 'laurel %' and datname = current_database()
"""


def lose_answer(writer: Writer, monkeypatch: pytest.MonkeyPatch, times: int = 1) -> None:
    """The next appends reach the server and land, but the connection is gone before their answer is read."""
    append = writer._appending.append
    left = [times]

    async def lossy(parameters: Any) -> Any:
        answer = await append(parameters)
        if left[0]:
            left[0] -= 1
            await writer._appending.close()
            raise psycopg.OperationalError("the connection is lost")
        return answer

    monkeypatch.setattr(writer._appending, "append", lossy)


async def test_a_connection_lost_while_idle_is_made_anew(writer: Writer, connection: psycopg.Connection) -> None:
    await writer.submit(counting("a"))
    for _ in range(3):
        connection.execute(END_WRITERS)
        assert (await writer.submit(counting("a"))).answer > 1
    assert (await writer.submit(reading("a"))).answer == Counter(4, 4)


async def test_what_landed_before_the_connection_was_lost_is_not_recorded_again(
    writer: Writer, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await writer.submit(counting("a", 10))
    lose_answer(writer, monkeypatch)
    outcomes = landed(await writer.submit_many([counting("a"), counting("b"), moving("a", "b"), reading("a")]))
    assert [outcome.answer for outcome in outcomes] == [11, 1, (10, 2), Counter(10, 3)]
    assert [outcome.position for outcome in outcomes] == [2, 3, 5, 5]
    assert list(check(connection, MAPPER)) == []


async def test_of_a_batch_that_landed_in_part_the_rest_is_decided_again(
    start: Start, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await start(), await start()
    await one.submit_many([counting("a"), counting("b")])
    await other.submit(counting("a", 100))
    lose_answer(one, monkeypatch)
    outcomes = landed(await one.submit_many([counting("a"), counting("b"), counting("c")]))
    assert [outcome.answer for outcome in outcomes] == [102, 2, 1]
    assert [outcome.position for outcome in outcomes] == [6, 4, 5]
    assert list(check(connection, MAPPER)) == []


async def test_an_answer_is_found_by_its_command_whenever_that_was_recorded(
    start: Start, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent by a clock that is behind lands as of a later instant."""

    async def behind() -> datetime:
        return datetime(2020, 1, 1, tzinfo=UTC)

    await (await start()).submit(counting("a"))
    writer = await start(clock=behind)
    lose_answer(writer, monkeypatch)
    outcomes = landed(await writer.submit_many([counting("a"), counting("b")]))
    assert [(outcome.position, outcome.answer) for outcome in outcomes] == [(2, 2), (3, 1)]
    assert connection.execute("select count(*) from laurel.events").fetchone() == (3,)


async def test_answers_lost_again_and_again_still_count_once(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    lose_answer(writer, monkeypatch, times=5)
    answers = [(await writer.submit(counting("a"))).answer for _ in range(7)]
    assert answers == list(range(1, 8))


async def test_what_had_not_landed_when_the_connection_was_lost_is_decided_again(
    writer: Writer, connection: psycopg.Connection, database: str
) -> None:
    with psycopg.connect(database) as holding:
        holding.execute("select from laurel.heads for update")
        waiting = asyncio.create_task(writer.submit_many([counting("a"), counting("a")]))
        await until_waiting(connection)
        connection.execute(END_WRITERS)
        holding.rollback()
    assert [outcome.position for outcome in landed(await waiting)] == [1, 2]
    assert list(check(connection, MAPPER)) == []


async def test_a_session_that_might_still_land_is_ended_before_deciding_again(
    writer: Writer, connection: psycopg.Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server does not answer in time. Its transaction could still commit, twice with the next one's."""
    monkeypatch.setattr(sessions, "STATEMENT_SECONDS", 0.2)
    with psycopg.connect(database) as holding:
        holding.execute("select from laurel.heads for update")
        waiting = asyncio.create_task(writer.submit(counting("a")))
        await until_waiting(connection)
        first = writer._appending._who
        await until(lambda: writer._appending._who != first)
        assert first is not None
        assert connection.execute("select from pg_stat_activity where pid = %s", [first[0]]).fetchone() is None
        holding.rollback()
    assert await waiting == (1, 1)
    assert list(check(connection, MAPPER)) == []


FAULT = """
    create function fail() returns trigger language plpgsql as $$
    begin
        if new.tag = 'counter.counted' and new.version = 3 then
            raise exception 'no third time' using errcode = '{}';
        end if;
        return new;
    end $$;
    create trigger fail before insert on laurel.events for each row execute function fail();
"""


async def test_one_command_that_the_database_refuses_fails_alone(
    writer: Writer, connection: psycopg.Connection
) -> None:
    connection.execute(FAULT.format("23514"))
    outcomes = await writer.submit_many([*[counting("a")] * 2, counting("b"), counting("a"), counting("b")])
    assert isinstance(outcomes[3], AppendFailed)
    assert [outcome.answer for outcome in landed(outcomes[:3] + outcomes[4:])] == [1, 2, 1, 2]
    assert list(check(connection, MAPPER)) == []


async def test_a_database_that_cant_write_now_says_why_and_later_can(
    writer: Writer, connection: psycopg.Connection
) -> None:
    connection.execute(FAULT.format("53100"))
    with pytest.raises(Unavailable, match="no third time"):
        await asyncio.gather(*[writer.submit(counting("a")) for _ in range(3)])
    connection.execute("drop trigger fail on laurel.events")
    assert (await writer.submit(counting("a"))).answer == 1
    assert list(check(connection, MAPPER)) == []


async def test_a_transaction_rolled_back_for_anothers_sake_is_tried_again(
    writer: Writer, connection: psycopg.Connection
) -> None:
    connection.execute("create sequence tries")
    connection.execute(FAULT.format("40001").replace("new.version = 3", "nextval('tries') < 3"))
    assert await writer.submit(counting("a")) == (1, 1)


@pytest.fixture
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server") / "data"


async def test_a_server_that_restarts_under_us_loses_and_repeats_nothing(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "STALL_SECONDS", 60.0)
    with EmbeddedPostgres(data, durable=False) as database:
        migrate(database)
        async with running(Writer(database, MAPPER, NoCatalogue())) as writer:
            done = asyncio.Event()

            async def client(name: str) -> int:
                answers = []
                while not done.is_set():
                    answers.append((await writer.submit(counting(name))).answer)
                assert answers == list(range(1, len(answers) + 1))
                return len(answers)

            clients = [asyncio.create_task(client(f"c{number}")) for number in range(8)]
            for _ in range(2):
                await asyncio.sleep(0.2)
                os.kill(postmaster(data), signal.SIGKILL)
                await asyncio.sleep(0.5)
            done.set()
            count = sum(await asyncio.gather(*clients))
        with psycopg.connect(database, autocommit=True) as connection:
            assert connection.execute("select count(*) from laurel.events").fetchone() == (count,)
            assert list(check(connection, MAPPER)) == []


async def test_a_server_that_stays_away_is_an_error_in_time_and_no_end_of_the_writer(data: Path) -> None:
    server = EmbeddedPostgres(data, durable=False)
    database = server.start()
    migrate(database)
    async with running(Writer(database, MAPPER, NoCatalogue(), reconnect_seconds=0.5)) as writer:
        holding = psycopg.connect(database)
        holding.execute("select from laurel.heads for update")
        under_way = asyncio.create_task(writer.submit(counting("a")))
        with psycopg.connect(database, autocommit=True) as connection:
            await until_waiting(connection)
        queued = asyncio.create_task(writer.submit(counting("b")))
        await asyncio.to_thread(server.stop)
        holding.close()
        with pytest.raises(FateUnknown):
            await under_way
        with pytest.raises(Unavailable):
            await queued
        with pytest.raises(Unavailable):
            await writer.submit(counting("c"))
        await asyncio.to_thread(server.start)
        assert (await writer.submit(counting("c"))).answer == 1
    server.stop()


def postmaster(data: Path) -> int:
    return int((data / "cluster" / "postmaster.pid").read_text().split("\n", 1)[0])
