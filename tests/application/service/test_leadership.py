"""Leases: one process at a time holds one, and another takes it over when it works no more."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import psycopg
import pytest

from application.service import leadership
from application.service.leadership import Lease, standstill
from tests.support.sessions import end_sessions

NAME = "work"
SECONDS = 30.0

Start = Callable[[], Lease]


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leadership, "LEASE_SECONDS", 1.5)
    monkeypatch.setattr(leadership, "RENEWAL_SECONDS", 0.2)
    monkeypatch.setattr(leadership, "STANDBY_SECONDS", 0.1)
    monkeypatch.setattr(leadership, "HANG_SECONDS", 1.5)


@pytest.fixture
def start(database: str) -> Iterator[Start]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(started(database))


@contextmanager
def started(database: str) -> Iterator[Lease]:
    lease = Lease(database, NAME)
    lease.start()
    try:
        yield lease
    finally:
        lease.stop()


def until(holds: Callable[[], object]) -> float:
    """After how many seconds it holds."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < SECONDS, "it took too long"
        time.sleep(0.02)
    return time.monotonic() - begun


def working(lease: Lease, seconds: float) -> bool:
    """Works for so long, and says whether the lease was held all the time."""
    over = time.monotonic() + seconds
    held = True
    while time.monotonic() < over:
        held &= lease.ask()
        lease.worked()
        time.sleep(0.02)
    return held


def test_one_holds_it_while_it_works(start: Start) -> None:
    one, other = start(), start()
    until(one.ask)
    until(lambda: working(one, 0.1) and not other.ask())
    assert working(one, 4.0)
    assert not other.ask()


def test_who_has_not_asked_does_not_get_it(start: Start) -> None:
    start()
    other = start()
    until(other.ask)


def test_who_stops_gives_it_up_at_once(database: str, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leadership, "LEASE_SECONDS", 1_000.0)
    with started(database) as one:
        until(one.ask)
    until(start().ask)


def test_who_hangs_loses_it_and_finds_out_before_it_goes_on(start: Start) -> None:
    one, other = start(), start()
    until(one.ask)
    until(other.ask)
    assert not one.ask()
    assert working(other, 1.0)
    assert not one.ask()


def test_who_resigns_is_followed_by_another(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leadership, "LEASE_SECONDS", 1_000.0)
    one, other = start(), start()
    until(one.ask)
    one.resign(ValueError())
    until(other.ask)
    assert not one.ask()


def test_who_resigns_may_get_it_again(start: Start) -> None:
    one = start()
    until(one.ask)
    for _ in range(3):
        one.resign(ValueError())
        assert not one.ask()
        until(one.ask)


def test_a_lost_connection_does_not_lose_it(database: str, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leadership, "LEASE_SECONDS", 20.0)
    one, other = start(), start()
    until(one.ask)
    other.ask()
    for _ in range(3):
        assert end_sessions(database, "laurel lease of %")
        assert working(one, 1.0)
    assert not other.ask()


def test_a_clock_that_is_set_back_leaves_nobody_waiting(start: Start, connection: psycopg.Connection) -> None:
    connection.execute(
        "insert into laurel.leases values (%s, gen_random_uuid(), now() + interval '1 day', now(), null)", [NAME]
    )
    until(start().ask)


async def told(database: str) -> str | None:
    async with await psycopg.AsyncConnection.connect(database) as connection:
        return await standstill(connection, NAME)


async def test_a_standstill_is_told(database: str, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leadership, "STANDSTILL_SECONDS", 2.0)
    assert await told(database) == "no process has begun with it"
    one = start()
    until(one.ask)
    assert working(one, 0.5)
    assert await told(database) is None
    await asyncio.sleep(2.5)
    assert str(await told(database)).startswith("no process goes on with it (for ")
    assert working(one, 0.5)
    assert await told(database) is None


async def test_a_failure_is_told_once_it_lasts(database: str, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leadership, "STANDSTILL_SECONDS", 2.0)
    one = start()
    over = time.monotonic() + 3.0
    until(one.ask)
    one.worked()
    while time.monotonic() < over:
        until(one.ask)
        one.resign(ValueError("of member M-7"))
        await asyncio.sleep(0.1)
    assert str(await told(database)).startswith("it ends in ValueError (for ")
    until(one.ask)
    assert working(one, 1.0)
    assert await told(database) is None


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection
