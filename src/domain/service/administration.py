"""Acts on the system itself: whoever did them is in their envelopes."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from msgspec import Struct


class KeyMade(Struct, frozen=True, gc=False):
    tag: ClassVar[str] = "key.made"
    key: str
    name: str
    role: str


class KeyRevoked(Struct, frozen=True, gc=False):
    tag: ClassVar[str] = "key.revoked"
    key: str


class ClockMoved(Struct, frozen=True, gc=False):
    """A sandbox's clock was moved to an instant, and what was due by then had happened."""

    tag: ClassVar[str] = "clock.moved"
    to: datetime


class ClockReturned(Struct, frozen=True, gc=False):
    """A sandbox's clock went back to real time."""

    tag: ClassVar[str] = "clock.returned"


class RebuildStarted(Struct, frozen=True, gc=False):
    """Projections are rebuilt, to take the live ones' place."""

    tag: ClassVar[str] = "rebuild.started"
    rebuild: UUID
    projections: tuple[str, ...]


Act = KeyMade | KeyRevoked | ClockMoved | ClockReturned | RebuildStarted


class Acts(Struct, frozen=True, gc=False):
    """How often something was acted on: no decision asks for more."""

    number: int


def evolve(acts: Acts | None, _: Act) -> Acts:
    return Acts(acts.number + 1 if acts else 1)
