import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import psycopg
import pytest

from application.log.events import Recorded
from application.streams import MEMBER
from domain import member
from projections import store
from projections.certificate import Certificate, TableCertificate
from projections.changes import Changes
from projections.follower import Follower
from projections.projection import Projection
from projections.rebuild import TURN_LOCK, NotReached, Progress, RebuildRunning, Task, rebuild
from projections.registry import PROJECTIONS
from tests.projections.following import followed, rows, until, wait_until_reached
from tests.projections.history import MAPPER, Log, Program, Recording

ROOT = Path(__file__).parents[2]
MEMBERS = PROJECTIONS[0]


def table(certificate: Certificate, name: str) -> TableCertificate:
    return next(table for made in certificate.projections for table in made.tables if table.table == name)


def schemas(connection: psycopg.Connection) -> set[str]:
    found = connection.execute("select nspname::text from pg_namespace where nspname like 'p\\_%'")
    return {row[0] for row in found}


@pytest.mark.parametrize("projection", PROJECTIONS, ids=[projection.name for projection in PROJECTIONS])
def test_rebuilt_is_the_same_as_live(
    conninfo: str, log: Log, connection: psycopg.Connection, projection: Projection
) -> None:
    """Live in small batches, with every event there is; rebuilt in one."""
    history = Program(1).whole()
    for start in range(0, len(history), 37):
        last = log.append(history[start : start + 37])
        followed(conninfo)
    before = {made.name: rows(connection, projection.schema, made.name) for made in projection.tables}
    certificate = rebuild(conninfo, MAPPER, Task(projections=(projection,)))
    assert certificate.identical
    (made,) = certificate.projections
    assert (made.position, made.switched_at) == (last, last)
    for compared in made.tables:
        assert compared.identical is True
        assert compared.rebuilt.rows > 0, f"the history puts nothing in {compared.table}"
    assert {made.name: rows(connection, projection.schema, made.name) for made in projection.tables} == before
    assert schemas(connection) == {projection.schema for projection in PROJECTIONS}


