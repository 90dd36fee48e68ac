"""Where projections are kept: their schemas, and how far each has come."""

from collections.abc import Iterable
from typing import Any, NamedTuple, cast

import psycopg
from psycopg.sql import SQL, Identifier

from projections.engine.faults import STRAYED
from projections.engine.projection import Projection, statement

ERROR_LENGTH = 2_000


class StoredProjection(NamedTuple):
    """A projection as the database knows it; `error` says why it stopped."""

    name: str
    version: int
    position: int
    error: str | None


STORED = "select name, version, position, error from laurel.projections"

_MARK = "(select sha256(e.envelope) from laurel.events e where e.bucket = 0 and e.position = %(position)s)"
_ADVANCE = f"""
update laurel.projections set position = %(position)s, mark = {_MARK}, updated_at = now() where name = any(%(names)s)
"""  # noqa: S608  put together from constants
_SWITCH = f"""
insert into laurel.projections (name, version, position, mark)
values (%(name)s, %(version)s, %(position)s, {_MARK})
on conflict (name) do update
set version = excluded.version, position = excluded.position, mark = excluded.mark, error = null, updated_at = now()
"""  # noqa: S608  as above
_STRAYED = f"""
select name, fault from ({STRAYED}) s join laurel.projections p using (name) where p.error is null
"""  # noqa: S608  as above


def stored(connection: psycopg.Connection[Any]) -> dict[str, StoredProjection]:
    """Every projection there is, by name."""
    return {row[0]: StoredProjection(*row) for row in connection.execute(STORED)}


def lock(connection: psycopg.Connection[Any], names: Iterable[str]) -> dict[str, StoredProjection]:
    """As `stored`, of those named; nobody else moves them until the transaction ends."""
    rows = connection.execute(f"{STORED} where name = any(%s) order by name for update", [list(names)])
    return {row[0]: StoredProjection(*row) for row in rows}


def make_tables(connection: psycopg.Connection[Any], projection: Projection, schema: str) -> None:
    """Makes the schema with its tables, without their secondary indexes."""
    connection.execute(SQL("create schema {}").format(Identifier(schema)))
    _in_schema(connection, schema, statement(projection.room or projection.name, "tables"))


def make_indexes(connection: psycopg.Connection[Any], projection: Projection, schema: str) -> None:
    _in_schema(connection, schema, statement(projection.room or projection.name, "indexes"))


def _in_schema(connection: psycopg.Connection[Any], schema: str, text: str) -> None:
    with connection.transaction():
        connection.execute(SQL("set local search_path to {}").format(Identifier(schema)))
        connection.execute(cast(Any, text))


def has_schema(connection: psycopg.Connection[Any], schema: str) -> bool:
    row = connection.execute("select to_regnamespace(%s) is not null", [schema]).fetchone()
    return row is not None and row[0]


def drop_schema(connection: psycopg.Connection[Any], schema: str) -> None:
    connection.execute(SQL("drop schema if exists {} cascade").format(Identifier(schema)))


def rename_schema(connection: psycopg.Connection[Any], schema: str, to: str) -> None:
    connection.execute(SQL("alter schema {} rename to {}").format(Identifier(schema), Identifier(to)))


def begin(connection: psycopg.Connection[Any], projection: Projection) -> None:
    """Makes a projection that is not there yet, at the beginning of the log; nobody knows how far its tables came."""
    with connection.transaction():
        drop_schema(connection, projection.schema)
        make_tables(connection, projection, projection.schema)
        make_indexes(connection, projection, projection.schema)
        connection.execute(
            "insert into laurel.projections (name, version, position) values (%s, %s, 0)",
            [projection.name, projection.version],
        )


def advance(connection: psycopg.Connection[Any], names: Iterable[str], position: int) -> None:
    connection.execute(_ADVANCE, {"position": position, "names": list(names)})


def switch(connection: psycopg.Connection[Any], projection: Projection, position: int) -> None:
    """Rebuilt tables have taken over."""
    connection.execute(_SWITCH, {"version": projection.version, "position": position, "name": projection.name})


def stop(connection: psycopg.Connection[Any], name: str, reason: str) -> None:
    """It keeps its position; the reason is shown."""
    connection.execute(
        "update laurel.projections set error = %s, updated_at = now() where name = %s",
        [reason.replace("\0", "")[:ERROR_LENGTH], name],
    )


def stop_strayed(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Those that were read from another log than there is go no further: they would pass events by. Why, by name."""
    strayed = dict(connection.execute(_STRAYED).fetchall())
    for name, fault in strayed.items():
        stop(connection, name, f"{fault}; rebuild it")
    return strayed


def resume(connection: psycopg.Connection[Any], names: Iterable[str]) -> None:
    connection.execute("update laurel.projections set error = null where name = any(%s)", [list(names)])
