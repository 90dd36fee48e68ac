"""Previews: what was frozen, beside what is so now, and what lies between two of them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct
from psycopg import AsyncConnection

from application.log.events import Recorded
from application.log.mapper import Mapper
from application.streams import STANDING
from domain.facts.fact import FactKind
from domain.tiered.points import TierShare, TierTable, points
from domain.tiered.preview import Status
from domain.tiered.standing import Contributed
from domain.values.amounts import EXACT, ZERO, written, written_in
from projections.history.log import events_between
from projections.listing.columns import Column, ColumnKind
from projections.listing.page import Figure, Units, fetch_all, fetch_one, fetch_page
from projections.listing.request import Listing, Selection
from projections.tiered.campaigns.queries import MEMBERS, PENDING_POINTS, terms_of

MOST_FACTS = 100
"""The most facts of one member that a comparison shows: the newest ones."""


class PreviewProgress(Struct, frozen=True, gc=False):
    """How many of the preview's members have been gone through, of how many."""

    done: int
    total: int


class PreviewOccurrence(Struct, frozen=True, gc=False):
    """One occurrence as frozen, and as it is now.

    `members` had pending points, `participants` are all it froze; `live_members` have points now. `pending_points`
    count pending and accepted facts; `award_points` are what an award at the freeze would have paid.
    """

    occurrence: int
    members: int
    participants: int
    pending_points: Units
    award_points: Units
    live_members: int
    live_pending_points: Units


class PreviewRow(Struct, frozen=True, gc=False):
    """A preview. `position` is the place in the log it is computed at; `reason` says why it failed."""

    id: UUID
    tiered_campaign: UUID
    status: Status
    reason: str | None
    position: str
    requested_at: datetime
    scheduled_for: datetime | None
    finished_at: datetime | None
    progress: PreviewProgress
    occurrences: tuple[PreviewOccurrence, ...]


class TierLine(Struct, frozen=True, gc=False):
    """What one tier gives: `points` is `basis` times `rate`, for percentages by 100."""

    tier: int
    basis: Figure
    rate: Figure
    points: Figure


class Breakdown(Struct, frozen=True, gc=False):
    """How `aggregate` comes to `points`: a line a tier, their sum, and that rounded once."""

    aggregate: Figure
    lines: tuple[TierLine, ...]
    unrounded: Figure
    points: Units


class PreviewMemberRow(Struct, frozen=True, gc=False):
    """One member of a preview in one occurrence, as frozen; the breakdown is that of `pending_points`."""

    member: str
    occurrence: int
    total: Figure
    confirmed: Figure
    pending_points: Units
    award_points: Units
    breakdown: Breakdown


class PreviewComparison(Struct, frozen=True, gc=False):
    """One member's figures in one preview, or the difference between two."""

    total: Figure
    pending_points: Units
    award_points: Units


class FactBetween(Struct, frozen=True, gc=False):
    """What a fact did to a standing between two previews: its contribution became `amount`, the aggregate `total`."""

    kind: FactKind
    id: str
    amount: Figure
    total: Figure
    pending_points_change: Units
    recorded_at: datetime
    position: str


class ComparisonRow(Struct, frozen=True, gc=False):
    """One member in one occurrence that both previews froze.

    `difference` is the other preview less this one; a member whom one of them does not have (null) is at zero in it.
    `facts` are at most the newest 100; `more_facts` says that there are more.
    """

    member: str
    occurrence: int
    preview: PreviewComparison | None
    other: PreviewComparison | None
    difference: PreviewComparison
    facts: tuple[FactBetween, ...]
    more_facts: bool


PREVIEWS = Listing(
    name="previews",
    columns=(
        Column("requested_at", ColumnKind.INTEGER, "p.position", sortable=True, filterable=False),
        Column("requested_at", ColumnKind.INSTANT, "p.requested_at"),
        Column("status", expression="p.status", values=tuple(Status)),
    ),
    key="requested_at",
    sort="-requested_at",
)
"""Sorted by position, which is unique."""

PREVIEW_MEMBERS = Listing(
    name="preview-members",
    columns=(
        Column("occurrence", ColumnKind.INTEGER, "m.occurrence", sortable=True),
        Column("member", expression="m.member"),
        Column("pending_points", ColumnKind.NUMBER, "m.pending_points"),
        Column("award_points", ColumnKind.NUMBER, "m.award_points"),
        Column("total", ColumnKind.NUMBER, "m.total"),
    ),
    key="member",
    sort="occurrence",
)
"""Sorted by occurrence and then by member, which together are unique; no other sort is."""

COMPARISON = Listing(
    name="comparison",
    columns=(
        Column("occurrence", ColumnKind.INTEGER, "c.occurrence", sortable=True),
        Column("member", expression="c.member"),
        Column(
            "changed",
            ColumnKind.BOOLEAN,
            "((c.total, c.pending, c.award) IS DISTINCT FROM (c.o_total, c.o_pending, c.o_award))",
        ),
    ),
    key="member",
    sort="occurrence",
)

