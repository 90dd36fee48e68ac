"""Event types, accounts, segments, lists, badges, coupons, rewards and products."""

from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct
from psycopg import AsyncConnection

from domain.catalogue.entries import Account, Badge, Coupon, EventType, MemberList, Reward, Segment, kind_of
from domain.catalogue.product import Product
from domain.catalogue.stock import Stock
from projections.listing.columns import Column, ColumnKind
from projections.listing.page import fetch_page
from projections.listing.request import Listing, Selection

T = TypeVar("T")
E = TypeVar("E", EventType, Account, Segment, MemberList, Badge)
L = TypeVar("L", Coupon, Reward)


class StockedEntry(Struct, Generic[T], frozen=True):
    """A coupon or a reward, and its stock."""

    shown: T
    stock: Stock


_CODE = Column("code", expression="e.code", sortable=True)
_UPDATED = Column("updated_at", ColumnKind.INSTANT, "e.updated_at")
_ACTIVE = Column("active", ColumnKind.BOOLEAN, "(e.body ->> 'active')::boolean")
_SEARCH = ("e.code", "coalesce(e.body ->> 'name', e.body ->> 'label')")

EVENT_TYPES = Listing(name="event-types", columns=(_CODE, _ACTIVE, _UPDATED), key="code", sort="code", search=_SEARCH)
ACCOUNTS = Listing(name="accounts", columns=(_CODE, _ACTIVE, _UPDATED), key="code", sort="code", search=_SEARCH)
SEGMENTS = Listing(name="segments", columns=(_CODE, _UPDATED), key="code", sort="code", search=_SEARCH)
LISTS = Listing(name="lists", columns=(_CODE, _UPDATED), key="code", sort="code", search=_SEARCH)
BADGES = Listing(name="badges", columns=(_CODE, _UPDATED), key="code", sort="code", search=_SEARCH)
COUPONS = Listing(name="coupons", columns=(_CODE, _UPDATED), key="code", sort="code", search=_SEARCH)
REWARDS = Listing(name="rewards", columns=(_CODE, _UPDATED), key="code", sort="code", search=_SEARCH)
PRODUCTS = Listing(
    name="products",
    columns=(
        Column("sku", expression="p.sku", sortable=True),
        Column("category", expression="p.category", nullable=True),
        Column("brand", expression="p.brand", nullable=True),
        Column("price", ColumnKind.NUMBER, "p.price", nullable=True),
        Column("updated_at", ColumnKind.INSTANT, "p.updated_at"),
    ),
    key="sku",
    sort="sku",
    search=("p.sku", "p.name"),
)

_STOCKED = "e.body::text, coalesce(s.given, 0), coalesce(s.supplied, 0), coalesce(s.taken, 0)"
_WITH_STOCK = "p_catalogue.entries e LEFT JOIN p_rewards.stocks s ON s.kind = e.kind AND s.code = e.code"
_PRODUCT = "p.sku, p.name, p.category, p.brand, p.price"


async def entries_page(
    connection: AsyncConnection[Any], kind: type[E], selection: Selection
) -> tuple[list[E], str | None]:
    """Entries of one kind."""
    return await fetch_page(
        connection,
        selection,
        lambda body: msgspec.json.decode(body, type=kind),
        "e.body::text",
        "p_catalogue.entries e",
        where=("e.kind = %(kind)s",),
        parameters={"kind": kind_of(kind)},
    )


async def stocked_page(
    connection: AsyncConnection[Any], kind: type[L], selection: Selection
) -> tuple[list[StockedEntry[L]], str | None]:
    """Coupons or rewards."""
    return await fetch_page(
        connection,
        selection,
        lambda body, *rest: _stocked(msgspec.json.decode(body, type=kind), *rest),
        _STOCKED,
        _WITH_STOCK,
        where=("e.kind = %(kind)s",),
        parameters={"kind": kind_of(kind)},
    )


def _stocked(shown: L, given: int, supplied: int, taken: int) -> StockedEntry[L]:
    return StockedEntry(shown, Stock(given, supplied, taken + 1))


async def products_page(connection: AsyncConnection[Any], selection: Selection) -> tuple[list[Product], str | None]:
    return await fetch_page(connection, selection, Product, _PRODUCT, "p_catalogue.products p")
