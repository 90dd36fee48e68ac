"""An achievement's definition in words, for people who did not write it."""

import re
from collections.abc import Sequence
from datetime import date, datetime

from backoffice.frame.conditions import condition, listed, short_name
from backoffice.frame.figures import figure
from domain.achievements.definition import CountKind, Definition, Period, PeriodKind, Rule, Subject
from domain.achievements.timeframe import Timeframe, TimeframeKind
from domain.facts.fact import FactKind
from domain.values.amounts import ONE
from domain.values.interval import Interval, span
from domain.values.limit import Limit

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_UNITS = {PeriodKind.DAY: "day", PeriodKind.WEEK: "week", PeriodKind.MONTH: "month", PeriodKind.YEAR: "year"}
_OPEN = {
    PeriodKind.OVERALL: "",
    PeriodKind.DAY: "today",
    PeriodKind.WEEK: "this week",
    PeriodKind.MONTH: "this month",
    PeriodKind.YEAR: "this year",
}


def summary(definition: Definition) -> str:
    """What all rules ask."""
    return "; and ".join(goal(rule) for rule in definition.rules)


def goal(rule: Rule) -> str:
    """What one rule asks: `5 transactions where total is at least 10, in a calendar month`."""
    where = f" where {condition(rule.conditions)}" if rule.conditions else ""
    parts = [_counted(rule) + where]
    if rule.subject is Subject.REFERRER:
        parts.append(f"by {'different ' if rule.unique_referee else ''}members they referred")
    if over := period(rule.period, rule.consecutive):
        parts.append(over)
    if rule.frequency:
        parts.append(f"counting {at_most(rule.frequency)}")
    return ", ".join(parts)


def _counted(rule: Rule) -> str:
    count, wanted = rule.count, figure(rule.goal)
    facts = _facts(rule)
    match count.kind:
        case CountKind.OCCURRENCES:
            return f"{wanted} {_facts(rule, one=rule.goal == ONE)}"
        case CountKind.SUM:
            return f"{facts} with {short_name(count.expression or '')} adding up to {wanted}"
        case CountKind.DISTINCT:
            values = "one value" if rule.goal == ONE else f"{wanted} different values"
            return f"{facts} with {values} of {short_name(count.attribute or '')}"
    items = f" where {condition(count.items)}" if count.items else ""
    found = f"{wanted} items" if count.kind is CountKind.MATCHING_QUANTITY else f"items worth {wanted}"
    return f"{found}{items}, in {facts}" if items or rule.conditions else found


def _facts(rule: Rule, *, one: bool = False) -> str:
    noun = "transaction" if rule.trigger is FactKind.TRANSACTION else f"{rule.event_type} event"
    return noun if one else f"{noun}s"


def count(rule: Rule) -> str:
    """What a fact adds, in short."""
    match rule.count.kind:
        case CountKind.OCCURRENCES:
            return "1 for each"
        case CountKind.SUM:
            return rule.count.expression or ""
        case CountKind.DISTINCT:
            return f"1 for each new value of {short_name(rule.count.attribute or '')}"
        case CountKind.MATCHING_QUANTITY:
            added = "the quantity of items"
        case CountKind.MATCHING_VALUE:
            added = "the value of items"
    return f"{added} where {condition(rule.count.items)}" if rule.count.items else added


def facts(rule: Rule) -> str:
    """Which facts count: whose, and of what kind."""
    whose = "of the members they referred" if rule.subject is Subject.REFERRER else "of the member"
    once = ", each of them once" if rule.unique_referee else ""
    return f"{_facts(rule)} {whose}{once}"


def period(asked: Period, consecutive: int = 1) -> str:
    """Over which time the goal is to be reached; nothing where that is all of it."""
    if asked.kind is PeriodKind.OVERALL:
        return ""
    if asked.kind is PeriodKind.LAST_DAYS:
        return "within a day" if asked.n == 1 else f"within {asked.n} days"
    unit = _UNITS[asked.kind]
    if consecutive > 1:
        return f"{'on' if unit == 'day' else 'in'} each of {consecutive} {unit}s in a row"
    return "in a day" if unit == "day" else f"in a calendar {unit}"


def numbered(rules: Sequence[int]) -> str:
    """Which rules: `rule 2`, `rules 1 and 2`."""
    return f"rule{'s' if len(rules) > 1 else ''} {listed([str(rule) for rule in rules], 'and')}"


def open_period(kind: PeriodKind, days: int | None) -> str:
    """The period that is open now."""
    if kind is PeriodKind.LAST_DAYS:
        return "today" if days == 1 else f"in the last {days} days"
    return _OPEN[kind]


def in_a_row(kind: PeriodKind, consecutive: int) -> str:
    return f"{consecutive} {_UNITS.get(kind, 'period')}{'' if consecutive == 1 else 's'} in a row"


def per(interval: Interval | None) -> str:
    """`a month`, `in 3 days`; for life, `in all`."""
    if interval is None:
        return "in all"
    return f"in {span(interval)}" if interval.n > 1 else span(interval)


def at_most(limit: Limit) -> str:
    return f"at most {figure(limit.value)} {per(limit.interval)}"


def limit(definition: Definition) -> str:
    """How often a member may complete it."""
    asked = definition.limit
    if asked is None:
        return "as often as they do it"
    if asked.interval is None and asked.value == ONE:
        return "once"
    times = "once" if asked.value == ONE else f"{figure(asked.value)} times"
    return f"at most {times} {per(asked.interval)}"


def timeframe(asked: Timeframe | None) -> str:
    """When facts count, by their own time."""
    if asked is None or asked.kind is TimeframeKind.ALWAYS:
        return "always"
    if asked.kind in (TimeframeKind.BEFORE, TimeframeKind.AFTER):
        return f"{asked.kind} {_date(asked.at)}"
    if asked.kind in (TimeframeKind.BETWEEN, TimeframeKind.NOT_BETWEEN):
        but = "always but " if asked.kind is TimeframeKind.NOT_BETWEEN else ""
        return f"{but}from {_date(asked.start)} to {_date(asked.to)}"
    if asked.kind is TimeframeKind.TIME_OF_DAY:
        return f"from {asked.start} to {asked.to} each day"
    return _on_days(asked)


def _on_days(asked: Timeframe) -> str:
    match asked.kind:
        case TimeframeKind.DAYS_OF_WEEK:
            return f"on {_named([f'{_WEEKDAYS[day - 1]}s' for day in sorted(asked.days)])}"
        case TimeframeKind.DAYS_OF_MONTH:
            return f"on day {_named([str(day) for day in sorted(asked.days)])} of the month"
        case _:
            return f"in {_named([_MONTHS[month - 1] for month in sorted(asked.months)])}"


def _named(names: Sequence[str]) -> str:
    return listed(names, "and") or "no day at all"


def days(first: date, last: date) -> str:
    """From one day to another."""
    return f"{_day(first)} to {_day(last)}" if first != last else _day(first)


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _date(text: str | None) -> str:
    """A day, or an instant in its own offset, as the definition has it."""
    if text is None:
        return "—"
    if _DAY.fullmatch(text):
        day = date.fromisoformat(text)
        return _day(day)
    at = datetime.fromisoformat(text.upper())
    return f"{at.day} {at:%b %Y, %H:%M} {at.tzname()}"