_PREVIEW = """
p.id, p.campaign, p.status, p.reason, p.position::text, p.requested_at, p.scheduled_for, p.finished_at
"""

# The order that each half asks for is what lets a page of the groups, merged from the primary key, read no more than a
# page; without it all of both previews is read and hashed.
_COMPARED = """
(
    SELECT u.occurrence, u.member,
        max(u.total) FILTER (WHERE u.side = 1) AS total, max(u.total) FILTER (WHERE u.side = 2) AS o_total,
        max(u.pending) FILTER (WHERE u.side = 1) AS pending, max(u.pending) FILTER (WHERE u.side = 2) AS o_pending,
        max(u.award) FILTER (WHERE u.side = 1) AS award, max(u.award) FILTER (WHERE u.side = 2) AS o_award
    FROM (
        (
            SELECT 1 AS side, occurrence, member, total, pending_points AS pending, award_points AS award
            FROM p_standings.preview_members WHERE preview = %(preview)s ORDER BY occurrence, member
        )
        UNION ALL
        (
            SELECT 2, occurrence, member, total, pending_points, award_points
            FROM p_standings.preview_members WHERE preview = %(other)s ORDER BY occurrence, member
        )
    ) u
    GROUP BY u.occurrence, u.member
) c
"""


async def previews_page(
    connection: AsyncConnection[Any], campaign_id: UUID, selection: Selection
) -> tuple[list[PreviewRow], str | None]:
    rows, following = await fetch_page(
        connection,
        selection,
        lambda *row: row,
        _PREVIEW,
        "p_standings.previews p",
        where=("p.campaign = %(campaign)s",),
        parameters={"campaign": campaign_id},
    )
    return await _with_occurrences(connection, rows), following


async def preview(connection: AsyncConnection[Any], campaign_id: UUID, preview_id: UUID) -> PreviewRow | None:
    row = await fetch_one(
        connection,
        lambda *row: row,
        _PREVIEW,
        "p_standings.previews p",
        where="p.id = %(preview)s AND p.campaign = %(campaign)s",
        parameters={"preview": preview_id, "campaign": campaign_id},
    )
    return (await _with_occurrences(connection, [row]))[0] if row else None


async def preview_members_page(
    connection: AsyncConnection[Any], campaign_id: UUID, preview_id: UUID, selection: Selection
) -> tuple[list[PreviewMemberRow], str | None]:
    rows, following = await fetch_page(
        connection,
        selection,
        lambda *row: row,
        "m.member, m.occurrence, m.total, m.confirmed, m.pending_points, m.award_points",
        "p_standings.preview_members m",
        where=("m.preview = %(preview)s",),
        parameters={"preview": preview_id},
    )
    tables = await _tables(connection, campaign_id, {row[1] for row in rows})
    found = []
    for member, occurrence, total, confirmed, pending, award in rows:
        table = tables[occurrence]
        points = written_in(pending, table.decimals), written_in(award, table.decimals)
        shown = written(total), written(confirmed), *points, breakdown(table, total)
        found.append(PreviewMemberRow(member, occurrence, *shown))
    return found, following


async def comparison_page(
    connection: AsyncConnection[Any], mapper: Mapper, this: PreviewRow, other: PreviewRow, selection: Selection
) -> tuple[list[ComparisonRow], str | None]:
    """Members of the occurrences that both previews froze, with what happened between the two."""
    both = {each.occurrence for each in this.occurrences} & {each.occurrence for each in other.occurrences}
    rows, following = await fetch_page(
        connection,
        selection,
        lambda *row: row,
        "c.occurrence, c.member, c.total, c.pending, c.award, c.o_total, c.o_pending, c.o_award",
        _COMPARED,
        where=("c.occurrence = ANY(%(occurrences)s::int[])",),
        parameters={"preview": this.id, "other": other.id, "occurrences": sorted(both)},
    )
    campaign = this.tiered_campaign
    streams = [STANDING.at(campaign, occurrence, member).id for occurrence, member, *_ in rows]
    first, last = sorted(int(each.position) for each in (this, other))
    events = await events_between(connection, mapper, streams, first, last, MOST_FACTS + 1)
    by_stream: dict[UUID, list[Recorded]] = {}
    for recorded in events:
        by_stream.setdefault(recorded.stream, []).append(recorded)
    tables = await _tables(connection, campaign, {row[0] for row in rows})
    found = [
        _comparison(row, by_stream.get(stream, []), tables[row[0]].decimals)
        for row, stream in zip(rows, streams, strict=True)
    ]
    return found, following


def breakdown(table: TierTable, aggregate: Decimal) -> Breakdown:
    """How an aggregate comes to its points by the table."""
    found = points(table, aggregate)
    total = written_in(found.total, table.decimals)
    return Breakdown(written(aggregate), tier_lines(found.lines), written(found.unrounded), total)


def tier_lines(lines: Iterable[TierShare]) -> tuple[TierLine, ...]:
    return tuple(TierLine(line.tier, written(line.basis), written(line.rate), written(line.points)) for line in lines)


