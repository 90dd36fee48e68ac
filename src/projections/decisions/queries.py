"""Decisions: what was granted or refused and why, each explained down to the facts."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct, UnsetType, structs
from psycopg import AsyncConnection

from application.log.events import Recorded
from application.log.mapper import Mapper
from application.streams import ACHIEVEMENT
from domain.achievements.achievement import Defined
from domain.achievements.definition import Definition, PeriodKind
from domain.achievements.progress import Adjusted, Advanced, Completed, Reversed, RuleAdjustment
from domain.achievements.terms import UNITS
from domain.campaigns import participation
from domain.campaigns.definition import EffectKind, Recipient
from domain.campaigns.participation import EffectOutcome, RuleOutcome
from domain.facts.fact import Fact, FactKind
from domain.tiered.points import TierShare
from domain.tiered.standing import Contributed
from domain.values.amounts import EXACT, written, written_units
from domain.values.interval import IntervalUnit, first_day
from projections.decisions.rows import DecisionKind, DecisionReason, Outcome, ReasonCode
from projections.engine.changes import Row
from projections.history.actors import name_of, names_of
from projections.history.log import events_between
from projections.listing.listing import Column, ColumnKind, Listing, Selection
from projections.listing.page import Figure, Units, fetch_one, fetch_page
from projections.tiered.previews import TierLine, tier_lines

MOST_FACTS = 1000
"""The most facts that one decision is explained by: the newest ones."""

MOST_EDITS = 1000
"""The most events of an achievement that are looked through for what a revision asks: the last ones."""

MOST_CORRECTIONS = 100
"""The most corrections that an award names: the newest ones."""

MOST_CAUSED = 1000
"""The most decisions that some changes are said to have led to: the first ones."""


Periods = Mapping[int, PeriodKind]
"""Over which periods the rules of an achievement count, by their number."""


class CauseKind(StrEnum):
    """A fact by its own kind, or what happened to an occurrence, to a member's progress, or to a decision."""

    EVALUATION = "evaluation"
    TRANSACTION = "transaction"
    EVENT = "event"
    ACHIEVEMENT_COMPLETED = "achievement_completed"
    ACHIEVEMENT_PROGRESSED = "achievement_progressed"
    MANUAL_CHANGE = "manual_change"
    CANCELLATION = "cancellation"


class RuleMove(Struct, frozen=True, gc=False):
    """A rule (from 1) of an achievement that a fact moved, to `value` of `goal` in the fact's own period."""

    rule: int
    value: Figure
    goal: Figure


class TriggerView(Struct, frozen=True, gc=False, kw_only=True):
    """What the decision answers to; what does not belong to its kind is absent.

    The evaluation of an occurrence of a `tiered_campaign`, or a fact that came after it; the completion (`number`) of
    an `achievement` or the progress of its rule (`number`), with the fact that did it (`id` is null where it was done
    by hand) and all the `rules` that it moved; the cancellation of a decision (`id`), who it was `by` and their
    `reason`.
    """

    kind: CauseKind
    id: str | None
    tiered_campaign: UUID | UnsetType = UNSET
    occurrence: int | UnsetType | None = UNSET
    fact_kind: FactKind | UnsetType | None = UNSET
    achievement: UUID | UnsetType = UNSET
    achievement_revision: int | UnsetType = UNSET
    number: int | UnsetType = UNSET
    rules: tuple[RuleMove, ...] | UnsetType = UNSET
    position: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    by: str | UnsetType = UNSET


class UnitsBreakdown(Struct, frozen=True, gc=False, kw_only=True):
    """How an effect comes to its units.

    Of a tiered campaign: `aggregate` by tiers (`lines`), their sum `unrounded`, and that rounded to `points`. Of a
    campaign: the `expression`, its value `unrounded`, and what was given of it: `units`, which were `clamped` when less
    was left.
    """

    aggregate: Figure | UnsetType = UNSET
    lines: tuple[TierLine, ...] | UnsetType = UNSET
    expression: str | UnsetType = UNSET
    unrounded: Figure | None
    points: Units | UnsetType = UNSET
    units: Units | UnsetType = UNSET
    clamped: bool | UnsetType = UNSET


