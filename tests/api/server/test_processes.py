"""Two services and two workers on one Postgres are one program, also while each of them dies and comes back."""

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import httpx
import pytest
from rich.console import Console

from api.cli.proof import prove
from application.postgres.embedded import EmbeddedPostgres
from tests.api.server.processes import Process, Service, until

MEMBERS = [f"M-{number}" for number in range(12)]
RATE = 10
CLIENTS = 4
SEND_SECONDS = 60
LAST_FACT = 100_000
EVALUATED_AFTER_SECONDS = 5
"""The first occurrence ends so long after the test begins, and the workers evaluate it."""


Sent = tuple[dict[str, Any], dict[str, Any]]
"""A fact and what it answered."""


class Program(NamedTuple):
    """`expected` is what each member's facts add up to, and `numbers` those of facts to come."""

    postgres: EmbeddedPostgres
    services: tuple[Service, Service]
    workers: tuple[Process, Process]
    start: datetime
    expected: Counter[str]
    numbers: Iterator[int]

    def fact(self, member: str, total: int) -> dict[str, Any]:
        """One of the middle of the first occurrence."""
        at = self.start + timedelta(minutes=30)
        return {
            "id": f"T-{next(self.numbers)}",
            "member": member,
            "total": str(total),
            "purchased_at": at.isoformat(),
        }

    def expect(self, fact: dict[str, Any]) -> None:
        self.expected[fact["member"]] += int(fact["total"])


@pytest.fixture
def program() -> Iterator[Program]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="laurel-")))
        postgres = EmbeddedPostgres(folder / "postgres", durable=False)
        database = stack.enter_context(postgres)
        one, other = (Service(database, folder, "--no-work", "--sandbox") for _ in range(2))
        workers = (Process(database, folder, "work", "--sandbox"), Process(database, folder, "work", "--sandbox"))
        for process in (one, other, *workers):
            stack.callback(process.kill)
        for service in (one, other):
            stack.callback(service.close)
            service.ready()
        start = datetime.now(UTC) - timedelta(hours=1, seconds=-EVALUATED_AFTER_SECONDS)
        yield Program(postgres, (one, other), workers, start, Counter(), iter(range(LAST_FACT)))


def hourly(starts_at: datetime, **fields: Any) -> dict[str, Any]:
    return {
        "name": "Hours",
        "starts_at": starts_at.isoformat(),
        "duration": "1 hour",
        "occurrences": 3,
        "entity": "transaction",
        "aggregate": {"attribute": "total"},
        "hit_type": "amount",
        "unlimited": True,
        "tiers": [{"from": "0", "reward": str(RATE)}],
        "late": "correct",
        **fields,
    }


def kinds(answer: dict[str, Any]) -> list[str]:
    return [outcome.get("reason", outcome["kind"]) for outcome in answer["outcomes"]]


def send(services: tuple[Service, Service], first: int, body: dict[str, Any]) -> dict[str, Any]:
    """A fact, sent to one service or the other until one of them says that it is recorded."""
    deadline = time.monotonic() + SEND_SECONDS
    while True:
        try:
            response = services[first % 2].client.post("/v1/transactions", json=body)
            if response.is_success:
                return response.json()  # type: ignore[no-any-return]
            assert response.status_code == httpx.codes.SERVICE_UNAVAILABLE, response.text
        except httpx.TransportError:
            first += 1
        assert time.monotonic() < deadline, "nobody took the fact"
        time.sleep(0.02)


@contextmanager
def loaded(program: Program) -> Iterator[list[Sent]]:
    """Facts are sent for as long as this is open, and all are recorded when it is closed."""
    over = threading.Event()
    sent: list[Sent] = []

    def client(number: int) -> None:
        drawn = Random(number)  # noqa: S311  no secret
        while not over.is_set():
            fact = program.fact(drawn.choice(MEMBERS), drawn.randint(1, 9))
            sent.append((fact, send(program.services, number, fact)))

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(client, number) for number in range(CLIENTS)]
        try:
            yield sent
        finally:
            over.set()
        for each in clients:
            each.result()
    for fact, _ in sent:
        program.expect(fact)


