"""What callers send: the bodies of facts, members, the catalogue and tiered campaigns, and what they become.

A body that was decoded (`application.exact.decode`) has the right types within the bounds below; what its fields say
together is checked when it is turned into the domain's own struct, which raises `domain.values.problems.Invalid`.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import chain
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, field
from msgspec.structs import astuple, replace

from application.exact import Amount, AttributeValue, Body, Code, DefinitionId, Formula, Identifier, Instant, Name, Text
from domain.catalogue.coupon import (
    LARGEST_ALPHABET,
    LONGEST_CODE,
    LONGEST_GENERATED,
    LONGEST_PREFIX,
    MOST_STOCK,
    SHORTEST_GENERATED,
    SMALLEST_ALPHABET,
)
from domain.catalogue.entries import (
    MOST_REFERENCES,
    Account,
    Badge,
    Coupon,
    EventType,
    Generator,
    MemberList,
    Reward,
    Segment,
)
from domain.catalogue.product import Product
from domain.expressions.tokens import MOST_CHARACTERS
from domain.facts.event import Happening
from domain.facts.fact import Entity
from domain.facts.purchase import Item, Purchase, Returned
from domain.facts.transaction import Status
from domain.tiered.definition import MOST_OCCURRENCES, MOST_PARTS, Aggregate, Audience, Definition
from domain.tiered.points import MOST_TIERS, HitType, Tier
from domain.tiered.terms import CombinationScope, Confirmation, Late, Part
from domain.values.amounts import ONE, Rounding, fault
from domain.values.attributes import ATTRIBUTES, AttributeType
from domain.values.problems import Invalid, Problem
from domain.values.texts import MOST_LOCALES

MOST_ITEMS = 1000
MOST_MEMBERS = 1000
MOST_CODES = 1000
LONGEST_REASON = 500
DEEPEST_FILTER = 64
LARGEST_INTEGER = 2**63 - 1
"""The largest that the log keeps as an integer."""

AttributeName = Annotated[
    str,
    Meta(
        pattern=r"^\w[\w.-]*(?![\s\S])",
        max_length=100,
        description="letters, digits, `_`, `.` or `-`, a letter, digit or `_` first",
    ),
]
Attributes = Annotated[dict[AttributeName, AttributeValue], Meta(max_length=ATTRIBUTES)]
Codes = Annotated[tuple[Code, ...], Meta(max_length=MOST_REFERENCES)]
CouponCode = Annotated[str, Meta(min_length=1, max_length=LONGEST_CODE)]
Currency = Annotated[
    str,
    Meta(pattern=r"^[A-Z]{3}(?![\s\S])", max_length=3, description="three capital letters, such as EUR"),
]
"""The form of ISO 4217; which codes are in use is not ours to say."""
DurationText = Annotated[str, Meta(max_length=40)]
Expression = Annotated[str, Meta(min_length=1, max_length=MOST_CHARACTERS)]
Label = Annotated[str, Meta(min_length=1, max_length=100)]
Members = Annotated[tuple[Identifier, ...], Meta(max_length=MOST_MEMBERS)]
Skus = Annotated[tuple[Identifier, ...], Meta(max_length=MOST_REFERENCES)]


_ARRIVALS = {"pending": Status.PENDING, "accepted": Status.ACCEPTED}


class EmptyBody(Body, frozen=True):
    """Nothing: the path says it all."""


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
        _check(chain(self._acceptance_problems(), _figure_problems(self.total, self.items)))
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
        _check(_figure_problems(self.total, self.items or ()))

    def applied_to(self, purchase: Purchase) -> Purchase:
        _check(_unchangeable_problems(self, purchase))
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


class CancelBody(Body, frozen=True):
    """Why a grant is cancelled."""

    reason: Annotated[str, Meta(min_length=1, max_length=LONGEST_REASON)]

    def check(self) -> None:
        if not self.reason.strip():
            raise Invalid([Problem("/reason", "must say why")])


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

    def returned(self) -> tuple[Returned, ...]:
        _check(_refund_problems(self))
        return tuple([Returned(item.product, item.quantity) for item in self.items])


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


class MemberBody(Body, frozen=True):
    """A member as they are from now on. Once set, a `referrer` stays; leaving it out is no change to it."""

    tier: Label | None = None
    attributes: Attributes = field(default_factory=dict)
    referrer: Identifier | None = None


class ListMembersBody(Body, frozen=True):
    """Who joins and who leaves a list, all of it or nothing."""

    add: Members = ()
    remove: Members = ()

    def check(self) -> None:
        added = set(self.add)
        _check(
            Problem(f"/remove/{number}", "is also in `add`; it can be in one of them")
            for number, member in enumerate(self.remove)
            if member in added
        )


class EventTypeBody(Body, frozen=True):
    """`attributes` are names with types; `label` is the code where it is not given.

    One that is not `active` takes no new events, and no definition that does not name it already.
    """

    label: Name | None = None
    attributes: Annotated[dict[AttributeName, AttributeType], Meta(max_length=ATTRIBUTES)] = field(default_factory=dict)
    active: bool = True

    def entry(self, code: str) -> EventType:
        return EventType(code, self.label or code, self.attributes, self.active)


class AccountBody(Body, frozen=True):
    """`name` is the code where it is not given; `decimals` can't change later.

    One that is not `active` takes no definition that does not name it already; what names it goes on paying.
    """

    name: Name | None = None
    unit: Label = "points"
    decimals: Annotated[int, Meta(ge=0, le=6)] = 0
    active: bool = True

    def entry(self, code: str) -> Account:
        return Account(code, self.name or code, self.unit, self.decimals, self.active)


class SegmentBody(Body, frozen=True):
    """`expression` is a condition over `member`; `name` is the code where it is not given."""

    expression: Expression
    name: Name | None = None

    def entry(self, code: str) -> Segment:
        return Segment(code, self.name or code, self.expression)


class ListBody(Body, frozen=True):
    """`name` is the code where it is not given."""

    name: Name | None = None

    def entry(self, code: str) -> MemberList:
        return MemberList(code, self.name or code)


class BadgeBody(Body, frozen=True):
    """`name` is the code where it is not given."""

    name: Name | None = None

    def entry(self, code: str) -> Badge:
        return Badge(code, self.name or code)


class GeneratorBody(Body, frozen=True):
    """Codes are the prefix and `length` characters of the alphabet; there must be a million of them at least."""

    length: Annotated[int, Meta(ge=SHORTEST_GENERATED, le=LONGEST_GENERATED)] = Generator().length
    alphabet: Annotated[str, Meta(min_length=SMALLEST_ALPHABET, max_length=LARGEST_ALPHABET)] = Generator().alphabet
    prefix: Annotated[str, Meta(max_length=LONGEST_PREFIX)] = ""

    def generator(self) -> Generator:
        return Generator(self.length, self.alphabet, self.prefix)


Stock = Annotated[int, Meta(ge=0, le=MOST_STOCK)]


class CouponBody(Body, frozen=True):
    """Codes are made by the `generator` or, without one, come from a pool. At most `stock` are given.

    `value` is what one is worth: a number, or an expression over the member and what triggered the campaign. One is
    good for `valid_for` (`30 days`) from when it is given, at most until `valid_until`. `name` is the code where it is
    not given.
    """

    name: Name | None = None
    generator: GeneratorBody | None = None
    stock: Stock | None = None
    value: Formula | None = None
    valid_for: DurationText | None = None
    valid_until: Instant | None = None

    def entry(self, code: str) -> Coupon:
        generator = self.generator.generator() if self.generator else None
        return Coupon(code, self.name or code, generator, self.stock, self.value, self.valid_for, self.valid_until)


class RewardBody(Body, frozen=True):
    """At most `stock` are given, where it is given; `name` is the code where it is not."""

    name: Name | None = None
    stock: Stock | None = None

    def entry(self, code: str) -> Reward:
        return Reward(code, self.name or code, self.stock)


class CodesBody(Body, frozen=True):
    """Codes for a coupon's pool, in the order they are to be given."""

    codes: Annotated[tuple[CouponCode, ...], Meta(min_length=1, max_length=MOST_CODES)]


