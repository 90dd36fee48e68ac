"""What surrounds an event: its envelope when written, and how a follower sees it."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec import Struct

from application.log.uuids import uuid_of

if TYPE_CHECKING:
    from application.log.mapper import Mapper


PROGRAM = "laurel"
"""The actor of what nobody asked for, which its name goes on to say what for."""


class Cause(Struct, frozen=True, gc=False, array_like=True):
    """The recorded event that a command answers to."""

    stream: UUID
    version: int


class Envelope(Struct, frozen=True, gc=False, array_like=True):
    """What is known of an event beside what it says; all events of one command share it.

    `correlation` is the command that began the chain, where this one continues it; `cause` the event it answers to.
    Fields are only ever added at the end, with defaults. `recorded_at` stays the first, behind a single byte: should it
    lie before what the log has, the append puts the log's in its place.
    """

    recorded_at: datetime
    command: UUID
    actor: str
    correlation: UUID | None = None
    cause: Cause | None = None


class Origin(Struct, frozen=True, gc=False):
    """Where an event comes from: the event that it answers to, and the command that began the chain it continues."""

    cause: Cause | None = None
    correlation: UUID | None = None


NO_ORIGIN = Origin()
"""Of what begins a chain, and answers to nothing recorded."""


class Recorded(Struct, gc=False, eq=False):
    """An event as followers see it. What it says is decoded when first asked for, and then kept."""

    _mapper: "Mapper"
    position: int
    _stream: bytes | UUID
    version: int
    tag: str
    _payload: bytes
    _envelope: bytes | Envelope
    _event: Any = None

    @property
    def stream(self) -> UUID:
        if isinstance(self._stream, bytes):
            self._stream = uuid_of(self._stream)
        return self._stream

    @property
    def event(self) -> Any:  # noqa: ANN401  any of the domain's events; a follower matches on its type
        """Raises UnknownTag or Undecodable."""
        if self._event is None:
            self._event = self._mapper.decode(self.tag, self._payload)
        return self._event

    @property
    def envelope(self) -> Envelope:
        if isinstance(self._envelope, bytes):
            self._envelope = self._mapper.decode_envelope(self._envelope)
        return self._envelope

    @property
    def origin(self) -> Origin:
        """That of events which answer to this one."""
        envelope = self.envelope
        return Origin(Cause(self.stream, self.version), envelope.correlation or envelope.command)

    def __repr__(self) -> str:
        return f"Recorded({self.position}, {self.stream}, {self.version}, {self.tag!r})"
