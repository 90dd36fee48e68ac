"""What a decision sees: the streams as they stand after everything this batch has decided so far."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Protocol, TypeVar, cast

from application.log.envelope import Origin
from application.log.errors import Cold, TooLarge
from application.log.mapper import Mapper
from application.log.streams import Stream, past_key

S = TypeVar("S")
E = TypeVar("E")

EVENTS_PER_COMMAND = 10_000


class StreamHold:
    """One stream while a batch is formed: as it stood in the store (`base`), and as it would stand after the batch.

    `key` is its identity; `toucher` and `writer` are the latest runs of a command that touched and wrote it;
    `last` and `lap` are for the order of decisions, `unit` for the batch. `past` has, of a recalled kind, its state at
    each version that a command of this batch found it at and changed.
    """

    __slots__ = ("base", "key", "kind", "lap", "last", "past", "state", "toucher", "unit", "version", "writer")

    def __init__(self, stream: Stream[Any, Any], version: int, state: Any) -> None:  # noqa: ANN401  any kind's state
        self.kind = stream.kind
        self.key = stream.key
        self.base = version
        self.version = version
        self.state = state
        self.toucher = 0
        self.writer = 0
        self.last = -1
        self.lap = 0
        self.unit = -1
        self.past: dict[int, Any] | None = None


Row = tuple[StreamHold, int, str, bytes, Origin | None]
"""An event about to be appended: its stream, its version there, its tag as stored, its payload, and where it comes from
if that is not where its command does.
"""


Seen = tuple[int, Any]
"""A stream's version (0 when it does not exist) and its state."""

_NEW: Seen = (0, None)


class Knowledge(Protocol):
    """Streams known from earlier batches and from loads of this one, by their keys."""

    def knows(self, key: bytes) -> bool: ...

    def find(self, key: bytes) -> Seen | None:
        """Raises LogError for a state that can't be read."""
        ...


class Working:
    """The view one batch's commands share, one after the other.

    A command runs any number of times and must have no effect but through `record`; what it recorded counts once it
    has returned, and is taken back when it raises.
    """

    __slots__ = (
        "_encode", "_held", "_known", "_run", "_undo",
        "bytes", "catalogue", "changes_catalogue", "now", "rows", "touched",
    )  # fmt: skip

    def __init__(self, mapper: Mapper, known: Knowledge, now: datetime, catalogue: Any) -> None:  # noqa: ANN401  injected
        self.now = now
        self.catalogue = catalogue
        self._encode = mapper.encode
        self._known = known
        self._held: dict[bytes, StreamHold] = {}
        self._run = 0
        self._undo: list[tuple[StreamHold, int, Any]] = []
        self.rows: list[Row] = []
        self.touched: list[StreamHold] = []
        self.bytes = 0
        self.changes_catalogue = False

    def state(self, stream: Stream[S, Any]) -> S | None:
        """The stream's current state, None when it does not exist. Raises Cold while it is not loaded."""
        return cast("S | None", self._touch(stream).state)

    def state_at(self, stream: Stream[S, Any], version: int) -> S | None:
        """What the stream, of a recalled kind, was when it had so many events: what is past stays as it was.

        Raises Cold while that is not loaded.
        """
        held = self._touch(stream)
        if not version:
            return None
        if held.version == version:
            return cast("S | None", held.state)
        if held.past and version in held.past:
            return cast("S | None", held.past[version])
        key = past_key(stream, version)
        found = self._known.find(key)
        if found is None:
            raise Cold([key])
        return cast("S | None", found[1])

    def version(self, stream: Stream[Any, Any]) -> int:
        """How many events the stream has, including those decided in this batch. Raises Cold while it is not loaded."""
        return self._touch(stream).version

    def prefetch(self, streams: Iterable[Stream[Any, Any]]) -> None:
        """Raises Cold once, with all of the streams that are not loaded."""
        held, knows = self._held, self._known.knows
        missing = [key for stream in streams if (key := stream.key) not in held and not knows(key)]
        if missing:
            raise Cold(missing)

    def prefetch_at(self, places: Iterable[tuple[Stream[Any, Any], int]]) -> None:
        """As `prefetch`, of what streams that are loaded were at a version."""
        missing: list[bytes] = []
        for stream, version in places:
            try:
                self.state_at(stream, version)
            except Cold as cold:
                missing += cold.keys
        if missing:
            raise Cold(missing)

    def state_if_known(self, stream: Stream[S, Any]) -> S | None:
        """As `state`, but a stream that is not loaded is taken for one that does not exist. Where it does, the append
        finds out: the stream is loaded and the command decided again.
        """
        return cast("S | None", self._touch(stream, _NEW).state)

    def record(self, stream: Stream[S, E], event: E, origin: Origin | None = None) -> S:
        """Appends the event and returns the stream's state after it. Raises UnknownEvent or TooLarge.

        `origin` is given where the events of one command answer to different ones.
        """
        held = self._touch(stream)
        tag, payload = self._encode(event)
        if len(self.rows) >= EVENTS_PER_COMMAND:
            raise TooLarge("the events of one command", len(self.rows) + 1, EVENTS_PER_COMMAND)
        state = stream.kind.evolve(held.state, event)
        if not held.version:
            held.kind = stream.kind  # one of another kind may have been looked for under this identity
        if held.writer != self._run:
            held.writer = self._run
            self._undo.append((held, held.version, held.state))
            if held.kind.recalled:
                held.past = held.past or {}
                held.past[held.version] = held.state
        held.version += 1
        held.state = state
        self.rows.append((held, held.version, tag, payload, origin))
        self.bytes += len(payload)
        if held.kind.catalogue:
            self.changes_catalogue = True
        return state

    def begin(self) -> None:
        """From here on, what happens is one run of one command."""
        self._run += 1
        self._undo = []
        self.rows = []
        self.touched = []
        self.bytes = 0
        self.changes_catalogue = False

    def take_back(self) -> None:
        """Undoes what the command recorded; what it has read stays among `touched`."""
        for held, version, state in self._undo:
            held.version = version
            held.state = state
        self._undo = []
        self.rows = []
        self.bytes = 0
        self.changes_catalogue = False

    def _touch(self, stream: Stream[Any, Any], unknown: Seen | None = None) -> StreamHold:
        """Raises Cold for a stream that is not loaded, unless `unknown` says how to take it."""
        key = stream.key
        held = self._held.get(key)
        if held is None:
            found = self._known.find(key) or unknown
            if found is None:
                raise Cold([key])
            held = self._held[key] = StreamHold(stream, *found)
        if held.toucher != self._run:
            held.toucher = self._run
            self.touched.append(held)
        return held


Command = Callable[[Working], Any]
"""Decides and records. What it raises reaches who submitted it, and nothing of it is recorded."""
