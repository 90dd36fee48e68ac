"""Asked of the log itself: pages of it, states and events of streams that the projections' rows name."""

from collections.abc import Iterable, Sequence
from typing import Any, Generic, LiteralString, TypeVar
from uuid import UUID

from msgspec import Struct
from psycopg import AsyncConnection
from psycopg.rows import TupleRow, tuple_row

from application.log.envelope import Envelope
from application.log.events import Recorded
from application.log.fold import folded, kept
from application.log.mapper import Mapper
from application.log.queries import query
from application.log.reader import EventPage
from application.log.streams import Stream

S = TypeVar("S")

PASSED_EVENTS = 5_000
"""So many positions at most are looked through for a page of the feed."""

_HEAD = query("head")
_LAST = query("last")

_STATES: LiteralString = """
SELECT s.id, s.version, s.kind, s.state, e.tags, e.payloads
FROM unnest(%s::uuid[]) w (id)
CROSS JOIN LATERAL (SELECT t.id, t.kind, t.version, t.state FROM laurel.streams t WHERE t.id = w.id OFFSET 0) s
CROSS JOIN LATERAL (
    SELECT array_agg(v.tag ORDER BY v.version) AS tags, array_agg(v.payload ORDER BY v.version) AS payloads
    FROM laurel.events v
    WHERE s.state = '' AND v.stream = s.id AND v.version <= s.version
) e
"""

_EXISTS: LiteralString = """
SELECT FROM laurel.streams t
WHERE t.id = %(stream)s AND t.kind = %(kind)s AND (
    %(as_of)s::bigint IS NULL
    OR EXISTS (SELECT FROM laurel.events e WHERE e.stream = t.id AND e.version = 1 AND e.position <= %(as_of)s)
)
"""

_STORIES: LiteralString = """
SELECT s.id, s.kind, s.state, opening.envelope, latest.tag, latest.payload, latest.envelope
FROM unnest(%(streams)s::uuid[]) WITH ORDINALITY w (id, n)
CROSS JOIN LATERAL (
    SELECT t.id, t.kind, t.version, t.state FROM laurel.streams t WHERE t.id = w.id OFFSET 0
) s
CROSS JOIN LATERAL (SELECT e.envelope FROM laurel.events e WHERE e.stream = s.id AND e.version = 1) opening
CROSS JOIN LATERAL (
    SELECT e.tag, e.payload, e.envelope FROM laurel.events e WHERE e.stream = s.id AND e.version = s.version
) latest
ORDER BY w.n
"""

_BETWEEN: LiteralString = """
SELECT e.position, uuid_send(e.stream), e.version, e.tag, e.payload, e.envelope
FROM unnest(%(streams)s::uuid[]) w (id)
CROSS JOIN LATERAL (
    SELECT v.position, v.stream, v.version, v.tag, v.payload, v.envelope
    FROM laurel.events v
    WHERE v.stream = w.id AND v.position > %(after)s AND v.position <= %(until)s
    ORDER BY v.version DESC
    LIMIT %(limit)s
) e
ORDER BY e.position
"""


class VersionedState(Struct, Generic[S], frozen=True):
    """A stream's state, and the version that it is of."""

    state: S
    version: int


_FEED: LiteralString = """
SELECT e.position, uuid_send(e.stream), e.version, e.tag, e.payload, e.envelope
FROM laurel.events e
WHERE e.bucket = 0 AND e.position > %(after)s AND e.position <= %(until)s AND e.tag = ANY(%(tags)s::text[])
AND (%(said)s::bytea IS NULL OR position(%(said)s::bytea IN e.payload) > 0)
ORDER BY e.position
LIMIT %(limit)s
"""


class Story(Struct, frozen=True):
    """A stream as it stands: its state, when it began, and the last thing that happened in it."""

    stream: UUID
    kind: str
    state: Any
    began: Envelope
    latest: Any
    changed: Envelope


async def head(connection: AsyncConnection[Any]) -> int:
    """The last position in the log, 0 when it is empty."""
    position: int = (await _rows(connection, _HEAD, [0]))[0][0]
    return position


async def last_position(connection: AsyncConnection[Any]) -> int:
    """Where the log ends, whatever its head says."""
    position: int = (await _rows(connection, _LAST, [0]))[0][0]
    return position


async def read_feed(
    connection: AsyncConnection[Any], mapper: Mapper, tags: Iterable[str], said: str | None, after: int, limit: int
) -> EventPage:
    """The first events of these tags that follow a position, at most `limit`, where they say the text `said` somewhere.

    It looks through a bounded part of the log: `last` is how far, so that it goes on where nothing fits.
    """
    until = min(await head(connection), after + PASSED_EVENTS)
    stored = [tag for tag in mapper.kind_of_tag if tag.partition("@")[0] in set(tags)]
    named = {"after": after, "until": until, "tags": stored, "limit": limit, "said": said and said.encode()}
    events = [Recorded(mapper, *row) for row in await _rows(connection, _FEED, named)]
    return EventPage(events, events[-1].position if len(events) == limit else max(after, until))


async def latest(connection: AsyncConnection[Any], mapper: Mapper, stream: Stream[S, Any]) -> VersionedState[S] | None:
    """A stream as the last command left it; None where there is none of its kind."""
    for _, version, kind, *stored in await _rows(connection, _STATES, [[stream.id]]):
        if kind == stream.kind.name:
            return VersionedState(kept(mapper, kind, *stored), version)
    return None


async def exists(connection: AsyncConnection[Any], stream: Stream[Any, Any], as_of: int | None = None) -> bool:
    """Whether it is there, or was at a position."""
    named = {"stream": stream.id, "kind": stream.kind.name, "as_of": as_of}
    return bool(await _rows(connection, _EXISTS, named))


async def states(connection: AsyncConnection[Any], mapper: Mapper, ids: Sequence[UUID]) -> dict[UUID, Any]:
    """The states of the streams that exist."""
    rows = await _rows(connection, _STATES, [list(ids)])
    return {key: kept(mapper, *stored) for key, _, *stored in rows}


async def stories(connection: AsyncConnection[Any], mapper: Mapper, ids: Sequence[UUID]) -> list[Story]:
    """Those of the streams that exist, in the order given."""
    rows = await _rows(connection, _STORIES, {"streams": list(ids)})
    return [
        Story(
            key,
            kind,
            # of a brief stream nothing is kept but its first event, which then is the latest
            mapper.decode_state(kind, state) if state else folded(mapper, None, [(tag, payload)]),
            mapper.decode_envelope(began),
            mapper.decode(tag, payload),
            mapper.decode_envelope(changed),
        )
        for key, kind, state, began, tag, payload, changed in rows
    ]


async def events_between(
    connection: AsyncConnection[Any], mapper: Mapper, ids: Iterable[UUID], after: int, until: int, limit: int
) -> list[Recorded]:
    """Events of some streams after one position and up to another, in order: of each stream the last `limit`."""
    named = {"streams": list(ids), "after": after, "until": until, "limit": limit}
    return [Recorded(mapper, *row) for row in await _rows(connection, _BETWEEN, named)]


async def _rows(connection: AsyncConnection[Any], text: Any, parameters: Any) -> list[TupleRow]:  # noqa: ANN401  psycopg's own are as wide
    async with connection.cursor(binary=True, row_factory=tuple_row) as cursor:
        # Planned anew each time: a plan kept from when the table was young would read it whole.
        await cursor.execute(text, parameters, prepare=False)
        return await cursor.fetchall()
