"""A custom event of a catalogued type: a fact without a lifecycle."""

from datetime import datetime
from typing import ClassVar

from msgspec import Struct

from domain.attributes import Attributes
from domain.outcomes import Contribution, Outcome


class Happening(Struct, frozen=True, gc=False):
    """What happened, as the caller states it."""

    id: str
    type: str
    member: str
    occurred_at: datetime
    date: datetime | None = None
    expires_at: datetime | None = None
    attributes: Attributes = {}


class Received(Struct, frozen=True, gc=False):
    """`memberships` are the segments and lists that were asked about and held the member, as of this fact."""

    tag: ClassVar[str] = "event.received"
    happening: Happening
    contributions: tuple[Contribution, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    memberships: tuple[str, ...] = ()


Event = Received


class MemberEvent(Struct, frozen=True, gc=False):
    """An event changes nothing more once received: what it did is in the log, under its id."""

    member: str


def evolve(_: MemberEvent | None, event: Event) -> MemberEvent:
    return MemberEvent(event.happening.member)
