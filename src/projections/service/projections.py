"""How far the projections have come, and the rebuilds there were."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from psycopg import AsyncConnection

from projections.engine.certificate import Certificate
from projections.engine.rebuild import TURN_LOCK, Interrupted, RebuildTask
from projections.history.actors import name_of
from projections.listing.columns import Column, ColumnKind
from projections.listing.page import fetch_one, fetch_page
from projections.listing.request import Listing, Selection


class ProjectionRow(Struct, frozen=True, gc=False):
    """One projection: `lag` is how many events it is behind the log's end; `error` says why it has stopped."""

    name: str
    version: int
    position: str
    lag: int
    error: str | None
    updated_at: datetime


class RebuildProgress(Struct, frozen=True, gc=False):
    """The projection being rebuilt, where it stands and where it has to come to; `done` projections `of` so many."""

    projection: str | None = None
    position: int = 0
    target: int = 0
    done: int = 0
    of: int = 0


class RebuildRow(Struct, frozen=True, gc=False):
    """One rebuild, and who asked for it; its certificate is there once it has ended by itself."""

    id: UUID
    projections: tuple[str, ...]
    as_of: str | None
    switch: bool
    status: str
    progress: RebuildProgress
    certificate: Certificate | None
    error: str | None
    requested_by: str
    requested_at: datetime
    finished_at: datetime | None


PROJECTIONS = Listing(
    name="projections", columns=(Column("name", expression="p.name", sortable=True),), key="name", sort="name"
)

_KILLED = f"""
r.status = 'running' AND NOT EXISTS (
    SELECT FROM pg_locks l
    WHERE l.locktype = 'advisory' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.classid = 0 AND l.objid = {TURN_LOCK} AND l.objsubid = 1 AND l.granted
)
"""  # noqa: S608  put together from constants
"""Whoever rebuilds has the turn: where nobody has it, it was killed."""
_STATUS = f"(CASE WHEN {_KILLED} THEN 'interrupted' ELSE r.status END)"

REBUILDS = Listing(
    name="rebuilds",
    columns=(
        Column("id", ColumnKind.UUID, "r.id", filterable=False),
        Column("requested_at", ColumnKind.INSTANT, "r.requested_at", sortable=True),
        Column("status", expression=_STATUS, values=("running", "finished", "failed", "interrupted")),
    ),
    key="id",
    sort="-requested_at",
)

_REBUILD = f"""
r.id, r.projections, r.as_of::text, r.switch, {_STATUS}, r.progress::text, r.certificate::text,
CASE WHEN {_KILLED} THEN '{Interrupted()}' ELSE r.error END,
{name_of("r.requested_by")}, r.requested_at, r.finished_at
"""


async def projections_page(
    connection: AsyncConnection[Any], selection: Selection
) -> tuple[list[ProjectionRow], str | None]:
    return await fetch_page(
        connection,
        selection,
        ProjectionRow,
        "p.name, p.version, p.position::text, greatest(h.head - p.position, 0), p.error, p.updated_at",
        "laurel.projections p CROSS JOIN (SELECT head FROM laurel.heads WHERE bucket = 0) h",
    )


async def rebuilds_page(connection: AsyncConnection[Any], selection: Selection) -> tuple[list[RebuildRow], str | None]:
    return await fetch_page(connection, selection, _rebuild, _REBUILD, "laurel.rebuilds r")


async def rebuild(connection: AsyncConnection[Any], rebuild_id: UUID) -> RebuildRow | None:
    named = {"id": rebuild_id}
    return await fetch_one(connection, _rebuild, _REBUILD, "laurel.rebuilds r", where="r.id = %(id)s", parameters=named)


def _rebuild(
    rebuild_id: UUID,
    projections: list[str],
    as_of: str | None,
    switch: bool,  # noqa: FBT001
    status: str,
    progress: str,
    certificate: str | None,
    *rest: Any,  # noqa: ANN401
) -> RebuildRow:
    return RebuildRow(
        rebuild_id,
        tuple(projections),
        as_of,
        switch,
        status,
        msgspec.json.decode(progress, type=RebuildProgress),
        msgspec.json.decode(certificate, type=Certificate) if certificate else None,
        *rest,
    )


async def announce(connection: AsyncConnection[Any], task: RebuildTask) -> bool:
    """Notes a rebuild whose turn it is; False when it is known already."""
    cursor = await connection.execute(
        "INSERT INTO laurel.rebuilds (id, projections, as_of, switch, status, progress, requested_by)"
        " VALUES (%s, %s, %s, %s, 'running', '{}', %s) ON CONFLICT DO NOTHING",
        [task.id, [projection.name for projection in task.projections], task.as_of, task.switch, task.requested_by],
    )
    return cursor.rowcount == 1
