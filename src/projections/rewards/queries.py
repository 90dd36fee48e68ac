"""Codes of coupons, and the coupons, badges and rewards that members have."""

from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from msgspec import Struct
from psycopg import AsyncConnection

from projections.listing.columns import Column, ColumnKind
from projections.listing.page import Figure, fetch_page
from projections.listing.request import Listing, Selection
from projections.rewards.rows import CodeStatus


class CouponCodeRow(Struct, frozen=True, gc=False):
    """A code of a coupon. `number` is its place in the pool, null where it was generated.

    One that was issued is good until `valid_until`, or for ever; then it is `expired`.
    """

    code: str
    number: int | None
    status: CodeStatus
    member: str | None
    issued_at: datetime | None
    valid_until: datetime | None


class MemberCouponRow(Struct, frozen=True, gc=False):
    """A coupon that a member was given, by which decision of which campaign; `void` once that was cancelled.

    It is good until `valid_until`, or for ever; then it is `expired`.
    """

    coupon: str
    name: str
    code: str
    status: CodeStatus
    value: Figure | None
    valid_until: datetime | None
    issued_at: datetime
    campaign: UUID
    decision: UUID


class MemberBadgeRow(Struct, frozen=True, gc=False):
    """A badge that a member has: how often it was given, and when by the facts that earned it."""

    badge: str
    name: str
    times: int
    first_at: datetime
    last_at: datetime


class MemberRewardRow(Struct, frozen=True, gc=False):
    """A reward that a member was given: how often, and when by the facts that led to it."""

    reward: str
    name: str
    times: int
    first_at: datetime
    last_at: datetime


_CASES: tuple[tuple[CodeStatus, LiteralString], ...] = (
    (CodeStatus.AVAILABLE, "c.status = 'available'"),
    (CodeStatus.ISSUED, "c.status = 'issued' AND (c.valid_until IS NULL OR c.valid_until > %(now)s)"),
    (CodeStatus.EXPIRED, "c.status = 'issued' AND c.valid_until <= %(now)s"),
    (CodeStatus.VOID, "c.status = 'void'"),
)
_WHENS = " ".join(f"WHEN {condition} THEN '{status}'" for status, condition in _CASES)
_STATUS = f"CASE {_WHENS} END"

COUPON_CODES = Listing(
    name="coupon-codes",
    columns=(
        Column("code", expression="c.code", sortable=True),
        Column("status", values=tuple(CodeStatus), cases=_CASES),
        Column("member", expression="c.member", nullable=True),
        Column("issued_at", ColumnKind.INSTANT, "c.issued_at", nullable=True),
        Column("valid_until", ColumnKind.INSTANT, "c.valid_until", nullable=True),
    ),
    key="code",
    sort="code",
)

MEMBER_COUPONS = Listing(
    name="member-coupons",
    columns=(
        Column("issued_at", ColumnKind.INTEGER, "c.position", sortable=True, filterable=False),
        Column("issued_at", ColumnKind.INSTANT, "c.issued_at"),
        Column("coupon", expression="c.coupon"),
        Column("status", values=tuple(status for status, _ in _CASES[1:]), cases=_CASES),
        Column("campaign", ColumnKind.UUID, "c.campaign"),
        Column("valid_until", ColumnKind.INSTANT, "c.valid_until", nullable=True),
    ),
    key="issued_at",
    sort="-issued_at",
)
"""Sorted by position, which is unique: two may have been given in one instant."""

MEMBER_BADGES = Listing(
    name="member-badges",
    columns=(
        Column("badge", expression="g.code", sortable=True),
        Column("last_at", ColumnKind.INSTANT, "g.last_at", sortable=True),
        Column("first_at", ColumnKind.INSTANT, "g.first_at"),
    ),
    key="badge",
    sort="badge",
)

MEMBER_REWARDS = Listing(
    name="member-rewards",
    columns=(
        Column("reward", expression="g.code", sortable=True),
        Column("last_at", ColumnKind.INSTANT, "g.last_at", sortable=True),
        Column("first_at", ColumnKind.INSTANT, "g.first_at"),
    ),
    key="reward",
    sort="reward",
)

_COUPONS = "p_rewards.member_coupons c LEFT JOIN p_catalogue.entries e ON e.kind = 'coupon' AND e.code = c.coupon"

_BADGES = """
(
    SELECT badge AS code, sum(times)::int AS times, min(given_at) AS first_at, max(given_at) AS last_at
    FROM p_rewards.member_badges WHERE member = %(member)s GROUP BY badge
) g LEFT JOIN p_catalogue.entries e ON e.kind = 'badge' AND e.code = g.code
"""

_REWARDS = """
(
    SELECT reward AS code, sum(times)::int AS times, min(given_at) AS first_at, max(given_at) AS last_at
    FROM p_rewards.member_rewards WHERE member = %(member)s GROUP BY reward
) g LEFT JOIN p_catalogue.entries e ON e.kind = 'reward' AND e.code = g.code
"""

_GIFT = "g.code, coalesce(e.body ->> 'name', g.code), g.times, g.first_at, g.last_at"


async def coupon_codes_page(
    connection: AsyncConnection[Any], coupon: str, selection: Selection, now: datetime
) -> tuple[list[CouponCodeRow], str | None]:
    return await fetch_page(
        connection,
        selection,
        lambda code, number, status, *rest: CouponCodeRow(code, number, CodeStatus(status), *rest),
        f"c.code, c.number, {_STATUS}, c.member, c.issued_at, c.valid_until",
        "p_rewards.coupon_codes c",
        where=("c.coupon = %(coupon)s",),
        parameters={"coupon": coupon, "now": now},
    )


async def member_coupons_page(
    connection: AsyncConnection[Any], member: str, selection: Selection, now: datetime
) -> tuple[list[MemberCouponRow], str | None]:
    return await fetch_page(
        connection,
        selection,
        lambda coupon, name, code, status, *rest: MemberCouponRow(coupon, name, code, CodeStatus(status), *rest),
        f"c.coupon, coalesce(e.body ->> 'name', c.coupon), c.code, {_STATUS}, trim_scale(c.value)::text, c.valid_until,"
        " c.issued_at, c.campaign, c.decision",
        _COUPONS,
        where=("c.member = %(member)s",),
        parameters={"member": member, "now": now},
    )


async def member_badges_page(
    connection: AsyncConnection[Any], member: str, selection: Selection
) -> tuple[list[MemberBadgeRow], str | None]:
    return await fetch_page(connection, selection, MemberBadgeRow, _GIFT, _BADGES, parameters={"member": member})


async def member_rewards_page(
    connection: AsyncConnection[Any], member: str, selection: Selection
) -> tuple[list[MemberRewardRow], str | None]:
    return await fetch_page(connection, selection, MemberRewardRow, _GIFT, _REWARDS, parameters={"member": member})