def _comparison(row: tuple[Any, ...], events: list[Recorded], decimals: int) -> ComparisonRow:
    occurrence, member, *figures = row
    this, other = figures[:3], figures[3:]
    difference = [
        EXACT.subtract(ZERO if after is None else after, ZERO if before is None else before)
        for before, after in zip(this, other, strict=True)
    ]
    facts = tuple(_fact(recorded, decimals) for recorded in events if isinstance(recorded.event, Contributed))
    return ComparisonRow(
        member,
        occurrence,
        None if this[0] is None else _compared(this, decimals),
        None if other[0] is None else _compared(other, decimals),
        _compared(difference, decimals),
        facts[-MOST_FACTS:],
        len(events) > MOST_FACTS,
    )


def _compared(figures: Sequence[Decimal], decimals: int) -> PreviewComparison:
    total, pending, award = figures
    return PreviewComparison(written(total), written_in(pending, decimals), written_in(award, decimals))


def _fact(recorded: Recorded, decimals: int) -> FactBetween:
    event: Contributed = recorded.event
    return FactBetween(
        event.fact.kind,
        event.fact.id,
        written(event.amount),
        written(event.total),
        written_in(event.pending_points_change, decimals),
        recorded.envelope.recorded_at,
        str(recorded.position),
    )


async def _with_occurrences(connection: AsyncConnection[Any], rows: Sequence[tuple[Any, ...]]) -> list[PreviewRow]:
    found = await fetch_all(
        connection,
        lambda *row: row,
        f"""
        SELECT p.preview, p.occurrence, p.members, p.participants, p.pending_points, p.award_points,
            coalesce({MEMBERS}, 0), coalesce({PENDING_POINTS}, 0), r.decimals
        FROM unnest(%(previews)s::uuid[], %(campaigns)s::uuid[]) w (preview, campaign)
        JOIN p_standings.preview_occurrences p ON p.preview = w.preview
        JOIN p_tiered_campaigns.tiered_campaigns t ON t.id = w.campaign
        JOIN p_tiered_campaigns.occurrences o ON o.campaign = w.campaign AND o.number = p.occurrence
        JOIN p_tiered_campaigns.revisions r ON r.campaign = o.campaign AND r.number = o.revision
        LEFT JOIN p_standings.statistics s ON s.campaign = w.campaign AND s.occurrence = p.occurrence
        ORDER BY p.preview, p.occurrence
        """,  # noqa: S608  put together from constants
        {"previews": [row[0] for row in rows], "campaigns": [row[1] for row in rows]},
    )
    occurrences: dict[UUID, list[PreviewOccurrence]] = {}
    for preview_id, *figures in found:
        occurrences.setdefault(preview_id, []).append(_occurrence(*figures))
    done = await _done(connection, [row[0] for row in rows if row[2] == Status.RUNNING])
    return [_preview(row, tuple(occurrences.get(row[0], ())), done.get(row[0])) for row in rows]


def _occurrence(
    number: int,
    members: int,
    participants: int,
    pending: Decimal,
    award: Decimal,
    live_members: int,
    live_pending: Decimal,
    decimals: int,
) -> PreviewOccurrence:
    frozen = written_in(pending, decimals), written_in(award, decimals)
    return PreviewOccurrence(number, members, participants, *frozen, live_members, written_in(live_pending, decimals))


async def _done(connection: AsyncConnection[Any], running: list[UUID]) -> dict[UUID, int]:
    """How far the jobs of previews that are running have come."""
    found = await fetch_all(
        connection,
        lambda preview_id, done: (preview_id, done),
        """
        SELECT w.preview, j.done FROM unnest(%(previews)s::uuid[]) w (preview)
        JOIN laurel.jobs j ON j.key = 'preview:' || w.preview::text AND j.status IN ('queued', 'running')
        """,
        {"previews": running},
    )
    return dict(found)


def _preview(row: tuple[Any, ...], occurrences: tuple[PreviewOccurrence, ...], done: int | None) -> PreviewRow:
    preview_id, campaign, status, reason, position, requested_at, scheduled_for, finished_at = row
    everyone = sum(each.participants for each in occurrences)
    if done is None:
        done = everyone if status == Status.FINISHED else 0
    return PreviewRow(
        preview_id,
        campaign,
        Status(status),
        reason,
        position,
        requested_at,
        scheduled_for,
        finished_at,
        PreviewProgress(done, everyone),
        occurrences,
    )


async def _tables(connection: AsyncConnection[Any], campaign_id: UUID, numbers: set[int]) -> dict[int, TierTable]:
    """The tier table that each occurrence has."""
    revisions = await fetch_all(
        connection,
        lambda number, revision: (number, revision),
        """
        SELECT number, revision FROM p_tiered_campaigns.occurrences
        WHERE campaign = %(campaign)s AND number = ANY(%(numbers)s::int[])
        """,
        {"campaign": campaign_id, "numbers": sorted(numbers)},
    )
    terms = await terms_of(connection, {(campaign_id, revision) for _, revision in revisions})
    return {number: terms[campaign_id, revision].table for number, revision in revisions}
