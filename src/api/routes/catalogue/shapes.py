"""What the service answers about the catalogue: commands and reads show it alike."""

from datetime import datetime

from msgspec import Struct

from domain.catalogue.coupon import left
from domain.catalogue.entries import Account, Badge, Coupon, EventType, Generator, MemberList, Reward, Segment
from domain.catalogue.product import Product
from domain.catalogue.stock import NOTHING, Stock
from domain.values.amounts import written_if
from domain.values.attributes import AttributeType
from projections.listing.page import Figure


class EventTypeAnswer(Struct, frozen=True, gc=False):
    """An event type."""

    position: str
    code: str
    label: str
    attributes: dict[str, AttributeType]
    active: bool


def event_type(shown: EventType, position: str = "") -> EventTypeAnswer:
    return EventTypeAnswer(position, shown.code, shown.label, shown.attributes, shown.active)


class AccountAnswer(Struct, frozen=True, gc=False):
    """An account that points go to."""

    position: str
    code: str
    name: str
    unit: str
    decimals: int
    active: bool


def account(shown: Account, position: str = "") -> AccountAnswer:
    return AccountAnswer(position, shown.code, shown.name, shown.unit, shown.decimals, shown.active)


class SegmentAnswer(Struct, frozen=True, gc=False):
    """A segment."""

    position: str
    code: str
    name: str
    expression: str


def segment(shown: Segment, position: str = "") -> SegmentAnswer:
    return SegmentAnswer(position, shown.code, shown.name, shown.expression)


class ListAnswer(Struct, frozen=True, gc=False):
    """A list, without its members."""

    position: str
    code: str
    name: str


def member_list(shown: MemberList, position: str = "") -> ListAnswer:
    return ListAnswer(position, shown.code, shown.name)


class BadgeAnswer(Struct, frozen=True, gc=False):
    """A badge."""

    position: str
    code: str
    name: str


def badge(shown: Badge, position: str = "") -> BadgeAnswer:
    return BadgeAnswer(position, shown.code, shown.name)


class GeneratorView(Struct, frozen=True, gc=False):
    """How codes are made: the prefix, then so many characters of the alphabet."""

    length: int
    alphabet: str
    prefix: str


class CouponAnswer(Struct, frozen=True, gc=False):
    """A coupon.

    `codes` are those that ever came into its pool. `given` is how many members have, `left` how many can still be
    given, null where nothing limits it.
    """

    position: str
    code: str
    name: str
    generator: GeneratorView | None
    stock: int | None
    value: str | None
    valid_for: str | None
    valid_until: datetime | None
    codes: int
    given: int
    left: int | None


def coupon(shown: Coupon, stock: Stock | None, position: str = "") -> CouponAnswer:
    kept = stock or NOTHING
    return CouponAnswer(
        position,
        shown.code,
        shown.name,
        _generator(shown.generator),
        shown.stock,
        shown.value,
        shown.valid_for,
        shown.valid_until,
        kept.supplied,
        kept.given,
        left(shown, kept),
    )


def _generator(shown: Generator | None) -> GeneratorView | None:
    return None if shown is None else GeneratorView(shown.length, shown.alphabet, shown.prefix)


class RewardAnswer(Struct, frozen=True, gc=False):
    """A reward: `given` is how many members have, `left` how many can still be given, null where nothing limits it."""

    position: str
    code: str
    name: str
    stock: int | None
    given: int
    left: int | None


def reward(shown: Reward, stock: Stock | None, position: str = "") -> RewardAnswer:
    return RewardAnswer(position, shown.code, shown.name, shown.stock, (stock or NOTHING).given, left(shown, stock))


class CodesAnswer(Struct, frozen=True, gc=False):
    """How many codes came into a coupon's pool, and how many it knew already."""

    position: str
    added: int
    known: int


class ProductAnswer(Struct, frozen=True, gc=False):
    """A product."""

    position: str
    sku: str
    name: str
    category: str | None
    brand: str | None
    price: Figure | None


def product(shown: Product, position: str = "") -> ProductAnswer:
    return ProductAnswer(position, shown.sku, shown.name, shown.category, shown.brand, written_if(shown.price))
