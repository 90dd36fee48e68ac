"""Between what is decided and what is stored: permanent tags, msgpack, upcasts of what older versions wrote."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from application.log.envelope import Envelope
from application.log.errors import TooLarge, Undecodable, UnknownEvent, UnknownTag
from application.log.streams import StreamKind

PAYLOAD_BYTES = 4 * 1024 * 1024
"""The most one event or one state may take; an icon is the largest thing that anyone records."""

Upcast = Callable[[Any], Any]
"""From the plain builtins that one version of a payload holds (dict, or list for arrays) to the next one's."""

Upcasts = Mapping[tuple[str, int], Upcast]
"""By tag and the version it starts from; an event type's own version is one more than the upcasts its tag has."""

_DECODE_FAILURES = (msgspec.DecodeError, msgspec.ValidationError, ValueError, TypeError, KeyError, IndexError)


def tag_of(event_type: type) -> str:
    tag = getattr(event_type, "tag", None)
    if not isinstance(tag, str) or not tag or "@" in tag:
        raise TypeError(f'{event_type.__qualname__} needs its permanent tag: `tag: ClassVar[str] = "noun.happened"`')
    return tag


def stored_tag(tag: str, version: int) -> str:
    return tag if version == 1 else f"{tag}@{version}"


class Mapper:
    """Knows every event type and every kind; safe to share between threads.

    Raises TypeError when two event types have one tag, two kinds one name, or upcasts leave a version out.
    """

    def __init__(self, kinds: Iterable[StreamKind[Any, Any]], upcasts: Upcasts | None = None) -> None:
        self.kinds: dict[str, StreamKind[Any, Any]] = {}
        self.types: dict[str, type] = {}
        self.kind_of_tag: dict[str, StreamKind[Any, Any]] = {}
        self._stored_tags: dict[type, str] = {}
        self._decoders: dict[str, Callable[[bytes], Any]] = {}
        self._state_decoders: dict[str, Callable[[bytes], Any]] = {}
        self._encode = msgspec.msgpack.Encoder(uuid_format="bytes").encode
        self._decode_envelope = msgspec.msgpack.Decoder(Envelope).decode
        for kind in kinds:
            self._add_kind(kind)
        self._add_upcasts(upcasts or {})

    def encode(self, event: Any) -> tuple[str, bytes]:  # noqa: ANN401  any event; an unknown type is refused
        """The tag as stored and the payload. Raises UnknownEvent, TooLarge, or TypeError from a field's value."""
        tag = self._stored_tags.get(type(event))
        if tag is None:
            raise UnknownEvent(type(event))
        payload = self._encode(event)
        if len(payload) > PAYLOAD_BYTES:
            raise TooLarge(f"an event {tag}", len(payload), PAYLOAD_BYTES)
        return tag, payload

    def decode(self, tag: str, payload: bytes) -> Any:  # noqa: ANN401  any event
        """Raises UnknownTag or Undecodable."""
        decoder = self._decoders.get(tag)
        if decoder is None:
            raise UnknownTag(tag)
        try:
            return decoder(payload)
        except _DECODE_FAILURES as error:
            raise Undecodable(f"an event {tag}", str(error)) from error

    def encode_state(self, state: Any) -> bytes:  # noqa: ANN401  any kind's state
        encoded = self._encode(state)
        if len(encoded) > PAYLOAD_BYTES:
            raise TooLarge("a stream's state", len(encoded), PAYLOAD_BYTES)
        return encoded

    def decode_state(self, kind: str, state: bytes) -> Any:  # noqa: ANN401  any kind's state
        """Raises Undecodable, also for a kind that is not known."""
        decoder = self._state_decoders.get(kind)
        if decoder is None:
            raise Undecodable(f"a state of kind {kind!r}", "no such kind")
        try:
            return decoder(state)
        except _DECODE_FAILURES as error:
            raise Undecodable(f"a state of kind {kind!r}", str(error)) from error

    def encode_instant(self, instant: datetime) -> bytes:
        """As it is in an envelope, behind the first byte."""
        return self._encode(instant)

    def encode_envelope(self, envelope: Envelope) -> bytes:
        return self._encode(envelope)

    def decode_envelope(self, envelope: bytes) -> Envelope:
        try:
            return self._decode_envelope(envelope)
        except _DECODE_FAILURES as error:
            raise Undecodable("an envelope", str(error)) from error

    def _add_kind(self, kind: StreamKind[Any, Any]) -> None:
        if kind.name in self.kinds:
            raise TypeError(f"two kinds are called {kind.name!r}")
        self.kinds[kind.name] = kind
        self._state_decoders[kind.name] = msgspec.msgpack.Decoder(kind.state).decode
        for event_type in kind.events:
            tag = tag_of(event_type)
            if tag in self.types:
                raise TypeError(f"{event_type.__qualname__} and {self.types[tag].__qualname__} both have tag {tag!r}")
            self.types[tag] = event_type
            self.kind_of_tag[tag] = kind
            self._stored_tags[event_type] = tag
            self._decoders[tag] = msgspec.msgpack.Decoder(event_type).decode

    def _add_upcasts(self, upcasts: Upcasts) -> None:
        for tag in {tag for tag, _ in upcasts}:
            if tag not in self.types:
                raise TypeError(f"an upcast is given for {tag!r}, which no event type has")
            versions = sorted(version for known, version in upcasts if known == tag)
            if versions != list(range(1, len(versions) + 1)):
                raise TypeError(f"upcasts of {tag!r} must start from 1, 2, ... without a hole, not {versions}")
            current = len(versions) + 1
            self._stored_tags[self.types[tag]] = stored_tag(tag, current)
            self._decoders[stored_tag(tag, current)] = self._decoders[tag]
            self.kind_of_tag[stored_tag(tag, current)] = self.kind_of_tag[tag]
            for version in versions:
                steps = [upcasts[tag, step] for step in range(version, current)]
                self._decoders[stored_tag(tag, version)] = _upcasting(self.types[tag], steps)
                self.kind_of_tag[stored_tag(tag, version)] = self.kind_of_tag[tag]


def _upcasting(event_type: type, steps: list[Upcast]) -> Callable[[bytes], Any]:
    plain = msgspec.msgpack.Decoder().decode
    encode = msgspec.msgpack.Encoder().encode
    decode: Callable[[bytes], Any] = msgspec.msgpack.Decoder(event_type).decode

    def upcast(payload: bytes) -> Any:  # noqa: ANN401  any event
        content = plain(payload)
        for step in steps:
            content = step(content)
        return decode(encode(content))

    return upcast
