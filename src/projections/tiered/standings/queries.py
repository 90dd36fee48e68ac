"""Where members stand in occurrences, and the runs that pay them."""

from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct
from psycopg import AsyncConnection

from domain.tiered.occurrence import OccurrenceStatus
from domain.tiered.points import TierTable, next_tier, tier_reached
from domain.values.amounts import written, written_in
from projections.listing.columns import Column, ColumnKind
from projections.listing.page import Figure, Units, fetch_one, fetch_page
from projections.listing.request import Listing, Selection
from projections.tiered.campaigns.queries import (
    OCCURRENCE_STATUS,
    PENDING_POINTS,
    ExplainingTerms,
    StatisticsRow,
    terms_of,
)


class NextTier(Struct, frozen=True, gc=False):
    """The tier after the one reached; `missing` is the least more of the aggregate that pays it."""

    tier: int
    missing: Figure


class StandingRow(Struct, frozen=True, gc=False):
    """One member in one occurrence.

    `total` counts pending and accepted facts, `confirmed` the accepted ones. `points` are what it comes to now:
    `awarded_points`, or while those are null `pending_points`. Tiers go by `total`, and once awarded by `confirmed`.
    """

    member: str
    total: Figure
    confirmed: Figure
    tier: int | None
    next_tier: NextTier | None
    points: Units
    pending_points: Units
    awarded_points: Units | None
    late: bool


class MemberStandingRow(Struct, frozen=True, gc=False):
    """One occurrence of one tiered campaign that a member has a standing in; figures as in an occurrence's members."""

    tiered_campaign: UUID
    name: str
    account: str
    occurrence: int
    starts_at: datetime
    ends_at: datetime
    evaluation_at: datetime
    status: OccurrenceStatus
    total: Figure
    confirmed: Figure
    tier: int | None
    next_tier: NextTier | None
    points: Units
    pending_points: Units
    awarded_points: Units | None
    late: bool


class EvaluationInputs(Struct, frozen=True, gc=False):
    """What a run pays by: its fence's position, the revision, who had a standing then, the sum of their aggregates."""

    position: str
    revision: int
    members: int
    total: Figure


class EvaluationProgress(Struct, frozen=True, gc=False):
    """How many members have been awarded, of how many."""

    done: int
    total: int


class Evaluation(Struct, frozen=True, gc=False):
    """The run that turns an occurrence's pending points into awarded ones; `points` is their sum once it has finished.

    `status` is `not_started`, `running` or `finished`; `due_at` is the evaluation date.
    """

    status: str
    due_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    progress: EvaluationProgress
    inputs: EvaluationInputs | None
    points: Units | None


_POINTS = f"coalesce(s.awarded, {PENDING_POINTS})"

OCCURRENCE_MEMBERS = Listing(
    name="occurrence-members",
    columns=(
        Column("member", expression="s.member", sortable=True),
        Column("points", ColumnKind.NUMBER, _POINTS, sortable=True),
        Column("total", ColumnKind.NUMBER, "s.total", sortable=True),
        Column("awarded_points", ColumnKind.NUMBER, "s.awarded", nullable=True),
        Column("late", ColumnKind.BOOLEAN, "s.late"),
    ),
    key="member",
    sort="member",
)

_FIGURES = f"s.total, s.confirmed, {_POINTS}, {PENDING_POINTS}, s.awarded, s.late"

MEMBER_STANDINGS = Listing(
    name="member-standings",
    columns=(
        Column("standing", ColumnKind.UUID, "s.stream", filterable=False),
        Column("starts_at", ColumnKind.INSTANT, "o.starts_at", sortable=True),
        Column("points", ColumnKind.NUMBER, _POINTS, sortable=True),
        Column("tiered_campaign", ColumnKind.UUID, "s.campaign"),
        Column("status", expression=OCCURRENCE_STATUS, values=tuple(OccurrenceStatus)),
    ),
    key="standing",
    sort="-starts_at",
)

_STANDINGS = """
p_standings.standings s
JOIN p_tiered_campaigns.tiered_campaigns t ON t.id = s.campaign
JOIN p_tiered_campaigns.occurrences o ON o.campaign = s.campaign AND o.number = s.occurrence
"""


async def occurrence_members_page(
    connection: AsyncConnection[Any], campaign_id: UUID, occurrence: StatisticsRow, selection: Selection
) -> tuple[list[StandingRow], str | None]:
    terms = await _terms(connection, campaign_id, occurrence)

    def build(member: str, *figures: Any) -> StandingRow:  # noqa: ANN401  a row of the query
        return StandingRow(member, *_figures(terms, *figures))

    return await fetch_page(
        connection,
        selection,
        build,
        f"s.member, {_FIGURES}",
        _STANDINGS,
        where=("s.campaign = %(campaign)s", "s.occurrence = %(occurrence)s"),
        parameters={"campaign": campaign_id, "occurrence": occurrence.number},
    )