class DecisionEffect(Struct, frozen=True, gc=False, kw_only=True):
    """What was given, or taken back by a cancellation (negative units), and how it was computed.

    The breakdown of a correction is that of the award as corrected. A campaign's effect names the `member` it went to,
    the `coupon` (with its `code`), `reward` or `badge`, and the `reason` when it gave nothing.
    """

    kind: EffectKind
    to: Recipient
    member: str | UnsetType | None = UNSET
    account: str | None
    units: Units
    breakdown: UnitsBreakdown | UnsetType = UNSET
    coupon: str | UnsetType = UNSET
    reward: str | UnsetType = UNSET
    badge: str | UnsetType = UNSET
    code: str | UnsetType | None = UNSET
    value: Figure | UnsetType | None = UNSET
    valid_until: datetime | UnsetType | None = UNSET
    reason: str | UnsetType | None = UNSET
    detail: str | UnsetType | None = UNSET


class SeenValue(Struct, frozen=True, gc=False):
    """A name that a condition reads and the value it had; null where there was none."""

    name: str
    value: str | None


class ConditionView(Struct, frozen=True, gc=False):
    """A condition as an expression, whether it was met, and what it saw."""

    expression: str
    met: bool
    saw: tuple[SeenValue, ...]


class DecisionRule(Struct, frozen=True, gc=False, kw_only=True):
    """A rule with its conditions as they were seen, and what it gave."""

    rule: int
    name: str | UnsetType = UNSET
    conditions: tuple[ConditionView, ...]
    effects: tuple[DecisionEffect, ...]


class CountersView(Struct, frozen=True, gc=False, kw_only=True):
    """What the member's occurrence has paid; or what a campaign's limits count, each in its own interval. The
    referrer's are absent where nothing could go to one.
    """

    awarded_points: Units | UnsetType = UNSET
    member_executions: Figure | UnsetType = UNSET
    member_units: Figure | UnsetType = UNSET
    referrer_executions: Figure | UnsetType = UNSET
    referrer_units: Figure | UnsetType = UNSET
    total_units: Figure | UnsetType = UNSET


class CountersChange(Struct, frozen=True, gc=False):
    """What was counted before the decision and after it."""

    before: CountersView
    after: CountersView


class PeriodDays(Struct, frozen=True, gc=False, rename={"start": "from"}):
    """The days of a period, first and last."""

    start: date
    to: date


class FactCause(Struct, frozen=True, gc=False, kw_only=True):
    """A fact behind a decision.

    Of a tiered campaign: its contribution to the `occurrence` became `amount`, the member's aggregate `total`, and it
    was `confirmed` or pending then; absent where an old log does not tell. Of an achievement: it added `amount` to a
    `rule` (negative where it was taken back), which then had `total` of `goal` in the fact's own `period`, one of those
    that made the rule complete; that is absent where a rule counts overall.
    """

    kind: FactKind
    id: str
    occurrence: int | UnsetType = UNSET
    rule: int | UnsetType = UNSET
    period: PeriodDays | UnsetType = UNSET
    amount: Figure
    total: Figure
    confirmed: bool | UnsetType = UNSET
    goal: Figure | UnsetType = UNSET
    occurred_at: datetime | UnsetType = UNSET
    recorded_at: datetime
    position: str


class CauseView(Struct, frozen=True, gc=False, kw_only=True):
    """A link of the chain that led to a decision: the evaluation, late fact, completion or progress, with the facts
    behind it; a change of progress by hand, or a cancellation, with its `reason` and who it was `by`.

    In lists `facts` is left out (null); `more_facts` says that there are more than the newest 1,000 shown.
    """

    kind: CauseKind
    id: str | None
    occurrence: int | UnsetType | None = UNSET
    achievement: UUID | UnsetType = UNSET
    number: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    by: str | UnsetType = UNSET
    position: str | UnsetType = UNSET
    facts: tuple[FactCause, ...] | None
    more_facts: bool


