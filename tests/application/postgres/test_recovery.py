"""Servers that recover when the program starts."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from application.postgres import connection
from application.postgres.connection import reach_database, recovering
from application.postgres.errors import DatabaseUnreachable
from tests.support.tcp import TcpServer, run_tcp_server, wheel_programs

SECONDS = 60.0


@pytest.fixture(scope="module")
def own() -> Iterator[TcpServer]:
    """A server that the tests stop and start."""
    with run_tcp_server(wheel_programs()) as server:
        yield server


@pytest.mark.parametrize(("readable", "said"), [(False, "is starting, stopping or recovering"), (True, "only be read")])
def test_a_server_that_recovers_is_waited_for(
    own: TcpServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, *, readable: bool, said: str
) -> None:
    own.stop()
    own.launch_recovering(readable=readable)
    reached = threading.Event()

    def reach() -> None:
        with reach_database(own.conninfo, tmp_path):
            reached.set()

    thread = threading.Thread(target=reach)
    with caplog.at_level(logging.WARNING, "laurel.postgres"):
        thread.start()
        until(lambda: said in caplog.text)
    assert "127.0.0.1" in caplog.text
    assert not reached.wait(1.0)
    own.end_recovery()
    assert reached.wait(SECONDS)
    thread.join()
    with psycopg.connect(own.conninfo) as opened:
        assert opened.execute("select pg_is_in_recovery()").fetchone() == (False,)


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_server_that_goes_and_comes_is_waited_for(own: TcpServer) -> None:
    own.stop()
    own.launch_recovering(readable=False)
    waits = recovering(own.conninfo)
    next(waits)
    own.stop()
    next(waits)
    own.launch_recovering(readable=False)
    own.end_recovery()
    deadline = time.monotonic() + SECONDS
    for seconds in waits:
        assert time.monotonic() < deadline
        time.sleep(seconds)
    with psycopg.connect(own.conninfo):
        pass


def test_the_wait_has_an_end(own: TcpServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(connection, "RECOVERY_SECONDS", 1.0)
    own.stop()
    own.launch_recovering(readable=False)
    begun = time.monotonic()
    with pytest.raises(DatabaseUnreachable, match="can't be reached"), reach_database(own.conninfo, tmp_path):
        pass
    assert time.monotonic() - begun > 1.0


def test_a_server_that_is_not_there_is_not_waited_for(own: TcpServer) -> None:
    own.stop()
    assert list(recovering(own.conninfo)) == []


def test_a_server_that_is_ready_is_not_waited_for(database: str) -> None:
    assert list(recovering(database)) == []
