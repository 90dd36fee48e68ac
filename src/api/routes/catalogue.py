"""The catalogue: event types, accounts, segments, lists and products, each put whole under its code."""

import re
from collections.abc import Callable
from typing import TypeVar, get_args

from litestar.params import FromPath, JSONBody
from msgspec import Struct

from api import representations
from api.problems import bad_parameter
from api.representations import (
    AccountAnswer,
    EventTypeAnswer,
    ListAnswer,
    ProductAnswer,
    SegmentAnswer,
)
from api.request import Request
from api.routes.commands import submit
from api.routing import OPERATORS, RECORDERS, command
from application import definitions
from application.bodies import AccountBody, EventTypeBody, ListBody, ProductBody, SegmentBody
from application.exact import Code
from domain.catalogue import Account, EventType, MemberList, Segment

E = TypeVar("E", EventType, Account, Segment, MemberList)
A = TypeVar("A", bound=Struct)

CONDITIONAL = ("If-Match", "If-None-Match")
CONDITIONAL_PROBLEMS = ("stale", "version-required")

_CODE = re.compile(get_args(Code)[1].pattern)


@command("PUT", "/event-types/{code:str}", roles=OPERATORS, headers=CONDITIONAL, problems=CONDITIONAL_PROBLEMS)
async def put_event_type(request: Request, code: FromPath[str], data: JSONBody[EventTypeBody]) -> EventTypeAnswer:
    """Make or replace an event type; attributes that a tiered campaign reads stay as they are."""
    return await _put(request, data.entry(_checked(code)), representations.event_type)


@command("PUT", "/accounts/{code:str}", roles=OPERATORS, headers=CONDITIONAL, problems=CONDITIONAL_PROBLEMS)
async def put_account(request: Request, code: FromPath[str], data: JSONBody[AccountBody]) -> AccountAnswer:
    """Make or replace an account; its decimals stay as they are."""
    return await _put(request, data.entry(_checked(code)), representations.account)


@command("PUT", "/segments/{code:str}", roles=OPERATORS, headers=CONDITIONAL, problems=CONDITIONAL_PROBLEMS)
async def put_segment(request: Request, code: FromPath[str], data: JSONBody[SegmentBody]) -> SegmentAnswer:
    """Make or replace a segment; facts that are recorded already keep what it said then."""
    return await _put(request, data.entry(_checked(code)), representations.segment)


@command("PUT", "/lists/{code:str}", roles=OPERATORS, headers=CONDITIONAL, problems=CONDITIONAL_PROBLEMS)
async def put_list(request: Request, code: FromPath[str], data: JSONBody[ListBody]) -> ListAnswer:
    """Make or rename a list; its members stay."""
    return await _put(request, data.entry(_checked(code)), representations.member_list)


@command("PUT", "/products/{sku:str}", roles=RECORDERS, headers=CONDITIONAL, problems=CONDITIONAL_PROBLEMS)
async def put_product(request: Request, sku: FromPath[str], data: JSONBody[ProductBody]) -> ProductAnswer:
    """Make or replace a product."""
    product, precondition = data.product(sku), request.precondition()
    committed = await submit(request, lambda working: definitions.put_product(working, product, precondition))
    put, version = committed.answer
    request.versioned(version)
    return representations.product(put, request.committed(committed.position))


async def _put(request: Request, entry: E, represent: Callable[[E, str], A]) -> A:
    precondition = request.precondition()
    committed = await submit(request, lambda working: definitions.put_entry(working, entry, precondition))
    put, version = committed.answer
    request.versioned(version)
    return represent(put, request.committed(committed.position))


def _checked(code: str) -> str:
    if not _CODE.fullmatch(code):
        raise bad_parameter("code", "must be 1 to 100 letters, digits, `_`, `.` or `-`, a letter or digit first")
    return code


CATALOGUE_COMMANDS = (put_event_type, put_account, put_segment, put_list, put_product)
