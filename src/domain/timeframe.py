"""Timeframes: when facts count for an achievement, by their own time in the program's time zone."""

from enum import StrEnum

from msgspec import Struct, field


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