class DecisionRow(Struct, frozen=True, gc=False, kw_only=True):
    """One decision; `position` is its own place in the log. `campaign` is a tiered one for awards and corrections.

    A cancellation takes back what the decision that it `cancels` gave; that one says what it was `cancelled_by`. A
    correction names the award that it `corrects` (null where the member had none), and an award what it was
    `corrected_by`, at most the newest 100. Corrections and cancellations count as granted. A cancellation has no
    counters (null). `memberships` are what put the member in a campaign's audience: `segment:CODE` or `tier:NAME`.
    """

    id: UUID
    kind: DecisionKind
    outcome: Outcome
    reasons: tuple[DecisionReason, ...]
    member: str
    campaign: UUID
    revision: int
    occurred_at: datetime
    recorded_at: datetime
    position: str
    trigger: TriggerView
    rules: tuple[DecisionRule, ...]
    counters: CountersChange | None
    caused_by: tuple[CauseView, ...]
    memberships: tuple[str, ...] | UnsetType = UNSET
    cancels: UUID | UnsetType = UNSET
    cancelled_by: UUID | UnsetType | None = UNSET
    corrects: UUID | UnsetType | None = UNSET
    corrected_by: tuple[UUID, ...] | UnsetType = UNSET


class _Breakdown(Struct, frozen=True, gc=False):
    """As the projection keeps it."""

    unrounded: Decimal
    lines: tuple[TierShare, ...]


REASONS = tuple(dict.fromkeys(str(code) for code in (*ReasonCode, *participation.AwardReason)))

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
"""Sorted by position, which is unique: two decisions may have been recorded in one instant."""

_COLUMNS = f"""
d.id, d.kind, d.outcome, d.reasons::text, d.member, d.campaign, d.occurrence, d.revision, d.accounts, d.points,
d.awarded_points, d.aggregate, d.breakdown::text, d.trigger::text, d.rules::text, d.counters::text, d.memberships,
d.fact_kind, d.fact_id, d.cancels, d.cancellation_reason, {name_of("d.actor")},
d.occurred_at, d.recorded_at, d.position,
"""


def _columns(*, as_of: bool = False) -> str:
    """With what was linked to a decision later: all of it, or what was by `as_of`."""
    until = "AND c.position <= %(as_of)s" if as_of else ""
    return f"""
    {_COLUMNS}
    (SELECT c.id FROM p_decisions.decisions c WHERE c.id = d.cancelled_by {until}),
    CASE d.kind WHEN 'correction' THEN ARRAY (
        SELECT c.id FROM {_OF_STANDING} AND c.kind = 'tiered_award'
    ) WHEN 'tiered_award' THEN ARRAY (
        SELECT c.id FROM {_OF_STANDING} AND c.kind = 'correction' {until}
        ORDER BY c.position DESC LIMIT {MOST_CORRECTIONS}
    ) END
    """  # noqa: S608  put together from constants


_OF_STANDING = "p_decisions.decisions c WHERE c.stream = d.stream AND c.occurrence IS NOT NULL"
"""The awards and corrections of the same member in the same occurrence."""


