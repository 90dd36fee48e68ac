"""Rebuilds projections from the log beside the live ones, compares, and switches, while the service goes on.

One at a time. A rebuild that was killed leaves its schema behind; the next one begins by dropping it. Whatever is
damaged, a rebuild ends: it waits for no position that the log does not have, and a projection that can't be rebuilt
keeps its live tables, with the reason in the certificate.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from importlib.metadata import version
from typing import Any, Self
from uuid import UUID, uuid4

import msgspec
import psycopg
from msgspec import Struct, structs
from psycopg.sql import SQL, Identifier

from application.log.check import Finding, LogCheck
from application.log.errors import Damaged
from application.log.mapper import Mapper
from application.log.reader import PAGE_EVENTS_MOST, last_position, read_page
from domain.service.administration import RebuildStarted
from projections.engine import store
from projections.engine.certificate import (
    SAMPLE_ROWS,
    Certificate,
    LogCertificate,
    ProjectionCertificate,
    TableCertificate,
    compare,
    contents,
)
from projections.engine.changes import Table
from projections.engine.faults import ProjectionFault, find_faults
from projections.engine.positions import CHANNEL
from projections.engine.projection import Projection, described
from projections.engine.session import connect
from projections.engine.writing import write

TURN_LOCK = 0x6C61_0002
TURN_SECONDS = 1.0
PROGRESS_SECONDS = 0.5
SWITCH_TRIES = 100
LOG = "log"
"""What progress says it is at while an audit looks at the log."""


class RebuildError(Exception):
    """The root of what keeps a rebuild from its end; the live tables stay as they are."""


class RebuildRunning(RebuildError):  # noqa: N818  says what is so
    def __init__(self) -> None:
        super().__init__("another rebuild is running; try again when it has finished")


class NotReached(RebuildError):  # noqa: N818  says what is so
    def __init__(self, as_of: int, position: int) -> None:
        super().__init__(f"position {as_of} is not in the log, which ends at {position}")


class Interrupted(RebuildError):  # noqa: N818  says what happened
    def __init__(self) -> None:
        super().__init__("the program stopped before the rebuild was finished")


class OutOfReach(RebuildError):  # noqa: N818  says what is so
    def __init__(self, name: str) -> None:
        super().__init__(f"{name} grows faster than it can be rebuilt; nothing was switched")


class RebuildStage(Struct, frozen=True):
    """The projection being rebuilt, where it stands and where it has to come to; `done` projections `of` so many. An
    audit looks at the log first.
    """

    projection: str
    position: int
    target: int
    done: int
    of: int


class RebuildTask(Struct, frozen=True, kw_only=True):
    """What to rebuild. `as_of` is a past position to build up to, to compare digests; nothing is switched then.

    Without `switch` it is an audit: rebuilt, compared and dropped. `id` is its row in `laurel.rebuilds`, which says too
    who asked for it.
    """

    projections: tuple[Projection, ...]
    as_of: int | None = None
    switch: bool = True
    requested_by: str = ""
    id: UUID = msgspec.field(default_factory=uuid4)

    @property
    def switches(self) -> bool:
        return self.switch and self.as_of is None

    @property
    def act(self) -> RebuildStarted:
        return RebuildStarted(self.id, tuple(projection.name for projection in self.projections))


class RebuildTurn:
    """The right to rebuild, which one has at a time: kept by a connection until it is given back, or ends with it."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    def give_back(self) -> None:
        # the server notices only some time after it that a connection was closed
        with suppress(psycopg.Error):
            self.connection.execute("select pg_advisory_unlock(%s)", [TURN_LOCK])
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.give_back()


def take_turn(conninfo: str, stopped: Callable[[], bool] = lambda: False, *, wait: bool = False) -> RebuildTurn:
    """Raises RebuildRunning where another one has it or, with `wait`, Interrupted once it is stopped."""
    connection = connect(conninfo, "rebuild")
    try:
        _take_turn(connection, stopped, wait=wait)
    except BaseException:
        connection.close()
        raise
    return RebuildTurn(connection)


def _take_turn(connection: psycopg.Connection[Any], stopped: Callable[[], bool], *, wait: bool) -> None:
    while True:
        row = connection.execute("select pg_try_advisory_lock(%s)", [TURN_LOCK]).fetchone()
        if row is not None and row[0]:
            return
        if not wait:
            raise RebuildRunning
        if stopped():
            raise Interrupted
        time.sleep(TURN_SECONDS)


