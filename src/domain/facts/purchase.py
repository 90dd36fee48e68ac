"""A purchase: the figures of a transaction, and its lines."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from domain.values.amounts import EXACT, ZERO
from domain.values.attributes import Attributes


class Item(Struct, frozen=True, gc=False):
    """A line: `subtotal` is `quantity` times `price` where the caller gives none; without both it has no worth."""

    product: str
    quantity: Decimal = Decimal(1)
    price: Decimal | None = None
    subtotal: Decimal | None = None
    attributes: Attributes = {}

    @property
    def value(self) -> Decimal:
        if self.subtotal is not None:
            return self.subtotal
        return EXACT.multiply(self.quantity, self.price) if self.price is not None else ZERO

    @property
    def has_worth(self) -> bool:
        return self.subtotal is not None or self.price is not None


class Purchase(Struct, frozen=True, gc=False, omit_defaults=True):
    """The absolute figures of a transaction, as the caller states them.

    `accepted_at` may be of one that comes already accepted: when that was.
    """

    id: str
    member: str
    purchased_at: datetime
    total: Decimal
    checkout_at: datetime | None = None
    auto_accept_at: datetime | None = None
    currency: str | None = None
    items: tuple[Item, ...] = ()
    attributes: Attributes = {}
    accepted_at: datetime | None = None


class ReturnedItem(Struct, frozen=True, gc=False):
    """Pieces of one product that a refund takes back."""

    product: str
    quantity: Decimal


def no_worth(lines: Sequence[tuple[int, Item]]) -> str | None:
    """Says which of these lines, each with its number from 1, have no worth; None when all have one."""
    found = [number for number, item in lines if not item.has_worth]
    if not found:
        return None
    return f"{len(found)} of {len(lines)} lines have neither price nor subtotal, the first is line {found[0]}"
