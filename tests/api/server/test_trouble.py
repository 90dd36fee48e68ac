"""A service whose database is in trouble: clear answers in time, and nothing lost or doubled once it is over."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from application.log.check import check
from application.log.mapper import Mapper
from application.streams import KINDS
from tests.api.server.processes import Process, Service, until
from tests.support.sessions import end_sessions, sessions, stopped
from tests.support.tcp import TcpServer, machine_programs, run_tcp_server, wheel_programs

SOON_SECONDS = 15.0
"""Generous for a busy machine; what was wrong here took a minute, or for ever."""


class Program:
    """One service on a server of its own, which it reaches over TCP, and the facts that it was sent."""

    def __init__(self, server: TcpServer, service: Service) -> None:
        self.server = server
        self.service = service
        self.sent: list[dict[str, Any]] = []

    def post(self) -> httpx.Response:
        """A new fact, which is answered soon, whatever the answer."""
        fact = {"id": f"T-{len(self.sent)}", "member": "M-1", "purchased_at": "2026-09-03T10:15:00Z", "total": "1"}
        self.sent.append(fact)
        return self._soon("POST", "/v1/transactions", fact)

    def ready(self) -> dict[str, Any]:
        """The status, and what is wrong."""
        answer = self._soon("GET", "/health/ready")
        return {"status": answer.status_code} | {c["name"]: c["detail"] for c in answer.json()["checks"] if not c["ok"]}

    def _soon(self, method: str, path: str, body: Any = None) -> httpx.Response:
        begun = time.monotonic()
        answer = self.service.client.request(method, path, json=body)
        assert time.monotonic() - begun < SOON_SECONDS, f"{method} {path}: {answer.status_code}"
        return answer

    def refuses(self) -> None:
        answer = self.post()
        assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE, answer.text
        assert answer.json()["type"].endswith("unavailable")
        assert int(answer.headers["retry-after"]) >= 1

    def recovers(self) -> None:
        """Whatever was sent is recorded once, whether it was recorded at once or is sent again."""
        until(lambda: self.ready() == {"status": 200}, self.service.said)
        for fact in self.sent:
            until(lambda fact=fact: self._soon("POST", "/v1/transactions", fact).is_success, self.service.said)  # type: ignore[misc]
        with psycopg.connect(self.server.conninfo, autocommit=True) as connection:
            recorded = connection.execute("select count(*) from laurel.events where tag = 'transaction.received'")
            assert recorded.fetchone() == (len(self.sent),)
            assert list(check(connection, Mapper(KINDS))) == []


@pytest.fixture(scope="module", params=[wheel_programs, machine_programs], ids=["the wheel's", "the machine's"])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    programs: Path | None = request.param()
    if programs is None:
        pytest.skip("there is no server in /usr/lib/postgresql")
    with ExitStack() as stack:
        server = stack.enter_context(run_tcp_server(programs))
        service = Service(server.conninfo, tmp_path_factory.mktemp("service"))
        stack.callback(service.kill)
        stack.callback(service.close)
        program = Program(server, service.ready())
        assert program.post().status_code == httpx.codes.CREATED
        yield program


def test_sessions_that_were_ended_are_not_noticed(program: Program) -> None:
    for _ in range(3):
        assert end_sessions(program.server.conninfo) > 5
        posted = program.post()
        assert posted.status_code == httpx.codes.CREATED, posted.text
        program.service.get("/members/M-1/facts", posted.json()["position"])
    program.recovers()


def test_a_writers_session_that_hangs_is_told_of(program: Program) -> None:
    with stopped(*sessions(program.server.conninfo, "laurel writer")):
        assert "the database has not answered" in until(lambda: program.ready().get("writer"))
        program.refuses()
        program.refuses()
        assert program.ready()["status"] == httpx.codes.SERVICE_UNAVAILABLE
    program.recovers()


def test_a_server_that_hangs_is_told_of(program: Program) -> None:
    with stopped(*sessions(program.server.conninfo), program.server.pid):
        program.refuses()
        program.refuses()
        assert program.ready()["database"]
    program.recovers()


def test_a_server_that_restarts_is_told_of(program: Program) -> None:
    program.server.stop()
    program.refuses()
    assert program.ready()["database"]
    program.server.start()
    program.recovers()


def test_a_server_that_crashes_is_told_of(program: Program) -> None:
    (pid,) = sessions(program.server.conninfo, "laurel writer")
    os.kill(pid, signal.SIGKILL)
    program.post()
    program.recovers()


def test_a_server_that_takes_no_more_connections_serves_on_those_it_has(program: Program) -> None:
    program.ready()
    with ExitStack() as stack:
        with suppress(psycopg.OperationalError):
            for _ in range(1_000):
                stack.enter_context(psycopg.connect(program.server.conninfo))
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(program.server.conninfo)
        assert program.post().status_code == httpx.codes.CREATED
        assert program.ready() == {"status": 200}
    program.recovers()


def test_whoever_starts_while_the_server_recovers_waits(program: Program, tmp_path: Path) -> None:
    program.server.stop()
    program.server.launch_recovering(readable=False)
    starting = (Process(program.server.conninfo, tmp_path, "work"), Service(program.server.conninfo, tmp_path))
    with ExitStack() as stack:
        for process in starting:
            stack.callback(process.kill)
            until(lambda process=process: "is starting, stopping or recovering; it is waited for" in process.said())  # type: ignore[misc]
        worker, service = starting
        begun = time.monotonic()
        worker.stop()
        assert time.monotonic() - begun < SOON_SECONDS, "who is to stop does not wait on"
        program.server.end_recovery()
        stack.callback(service.close)
        service.ready()
        assert service.stop() == 0
    program.recovers()


def _administer(program: Program, *statements: Any) -> None:
    with psycopg.connect(program.server.conninfo, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


FULL = """
    create function fail() returns trigger language plpgsql as
    $$ begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$;
    create trigger fail before insert on laurel.events for each row execute function fail();
"""
READ_ONLY = "alter database postgres set default_transaction_read_only = {}"


def full(program: Program) -> Callable[[], None]:
    _administer(program, FULL)
    return lambda: _administer(program, "drop trigger fail on laurel.events")


def read_only(program: Program) -> Callable[[], None]:
    """As a server is that took over and is not promoted yet."""
    _administer(program, READ_ONLY.format("on"))
    end_sessions(program.server.conninfo)

    def end() -> None:
        _administer(program, "set default_transaction_read_only = off", READ_ONLY.format("off"))
        end_sessions(program.server.conninfo)

    return end


@pytest.mark.parametrize("trouble", [full, read_only])
def test_a_server_that_can_not_write_is_told_of(
    program: Program, trouble: Callable[[Program], Callable[[], None]]
) -> None:
    over = trouble(program)
    program.refuses()
    assert program.ready()["writer"]
    over()
    program.recovers()
