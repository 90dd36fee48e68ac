"""Warnings of achievements: what one can be saved with and can't work as meant."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import filterfalse, islice
from zoneinfo import ZoneInfo

from domain.achievements import definition as achievement_definition
from domain.achievements.definition import CountKind
from domain.achievements.terms import UNITS, days_off
from domain.achievements.timeframe import Timeframe, span_of
from domain.values.amounts import EXACT, written
from domain.values.interval import IntervalUnit, moment_of, number_of
from domain.values.problems import Problem
from domain.values.texts import several


def achievement_warnings(definition: achievement_definition.Definition, zone: ZoneInfo) -> list[Problem]:
    """Of an achievement, whose timeframe is in a zone."""
    return [
        problem
        for number, rule in enumerate(definition.rules, 1)
        for problem in (
            *_streak_warnings(number, rule, definition.timeframe, zone),
            *_frequency_warnings(number, rule),
        )
    ]


def _streak_warnings(
    number: int, rule: achievement_definition.Rule, timeframe: Timeframe | None, zone: ZoneInfo
) -> Iterator[Problem]:
    """Only a timeframe between two dates holds few periods: days off break no streak."""
    unit, is_off = UNITS.get(rule.period.kind), days_off(timeframe, rule.period.kind, zone)
    span = span_of(timeframe, zone) if timeframe else None
    if unit is None or is_off is None or span is None:
        return
    first, last = (number_of(moment_of(instant, zone), unit) for instant in span)
    held = sum(1 for _ in islice(filterfalse(is_off, range(first, last + 1)), rule.consecutive))
    if held < rule.consecutive:
        why = f"the timeframe holds {several(held, unit)}, and {rule.consecutive} in a row are asked for"
        detail = f"Rule {number} can never be complete: {why}"
        yield Problem(f"/rules/{number - 1}/consecutive", detail, "streak_too_long")


def _frequency_warnings(number: int, rule: achievement_definition.Rule) -> Iterator[Problem]:
    """Where each fact adds one, a frequency that is as long as the period bounds what the period can reach."""
    frequency, unit = rule.frequency, UNITS.get(rule.period.kind)
    if frequency is None or rule.count.kind not in (CountKind.OCCURRENCES, CountKind.DISTINCT):
        return
    if frequency.interval is None:
        wanted = EXACT.multiply(rule.goal, Decimal(rule.consecutive))
    elif unit is not None and frequency.interval.unit in _AS_LONG[unit]:
        wanted = rule.goal
    else:
        return
    if frequency.value < wanted:
        why = f"the frequency lets {several(frequency.value, 'fact')} count, and the goal takes {written(wanted)}"
        detail = f"Rule {number} can never be complete: {why}"
        yield Problem(f"/rules/{number - 1}/frequency", detail, "frequency_below_goal")


_AS_LONG = {
    IntervalUnit.DAY: (IntervalUnit.DAY, IntervalUnit.WEEK, IntervalUnit.MONTH, IntervalUnit.YEAR),
    IntervalUnit.WEEK: (IntervalUnit.WEEK,),
    IntervalUnit.MONTH: (IntervalUnit.MONTH, IntervalUnit.YEAR),
    IntervalUnit.YEAR: (IntervalUnit.YEAR,),
}
"""The units of intervals that hold the whole of a period, wherever it lies."""