class _DecisionColumns(NamedTuple):
    """A row of those columns."""

    id: UUID
    kind: str
    outcome: str
    reasons: str
    member: str
    campaign: UUID
    occurrence: int | None
    revision: int
    accounts: list[str]
    points: Decimal
    awarded_points: Decimal
    aggregate: Decimal
    breakdown: str
    trigger: str
    rules: str
    counters: str
    memberships: list[str]
    fact_kind: FactKind | None
    fact_id: str | None
    cancels: UUID
    cancellation_reason: str
    actor: str
    occurred_at: datetime
    recorded_at: datetime
    position: int
    cancelled_by: UUID | None = None
    linked: Sequence[UUID] = ()

    @property
    def fired(self) -> participation.Trigger:
        return msgspec.json.decode(self.trigger, type=participation.Trigger)


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
        _columns(as_of=asked.as_of is not None),
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
    found, _ = await fetch_page(connection, selection, _decision, _columns(), _OF_CHANGES, parameters=named)
    return found


async def decision(connection: AsyncConnection[Any], mapper: Mapper, decision_id: UUID) -> DecisionRow | None:
    """One decision with the facts behind it."""
    found = await fetch_one(
        connection,
        lambda stream, *row: (stream, row),
        f"d.stream, {_columns()}",
        "p_decisions.decisions d",
        where="d.id = %(id)s",
        parameters={"id": decision_id},
    )
    if found is None:
        return None
    stream, columns = found
    told = _told(stream, _DecisionColumns(*columns))
    events = await events_between(connection, mapper, [told.stream], 0, told.until, MOST_FACTS + 1)
    periods = await _periods(connection, mapper, told.row.trigger)
    (row,) = await with_names(connection, [with_facts(told.row, events, periods)])
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


def periods_of(definition: Definition) -> Periods:
    return {number: rule.period.kind for number, rule in enumerate(definition.rules, 1)}


async def with_names(connection: AsyncConnection[Any], rows: Sequence[DecisionRow]) -> list[DecisionRow]:
    """With the names of those who changed by hand what is behind them."""
    names = await names_of(connection, [cause.by for row in rows for cause in row.caused_by if cause.by])
    return [structs.replace(row, caused_by=tuple(_named(cause, names) for cause in row.caused_by)) for row in rows]


def _named(cause: CauseView, names: Mapping[str, str]) -> CauseView:
    return structs.replace(cause, by=names.get(cause.by, cause.by)) if cause.by else cause


class DecisionAccount(NamedTuple):
    """A decision without the facts behind it, which are in the events of `stream` up to position `until`."""

    row: DecisionRow
    stream: UUID
    until: int


def told_of(decided: UUID, row: Row) -> DecisionAccount:
    """A decision that is not stored, by its id and the row that the projection would keep of it."""
    return _told(
        row["stream"],
        _DecisionColumns(decided, **{name: row[name] for name in _DecisionColumns._fields[1:] if name in row}),
    )


def _told(stream: UUID, stored: _DecisionColumns) -> DecisionAccount:
    row = _row(stored)
    if row.kind is DecisionKind.CAMPAIGN:
        return DecisionAccount(row, stored.fired.stream, stored.fired.position)
    return DecisionAccount(row, stream, stored.position)


def with_facts(row: DecisionRow, events: Sequence[Recorded], periods: Periods, most: int = MOST_FACTS) -> DecisionRow:
    """With the newest facts behind it, of the last events that tell of them: `most` and one more, where there are."""
    causes: tuple[CauseView, ...]
    match row.kind:
        case DecisionKind.CANCELLATION:
            return row
        case DecisionKind.CAMPAIGN:
            causes = _behind(row.caused_by[0], events, periods, most)
        case _:
            causes = (_contributed(row.caused_by[0], events, most),)
    return structs.replace(row, caused_by=causes)


def _contributed(cause: CauseView, events: Sequence[Recorded], most: int) -> CauseView:
    """The facts that made up a standing, up to its award or correction."""
    facts = tuple(_contribution(recorded) for recorded in events if isinstance(recorded.event, Contributed))
    return structs.replace(cause, facts=facts[-most:], more_facts=len(events) > most)


