"""Durations: lengths of time, and the instants they lead to in a time zone.

Minutes and hours are exact. Days, weeks and months are civil: the same wall clock in the zone, months counted from
the anchor's day (31 Jan, 28 Feb, 31 Mar). A wall-clock time that a clock change skips is moved forward by what was
skipped (02:30 becomes 03:30), as RFC 5545 and java.time do; one that comes twice is the first, unless the anchor
itself is a second one. All instants taken and given are aware and in UTC.
"""

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
LATEST = datetime(9999, 12, 30, tzinfo=UTC)
"""A day inside what a `datetime` can hold, so that every zone can show every instant."""


class ScheduleOverflowError(ValueError):
    """A schedule reaches an instant before `EARLIEST` or after `LATEST`."""

    def __init__(self) -> None:
        super().__init__(f"must stay between the years {EARLIEST.year} and {LATEST.year}")


class DurationUnit(StrEnum):
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


_EXACT = {DurationUnit.MINUTE: timedelta(minutes=1), DurationUnit.HOUR: timedelta(hours=1)}
_DAYS = {DurationUnit.DAY: 1, DurationUnit.WEEK: 7}
SHORTEST_MONTH_DAYS, LONGEST_MONTH_DAYS = 28, 31
_MOST = {
    DurationUnit.MINUTE: 52_596_000,
    DurationUnit.HOUR: 876_600,
    DurationUnit.DAY: 36_525,
    DurationUnit.WEEK: 5_217,
    DurationUnit.MONTH: 1_200,
}
MOST_YEARS = 100
"""Each of the counts above is this long."""

_WRITTEN = re.compile(r"([0-9]{1,12}) (minute|hour|day|week|month)s?")


class Duration(Struct, frozen=True, gc=False):
    """A length of time; written `1 month`, `2 weeks`, `0 days`."""

    count: int
    unit: DurationUnit

    def __str__(self) -> str:
        return f"{self.count} {self.unit}{'' if self.count == 1 else 's'}"


def parse_duration(text: str, *, zero: bool = False) -> Duration | str:
    """The duration written in `text`, or what is wrong with it; nothing at all is one only if `zero` may be."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        return 'must be a whole number and a unit, such as "15 minutes", "36 hours", "30 days", "2 weeks" or "1 month"'
    count, unit = int(match[1]), DurationUnit(match[2])
    if count == 0 and not zero:
        return "must be more than zero"
    if count > _MOST[unit]:
        return f"must be at most {_MOST[unit]} {unit}s ({MOST_YEARS} years)"
    return Duration(count, unit)


def shortest(duration: Duration) -> timedelta:
    """How long it is at least; a day is taken for 24 hours."""
    return duration.count * (_EXACT.get(duration.unit) or timedelta(days=_DAYS.get(duration.unit, SHORTEST_MONTH_DAYS)))


def longest(duration: Duration) -> timedelta:
    """How long it is at most; a day is taken for 24 hours."""
    return duration.count * (_EXACT.get(duration.unit) or timedelta(days=_DAYS.get(duration.unit, LONGEST_MONTH_DAYS)))


def advance(anchor: datetime, duration: Duration, times: int, zone: ZoneInfo) -> datetime:
    """`anchor + times * duration`; raises `ScheduleOverflowError`."""
    try:
        return _within(_advanced(anchor, duration, times, zone))
    except OverflowError as error:
        raise ScheduleOverflowError from error


def _advanced(anchor: datetime, duration: Duration, times: int, zone: ZoneInfo) -> datetime:
    count = duration.count * times
    if exact := _EXACT.get(duration.unit):
        return anchor + count * exact
    if not count:
        return anchor
    local = _within(anchor).astimezone(zone)
    days = _DAYS.get(duration.unit)
    return _resolved(local + timedelta(days=count * days) if days else _months_later(local, count), local.fold)


def _months_later(local: datetime, months: int) -> datetime:
    year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    if not 1 <= year <= LATEST.year:
        raise ScheduleOverflowError
    return local.replace(year=year, month=month + 1, day=min(local.day, monthrange(year, month + 1)[1]))


def _resolved(wall: datetime, anchor_fold: int) -> datetime:
    """The instant of a wall-clock time in its zone.

    The first of two offsets is the one before the clock changes: in a gap it moves the time forward, in a repeated
    hour it takes the first. The second moves a skipped time *backward*, so an anchor's fold must not reach a gap.
    """
    first = wall.replace(fold=0)
    if not anchor_fold:
        return first.astimezone(UTC)
    second = wall.replace(fold=1)
    return max(first.astimezone(UTC), second.astimezone(UTC))


def _within(instant: datetime) -> datetime:
    if EARLIEST <= instant <= LATEST:
        return instant
    raise ScheduleOverflowError


def next_tick(anchor: datetime, every: Duration, after: datetime, zone: ZoneInfo) -> datetime:
    """The first of `anchor + every`, `anchor + 2 * every`, ... that is later than `after`; the anchor is none of them.

    Raises `ScheduleOverflowError`, and `ZeroDivisionError` for a duration of nothing.
    """
    number = max(1, _ticks_before(anchor, every, after, zone))
    while (tick := advance(anchor, every, number, zone)) <= after:
        number += 1
    return tick


def _ticks_before(anchor: datetime, every: Duration, after: datetime, zone: ZoneInfo) -> int:
    """How many ticks have passed at `after`, at most two too few and never too many."""
    if exact := _EXACT.get(every.unit):
        return (after - anchor) // (every.count * exact)
    start, end = _within(anchor).astimezone(zone), _within(after).astimezone(zone)
    if days := _DAYS.get(every.unit):
        return (end.date() - start.date()).days // (every.count * days) - 1
    return ((end.year - start.year) * 12 + end.month - start.month) // every.count - 1
