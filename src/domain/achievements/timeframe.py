"""Timeframes: when facts count for an achievement, by their own time in the program's time zone."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import assert_never
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from domain.values.duration import EARLIEST, LATEST
from domain.values.problems import Problem


class TimeframeKind(StrEnum):
    ALWAYS = "always"
    BEFORE = "before"
    AFTER = "after"
    BETWEEN = "between"
    NOT_BETWEEN = "not_between"
    DAYS_OF_WEEK = "days_of_week"
    DAYS_OF_MONTH = "days_of_month"
    MONTHS = "months"
    TIME_OF_DAY = "time_of_day"


class Timeframe(
    Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True, rename={"start": "from"}
):
    """`at`, `start` and `to` of dates are days (`2026-06-01`, the whole of it) or RFC 3339 instants.

    A day given as `to` is inside, an instant outside; `before` a day is before it begins, `after` it once it is over.
    Of a time of day they are `HH:MM`, `to` outside; one that is not later than `start` is on the next day. `days` are
    weekdays from 1 (Monday) to 7, or days of the month from 1 to 31; `months` are 1 to 12.
    """

    kind: TimeframeKind
    at: str | None = None
    start: str | None = field(default=None, name="from")
    to: str | None = None
    days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()


_FIELDS = {
    TimeframeKind.ALWAYS: (),
    TimeframeKind.BEFORE: ("at",),
    TimeframeKind.AFTER: ("at",),
    TimeframeKind.BETWEEN: ("from", "to"),
    TimeframeKind.NOT_BETWEEN: ("from", "to"),
    TimeframeKind.DAYS_OF_WEEK: ("days",),
    TimeframeKind.DAYS_OF_MONTH: ("days",),
    TimeframeKind.MONTHS: ("months",),
    TimeframeKind.TIME_OF_DAY: ("from", "to"),
}
"""What each kind has, and nothing else."""

_LAST = {TimeframeKind.DAYS_OF_WEEK: 7, TimeframeKind.DAYS_OF_MONTH: 31, TimeframeKind.MONTHS: 12}

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)
_DAY_MINUTES = 24 * 60
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)

Test = Callable[[datetime], bool]


class _Span(Struct, frozen=True, gc=False):
    """What a date that is written comes to: a day's first instant and that of the next, or one instant twice."""

    begins: datetime
    over: datetime


def timeframe_problems(timeframe: Timeframe, pointer: str, zone: ZoneInfo) -> Iterator[Problem]:
    given = {"at": timeframe.at, "from": timeframe.start, "to": timeframe.to}
    held = {**given, "days": timeframe.days or None, "months": timeframe.months or None}
    own = _FIELDS[timeframe.kind]
    for name, value in held.items():
        if name in own and value is None:
            yield Problem(f"{pointer}/{name}", f"is required: a timeframe `{timeframe.kind}` has it", "required")
        elif name not in own and value is not None:
            yield Problem(f"{pointer}/{name}", f"must be absent: a timeframe `{timeframe.kind}` does not have it")
    written = [(name, text) for name, text in given.items() if name in own and text is not None]
    if timeframe.kind is TimeframeKind.TIME_OF_DAY:
        for name, text in written:
            if not _CLOCK.fullmatch(text):
                yield Problem(f"{pointer}/{name}", "must be a time of day from 00:00 to 23:59, such as 18:30")
    elif timeframe.kind in _LAST:
        yield from _number_problems(timeframe, f"{pointer}/{own[0]}")
    else:
        yield from _date_problems(written, pointer, zone)


def _date_problems(written: list[tuple[str, str]], pointer: str, zone: ZoneInfo) -> Iterator[Problem]:
    spans = [_span(text, zone) for _, text in written]
    for (name, _), span in zip(written, spans, strict=True):
        if span is None:
            yield Problem(
                f"{pointer}/{name}", "must be a day such as 2026-06-01 or an instant such as 2026-06-01T10:00:00+02:00"
            )
    if len(spans) == 2 and spans[0] and spans[1] and spans[0].begins >= spans[1].over:
        yield Problem(f"{pointer}/to", "must not be before `from`: nothing would lie between them")


def _number_problems(timeframe: Timeframe, pointer: str) -> Iterator[Problem]:
    numbers = timeframe.months if timeframe.kind is TimeframeKind.MONTHS else timeframe.days
    last = _LAST[timeframe.kind]
    for place, number in enumerate(numbers[: last + 1]):
        if not 1 <= number <= last:
            yield Problem(f"{pointer}/{place}", f"must be 1 to {last}")
        elif number in numbers[:place]:
            yield Problem(f"{pointer}/{place}", "is named twice")


def timeframe_test(timeframe: Timeframe, zone: ZoneInfo) -> Test:
    """Says of an instant whether the timeframe admits it. The timeframe has no problems."""
    match timeframe.kind:
        case TimeframeKind.ALWAYS:
            return lambda _: True
        case TimeframeKind.BEFORE | TimeframeKind.AFTER:
            return _one_sided(timeframe, zone)
        case TimeframeKind.BETWEEN | TimeframeKind.NOT_BETWEEN:
            return _two_sided(timeframe, zone)
        case TimeframeKind.DAYS_OF_WEEK | TimeframeKind.DAYS_OF_MONTH | TimeframeKind.MONTHS:
            return _on_days(timeframe, zone)
        case TimeframeKind.TIME_OF_DAY:
            return _daily(timeframe, zone)
        case _:
            assert_never(timeframe.kind)