def _behind(cause: CauseView, events: Sequence[Recorded], periods: Periods, most: int) -> tuple[CauseView, ...]:
    """What counted towards what was completed or progressed, and what was changed of it by hand."""
    if not events:
        return (structs.replace(cause, facts=()),)
    last = events[-1].event
    run = [each for each in events if isinstance(each.event, _COUNTING) and each.event.run == last.run]
    spans = _spans(last, run)
    counted = [each for each in run if each is events[-1] or any(_in(spans, one) for one in _changes(each.event))]
    facts = tuple(_counted_fact(each, periods) for each in counted if not isinstance(each.event, Adjusted))
    changes = [_changed(each) for each in counted if isinstance(each.event, Adjusted)]
    return (structs.replace(cause, facts=facts[-most:], more_facts=len(run) > most), *changes)


_COUNTING = (Advanced, Reversed, Adjusted)

_Spans = Mapping[int, tuple[int, int] | None]
"""The first and the last bucket that count, by rule; None where all do."""


def _spans(last: Completed | Advanced | Adjusted, run: Iterable[Recorded]) -> _Spans:
    """What counted towards a completion or an advance, the last of its `run`."""
    match last:
        case Adjusted():
            return {}  # a count that was raised by hand is no completion of what the facts did
        case Completed():
            if last.spans:
                return {span.rule: (span.first, span.last) for span in last.spans}
            counted = (change for each in run for change in _changes(each.event))
            return {change.rule: None for change in counted}
    moved = {move.rule for move in last.context.moves} if last.context else {last.rule}
    advances = [each.event for each in run if isinstance(each.event, Advanced) and each.event.rule in moved]
    # Where a rule counts more than its bucket holds, it counts the last days, which the event does not number.
    return {
        advanced.rule: (advanced.bucket, advanced.bucket) if advanced.reached == advanced.bucket_amount else None
        for advanced in advances
    }


def _changes(event: Advanced | Reversed | Adjusted) -> Sequence[Advanced | Reversed | RuleAdjustment]:
    return event.rules if isinstance(event, Adjusted) else (event,)


def _in(spans: _Spans, counted: Advanced | Reversed | RuleAdjustment) -> bool:
    if counted.rule not in spans:
        return False
    span = spans[counted.rule]
    return span is None or span[0] <= counted.bucket <= span[1]


def _contribution(recorded: Recorded) -> FactCause:
    event: Contributed = recorded.event
    return FactCause(
        kind=event.fact.kind,
        id=event.fact.id,
        occurrence=event.occurrence,
        amount=written(event.amount),
        total=written(event.total),
        confirmed=_is_confirmed(event),
        recorded_at=recorded.envelope.recorded_at,
        position=str(recorded.position),
    )


def _is_confirmed(event: Contributed) -> bool | UnsetType:
    if event.is_confirmed is not None:
        return event.is_confirmed
    return True if event.total == event.confirmed else UNSET


def _counted_fact(recorded: Recorded, periods: Periods) -> FactCause:
    event: Advanced | Reversed = recorded.event
    fact = FactCause(
        kind=event.fact.kind,
        id=event.fact.id,
        rule=event.rule,
        period=_period(periods.get(event.rule, PeriodKind.OVERALL), event.bucket),
        amount=written(event.amount),
        total=written(event.bucket_amount),
        recorded_at=recorded.envelope.recorded_at,
        position=str(recorded.position),
    )
    if isinstance(event, Reversed):
        return structs.replace(fact, amount=written(EXACT.minus(event.amount)))
    reached, goal = written(event.reached), written(event.goal)
    return structs.replace(fact, total=reached, goal=goal, occurred_at=event.occurred_at)


def _period(kind: PeriodKind, bucket: int) -> PeriodDays | UnsetType:
    if kind is PeriodKind.OVERALL:
        return UNSET
    unit = UNITS.get(kind, IntervalUnit.DAY)  # of the last days, each is kept
    first, over = first_day(bucket, unit), first_day(bucket + 1, unit)
    return PeriodDays(date.fromordinal(first), date.fromordinal(over - 1))


