"""What callers send about the catalogue, and what it becomes; bodies as in `application.bodies.base`."""

from typing import Annotated

from msgspec import Meta, field

from application.bodies.base import AttributeName, DurationText, Expression, Label, is_negative, negative
from application.bodies.exact import Amount, Body, Formula, Instant, Name
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
from domain.values.attributes import ATTRIBUTES, AttributeType
from domain.values.problems import Invalid

MOST_CODES = 1000


CouponCode = Annotated[str, Meta(min_length=1, max_length=LONGEST_CODE)]


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
        if is_negative(self.price):
            raise Invalid([negative("/price")])
        return Product(sku, self.name or sku, self.category, self.brand, self.price)
