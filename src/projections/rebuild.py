"""Rebuilds projections from the log beside the live ones, compares, and switches, while the service goes on.

One at a time. A rebuild that was killed leaves its schema behind; the next one begins by dropping it.
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg
from msgspec import Struct
from psycopg.sql import SQL, Identifier

from application.log.mapper import Mapper
from application.log.reader import PAGE_EVENTS_MOST, head, read_page
from projections import store
from projections.certificate import Certificate, ProjectionCertificate, TableCertificate, compare, contents
from projections.changes import Table
from projections.positions import CHANNEL
from projections.projection import Projection
from projections.session import connect
from projections.writing import write

TURN_LOCK = 0x6C61_0002
TURN_SECONDS = 1.0
PROGRESS_SECONDS = 0.5
SWITCH_TRIES = 100


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


class Progress(Struct, frozen=True):
    """The projection being rebuilt, where it stands and where it has to come to; `done` projections `of` so many."""

    projection: str
    position: int
    target: int
    done: int
    of: int


class Task(Struct, frozen=True, kw_only=True):
    """What to rebuild. `as_of` is a past position to build up to, to compare digests; nothing is switched then.

    Without `switch` it is an audit: rebuilt, compared and dropped. `id` is its row in `laurel.rebuilds`.
    """

    projections: tuple[Projection, ...]
    as_of: int | None = None
    switch: bool = True
    id: UUID = msgspec.field(default_factory=uuid4)


def rebuild(
    conninfo: str,
    mapper: Mapper,
    task: Task,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
    wait: bool = False,
) -> Certificate:
    """Raises a RebuildError, what a fold raises, or psycopg.Error. With `wait` another rebuild is waited for."""
    with connect(conninfo, "rebuild") as connection:
        _take_turn(connection, stopped, wait=wait)
        try:
            return _Rebuild(connection, mapper, task, progress, stopped).run()
        finally:
            # the server notices only some time after it that a connection was closed
            if not connection.closed:
                connection.execute("select pg_advisory_unlock(%s)", [TURN_LOCK])


def _take_turn(connection: psycopg.Connection[Any], stopped: Callable[[], bool], *, wait: bool) -> None:
    """Held until it is given back or the connection ends."""
    while True:
        row = connection.execute("select pg_try_advisory_lock(%s)", [TURN_LOCK]).fetchone()
        if row is not None and row[0]:
            return
        if not wait:
            raise RebuildRunning
        if stopped():
            raise Interrupted
        time.sleep(TURN_SECONDS)


class _Rebuild:
    def __init__(
        self,
        connection: psycopg.Connection[Any],
        mapper: Mapper,
        task: Task,
        progress: Callable[[Progress], None],
        stopped: Callable[[], bool],
    ) -> None:
        self._connection = connection
        self._mapper = mapper
        self._task = task
        self._progress = progress
        self._stopped = stopped
        self._done = 0
        self._shown = 0.0

    def run(self) -> Certificate:
        self._record_start()
        try:
            started_at = self._now()
            made = tuple(self._rebuild(projection) for projection in self._task.projections)
            certificate = Certificate(version("laurel"), self._task.as_of, started_at, self._now(), made)
        except Exception as error:
            if not self._connection.closed:
                self._record_end("failed", None, f"{type(error).__name__}: {error}")
            raise
        self._record_end("finished", certificate, None)
        return certificate

    def _rebuild(self, projection: Projection) -> ProjectionCertificate:
        connection, beside = self._connection, projection.schema_beside
        store.drop_schema(connection, beside)
        store.drop_schema(connection, _replaced(projection))
        if projection.name not in store.stored(connection):
            store.begin(connection, projection)
        try:
            with connection.transaction():
                store.make_tables(connection, projection, beside)
            position = self._catch_up(projection, 0)
            store.make_indexes(connection, projection, beside)
            for table in projection.tables:
                connection.execute(SQL("analyze {}").format(Identifier(beside, table.name)))
            certificate = self._certify(projection, self._catch_up(projection, position))
            if self._task.switch and self._task.as_of is None:
                certificate = msgspec.structs.replace(
                    certificate, switched_at=self._switch(projection, certificate.position)
                )
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
        if self._task.as_of is None:
            return store.stored(self._connection)[projection.name].position
        last = head(self._connection)
        if self._task.as_of > last:
            raise NotReached(self._task.as_of, last)
        return self._task.as_of

    def _read_to(self, projection: Projection, position: int, target: int) -> int:
        while position < target:
            if self._stopped():
                raise Interrupted
            position = self._read_page(projection, position, target)
            self._show(projection, position, target)
        return position

    def _read_page(self, projection: Projection, position: int, target: int) -> int:
        page = read_page(self._connection, self._mapper, position, min(PAGE_EVENTS_MOST, target - position))
        changes = projection.fold(self._mapper, page.events)
        if changes:
            with self._connection.transaction():
                write(self._connection, projection.schema_beside, changes)
        return page.last

    def _certify(self, projection: Projection, position: int) -> ProjectionCertificate:
        """In one snapshot: the live tables and their position are of one moment, without holding anyone up."""
        connection = self._connection
        with connection.transaction():
            connection.execute("set transaction isolation level repeatable read")
            live = store.stored(connection)[projection.name]
            position = self._read_to(projection, position, self._target(projection))
            connection.execute("set local enable_seqscan to on")
            connection.execute("set local enable_hashjoin to on")
            connection.execute("set local enable_mergejoin to on")
            compared = self._task.as_of is None and live.version == projection.version
            tables = tuple(self._certify_table(projection, table, compared=compared) for table in projection.tables)
        return ProjectionCertificate(projection.name, projection.version, live.version, position, None, tables)

    def _certify_table(self, projection: Projection, table: Table, *, compared: bool) -> TableCertificate:
        if compared:
            return compare(self._connection, projection.schema, projection.schema_beside, table)
        return TableCertificate(table.name, contents(self._connection, projection.schema_beside, table))

    def _switch(self, projection: Projection, position: int) -> int:
        """The rebuilt tables take the live ones' place at exactly the position they stand at."""
        connection = self._connection
        for _ in range(SWITCH_TRIES):
            position = self._read_to(projection, position, self._switch_target(projection))
            with connection.transaction():
                live = store.lock(connection, [projection.name])[projection.name]
                if live.position - position > PAGE_EVENTS_MOST:
                    continue
                position = self._read_to(projection, position, live.position)
                connection.execute("set local synchronous_commit to on")
                store.rename_schema(connection, projection.schema, _replaced(projection))
                store.rename_schema(connection, projection.schema_beside, projection.schema)
                store.switch(connection, projection, position)
            connection.execute(f"notify {CHANNEL}")
            return position
        raise OutOfReach(projection.name)

    def _switch_target(self, projection: Projection) -> int:
        """Live tables that nobody moves any more are overtaken; the others are met where they are."""
        live = store.stored(self._connection)[projection.name]
        moves = live.error is None and live.version == projection.version
        return live.position if moves else head(self._connection)

    def _show(self, projection: Projection, position: int, target: int) -> None:
        """Not while a transaction is under way, which would keep the progress to itself."""
        if time.monotonic() - self._shown < PROGRESS_SECONDS or _in_transaction(self._connection):
            return
        self._shown = time.monotonic()
        progress = Progress(projection.name, position, target, self._done, len(self._task.projections))
        self._connection.execute(
            "update laurel.rebuilds set progress = %s where id = %s", [_json(progress), self._task.id]
        )
        self._progress(progress)

    def _record_start(self) -> None:
        """Whatever still says it is running was killed: this one has the turn."""
        self._connection.execute(
            "update laurel.rebuilds set status = 'failed', error = 'the program stopped', finished_at = now()"
            " where status = 'running' and id <> %s",
            [self._task.id],
        )
        names = [projection.name for projection in self._task.projections]
        self._connection.execute(
            "insert into laurel.rebuilds (id, projections, as_of, switch, status, progress)"
            " values (%s, %s, %s, %s, 'running', '{}')"
            " on conflict (id) do update set status = 'running', error = null, finished_at = null",
            [self._task.id, names, self._task.as_of, self._task.switch],
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


def _in_transaction(connection: psycopg.Connection[Any]) -> bool:
    return connection.info.transaction_status is not psycopg.pq.TransactionStatus.IDLE


def _json(value: Struct) -> str:
    return msgspec.json.encode(value).decode()


def named(projections: Sequence[Projection], names: Sequence[str]) -> tuple[Projection, ...]:
    """Raises KeyError for a name that no projection has."""
    by_name = {projection.name: projection for projection in projections}
    return tuple(by_name[name] for name in names)
