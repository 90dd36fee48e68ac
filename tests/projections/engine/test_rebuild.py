import asyncio
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import psycopg
import pytest
from psycopg.sql import SQL, Identifier, Literal

from application.log.check import Finding
from application.log.events import Recorded
from application.streams import MEMBER
from domain.members import member
from projections.engine import store
from projections.engine.certificate import Certificate, TableCertificate
from projections.engine.changes import Changes
from projections.engine.follower import Follower
from projections.engine.projection import Projection
from projections.engine.rebuild import (
    TURN_LOCK,
    NotReached,
    RebuildRunning,
    RebuildStage,
    RebuildTask,
    rebuild,
    take_turn,
)
from projections.registry import PROJECTIONS
from projections.service import projections as following
from tests.projections.following import followed, rows, until, wait_until_reached
from tests.projections.history import MAPPER, Log, Program, Recording

ROOT = Path(__file__).parents[3]
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
    certificate = rebuild(conninfo, MAPPER, RebuildTask(projections=(projection,)))
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
        until(lambda: store.stored(connection).get("catalogue", store.StoredProjection("", 0, 0, None)).position > 100)
        first = rebuild(conninfo, MAPPER, RebuildTask(projections=PROJECTIONS))
        second = rebuild(conninfo, MAPPER, RebuildTask(projections=PROJECTIONS, switch=False))
    finally:
        done.set()
        arriving.join()
        follower.stop()
    assert first.identical
    assert second.identical
    followed(conninfo)
    assert rebuild(conninfo, MAPPER, RebuildTask(projections=PROJECTIONS, switch=False)).identical
    assert {stored.error for stored in store.stored(connection).values()} == {None}


