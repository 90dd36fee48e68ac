"""Tiered campaigns with what time makes of them: status, next evaluation, occurrences and their figures."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from psycopg import AsyncConnection

from application.log.mapper import Mapper
from application.streams import TIERED_CAMPAIGN, TIERED_OCCURRENCE
from domain.facts.fact import FactKind
from domain.tiered.campaign import Status, TieredCampaign, next_evaluation, status
from domain.tiered.definition import Definition, step_of
from domain.tiered.occurrence import OccurrenceStatus, Phase
from domain.tiered.points import TierTable
from domain.values.amounts import written_in
from projections.history.log import latest, states
from projections.listing.columns import Column, ColumnKind
from projections.listing.page import Units, fetch_all, fetch_one, fetch_page
from projections.listing.request import Listing, Selection


class TieredCampaignRow(Struct, frozen=True):
    """A tiered campaign by its newest revision, and where it stands at the instant that was asked for."""

    id: UUID
    definition: Definition
    version: int
    revision: int
    status: Status
    next_evaluation_at: datetime | None
    occurrences_remaining: int
    current_occurrence_ends_at: datetime | None
    ends_at: datetime | None


class StatisticsRow(Struct, frozen=True, gc=False):
    """One occurrence; `revision` names the terms it has.

    `members` are those who have points in it: pending ones while it is open, awarded ones once it is completed.
    `participants` are all with a contribution.
    """

    number: int
    starts_at: datetime
    ends_at: datetime
    evaluation_at: datetime
    status: OccurrenceStatus
    pending_points: Units
    awarded_points: Units
    members: int
    participants: int
    revision: int


_STATUS = """
CASE WHEN t.archived THEN 'archived'
    WHEN NOT t.complete THEN 'draft'
    WHEN unfinished.number IS NULL THEN 'completed'
    WHEN NOT t.active THEN 'inactive'
    WHEN %(now)s < opening.starts_at THEN 'scheduled'
    ELSE 'active' END
"""

_NEXT_EVALUATION = "CASE WHEN NOT t.archived THEN following.evaluation_at END"

_CAMPAIGNS = """
p_tiered_campaigns.tiered_campaigns t
LEFT JOIN p_tiered_campaigns.occurrences opening ON opening.campaign = t.id AND opening.number = 1
LEFT JOIN LATERAL (
    SELECT o.number, o.ends_at FROM p_tiered_campaigns.occurrences o
    WHERE o.campaign = t.id ORDER BY o.number DESC LIMIT 1
) closing ON true
LEFT JOIN LATERAL (
    SELECT o.number FROM p_tiered_campaigns.occurrences o
    WHERE o.campaign = t.id AND o.phase IS DISTINCT FROM 'evaluated' ORDER BY o.number LIMIT 1
) unfinished ON true
LEFT JOIN LATERAL (
    SELECT o.evaluation_at FROM p_tiered_campaigns.occurrences o
    WHERE o.campaign = t.id AND o.phase IS NULL ORDER BY o.number LIMIT 1
) following ON true
LEFT JOIN LATERAL (
    SELECT o.number, o.starts_at, o.ends_at FROM p_tiered_campaigns.occurrences o
    WHERE o.campaign = t.id AND o.ends_at > %(now)s ORDER BY o.number LIMIT 1
) running ON NOT t.archived
"""

_CAMPAIGN = f"""
t.id, t.definition::text, t.version, t.revision, {_STATUS}, {_NEXT_EVALUATION},
coalesce(closing.number - running.number + 1, 0), CASE WHEN running.starts_at <= %(now)s THEN running.ends_at END,
closing.ends_at
"""

CAMPAIGNS = Listing(
    name="tiered-campaigns",
    columns=(
        Column("id", ColumnKind.UUID, "t.id", sortable=True, filterable=False),
        Column("name", expression="t.name", sortable=True),
        Column("status", expression=_STATUS, sortable=True, values=tuple(Status)),
        Column("entity", expression="t.definition ->> 'entity'", nullable=True, values=tuple(FactKind)),
        Column("event_type", expression="t.definition ->> 'event_type'", nullable=True),
        Column(
            "starts_at", ColumnKind.INSTANT, "(t.definition ->> 'starts_at')::timestamptz", sortable=True, nullable=True
        ),
        Column("next_evaluation_at", ColumnKind.INSTANT, _NEXT_EVALUATION, sortable=True, nullable=True),
        Column("created_at", ColumnKind.INSTANT, "t.created_at"),
    ),
    key="id",
    sort="-id",
    search=("t.name",),
)
"""By default the newest first: an id is a UUIDv7 unless the client chose another."""

_CANCELLED = "t.archived AND o.phase IS NULL"

OCCURRENCE_STATUS = f"""
CASE WHEN {_CANCELLED} THEN 'cancelled'
    WHEN o.phase = 'evaluated' THEN 'completed'
    WHEN o.phase = 'evaluating' THEN 'evaluating'
    WHEN %(now)s < o.starts_at THEN 'scheduled'
    WHEN %(now)s < o.ends_at THEN 'active'
    ELSE 'grace_period' END
