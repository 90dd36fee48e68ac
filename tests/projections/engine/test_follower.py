import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from random import Random
from select import select

import psycopg
import pytest
from msgspec.structs import replace

from application.log.events import Recorded
from application.log.reader import read_page
from application.service import actors
from application.streams import MEMBER
from domain.members import member
from domain.service.administration import RebuildStarted
from projections.engine import store
from projections.engine.changes import Changes
from projections.engine.follower import Follower
from projections.engine.positions import Positions
from projections.engine.projection import Projection
from projections.engine.rebuild import RebuildTask, rebuild
from projections.registry import PROJECTIONS
from tests.projections.following import followed, reached, rows, until, wait_until_reached
from tests.projections.history import MAPPER, Log, Program, Recording

ROOT = Path(__file__).parents[3]


@contextmanager
def running(conninfo: str, projections: tuple[Projection, ...] = PROJECTIONS) -> Iterator[Follower]:
    follower = Follower(conninfo, MAPPER, projections)
    follower.start()
    try:
        yield follower
    finally:
        follower.stop()


@contextmanager
def process(conninfo: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own that leads."""
    started = subprocess.Popen(
        [sys.executable, "-m", "tests.projections.follow", conninfo], stdout=subprocess.PIPE, cwd=ROOT
    )
    try:
        assert started.stdout
        assert select([started.stdout], [], [], 20)[0], "the process does not lead"
        yield started
    finally:
        started.kill()
        started.communicate()


@asynccontextmanager
async def kept_up(positions: Positions) -> AsyncIterator[Positions]:
    keeping_up = asyncio.create_task(positions.run())
    try:
        yield positions
    finally:
        keeping_up.cancel()
        await asyncio.wait([keeping_up])


def follower_leads(follower: Follower) -> bool:
    return follower.leads


def joined(number: int) -> Recording:
    return Recording(MEMBER.at(f"N-{number}"), member.Registered(f"N-{number}"))


def failing(projection: Projection, tag: str) -> Projection:
    """The same projection with a fold that can't go on."""

    def fail(_: Changes, recorded: Recorded) -> None:
        raise ValueError(f"{recorded.tag} is more than it can take")

    return replace(projection, folds={**projection.folds, tag: fail})


def test_what_is_recorded_is_seen(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    with running(conninfo):
        last = log.append(Program(1).whole())
        wait_until_reached(connection, last)
        assert len(rows(connection, "p_members", "members")) == 12


def test_it_is_seen_without_a_notification_too(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    with running(conninfo) as follower:
        until(lambda: follower.leads)
        last = log.append([joined(1)], notify=False)
        wait_until_reached(connection, last)


def test_waking_it_in_process_is_quick(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    with running(conninfo) as follower:
        until(lambda: follower.leads)
        taken = []
        for number in range(5):
            last = log.append([joined(number)], notify=False)
            begun = time.monotonic()
            follower.wake()
            wait_until_reached(connection, last)
            taken.append(time.monotonic() - begun)
        assert min(taken) < 0.5


def test_a_failing_projection_stops_and_the_others_go_on(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    first = log.append([joined(1)])
    followed(conninfo)
    last = log.append(Program(1).whole())
    broken = (failing(PROJECTIONS[0], "member.list_joined"), *PROJECTIONS[1:])
    found = followed(conninfo, broken)
    assert {name: stored.position for name, stored in found.items()} == {
        projection.name: first if projection.name == "members" else last for projection in PROJECTIONS
    }
    assert "ValueError: member.list_joined is more than it can take (at position" in (found["members"].error or "")
    assert len(rows(connection, "p_members", "members")) == 1, "nothing of the page it failed in is there"
    found = followed(conninfo)
    assert found["members"] == store.StoredProjection("members", 1, last, None)
    assert len(rows(connection, "p_members", "members")) == 13


@pytest.mark.parametrize("apart", [True, False], ids=["in batches of one", "in one batch"])
def test_a_row_that_is_there_already_stops_its_projection_only(conninfo: str, log: Log, *, apart: bool) -> None:
    last = 0
    for recordings in [[joined(1)], [joined(1)]] if apart else [[joined(1), joined(1)]]:
        last = log.append(recordings)
        found = followed(conninfo)
    assert found["members"].position == last - len(recordings)
    assert found["members"].error
    assert found["facts"] == store.StoredProjection("facts", 1, last, None)


def test_an_event_of_a_newer_version_stops_every_projection(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    last = log.append([joined(1)])
    connection.execute("update laurel.events set tag = 'member.teleported' where position = %s", [last])
    found = followed(conninfo)
    assert {stored.position for stored in found.values()} == {0}
    assert all("member.teleported" in (stored.error or "") for stored in found.values())


def test_a_hole_in_the_log_stops_every_projection_before_it(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    first = log.append([joined(1)])
    followed(conninfo)
    log.append([joined(number) for number in (2, 3, 4)])
    connection.execute("delete from laurel.events where position = %s", [first + 2])
    found = followed(conninfo)
    assert {stored.position for stored in found.values()} == {first}
    assert all("2 events are there after position 1 and up to 4" in (stored.error or "") for stored in found.values())


def test_a_log_cut_short_stops_projections_instead_of_passing_the_next_events_by(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    """Also where the log has grown again beyond where they stand, before anybody has looked."""
    log.append([joined(1), joined(2), joined(3)])
    followed(conninfo)
    cut = "delete from laurel.events where position > 1; update laurel.heads set head = 1"
    connection.execute(cut)
    found = followed(conninfo)
    assert {stored.error for stored in found.values()} == {"stands at position 3, and the log ends at 1; rebuild it"}
    log.append([joined(number) for number in range(4, 10)])
    connection.execute(  # of another command
        "update laurel.events set envelope = (select envelope from laurel.events where position = 1) where position = 3"
    )
    found = followed(conninfo)
    assert {stored.position for stored in found.values()} == {3}
    assert {stored.error for stored in found.values()} == {
        "stands at position 3, where the log has another event than it had; rebuild it"
    }
    rebuild(conninfo, MAPPER, RebuildTask(projections=PROJECTIONS))
    found = followed(conninfo)
    assert {(stored.position, stored.error) for stored in found.values()} == {(7, None)}
    assert len(rows(connection, "p_members", "members")) == 7


def test_a_log_cut_short_under_a_leader_stops_it(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    last = log.append([joined(1), joined(2), joined(3)])
    with running(conninfo):
        wait_until_reached(connection, last)
        connection.execute("delete from laurel.events where position > 1; update laurel.heads set head = 1")
        until(lambda: all(stored.error for stored in store.stored(connection).values()))


def test_a_projection_that_lost_its_row_begins_anew(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    last = log.append(Program(1).whole())
    followed(conninfo)
    connection.execute("delete from laurel.projections where name = 'members'")
    assert followed(conninfo)["members"] == store.StoredProjection("members", 1, last, None)
    assert rebuild(conninfo, MAPPER, RebuildTask(projections=PROJECTIONS, switch=False)).identical


def test_projections_that_stand_apart_come_together(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    log.append(Program(1).whole())
    followed(conninfo, PROJECTIONS[:3])
    last = log.append(Program(2).whole())
    followed(conninfo)
    assert reached(connection, last)


def test_one_process_leads_and_another_takes_over_when_it_is_killed(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    with process(conninfo) as leader, running(conninfo) as standby:
        assert not follower_leads(standby)
        first = log.append([joined(1)])
        wait_until_reached(connection, first)
        leader.kill()
        begun = time.monotonic()
        last = log.append([joined(2)])
        wait_until_reached(connection, last)
        assert follower_leads(standby)
        assert time.monotonic() - begun < 30


SOON_SECONDS = 20.0
"""Generous beside a lease and what a busy machine adds, and less than any time-out of the database's."""


def test_another_takes_over_from_a_process_that_was_stopped_in_a_transaction(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    with process(conninfo) as leader:
        wait_until_reached(connection, log.append([joined(1)]))
        log.append(Program(1).whole(), notify=False)
        stop_in_transaction(connection, leader)
        begun = time.monotonic()
        with running(conninfo) as standby:
            last = log.append([joined(2)])
            wait_until_reached(connection, last)
            assert time.monotonic() - begun < SOON_SECONDS
            leader.send_signal(signal.SIGCONT)
            last = log.append([joined(3)])
            wait_until_reached(connection, last)
            assert follower_leads(standby)
    assert rebuild(conninfo, MAPPER, RebuildTask(projections=PROJECTIONS, switch=False)).identical


def stop_in_transaction(connection: psycopg.Connection, leader: subprocess.Popen[bytes]) -> None:
    """Stops it while it holds the projections' rows, which it is made to keep for a while at first."""
    with connection.transaction():
        connection.execute("lock table p_members.members in share mode")
        until(lambda: _waits_for_lock(connection))
        leader.send_signal(signal.SIGSTOP)


def _waits_for_lock(connection: psycopg.Connection) -> bool:
    row = connection.execute(
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and application_name = 'laurel projections' and wait_event_type = 'Lock'"
    ).fetchone()
    return row == (1,)


def test_a_leader_whose_session_hangs_is_taken_over_from(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    """Its process lives, and would renew its lease for ever."""
    with running(conninfo) as hung:
        wait_until_reached(connection, log.append([joined(1)]))
        with stopped_session(connection, "laurel projections"), running(conninfo) as standby:
            begun = time.monotonic()
            last = log.append([joined(2)])
            wait_until_reached(connection, last)
            assert time.monotonic() - begun < SOON_SECONDS
            assert follower_leads(standby)
        until(lambda: not hung.leads)
        last = log.append([joined(3)])
        wait_until_reached(connection, last)


@contextmanager
def stopped_session(connection: psycopg.Connection, name: str) -> Iterator[None]:
    """The server's process for the session called so stands still, while it holds nothing."""
    found: list[int] = []

    def stopped() -> bool:
        if found:
            os.kill(found.pop(), signal.SIGCONT)
        found.extend(_idle(connection, name))
        for pid in found:
            os.kill(pid, signal.SIGSTOP)
        return bool(found) and _idle(connection, name) == found

    until(stopped)
    try:
        yield
    finally:
        os.kill(found[0], signal.SIGCONT)


def _idle(connection: psycopg.Connection, name: str) -> list[int]:
    rows = connection.execute(
        "select pid from pg_stat_activity where datname = current_database() and application_name = %s"
        " and state = 'idle'",
        [name],
    )
    return [pid for (pid,) in rows]


def test_killing_it_again_and_again_neither_loses_nor_doubles(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    random = Random(5)  # noqa: S311
    program = Program(3)
    last = log.append(program.begin())
    for _ in range(4):
        with process(conninfo):
            for _ in range(random.randrange(2, 12)):
                last = log.append(program.facts(20))
                time.sleep(random.random() / 50)
    followed(conninfo)
    assert reached(connection, last)
    certificate = rebuild(conninfo, MAPPER, RebuildTask(projections=PROJECTIONS, switch=False))
    assert certificate.identical


def test_a_lost_connection_is_made_again(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    with running(conninfo) as follower:
        until(lambda: follower.leads)
        for number in range(3):
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and application_name = 'laurel projections'"
            )
            last = log.append([joined(number)])
            wait_until_reached(connection, last)


async def test_waiting_for_a_position(conninfo: str, log: Log) -> None:
    async with kept_up(Positions(conninfo)) as positions:
        with running(conninfo):
            last = await asyncio.to_thread(log.append, Program(1).whole())
            assert await positions.wait_for(last, 60)
            assert positions.reached() == positions.reached("members", "facts") == last
            assert not await positions.wait_for(last + 1, 0.1)


async def test_nobody_waits_for_a_projection_that_has_stopped(conninfo: str, log: Log) -> None:
    last = log.append([joined(1)])
    broken = (failing(PROJECTIONS[0], "member.registered"), *PROJECTIONS[1:])
    await asyncio.to_thread(followed, conninfo, broken)
    async with kept_up(Positions(conninfo)) as positions:
        assert await positions.wait_for(last, 60, "facts")
        begun = time.monotonic()
        assert not await positions.wait_for(last, 60)
        assert time.monotonic() - begun < 30


def test_a_projection_of_an_older_version_is_rebuilt_when_it_starts(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    log.append(Program(1).whole())
    followed(conninfo)
    old = PROJECTIONS[1]
    newer = replace(old, version=2)
    last = log.append(Program(2).whole())
    with running(conninfo, (PROJECTIONS[0], newer, *PROJECTIONS[2:])):
        until(lambda: store.stored(connection)["facts"] == store.StoredProjection("facts", 2, last + 1, None))
        started = read_page(connection, MAPPER, last).events[0]
        assert (started.tag, started.envelope.actor) == (RebuildStarted.tag, actors.UPGRADE)
        last = log.append(Program(4).whole())
        wait_until_reached(connection, last)
    assert rebuild(conninfo, MAPPER, RebuildTask(projections=(newer,), switch=False)).identical


def test_an_older_program_leaves_a_newer_projection_alone(conninfo: str, log: Log) -> None:
    old = PROJECTIONS[1]
    newer = replace(old, version=2)
    followed(conninfo, (newer,))
    last = log.append(Program(1).whole())
    found = followed(conninfo)
    assert (found["facts"].version, found["facts"].position) == (2, 0)
    assert found["members"].position == last


def test_stopping_is_quick(conninfo: str) -> None:
    before = threading.active_count()
    with running(conninfo) as follower:
        until(lambda: follower.leads)
        begun = time.monotonic()
    assert time.monotonic() - begun < 10
    assert threading.active_count() == before
