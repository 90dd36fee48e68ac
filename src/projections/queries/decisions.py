"""Decisions: what was granted or refused and why, each explained down to the facts."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct
from psycopg import AsyncConnection

from application.log.events import Recorded
from application.log.mapper import Mapper
from domain.amounts import EXACT
from domain.points import Line
from domain.standing import Contributed, FactKind
from projections.decisions import Outcome, ReasonCode
from projections.listing import Column, Kind, Listing, Selection
from projections.queries.asking import Figure, fetch_one, fetch_page
from projections.queries.log import events_between
from projections.queries.previews import Breakdown, TierLine

MOST_FACTS = 1000
"""The most facts that one decision is explained by: the newest ones."""

DECISION_KINDS = ("campaign", "tiered_award", "correction", "cancellation")


class DecisionReason(Struct, frozen=True, gc=False):
    """Why nothing was granted."""

    code: str
    detail: str


class Trigger(Struct, frozen=True, gc=False):
    """What the decision answers to: the evaluation of an occurrence, or a fact that came after it."""

    kind: Literal["evaluation", "transaction", "event"]
    id: str | None
    tiered_campaign: UUID
    occurrence: int | None


class DecisionEffect(Struct, frozen=True, gc=False):
    """What was given, and how it was computed; the breakdown of a correction is that of the award as corrected."""

    kind: Literal["give_units"]
    to: Literal["member"]
    account: str | None
    units: Figure
    breakdown: Breakdown


class DecisionRule(Struct, frozen=True, gc=False):
    """A rule with its conditions as they were seen, and what it gave."""

    rule: int
    conditions: tuple[str, ...]
    effects: tuple[DecisionEffect, ...]


class Awarded(Struct, frozen=True, gc=False):
    """What the member's occurrence has paid."""

    awarded_points: Figure


class Counters(Struct, frozen=True, gc=False):
    """What was counted before the decision and after it."""

    before: Awarded
    after: Awarded


class FactCause(Struct, frozen=True, gc=False):
    """A fact behind a decision: its contribution became `amount`, the member's aggregate `total`."""

    kind: FactKind
    id: str
    amount: Figure
    total: Figure
    recorded_at: datetime
    position: str


class Cause(Struct, frozen=True, gc=False):
    """A link of the chain that led to a decision: the evaluation, or the late fact, and the facts behind it.

    In lists `facts` is left out (null); `more_facts` says that there are more than the newest 1,000 shown.
    """

    kind: Literal["evaluation", "transaction", "event"]
    id: str | None
    occurrence: int | None
    facts: tuple[FactCause, ...] | None
    more_facts: bool


class DecisionRow(Struct, frozen=True, gc=False):
    """One decision; `position` is its own place in the log."""

    id: UUID
    kind: str
    outcome: Outcome
    reasons: tuple[DecisionReason, ...]
    member: str
    campaign: UUID
    revision: int
    occurred_at: datetime
    recorded_at: datetime
    position: str
    trigger: Trigger
    rules: tuple[DecisionRule, ...]
    counters: Counters
    caused_by: tuple[Cause, ...]


class _Breakdown(Struct, frozen=True, gc=False):
    """As the projection keeps it."""

    unrounded: Decimal
    lines: tuple[Line, ...]


DECISIONS = Listing(
    name="decisions",
    columns=(
        Column("recorded_at", Kind.INTEGER, "d.position", sortable=True, filterable=False),
        Column("recorded_at", Kind.INSTANT, "d.recorded_at"),
        Column("occurred_at", Kind.INSTANT, "d.occurred_at"),
        Column("member", expression="d.member"),
        Column("campaign", Kind.UUID, "d.campaign"),
        Column("occurrence", Kind.INTEGER, "d.occurrence", nullable=True),
        Column("kind", expression="d.kind", values=DECISION_KINDS),
        Column("outcome", expression="d.outcome", values=tuple(Outcome)),
        Column("account", expression="d.account", nullable=True),
    ),
    key="recorded_at",
    sort="-recorded_at",
)
"""Sorted by position, which is unique: two decisions may have been recorded in one instant."""

REASONS = tuple(ReasonCode)

