"""Kinds of stream, and the streams themselves."""

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha1
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid5

from msgspec import Struct

from application.log.uuids import uuid_of

S = TypeVar("S")
E = TypeVar("E")

NAMESPACE = UUID("6f0f2a3e-54f5-5d0b-9d7f-3f2f6f1f7c11")
"""Every kind's own namespace is derived from it. Permanent: all identities hang on it."""

IDENTITIES = 65_536
"""How many streams of a kind that were asked for last are remembered by their keys."""

_VERSION_FIVE = 0x5 << 76 | 0x2 << 62
_IDENTITY_BITS = ~(0xF << 76 | 0x3 << 62) & (1 << 128) - 1


class Stream(Struct, Generic[S, E], frozen=True, gc=False):
    """`key` is its identity, the sixteen bytes of a UUID."""

    kind: "Kind[S, E]"
    key: bytes

    @property
    def id(self) -> UUID:
        return uuid_of(self.key)


class Kind(Generic[S, E]):
    """What all streams of one type share.

    `name` is permanent: it is in the state rows and in every identity. `state` is the type (or union) that `evolve`
    makes. The states of a `catalogue` kind are held in memory by every process. Most streams of a `brief` kind end with
    their first event: that event alone is kept of them, no state beside it and none in memory.
    """

    __slots__ = ("_namespace", "_stream", "brief", "catalogue", "events", "evolve", "name", "state")

    def __init__(
        self,
        name: str,
        state: Any,  # noqa: ANN401  a type or a union of types; type[S] can't say the second
        evolve: Callable[[S | None, E], S],
        events: tuple[type[Any], ...],
        *,
        catalogue: bool = False,
        brief: bool = False,
    ) -> None:
        self.name = name
        self.state = state
        self.evolve = evolve
        self.events = events
        self.catalogue = catalogue
        self.brief = brief
        self._namespace = uuid5(NAMESPACE, name).bytes
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


def identity(namespace: bytes, key: tuple[str | int | UUID, ...]) -> bytes:
    """The version 5 UUID (RFC 9562) of the key's parts, each written with its type and length."""
    name = ""
    for part in key:
        if isinstance(part, str):
            name += f"s{len(part)}:{part}"
        elif isinstance(part, int):
            name += f"i{part:d};"
        else:
            name += f"u{part.hex}"
    digest = sha1(namespace + name.encode(), usedforsecurity=False).digest()
    return (int.from_bytes(digest[:16], "big") & _IDENTITY_BITS | _VERSION_FIVE).to_bytes(16, "big")
