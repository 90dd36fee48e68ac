"""A member's accounts: what is pending and awarded, with the entries that make it up."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct
from psycopg import AsyncConnection

from domain.amounts import EXACT, ZERO
from projections.listing import Column, Kind, Listing, Selection
from projections.queries.asking import Figure, fetch_all, fetch_page

MOST_ENTRIES = 50
"""The most entries of one account that are shown with it: the newest ones. All are in the member's decisions."""


class AwardedEntry(Struct, frozen=True, gc=False):
    """Points given or taken by a decision, for the occurrence of a tiered campaign.

    What caused it is an evaluation, or a fact that came after it.
    """

    decision: UUID
    kind: str
    points: Figure
    tiered_campaign: UUID
    occurrence: int | None
    cause: Literal["evaluation", "transaction", "event"]
    cause_id: str | None
    recorded_at: datetime
    position: str


class PendingEntry(Struct, frozen=True, gc=False):
    """Points that a running occurrence would pay as things stand, due at its evaluation."""

    points: Figure
    tiered_campaign: UUID
    occurrence: int
    evaluation_at: datetime


class MemberAccountRow(Struct, frozen=True, gc=False):
    """One account of a member: `entries` are the newest of `entries_total`, which add up to `awarded`."""

    account: str
    name: str
    unit: str
    decimals: int
    pending: Figure
    awarded: Figure
    pending_entries: tuple[PendingEntry, ...]
    entries: tuple[AwardedEntry, ...]
    entries_total: int


MEMBER_ACCOUNTS = Listing(
    name="member-accounts",
    columns=(
        Column("account", expression="a.code", sortable=True),
        Column("active", Kind.BOOLEAN, "(a.body ->> 'active')::boolean"),
    ),
    key="account",
    sort="account",
)

_ACCOUNTS = """
p_catalogue.entries a
LEFT JOIN LATERAL (
    SELECT sum(d.points) AS points, count(*) AS entries FROM p_decisions.decisions d
    WHERE d.member = %(member)s AND d.account = a.code AND d.points <> 0
) awarded ON true
"""

_ENTRIES = """
SELECT w.code, d.id, d.kind, d.points::text, d.campaign, d.occurrence, coalesce(d.fact_kind, 'evaluation'), d.fact_id,
    d.recorded_at, d.position::text
FROM unnest(%(accounts)s::text[]) w (code)
CROSS JOIN LATERAL (
    SELECT * FROM p_decisions.decisions d
    WHERE d.member = %(member)s AND d.account = w.code AND d.points <> 0
    ORDER BY d.position DESC
    LIMIT %(limit)s
) d
ORDER BY d.position DESC
"""

_PENDING = """
SELECT r.definition ->> 'account', s.pending_points, s.campaign, s.occurrence, o.evaluation_at
FROM p_standings.standings s
JOIN p_tiered_campaigns.tiered_campaigns t ON t.id = s.campaign AND NOT t.archived
JOIN p_tiered_campaigns.occurrences o ON o.campaign = s.campaign AND o.number = s.occurrence
JOIN p_tiered_campaigns.revisions r ON r.campaign = o.campaign AND r.number = o.revision
WHERE s.member = %(member)s AND s.awarded IS NULL AND s.pending_points <> 0
ORDER BY o.evaluation_at, s.campaign
"""


async def member_accounts_page(
    connection: AsyncConnection[Any], member_id: str, selection: Selection
) -> tuple[list[MemberAccountRow], str | None]:
    accounts, following = await fetch_page(
        connection,
        selection,
        lambda *row: row,
        "a.code, a.body ->> 'name', a.body ->> 'unit', (a.body ->> 'decimals')::int,"
        " coalesce(awarded.points, 0)::text, awarded.entries",
        _ACCOUNTS,
        where=("a.kind = 'account'",),
        parameters={"member": member_id},
    )
    codes = [account[0] for account in accounts]
    named = {"member": member_id, "accounts": codes, "limit": MOST_ENTRIES}
    entries = _by_account(await fetch_all(connection, lambda *row: row, _ENTRIES, named))
    pending = _by_account(await fetch_all(connection, lambda *row: row, _PENDING, {"member": member_id}))
    rows = []
    for code, name, unit, decimals, awarded, count in accounts:
        waiting = pending.get(code, [])
        rows.append(
            MemberAccountRow(
                code,
                name,
                unit,
                decimals,
                _sum(points for points, *_ in waiting),
                awarded,
                tuple(PendingEntry(f"{points:f}", *rest) for points, *rest in waiting),
                tuple(AwardedEntry(*entry) for entry in entries.get(code, [])),
                count,
            )
        )
    return rows, following


def _sum(amounts: Iterable[Decimal]) -> str:
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return f"{total:f}"


def _by_account(rows: Iterable[tuple[Any, ...]]) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    for code, *row in rows:
        found.setdefault(code, []).append(tuple(row))
    return found
