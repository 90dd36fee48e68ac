"""The catalogue: event types, accounts, segments, lists, badges, coupons, rewards and products.

Each is put whole under its code.
"""

import re
from collections.abc import Callable
from typing import TypeVar, get_args

from litestar.params import FromPath, JSONBody
from msgspec import Struct

from api.http.commands import submit
from api.http.problems import bad_parameter
from api.http.request import Request
from api.http.routing import JUDGED, OPERATORS, RECORDERS, command
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
from application.bodies.exact import Code
from application.catalogue import commands as definitions
from application.catalogue.bodies import (
    AccountBody,
    BadgeBody,
    CouponBody,
    EventTypeBody,
    ListBody,
    ProductBody,
    RewardBody,
    SegmentBody,
)
from application.log.working import Working
from application.streams import STOCK
from domain.catalogue.entries import Account, Badge, Coupon, EventType, MemberList, Reward, Segment
from domain.catalogue.stock import Stock

E = TypeVar("E", EventType, Account, Segment, MemberList, Badge)
L = TypeVar("L", Coupon, Reward)
A = TypeVar("A", bound=Struct)

CONDITIONAL = ("If-Match", "If-None-Match")
CONDITIONAL_PROBLEMS = ("stale", "version-required")

_CODE = re.compile(get_args(Code)[1].pattern)


@command(
    "PUT", "/event-types/{code:str}", roles=OPERATORS, headers=CONDITIONAL, problems=CONDITIONAL_PROBLEMS, takes=JUDGED
)
async def put_event_type(request: Request, code: FromPath[str], data: JSONBody[EventTypeBody]) -> EventTypeAnswer:
    """Make or replace an event type; attributes that a definition reads stay as they are."""
    return await _put(request, data.entry(_checked(code)), shapes.event_type)


@command(
    "PUT", "/accounts/{code:str}", roles=OPERATORS, headers=CONDITIONAL, problems=CONDITIONAL_PROBLEMS, takes=JUDGED
)
async def put_account(request: Request, code: FromPath[str], data: JSONBody[AccountBody]) -> AccountAnswer:
    """Make or replace an account; its decimals stay as they are."""
    return await _put(request, data.entry(_checked(code)), shapes.account)


@command(
    "PUT", "/segments/{code:str}", roles=OPERATORS, headers=CONDITIONAL, problems=CONDITIONAL_PROBLEMS, takes=JUDGED
)
async def put_segment(request: Request, code: FromPath[str], data: JSONBody[SegmentBody]) -> SegmentAnswer:
    """Make or replace a segment; facts that are recorded already keep what it said then."""
    return await _put(request, data.entry(_checked(code)), shapes.segment)


@command("PUT", "/lists/{code:str}", roles=OPERATORS, headers=CONDITIONAL, problems=CONDITIONAL_PROBLEMS, takes=JUDGED)
async def put_list(request: Request, code: FromPath[str], data: JSONBody[ListBody]) -> ListAnswer:
    """Make or rename a list; its members stay."""
    return await _put(request, data.entry(_checked(code)), shapes.member_list)


@command("PUT", "/badges/{code:str}", roles=OPERATORS, headers=CONDITIONAL, problems=CONDITIONAL_PROBLEMS, takes=JUDGED)
async def put_badge(request: Request, code: FromPath[str], data: JSONBody[BadgeBody]) -> BadgeAnswer:
    """Make or rename a badge; who has it keeps it."""
    return await _put(request, data.entry(_checked(code)), shapes.badge)


@command(
    "PUT", "/coupons/{code:str}", roles=OPERATORS, headers=CONDITIONAL, problems=CONDITIONAL_PROBLEMS, takes=JUDGED
)
async def put_coupon(request: Request, code: FromPath[str], data: JSONBody[CouponBody]) -> CouponAnswer:
    """Make or replace a coupon; those that were given stay as they are.

    One that has codes keeps its pool, or its generator.
    """
    return await _put_stocked(request, "coupon", data.entry(_checked(code)), shapes.coupon)


@command(
    "PUT", "/rewards/{code:str}", roles=OPERATORS, headers=CONDITIONAL, problems=CONDITIONAL_PROBLEMS, takes=JUDGED
)
async def put_reward(request: Request, code: FromPath[str], data: JSONBody[RewardBody]) -> RewardAnswer:
    """Make or replace a reward; a stock below what is given already gives no more."""
    return await _put_stocked(request, "reward", data.entry(_checked(code)), shapes.reward)


@command(
    "PUT", "/products/{sku:str}", roles=RECORDERS, headers=CONDITIONAL, problems=CONDITIONAL_PROBLEMS, takes=JUDGED
)
async def put_product(request: Request, sku: FromPath[str], data: JSONBody[ProductBody]) -> ProductAnswer:
    """Make or replace a product."""
    product, precondition = data.product(sku), request.precondition()
    committed = await submit(request, lambda working: definitions.put_product(working, product, precondition))
    put, version = committed.answer
    request.versioned(version)
    return shapes.product(put, request.committed(committed.position))


async def _put(request: Request, entry: E, represent: Callable[[E, str], A]) -> A:
    precondition = request.precondition()
    committed = await submit(request, lambda working: definitions.put_entry(working, entry, precondition))
    put, version = committed.answer
    request.versioned(version)
    return represent(put, request.committed(committed.position))


async def _put_stocked(request: Request, kind: str, entry: L, represent: Callable[[L, Stock | None, str], A]) -> A:
    precondition = request.precondition()

    def decide(working: Working) -> tuple[int, Stock | None]:
        _, version = definitions.put_entry(working, entry, precondition)
        return version, working.state(STOCK.at(kind, entry.code))

    committed = await submit(request, decide)
    version, stock = committed.answer
    request.versioned(version)
    return represent(entry, stock, request.committed(committed.position))


def _checked(code: str) -> str:
    if not _CODE.fullmatch(code):
        raise bad_parameter("code", "must be 1 to 100 letters, digits, `_`, `.` or `-`, a letter or digit first")
    return code


CATALOGUE_COMMANDS = (
    put_event_type,
    put_account,
    put_segment,
    put_list,
    put_badge,
    put_coupon,
    put_reward,
    put_product,
)