class ProductBody(Body, frozen=True):
    """`name` is the sku where it is not given."""

    name: Name | None = None
    category: Label | None = None
    brand: Label | None = None
    price: Amount | None = None

    def product(self, sku: str) -> Product:
        if _is_negative(self.price):
            raise Invalid([_negative("/price")])
        return Product(sku, self.name or sku, self.category, self.brand, self.price)


class TierBody(Body, frozen=True, kw_only=True):
    """One row of a tier table; `to` is absent in the last row of an unlimited one."""

    start: Amount = field(name="from")
    to: Amount | None = None
    reward: Amount

    def tier(self) -> Tier:
        return Tier(start=self.start, to=self.to, reward=self.reward)


class PartBody(Body, frozen=True):
    """Pieces of a product that one complete set takes."""

    product: Identifier
    quantity: Amount


class AggregateBody(Body, frozen=True):
    """Either `attribute`, or `combination` with its `scope`."""

    attribute: Label | None = None
    combination: Annotated[tuple[PartBody, ...], Meta(min_length=1, max_length=MOST_PARTS)] | None = None
    scope: CombinationScope = CombinationScope.OCCURRENCE

    def aggregate(self) -> Aggregate:
        parts = None if self.combination is None else tuple(Part(p.product, p.quantity) for p in self.combination)
        return Aggregate(self.attribute, parts, self.scope)


class AudienceBody(Body, frozen=True):
    """Whoever is in any of the segments or on any of the lists; both empty is everyone."""

    segments: Codes = ()
    lists: Codes = ()