async def member_standings_page(
    connection: AsyncConnection[Any], member_id: str, selection: Selection, now: datetime
) -> tuple[list[MemberStandingRow], str | None]:
    rows, following = await fetch_page(
        connection,
        selection,
        lambda *row: row,
        f"s.campaign, o.revision, o.number, o.starts_at, o.ends_at, o.evaluation_at, {OCCURRENCE_STATUS}, {_FIGURES}",
        _STANDINGS,
        where=("s.member = %(member)s",),
        parameters={"member": member_id, "now": now},
    )
    terms = await terms_of(connection, {(row[0], row[1]) for row in rows})
    found = []
    for campaign, revision, number, starts_at, ends_at, evaluation_at, status, *figures in rows:
        known = terms[campaign, revision]
        found.append(
            MemberStandingRow(
                campaign,
                known.name,
                known.account,
                number,
                starts_at,
                ends_at,
                evaluation_at,
                OccurrenceStatus(status),
                *_figures(known, *figures),
            )
        )
    return found, following


class _Figures(NamedTuple):
    """What is shown of a standing, wherever it is."""

    total: Figure
    confirmed: Figure
    tier: int | None
    next_tier: NextTier | None
    points: Units
    pending_points: Units
    awarded_points: Units | None
    late: bool


def _figures(
    terms: ExplainingTerms,
    total: Decimal,
    confirmed: Decimal,
    points: Decimal,
    pending: Decimal,
    awarded: Decimal | None,
    late: bool,  # noqa: FBT001
) -> _Figures:
    decimals = terms.table.decimals
    return _Figures(
        written(total),
        written(confirmed),
        *tiers_reached(terms.table, terms.step, total if awarded is None else confirmed),
        written_in(points, decimals),
        written_in(pending, decimals),
        None if awarded is None else written_in(awarded, decimals),
        late,
    )


async def evaluation(connection: AsyncConnection[Any], campaign_id: UUID, occurrence: StatisticsRow) -> Evaluation:
    """The run of an occurrence, whether it has begun or not."""
    named = {"campaign": campaign_id, "occurrence": occurrence.number}
    terms = await _terms(connection, campaign_id, occurrence)
    started = await fetch_one(
        connection,
        lambda *row: row,
        "status, started_at, finished_at, started_position, revision, members, points",
        "p_standings.evaluations",
        where="campaign = %(campaign)s AND occurrence = %(occurrence)s",
        parameters=named,
    )
    due_at = occurrence.evaluation_at
    if started is None:
        waiting = EvaluationProgress(0, occurrence.participants)
        return Evaluation("not_started", due_at, None, None, waiting, None, None)
    status, started_at, finished_at, fence, revision, members, points = started
    done, everyone, total = await _awarded(connection, {**named, "fence": fence})
    inputs = EvaluationInputs(str(fence), revision, everyone if members is None else members, total)
    progress = EvaluationProgress(done, inputs.members)
    paid = None if points is None else written_in(points, terms.table.decimals)
    return Evaluation(status, due_at, started_at, finished_at, progress, inputs, paid)


async def _terms(connection: AsyncConnection[Any], campaign_id: UUID, occurrence: StatisticsRow) -> ExplainingTerms:
    revision = (campaign_id, occurrence.revision)
    return (await terms_of(connection, {revision}))[revision]


async def _awarded(connection: AsyncConnection[Any], named: dict[str, Any]) -> tuple[int, int, str]:
    """How many have been awarded, how many had a standing at the fence, and the sum of their aggregates.

    The awards say what was paid by: late facts move a standing's own figures.
    """
    found = await fetch_one(
        connection,
        lambda *row: row,
        "paid.members, paid.members + waiting.members, trim_scale(paid.total + waiting.total)::text",
        """
        (
            SELECT count(*) AS members, coalesce(sum(aggregate), 0) AS total FROM p_decisions.decisions
            WHERE campaign = %(campaign)s AND occurrence = %(occurrence)s AND kind = 'tiered_award'
                AND position > %(fence)s
        ) paid,
        (
            SELECT count(*) AS members, coalesce(sum(confirmed), 0) AS total FROM p_standings.standings
            WHERE campaign = %(campaign)s AND occurrence = %(occurrence)s AND awarded IS NULL
        ) waiting
        """,
        where="true",
        parameters=named,
    )
    return found or (0, 0, "0")


def tiers_reached(table: TierTable, step: Decimal, aggregate: Decimal) -> tuple[int | None, NextTier | None]:
    """The tier an aggregate has got to, and the one after it."""
    following = next_tier(table, aggregate, step)
    return tier_reached(table, aggregate), NextTier(following[0], written(following[1])) if following else None
