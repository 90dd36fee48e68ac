"""When occurrences run: the windows that a start, a duration and a grace period resolve to in a time zone."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from operator import attrgetter
from zoneinfo import ZoneInfo

from msgspec import Struct

from domain.values.duration import Duration, advance

_START = attrgetter("starts_at")


class Window(Struct, frozen=True, gc=False):
    """One occurrence: `[starts_at, ends_at)`, paid at `evaluation_at`."""

    starts_at: datetime
    ends_at: datetime
    evaluation_at: datetime


def occurrence_window(anchor: datetime, duration: Duration, grace: Duration, number: int, zone: ZoneInfo) -> Window:
    """The window of occurrence `number` (from 1); raises `ScheduleOverflowError`."""
    ends_at = advance(anchor, duration, number, zone)
    return Window(advance(anchor, duration, number - 1, zone), ends_at, advance(ends_at, grace, 1, zone))


def windows(anchor: datetime, duration: Duration, grace: Duration, count: int, zone: ZoneInfo) -> tuple[Window, ...]:
    """The windows of occurrences 1 to `count`, each starting where the last ended; raises `ScheduleOverflowError`."""
    edges = [advance(anchor, duration, number, zone) for number in range(count + 1)]
    return tuple(Window(starts_at, ends_at, advance(ends_at, grace, 1, zone)) for starts_at, ends_at in pairwise(edges))


def number_at(windows: Sequence[Window], instant: datetime) -> int | None:
    """The number (from 1) of the occurrence an instant lies in.

    Of windows that start together the last is meant: a zone that skips a whole day leaves the others empty.
    """
    number = bisect_right(windows, instant, key=_START)
    return number if number and instant < windows[number - 1].ends_at else None
