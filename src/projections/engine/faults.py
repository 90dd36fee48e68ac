"""What keeps projections from being shown as they should be, whatever their rows: asked by readiness and by audits."""

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from msgspec import Struct

from projections.engine.projection import Projection

STRAYED = """
select p.name, 'stands at position ' || p.position || case
    when p.position > l.last then ', and the log ends at ' || l.last
    else ', where the log has another event than it had'
end as fault
from laurel.projections p
cross join (select coalesce(max(position), 0) as last from laurel.events where bucket = 0) l
where p.position > l.last or p.mark is not null and p.mark is distinct from (
    select sha256(e.envelope) from laurel.events e where e.bucket = 0 and e.position = p.position
)
"""
"""Projections that were read from another log than there is, one that was longer or went on otherwise."""

_FAULTS = f"""
with asked as (
    select name, a.version as ours, p.version, p.error
    from unnest(%(names)s::text[], %(versions)s::int[]) a (name, version)
    left join laurel.projections p using (name)
)
select name, 'is not there yet', null from asked where version is null
union all
select name, 'has stopped', error from asked where error is not null
union all
select name, 'is of version ' || version || ', newer than ' || ours || ', which this program knows', null
from asked where version > ours
union all
select name, fault, null from ({STRAYED}) s join asked using (name)
union all
select w.name, 'lacks its table ' || w.shown, null
from unnest(%(owners)s::text[], %(tables)s::text[]) w (name, shown)
where to_regclass(w.shown) is null
"""  # noqa: S608  put together from constants


class ProjectionFault(Struct, frozen=True, order=True):
    """`what` is wrong with a projection; `why` it came to be, where that is known, may quote what the log holds."""

    projection: str
    what: str
    why: str | None

    def __str__(self) -> str:
        return f"{self.projection} {self.what}"


def find_faults(connection: psycopg.Connection[Any], projections: Sequence[Projection]) -> list[ProjectionFault]:
    return _faults(connection.execute(_FAULTS, _asked(projections)).fetchall())


async def find_faults_async(
    connection: psycopg.AsyncConnection[Any], projections: Sequence[Projection]
) -> list[ProjectionFault]:
    return _faults(await (await connection.execute(_FAULTS, _asked(projections))).fetchall())


def _asked(projections: Sequence[Projection]) -> dict[str, Any]:
    tables = [
        (projection.name, f"{projection.schema}.{table.name}")
        for projection in projections
        for table in projection.tables
    ]
    return {
        "names": [projection.name for projection in projections],
        "versions": [projection.version for projection in projections],
        "owners": [name for name, _ in tables],
        "tables": [table for _, table in tables],
    }


def _faults(rows: Iterable[tuple[str, str, str | None]]) -> list[ProjectionFault]:
    return sorted(ProjectionFault(*row) for row in rows)
