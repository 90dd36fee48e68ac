"""What members were given beside units: badges, coupons and rewards."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from litestar.params import FromPath
from psycopg import AsyncConnection

from api.http.reads import asking, known_member
from api.http.request import Request
from api.http.routing import FACT_READERS, AnswerPage, read
from projections.listing.request import Listing, Selection
from projections.rewards import queries as rewards
from projections.rewards.queries import (
    MEMBER_BADGES,
    MEMBER_COUPONS,
    MEMBER_REWARDS,
    MemberBadgeRow,
    MemberCouponRow,
    MemberRewardRow,
)

T = TypeVar("T")

_PROJECTIONS = ("members", "catalogue", "rewards")


@read(
    "/members/{member:str}/badges",
    roles=FACT_READERS,
    listing=MEMBER_BADGES,
    problems=("not-found",),
    projections=_PROJECTIONS,
)
async def list_member_badges(request: Request, member: FromPath[str]) -> AnswerPage[MemberBadgeRow]:
    """A member's badges, and how often each was given."""
    return await _given(request, member, MEMBER_BADGES, rewards.member_badges_page)


@read(
    "/members/{member:str}/coupons",
    roles=FACT_READERS,
    listing=MEMBER_COUPONS,
    problems=("not-found",),
    projections=_PROJECTIONS,
)
async def list_member_coupons(request: Request, member: FromPath[str]) -> AnswerPage[MemberCouponRow]:
    """A member's coupons, the last given first."""
    ask = partial(rewards.member_coupons_page, now=request.services.clock.now())
    return await _given(request, member, MEMBER_COUPONS, ask)


@read(
    "/members/{member:str}/rewards",
    roles=FACT_READERS,
    listing=MEMBER_REWARDS,
    problems=("not-found",),
    projections=_PROJECTIONS,
)
async def list_member_rewards(request: Request, member: FromPath[str]) -> AnswerPage[MemberRewardRow]:
    """A member's rewards, and how often each was given."""
    return await _given(request, member, MEMBER_REWARDS, rewards.member_rewards_page)


async def _given(
    request: Request,
    member: str,
    listing: Listing,
    ask: Callable[[AsyncConnection[Any], str, Selection], Awaitable[tuple[list[T], str | None]]],
) -> AnswerPage[T]:
    selection = listing.read(request.exchange.query)
    async with asking(request) as connection:
        await known_member(connection, member)
        found, following = await ask(connection, member, selection)
    return AnswerPage(found, following, request.position)


REWARD_READS = (list_member_badges, list_member_coupons, list_member_rewards)
