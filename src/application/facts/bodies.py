"""What callers send about facts, and what it becomes; bodies as in `application.bodies.base`."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import chain
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, field
from msgspec.structs import astuple, replace

from application.bodies.base import _ARRIVALS, Attributes, check, is_negative, negative
from application.bodies.exact import (
    Amount,
    Body,
    Code,
    Identifier,
    Instant,
    Text,
)
from domain.facts.event import Happening
from domain.facts.purchase import Item, Purchase, ReturnedItem
from domain.facts.transaction import Status
from domain.values.amounts import ONE
from domain.values.problems import Invalid, Problem

MOST_ITEMS = 1000


Currency = Annotated[
    str,
    Meta(pattern=r"^[A-Z]{3}(?![\s\S])", max_length=3, description="three capital letters, such as EUR"),
]
"""The form of ISO 4217; which codes are in use is not ours to say."""


class ItemBody(Body, frozen=True):
    """A line; `subtotal` is `quantity` times `price` where it is not given."""

    product: Identifier
    quantity: Amount = ONE
    price: Amount | None = None
    subtotal: Amount | None = None
    attributes: Attributes = field(default_factory=dict)

    def item(self) -> Item:
        return Item(self.product, self.quantity, self.price, self.subtotal, self.attributes)


Items = Annotated[tuple[ItemBody, ...], Meta(max_length=MOST_ITEMS)]


class TransactionBody(Body, frozen=True, kw_only=True):
    """A transaction; `checkout_at` is `purchased_at` where it is not given.

    `accepted_at` belongs to one that comes already accepted: when that was, at the latest now. Where it is not given,
    the transaction counts as accepted at its own date.
    """

    depends: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType(
        {"purchased_at": ("checkout_at", "auto_accept_at", "accepted_at"), "status": ("auto_accept_at", "accepted_at")}
    )

    id: Identifier
    member: Identifier
    status: Literal["pending", "accepted"] = "accepted"
    purchased_at: Instant
    checkout_at: Instant | None = None
    auto_accept_at: Instant | None = None
    accepted_at: Instant | None = None
    total: Amount
    currency: Currency | None = None
    items: Items = ()
    attributes: Attributes = field(default_factory=dict)

    def purchase(self) -> Purchase:
        check(chain(self._acceptance_problems(), _figure_problems(self.total, self.items)))
        return Purchase(
            self.id,
            self.member,
            self.purchased_at,
            self.total,
            self.checkout_at,
            self.auto_accept_at,
            self.currency,
            tuple([item.item() for item in self.items]) if self.items else (),
            self.attributes,
            self.accepted_at,
        )

    def arrives_as(self) -> Status:
        return _ARRIVALS[self.status]

    def _acceptance_problems(self) -> Iterator[Problem]:
        if self.accepted_at and self.arrives_as() is Status.PENDING:
            yield Problem("/accepted_at", "must be absent: the transaction comes pending")


class EventBody(Body, frozen=True, kw_only=True):
    """A custom event; its attributes are those of its type."""

    depends: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType({"type": ("attributes",)})

    id: Identifier
    type: Code
    member: Identifier
    occurred_at: Instant
    date: Instant | None = None
    expires_at: Instant | None = None
    attributes: Attributes = field(default_factory=dict)

    def happening(self) -> Happening:
        return Happening(self.id, self.type, self.member, self.occurred_at, self.date, self.expires_at, self.attributes)


class UpdateBody(Body, frozen=True, kw_only=True):
    """New figures of a pending transaction, absolute and not deltas; what is not given stays as it is.

    `member` and `auto_accept_at` may be repeated but not changed.
    """

    member: Identifier | None = None
    purchased_at: Instant | None = None
    checkout_at: Instant | None = None
    auto_accept_at: Instant | None = None
    total: Amount | None = None
    currency: Currency | None = None
    items: Items | None = None
    attributes: Attributes | None = None

    def check(self) -> None:
        check(_figure_problems(self.total, self.items or ()))

    def applied_to(self, purchase: Purchase) -> Purchase:
        check(_unchangeable_problems(self, purchase))
        return replace(
            purchase,
            purchased_at=self.purchased_at or purchase.purchased_at,
            checkout_at=self.checkout_at or purchase.checkout_at,
            total=purchase.total if self.total is None else self.total,
            currency=self.currency or purchase.currency,
            items=purchase.items if self.items is None else tuple([item.item() for item in self.items]),
            attributes=purchase.attributes if self.attributes is None else self.attributes,
        )


class RejectBody(Body, frozen=True, kw_only=True):
    """Why a pending transaction is rejected."""

    reason: Text | None = None


class ReturnedBody(Body, frozen=True):
    """Pieces of one product that come back."""

    product: Identifier
    quantity: Amount


class RefundBody(Body, frozen=True, kw_only=True):
    """An amount, or items at what they are worth, or both, the money and the pieces; without either, all that is left.

    `attributes` are the new figures of numeric ones, which otherwise fall with the total where they are added up.
    `refund_id` makes a repeat be recognized.
    """

    refund_id: Identifier | None = None
    amount: Amount | None = None
    items: Annotated[tuple[ReturnedBody, ...], Meta(max_length=MOST_ITEMS)] = ()
    attributes: Attributes = field(default_factory=dict)

    def returned(self) -> tuple[ReturnedItem, ...]:
        check(_refund_problems(self))
        return tuple([ReturnedItem(item.product, item.quantity) for item in self.items])


class AcceptFact(Body, frozen=True):
    """Accept the pending transaction `id`."""

    id: Identifier


class RejectFact(RejectBody, frozen=True, kw_only=True):
    """Reject the pending transaction `id`."""

    id: Identifier


class UpdateFact(UpdateBody, frozen=True, kw_only=True):
    """Give the pending transaction `id` new figures."""

    id: Identifier


class RefundFact(RefundBody, frozen=True, kw_only=True):
    """Refund the accepted transaction `id`."""

    id: Identifier


Fact = TransactionBody | EventBody | AcceptFact | RejectFact | UpdateFact | RefundFact


class FactBody(Body, frozen=True, kw_only=True):
    """One fact of a batch or an import: exactly one of the fields is given."""

    transaction: TransactionBody | None = None
    event: EventBody | None = None
    accept: AcceptFact | None = None
    reject: RejectFact | None = None
    update: UpdateFact | None = None
    refund: RefundFact | None = None

    def fact(self) -> tuple[str, Fact]:
        """The field that is given, and what it holds."""
        fields = zip(self.__struct_fields__, astuple(self), strict=True)
        given = [(name, fact) for name, fact in fields if fact is not None]
        if len(given) != 1:
            raise Invalid([Problem("", f"must have exactly one of {', '.join(self.__struct_fields__)}")])
        return given[0]


def _figure_problems(total: Decimal | None, items: tuple[ItemBody, ...]) -> Iterator[Problem]:
    if is_negative(total):
        yield negative("/total")
    for number, item in enumerate(items):
        if item.quantity <= 0:
            yield Problem(f"/items/{number}/quantity", "must be more than 0", "not_positive")
        if is_negative(item.price):
            yield negative(f"/items/{number}/price")
        if is_negative(item.subtotal):
            yield negative(f"/items/{number}/subtotal")


def _unchangeable_problems(body: UpdateBody, purchase: Purchase) -> Iterator[Problem]:
    if body.member not in (None, purchase.member):
        yield Problem("/member", f"can't change: the transaction is of {purchase.member}", "unchangeable")
    if body.auto_accept_at not in (None, purchase.auto_accept_at):
        yield Problem("/auto_accept_at", "can't change: it is set when the transaction is created", "unchangeable")


def _refund_problems(body: RefundBody) -> Iterator[Problem]:
    if body.attributes and body.amount is None and not body.items:
        yield Problem("/attributes", "must come with an amount or items: without them everything is refunded")
    if body.amount is not None and body.amount <= 0:
        yield Problem("/amount", "must be more than 0", "not_positive")
    for number, item in enumerate(body.items):
        if item.quantity <= 0:
            yield Problem(f"/items/{number}/quantity", "must be more than 0", "not_positive")