def span_of(timeframe: Timeframe, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """The first instant and the end of a timeframe between two dates; None of any other."""
    if timeframe.kind is not TimeframeKind.BETWEEN:
        return None
    return _known_span(timeframe.start, zone).begins, _known_span(timeframe.to, zone).over


def days_test(timeframe: Timeframe, zone: ZoneInfo) -> Callable[[int, int], bool]:
    """Says of days, from one up to another that is outside, whether the timeframe admits any instant of them.

    Days are as `date.toordinal` numbers them. The timeframe has no problems.
    """
    match timeframe.kind:
        case TimeframeKind.ALWAYS:
            return lambda _first, _over: True
        case TimeframeKind.DAYS_OF_WEEK | TimeframeKind.DAYS_OF_MONTH | TimeframeKind.MONTHS:
            admits = _dates(timeframe)
            return lambda first, over: any(admits(date.fromordinal(day)) for day in range(first, over))
        case TimeframeKind.TIME_OF_DAY:
            minutes = _outermost(timeframe)
            return lambda first, over: any(
                _is_shown(date.fromordinal(day), minute, zone) for day in range(first, over) for minute in minutes
            )
        case _:
            meets = _spans(timeframe, zone)
            return lambda first, over: meets(
                _midnight(date.fromordinal(first), zone), _midnight(date.fromordinal(over), zone)
            )


def _spans(timeframe: Timeframe, zone: ZoneInfo) -> Callable[[datetime, datetime], bool]:
    """Whether what lies between two instants, the second outside, is met by a timeframe of dates."""
    match timeframe.kind:
        case TimeframeKind.BEFORE:
            at = _known_span(timeframe.at, zone)
            return lambda first, _: first < at.begins
        case TimeframeKind.AFTER:
            at = _known_span(timeframe.at, zone)
            return lambda _, over: at.over < over
        case _:
            begins, ends = _known_span(timeframe.start, zone).begins, _known_span(timeframe.to, zone).over
            if timeframe.kind is TimeframeKind.BETWEEN:
                return lambda first, over: first < ends and begins < over
            return lambda first, over: first < begins or ends < over


def _outermost(timeframe: Timeframe) -> tuple[int, ...]:
    """The minutes of a day at the edges of a time of day: where clocks skip all of them, they skip all between."""
    start, to = _minutes(timeframe.start), _minutes(timeframe.to)
    return (start, to - 1) if start < to else (start, _DAY_MINUTES - 1, 0)


def _is_shown(day: date, minute: int, zone: ZoneInfo) -> bool:
    """Whether clocks show a minute on a day; those that are put forward skip some."""
    wall = datetime.combine(day, time(*divmod(minute, 60)), zone)
    return wall.astimezone(UTC).astimezone(zone).time() == wall.time()


def _one_sided(timeframe: Timeframe, zone: ZoneInfo) -> Test:
    span = _known_span(timeframe.at, zone)
    if timeframe.kind is TimeframeKind.BEFORE:
        return lambda instant: instant < span.begins
    return lambda instant: instant >= span.over


def _two_sided(timeframe: Timeframe, zone: ZoneInfo) -> Test:
    begins, over = _known_span(timeframe.start, zone).begins, _known_span(timeframe.to, zone).over
    if timeframe.kind is TimeframeKind.BETWEEN:
        return lambda instant: begins <= instant < over
    return lambda instant: not begins <= instant < over


def _on_days(timeframe: Timeframe, zone: ZoneInfo) -> Test:
    admits = _dates(timeframe)
    return lambda instant: admits(_local(instant, zone))


def _dates(timeframe: Timeframe) -> Callable[[date], bool]:
    """Whether a date is one of the days or months that are named."""
    numbers = frozenset(timeframe.months or timeframe.days)
    if timeframe.kind is TimeframeKind.DAYS_OF_WEEK:
        return lambda day: day.isoweekday() in numbers
    if timeframe.kind is TimeframeKind.DAYS_OF_MONTH:
        return lambda day: day.day in numbers
    return lambda day: day.month in numbers


def _daily(timeframe: Timeframe, zone: ZoneInfo) -> Test:
    start, to = _minutes(timeframe.start), _minutes(timeframe.to)
    if start < to:
        return lambda instant: start <= _minute_of_day(instant, zone) < to
    return lambda instant: not to <= _minute_of_day(instant, zone) < start


def _local(instant: datetime, zone: ZoneInfo) -> datetime:
    return min(max(instant, EARLIEST), LATEST).astimezone(zone)


def _minute_of_day(instant: datetime, zone: ZoneInfo) -> int:
    shown = _local(instant, zone)
    return shown.hour * 60 + shown.minute


def _minutes(text: str | None) -> int:
    match = _CLOCK.fullmatch(text or "")
    assert match  # noqa: S101  it was checked when it was saved
    return int(match[1]) * 60 + int(match[2])


def _known_span(text: str | None, zone: ZoneInfo) -> _Span:
    span = _span(text or "", zone)
    assert span  # noqa: S101  it was checked when it was saved
    return span


def _span(text: str, zone: ZoneInfo) -> _Span | None:
    """None where the text is no date, or one of the first or the last year: whatever the zone, others fit into it."""
    try:
        if _DAY.fullmatch(text):
            day = date.fromisoformat(text)
            span = _Span(_midnight(day, zone), _midnight(day + timedelta(days=1), zone))
        elif _INSTANT.fullmatch(text):
            day = instant = datetime.fromisoformat(text.upper()).astimezone(UTC)
            span = _Span(instant, instant)
        else:
            return None
    except (ValueError, OverflowError):
        return None
    return span if date.min.year < day.year < date.max.year else None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a day; where clocks skip midnight, that of the change."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