_COLUMNS = """
d.id, d.kind, d.outcome, d.reasons::text, d.member, d.campaign, d.occurrence, d.revision, d.account, d.points,
d.awarded_points, d.aggregate, d.breakdown::text, d.fact_kind, d.fact_id, d.occurred_at, d.recorded_at, d.position
"""


class DecisionsAsked(Struct, frozen=True):
    """Which decisions: `as_of` is the position or instant up to which the history was recorded."""

    selection: Selection
    reason: str | None = None
    as_of: int | datetime | None = None


async def decisions_page(
    connection: AsyncConnection[Any], asked: DecisionsAsked, member: str | None = None
) -> tuple[list[DecisionRow], str | None]:
    """Decisions, all or of one member, without the facts behind them."""
    where = []
    if member is not None:
        where.append("d.member = %(of)s")
    if asked.reason is not None:
        where.append("d.reasons @> jsonb_build_array(jsonb_build_object('code', %(reason)s::text))")
    if asked.as_of is not None:
        place = "d.recorded_at" if isinstance(asked.as_of, datetime) else "d.position"
        where.append(f"{place} <= %(as_of)s")
    return await fetch_page(
        connection,
        asked.selection,
        _decision,
        _COLUMNS,
        "p_decisions.decisions d",
        where=tuple(where),
        parameters={"of": member, "reason": asked.reason, "as_of": asked.as_of},
    )


async def decision(connection: AsyncConnection[Any], mapper: Mapper, decision_id: UUID) -> DecisionRow | None:
    """One decision with the facts behind it."""
    named = {"id": decision_id}
    found = await fetch_one(
        connection,
        lambda stream, *row: (stream, _decision(*row)),
        f"d.stream, {_COLUMNS}",
        "p_decisions.decisions d",
        where="d.id = %(id)s",
        parameters=named,
    )
    if found is None:
        return None
    stream, row = found
    events = await events_between(connection, mapper, [stream], 0, int(row.position), MOST_FACTS + 1)
    facts = tuple(_fact(recorded) for recorded in events if isinstance(recorded.event, Contributed))
    first, *others = row.caused_by
    first = msgspec.structs.replace(first, facts=facts[-MOST_FACTS:], more_facts=len(events) > MOST_FACTS)
    return msgspec.structs.replace(row, caused_by=(first, *others))


def _fact(recorded: Recorded) -> FactCause:
    event: Contributed = recorded.event
    return FactCause(
        event.fact.kind,
        event.fact.id,
        f"{event.amount:f}",
        f"{event.total:f}",
        recorded.envelope.recorded_at,
        str(recorded.position),
    )


def _decision(*row: Any) -> DecisionRow:  # noqa: ANN401  a row of the query
    decision_id, kind, outcome, reasons, member, campaign, occurrence, revision, account, *rest = row
    granted, awarded, aggregate, explained, fact_kind, fact_id, occurred_at, recorded_at, position = rest
    trigger = Trigger(fact_kind or "evaluation", fact_id, campaign, occurrence)
    effect = DecisionEffect("give_units", "member", account, f"{granted:f}", _shown(aggregate, explained, awarded))
    return DecisionRow(
        decision_id,
        kind,
        Outcome(outcome),
        msgspec.json.decode(reasons, type=tuple[DecisionReason, ...]),
        member,
        campaign,
        revision,
        occurred_at,
        recorded_at,
        str(position),
        trigger,
        (DecisionRule(1, (), (effect,)),),
        Counters(Awarded(f"{EXACT.subtract(awarded, granted):f}"), Awarded(f"{awarded:f}")),
        (Cause(trigger.kind, fact_id, occurrence, None, more_facts=False),),
    )


def _shown(aggregate: Decimal, explained: str, awarded: Decimal) -> Breakdown:
    known = msgspec.json.decode(explained, type=_Breakdown)
    lines = tuple(TierLine(line.tier, f"{line.basis:f}", f"{line.rate:f}", f"{line.points:f}") for line in known.lines)
    return Breakdown(f"{aggregate:f}", lines, f"{known.unrounded:f}", f"{awarded:f}")
