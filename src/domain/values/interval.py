"""Calendar intervals, and tallies of what fell into them: how limits, frequencies and budgets are kept.

An interval is `n` calendar hours, days, weeks (from Monday), months or years in a time zone: the current unit and the
`n - 1` before it. Units are numbered, those that follow one another by numbers that do. An hour that a clock change
repeats is one hour.
"""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import accumulate
from operator import itemgetter
from zoneinfo import ZoneInfo

from msgspec import Struct

from domain.values.amounts import EXACT, ZERO
from domain.values.duration import EARLIEST, LATEST

MOST_UNITS = {"hour": 168, "day": 366, "week": 53, "month": 24, "year": 10}
"""The longest interval in each unit."""

DAYS_KEPT = 800
HOURS_KEPT = 400

Tallied = tuple[tuple[int, Decimal], ...]


class IntervalUnit(StrEnum):
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Interval(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The calendar unit that an instant lies in and the `n - 1` before it."""

    unit: IntervalUnit
    n: int = 1


def span(interval: Interval) -> str:
    """Its length in words: `a month`, `an hour`, `3 days`."""
    if interval.n > 1:
        return f"{interval.n} {interval.unit}s"
    return f"{'an' if interval.unit is IntervalUnit.HOUR else 'a'} {interval.unit}"


class Moment(Struct, frozen=True, gc=False, array_like=True):
    """A civil day (as `date.toordinal` numbers them) and hour in some time zone."""

    day: int
    hour: int


def moment_of(instant: datetime, zone: ZoneInfo) -> Moment:
    local = min(max(instant, EARLIEST), LATEST).astimezone(zone)
    return Moment(local.toordinal(), local.hour)


def number_of(moment: Moment, unit: IntervalUnit) -> int:
    """The number of the calendar unit that a moment lies in."""
    match unit:
        case IntervalUnit.HOUR:
            return moment.day * 24 + moment.hour
        case IntervalUnit.DAY:
            return moment.day
        case IntervalUnit.WEEK:
            return (moment.day - 1) // 7
        case IntervalUnit.MONTH:
            day = date.fromordinal(moment.day)
            return day.year * 12 + day.month - 1
        case IntervalUnit.YEAR:
            return date.fromordinal(moment.day).year


def first_day(number: int, unit: IntervalUnit) -> int:
    """The day (or, for hours, the hour) that a calendar unit begins with; beyond the calendar its last day."""
    match unit:
        case IntervalUnit.HOUR | IntervalUnit.DAY:
            return number
        case IntervalUnit.WEEK:
            return number * 7 + 1
        case IntervalUnit.MONTH:
            year, month = divmod(number, 12)
        case IntervalUnit.YEAR:
            year, month = number, 0
    if year < date.min.year:
        return date.min.toordinal()
    return date(year, month + 1, 1).toordinal() if year <= date.max.year else date.max.toordinal() + 1


def starts_at(number: int, unit: IntervalUnit, zone: ZoneInfo) -> datetime:
    """The first instant of a calendar unit, in its zone."""
    day, hour = divmod(number, 24) if unit is IntervalUnit.HOUR else (first_day(number, unit), 0)
    midnight = datetime.combine(date.fromordinal(day), datetime.min.time(), zone)
    return midnight + timedelta(hours=hour)


class Tally(Struct, frozen=True, gc=False, array_like=True):
    """What was counted in `total`, by civil day and by civil hour: the latest of each, in order.

    Both are kept whatever the interval, so that an edit of it finds what came before. `days_before` and `hours_before`
    are what was counted on days and in hours no longer kept.
    """

    total: Decimal = ZERO
    days: Tallied = ()
    hours: Tallied = ()
    days_before: Decimal = ZERO
    hours_before: Decimal = ZERO


NOTHING = Tally()


def added(tally: Tally, moment: Moment, amount: Decimal) -> Tally:
    """With `amount` (negative to take back) counted at a moment."""
    days, days_before = _added(tally.days, moment.day, amount, DAYS_KEPT, tally.days_before)
    hour = number_of(moment, IntervalUnit.HOUR)
    hours, hours_before = _added(tally.hours, hour, amount, HOURS_KEPT, tally.hours_before)
    return Tally(EXACT.add(tally.total, amount), days, hours, days_before, hours_before)


def _added(kept: Tallied, key: int, amount: Decimal, most: int, before: Decimal) -> tuple[Tallied, Decimal]:
    at = bisect_left(kept, key, key=itemgetter(0))
    if at < len(kept) and kept[at][0] == key:
        return (*kept[:at], (key, EXACT.add(kept[at][1], amount)), *kept[at + 1 :]), before
    if len(kept) < most:
        return (*kept[:at], (key, amount), *kept[at:]), before
    if not at:
        return kept, EXACT.add(before, amount)
    oldest = kept[0][1]
    return (*kept[1:at], (key, amount), *kept[at:]), EXACT.add(before, oldest)


def lowered(tally: Tally, amount: Decimal) -> Tally:
    """Without the latest `amount` of what was counted: no unit holds less than nothing, as that would lift its cap."""
    days, days_before = _lowered(tally.days, amount, tally.days_before)
    hours, hours_before = _lowered(tally.hours, amount, tally.hours_before)
    return Tally(EXACT.subtract(tally.total, amount), days, hours, days_before, hours_before)


def _lowered(kept: Tallied, amount: Decimal, before: Decimal) -> tuple[Tallied, Decimal]:
    left = amount
    fewer: list[tuple[int, Decimal]] = []
    for key, counted in reversed(kept):
        taken = min(left, counted)
        left = EXACT.subtract(left, taken)
        fewer.append((key, EXACT.subtract(counted, taken)))
    return tuple(reversed(fewer)), EXACT.subtract(before, left)


def used(tally: Tally, interval: Interval | None, moment: Moment) -> Decimal:
    """What counts against a limit at a moment: everything for life, else the most in any interval the moment lies in.

    What is no longer kept counts too, wherever it may lie in the interval: a cap is never passed.
    """
    if interval is None:
        return tally.total
    in_hours = interval.unit is IntervalUnit.HOUR
    kept, before = (tally.hours, tally.hours_before) if in_hours else (tally.days, tally.days_before)
    number = number_of(moment, interval.unit)
    if not kept:
        return before
    last = number + (interval.n - 1 if _place(kept, number + 1, interval.unit) < len(kept) else 0)
    return max(_totals(kept, range(number, last + 1), interval, before))


def _totals(kept: Tallied, ends: range, interval: Interval, before: Decimal) -> Iterator[Decimal]:
    """What each interval holds that ends with one of these units; nothing is added up twice for them."""
    first = ends.start - interval.n + 1
    near = kept[_place(kept, first, interval.unit) : _place(kept, ends.stop, interval.unit)]
    up_to = tuple(accumulate((amount for _, amount in near), EXACT.add, initial=ZERO))
    for number, end in enumerate(ends, first):
        low, high = _place(near, number, interval.unit), _place(near, end + 1, interval.unit)
        total = EXACT.subtract(up_to[high], up_to[low])
        reaches_back = first_day(number, interval.unit) <= kept[0][0]
        yield EXACT.add(total, before) if reaches_back else total


def _place(kept: Tallied, number: int, unit: IntervalUnit) -> int:
    """Where what was counted in a calendar unit begins, or would."""
    return bisect_left(kept, first_day(number, unit), key=itemgetter(0))
