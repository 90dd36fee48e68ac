"""Warnings: what a definition can be saved with and can't work as meant.

A warning is a problem that refuses nothing. It is computed whenever a definition is answered, and never stored. Its
detail is a whole sentence, which pages show as it is.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import filterfalse, islice
from zoneinfo import ZoneInfo

from domain import achievement_definition, campaign_definition, tiered_definition
from domain.achievement_definition import CountKind, Subject
from domain.achievement_terms import UNITS, days_off
from domain.amounts import EXACT, ZERO, Rounding, rounded, written
from domain.campaign_definition import Recipient
from domain.expressions.values import plain_number
from domain.interval import Unit, moment_of, number_of
from domain.points import HitType, TierTable, tiers_paid
from domain.problems import Problem
from domain.terms import Confirmation, Entity, Late
from domain.tiered_definition import step_of
from domain.timeframe import Timeframe, span_of


def tiered_warnings(definition: tiered_definition.Definition) -> list[Problem]:
    """Of a tiered campaign, or of the draft of one."""
    return [*_tier_warnings(definition), *_late_warnings(definition)]


def _tier_warnings(definition: tiered_definition.Definition) -> Iterator[Problem]:
    if not definition.hit_type or not definition.tiers:
        return
    table = TierTable(
        definition.hit_type, definition.bracketed, definition.unlimited, definition.tiers, 0, definition.rounding
    )
    step = step_of(definition)
    paid = tiers_paid(table, step)
    for number in range(1, len(definition.tiers) + 1):
        if number not in paid:
            following = min(other for other in paid if other > number)
            why = f"no aggregate, which moves by {written(step)}, lies in it"
            if definition.hit_type is HitType.HIT_LIMIT:
                why = f"whoever completes it has hit tier {following} too, which pays instead"
            yield Problem(f"/tiers/{number - 1}", f"Tier {number} can never pay: {why}", "tier_never_pays")


def _late_warnings(definition: tiered_definition.Definition) -> Iterator[Problem]:
    """Events, and what comes already accepted, are confirmed at their own date; an acceptance is when it comes."""
    at_end = definition.confirmation is Confirmation.OCCURRENCE_END
    if at_end and definition.late is Late.CORRECT and definition.entity is not Entity.EVENT:
        detail = (
            "An acceptance after the end of an occurrence corrects nothing: only what was confirmed before it counts"
        )
        yield Problem("/late", f"{detail}; refunds, and what comes already accepted, correct", "acceptance_too_late")


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
        why = f"the timeframe holds {_several(held, unit)}, and {rule.consecutive} in a row are asked for"
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
        why = f"the frequency lets {_several(frequency.value, 'fact')} count, and the goal takes {written(wanted)}"
        detail = f"Rule {number} can never be complete: {why}"
        yield Problem(f"/rules/{number - 1}/frequency", detail, "frequency_below_goal")


_AS_LONG = {
    Unit.DAY: (Unit.DAY, Unit.WEEK, Unit.MONTH, Unit.YEAR),
    Unit.WEEK: (Unit.WEEK,),
    Unit.MONTH: (Unit.MONTH, Unit.YEAR),
    Unit.YEAR: (Unit.YEAR,),
}
"""The units of intervals that hold the whole of a period, wherever it lies."""


def campaign_warnings(
    definition: campaign_definition.Definition,
    achievement: achievement_definition.Definition | None,
    decimals_of: Callable[[str], int],
) -> list[Problem]:
    """Of a campaign, or of the draft of one; `decimals_of` an account are those its units are rounded to."""
    return [
        *_receiver_warnings(definition, achievement),
        *_unbound_warnings(definition),
        *_limit_warnings(definition, decimals_of),
    ]


def _receiver_warnings(
    definition: campaign_definition.Definition, achievement: achievement_definition.Definition | None
) -> Iterator[Problem]:
    if achievement is None or all(rule.subject is not Subject.REFERRER for rule in achievement.rules):
        return
    for number, rule in enumerate(definition.rules):
        for place, effect in enumerate(rule.effects):
            if effect.to is Recipient.REFERRER:
                what = f"Effect {place + 1} of rule {number + 1} goes to the referrer of the referrer"
                detail = f"{what}: the achievement is completed by who referred the member"
                yield Problem(f"/rules/{number}/effects/{place}/to", detail, "referrer_of_referrer")


def _unbound_warnings(definition: campaign_definition.Definition) -> Iterator[Problem]:
    """A limit bounds who receives, so one of the member bounds nothing where all goes to the referrer."""
    receivers = {effect.to for rule in definition.rules for effect in rule.effects}
    for recipient in Recipient:
        limits = {"executions": definition.limits.executions(recipient), "units": definition.limits.units(recipient)}
        for name, limit in limits.items():
            if limit and receivers and recipient not in receivers:
                detail = f"The limit of {recipient} {name} bounds nobody: nothing goes to the {recipient}"
                yield Problem(f"/limits/{recipient}_{name}", detail, "limit_bounds_nobody")


def _limit_warnings(definition: campaign_definition.Definition, decimals_of: Callable[[str], int]) -> Iterator[Problem]:
    limits = definition.limits
    bounds = (
        ("member_units", limits.member_units, (Recipient.MEMBER,)),
        ("referrer_units", limits.referrer_units, (Recipient.REFERRER,)),
        ("total_units", limits.total_units, (*Recipient,)),
    )
    for field, limit, receivers in bounds:
        given = _given(definition.rules, receivers, decimals_of)
        if limit and limit.value < given:
            what = f"The limit of {field.replace('_', ' ')} is less than one execution gives"
            detail = f"{what}: {_several(given, 'unit')}, of which some or all are never given"
            yield Problem(f"/limits/{field}/value", detail, "limit_below_execution")


def _given(
    rules: tuple[campaign_definition.Rule, ...], receivers: tuple[Recipient, ...], decimals_of: Callable[[str], int]
) -> Decimal:
    """The most units, of those that are always the same, that are sure to come together in one execution.

    Rules without conditions always give; of those that have some, one at least does wherever it matters.
    """
    always, sometimes = ZERO, ZERO
    for rule in rules:
        units = ZERO
        for effect in rule.effects:
            if effect.to in receivers and (fixed := plain_number((effect.units or "").strip())):
                decimals = decimals_of(effect.account or "")
                units = EXACT.add(units, rounded(fixed, decimals, Rounding.HALF_UP))
        if rule.conditions is None:
            always = EXACT.add(always, units)
        else:
            sometimes = max(sometimes, units)
    return EXACT.add(always, sometimes)


def _several(count: int | Decimal, noun: str) -> str:
    return f"{written(Decimal(count))} {noun}{'' if count == 1 else 's'}"
