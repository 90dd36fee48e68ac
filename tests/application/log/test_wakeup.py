import asyncio
from collections.abc import Iterator

import psycopg
import pytest

from application.log.wakeup import Wakeup
from application.log.writer import Writer
from tests.application.log.shop import counting


@pytest.fixture
def wakeup(database: str) -> Iterator[Wakeup]:
    """Already listening, and nothing heard yet."""
    wakeup = Wakeup(database, timeout_seconds=60.0)
    wakeup.start()
    assert wakeup.wait()
    yield wakeup
    wakeup.stop()


async def test_a_commit_wakes_who_follows_in_another_process(wakeup: Wakeup, writer: Writer) -> None:
    await writer.submit(counting("a"))
    assert await asyncio.to_thread(wakeup.wait)


def test_nothing_wakes_it_but_the_time(database: str) -> None:
    wakeup = Wakeup(database, timeout_seconds=0.1)
    wakeup.start()
    assert any(wakeup.wait() for _ in range(600)), "once, as it has begun to listen"
    assert not wakeup.wait()
    wakeup.stop()


def test_it_is_woken_from_within_the_process(wakeup: Wakeup) -> None:
    wakeup.wake()
    assert wakeup.wait()


def test_a_lost_connection_wakes_once_it_listens_again(wakeup: Wakeup, connection: psycopg.Connection) -> None:
    """What was committed meanwhile was not heard, so it is time to look."""
    connection.execute(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
        "where application_name = 'laurel listener' and datname = current_database()"
    )
    assert wakeup.wait()
    connection.execute("notify laurel_log")
    assert wakeup.wait()


def test_without_a_database_it_is_a_clock() -> None:
    wakeup = Wakeup("host=/nowhere", timeout_seconds=0.05)
    wakeup.start()
    assert [wakeup.wait() for _ in range(3)] == [False] * 3
    wakeup.stop()
