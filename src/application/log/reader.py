"""Reading the log: pages in order of position, one stream's events, the head. Each thread brings its own connection."""

from itertools import repeat
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow, tuple_row

from application.log.catalogue import Entry, entries
from application.log.errors import Damaged
from application.log.events import Recorded
from application.log.mapper import Mapper
from application.log.queries import query

PAGE_EVENTS = 500
PAGE_EVENTS_MOST = 5_000

_PAGE = query("page")
_STREAM = query("stream")
_HEAD = query("head")
_CATALOGUE = query("catalogue")


class Page(NamedTuple):
    """Events in order; `last` is the position read up to, that of the page before when there was nothing more."""

    events: list[Recorded]
    last: int


def read_page(
    connection: psycopg.Connection[Any], mapper: Mapper, after: int, limit: int = PAGE_EVENTS, bucket: int = 0
) -> Page:
    """The events that follow `after`, at most `limit`.

    Positions have no holes, so a page that does raises Damaged: the log has lost events.
    """
    if not 1 <= limit <= PAGE_EVENTS_MOST:
        raise ValueError(f"limit must be from 1 to {PAGE_EVENTS_MOST}, not {limit}")
    with _cursor(connection) as cursor:
        # Planned anew each time: a plan kept from when the table was young would read it whole.
        row = cursor.execute(_PAGE, [bucket, after, limit], prepare=False).fetchone()
    if row is None or not row[1]:
        return Page([], after)
    last, count, *columns = row
    if last - count != after:
        raise Damaged(f"{count} events are there after position {after} and up to {last}, where {last - after} must be")
    return Page(list(map(Recorded, repeat(mapper), range(after + 1, last + 1), *columns)), last)


def read_stream(
    connection: psycopg.Connection[Any],
    mapper: Mapper,
    stream_id: UUID,
    after_version: int = 0,
    limit: int = PAGE_EVENTS,
) -> list[Recorded]:
    with _cursor(connection) as cursor:
        rows = cursor.execute(_STREAM, [stream_id, after_version, limit]).fetchall()
    return [Recorded(mapper, *row) for row in rows]


def head(connection: psycopg.Connection[Any], bucket: int = 0) -> int:
    """The last position in the log, 0 when it is empty."""
    with _cursor(connection) as cursor:
        row = cursor.execute(_HEAD, [bucket]).fetchone()
    if row is None:
        raise Damaged(f"bucket {bucket} has no head")
    position: int = row[0]
    return position


def read_catalogue(connection: psycopg.Connection[Any], mapper: Mapper, after: int = 0, bucket: int = 0) -> list[Entry]:
    """What changed in the catalogue after a position, for those who follow it without writing."""
    with _cursor(connection) as cursor:
        return entries(mapper, cursor.execute(_CATALOGUE, [bucket, after]).fetchall())


def _cursor(connection: psycopg.Connection[Any]) -> psycopg.Cursor[TupleRow]:
    return connection.cursor(binary=True, row_factory=tuple_row)
