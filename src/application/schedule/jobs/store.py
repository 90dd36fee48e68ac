"""The record of jobs: what was asked for, how far it is, what came of it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
import procrastinate
from msgspec import Struct
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.sql import SQL, Identifier
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from uuid_utils.compat import uuid7

from application.postgres.connection import pool_of

RUN = "run"
"""The one task of the queue; its argument `job` is the id of a job here."""

LONGEST_ERROR = 2_000
MOST_LISTED = 200


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


class JobKind(StrEnum):
    EVALUATION = "evaluation"
    PREVIEW = "preview"
    ACCEPTANCE = "acceptance"
    RECOUNT = "recount"
    IMPORT = "import"


class Queue(StrEnum):
    """Imports have one of their own, so that however long they take, what is due does not wait for them."""

    DUE = "due"
    IMPORTS = "imports"


class JobOrder(Struct, frozen=True):
    """What is to be done. Of one `key` one job at a time is queued or running; None: any number."""

    kind: str
    detail: Mapping[str, Any]
    key: str | None = None

    @property
    def queue(self) -> Queue:
        return Queue.IMPORTS if self.kind == JobKind.IMPORT else Queue.DUE


class Job(Struct, frozen=True):
    """`done` of `total` says how far it is, in its kind's own unit; `total` is None while it is not known."""

    id: UUID
    kind: str
    key: str | None
    status: str
    done: int
    total: int | None
    detail: dict[str, Any]
    result: dict[str, Any] | None
    error: str | None
    requested_by: str
    failures: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


_COLUMNS = SQL(", ").join(Identifier(name) for name in Job.__struct_fields__)

_CREATE = """
insert into laurel.jobs (id, kind, key, detail, total, requested_by)
select %(id)s, %(kind)s, %(key)s, %(detail)s, %(total)s, %(requested_by)s
where not exists (
    select from laurel.jobs
    where key = %(key)s and status = 'failed' and finished_at > now() - make_interval(secs => %(rest)s)
)
on conflict do nothing
returning id
"""

_BEGIN = SQL("""
update laurel.jobs set status = 'running', started_at = coalesce(started_at, now())
where id = %s and status in ('queued', 'running')
returning {}
""").format(_COLUMNS)

_GET = SQL("select {} from laurel.jobs where id = %s").format(_COLUMNS)

_STUMBLE = """
update laurel.jobs set status = 'queued', failures = failures + 1, error = %s
where id = %s and status = 'running'
returning failures
"""

_LIST = SQL("""
select {} from laurel.jobs
where %(before)s::timestamptz is null or (created_at, id) < (%(before)s, %(before_id)s)
order by created_at desc, id desc limit %(limit)s
""").format(_COLUMNS)

_PRUNE = """
delete from laurel.jobs
where finished_at < now() - interval '1 day' and requested_by = '' and status = 'finished'
or finished_at < now() - interval '90 days'
"""

REST_SECONDS = 300.0
"""How long what has failed for good is left alone before time alone asks for it again."""


class JobStore:
    """Open it with `open_store`."""

    def __init__(self, pool: AsyncConnectionPool, queue: procrastinate.App) -> None:
        self._pool = pool
        self.queue = queue

    async def create(
        self, order: JobOrder, *, requested_by: str = "", job_id: UUID | None = None, total: int | None = None
    ) -> UUID | None:
        """Queues a job and answers its id; None while there is an open one of its key, soon after one failed, or when
        there is one of this id.
        """
        parameters = {
            "id": job_id or uuid7(),
            "kind": order.kind,
            "key": order.key,
            "detail": Jsonb(dict(order.detail), msgspec.json.encode),
            "total": total,
            "requested_by": requested_by,
            "rest": REST_SECONDS,
        }
        async with self._pool.connection() as connection, connection.transaction():
            row = await (await connection.execute(_CREATE, parameters)).fetchone()
            if row is None:
                return None
            created: UUID = row[0]
            deferred = self.queue.configure_task(
                RUN, allow_unknown=True, queue=order.queue.value, lock=order.key, connection=connection
            )
            await deferred.defer_async(job=str(created))
        return created

    async def get(self, job_id: UUID) -> Job | None:
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Job)) as cursor:
            await cursor.execute(_GET, [job_id])
            return await cursor.fetchone()

    async def list(self, limit: int, before: Job | None = None) -> list[Job]:
        """Newest first, those created before `before`."""
        parameters = {
            "limit": min(limit, MOST_LISTED),
            "before": before and before.created_at,
            "before_id": before and before.id,
        }
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Job)) as cursor:
            await cursor.execute(_LIST, parameters)
            return await cursor.fetchall()

    async def begin(self, job_id: UUID) -> Job | None:
        """For whoever runs it; None when it is over."""
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Job)) as cursor:
            await cursor.execute(_BEGIN, [job_id])
            return await cursor.fetchone()

    async def progress(self, job_id: UUID, done: int, total: int | None) -> None:
        await self._execute(
            "update laurel.jobs set done = %s, total = %s where id = %s and status = 'running'", done, total, job_id
        )

    async def finish(self, job_id: UUID, result: Mapping[str, Any]) -> None:
        await self._execute(
            "update laurel.jobs set status = 'finished', finished_at = now(), result = %s, error = null"
            " where id = %s and status = 'running'",
            Jsonb(dict(result), msgspec.json.encode),
            job_id,
        )

    async def stumble(self, job_id: UUID, error: str) -> int:
        """Notes a run that ended in an error, and answers how many there were."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_STUMBLE, [_shortened(error), job_id])).fetchone()
        return row[0] if row else 0

    async def fail(self, job_id: UUID, error: str) -> None:
        await self._execute(
            "update laurel.jobs set status = 'failed', finished_at = now(), error = %s"
            " where id = %s and status in ('queued', 'running')",
            _shortened(error),
            job_id,
        )

    async def prune(self) -> None:
        """Forgets what is long over; what happened by itself and went well, after a day."""
        await self._execute(_PRUNE)
        await self._execute(
            "delete from laurel.import_chunks c where stored_at < now() - interval '1 day'"
            " and not exists (select from laurel.jobs j where j.detail ->> 'upload' = c.upload::text"
            " and j.status in ('queued', 'running'))"
        )

    async def _execute(self, query: Any, *parameters: object) -> None:  # noqa: ANN401  SQL of this module's own
        async with self._pool.connection() as connection:
            await connection.execute(query, parameters)


def _shortened(error: str) -> str:
    return error.replace("\0", "")[:LONGEST_ERROR]


@asynccontextmanager
async def open_store(conninfo: str, connections: int = 6) -> AsyncIterator[JobStore]:
    """The pool is the store's own: the queue's functions are found by the search path of its connections."""
    pool = pool_of(conninfo, "laurel jobs", connections, configure=_configure)
    queue = procrastinate.App(connector=procrastinate.PsycopgConnector())
    async with pool, queue.open_async(pool):
        yield JobStore(pool, queue)


async def _configure(connection: AsyncConnection) -> None:
    await connection.set_autocommit(True)
    await connection.execute("set search_path to laurel_queue")
