"""Buckets: what a rule of an achievement counts in each period, and when that completes the rule."""

from decimal import Decimal

from msgspec import Struct

from domain.achievement_definition import CountKind, PeriodKind
from domain.achievement_terms import RuleTerms
from domain.amounts import EXACT, ZERO
from domain.interval import Moment, Unit, number_of

BUCKETS_KEPT = 800
MOST_VALUES = 1000
"""Distinct values that one bucket remembers; no goal is higher."""


_UNITS = {
    PeriodKind.DAY: Unit.DAY,
    PeriodKind.WEEK: Unit.WEEK,
    PeriodKind.MONTH: Unit.MONTH,
    PeriodKind.YEAR: Unit.YEAR,
    PeriodKind.LAST_DAYS: Unit.DAY,
}


class Bucket(Struct, frozen=True, gc=False, array_like=True):
    """What a rule counted in one period (`key`: the number of the day, week, month or year; 0 overall)."""

    key: int
    amount: Decimal
    values: tuple[str, ...] = ()


def with_bucket(
    buckets: tuple[Bucket, ...], key: int, amount: Decimal, *, joins: str | None = None, leaves: str | None = None
) -> tuple[Bucket, ...]:
    held = next((bucket for bucket in reversed(buckets) if bucket.key == key), None)
    values = tuple(value for value in held.values if value != leaves) if held else ()
    bucket = Bucket(key, amount, (*values, joins) if joins is not None else values)
    if not buckets or key > buckets[-1].key:
        return (*buckets, bucket)[-BUCKETS_KEPT:]
    others = [other for other in buckets if other.key != key]
    return tuple(sorted((*others, bucket), key=lambda other: other.key))[-BUCKETS_KEPT:]


def bucket_at(rule: RuleTerms, moment: Moment) -> int:
    """The key of the bucket that a moment lies in."""
    unit = _UNITS.get(rule.period)
    return number_of(moment, unit) if unit else 0


def reached(rule: RuleTerms, buckets: tuple[Bucket, ...], key: int) -> Decimal:
    """What a rule counts in the period of a bucket; of the last days, the most that any window with it holds."""
    if rule.period is not PeriodKind.LAST_DAYS:
        return next((bucket.amount for bucket in reversed(buckets) if bucket.key == key), ZERO)
    ends = [bucket.key for bucket in buckets if key < bucket.key < key + rule.days]
    return max(window(rule, buckets, end) for end in (key, *ends))


def window(rule: RuleTerms, buckets: tuple[Bucket, ...], end: int) -> Decimal:
    """What the days up to `end` hold together; a value that several of them have is one."""
    inside = [bucket for bucket in buckets if end - rule.days < bucket.key <= end]
    if rule.count is CountKind.DISTINCT:
        return Decimal(len({value for bucket in inside for value in bucket.values}))
    total = ZERO
    for bucket in inside:
        total = EXACT.add(total, bucket.amount)
    return total


def is_complete(rule: RuleTerms, buckets: tuple[Bucket, ...]) -> bool:
    """Whether some run of as many periods in a row as the rule asks for has reached the goal in each.

    It does not depend on the order in which the facts came, nor on the present time.
    """
    if rule.period is PeriodKind.LAST_DAYS:
        return any(window(rule, buckets, bucket.key) >= rule.goal for bucket in buckets)
    run, last = 0, None
    for bucket in buckets:
        if bucket.amount < rule.goal:
            continue
        run = run + 1 if last is not None and bucket.key == last + 1 else 1
        last = bucket.key
        if run >= rule.consecutive:
            return True
    return False
