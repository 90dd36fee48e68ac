"""Follows a log in the test's own thread, or waits for those who follow it in theirs."""

import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from projections.engine import store
from projections.engine.follower import Follower
from projections.engine.projection import Projection
from projections.engine.session import connect
from projections.registry import PROJECTIONS
from tests.projections.history import MAPPER


def followed(conninfo: str, projections: tuple[Projection, ...] = PROJECTIONS) -> dict[str, store.StoredProjection]:
    """Brings the projections up to the log's end and says where they stand."""
    follower = Follower(conninfo, MAPPER, projections)
    with connect(conninfo, "test") as connection:
        follower._prepare(connection)
        while follower.step(connection):
            pass
        return store.stored(connection)


def rows(connection: psycopg.Connection, schema: str, table: str) -> list[dict[str, Any]]:
    """Of one table, by all of their columns."""
    with connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return cursor.execute(SQL("select t.* from {} t order by t::text").format(Identifier(schema, table))).fetchall()


def until(true: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to be in time"
        time.sleep(0.02)


def reached(connection: psycopg.Connection, position: int, *names: str) -> bool:
    """Whether the projections named (all, if none is) stand exactly there."""
    found = store.stored(connection)
    asked = names or [projection.name for projection in PROJECTIONS]
    return all(name in found and found[name].position == position for name in asked)


def wait_until_reached(connection: psycopg.Connection, position: int, *names: str) -> None:
    until(lambda: reached(connection, position, *names))