class TieredCampaignBody(Body, frozen=True, kw_only=True):
    """A tiered campaign as a whole; a draft may lack what it takes to run.

    Durations are written `15 minutes`, `36 hours`, `30 days`, `2 weeks`, `1 month`. `time_zone` is the program's where
    it is not given. Where `preview_every` is shorter than a 1,000th of `duration`, the first multiple of it that is not
    holds; the newest 100 previews are kept.
    """

    depends: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType(
        {
            "starts_at": ("occurrences",),
            "duration": ("starts_at",),
            "occurrences": ("starts_at",),
            "grace_period": ("starts_at",),
            "time_zone": ("starts_at", "filter"),
            "entity": ("event_type", "aggregate", "date", "filter", "products"),
            "event_type": ("aggregate", "date", "filter"),
            "hit_type": ("aggregate",),
            "aggregate": ("hit_type", "products"),
            "unlimited": ("tiers",),
            "tiers": ("tiers",),
        }
    )

    name: Name
    translations: Annotated[dict[str, Name], Meta(max_length=MOST_LOCALES)] = field(default_factory=dict)
    starts_at: Instant | None = None
    duration: DurationText | None = None
    occurrences: Annotated[int, Meta(ge=1, le=MOST_OCCURRENCES)] | None = None
    preview_every: DurationText | None = None
    grace_period: DurationText = "0 days"
    audience: AudienceBody = AudienceBody()
    time_zone: Label | None = None
    entity: Entity | None = None
    event_type: Code | None = None
    aggregate: AggregateBody | None = None
    date: Label | None = None
    hit_type: HitType | None = None
    bracketed: bool = False
    unlimited: bool = False
    tiers: Annotated[tuple[TierBody, ...], Meta(max_length=MOST_TIERS)] = ()
    products: Skus = ()
    filter: dict[str, Any] | None = None
    account: Code = "points"
    rounding: Rounding = Rounding.HALF_UP
    confirmation: Confirmation = Confirmation.EVALUATION
    late: Late = Late.IGNORE

    def definition(self) -> Definition:
        return Definition(
            name=self.name,
            translations=self.translations,
            starts_at=self.starts_at,
            duration=self.duration,
            occurrences=self.occurrences,
            preview_every=self.preview_every,
            grace_period=self.grace_period,
            audience=Audience(self.audience.segments, self.audience.lists),
            time_zone=self.time_zone,
            entity=self.entity,
            event_type=self.event_type,
            aggregate=None if self.aggregate is None else self.aggregate.aggregate(),
            date=self.date,
            hit_type=self.hit_type,
            bracketed=self.bracketed,
            unlimited=self.unlimited,
            tiers=tuple(tier.tier() for tier in self.tiers),
            products=self.products,
            filter=None if self.filter is None else keepable(self.filter),
            account=self.account,
            rounding=self.rounding,
            confirmation=self.confirmation,
            late=self.late,
        )


class NewTieredCampaignBody(TieredCampaignBody, frozen=True, kw_only=True):
    """A new tiered campaign; it is given an id where the caller gives none."""

    id: DefinitionId | None = None


def keepable(value: Any, depth: int = 0) -> Any:  # noqa: ANN401  decoded JSON
    """A filter as the log can keep it: of its numbers, those that are no integers of 64 bits become text.

    What no filter may hold, or deeper than it may, is left as it is, to be refused with its place.
    """
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return _keepable_number(value)
    if depth < DEEPEST_FILTER:
        if isinstance(value, dict):
            return {name: keepable(part, depth + 1) for name, part in value.items()}
        if isinstance(value, list):
            return [keepable(part, depth + 1) for part in value]
    return value


def _keepable_number(value: int | Decimal) -> int | Decimal | str:
    amount = Decimal(value)
    if fault(amount):
        return value
    if amount == amount.to_integral_value() and -LARGEST_INTEGER <= amount <= LARGEST_INTEGER:
        return int(amount)
    return f"{amount:f}"


def _check(problems: Iterator[Problem]) -> None:
    if found := list(problems):
        raise Invalid(found)


def _figure_problems(total: Decimal | None, items: tuple[ItemBody, ...]) -> Iterator[Problem]:
    if _is_negative(total):
        yield _negative("/total")
    for number, item in enumerate(items):
        if item.quantity <= 0:
            yield Problem(f"/items/{number}/quantity", "must be more than 0", "not_positive")
        if _is_negative(item.price):
            yield _negative(f"/items/{number}/price")
        if _is_negative(item.subtotal):
            yield _negative(f"/items/{number}/subtotal")


def _is_negative(amount: Decimal | None) -> bool:
    return amount is not None and amount < 0


def _negative(pointer: str) -> Problem:
    return Problem(pointer, "must be 0 or more", "negative")


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
