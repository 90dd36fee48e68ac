"""Kinds of stream, and the streams themselves."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID, uuid5

import uuid_utils
from msgspec import Struct

from application.log.uuids import uuid_of

S = TypeVar("S")
E = TypeVar("E")

NAMESPACE = UUID("6f0f2a3e-54f5-5d0b-9d7f-3f2f6f1f7c11")
"""Every kind's own namespace is derived from it. Permanent: all identities hang on it."""

IDENTITIES = 65_536
"""How many streams of a kind that were asked for last are remembered by their keys."""

KEY_BYTES = 16
_VERSION_BYTES = 4


class Stream(Struct, Generic[S, E], frozen=True, gc=False):
    """`key` is its identity, the sixteen bytes of a UUID."""

    kind: "StreamKind[S, E]"
    key: bytes

    @property
    def id(self) -> UUID:
        return uuid_of(self.key)


class StreamKind(Generic[S, E]):
    """What all streams of one type share.

    `name` is permanent: it is in the state rows and in every identity. `state` is the type (or union) that `evolve`
    makes. The states of a `catalogue` kind are held in memory by every process. Most streams of a `brief` kind end with
    their first event: that event alone is kept of them, no state beside it and none in memory. What a stream of a
    `recalled` kind was at an earlier version can be asked by whatever saw it there.
    """

    __slots__ = ("_namespace", "_stream", "brief", "catalogue", "events", "evolve", "name", "recalled", "state")

    def __init__(
        self,
        name: str,
        state: Any,  # noqa: ANN401  a type or a union of types; type[S] can't say the second
        evolve: Callable[[S | None, E], S],
        events: tuple[type[Any], ...],
        *,
        catalogue: bool = False,
        brief: bool = False,
        recalled: bool = False,
    ) -> None:
        self.name = name
        self.state = state
        self.evolve = evolve
        self.events = events
        self.catalogue = catalogue
        self.brief = brief
        self.recalled = recalled
        self._namespace = uuid_utils.UUID(bytes=uuid5(NAMESPACE, name).bytes)
        self._stream = self._identified if brief else lru_cache(IDENTITIES)(self._identified)

    def at(self, *key: str | int | UUID) -> Stream[S, E]:
        """The stream that `key` identifies; different keys are different streams, also `("a", "b")` and `("ab",)`."""
        return self._stream(*key)

    def of(self, stream_id: UUID) -> Stream[S, E]:
        return Stream(self, stream_id.bytes)

    def _identified(self, *key: str | int | UUID) -> Stream[S, E]:
        return Stream(self, identity(self._namespace, key))

    def __repr__(self) -> str:
        return f"Kind({self.name!r})"


class Past(NamedTuple):
    """A stream of some kind as it was at a version: `at` is its identity and that."""

    at: tuple[UUID, int]
    kind: str

    @classmethod
    def of(cls, key: bytes) -> "Past":
        """What the longer of the keys stand for."""
        end = KEY_BYTES + _VERSION_BYTES
        version = int.from_bytes(key[KEY_BYTES:end], "big")
        return cls((uuid_of(key[:KEY_BYTES]), version), key[end:].decode())


def past_key(stream: Stream[Any, Any], version: int) -> bytes:
    """Stands for a stream as it was at a version, where streams are loaded by their keys; it is longer than any key."""
    return stream.key + version.to_bytes(_VERSION_BYTES, "big") + stream.kind.name.encode()


def identity(namespace: uuid_utils.UUID, key: tuple[str | int | UUID, ...]) -> bytes:
    """The version 5 UUID (RFC 9562) of the key's parts, each written with its type and length."""
    name = ""
    for part in key:
        if isinstance(part, str):
            name += f"s{len(part)}:{part}"
        elif isinstance(part, int):
            name += f"i{part:d};"
        else:
            name += f"u{part.hex}"
    return uuid_utils.uuid5(namespace, name).bytes
