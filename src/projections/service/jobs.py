"""Jobs as people see them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from psycopg import AsyncConnection

from application.schedule.jobs.store import JobKind, JobStatus
from projections.history.actors import name_of
from projections.listing.columns import Column, ColumnKind
from projections.listing.page import fetch_one, fetch_page
from projections.listing.request import Listing, Selection


class JobProgress(Struct, frozen=True, gc=False):
    """How far a job is, in its kind's own unit; `total` is null while it is not known."""

    done: int
    total: int | None


class JobRow(Struct, frozen=True, gc=False):
    """A job: what was asked for, how far it is, and what came of it. `failures` counts runs that ended in an error."""

    id: UUID
    kind: str
    status: str
    progress: JobProgress
    detail: dict[str, Any]
    result: dict[str, Any] | None
    error: str | None
    requested_by: str
    failures: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


JOBS = Listing(
    name="jobs",
    columns=(
        Column("id", ColumnKind.UUID, "j.id", filterable=False),
        Column("created_at", ColumnKind.INSTANT, "j.created_at", sortable=True),
        Column("kind", expression="j.kind", values=tuple(JobKind)),
        Column("status", expression="j.status", values=tuple(JobStatus)),
    ),
    key="id",
    sort="-created_at",
)

_JOB = f"""
j.id, j.kind, j.status, j.done, j.total, j.detail::text, j.result::text, j.error, {name_of("j.requested_by")},
j.failures, j.created_at, j.started_at, j.finished_at
"""


async def jobs_page(connection: AsyncConnection[Any], selection: Selection) -> tuple[list[JobRow], str | None]:
    return await fetch_page(connection, selection, _job, _JOB, "laurel.jobs j")


async def job(connection: AsyncConnection[Any], job_id: UUID) -> JobRow | None:
    return await fetch_one(connection, _job, _JOB, "laurel.jobs j", where="j.id = %(id)s", parameters={"id": job_id})


def _job(*row: Any) -> JobRow:  # noqa: ANN401  a row of the query
    job_id, kind, status, done, total, detail, result, *rest = row
    known = msgspec.json.decode(detail, type=dict[str, Any])
    came_of_it = msgspec.json.decode(result, type=dict[str, Any]) if result else None
    return JobRow(job_id, kind, status, JobProgress(done, total), known, came_of_it, *rest)