def rebuild(
    conninfo: str,
    mapper: Mapper,
    task: RebuildTask,
    *,
    turn: RebuildTurn | None = None,
    progress: Callable[[RebuildStage], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
    wait: bool = False,
) -> Certificate:
    """What is rebuilt, and what could not be. The turn is given back; where none is given, it is taken, or with `wait`
    waited for.

    Raises a RebuildError, or psycopg.Error where the database is lost or is not what it was set up as.
    """
    with turn or take_turn(conninfo, stopped, wait=wait) as held:
        return _Rebuild(held.connection, mapper, task, progress, stopped).run()


class _Rebuild:
    def __init__(
        self,
        connection: psycopg.Connection[Any],
        mapper: Mapper,
        task: RebuildTask,
        progress: Callable[[RebuildStage], None],
        stopped: Callable[[], bool],
    ) -> None:
        self._connection = connection
        self._mapper = mapper
        self._task = task
        self._progress = progress
        self._stopped = stopped
        self._done = 0
        self._shown = 0.0
        self._read = 0

    def run(self) -> Certificate:
        self._record_start()
        try:
            started_at = self._now()
            log = None if self._task.switch else self._certify_log()
            made = tuple(self._certified(projection) for projection in self._task.projections)
            certificate = Certificate(version("laurel"), self._task.as_of, started_at, self._now(), made, log)
        except Exception as error:
            if not self._connection.closed:
                status = "interrupted" if isinstance(error, Interrupted) else "failed"
                self._record_end(status, None, str(error) if isinstance(error, RebuildError) else described(error))
            raise
        failures = certificate.failures
        self._record_end("failed" if failures else "finished", certificate, "; ".join(failures) or None)
        return certificate

    def _certify_log(self) -> LogCertificate:
        """What projections are made from, and what decisions are made by, which no rebuild shows."""
        check = LogCheck(self._connection, self._mapper, shown=partial(self._show, LOG))
        findings: list[Finding] = []
        found = 0
        for finding in check.findings():
            found += 1
            if found <= SAMPLE_ROWS:
                findings.append(finding)
        return LogCertificate(check.end, check.events, check.streams, found, tuple(findings))

    def _certified(self, projection: Projection) -> ProjectionCertificate:
        """Where it can't be rebuilt, why: the others still can be."""
        connection = self._connection
        faults = tuple(_told(fault) for fault in find_faults(connection, [projection]))
        try:
            return structs.replace(self._rebuild(projection), faults=faults)
        except (RebuildError, psycopg.OperationalError, psycopg.InterfaceError):
            raise
        except Exception as error:
            if connection.closed:
                raise
            failure = described(error)
            live = store.stored(connection).get(projection.name)
            return ProjectionCertificate(
                projection.name, projection.version, live and live.version, self._read, None, (), faults, failure
            )

    def _rebuild(self, projection: Projection) -> ProjectionCertificate:
        connection, beside = self._connection, projection.schema_beside
        store.drop_schema(connection, beside)
        store.drop_schema(connection, _replaced(projection))
        try:
            with connection.transaction():
                store.make_tables(connection, projection, beside)
            position = self._catch_up(projection, 0)
            store.make_indexes(connection, projection, beside)
            for table in projection.tables:
                connection.execute(SQL("analyze {}").format(Identifier(beside, table.name)))
            certificate = self._certify(projection, self._catch_up(projection, position))
            if self._task.switches:
                certificate = structs.replace(certificate, switched_at=self._switch(projection, certificate.position))
        finally:
            if not connection.closed:
                store.drop_schema(connection, beside)
                store.drop_schema(connection, _replaced(projection))
        self._done += 1
        return certificate

    def _catch_up(self, projection: Projection, position: int) -> int:
        """Reads until there is about a page left to where it has to come to; that may have moved meanwhile."""
        while (target := self._target(projection)) > position:
            if position and target - position <= PAGE_EVENTS_MOST and self._task.as_of is None:
                break
            position = self._read_to(projection, position, target)
        return position

    def _target(self, projection: Projection) -> int:
        """Where the live tables stand, but no further than the log goes."""
        end = last_position(self._connection)
        if self._task.as_of is None:
            live = store.stored(self._connection).get(projection.name)
            return min(live.position, end) if live else end
        if self._task.as_of > end:
            raise NotReached(self._task.as_of, end)
        return self._task.as_of

    def _read_to(self, projection: Projection, position: int, target: int) -> int:
        while position < target:
            position = self._read_page(projection, position, target)
            self._show(projection.name, position, target)
        return position

    def _read_page(self, projection: Projection, position: int, target: int) -> int:
        self._read = position
        page = read_page(self._connection, self._mapper, position, min(PAGE_EVENTS_MOST, target - position))
        if not page.events:
            raise Damaged(f"no event is there after position {position}, where {target} must be")
        changes = projection.fold(self._mapper, page.events)
        try:
            if changes:
                with self._connection.transaction():
                    write(self._connection, projection.schema_beside, changes)
        except Exception as error:
            error.add_note(f"between positions {position + 1} and {page.last}")
            raise
        return page.last

    def _certify(self, projection: Projection, position: int) -> ProjectionCertificate:
        """In one snapshot: the live tables and their position are of one moment, without holding anyone up."""
        connection = self._connection
        with connection.transaction():
            connection.execute("set transaction isolation level repeatable read")
            live = store.stored(connection).get(projection.name)
            position = self._read_to(projection, position, self._target(projection))
            connection.execute("set local enable_seqscan to on")
            connection.execute("set local enable_hashjoin to on")
            connection.execute("set local enable_mergejoin to on")
            compared = self._task.as_of is None and live is not None and live.version == projection.version
            tables = tuple(self._certify_table(projection, table, compared=compared) for table in projection.tables)
        live_version = live and live.version
        return ProjectionCertificate(projection.name, projection.version, live_version, position, None, tables)

    def _certify_table(self, projection: Projection, table: Table, *, compared: bool) -> TableCertificate:
        fault = None
        if compared:
            try:
                with self._connection.transaction():
                    return compare(self._connection, projection.schema, projection.schema_beside, table)
            except psycopg.ProgrammingError as error:
                fault = f"can't be compared: {error.diag.message_primary}"
        return TableCertificate(table.name, contents(self._connection, projection.schema_beside, table), fault=fault)

    def _switch(self, projection: Projection, position: int) -> int:
        """The rebuilt tables take the live ones' place at exactly the position they stand at."""
        connection = self._connection
        for _ in range(SWITCH_TRIES):
            position = self._read_to(projection, position, self._switch_target(projection))
            with connection.transaction():
                live = store.lock(connection, [projection.name]).get(projection.name)
                end = last_position(connection)
                met = min(live.position, end) if live else end
                if met - position > PAGE_EVENTS_MOST:
                    continue
                position = self._read_to(projection, position, met)
                connection.execute("set local synchronous_commit to on")
                if store.has_schema(connection, projection.schema):
                    store.rename_schema(connection, projection.schema, _replaced(projection))
                store.rename_schema(connection, projection.schema_beside, projection.schema)
                store.switch(connection, projection, position)
            connection.execute(f"notify {CHANNEL}")
            return position
        raise OutOfReach(projection.name)

    def _switch_target(self, projection: Projection) -> int:
        """Live tables that nobody moves any more are overtaken; the others are met where they are."""
        live, end = store.stored(self._connection).get(projection.name), last_position(self._connection)
        moves = live and live.error is None and live.version == projection.version
        return min(live.position, end) if live and moves else end

    def _show(self, name: str, position: int, target: int) -> None:
        """Not while a transaction is under way, which would keep the progress to itself."""
        if self._stopped():
            raise Interrupted
        if time.monotonic() - self._shown < PROGRESS_SECONDS or _in_transaction(self._connection):
            return
        self._shown = time.monotonic()
        progress = RebuildStage(name, position, target, self._done, len(self._task.projections))
        self._connection.execute(
            "update laurel.rebuilds set progress = %s where id = %s", [_json(progress), self._task.id]
        )
        self._progress(progress)

    def _record_start(self) -> None:
        """Whatever still says it is running was killed: this one has the turn."""
        self._connection.execute(
            "update laurel.rebuilds set status = 'interrupted', error = %s, finished_at = now()"
            " where status = 'running' and id <> %s",
            [str(Interrupted()), self._task.id],
        )
        names = [projection.name for projection in self._task.projections]
        self._connection.execute(
            "insert into laurel.rebuilds (id, projections, as_of, switch, status, progress, requested_by)"
            " values (%s, %s, %s, %s, 'running', '{}', %s)"
            " on conflict (id) do update set status = 'running', error = null, finished_at = null",
            [self._task.id, names, self._task.as_of, self._task.switch, self._task.requested_by],
        )

    def _record_end(self, status: str, certificate: Certificate | None, error: str | None) -> None:
        self._connection.execute(
            "update laurel.rebuilds set status = %s, certificate = %s, error = %s, finished_at = now() where id = %s",
            [status, _json(certificate) if certificate else None, error, self._task.id],
        )

    def _now(self) -> datetime:
        row = self._connection.execute("select clock_timestamp()").fetchone()
        assert row is not None  # noqa: S101  the clock always answers
        now: datetime = row[0]
        return now


def _replaced(projection: Projection) -> str:
    """Where the tables that were live wait to be dropped."""
    return f"{projection.schema}_replaced"


def _told(fault: ProjectionFault) -> str:
    return f"{fault.what}: {fault.why}" if fault.why else fault.what


def _in_transaction(connection: psycopg.Connection[Any]) -> bool:
    return connection.info.transaction_status is not psycopg.pq.TransactionStatus.IDLE


def _json(value: Struct) -> str:
    return msgspec.json.encode(value).decode()


def named(projections: Sequence[Projection], names: Sequence[str]) -> tuple[Projection, ...]:
    """Raises KeyError for a name that no projection has."""
    by_name = {projection.name: projection for projection in projections}
    return tuple(by_name[name] for name in names)
