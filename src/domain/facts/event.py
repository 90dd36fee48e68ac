"""A custom event of a catalogued type: a fact without a lifecycle, which an edit of a campaign may recount."""

from datetime import datetime
from typing import ClassVar, assert_never
from uuid import UUID

from msgspec import Struct

from domain.facts.basis import Basis
from domain.facts.outcomes import Contribution, Outcome
from domain.values.attributes import Attributes


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
    """`memberships` are the segments and lists that were asked about and held the member, as of this fact.

    `outside` are the segments that did not. `basis` is what the fact stands on; older events do not say it.
    """

    tag: ClassVar[str] = "event.received"
    happening: Happening
    contributions: tuple[Contribution, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    memberships: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    basis: Basis | None = None


class Recounted(Struct, frozen=True, gc=False):
    """A tiered campaign's edit counted the event again, by its new `revision`; `contributions` are all it has now."""

    tag: ClassVar[str] = "event.recounted"
    id: str
    member: str
    tiered_campaign: UUID
    revision: int
    contributions: tuple[Contribution, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    memberships: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()


Event = Received | Recounted


class MemberEvent(Struct, frozen=True, gc=False):
    """`memberships` and `outside` are the segments and lists asked about so far, by what they answered."""

    happening: Happening
    contributions: tuple[Contribution, ...] = ()
    memberships: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    basis: Basis | None = None


def evolve(known: MemberEvent | None, event: Event) -> MemberEvent:
    match event:
        case Received():
            return MemberEvent(event.happening, event.contributions, event.memberships, event.outside, event.basis)
        case Recounted():
            assert known is not None  # noqa: S101  the first event of the stream is always `Received`
            return MemberEvent(known.happening, event.contributions, event.memberships, event.outside, known.basis)
        case _:
            assert_never(event)
