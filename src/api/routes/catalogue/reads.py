"""Event types, accounts, segments, lists, badges, coupons, rewards and products."""

from collections.abc import Callable
from typing import TypeVar

from litestar.params import FromPath

from api.http.reads import asking, current, known, shown_now, there
from api.http.request import Request
from api.http.routing import FACT_READERS, READERS, AnswerPage, read
from api.routes.catalogue import shapes
from api.routes.catalogue.shapes import (
    AccountAnswer,
    BadgeAnswer,
    CouponAnswer,
    EventTypeAnswer,
    ListAnswer,
    ProductAnswer,
    RewardAnswer,
    SegmentAnswer,
)
from application.streams import PRODUCT, STOCK, entry_at
from domain.catalogue.entries import Account, Badge, Coupon, Entry, EventType, MemberList, Reward, Segment, kind_of
from domain.catalogue.stock import Stock
from projections.catalogue import queries as catalogue
from projections.catalogue.queries import (
    ACCOUNTS,
    BADGES,
    COUPONS,
    EVENT_TYPES,
    LISTS,
    PRODUCTS,
    REWARDS,
    SEGMENTS,
    E,
    L,
)
from projections.history.log import latest
from projections.listing.request import Listing
from projections.members.queries import LIST_MEMBERS, ListMemberRow, list_members_page
from projections.rewards.queries import COUPON_CODES, CouponCodeRow, coupon_codes_page

T = TypeVar("T")


@read("/event-types", roles=FACT_READERS, listing=EVENT_TYPES, projections=("catalogue",))
async def list_event_types(request: Request) -> AnswerPage[EventTypeAnswer]:
    """Event types."""
    return await _entries(request, EventType, EVENT_TYPES, shapes.event_type)


@read("/event-types/{code:str}", roles=FACT_READERS, current=True)
async def get_event_type(request: Request, code: FromPath[str]) -> EventTypeAnswer:
    """One event type, with its ETag."""
    return await _entry(request, EventType, code, shapes.event_type)


@read("/accounts", roles=FACT_READERS, listing=ACCOUNTS, projections=("catalogue",))
async def list_accounts(request: Request) -> AnswerPage[AccountAnswer]:
    """Accounts that points go to."""
    return await _entries(request, Account, ACCOUNTS, shapes.account)


@read("/accounts/{code:str}", roles=FACT_READERS, current=True)
async def get_account(request: Request, code: FromPath[str]) -> AccountAnswer:
    """One account, with its ETag."""
    return await _entry(request, Account, code, shapes.account)


@read("/segments", roles=FACT_READERS, listing=SEGMENTS, projections=("catalogue",))
async def list_segments(request: Request) -> AnswerPage[SegmentAnswer]:
    """Segments."""
    return await _entries(request, Segment, SEGMENTS, shapes.segment)


@read("/segments/{code:str}", roles=FACT_READERS, current=True)
async def get_segment(request: Request, code: FromPath[str]) -> SegmentAnswer:
    """One segment, with its ETag."""
    return await _entry(request, Segment, code, shapes.segment)


@read("/lists", roles=FACT_READERS, listing=LISTS, projections=("catalogue",))
async def list_lists(request: Request) -> AnswerPage[ListAnswer]:
    """Lists of members."""
    return await _entries(request, MemberList, LISTS, shapes.member_list)


@read("/lists/{code:str}", roles=FACT_READERS, current=True)
async def get_list(request: Request, code: FromPath[str]) -> ListAnswer:
    """One list, with its ETag."""
    return await _entry(request, MemberList, code, shapes.member_list)


@read(
    "/lists/{code:str}/members",
    roles=FACT_READERS,
    listing=LIST_MEMBERS,
    problems=("not-found",),
    projections=("catalogue", "members"),
)
async def list_list_members(request: Request, code: FromPath[str]) -> AnswerPage[ListMemberRow]:
    """Who is on a list."""
    selection = LIST_MEMBERS.read(request.exchange.query)
    async with asking(request) as connection:
        await known(connection, entry_at(MemberList, code), f"list `{code}`")
        found, following = await list_members_page(connection, code, selection)
    return AnswerPage(found, following, request.position)


@read("/badges", roles=FACT_READERS, listing=BADGES, projections=("catalogue",))
async def list_badges(request: Request) -> AnswerPage[BadgeAnswer]:
    """Badges."""
    return await _entries(request, Badge, BADGES, shapes.badge)


@read("/badges/{code:str}", roles=FACT_READERS, current=True)
async def get_badge(request: Request, code: FromPath[str]) -> BadgeAnswer:
    """One badge, with its ETag."""
    return await _entry(request, Badge, code, shapes.badge)