def _changed(recorded: Recorded) -> CauseView:
    event: Adjusted = recorded.event
    return CauseView(
        kind=CauseKind.MANUAL_CHANGE,
        id=None,
        achievement=event.achievement,
        reason=event.reason,
        by=recorded.envelope.actor,
        position=str(recorded.position),
        facts=(),
        more_facts=False,
    )


def _decision(*columns: Any) -> DecisionRow:  # noqa: ANN401  a row of the query
    return _row(_DecisionColumns(*columns))


def _row(stored: _DecisionColumns) -> DecisionRow:
    kind = DecisionKind(stored.kind)
    explained = _EXPLAINED[kind](stored)
    return DecisionRow(
        id=stored.id,
        kind=kind,
        outcome=Outcome(stored.outcome),
        reasons=msgspec.json.decode(stored.reasons, type=tuple[DecisionReason, ...]),
        member=stored.member,
        campaign=stored.campaign,
        revision=stored.revision,
        occurred_at=stored.occurred_at,
        recorded_at=stored.recorded_at,
        position=str(stored.position),
        trigger=explained.trigger,
        rules=explained.rules,
        counters=explained.counters,
        caused_by=(explained.cause,),
        memberships=tuple(stored.memberships) if kind is DecisionKind.CAMPAIGN else UNSET,
        cancels=stored.cancels if kind is DecisionKind.CANCELLATION else UNSET,
        cancelled_by=stored.cancelled_by if kind is DecisionKind.CAMPAIGN else UNSET,
        corrects=next(iter(stored.linked), None) if kind is DecisionKind.CORRECTION else UNSET,
        corrected_by=tuple(stored.linked) if kind is DecisionKind.TIERED_AWARD else UNSET,
    )


class _Explanation(NamedTuple):
    """What is told of each kind of decision in its own way."""

    trigger: TriggerView
    rules: tuple[DecisionRule, ...]
    counters: CountersChange | None
    cause: CauseView


def _tiered(stored: _DecisionColumns) -> _Explanation:
    kind, occurrence = CauseKind(stored.fact_kind or CauseKind.EVALUATION), stored.occurrence
    known = msgspec.json.decode(stored.breakdown, type=_Breakdown)
    effect = DecisionEffect(
        kind=EffectKind.GIVE_UNITS,
        to=Recipient.MEMBER,
        account=stored.accounts[0],
        units=written_units(stored.points),
        breakdown=UnitsBreakdown(
            aggregate=written(stored.aggregate),
            lines=tier_lines(known.lines),
            unrounded=written(known.unrounded),
            points=written_units(stored.awarded_points),
        ),
    )
    before = EXACT.subtract(stored.awarded_points, stored.points)
    return _Explanation(
        TriggerView(kind=kind, id=stored.fact_id, tiered_campaign=stored.campaign, occurrence=occurrence),
        (DecisionRule(rule=1, conditions=(), effects=(effect,)),),
        CountersChange(
            CountersView(awarded_points=written_units(before)),
            CountersView(awarded_points=written_units(stored.awarded_points)),
        ),
        CauseView(kind=kind, id=stored.fact_id, occurrence=occurrence, facts=None, more_facts=False),
    )


def _triggered(stored: _DecisionColumns) -> _Explanation:
    fired = stored.fired
    kind = CauseKind(fired.kind)
    trigger = TriggerView(
        kind=kind,
        id=stored.fact_id,
        fact_kind=stored.fact_kind,
        achievement=fired.achievement,
        achievement_revision=fired.achievement_revision,
        number=fired.number,
        rules=tuple(RuleMove(move.rule, written(move.value), written(move.goal)) for move in fired.moves),
        position=str(fired.position),
    )
    cause = CauseView(
        kind=kind,
        id=stored.fact_id,
        achievement=fired.achievement,
        number=fired.number,
        position=str(fired.position),
        facts=None,
        more_facts=False,
    )
    counters = msgspec.json.decode(stored.counters, type=tuple[participation.Counters, participation.Counters])
    before, after = map(_counted, counters)
    return _Explanation(trigger, _rules(stored), CountersChange(before, after), cause)


