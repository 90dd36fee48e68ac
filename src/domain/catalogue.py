"""The catalogue: what definitions and facts refer to. An entry is put whole, and the last one put holds.

Products are not in it: they are many, and have `domain.product`.
"""

from typing import ClassVar

from msgspec import Struct

from domain.attributes import AttributeType


class EventType(Struct, frozen=True, gc=False, tag="event_type", tag_field="entry"):
    """What custom events of this code carry; an inactive type takes no new events."""

    code: str
    label: str
    attributes: dict[str, AttributeType] = {}
    active: bool = True


class Account(Struct, frozen=True, gc=False, tag="account", tag_field="entry"):
    """Where points go. `decimals` (0-6) can't change once the account is made: balances are written in them."""

    code: str
    name: str
    unit: str = "points"
    decimals: int = 0
    active: bool = True


class Segment(Struct, frozen=True, gc=False, tag="segment", tag_field="entry"):
    """A named expression over the member, evaluated when a decision is made, so always fresh."""

    code: str
    name: str
    expression: str


class MemberList(Struct, frozen=True, gc=False, tag="list", tag_field="entry"):
    """A named set of members; who is on it is kept with each member."""

    code: str
    name: str


Entry = EventType | Account | Segment | MemberList


class EntryPut(Struct, frozen=True, gc=False):
    tag: ClassVar[str] = "catalogue.entry_put"
    entry: Entry


def evolve(_: Entry | None, event: EntryPut) -> Entry:
    return event.entry
