"""Reading the log: pages in order of position, one stream's events, the head. Each thread brings its own connection.

What policies read, they read in the event loop: events of some tags, and single ones.
"""

from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow, tuple_row

from application.log.catalogue import Entry, entries
from application.log.errors import Damaged, LogError
from application.log.events import Recorded
from application.log.fold import folded
from application.log.mapper import Mapper
from application.log.queries import query

PAGE_EVENTS = 500
PAGE_EVENTS_MOST = 5_000
PASSED_EVENTS_MOST = 20_000
"""So many positions at most are looked through for events of some tags at a time."""

_PAGE = query("page")
_STREAM = query("stream")
_HEAD = query("head")
_LAST = query("last")
_CATALOGUE = query("catalogue")
_TAGGED = query("tagged")
_VERSIONS = query("versions")
_UPTO = query("upto")
_CATALOGUE_AT = query("catalogue_at")


Place = tuple[UUID, int]
"""A stream and a version that it has had."""


class EventPage(NamedTuple):
    """Events in order; `last` is the position read up to, that of the page before when there was nothing more."""

    events: list[Recorded]
    last: int


def read_page(
    connection: psycopg.Connection[Any], mapper: Mapper, after: int, limit: int = PAGE_EVENTS, bucket: int = 0
) -> EventPage:
    """The events that follow `after`, at most `limit`.

    Positions have no holes, so a page that does raises Damaged: the log has lost events.
    """
    if not 1 <= limit <= PAGE_EVENTS_MOST:
        raise ValueError(f"limit must be from 1 to {PAGE_EVENTS_MOST}, not {limit}")
    with _cursor(connection) as cursor:
        # Planned anew each time: a plan kept from when the table was young would read it whole.
        row = cursor.execute(_PAGE, [bucket, after, limit], prepare=False).fetchone()
    if row is None or not row[1]:
        return EventPage([], after)
    last, count, *columns = row
    if last - count != after:
        raise Damaged(f"{count} events are there after position {after} and up to {last}, where {last - after} must be")
    return EventPage(list(map(Recorded, repeat(mapper), range(after + 1, last + 1), *columns)), last)


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


def last_position(connection: psycopg.Connection[Any], bucket: int = 0) -> int:
    """Where the log ends, whatever its head says; 0 when it is empty."""
    with _cursor(connection) as cursor:
        row = cursor.execute(_LAST, [bucket]).fetchone()
    assert row is not None  # noqa: S101  an aggregate always has a row
    position: int = row[0]
    return position


def read_catalogue(connection: psycopg.Connection[Any], mapper: Mapper, after: int = 0, bucket: int = 0) -> list[Entry]:
    """What changed in the catalogue after a position, for those who follow it without writing."""
    with _cursor(connection) as cursor:
        return entries(mapper, cursor.execute(_CATALOGUE, [bucket, after]).fetchall())


async def read_tagged(
    connection: psycopg.AsyncConnection[Any],
    mapper: Mapper,
    tags: Sequence[str],
    after: int,
    upto: int,
    limit: int = PAGE_EVENTS,
    bucket: int = 0,
) -> EventPage:
    """The first events of these tags after one position and up to another, at most `limit`; nothing is beyond `upto`.

    `last` is where to go on from: no event of these tags is left before it.
    """
    upto = min(upto, after + PASSED_EVENTS_MOST)
    async with connection.cursor(binary=True, row_factory=tuple_row) as cursor:
        # Planned anew each time, as a page is.
        await cursor.execute(_TAGGED, [bucket, after, upto, list(tags), limit], prepare=False)
        events = [_recorded(mapper, *row) for row in await cursor.fetchall()]
    return EventPage(events, events[-1].position if len(events) == limit else max(after, upto))


async def read_versions(
    connection: psycopg.AsyncConnection[Any], mapper: Mapper, places: Sequence[Place]
) -> list[Recorded]:
    """The events at these streams' versions, in order of position; what is not there is left out."""
    streams, versions = [stream for stream, _ in places], [version for _, version in places]
    async with connection.cursor(binary=True, row_factory=tuple_row) as cursor:
        await cursor.execute(_VERSIONS, [streams, versions], prepare=False)
        return [_recorded(mapper, *row) for row in await cursor.fetchall()]


async def read_past(
    connection: psycopg.AsyncConnection[Any], mapper: Mapper, places: Sequence[Place]
) -> dict[Place, Any]:
    """What streams were at the versions that commands saw them at; a LogError for what can't be made of the log.

    Each stream is read once, in pages, up to the greatest version that is asked for.
    """
    found: dict[Place, Any] = {place: Damaged(f"stream {place[0]} has no version {place[1]}") for place in places}
    upto: dict[UUID, int] = {}
    for stream, version in places:
        upto[stream] = max(version, upto.get(stream, 0))
    at: Place = (UUID(int=0), 0)
    state: Any = None
    while upto:
        rows = await _upto(connection, upto, at)
        for stream, version, tag, payload in rows:
            if stream != at[0]:
                at, state = (stream, 0), None
            if version != at[1] + 1:
                state = Damaged(f"stream {stream} has no version {at[1] + 1}")
            elif not isinstance(state, LogError):
                state = _folded(mapper, state, tag, payload)
            at = (stream, version)
            if at in found:
                found[at] = state
        if len(rows) < PAGE_EVENTS_MOST:
            break
        upto = {stream: last for stream, last in upto.items() if stream.bytes >= at[0].bytes}
    return found


async def _upto(
    connection: psycopg.AsyncConnection[Any], upto: Mapping[UUID, int], after: Place
) -> list[tuple[UUID, int, str, bytes]]:
    asked = {
        "streams": list(upto),
        "versions": list(upto.values()),
        "stream": after[0],
        "version": after[1],
        "limit": PAGE_EVENTS_MOST,
    }
    async with connection.cursor(binary=True, row_factory=tuple_row) as cursor:
        await cursor.execute(_UPTO, asked, prepare=False)
        return await cursor.fetchall()


def _folded(mapper: Mapper, state: Any, tag: str, payload: bytes) -> Any:  # noqa: ANN401  any kind's state, or why there is none
    try:
        return folded(mapper, state, [(tag, payload)])
    except LogError as error:
        return error


async def read_catalogue_at(
    connection: psycopg.AsyncConnection[Any], mapper: Mapper, kinds: Sequence[str], position: int, bucket: int = 0
) -> list[Entry]:
    """What the catalogue's streams of some kinds were at a position, in no particular order."""
    asked = {"bucket": bucket, "kinds": list(kinds), "position": position}
    async with connection.cursor(binary=True, row_factory=tuple_row) as cursor:
        await cursor.execute(_CATALOGUE_AT, asked, prepare=False)
        rows = await cursor.fetchall()
    found: dict[UUID, Entry] = {}
    for stream, kind, changed, _, state, tag, payload in rows:
        if tag is None:
            now = mapper.decode_state(kind, state)
        else:
            was = found.get(stream)
            now = folded(mapper, was and was.state, [(tag, payload)])
        found[stream] = Entry(stream, kind, now, changed)
    return list(found.values())


def _recorded(mapper: Mapper, position: int, stream: UUID, version: int, tag: str, *content: bytes) -> Recorded:
    payload, envelope = content
    return Recorded(mapper, position, stream, version, tag, payload, envelope)


def _cursor(connection: psycopg.Connection[Any]) -> psycopg.Cursor[TupleRow]:
    return connection.cursor(binary=True, row_factory=tuple_row)
