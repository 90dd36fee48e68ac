"""The terms of an achievement, ready for deciding facts: when it takes them, and how far each rule has come."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct

from domain.achievements.definition import CountKind, PeriodKind, Rule, Subject
from domain.achievements.timeframe import Timeframe, days_test
from domain.expressions import CompiledExpression
from domain.facts.fact import FactKind
from domain.values.interval import IntervalUnit, first_day
from domain.values.limit import Limit

UNITS = {
    PeriodKind.DAY: IntervalUnit.DAY,
    PeriodKind.WEEK: IntervalUnit.WEEK,
    PeriodKind.MONTH: IntervalUnit.MONTH,
    PeriodKind.YEAR: IntervalUnit.YEAR,
}
"""The calendar units of periods that follow one another."""

UNITS_REMEMBERED = 1024
"""Of so many periods of a rule it is remembered whether they are off."""


_OWN = "transaction.attributes."


class RuleTerms(Struct, frozen=True, gc=False):
    """A rule (`number` from 1) with its expressions compiled.

    `measured` is what a sum adds and what is to be distinct; `items` is asked of each `ItemLine`, None takes all.
    `adds_up` are the transaction's attributes that a sum is made of, where no lines are in it: those have what they
    lost.
    `reads_products` says whether it asks for what the catalogue knows of a line's product. `is_off` says of a period,
    by its number, whether it lies wholly outside the timeframe; None where none can.
    """

    number: int
    trigger: FactKind
    event_type: str | None
    subject: Subject
    unique_referee: bool
    conditions: CompiledExpression | None
    count: CountKind
    measured: CompiledExpression | None
    items: CompiledExpression | None
    reads_products: bool
    goal: Decimal
    period: PeriodKind
    days: int
    consecutive: int
    frequency: Limit | None
    is_off: Callable[[int], bool] | None = None
    adds_up: tuple[str, ...] = ()


def days_off(timeframe: Timeframe | None, period: PeriodKind, zone: ZoneInfo) -> Callable[[int], bool] | None:
    """The `is_off` of a rule that counts over a period, in an achievement with a timeframe."""
    unit = UNITS.get(period)
    if timeframe is None or unit is None:
        return None
    admits = days_test(timeframe, zone)
    return lru_cache(UNITS_REMEMBERED)(lambda number: not admits(first_day(number, unit), first_day(number + 1, unit)))


def rule_terms(
    number: int,
    rule: Rule,
    conditions: CompiledExpression | None = None,
    measured: CompiledExpression | None = None,
    items: CompiledExpression | None = None,
    *,
    reads_products: bool = False,
    is_off: Callable[[int], bool] | None = None,
) -> RuleTerms:
    """A rule with what was compiled of it; without that, what it counts over and up to."""
    return RuleTerms(
        number,
        rule.trigger,
        rule.event_type,
        rule.subject,
        rule.unique_referee,
        conditions,
        rule.count.kind,
        measured,
        items,
        reads_products,
        rule.goal,
        rule.period.kind,
        rule.period.n or 1,
        rule.consecutive,
        rule.frequency,
        is_off,
        _added_up(measured) if rule.count.kind is CountKind.SUM and measured else (),
    )


def _added_up(measured: CompiledExpression) -> tuple[str, ...]:
    if "transaction.items" in measured.attributes:
        return ()
    return tuple(name.removeprefix(_OWN) for name in measured.attributes if name.startswith(_OWN))


class AchievementTerms(Struct, frozen=True, gc=False):
    """One achievement's current terms, in the program's time zone; `takes` says which instants its timeframe holds."""

    achievement: UUID
    revision: int
    active: bool
    takes: Callable[[datetime], bool] | None
    limit: Limit | None
    badge: str | None
    rules: tuple[RuleTerms, ...]
    zone: ZoneInfo
