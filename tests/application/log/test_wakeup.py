import asyncio
import threading
from collections.abc import Iterator

import psycopg
import pytest

from application.log.wakeup import CHANNEL, Listener, listening
from application.log.writer import Writer
from tests.application.log.shop import counting
from tests.support.sessions import end_sessions

SECONDS = 60.0


class Woken(threading.Event):
    def again(self) -> bool:
        """Whether it is woken, this time."""
        woken = self.wait(SECONDS)
        self.clear()
        return woken


@pytest.fixture
def woken(database: str) -> Iterator[Woken]:
    """By a listener that listens, and has heard nothing yet."""
    woken = Woken()
    listener = Listener(database, {CHANNEL: woken.set})
    listener.start()
    assert woken.again()
    yield woken
    listener.stop()


async def test_a_commit_wakes_who_follows_in_another_process(woken: Woken, writer: Writer) -> None:
    await writer.submit(counting("a"))
    assert await asyncio.to_thread(woken.again)


def test_each_channel_wakes_its_own(database: str, connection: psycopg.Connection) -> None:
    one, other = Woken(), Woken()
    listener = Listener(database, {CHANNEL: one.set, "other": other.set})
    listener.start()
    assert one.again()
    assert other.again()
    connection.execute("notify other")
    assert other.again()
    assert not one.is_set()
    listener.stop()


def test_a_lost_connection_wakes_once_it_listens_again(
    woken: Woken, database: str, connection: psycopg.Connection
) -> None:
    """What was committed meanwhile was not heard, so it is time to look."""
    for _ in range(2):
        assert end_sessions(database, "laurel listener") == 1
        assert woken.again()
        connection.execute(f"notify {CHANNEL}")
        assert woken.again()


async def test_it_wakes_in_the_loop_of_who_waits(database: str, connection: psycopg.Connection) -> None:
    woken = asyncio.Event()
    async with listening(database, {CHANNEL: woken.set}), asyncio.timeout(SECONDS):
        for _ in range(2):
            await woken.wait()
            woken.clear()
            connection.execute(f"notify {CHANNEL}")


def test_without_a_database_it_waits_for_one_and_stops_at_once() -> None:
    listener = Listener("host=/nowhere", {CHANNEL: threading.Event().set})
    listener.start()
    listener.stop()