"""

PENDING_POINTS = f"CASE WHEN {_CANCELLED} THEN 0 ELSE s.pending_points END"
MEMBERS = f"CASE WHEN {_CANCELLED} THEN 0 ELSE s.members END"
"""Archiving a campaign `t` voids what is pending in its occurrence `o`: of a standing `s`, or of the sums of all."""

STATISTICS = Listing(
    name="statistics",
    columns=(
        Column("number", ColumnKind.INTEGER, "o.number", sortable=True),
        Column("status", expression=OCCURRENCE_STATUS, values=tuple(OccurrenceStatus)),
        Column("starts_at", ColumnKind.INSTANT, "o.starts_at"),
        Column("evaluation_at", ColumnKind.INSTANT, "o.evaluation_at"),
    ),
    key="number",
    sort="number",
)

_OCCURRENCES = """
p_tiered_campaigns.occurrences o
JOIN p_tiered_campaigns.tiered_campaigns t ON t.id = o.campaign
JOIN p_tiered_campaigns.revisions r ON r.campaign = o.campaign AND r.number = o.revision
LEFT JOIN p_standings.statistics s ON s.campaign = o.campaign AND s.occurrence = o.number
"""

_STATISTICS_ROW = f"""
o.number, o.starts_at, o.ends_at, o.evaluation_at, {OCCURRENCE_STATUS},
coalesce({PENDING_POINTS}, 0), coalesce(s.awarded_points, 0), r.decimals, coalesce({MEMBERS}, 0),
coalesce(s.participants, 0), o.revision
"""


async def campaigns_page(
    connection: AsyncConnection[Any], selection: Selection, now: datetime
) -> tuple[list[TieredCampaignRow], str | None]:
    return await fetch_page(connection, selection, _campaign, _CAMPAIGN, _CAMPAIGNS, parameters={"now": now})


async def campaign(
    connection: AsyncConnection[Any], mapper: Mapper, campaign_id: UUID, now: datetime
) -> TieredCampaignRow | None:
    """A campaign as the last command left it."""
    found = await latest(connection, mapper, TIERED_CAMPAIGN.of(campaign_id))
    if found is None:
        return None
    numbers = range(1, len(found.state.windows) + 1)
    evaluations = await states(connection, mapper, [TIERED_OCCURRENCE.at(campaign_id, number).id for number in numbers])
    phases = {occurrence.number: occurrence.phase for occurrence in evaluations.values()}
    return campaign_row(found.state, phases, now)


def campaign_row(shown: TieredCampaign, phases: Mapping[int, Phase], now: datetime) -> TieredCampaignRow:
    """What a page of campaigns would show of one; `phases` are those of the evaluations that have begun."""
    windows = shown.windows
    evaluated = 0 < len(windows) == sum(phase is Phase.EVALUATED for phase in phases.values())
    to_come = [] if shown.archived else [window for window in windows if now < window.ends_at]
    return TieredCampaignRow(
        id=shown.id,
        definition=shown.definition,
        version=shown.version,
        revision=shown.revision.number,
        status=status(shown, now, evaluated=evaluated),
        next_evaluation_at=next_evaluation(shown, phases),
        occurrences_remaining=len(to_come),
        current_occurrence_ends_at=to_come[0].ends_at if to_come and to_come[0].starts_at <= now else None,
        ends_at=windows[-1].ends_at if windows else None,
    )


async def statistics_page(
    connection: AsyncConnection[Any], campaign_id: UUID, selection: Selection, now: datetime
) -> tuple[list[StatisticsRow], str | None]:
    return await fetch_page(
        connection,
        selection,
        _statistics_row,
        _STATISTICS_ROW,
        _OCCURRENCES,
        where=("o.campaign = %(campaign)s",),
        parameters={"campaign": campaign_id, "now": now},
    )


async def occurrence(
    connection: AsyncConnection[Any], campaign_id: UUID, number: int, now: datetime
) -> StatisticsRow | None:
    return await fetch_one(
        connection,
        _statistics_row,
        _STATISTICS_ROW,
        _OCCURRENCES,
        where="o.campaign = %(campaign)s AND o.number = %(number)s",
        parameters={"campaign": campaign_id, "number": number, "now": now},
    )


class ExplainingTerms(Struct, frozen=True):
    """What the standings of an occurrence are explained by; `step` is what the aggregate moves by at least."""

    name: str
    account: str
    table: TierTable
    step: Decimal


async def terms_of(
    connection: AsyncConnection[Any], revisions: set[tuple[UUID, int]]
) -> dict[tuple[UUID, int], ExplainingTerms]:
    """The terms of revisions, each by its campaign and number."""
    wanted = list(revisions)
    found = await fetch_all(
        connection,
        _terms,
        """
        SELECT r.campaign, r.number, r.definition::text, r.decimals
        FROM unnest(%(campaigns)s::uuid[], %(numbers)s::int[]) w (campaign, number)
        JOIN p_tiered_campaigns.revisions r ON r.campaign = w.campaign AND r.number = w.number
        """,
        {"campaigns": [campaign for campaign, _ in wanted], "numbers": [number for _, number in wanted]},
    )
    return dict(found)


def _terms(campaign_id: UUID, number: int, definition: str, decimals: int) -> tuple[tuple[UUID, int], ExplainingTerms]:
    known = msgspec.json.decode(definition, type=Definition)
    assert known.hit_type  # noqa: S101  an occurrence is of a revision that lacks nothing
    table = TierTable(known.hit_type, known.bracketed, known.unlimited, known.tiers, decimals, known.rounding)
    return (campaign_id, number), ExplainingTerms(known.name, known.account, table, step_of(known))


def _campaign(campaign_id: UUID, definition: str, *others: Any) -> TieredCampaignRow:  # noqa: ANN401  a row of the query
    version, revision, status, *rest = others
    known = msgspec.json.decode(definition, type=Definition)
    return TieredCampaignRow(campaign_id, known, version, revision, Status(status), *rest)


def _statistics_row(
    number: int,
    starts_at: datetime,
    ends_at: datetime,
    evaluation_at: datetime,
    status: str,
    pending: Decimal,
    awarded: Decimal,
    decimals: int,
    *counted: int,
) -> StatisticsRow:
    points = written_in(pending, decimals), written_in(awarded, decimals)
    return StatisticsRow(number, starts_at, ends_at, evaluation_at, OccurrenceStatus(status), *points, *counted)
