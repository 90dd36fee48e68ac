"""Decisions as they are asked for: a page, those that a change led to, one with the facts behind it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct, structs
from psycopg import AsyncConnection

from application.log.mapper import Mapper
from application.streams import ACHIEVEMENT
from domain.achievements.achievement import Defined
from domain.campaigns.participation import AwardReason
from domain.facts.fact import Fact
from projections.decisions.causes import MOST_FACTS, Periods, periods_of, trail, with_facts
from projections.decisions.columns import DecisionColumns, columns
from projections.decisions.decision import CauseView, DecisionRow, TriggerView
from projections.decisions.explanation import decision_row
from projections.decisions.rows import DecisionKind, Outcome, ReasonCode
from projections.history.actors import names_of
from projections.history.log import events_between
from projections.listing.columns import Column, ColumnKind
from projections.listing.page import fetch_one, fetch_page
from projections.listing.request import Listing, Selection

MOST_EDITS = 1000
"""The most events of an achievement that are looked through for what a revision asks: the last ones."""


MOST_CAUSED = 1000
"""The most decisions that some changes are said to have led to: the first ones."""


REASONS = tuple(dict.fromkeys(str(code) for code in (*ReasonCode, *AwardReason)))

DECISIONS = Listing(
    name="decisions",
    columns=(
        Column("recorded_at", ColumnKind.INTEGER, "d.position", sortable=True, filterable=False),
        Column("recorded_at", ColumnKind.INSTANT, "d.recorded_at"),
        Column("occurred_at", ColumnKind.INSTANT, "d.occurred_at"),
        Column("member", expression="d.member"),
        Column(
            "receiver",
            expression="p.member",
            among="EXISTS (SELECT FROM p_decisions.parties p WHERE p.position = d.position AND p.received AND {})",
        ),
        Column("campaign", ColumnKind.UUID, "d.campaign"),
        Column("occurrence", ColumnKind.INTEGER, "d.occurrence", nullable=True),
        Column("kind", expression="d.kind", values=tuple(DecisionKind)),
        Column("outcome", expression="d.outcome", values=tuple(Outcome)),
        Column("reason", ColumnKind.TEXTS, "d.reason_codes", values=REASONS),
        Column("account", ColumnKind.TEXTS, "d.accounts"),
        Column("fact", expression="d.fact_id", nullable=True),
    ),
    key="recorded_at",
    sort="-recorded_at",
)


_OF_MEMBER = "EXISTS (SELECT FROM p_decisions.parties p WHERE p.position = d.position AND p.member = %(of)s)"

_OF_CHANGES = """
unnest(%(kinds)s::text[], %(ids)s::text[], %(positions)s::bigint[]) w (kind, id, position)
JOIN laurel.events l ON l.bucket = 0 AND l.position = w.position
CROSS JOIN LATERAL (
    SELECT coalesce(max(other.position), 0) AS position FROM (
        SELECT b.position FROM laurel.events b
        WHERE b.bucket = 0 AND b.position < l.position AND b.envelope <> l.envelope
        ORDER BY b.position DESC
        LIMIT 1
    ) other
) before
JOIN p_decisions.decisions d ON d.fact_id = w.id AND d.fact_kind = w.kind
AND coalesce((d.trigger->>5)::bigint, d.position) > before.position
AND coalesce((d.trigger->>5)::bigint, d.position) <= w.position
"""
"""The events of one command stand together and share their envelope. The sixth part of a trigger is its position; a
correction is recorded with the fact itself.
"""


class FactChange(NamedTuple):
    """What one command did to a fact, by the position of its last event."""

    fact: Fact
    position: int


class DecisionQuery(Struct, frozen=True):
    """Which decisions: `as_of` is the position up to which the history was recorded."""

    selection: Selection
    as_of: int | None = None


async def decisions_page(
    connection: AsyncConnection[Any], asked: DecisionQuery, member: str | None = None
) -> tuple[list[DecisionRow], str | None]:
    """Decisions without the facts behind them: all, or those about one member and those that may give them something as
    a referrer.
    """
    where: list[str] = []
    if member is not None:
        where.append(_OF_MEMBER)
    if asked.as_of is not None:
        where.append("d.position <= %(as_of)s")
    return await fetch_page(
        connection,
        asked.selection,
        _decision,
        columns(as_of=asked.as_of is not None),
        "p_decisions.decisions d",
        where=tuple(where),
        parameters={"of": member, "as_of": asked.as_of},
    )


async def decisions_caused(connection: AsyncConnection[Any], changes: Sequence[FactChange]) -> list[DecisionRow]:
    """What changes led to by themselves, in order of decision and without the facts behind it: the decisions that one
    of them triggered, and the corrections it made. At most 1,000.
    """
    selection = Selection(DECISIONS, MOST_CAUSED, DECISIONS.column("recorded_at"), descending=False)
    asked = dict.fromkeys(changes)
    named = {
        "kinds": [str(change.fact.kind) for change in asked],
        "ids": [change.fact.id for change in asked],
        "positions": [change.position for change in asked],
    }
    found, _ = await fetch_page(connection, selection, _decision, columns(), _OF_CHANGES, parameters=named)
    return found


async def decision(connection: AsyncConnection[Any], mapper: Mapper, decision_id: UUID) -> DecisionRow | None:
    """One decision with the facts behind it."""
    found = await fetch_one(
        connection,
        lambda stream, *row: trail(stream, DecisionColumns(*row)),
        f"d.stream, {columns()}",
        "p_decisions.decisions d",
        where="d.id = %(id)s",
        parameters={"id": decision_id},
    )
    if found is None:
        return None
    events = await events_between(connection, mapper, [found.stream], 0, found.until, MOST_FACTS + 1)
    periods = await _periods(connection, mapper, found.row.trigger)
    (row,) = await with_names(connection, [with_facts(found.row, events, periods)])
    return row


async def _periods(connection: AsyncConnection[Any], mapper: Mapper, trigger: TriggerView) -> Periods:
    """Those of the rules of an achievement's revision, which no other edit changes."""
    if not isinstance(trigger.achievement, UUID) or not isinstance(trigger.position, str):
        return {}
    achievement = ACHIEVEMENT.of(trigger.achievement).id
    edits = await events_between(connection, mapper, [achievement], 0, int(trigger.position), MOST_EDITS)
    for recorded in reversed(edits):
        if isinstance(recorded.event, Defined) and recorded.event.revision == trigger.achievement_revision:
            return periods_of(recorded.event.definition)
    return {}


async def with_names(connection: AsyncConnection[Any], rows: Sequence[DecisionRow]) -> list[DecisionRow]:
    """With the names of those who changed by hand what is behind them."""
    names = await names_of(connection, [cause.by for row in rows for cause in row.caused_by if cause.by])
    return [structs.replace(row, caused_by=tuple(_named(cause, names) for cause in row.caused_by)) for row in rows]


def _decision(*row: Any) -> DecisionRow:  # noqa: ANN401  a row of the query
    return decision_row(DecisionColumns(*row))


def _named(cause: CauseView, names: Mapping[str, str]) -> CauseView:
    return structs.replace(cause, by=names.get(cause.by, cause.by)) if cause.by else cause
