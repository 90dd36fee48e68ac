"""The facts behind a decision, and the changes by hand: the events of a stream up to one of them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from msgspec import UNSET, UnsetType, structs

from application.log.events import Recorded
from domain.achievements.definition import Definition, PeriodKind
from domain.achievements.progress import Adjusted, Advanced, Completed, Reversed, RuleAdjustment
from domain.achievements.terms import UNITS
from domain.tiered.standing import Contributed
from domain.values.amounts import EXACT, written
from domain.values.interval import IntervalUnit, first_day
from projections.decisions.columns import DecisionColumns
from projections.decisions.decision import CauseKind, CauseView, DecisionRow, FactCause, PeriodDays
from projections.decisions.explanation import decision_row
from projections.decisions.rows import DecisionKind
from projections.engine.changes import Row

MOST_FACTS = 1000
"""The most facts that one decision is explained by: the newest ones."""


Periods = Mapping[int, PeriodKind]
"""Over which periods the rules of an achievement count, by their number."""


def periods_of(definition: Definition) -> Periods:
    return {number: rule.period.kind for number, rule in enumerate(definition.rules, 1)}


class DecisionTrail(NamedTuple):
    """A decision, and the way to the facts behind it: they are in the events of `stream` up to position `until`."""

    row: DecisionRow
    stream: UUID
    until: int


def trail_of(decided: UUID, row: Row) -> DecisionTrail:
    """That of a decision that is not stored, by its id and the row that the projection would keep of it."""
    return trail(
        row["stream"],
        DecisionColumns(decided, **{name: row[name] for name in DecisionColumns._fields[1:] if name in row}),
    )


def trail(stream: UUID, stored: DecisionColumns) -> DecisionTrail:
    row = decision_row(stored)
    if row.kind is DecisionKind.CAMPAIGN:
        return DecisionTrail(row, stored.fired.stream, stored.fired.position)
    return DecisionTrail(row, stream, stored.position)


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
