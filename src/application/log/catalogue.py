"""The catalogue: definitions that every decision may ask for, held in memory by each process."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from application.log.fold import kept
from application.log.mapper import Mapper

Row = tuple[UUID, str, bytes, int, Sequence[str] | None, Sequence[bytes] | None]
"""Stream, kind, state and position; of a state that was emptied the tags and payloads of its events."""


class Entry(NamedTuple):
    """One catalogue stream's current state, and the position of the batch that last changed it."""

    stream: UUID
    kind: str
    state: Any
    position: int


def entries(mapper: Mapper, rows: Iterable[Row]) -> list[Entry]:
    return [
        Entry(key, kind, kept(mapper, kind, state, tags, payloads), position)
        for key, kind, state, position, tags, payloads in rows
    ]


class DefinitionStore(Protocol):
    """What a writer keeps up to date with the states of catalogue kinds.

    `position` is that of the last entry loaded, 0 before; `load` takes entries in the order of their positions,
    replaces those it has, and sets `position` to the last one's.
    """

    position: int

    async def load(self, entries: Sequence[Entry]) -> None: ...


class NoCatalogue:
    """For a log whose kinds keep no catalogue."""

    def __init__(self) -> None:
        self.position = 0

    async def load(self, entries: Sequence[Entry]) -> None:
        self.position = entries[-1].position
