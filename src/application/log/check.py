"""Whether the log agrees with itself: positions dense, versions dense, every state what its events make."""

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow, tuple_row

from application.log.errors import LogError
from application.log.fold import folded
from application.log.mapper import Mapper
from application.log.queries import query

PAGE_STREAMS = 500
FINDINGS = 1_000

_ORDER = query("check_order")
_VERSIONS = query("check_versions")
_STATES = query("check_states")


class Finding(NamedTuple):
    """One contradiction; `stream` is None when it concerns the order of the whole bucket."""

    stream: UUID | None
    what: str


def check(connection: psycopg.Connection[Any], mapper: Mapper, bucket: int = 0) -> Iterator[Finding]:
    """Everything that is wrong, one by one; nothing when all is well. Reads the whole log, also while it grows."""
    yield from check_order(connection, bucket)
    yield from check_versions(connection, bucket)
    yield from check_states(connection, mapper, bucket)


def check_order(connection: psycopg.Connection[Any], bucket: int = 0) -> Iterator[Finding]:
    row = _cursor(connection).execute(_ORDER, [bucket]).fetchone()
    if row is None:
        yield Finding(None, f"bucket {bucket} has no head")
    elif len({row[0], row[1] or 0, row[2]}) > 1:
        yield Finding(None, f"the head is {row[0]}, the last position {row[1] or 0}, and there are {row[2]} events")


def check_versions(connection: psycopg.Connection[Any], bucket: int = 0) -> Iterator[Finding]:
    rows = _cursor(connection).execute(_VERSIONS, {"bucket": bucket, "limit": FINDINGS})
    for stream, kind, version, events, last in rows:
        yield Finding(stream, f"{kind or 'no row'} at version {version}, with {events} events up to version {last}")


def check_states(connection: psycopg.Connection[Any], mapper: Mapper, bucket: int = 0) -> Iterator[Finding]:
    """Compares each state with the fold of its events. One that a release emptied, to be made anew, says nothing."""
    after = None
    while True:
        values = {"bucket": bucket, "after": after, "limit": PAGE_STREAMS}
        rows = _cursor(connection).execute(_STATES, values).fetchall()
        for row in rows:
            finding = _compared(mapper, row)
            if finding is not None:
                yield finding
        if len(rows) < PAGE_STREAMS:
            return
        after = rows[-1][0]


def _compared(mapper: Mapper, row: TupleRow) -> Finding | None:
    stream, kind, version, state, tags, payloads = row
    try:
        kept = mapper.decode_state(kind, state)
        made = folded(mapper, None, zip(tags or (), payloads or (), strict=True))
    except LogError as error:
        return Finding(stream, str(error))
    if kept == made:
        return None
    return Finding(stream, f"the {kind}'s state at version {version} is {kept!r}, and its events make {made!r}")


def _cursor(connection: psycopg.Connection[Any]) -> psycopg.Cursor[TupleRow]:
    return connection.cursor(binary=True, row_factory=tuple_row)
