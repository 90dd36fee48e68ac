"""Whoever leads is stopped, and what one process at a time does goes on in another."""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from application.log.check import check
from application.log.mapper import Mapper
from application.postgres.connection import connect
from application.streams import KINDS
from tests.api.server.processes import Process, Service, until

SOON_SECONDS = 20.0
"""Generous beside a lease and what a busy machine adds; a leader that was stopped used to lead for ever."""
ACHIEVEMENT, CAMPAIGN = "01990000-0000-7000-8000-0000000000a1", "01990000-0000-7000-8000-0000000000c1"


class Program(NamedTuple):
    database: str
    service: Service
    workers: tuple[Process, Process]

    def buy(self, number: int) -> str:
        """A purchase that completes an achievement, which a campaign rewards; where it is in the log."""
        fact = {"id": f"T-{number}", "member": "M-1", "purchased_at": "2026-09-03T10:15:00Z", "total": "5"}
        return str(self.service.send("POST", "/transactions", fact)["position"])

    def until_awarded(self, position: str, awards: int) -> None:
        """Until there are so many, as of the position."""

        def awarded() -> bool:
            answer = self.service.client.get(f"/v1/members/M-1/decisions?after={position}")
            return answer.status_code == httpx.codes.OK and len(answer.json()["data"]) == awards

        until(awarded)

    def ready(self) -> dict[str, Any]:
        answer = self.service.client.get("/health/ready")
        return {"status": answer.status_code} | {c["name"]: c["detail"] for c in answer.json()["checks"] if not c["ok"]}


@pytest.fixture
def program(database: str, tmp_path: Path) -> Iterator[Program]:
    with ExitStack() as stack:
        service = Service(database, tmp_path, "--no-work")
        workers = (Process(database, tmp_path, "work"), Process(database, tmp_path, "work"))
        for process in (service, *workers):
            stack.callback(process.kill)
        stack.callback(service.close)
        service.ready()
        rule = {"name": "One", "trigger": "transaction", "count": {"kind": "occurrences"}, "goal": "1"}
        achievement = {"id": ACHIEVEMENT, "name": "Buyer", "active": True, "rules": [rule]}
        service.send("POST", "/achievements", achievement)
        effect = {"kind": "give_units", "account": "points", "units": "200"}
        campaign = {
            "id": CAMPAIGN,
            "name": "Prize",
            "starts_at": "2026-09-01T00:00:00Z",
            "achievement": ACHIEVEMENT,
            "trigger": "achievement_completed",
            "rules": [{"name": "Prize", "effects": [effect]}],
        }
        service.send("POST", "/campaigns", campaign)
        service.send("POST", f"/campaigns/{CAMPAIGN}/activate")
        yield Program(database, service, workers)


def test_another_leads_soon_after_the_leader_was_stopped(program: Program) -> None:
    program.until_awarded(program.buy(0), 1)
    for number, worker in enumerate(program.workers, start=1):
        worker.popen.send_signal(signal.SIGSTOP)
        begun = time.monotonic()
        program.until_awarded(program.buy(number), number + 1)
        assert time.monotonic() - begun < SOON_SECONDS
        until(lambda: program.ready() == {"status": 200})
        worker.popen.send_signal(signal.SIGCONT)
    with connect(program.database, "test") as connection:
        assert list(check(connection, Mapper(KINDS))) == []


def test_without_anyone_to_lead_it_is_said(program: Program) -> None:
    for worker in program.workers:
        worker.popen.send_signal(signal.SIGSTOP)
    said = until(
        lambda: (told := program.ready())["status"] != 200 and {"awards", "projections"} <= told.keys() and told
    )
    assert "no process goes on with it (for " in said["awards"]
    assert "no process goes on with it (for " in said["projections"]
    for worker in program.workers:
        worker.popen.send_signal(signal.SIGCONT)
    until(lambda: program.ready()["status"] == 200)
