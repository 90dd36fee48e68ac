"""Buckets: what a rule of an achievement counts in each period, and when that completes the rule."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from operator import attrgetter

from msgspec import Struct

from domain.achievements.definition import CountKind, PeriodKind
from domain.achievements.terms import UNITS, RuleTerms
from domain.values.amounts import EXACT, ZERO
from domain.values.interval import IntervalUnit, Moment, number_of

BUCKETS_KEPT = 800
MOST_VALUES = 1000
"""Distinct values that one bucket remembers; no goal is higher."""

_KEY = attrgetter("key")


_UNITS = {**UNITS, PeriodKind.LAST_DAYS: IntervalUnit.DAY}


class Bucket(Struct, frozen=True, gc=False, array_like=True):
    """What a rule counted in one period (`key`: the number of the day, week, month or year; 0 overall)."""

    key: int
    amount: Decimal
    values: tuple[str, ...] = ()


def with_bucket(
    buckets: tuple[Bucket, ...], key: int, amount: Decimal, *, joins: str | None = None, leaves: str | None = None
) -> tuple[Bucket, ...]:
    """With a bucket's amount as it is now, and a distinct value more or less; the latest `BUCKETS_KEPT` are kept.

    A bucket of nothing, also one that was set to it by hand, has no values: they may count again.
    """
    at = place(buckets, key)
    held = at < len(buckets) and buckets[at].key == key
    values = buckets[at].values if held else ()
    if joins is not None:
        values = (*values, joins)
    elif leaves is not None:
        values = tuple(value for value in values if value != leaves)
    return (*buckets[:at], Bucket(key, amount, values if amount else ()), *buckets[at + held :])[-BUCKETS_KEPT:]


def bucket_of(buckets: tuple[Bucket, ...], key: int) -> Bucket | None:
    at = place(buckets, key)
    return buckets[at] if at < len(buckets) and buckets[at].key == key else None


def is_forgotten(buckets: tuple[Bucket, ...], key: int) -> bool:
    """Whether a period is before all those that are kept, so that what it held is not known."""
    return len(buckets) >= BUCKETS_KEPT and key < buckets[0].key


def place(buckets: tuple[Bucket, ...], key: int) -> int:
    """Where the bucket of a key is, or would be."""
    if not buckets or buckets[-1].key < key:
        return len(buckets)
    return bisect_left(buckets, key, key=_KEY)


def bucket_at(rule: RuleTerms, moment: Moment) -> int:
    """The key of the bucket that a moment lies in."""
    unit = _UNITS.get(rule.period)
    return number_of(moment, unit) if unit else 0


def reached(rule: RuleTerms, buckets: tuple[Bucket, ...], key: int) -> Decimal:
    """What a rule counts in the period of a bucket; of the last days, the most that any window with it holds."""
    if rule.period is not PeriodKind.LAST_DAYS:
        bucket = bucket_of(buckets, key)
        return bucket.amount if bucket else ZERO
    around = buckets[place(buckets, key - rule.days + 1) : place(buckets, key + rule.days)]
    return max((amount for end, amount in _windows(rule, around) if end >= key), default=window(rule, around, key))


def window(rule: RuleTerms, buckets: tuple[Bucket, ...], end: int) -> Decimal:
    """What the days up to `end` hold together; a value that several of them have is one."""
    inside = buckets[place(buckets, end - rule.days + 1) : place(buckets, end + 1)]
    return max((amount for _, amount in list(_windows(rule, inside))[-1:]), default=ZERO)


def _windows(rule: RuleTerms, buckets: tuple[Bucket, ...]) -> Iterator[tuple[int, Decimal]]:
    """For each bucket its key, and what the days up to it hold together."""
    first = 0
    total = ZERO
    values: Counter[str] = Counter()
    for bucket in buckets:
        total = EXACT.add(total, bucket.amount)
        values.update(bucket.values)
        while buckets[first].key <= bucket.key - rule.days:
            total = EXACT.subtract(total, buckets[first].amount)
            for value in buckets[first].values:
                values[value] -= 1
                if not values[value]:
                    del values[value]
            first += 1
        yield bucket.key, Decimal(len(values)) if rule.count is CountKind.DISTINCT else total


def is_complete(rule: RuleTerms, buckets: tuple[Bucket, ...]) -> bool:
    """Whether some run of as many periods in a row as the rule asks for has reached the goal in each.

    Periods that are off do not interrupt it. It does not depend on the order in which the facts came, nor on the
    present time.
    """
    return next(_complete(rule, buckets), None) is not None


def completed_by(rule: RuleTerms, buckets: tuple[Bucket, ...]) -> tuple[int, int] | None:
    """The first and the last of the periods that make the rule complete, the latest where several do."""
    return max(_complete(rule, buckets), default=None)


def _complete(rule: RuleTerms, buckets: tuple[Bucket, ...]) -> Iterator[tuple[int, int]]:
    if rule.period is PeriodKind.LAST_DAYS:
        yield from ((key - rule.days + 1, key) for key, amount in _windows(rule, buckets) if amount >= rule.goal)
        return
    run: list[int] = []
    for bucket in buckets:
        if bucket.amount < rule.goal:
            continue
        if run and not follows(rule, run[-1], bucket.key):
            run = []
        run.append(bucket.key)
        if len(run) >= rule.consecutive:
            yield run[-rule.consecutive], bucket.key


def follows(rule: RuleTerms, before: int, key: int) -> bool:
    """Whether a period comes right after one before it: all that lie between are off, and neither count nor break."""
    if key == before + 1:
        return True
    return rule.is_off is not None and all(map(rule.is_off, range(before + 1, key)))