def test_all_are_rebuilt_and_switched_while_facts_keep_arriving(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    program, done = Program(2), threading.Event()
    log.append(program.begin())

    def arrive() -> None:
        while not done.is_set():
            log.append(program.facts(10))
            time.sleep(0.005)

    arriving = threading.Thread(target=arrive)
    follower = Follower(conninfo, MAPPER, PROJECTIONS)
    follower.start()
    arriving.start()
    try:
        until(lambda: store.stored(connection).get("catalogue", store.Stored("", 0, 0, None)).position > 100)
        first = rebuild(conninfo, MAPPER, Task(projections=PROJECTIONS))
        second = rebuild(conninfo, MAPPER, Task(projections=PROJECTIONS, switch=False))
    finally:
        done.set()
        arriving.join()
        follower.stop()
    assert first.identical
    assert second.identical
    followed(conninfo)
    assert rebuild(conninfo, MAPPER, Task(projections=PROJECTIONS, switch=False)).identical
    assert {stored.error for stored in store.stored(connection).values()} == {None}


def test_an_audit_shows_what_differs_and_changes_nothing(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    log.append(Program(1).whole())
    followed(conninfo)
    connection.execute("update p_members.members set tier = 'platinum' where id = 'M-1-3'")
    connection.execute("delete from p_members.members where id = 'M-1-4'")
    connection.execute("insert into p_members.list_members values ('friends', 'M-9', now())")
    certificate = rebuild(conninfo, MAPPER, Task(projections=PROJECTIONS, switch=False))
    assert not certificate.identical
    members = table(certificate, "members")
    assert (members.only_live, members.only_rebuilt, members.different) == (0, 1, 1)
    changed, gone = members.differences
    assert changed.key == {"id": "M-1-3"}
    assert changed.live
    assert changed.rebuilt
    assert (changed.live["tier"], changed.rebuilt["tier"]) == ("platinum", "gold")
    assert (gone.key, gone.live) == ({"id": "M-1-4"}, None)
    lists = table(certificate, "list_members")
    assert (lists.only_live, lists.only_rebuilt, lists.different) == (1, 0, 0)
    assert lists.differences[0].rebuilt is None
    assert table(certificate, "facts").identical
    assert len(rows(connection, "p_members", "members")) == 11
    rebuild(conninfo, MAPPER, Task(projections=(MEMBERS,)))
    assert rebuild(conninfo, MAPPER, Task(projections=PROJECTIONS, switch=False)).identical


def test_digests_as_of_a_past_position_are_those_of_then(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    history = Program(1).whole()
    then = log.append(history[:400])
    followed(conninfo)
    audit = rebuild(conninfo, MAPPER, Task(projections=PROJECTIONS, switch=False))
    log.append(history[400:])
    followed(conninfo)
    later = rebuild(conninfo, MAPPER, Task(projections=PROJECTIONS, as_of=then))
    assert [[made.rebuilt for made in projection.tables] for projection in later.projections] == [
        [made.rebuilt for made in projection.tables] for projection in audit.projections
    ]
    assert all(made.live is None for projection in later.projections for made in projection.tables)
    assert all(projection.switched_at is None for projection in later.projections)
    with pytest.raises(NotReached):
        rebuild(conninfo, MAPPER, Task(projections=PROJECTIONS, as_of=100_000))
    assert schemas(connection) == {projection.schema for projection in PROJECTIONS}


def test_a_stopped_projection_is_revived_by_its_rebuild(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    log.append(Program(1).whole())
    followed(conninfo)
    last = log.append(Program(2).whole())
    with connection.transaction():
        store.stop(connection, "members", "it had a fault")
    certificate = rebuild(conninfo, MAPPER, Task(projections=(MEMBERS,)))
    (made,) = certificate.projections
    assert certificate.identical
    assert made.position < last
    assert store.stored(connection)["members"] == store.Stored("members", 1, last, None)
    assert len(rows(connection, "p_members", "members")) == 24


def test_a_rebuild_that_fails_leaves_the_live_tables_and_says_so(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    def fail(_: Changes, recorded: Recorded) -> None:
        raise ValueError(recorded.tag)

    last = log.append(Program(1).whole())
    followed(conninfo)
    broken = Projection("members", 1, MEMBERS.tables, {**MEMBERS.folds, "member.changed": fail})
    with pytest.raises(ValueError, match=r"member\.changed"):
        rebuild(conninfo, MAPPER, Task(projections=(broken,)))
    assert store.stored(connection)["members"] == store.Stored("members", 1, last, None)
    (row,) = rows(connection, "laurel", "rebuilds")
    assert (row["status"], row["certificate"]) == ("failed", None)
    assert "ValueError" in row["error"]
    assert schemas(connection) == {projection.schema for projection in PROJECTIONS}


def test_a_rebuild_is_on_record_with_its_certificate(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    log.append(Program(1).whole())
    followed(conninfo)
    seen: list[Progress] = []
    task = Task(projections=PROJECTIONS)
    certificate = rebuild(conninfo, MAPPER, task, progress=seen.append)
    (row,) = rows(connection, "laurel", "rebuilds")
    assert (row["id"], row["status"], row["error"]) == (task.id, "finished", None)
    assert row["projections"] == [projection.name for projection in PROJECTIONS]
    assert msgspec.convert(row["certificate"], Certificate) == certificate
    assert seen
    assert row["progress"]["of"] == len(PROJECTIONS)


def test_one_rebuild_at_a_time(conninfo: str, connection: psycopg.Connection) -> None:
    connection.execute("select pg_advisory_lock(%s)", [TURN_LOCK])
    with pytest.raises(RebuildRunning):
        rebuild(conninfo, MAPPER, Task(projections=PROJECTIONS))


KILLED = """
import sys
from projections.rebuild import Task, rebuild
from projections.registry import PROJECTIONS
from tests.projections.history import MAPPER
def shown(progress):
    sys.stdout.write("x")
    sys.stdout.flush()
while True:
    rebuild(sys.argv[1], MAPPER, Task(projections=PROJECTIONS), progress=shown)
"""


def test_a_killed_rebuild_leaves_nothing_that_the_next_one_does_not_clean(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    program = Program(1)
    log.append(program.begin())
    for _ in range(20):
        log.append(program.facts(200))
    followed(conninfo)
    for pause in (0.0, 0.05, 0.11, 0.17):
        started = subprocess.Popen([sys.executable, "-c", KILLED, conninfo], stdout=subprocess.PIPE, cwd=ROOT)
        assert started.stdout
        assert started.stdout.read(1) == b"x"
        time.sleep(pause)
        started.kill()
        started.communicate()
        until(lambda: free(connection))
        assert schemas(connection) >= {projection.schema for projection in PROJECTIONS}
    assert rebuild(conninfo, MAPPER, Task(projections=PROJECTIONS)).identical
    assert schemas(connection) == {projection.schema for projection in PROJECTIONS}
    statuses = {row["status"] for row in rows(connection, "laurel", "rebuilds")}
    assert statuses <= {"failed", "finished"}


def free(connection: psycopg.Connection) -> bool:
    row = connection.execute("select count(*) from pg_locks where locktype = 'advisory' and objid = %s", [TURN_LOCK])
    found = row.fetchone()
    return found is not None and found[0] == 0


NOTED = """
create table public.noted (status text);
create function public.note() returns trigger language plpgsql as $$
begin insert into public.noted values (new.status); return new; end $$;
create trigger note after insert or update on laurel.rebuilds for each row execute function public.note();
insert into laurel.rebuilds (id, projections, as_of, switch, status, progress)
values ('{}', '{{members}}', null, true, 'running', '{{}}');
"""


def test_a_rebuild_that_was_announced_is_not_taken_for_one_that_was_killed(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    log.append(Program(1).whole())
    followed(conninfo)
    task = Task(projections=(MEMBERS,))
    connection.execute(NOTED.format(task.id))
    rebuild(conninfo, MAPPER, task)
    assert {row["status"] for row in rows(connection, "public", "noted")} == {"running", "finished"}


def test_readers_go_on_through_a_switch(conninfo: str, log: Log) -> None:
    """Also with statements they have prepared."""
    log.append(Program(1).whole())
    followed(conninfo)
    done, failures, counts = threading.Event(), [], set()

    def read() -> None:
        with psycopg.connect(conninfo, autocommit=True, prepare_threshold=0) as reading:
            while not done.is_set():
                try:
                    row = reading.execute("select count(*) from p_members.members").fetchone()
                    counts.add(row)
                except psycopg.Error as error:
                    failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(5):
        rebuild(conninfo, MAPPER, Task(projections=(MEMBERS,)))
    done.set()
    reader.join()
    assert failures == []
    assert counts == {(12,)}


def test_what_is_recorded_after_a_switch_is_followed(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    log.append(Program(1).whole())
    follower = Follower(conninfo, MAPPER, PROJECTIONS)
    follower.start()
    try:
        for number in range(3):
            last = log.append([Recording(MEMBER.at(f"N-{number}"), member.Registered(f"N-{number}"))])
            wait_until_reached(connection, last, "members")
            rebuild(conninfo, MAPPER, Task(projections=(MEMBERS,)))
    finally:
        follower.stop()
    assert len(rows(connection, "p_members", "members")) == 15
