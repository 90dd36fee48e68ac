"""A member's accounts: what is pending and awarded, with the entries that make it up."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType
from psycopg import AsyncConnection

from domain.values.amounts import EXACT, ZERO, written_in
from projections.decisions.rows import DecisionKind
from projections.listing.columns import Column, ColumnKind
from projections.listing.page import Units, fetch_all, fetch_page
from projections.listing.request import Listing, Selection
from projections.tiered.campaigns.queries import PENDING_POINTS

MOST_ENTRIES = 50
"""The most entries of one account that are shown with it: the newest ones. All are in the member's decisions."""


class EntryCause(StrEnum):
    EVALUATION = "evaluation"
    TRANSACTION = "transaction"
    EVENT = "event"
    MANUAL_CHANGE = "manual_change"
    CANCELLATION = "cancellation"


class AwardedEntry(Struct, frozen=True, gc=False, kw_only=True):
    """Points given or taken by a decision: for the occurrence of a tiered campaign, or else by a `campaign`.

    What caused it is an evaluation, a fact, a change of progress by hand, or the cancellation of a decision.
    """

    decision: UUID
    kind: DecisionKind
    points: Units
    tiered_campaign: UUID | None
    campaign: UUID | UnsetType = UNSET
    occurrence: int | None
    cause: EntryCause
    cause_id: str | None
    recorded_at: datetime
    position: str


class PendingEntry(Struct, frozen=True, gc=False):
    """Points that a running occurrence would pay as things stand, due at its evaluation."""

    points: Units
    tiered_campaign: UUID
    occurrence: int
    evaluation_at: datetime


class MemberAccountRow(Struct, frozen=True, gc=False):
    """One account of a member: `entries` are the newest of `entries_total`, which add up to `awarded`."""

    account: str
    name: str
    unit: str
    decimals: int
    pending: Units
    awarded: Units
    pending_entries: tuple[PendingEntry, ...]
    entries: tuple[AwardedEntry, ...]
    entries_total: int


MEMBER_ACCOUNTS = Listing(
    name="member-accounts",
    columns=(
        Column("account", expression="a.code", sortable=True),
        Column("active", ColumnKind.BOOLEAN, "(a.body ->> 'active')::boolean"),
    ),
    key="account",
    sort="account",
)

_ACCOUNTS = """
p_catalogue.entries a
LEFT JOIN LATERAL (
    SELECT sum(e.units) AS points, count(*) AS entries FROM p_decisions.entries e
    WHERE e.member = %(member)s AND e.account = a.code
) awarded ON true
"""

_ENTRIES = """
SELECT w.code, e.decision, e.kind, e.units, e.campaign, e.occurrence, d.fact_kind, d.fact_id, d.cancels,
    e.recorded_at, e.position::text
FROM unnest(%(accounts)s::text[]) w (code)
CROSS JOIN LATERAL (
    SELECT * FROM p_decisions.entries e
    WHERE e.member = %(member)s AND e.account = w.code
    ORDER BY e.position DESC
    LIMIT %(limit)s
) e
JOIN p_decisions.decisions d ON d.id = e.decision
ORDER BY e.position DESC, e.number DESC
"""

_PENDING = f"""
SELECT r.definition ->> 'account', {PENDING_POINTS}, s.campaign, s.occurrence, o.evaluation_at
FROM p_standings.standings s
JOIN p_tiered_campaigns.tiered_campaigns t ON t.id = s.campaign
JOIN p_tiered_campaigns.occurrences o ON o.campaign = s.campaign AND o.number = s.occurrence
JOIN p_tiered_campaigns.revisions r ON r.campaign = o.campaign AND r.number = o.revision
WHERE s.member = %(member)s AND s.awarded IS NULL AND {PENDING_POINTS} <> 0
ORDER BY o.evaluation_at, s.campaign
"""  # noqa: S608  put together from constants


async def member_accounts_page(
    connection: AsyncConnection[Any], member_id: str, selection: Selection
) -> tuple[list[MemberAccountRow], str | None]:
    accounts, following = await fetch_page(
        connection,
        selection,
        lambda *row: row,
        "a.code, a.body ->> 'name', a.body ->> 'unit', (a.body ->> 'decimals')::int,"
        " coalesce(awarded.points, 0), awarded.entries",
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
                written_in(_sum(points for points, *_ in waiting), decimals),
                written_in(awarded, decimals),
                tuple(PendingEntry(written_in(points, decimals), *rest) for points, *rest in waiting),
                tuple(_awarded(decimals, *entry) for entry in entries.get(code, [])),
                count,
            )
        )
    return rows, following


def _awarded(  # noqa: PLR0913, PLR0917  a row of the query
    decimals: int,
    decision: UUID,
    kind: str,
    points: Decimal,
    campaign: UUID,
    occurrence: int | None,
    fact_kind: str | None,
    fact_id: str | None,
    cancels: UUID | None,
    recorded_at: datetime,
    position: str,
) -> AwardedEntry:
    tiered = kind in (DecisionKind.TIERED_AWARD, DecisionKind.CORRECTION)
    if cancels:
        cause = EntryCause.CANCELLATION
    elif fact_kind:
        cause = EntryCause(fact_kind)
    else:
        cause = EntryCause.EVALUATION if tiered else EntryCause.MANUAL_CHANGE
    return AwardedEntry(
        decision=decision,
        kind=DecisionKind(kind),
        points=written_in(points, decimals),
        tiered_campaign=campaign if tiered else None,
        campaign=UNSET if tiered else campaign,
        occurrence=occurrence,
        cause=cause,
        cause_id=str(cancels) if cancels else fact_id,
        recorded_at=recorded_at,
        position=position,
    )


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def _by_account(rows: Iterable[tuple[Any, ...]]) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    for code, *row in rows:
        found.setdefault(code, []).append(tuple(row))
    return found