def test_many_processes_are_one_program(program: Program) -> None:
    campaign = create_through_both(program)
    change_through_one_and_see_it_through_the_other(program, campaign)
    kill_each_under_load(program)
    move_time_through_one_and_see_it_through_the_other(program, campaign)
    nobody_was_paid_twice_and_nobody_less(program)
    assert [process.stop() for process in (*program.services, *program.workers)] == [0] * 4
    quiet = Console(quiet=True)
    assert prove(program.postgres.conninfo, (), as_of=None, switch=False, actor="test", console=quiet).sound


def create_through_both(program: Program) -> str:
    """The campaign, which is there once, although it was asked for at both at the same time."""

    def create(service: Service) -> dict[str, Any]:
        return service.send("POST", "/tiered-campaigns", hourly(program.start), **{"idempotency-key": "hours"})

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(create, program.services)
    assert one == other
    return str(one["id"])


def change_through_one_and_see_it_through_the_other(program: Program, campaign: str) -> None:
    one, other = program.services
    for here, there in [(one, other), (other, one)] * 4:
        assert here.send("POST", f"/tiered-campaigns/{campaign}/activate")["status"] == "active"
        fact = program.fact("M-0", 2)
        assert kinds(there.send("POST", "/transactions", fact))[0] == "contribution"
        program.expect(fact)
        assert here.send("POST", f"/tiered-campaigns/{campaign}/deactivate")["status"] == "inactive"
        answer = there.send("POST", "/transactions", program.fact("M-0", 2))
        assert kinds(answer) == ["campaign_inactive"]
        [standing] = here.get("/members/M-0/tiered-campaigns", answer["position"])["data"]
        assert standing["total"] == str(program.expected["M-0"])
    one.send("POST", f"/tiered-campaigns/{campaign}/activate")


def kill_each_under_load(program: Program) -> None:
    """And Postgres restarts; the first occurrence is evaluated meanwhile."""
    with loaded(program) as sent:
        for process in (*program.workers, *program.services):
            time.sleep(0.5)
            process.kill()
            time.sleep(0.5)
            process.start()
        until(lambda: any(kinds(answer) == ["contribution", "correction"] for _, answer in sent))
        for service in program.services:
            service.ready()
        program.postgres.stop()
        time.sleep(0.3)
        program.postgres.start()
        before = len(sent)
        until(lambda: len(sent) > before + CLIENTS)
    assert {kind for _, answer in sent for kind in kinds(answer)} <= {"contribution", "correction"}
    for number, (fact, answer) in enumerate(sent[:: max(len(sent) // 20, 1)]):
        assert program.services[number % 2].send("POST", "/transactions", fact) == answer


def move_time_through_one_and_see_it_through_the_other(program: Program, campaign: str) -> None:
    one, other = program.services
    for hour, (here, there) in enumerate([(one, other), (other, one)], start=1):
        now = program.start + timedelta(hours=hour, minutes=30)
        here.send("PUT", "/clock", {"now": now.isoformat()})
        assert datetime.fromisoformat(there.send("GET", "/clock")["now"]) == now
        rows = there.send("GET", f"/tiered-campaigns/{campaign}/statistics?sort=number")["data"]
        assert [row["status"] for row in rows[: hour + 1]] == ["completed"] * hour + ["active"]
        fact = program.fact("M-1", 3)
        answer = there.send("POST", "/transactions", fact)
        assert kinds(answer) == ["contribution", "correction"]
        program.expect(fact)
        newest = here.get("/members/M-1/decisions", answer["position"])["data"][0]
        assert datetime.fromisoformat(newest["recorded_at"]) == now


def nobody_was_paid_twice_and_nobody_less(program: Program) -> None:
    one, other = program.services
    position = other.send("PUT", "/lists/last", {})["position"]
    for member in MEMBERS:
        [account] = one.get(f"/members/{member}/accounts", position)["data"]
        assert account["awarded"] == str(program.expected[member] * RATE)
    until(lambda: {job["status"] for job in one.send("GET", "/jobs")["data"]} == {"finished"})