@read("/coupons", roles=FACT_READERS, listing=COUPONS, projections=("catalogue", "rewards"))
async def list_coupons(request: Request) -> AnswerPage[CouponAnswer]:
    """Coupons, without their codes."""
    selection = COUPONS.read(request.exchange.query)
    async with asking(request) as connection:
        found, following = await catalogue.stocked_page(connection, Coupon, selection)
    at = request.position
    return AnswerPage([shapes.coupon(kept.shown, kept.stock, at) for kept in found], following, at)


@read("/coupons/{code:str}", roles=FACT_READERS, current=True)
async def get_coupon(request: Request, code: FromPath[str]) -> CouponAnswer:
    """One coupon with its stock, and its ETag."""
    return await _stocked(request, Coupon, code, shapes.coupon)


@read(
    "/coupons/{code:str}/codes",
    roles=READERS,
    listing=COUPON_CODES,
    problems=("not-found",),
    projections=("catalogue", "rewards"),
)
async def list_coupon_codes(request: Request, code: FromPath[str]) -> AnswerPage[CouponCodeRow]:
    """The codes of a coupon, and who has them."""
    selection = COUPON_CODES.read(request.exchange.query)
    async with asking(request) as connection:
        await known(connection, entry_at(Coupon, code), f"coupon `{code}`")
        found, following = await coupon_codes_page(connection, code, selection, request.services.clock.now())
    return AnswerPage(found, following, request.position)


@read("/rewards", roles=FACT_READERS, listing=REWARDS, projections=("catalogue", "rewards"))
async def list_rewards(request: Request) -> AnswerPage[RewardAnswer]:
    """Rewards."""
    selection = REWARDS.read(request.exchange.query)
    async with asking(request) as connection:
        found, following = await catalogue.stocked_page(connection, Reward, selection)
    at = request.position
    return AnswerPage([shapes.reward(kept.shown, kept.stock, at) for kept in found], following, at)


@read("/rewards/{code:str}", roles=FACT_READERS, current=True)
async def get_reward(request: Request, code: FromPath[str]) -> RewardAnswer:
    """One reward with its stock, and its ETag."""
    return await _stocked(request, Reward, code, shapes.reward)


@read("/products", roles=FACT_READERS, listing=PRODUCTS, projections=("catalogue",))
async def list_products(request: Request) -> AnswerPage[ProductAnswer]:
    """Products."""
    selection = PRODUCTS.read(request.exchange.query)
    async with asking(request) as connection:
        found, following = await catalogue.products_page(connection, selection)
    at = request.position
    return AnswerPage([shapes.product(each, at) for each in found], following, at)


@read("/products/{sku:str}", roles=FACT_READERS, current=True)
async def get_product(request: Request, sku: FromPath[str]) -> ProductAnswer:
    """One product, with its ETag."""
    found = await shown_now(request, PRODUCT.at(sku), f"product `{sku}`")
    request.versioned(found.version)
    return shapes.product(found.state, request.position)


async def _entries(request: Request, kind: type[E], listing: Listing, show: Callable[[E, str], T]) -> AnswerPage[T]:
    selection = listing.read(request.exchange.query)
    async with asking(request) as connection:
        found, following = await catalogue.entries_page(connection, kind, selection)
    at = request.position
    return AnswerPage([show(each, at) for each in found], following, at)


async def _entry(request: Request, kind: type[E], code: str, show: Callable[[E, str], T]) -> T:
    found = await shown_now(request, entry_at(kind, code), _named(kind, code))
    request.versioned(found.version)
    return show(found.state, request.position)


async def _stocked(request: Request, kind: type[L], code: str, show: Callable[[L, Stock | None, str], T]) -> T:
    mapper = request.program.reads.mapper
    async with current(request) as connection:
        found = there(await latest(connection, mapper, entry_at(kind, code)), _named(kind, code))
        stock = await latest(connection, mapper, STOCK.at(kind_of(kind), code))
    request.versioned(found.version)
    return show(found.state, stock.state if stock else None, request.position)


def _named(kind: type[Entry], code: str) -> str:
    return f"{kind_of(kind).replace('_', ' ')} `{code}`"


CATALOGUE_READS = (
    list_event_types,
    get_event_type,
    list_accounts,
    get_account,
    list_segments,
    get_segment,
    list_lists,
    get_list,
    list_list_members,
    list_badges,
    get_badge,
    list_coupons,
    get_coupon,
    list_coupon_codes,
    list_rewards,
    get_reward,
    list_products,
    get_product,
)
