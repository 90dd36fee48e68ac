"""The catalogue: what definitions and facts refer to. An entry is put whole, and the last one put holds.

Products are not in it: they are many, and have `domain.catalogue.product`.
"""

from datetime import datetime
from typing import ClassVar, NamedTuple

from msgspec import Struct

from domain.values.attributes import AttributeType

MOST_REFERENCES = 1000
"""So many entries of a kind a definition names at most."""


class EventType(Struct, frozen=True, gc=False, tag="event_type", tag_field="entry"):
    """What custom events of this code carry.

    An inactive type takes no new events, and no definition that does not name it already.
    """

    code: str
    label: str
    attributes: dict[str, AttributeType] = {}
    active: bool = True


class Account(Struct, frozen=True, gc=False, tag="account", tag_field="entry"):
    """Where points go. `decimals` (0-6) can't change once the account is made: balances are written in them.

    An inactive account takes no definition that does not name it already; what names it goes on paying.
    """

    code: str
    name: str
    unit: str = "points"
    decimals: int = 0
    active: bool = True


class Reference(NamedTuple):
    """An entry that a definition names by its code, at a JSON pointer."""

    pointer: str
    kind: type[EventType | Account]
    code: str


class Segment(Struct, frozen=True, gc=False, tag="segment", tag_field="entry"):
    """A named expression over the member, evaluated when a decision is made, so always fresh."""

    code: str
    name: str
    expression: str


class MemberList(Struct, frozen=True, gc=False, tag="list", tag_field="entry"):
    """A named set of members; who is on it is kept with each member."""

    code: str
    name: str


class Badge(Struct, frozen=True, gc=False, tag="badge", tag_field="entry"):
    """What members show for an achievement, or are given by a campaign."""

    code: str
    name: str


class Generator(Struct, frozen=True, gc=False):
    """How a coupon's codes are made: the prefix, then `length` characters of the alphabet, chosen at random."""

    length: int = 10
    alphabet: str = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
    prefix: str = ""


class Coupon(Struct, frozen=True, gc=False, tag="coupon", tag_field="entry"):
    """Codes are generated or, without a generator, taken from a pool that was imported.

    At most `stock` are given. `value` is what one is worth, an expression (`5`, `0.1 * transaction.total`) over what
    triggered the campaign. One is good for `valid_for` (`30 days`) from when it is given, at most until `valid_until`.
    """

    code: str
    name: str
    generator: Generator | None = None
    stock: int | None = None
    value: str | None = None
    valid_for: str | None = None
    valid_until: datetime | None = None


class Reward(Struct, frozen=True, gc=False, tag="reward", tag_field="entry"):
    """A thing to give; at most `stock` of them, where there is one."""

    code: str
    name: str
    stock: int | None = None


Entry = EventType | Account | Segment | MemberList | Badge | Coupon | Reward


def kind_of(entry: type[Struct]) -> str:
    """What an entry is, as its stream and its events name it."""
    return str(entry.__struct_config__.tag)


class EntryPut(Struct, frozen=True, gc=False):
    tag: ClassVar[str] = "catalogue.entry_put"
    entry: Entry


def evolve(_: Entry | None, event: EntryPut) -> Entry:
    return event.entry
