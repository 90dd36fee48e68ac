"""A transaction: a fact with a lifecycle.

pending --accept--> accepted --refunds--> refunded; pending --update--> pending; pending --reject--> rejected.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, assert_never
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain.amounts import EXACT, ZERO, kept
from domain.attributes import Attributes
from domain.basis import Basis
from domain.outcomes import Advance, Contribution, Outcome
from domain.problems import Problem

MOST_REFUNDS = 1000


class Status(StrEnum):
    PENDING = "pending"
    ACCEPTED = "accepted"
    REFUNDED = "refunded"
    REJECTED = "rejected"


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


class Returned(Struct, frozen=True, gc=False):
    """Pieces of one product that a refund takes back."""

    product: str
    quantity: Decimal


class Received(Struct, frozen=True, gc=False):
    """`memberships` are the segments and lists that were asked about and held the member, as of this fact.

    `outside` are the segments that did not. `basis` is what the fact stands on; older events do not say it.
    """

    tag: ClassVar[str] = "transaction.received"
    purchase: Purchase
    status: Status
    contributions: tuple[Contribution, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    memberships: tuple[str, ...] = ()
    advances: tuple[Advance, ...] = ()
    outside: tuple[str, ...] = ()
    basis: Basis | None = None


class Updated(Struct, frozen=True, gc=False):
    """`memberships` and `outside` are all that was asked about so far."""

    tag: ClassVar[str] = "transaction.updated"
    purchase: Purchase
    contributions: tuple[Contribution, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    memberships: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()


class Accepted(Struct, frozen=True, gc=False):
    """`confirmed_at` is when the acceptance counts from: for one that came by itself, the instant it was set for."""

    tag: ClassVar[str] = "transaction.accepted"
    id: str
    member: str
    confirmed_at: datetime
    by_itself: bool
    contributions: tuple[Contribution, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    advances: tuple[Advance, ...] = ()


class Rejected(Struct, frozen=True, gc=False):
    tag: ClassVar[str] = "transaction.rejected"
    id: str
    member: str
    reason: str | None = None
    contributions: tuple[Contribution, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


class Refunded(Struct, frozen=True, gc=False):
    """One refund of `amount`; `refund` is the caller's id of it, so that a repeat is met again."""

    tag: ClassVar[str] = "transaction.refunded"
    id: str
    member: str
    amount: Decimal
    status: Status
    items: tuple[Returned, ...] = ()
    refund: str | None = None
    contributions: tuple[Contribution, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    advances: tuple[Advance, ...] = ()


class Recounted(Struct, frozen=True, gc=False):
    """A tiered campaign's edit counted the transaction again, by its new `revision`; `contributions` are all of it."""

    tag: ClassVar[str] = "transaction.recounted"
    id: str
    member: str
    tiered_campaign: UUID
    revision: int
    contributions: tuple[Contribution, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    memberships: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()


Event = Received | Updated | Accepted | Rejected | Refunded | Recounted


class Transaction(Struct, frozen=True, gc=False):
    """`memberships` and `outside` are the segments and lists asked about so far, by what they answered."""

    purchase: Purchase
    status: Status
    contributions: tuple[Contribution, ...] = ()
    refunds: tuple[Refunded, ...] = ()
    advances: tuple[Advance, ...] = ()
    memberships: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    basis: Basis | None = None


def evolve(transaction: Transaction | None, event: Event) -> Transaction:
    if isinstance(event, Received):
        return Transaction(
            event.purchase,
            event.status,
            event.contributions,
            (),
            event.advances,
            event.memberships,
            event.outside,
            event.basis,
        )
    assert transaction is not None  # noqa: S101  the first event of the stream is always `Received`
    match event:
        case Updated():
            return replace(
                transaction,
                purchase=event.purchase,
                contributions=event.contributions,
                memberships=event.memberships,
                outside=event.outside,
            )
        case Accepted():
            return replace(
                transaction, status=Status.ACCEPTED, contributions=event.contributions, advances=event.advances
            )
        case Rejected():
            return replace(transaction, status=Status.REJECTED, contributions=event.contributions)
        case Refunded():
            bare = Refunded(event.id, event.member, event.amount, event.status, event.items, event.refund)
            refunds = (*transaction.refunds, bare)
            return replace(
                transaction,
                status=event.status,
                contributions=event.contributions,
                refunds=refunds,
                advances=event.advances,
            )
        case Recounted():
            return replace(
                transaction,
                contributions=event.contributions,
                memberships=event.memberships,
                outside=event.outside,
            )
        case _:
            assert_never(event)


def no_worth(lines: Sequence[tuple[int, Item]]) -> str | None:
    """Says which of these lines, each with its number from 1, have no worth; None when all have one."""
    found = [number for number, item in lines if not item.has_worth]
    if not found:
        return None
    return f"{len(found)} of {len(lines)} lines have neither price nor subtotal, the first is line {found[0]}"


def left_to_refund(transaction: Transaction) -> Decimal:
    left = transaction.purchase.total
    for refund in transaction.refunds:
        left = EXACT.subtract(left, refund.amount)
    return left


def effective(transaction: Transaction) -> Purchase:
    """The purchase less its refunds: the figures that count. A full refund leaves nothing."""
    if not transaction.refunds:
        return transaction.purchase
    if transaction.status is Status.REFUNDED:
        return replace(transaction.purchase, total=ZERO, items=())
    items = _items_less(transaction, _taken(transaction))
    return replace(transaction.purchase, total=left_to_refund(transaction), items=items)


def _taken(transaction: Transaction) -> dict[str, Decimal]:
    """The pieces of each product that refunds have taken back."""
    return _counted(line for refund in transaction.refunds for line in refund.items)


def _counted(lines: Iterable[Returned], taken: Mapping[str, Decimal] = MappingProxyType({})) -> dict[str, Decimal]:
    """The pieces of each product in `lines`, on top of those `taken`."""
    counted = dict(taken)
    for line in lines:
        counted[line.product] = EXACT.add(counted.get(line.product, ZERO), line.quantity)
    return counted


def _items_less(transaction: Transaction, taken: dict[str, Decimal]) -> tuple[Item, ...]:
    """The items as they were bought, less all pieces `taken`, which is used up."""
    return tuple([_less(item, taken) for item in transaction.purchase.items])


def _less(item: Item, taken: dict[str, Decimal]) -> Item:
    """`item` less the pieces of its product still to be taken back, which it uses up."""
    back = min(taken.get(item.product, ZERO), item.quantity)
    if not back:
        return item
    taken[item.product] = EXACT.subtract(taken[item.product], back)
    left = EXACT.subtract(item.quantity, back)
    return replace(item, quantity=left, subtotal=_share(item, left))


def _share(item: Item, quantity: Decimal) -> Decimal:
    """The value of so many of the item's pieces."""
    return kept(EXACT.divide(EXACT.multiply(item.value, quantity), item.quantity))


class WrongStatus(Struct, frozen=True, gc=False):
    """The transaction's status does not allow what was asked; `allowed` are those that would."""

    status: Status
    allowed: tuple[Status, ...]


def is_overdue(transaction: Transaction, now: datetime) -> bool:
    """Whether a pending one is past the instant at which it is accepted by itself, so that it counts as accepted."""
    at = transaction.purchase.auto_accept_at
    return transaction.status is Status.PENDING and at is not None and at <= now


def refuse_unless(transaction: Transaction, *allowed: Status) -> WrongStatus | None:
    return None if transaction.status in allowed else WrongStatus(transaction.status, allowed)


class RefundTooLarge(Struct, frozen=True, gc=False):
    """The sum of refunds can't exceed the total; `left` is what can still be refunded."""

    left: Decimal


class TooManyRefunds(Struct, frozen=True, gc=False):
    """A transaction takes a bounded number of refunds."""

    most: int = MOST_REFUNDS


def refund_amount(
    transaction: Transaction, amount: Decimal | None, items: tuple[Returned, ...]
) -> Decimal | RefundTooLarge | TooManyRefunds | Problem:
    """What a refund takes back: the amount it names, else the value of its items, else all that is left."""
    if len(transaction.refunds) >= MOST_REFUNDS:
        return TooManyRefunds()
    left = left_to_refund(transaction)
    if problem := _item_problem(transaction, items):
        return problem
    if amount is None:
        amount = _items_value(transaction, items) if items else left
    return RefundTooLarge(left) if amount > left else amount


def _item_problem(transaction: Transaction, items: tuple[Returned, ...]) -> Problem | None:
    left: dict[str, Decimal] = {}
    for item in effective(transaction).items:
        left[item.product] = EXACT.add(left.get(item.product, ZERO), item.quantity)
    for number, line in enumerate(items):
        if line.product not in left:
            return Problem(f"/items/{number}/product", f"the transaction has no item `{line.product}`")
        left[line.product] = EXACT.subtract(left[line.product], line.quantity)
        if left[line.product] < 0:
            return Problem(f"/items/{number}/quantity", "is more than is left of this product", "refund_too_large")
    return None


def _items_value(transaction: Transaction, items: tuple[Returned, ...]) -> Decimal:
    """What the pieces of `items` cost: taken from the items as they were bought, so that parts add up to the whole."""
    taken = _taken(transaction)
    before = _worth(_items_less(transaction, dict(taken)))
    return EXACT.subtract(before, _worth(_items_less(transaction, _counted(items, taken))))


def _worth(items: tuple[Item, ...]) -> Decimal:
    worth = ZERO
    for item in items:
        worth = EXACT.add(worth, item.value)
    return worth
