"""Recorded events, as followers of the log see them."""

from typing import Any
from uuid import UUID

from msgspec import Struct

from application.log.envelope import Cause, Envelope, Origin
from application.log.mapper import Mapper
from application.log.uuids import uuid_of


class Recorded(Struct, gc=False, eq=False):
    """An event as followers see it. What it says is decoded when first asked for, and then kept."""

    _mapper: Mapper
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