def _cancelled(stored: _DecisionColumns) -> _Explanation:
    cancelled, reason, by = str(stored.cancels), stored.cancellation_reason, stored.actor
    return _Explanation(
        TriggerView(kind=CauseKind.CANCELLATION, id=cancelled, reason=reason, by=by),
        _rules(stored, taken=True),
        None,
        CauseView(kind=CauseKind.CANCELLATION, id=cancelled, reason=reason, by=by, facts=None, more_facts=False),
    )


_EXPLAINED = {
    DecisionKind.TIERED_AWARD: _tiered,
    DecisionKind.CORRECTION: _tiered,
    DecisionKind.CAMPAIGN: _triggered,
    DecisionKind.CANCELLATION: _cancelled,
}


def _counted(counters: participation.Counters) -> CountersView:
    return CountersView(
        member_executions=written(counters.member_executions),
        member_units=written(counters.member_units),
        referrer_executions=_figure(counters.referrer_executions),
        referrer_units=_figure(counters.referrer_units),
        total_units=written(counters.total_units),
    )


def _figure(amount: Decimal | None) -> Figure | UnsetType:
    return UNSET if amount is None else written(amount)


def _rules(stored: _DecisionColumns, *, taken: bool = False) -> tuple[DecisionRule, ...]:
    """With `taken`, what is given back."""
    known = msgspec.json.decode(stored.rules, type=tuple[RuleOutcome, ...])
    return tuple(
        DecisionRule(
            rule=number,
            name=rule.name or UNSET,
            conditions=_conditions(rule),
            effects=tuple(_effect(effect, taken=taken) for effect in rule.effects),
        )
        for number, rule in enumerate(known, 1)
    )


def _conditions(rule: RuleOutcome) -> tuple[ConditionView, ...]:
    if rule.condition is None:
        return ()
    saw = tuple(SeenValue(each.name, each.value) for each in rule.saw)
    return (ConditionView(rule.condition, rule.met, saw),)


def _effect(effect: EffectOutcome, *, taken: bool) -> DecisionEffect:
    of_coupon, of_units = effect.kind is EffectKind.ISSUE_COUPON, effect.kind is EffectKind.GIVE_UNITS
    return DecisionEffect(
        kind=effect.kind,
        to=effect.to,
        member=effect.member,
        account=effect.account,
        units=written_units(EXACT.minus(effect.units) if taken else effect.units),
        breakdown=_breakdown(effect) if of_units else UNSET,
        coupon=(effect.given or "") if of_coupon else UNSET,
        reward=(effect.given or "") if effect.kind is EffectKind.GIVE_REWARD else UNSET,
        badge=(effect.given or "") if effect.kind is EffectKind.GIVE_BADGE else UNSET,
        code=effect.code if of_coupon else UNSET,
        value=(None if effect.value is None else written(effect.value)) if of_coupon else UNSET,
        valid_until=effect.valid_until if of_coupon else UNSET,
        reason=effect.reason,
        detail=effect.detail,
    )


def _breakdown(effect: EffectOutcome) -> UnitsBreakdown:
    unrounded = effect.unrounded
    return UnitsBreakdown(
        expression=effect.expression or "",
        unrounded=None if unrounded is None else written(unrounded),
        units=written_units(effect.units),
        clamped=bool(effect.units) and unrounded is not None and effect.units != _rounded_like(unrounded, effect.units),
    )


def _rounded_like(amount: Decimal, like: Decimal) -> Decimal:
    exponent = like.as_tuple().exponent
    assert isinstance(exponent, int)  # noqa: S101  units are finite
    return amount.quantize(Decimal(1).scaleb(min(exponent, 0)), ROUND_HALF_UP, EXACT)
