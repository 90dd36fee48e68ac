"""A transaction: a fact with a lifecycle.

pending --accept--> accepted --refunds--> refunded; pending --update--> pending; pending --reject--> rejected.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, assert_never
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain.facts.basis import Basis
from domain.facts.outcomes import Advance, Contribution, Outcome
from domain.facts.purchase import Purchase, ReturnedItem
from domain.facts.refund import PurchaseBalance, after, attribute_problems, item_problems, nothing, untouched, worth
from domain.values.amounts import EXACT
from domain.values.attributes import Attributes
from domain.values.problems import Problem

MOST_REFUNDS = 1000


class Status(StrEnum):
    PENDING = "pending"
    ACCEPTED = "accepted"
    REFUNDED = "refunded"
    REJECTED = "rejected"


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
    """One refund of `amount`; `refund` is the caller's id of it, so that a repeat is met again.

    `attributes` are the new figures of those that it gives one.
    """

    tag: ClassVar[str] = "transaction.refunded"
    id: str
    member: str
    amount: Decimal
    status: Status
    items: tuple[ReturnedItem, ...] = ()
    refund: str | None = None
    contributions: tuple[Contribution, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    advances: tuple[Advance, ...] = ()
    attributes: Attributes = {}


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
    """`memberships` and `outside` are the segments and lists asked about so far, by what they answered.

    `left` is what refunds have left of the purchase, once there is one.
    """

    purchase: Purchase
    status: Status
    contributions: tuple[Contribution, ...] = ()
    refunds: tuple[Refunded, ...] = ()
    advances: tuple[Advance, ...] = ()
    memberships: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    basis: Basis | None = None
    left: PurchaseBalance | None = None


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
            bare = replace(event, contributions=(), outcomes=(), advances=())
            return replace(
                transaction,
                status=event.status,
                contributions=event.contributions,
                refunds=(*transaction.refunds, bare),
                advances=event.advances,
                left=_after(left_of(transaction), event),
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


def left_of(transaction: Transaction) -> PurchaseBalance:
    """What refunds have left of it: the figures that count. A full refund leaves nothing."""
    if transaction.left:
        return transaction.left
    left = untouched(transaction.purchase)
    for refund in transaction.refunds:  # a state from before they were followed has none of it
        left = _after(left, refund)
    return left


def refunded_so_far(transaction: Transaction) -> Decimal:
    """The money that refunds have taken back of it."""
    return EXACT.subtract(transaction.purchase.total, left_of(transaction).purchase.total)


def _after(left: PurchaseBalance, refund: Refunded) -> PurchaseBalance:
    if refund.status is Status.REFUNDED:
        return nothing(left)
    return after(left, refund.amount, refund.items, refund.attributes)


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


def refund(
    transaction: Transaction,
    amount: Decimal | None,
    items: tuple[ReturnedItem, ...],
    attributes: Attributes,
    refund_id: str | None,
) -> Refunded | RefundTooLarge | TooManyRefunds | list[Problem]:
    """What a refund takes back: the amount it names, else what its items are worth, else all that is left.

    With an amount and items, the one is the money and the other are the pieces. Nothing is left once the money is back,
    and of a refund that names items, the pieces too.
    """
    if len(transaction.refunds) >= MOST_REFUNDS:
        return TooManyRefunds()
    left = left_of(transaction)
    problems = [*item_problems(transaction.purchase, left, items), *attribute_problems(left, attributes)]
    if problems:
        return problems
    total = left.purchase.total
    if amount is None:
        amount = worth(left, items) if items else total
    if amount > total:
        return RefundTooLarge(total)
    rest = after(left, amount, items, attributes).purchase
    status = Status.ACCEPTED if rest.total or (items and rest.items) else Status.REFUNDED
    purchase = transaction.purchase
    return Refunded(purchase.id, purchase.member, amount, status, items, refund_id, attributes=attributes)