def test_an_audit_shows_what_differs_and_changes_nothing(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    log.append(Program(1).whole())
    followed(conninfo)
    connection.execute("update p_members.members set tier = 'platinum' where id = 'M-1-3'")
    connection.execute("delete from p_members.members where id = 'M-1-4'")
    connection.execute("insert into p_members.list_members values ('friends', 'M-9', now())")
    certificate = rebuild(conninfo, MAPPER, RebuildTask(projections=PROJECTIONS, switch=False))
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
    rebuild(conninfo, MAPPER, RebuildTask(projections=(MEMBERS,)))
    assert rebuild(conninfo, MAPPER, RebuildTask(projections=PROJECTIONS, switch=False)).identical


def test_digests_as_of_a_past_position_are_those_of_then(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    history = Program(1).whole()
    then = log.append(history[:400])
    followed(conninfo)
    audit = rebuild(conninfo, MAPPER, RebuildTask(projections=PROJECTIONS, switch=False))
    log.append(history[400:])
    followed(conninfo)
    later = rebuild(conninfo, MAPPER, RebuildTask(projections=PROJECTIONS, as_of=then))
    assert [[made.rebuilt for made in projection.tables] for projection in later.projections] == [
        [made.rebuilt for made in projection.tables] for projection in audit.projections
    ]
    assert all(made.live is None for projection in later.projections for made in projection.tables)
    assert all(projection.switched_at is None for projection in later.projections)
    with pytest.raises(NotReached):
        rebuild(conninfo, MAPPER, RebuildTask(projections=PROJECTIONS, as_of=100_000))
    assert schemas(connection) == {projection.schema for projection in PROJECTIONS}


def test_a_stopped_projection_is_revived_by_its_rebuild(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    log.append(Program(1).whole())
    followed(conninfo)
    last = log.append(Program(2).whole())
    with connection.transaction():
        store.stop(connection, "members", "it had a fault")
    certificate = rebuild(conninfo, MAPPER, RebuildTask(projections=(MEMBERS,)))
    (made,) = certificate.projections
    assert certificate.identical
    assert made.position < last
    assert store.stored(connection)["members"] == store.StoredProjection("members", 1, last, None)
    assert len(rows(connection, "p_members", "members")) == 24


def test_a_rebuild_that_fails_leaves_the_live_tables_and_says_so(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    def fail(_: Changes, recorded: Recorded) -> None:
        raise ValueError(recorded.tag)

    last = log.append(Program(1).whole())
    followed(conninfo)
    broken = Projection("members", 1, MEMBERS.tables, {**MEMBERS.folds, "member.changed": fail})
    certificate = rebuild(conninfo, MAPPER, RebuildTask(projections=(broken, *PROJECTIONS[1:])))
    made, *others = certificate.projections
    assert made.failure
    assert re.fullmatch(r"ValueError: member\.changed \(at position \d+\)", made.failure)
    assert (made.tables, made.switched_at, made.sound) == ((), None, False)
    assert all(other.sound and other.switched_at == last for other in others)
    assert not certificate.sound
    assert store.stored(connection)["members"] == store.StoredProjection("members", 1, last, None)
    (row,) = rows(connection, "laurel", "rebuilds")
    assert (row["status"], row["error"]) == ("failed", f"members: {made.failure}")
    assert msgspec.convert(row["certificate"], Certificate) == certificate
    assert schemas(connection) == {projection.schema for projection in PROJECTIONS}


def test_a_rebuild_is_on_record_with_its_certificate(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    log.append(Program(1).whole())
    followed(conninfo)
    seen: list[RebuildStage] = []
    task = RebuildTask(projections=PROJECTIONS)
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
        rebuild(conninfo, MAPPER, RebuildTask(projections=PROJECTIONS))


KILLED = """
import sys
from projections.engine.rebuild import RebuildTask, rebuild
from projections.registry import PROJECTIONS
from tests.projections.history import MAPPER
def shown(progress):
    sys.stdout.write("x")
    sys.stdout.flush()
while True:
    rebuild(sys.argv[1], MAPPER, RebuildTask(projections=PROJECTIONS), progress=shown)
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
    assert rebuild(conninfo, MAPPER, RebuildTask(projections=PROJECTIONS)).identical
    assert schemas(connection) == {projection.schema for projection in PROJECTIONS}
    statuses = {row["status"] for row in rows(connection, "laurel", "rebuilds")}
    assert statuses <= {"interrupted", "finished"}


async def test_a_killed_rebuild_is_shown_as_interrupted_at_once(conninfo: str, connection: psycopg.Connection) -> None:
    task = RebuildTask(projections=(MEMBERS,), requested_by="auditor")
    turn = take_turn(conninfo)
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as reading:
        assert await following.announce(reading, task)
        running = await following.rebuild(reading, task.id)
        turn.connection.close()
        await asyncio.to_thread(until, lambda: free(connection))
        killed = await following.rebuild(reading, task.id)
        listed, _ = await following.rebuilds_page(reading, following.REBUILDS.read({"status": "interrupted"}))
    assert running
    assert killed
    assert (running.status, running.error, running.requested_by) == ("running", None, "auditor")
    assert (killed.status, killed.error) == ("interrupted", "the program stopped before the rebuild was finished")
    assert listed == [killed]


CUT = "delete from laurel.events where position > {0}; update laurel.heads set head = {0}"


def test_a_log_shorter_than_what_was_read_of_it_is_named_and_rebuilt(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    history = Program(1).whole()
    kept = log.append(history[:400])
    last = log.append(history[400:])
    followed(conninfo)
    connection.execute(CUT.format(kept))
    audit = rebuild(conninfo, MAPPER, RebuildTask(projections=PROJECTIONS, switch=False))
    assert not audit.sound
    for made in audit.projections:
        assert made.faults == (f"stands at position {last}, and the log ends at {kept}",)
        assert (made.position, made.failure) == (kept, None)
    assert not table(audit, "facts").identical
    assert store.stored(connection)["members"].position == last
    again = rebuild(conninfo, MAPPER, RebuildTask(projections=PROJECTIONS))
    assert {made.switched_at for made in again.projections} == {kept}
    assert all(made.sound for made in rebuild(conninfo, MAPPER, RebuildTask(projections=PROJECTIONS)).projections)


def test_a_log_that_went_on_otherwise_is_named(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    last = log.append(Program(1).whole())
    followed(conninfo)
    connection.execute("update laurel.events set envelope = envelope || '\\x00' where position = %s", [last])
    (made,) = rebuild(conninfo, MAPPER, RebuildTask(projections=(MEMBERS,), switch=False)).projections
    assert made.faults == (f"stands at position {last}, where the log has another event than it had",)
    assert not made.sound


def test_a_hole_in_the_log_is_named_by_everything_that_reads_it(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    log.append(Program(1).whole())
    followed(conninfo)
    connection.execute("delete from laurel.events where position = 7")
    audit = rebuild(conninfo, MAPPER, RebuildTask(projections=PROJECTIONS, switch=False))
    assert audit.log
    assert audit.log.findings[0] == Finding("position 7 is not there", 7)
    for made in audit.projections:
        assert made.failure
        assert made.failure.startswith("Damaged: the log is damaged: ")
        assert "after position 0" in made.failure
    assert (
        rebuild(conninfo, MAPPER, RebuildTask(projections=(MEMBERS,))).projections[0].failure
        == audit.projections[0].failure
    )


MISSING = {
    "a table": ("drop table p_members.members", "lacks its table p_members.members"),
    "a schema": ("drop schema p_members cascade", "lacks its table p_members.list_members"),
    "a row": ("delete from laurel.projections where name = 'members'", "is not there yet"),
    "all of it": (
        "drop schema p_members cascade; delete from laurel.projections where name = 'members'",
        "is not there yet",
    ),
    "an error": ("update laurel.projections set error = 'it broke' where name = 'members'", "has stopped: it broke"),
    "a version": (
        "update laurel.projections set version = 99 where name = 'members'",
        "is of version 99, newer than 1, which this program knows",
    ),
}


@pytest.mark.parametrize("what", MISSING)
def test_what_is_missing_of_a_projection_is_named_and_rebuilt(
    conninfo: str, log: Log, connection: psycopg.Connection, what: str
) -> None:
    last = log.append(Program(1).whole())
    followed(conninfo)
    damage, fault = MISSING[what]
    connection.execute(damage)
    for _ in range(2):
        audit = rebuild(conninfo, MAPPER, RebuildTask(projections=PROJECTIONS, switch=False))
        (made,) = (made for made in audit.projections if not made.sound)
        assert (made.projection, made.failure) == ("members", None)
        assert fault in made.faults
    assert rebuild(conninfo, MAPPER, RebuildTask(projections=(MEMBERS,))).projections[0].switched_at == last
    assert all(made.sound for made in rebuild(conninfo, MAPPER, RebuildTask(projections=PROJECTIONS)).projections)


def test_a_column_that_is_gone_is_named_too(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    log.append(Program(1).whole())
    followed(conninfo)
    connection.execute("alter table p_members.members drop column tier")
    audit = rebuild(conninfo, MAPPER, RebuildTask(projections=PROJECTIONS, switch=False))
    assert "tier does not exist" in (table(audit, "members").fault or "")
    assert [made.projection for made in audit.projections if not made.sound] == ["members"]


def test_a_projection_of_an_older_version_is_not_taken_for_sound(conninfo: str, log: Log) -> None:
    log.append(Program(1).whole())
    followed(conninfo)
    newer = Projection("members", 2, MEMBERS.tables, MEMBERS.folds)
    audit = rebuild(conninfo, MAPPER, RebuildTask(projections=(newer,), switch=False))
    assert (audit.identical, audit.sound) == (True, False)


SETTINGS = {
    "datestyle": "SQL, DMY",
    "intervalstyle": "sql_standard",
    "extra_float_digits": "-3",
    "bytea_output": "escape",
    "timezone": "Asia/Kathmandu",
    "client_encoding": "latin1",
    "standard_conforming_strings": "off",
}


def test_digests_do_not_hang_on_how_the_server_writes_values(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    log.append(Program(1).whole())
    followed(conninfo)
    first = rebuild(conninfo, MAPPER, RebuildTask(projections=PROJECTIONS, switch=False))
    for name, value in SETTINGS.items():
        connection.execute(
            SQL("alter database {} set {} to {}").format(
                Identifier(connection.info.dbname), Identifier(name), Literal(value)
            )
        )
    followed(conninfo)
    again = rebuild(conninfo, MAPPER, RebuildTask(projections=PROJECTIONS, switch=False))
    assert again.projections == first.projections
    assert all(made.sound for made in again.projections)


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
    task = RebuildTask(projections=(MEMBERS,))
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
        rebuild(conninfo, MAPPER, RebuildTask(projections=(MEMBERS,)))
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
            rebuild(conninfo, MAPPER, RebuildTask(projections=(MEMBERS,)))
    finally:
        follower.stop()
    assert len(rows(connection, "p_members", "members")) == 15
