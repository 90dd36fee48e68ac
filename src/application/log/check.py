"""Whether the log agrees with itself: heads, order, streams and their states, with the place of whatever does not.

All of it is read, in pages, also while the log grows: what is recorded meanwhile is left out.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

import psycopg
from msgspec import Struct
from psycopg.rows import TupleRow, tuple_row

from application.log.envelope import Envelope
from application.log.errors import LogError, Undecodable, UnknownTag
from application.log.fold import folded
from application.log.mapper import Mapper
from application.log.queries import query
from application.log.reader import last_position

PAGE_POSITIONS = 5_000
PAGE_STREAMS = 1_000
PAGE_EVENTS = 2_000
PAGE_BYTES = 16 * 1024 * 1024
LARGE_BYTES = 64 * 1024
"""A state that is larger is read by itself, with as few of its events at a time as are about as large."""
BEFORE_VERSIONS = -(2**31)
ORPHANS = 1_000
COMMANDS = 10_000
"""So many commands back an event is looked for that stands apart from the others of its command."""
SHOWN_CHARACTERS = 200

_HEADS = query("check_heads")
_ORDER = query("check_order")
_STREAMS = query("check_streams")
_STREAM = query("check_stream")
_EVENTS = query("check_events")
_ORPHANS = query("check_orphans")


class Finding(Struct, frozen=True):
    """One contradiction, and its place as far as it has one."""

    what: str
    position: int | None = None
    stream: UUID | None = None
    version: int | None = None

    def __str__(self) -> str:
        places = (("position", self.position), ("stream", self.stream), ("version", self.version))
        place = ", ".join(f"{name} {at}" for name, at in places if at is not None)
        return f"{place}: {self.what}" if place else self.what


def check(connection: psycopg.Connection[Any], mapper: Mapper, bucket: int = 0) -> Iterator[Finding]:
    """Everything that is wrong, one by one; nothing when all is well."""
    return LogCheck(connection, mapper, bucket).findings()


class LogCheck:
    """One run over a log up to its `end`; `events` and `streams` are how many it has looked at.

    `shown` is told how far it is, and of how much; what that raises ends it.
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        mapper: Mapper,
        bucket: int = 0,
        shown: Callable[[int, int], None] = lambda _done, _of: None,
    ) -> None:
        self._connection = connection
        self._mapper = mapper
        self._bucket = bucket
        self._shown = shown
        self.end = last_position(connection, bucket)
        self.events = 0
        self.streams = 0

    def findings(self) -> Iterator[Finding]:
        heads = self._rows(_HEADS, [self._bucket])
        yield from check_heads(heads, self._bucket)
        yield from self._order(*(heads[0][2:4] if heads else (0, None)))
        yield from self._orphans()
        yield from self._streams()

    def _order(self, began: int, recorded_at: datetime | None) -> Iterator[Finding]:
        order = _Order(self._mapper, began)
        after = 0
        while after < self.end:
            ((last, positions, envelopes),) = self._rows(_ORDER, [self._bucket, after, self.end, PAGE_POSITIONS])
            for position, envelope in zip(positions, envelopes, strict=True):
                yield from order.take(position, envelope)
            self.events += len(positions)
            after = last
            self._shown(after, 2 * self.end)
        latest = order.envelope
        if latest and recorded_at and recorded_at < latest.recorded_at:
            now, then = _at(recorded_at), _at(latest.recorded_at)
            yield Finding(f"heads: the last event was recorded at {now}, and by its envelope at {then}")

    def _orphans(self) -> Iterator[Finding]:
        for stream, events, version, position in self._rows(_ORPHANS, {"bucket": self._bucket, "limit": ORPHANS}):
            yield Finding(f"it has no row, and {events} events up to version {version}", position, stream)

    def _streams(self) -> Iterator[Finding]:
        after, read = None, 0
        while True:
            values = {"bucket": self._bucket, "after": after, "limit": PAGE_STREAMS, "large": LARGE_BYTES}
            rows = self._rows(_STREAMS, values)
            for streams in self._batches(rows):
                yield from self._folds(streams)
                read += sum(stream.read for stream in streams)
            self.streams += len(rows)
            self._shown(min(self.end + read, 2 * self.end), 2 * self.end)
            if len(rows) < PAGE_STREAMS:
                return
            after = rows[-1][0]

    def _batches(self, rows: Iterable[TupleRow]) -> Iterator[list["_Stream"]]:
        """Streams whose events are read together: few enough of them, unless it is one alone."""
        batch: list[_Stream] = []
        events = 0
        for row in rows:
            if row[4] > LARGE_BYTES:
                yield [_Stream(self._mapper, found) for found in self._rows(_STREAM, [row[0]])]
                continue
            stream = _Stream(self._mapper, row)
            if batch and events + stream.version > PAGE_EVENTS:
                yield batch
                batch, events = [], 0
            batch.append(stream)
            events += stream.version
        if batch:
            yield batch

    def _folds(self, streams: list["_Stream"]) -> Iterator[Finding]:
        largest = max((stream.size for stream in streams), default=0)
        limit = max(1, min(PAGE_EVENTS, PAGE_BYTES // largest)) if largest > LARGE_BYTES else PAGE_EVENTS
        left = list(streams)
        while left:
            values = {
                "streams": [stream.key for stream in left],
                "versions": [stream.version for stream in left],
                "after": [stream.after for stream in left],
                "upto": self.end,
                "limit": limit,
            }
            rows = self._rows(_EVENTS, values)
            for number, events in groupby(rows, itemgetter(0)):
                yield from left[number - 1].take(events)
            ended = rows[-1][0] - 1 if len(rows) == limit else len(left)
            for stream in left[:ended]:
                yield from stream.end()
            left = left[ended:]

    def _rows(self, text: Any, parameters: Any) -> list[TupleRow]:  # noqa: ANN401  psycopg's own are as wide
        with self._connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            # Planned anew each time: a plan kept from when the table was young would read it whole.
            return cursor.execute(text, parameters, prepare=False).fetchall()


async def find_head_faults(connection: psycopg.AsyncConnection[Any], bucket: int = 0) -> list[Finding]:
    """The part that takes no time, however long the log is."""
    rows = await (await connection.execute(_HEADS, [bucket])).fetchall()
    return list(check_heads(rows, bucket))


def check_heads(rows: Iterable[TupleRow], bucket: int = 0) -> Iterator[Finding]:
    found = False
    for head, catalogue, _, _, last, changed in rows:
        found = True
        if head != last:
            yield Finding(f"heads: the head is {head}, and the last event is at position {last}")
        if catalogue != changed:
            yield Finding(f"heads: definitions changed last at {catalogue}, and by their rows at {changed}")
    if not found:
        yield Finding(f"heads: bucket {bucket} has no row")


class _Order:
    """The log in order of its positions. Behind where a sandbox's history `began` its times don't go back."""

    def __init__(self, mapper: Mapper, began: int) -> None:
        self.envelope: Envelope | None = None
        self._mapper = mapper
        self._began = began
        self._position = 0
        self._raw = b""
        self._commands: dict[UUID, None] = {}

    def take(self, position: int, raw: bytes) -> Iterator[Finding]:
        if position != self._position + 1:
            missing = _numbers("position", self._position + 1, position - 1)
            yield Finding(f"{missing} not there", self._position + 1)
        self._position = position
        if raw == self._raw:
            return
        self._raw = raw
        try:
            envelope = self._mapper.decode_envelope(raw)
        except Undecodable as error:
            yield Finding(str(error), position)
            return
        before, self.envelope = self.envelope, envelope
        if before is None or envelope.command != before.command:
            if envelope.command in self._commands:
                yield Finding("it stands apart from the other events of its command", position)
            self._commands[envelope.command] = None
            if len(self._commands) > COMMANDS:
                del self._commands[next(iter(self._commands))]
        if before and envelope.recorded_at < before.recorded_at and position > self._began + 1:
            now, then = _at(envelope.recorded_at), _at(before.recorded_at)
            yield Finding(f"it was recorded at {now}, and the event before it at {then}", position)


class _Stream:
    """A stream's row, and what the events that come in make of it: those `after` a version are yet to come."""

    def __init__(self, mapper: Mapper, row: TupleRow) -> None:
        self.key, self._kind, self.version, self._catalogue, self.size, self._kept = row
        self._mapper = mapper
        self._state: Any = None
        self._position = 0
        self._changed_at = 0
        self._folds = True
        self.after = BEFORE_VERSIONS
        self.read = 0

    def take(self, events: Iterable[TupleRow]) -> Iterator[Finding]:
        for _, version, position, tag, payload in events:
            self.after = version
            if version < 1:
                yield Finding("versions begin with 1", position, self.key, version)
                continue
            if version != self.read + 1:
                yield self._missing(version - 1)
            if position < self._position:
                yield Finding("it comes before the version before it", position, self.key, version)
            self.read, self._position = version, position
            if version > self.version:
                yield Finding(f"its row ends at version {self.version}", position, self.key, version)
                continue
            self._changed_at = position
            try:
                self._fold(tag, payload)
            except LogError as error:
                self._folds = False
                yield Finding(str(error), position, self.key, version)

    def _fold(self, tag: str, payload: bytes) -> None:
        """What comes after a gap, or after what can't be read, can still be read itself."""
        kind = self._mapper.kind_of_tag.get(tag)
        if kind is None:
            raise UnknownTag(tag)
        if self._folds and kind.name != self._kind:
            raise Undecodable(f"an event {tag}", f"the row is of kind {self._kind!r}")
        if self._folds:
            self._state = folded(self._mapper, self._state, [(tag, payload)])
        else:
            self._mapper.decode(tag, payload)

    def end(self) -> Iterator[Finding]:
        if self.read < self.version:
            yield self._missing(self.version)
        if self._folds and self._kept:
            yield from self._compared()
        kind = self._mapper.kinds.get(self._kind)
        if kind and kind.catalogue and (self._catalogue or 0) < self._changed_at:
            what = f"its row says the definition changed last at {self._catalogue}, and its last event is here"
            yield Finding(what, self._changed_at, self.key, self.version)

    def _compared(self) -> Iterator[Finding]:
        """A state that a release emptied, to be made anew, says nothing."""
        try:
            if self._mapper.encode_state(self._state) == self._kept:
                return
            kept = self._mapper.decode_state(self._kind, self._kept)
        except LogError as error:
            yield Finding(str(error), None, self.key, self.version)
            return
        if kept != self._state:
            yield Finding(_differing(self._kind, kept, self._state), None, self.key, self.version)

    def _missing(self, last: int) -> Finding:
        self._folds = False
        first = self.read + 1
        what = f"{_numbers('version', first, last)} not there, and its row is at {self.version}"
        return Finding(what, None, self.key, first)


def _at(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat()


def _numbers(what: str, first: int, last: int) -> str:
    return f"{what} {first} is" if first == last else f"{what}s {first} to {last} are"


def _differing(kind: str, kept: Any, made: Any) -> str:  # noqa: ANN401  any kind's states
    """Field by field, where both are of one type."""
    if type(kept) is not type(made) or not isinstance(kept, Struct):
        return f"the state of the {kind} is {_shown(kept)}, and its events make {_shown(made)}"
    fields = [name for name in kept.__struct_fields__ if getattr(kept, name) != getattr(made, name)]
    parts = [f"{name} is {_shown(getattr(kept, name))} and not {_shown(getattr(made, name))}" for name in fields]
    return f"the state of the {kind} is not what its events make: {'; '.join(parts)}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
