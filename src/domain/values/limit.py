"""Limits: at most so much, ever or within an interval."""

from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct

from domain.values.amounts import EXACT, ZERO, fault
from domain.values.interval import MOST_UNITS, Interval, Moment, Tally, used
from domain.values.problems import Problem

MOST_LIMIT = 1_000_000_000


class Limit(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """At most `value`, for life or per interval."""

    value: Decimal
    interval: Interval | None = None

    def reached(self, tally: Tally, moment: Moment) -> bool:
        return used(tally, self.interval, moment) >= self.value

    def left(self, tally: Tally, moment: Moment) -> Decimal:
        """What it still allows at a moment; nothing where it was lowered below what is counted."""
        return max(ZERO, EXACT.subtract(self.value, used(tally, self.interval, moment)))


def limit_problems(limit: Limit, pointer: str) -> Iterator[Problem]:
    """What is wrong with a limit on how often something may be."""
    if fault(limit.value) or limit.value != limit.value.to_integral_value() or not 1 <= limit.value <= MOST_LIMIT:
        yield Problem(f"{pointer}/value", f"must be a whole number from 1 to {MOST_LIMIT}")
    if limit.interval:
        yield from interval_problems(limit.interval, f"{pointer}/interval")


def interval_problems(interval: Interval, pointer: str) -> Iterator[Problem]:
    most = MOST_UNITS[interval.unit]
    if not 1 <= interval.n <= most:
        yield Problem(f"{pointer}/n", f"must be 1 to {most} {interval.unit}s")
