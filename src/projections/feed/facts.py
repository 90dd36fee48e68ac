"""Facts in the feed: transactions and custom events."""

from datetime import datetime

from msgspec import Struct

from application.log.events import Recorded
from domain.facts import event as member_event
from domain.facts import transaction
from domain.facts.purchase import Purchase
from domain.facts.transaction import Status
from domain.values.amounts import written, written_if
from domain.values.attributes import Attributes
from projections.feed.base import FeedEventBase, Shapes
from projections.listing.page import Figure


class ItemData(Struct, frozen=True, gc=False):
    """An item line as it was given."""

    product: str
    quantity: Figure
    price: Figure | None
    subtotal: Figure | None
    attributes: Attributes


class TransactionData(Struct, frozen=True, gc=False):
    """A transaction's figures as they were given."""

    id: str
    member: str
    status: Status
    purchased_at: datetime
    checkout_at: datetime | None
    auto_accept_at: datetime | None
    total: Figure
    currency: str | None
    items: list[ItemData]
    attributes: Attributes


class AcceptanceData(Struct, frozen=True, gc=False):
    """`accepted_at` is when it counts from; `by_itself` says that it was due, not sent."""

    id: str
    member: str
    accepted_at: datetime
    by_itself: bool


class RejectionData(Struct, frozen=True, gc=False):
    """A pending transaction that came to nothing."""

    id: str
    member: str
    reason: str | None


class ReturnData(Struct, frozen=True, gc=False):
    """Pieces that were taken back."""

    product: str
    quantity: Figure


class RefundData(Struct, frozen=True, gc=False):
    """One refund; `status` is the transaction's after it, `refund` the caller's id of it."""

    id: str
    member: str
    refund: str | None
    amount: Figure
    items: list[ReturnData]
    status: Status


class HappeningData(Struct, frozen=True, gc=False):
    """A custom event as it was given; `event_type` is its type's code."""

    id: str
    event_type: str
    member: str
    occurred_at: datetime
    date: datetime | None
    expires_at: datetime | None
    attributes: Attributes


class TransactionReceipt(FeedEventBase, frozen=True, gc=False, tag="transaction.received"):
    """A transaction came, pending or accepted."""

    data: TransactionData


class TransactionUpdate(FeedEventBase, frozen=True, gc=False, tag="transaction.updated"):
    """A pending transaction has new figures."""

    data: TransactionData


class TransactionAcceptance(FeedEventBase, frozen=True, gc=False, tag="transaction.accepted"):
    """A pending transaction was accepted."""

    data: AcceptanceData


class TransactionRejection(FeedEventBase, frozen=True, gc=False, tag="transaction.rejected"):
    """A pending transaction was rejected."""

    data: RejectionData


class TransactionRefund(FeedEventBase, frozen=True, gc=False, tag="transaction.refunded"):
    """A transaction was refunded, in part or whole."""

    data: RefundData


class EventReceipt(FeedEventBase, frozen=True, gc=False, tag="event.received"):
    """A custom event came."""

    data: HappeningData


def _transaction(purchase: Purchase, status: Status) -> TransactionData:
    items = [
        ItemData(
            item.product, written(item.quantity), written_if(item.price), written_if(item.subtotal), item.attributes
        )
        for item in purchase.items
    ]
    return TransactionData(
        purchase.id,
        purchase.member,
        status,
        purchase.purchased_at,
        purchase.checkout_at,
        purchase.auto_accept_at,
        written(purchase.total),
        purchase.currency,
        items,
        purchase.attributes,
    )


def _received(recorded: Recorded) -> TransactionData:
    event: transaction.Received = recorded.event
    return _transaction(event.purchase, event.status)


def _updated(recorded: Recorded) -> TransactionData:
    event: transaction.Updated = recorded.event
    return _transaction(event.purchase, Status.PENDING)


def _accepted(recorded: Recorded) -> AcceptanceData:
    event: transaction.Accepted = recorded.event
    return AcceptanceData(event.id, event.member, event.confirmed_at, event.by_itself)


def _rejected(recorded: Recorded) -> RejectionData:
    event: transaction.Rejected = recorded.event
    return RejectionData(event.id, event.member, event.reason)


def _refunded(recorded: Recorded) -> RefundData:
    event: transaction.Refunded = recorded.event
    items = [ReturnData(item.product, written(item.quantity)) for item in event.items]
    return RefundData(event.id, event.member, event.refund, written(event.amount), items, event.status)


def _happening(recorded: Recorded) -> HappeningData:
    event: member_event.Received = recorded.event
    it = event.happening
    return HappeningData(it.id, it.type, it.member, it.occurred_at, it.date, it.expires_at, it.attributes)


SHAPES: Shapes = {
    transaction.Received.tag: (TransactionReceipt, _received),
    transaction.Updated.tag: (TransactionUpdate, _updated),
    transaction.Accepted.tag: (TransactionAcceptance, _accepted),
    transaction.Rejected.tag: (TransactionRejection, _rejected),
    transaction.Refunded.tag: (TransactionRefund, _refunded),
    member_event.Received.tag: (EventReceipt, _happening),
}
