"""A program in memory: commands decided over states in a dict, for tests of decisions that need no database."""

from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from application.catalogue.commands import ensure_default_account
from application.definitions.catalogue import Catalogue
from application.log.catalogue import Entry
from application.log.envelope import Envelope, Origin
from application.log.events import Recorded
from application.log.mapper import Mapper
from application.log.streams import KEY_BYTES, Past, Stream
from application.streams import KINDS

Answer = TypeVar("Answer")
MAPPER = Mapper(KINDS)
_Row = tuple[Stream[Any, Any], Any, Origin | None]


def at_once(awaited: Coroutine[Any, Any, Answer]) -> Answer:
    """What a coroutine answers that waits for nothing."""
    try:
        awaited.send(None)
    except StopIteration as stop:
        answer: Answer = stop.value
        return answer
    raise AssertionError(f"{awaited!r} waits for something")


class Program:
    """Stands where the log's writer stands: what a command records counts once it has returned."""

    def __init__(self, now: datetime = datetime(2026, 9, 10, tzinfo=UTC), time_zone: str = "UTC") -> None:
        self.now = now
        self.catalogue = Catalogue(time_zone)
        self.events: list[Any] = []
        self._states: dict[UUID, tuple[int, Any]] = {}
        self._overlay: dict[UUID, tuple[int, Any]] = {}
        self._recorded: list[_Row] = []
        self._versions: dict[UUID, int] = {}
        self._past: dict[tuple[UUID, int], Any] = {}
        self.history: list[Recorded] = []
        self.do(ensure_default_account)

    def do(self, command: Callable[[Any], Answer]) -> Answer:
        self._overlay, self._recorded = {}, []
        try:
            answer = command(self)
        except Exception:
            self._overlay = {}
            raise
        self._states |= self._overlay
        self.events += [event for _, event, _ in self._recorded]
        self._log(self._recorded)
        changed = {stream.id: stream for stream, *_ in self._recorded if stream.kind.catalogue}
        entries = [
            Entry(stream.id, stream.kind.name, self._states[stream.id][1], len(self.events))
            for stream in changed.values()
        ]
        if entries:
            at_once(self.catalogue.load(entries))
        return answer

    def recorded_by(self, command: Callable[[Any], Any]) -> list[Any]:
        """The events that a command records."""
        before = len(self.events)
        self.do(command)
        return self.events[before:]

    def state(self, stream: Stream[Any, Any]) -> Any:
        return self._held(stream)[1]

    def version(self, stream: Stream[Any, Any]) -> int:
        return self._held(stream)[0]

    def prefetch_at(self, places: Iterable[tuple[Stream[Any, Any], int]]) -> None:
        """Everything is in memory."""

    def state_at(self, stream: Stream[Any, Any], version: int) -> Any:
        held, state = self._held(stream)
        if not version:
            return None
        return state if held == version else self._past[stream.id, version]

    def loaded(self, key: bytes) -> tuple[int, Any]:
        """Version and state of a stream as it is or was, by its key."""
        if len(key) == KEY_BYTES:
            return self._states.get(UUID(bytes=key), (0, None))
        (stream, version), _ = Past.of(key)
        return version, self._past[stream, version]

    def prefetch(self, streams: Iterable[Stream[Any, Any]]) -> None:
        """Everything is in memory."""

    def state_if_known(self, stream: Stream[Any, Any]) -> Any:
        return self.state(stream)

    def record(self, stream: Stream[Any, Any], event: Any, origin: Origin | None = None) -> Any:
        version, state = self._held(stream)
        state = stream.kind.evolve(state, event)
        self._overlay[stream.id] = (version + 1, state)
        if stream.kind.recalled:
            self._past[stream.id, version + 1] = state
        self._recorded.append((stream, event, origin))
        return state

    def _held(self, stream: Stream[Any, Any]) -> tuple[int, Any]:
        return self._overlay.get(stream.id) or self._states.get(stream.id) or (0, None)

    def _log(self, recorded: list[_Row]) -> None:
        """As followers would see it."""
        command = UUID(int=len(self.history) + 1)
        for stream, event, origin in recorded:
            version = self._versions[stream.id] = self._versions.get(stream.id, 0) + 1
            position = len(self.history) + 1
            chain = (origin.correlation, origin.cause) if origin else ()
            envelope = Envelope(self.now, command, "test", *chain)
            self.history.append(Recorded(MAPPER, position, stream.id, version, event.tag, b"", envelope, event))
