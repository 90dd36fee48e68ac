"""Timeframes, walked over their edges: the first instants that are in and out, and one moment to either side."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.achievements.timeframe import Timeframe, TimeframeKind, days_test, timeframe_problems, timeframe_test

BUDAPEST = ZoneInfo("Europe/Budapest")
NEW_YORK = ZoneInfo("America/New_York")
MOMENT = timedelta(microseconds=1)
ENDS_OF_TIME = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))

JUNE = Timeframe(TimeframeKind.BETWEEN, start="2026-06-01", to="2026-06-30")
BEFORE_DAY = Timeframe(TimeframeKind.BEFORE, at="2026-06-01")
AFTER_DAY = Timeframe(TimeframeKind.AFTER, at="2026-06-01")
BEFORE_INSTANT = Timeframe(TimeframeKind.BEFORE, at="2026-06-01T10:00:00+02:00")
AFTER_INSTANT = Timeframe(TimeframeKind.AFTER, at="2026-06-01T10:00:00+02:00")
INSTANTS = Timeframe(TimeframeKind.BETWEEN, start="2026-06-01T10:00:00Z", to="2026-06-01T12:00:00.5Z")
MIXED = Timeframe(TimeframeKind.BETWEEN, start="2026-06-01T10:00:00Z", to="2026-06-01")
NOT_JUNE = Timeframe(TimeframeKind.NOT_BETWEEN, start="2026-06-01", to="2026-06-30")
WEEKEND = Timeframe(TimeframeKind.DAYS_OF_WEEK, days=(6, 7))
LAST_OF_MONTH = Timeframe(TimeframeKind.DAYS_OF_MONTH, days=(31,))
SUMMER = Timeframe(TimeframeKind.MONTHS, months=(6, 7, 8))
NIGHT = Timeframe(TimeframeKind.TIME_OF_DAY, start="22:00", to="06:30")
LUNCH = Timeframe(TimeframeKind.TIME_OF_DAY, start="12:00", to="14:00")
ALL_DAY = Timeframe(TimeframeKind.TIME_OF_DAY, start="08:00", to="08:00")


def at(written: str, zone: ZoneInfo = BUDAPEST, fold: int = 0) -> datetime:
    """The instant, in UTC, at which clocks of the zone show this."""
    return datetime.fromisoformat(written).replace(tzinfo=zone, fold=fold).astimezone(UTC)


def admits(timeframe: Timeframe, instant: datetime, zone: ZoneInfo) -> bool:
    return timeframe_test(timeframe, zone)(instant)


@pytest.mark.parametrize(
    ("timeframe", "edge", "before", "since"),
    [
        (BEFORE_DAY, at("2026-06-01"), True, False),
        (AFTER_DAY, at("2026-06-01"), False, False),
        (AFTER_DAY, at("2026-06-02"), False, True),
        (BEFORE_INSTANT, at("2026-06-01 10:00"), True, False),
        (AFTER_INSTANT, at("2026-06-01 10:00"), False, True),
        (JUNE, at("2026-06-01"), False, True),
        (JUNE, at("2026-06-30"), True, True),
        (JUNE, at("2026-07-01"), True, False),
        (NOT_JUNE, at("2026-06-01"), True, False),
        (NOT_JUNE, at("2026-07-01"), False, True),
        (INSTANTS, at("2026-06-01 12:00"), False, True),
        (INSTANTS, datetime(2026, 6, 1, 12, 0, 0, 500_000, tzinfo=UTC), True, False),
        (MIXED, at("2026-06-01 12:00"), False, True),
        (MIXED, at("2026-06-02"), True, False),
        (WEEKEND, at("2026-06-06"), False, True),
        (WEEKEND, at("2026-06-07"), True, True),
        (WEEKEND, at("2026-06-08"), True, False),
        (LAST_OF_MONTH, at("2026-05-31"), False, True),
        (LAST_OF_MONTH, at("2026-06-01"), True, False),
        (LAST_OF_MONTH, at("2026-07-01"), False, False),
        (SUMMER, at("2026-06-01"), False, True),
        (SUMMER, at("2026-09-01"), True, False),
        (LUNCH, at("2026-06-01 12:00"), False, True),
        (LUNCH, at("2026-06-01 14:00"), True, False),
        (NIGHT, at("2026-06-01 22:00"), False, True),
        (NIGHT, at("2026-06-02"), True, True),
        (NIGHT, at("2026-06-02 06:30"), True, False),
        (ALL_DAY, at("2026-06-01 08:00"), True, True),
        # Clocks change on 29 March (02:00 to 03:00) and 25 October (03:00 to 02:00).
        (Timeframe(TimeframeKind.AFTER, at="2026-03-28"), datetime(2026, 3, 28, 23, tzinfo=UTC), False, True),
        (Timeframe(TimeframeKind.AFTER, at="2026-03-29"), datetime(2026, 3, 29, 22, tzinfo=UTC), False, True),
        (Timeframe(TimeframeKind.BEFORE, at="2026-10-26"), datetime(2026, 10, 25, 23, tzinfo=UTC), True, False),
        (
            Timeframe(TimeframeKind.TIME_OF_DAY, start="02:30", to="04:00"),
            datetime(2026, 3, 29, 1, tzinfo=UTC),
            False,
            True,
        ),
        (
            Timeframe(TimeframeKind.TIME_OF_DAY, start="02:30", to="04:00"),
            at("2026-10-25 02:30", fold=1),
            False,
            True,
        ),
        (
            Timeframe(TimeframeKind.TIME_OF_DAY, start="02:30", to="04:00"),
            at("2026-10-25 02:00", fold=1),
            True,
            False,
        ),
    ],
)
def test_edges(timeframe: Timeframe, edge: datetime, before: bool, since: bool) -> None:  # noqa: FBT001
    assert list(timeframe_problems(timeframe, "", BUDAPEST)) == []
    assert (admits(timeframe, edge - MOMENT, BUDAPEST), admits(timeframe, edge, BUDAPEST)) == (before, since)


def test_days_are_those_of_the_zone() -> None:
    instant = datetime(2026, 6, 1, 2, tzinfo=UTC)
    assert admits(JUNE, instant, BUDAPEST)
    assert not admits(JUNE, instant, NEW_YORK)
    assert not admits(SUMMER, instant, NEW_YORK)


def test_a_day_whose_midnight_is_skipped_begins_with_the_change() -> None:
    beirut = ZoneInfo("Asia/Beirut")  # 00:00 becomes 01:00 on 29 March 2026
    change = datetime(2026, 3, 28, 22, tzinfo=UTC)
    test = timeframe_test(Timeframe(TimeframeKind.BETWEEN, start="2026-03-29", to="2026-03-29"), beirut)
    assert [test(change - MOMENT), test(change), test(change + timedelta(hours=22, minutes=59))] == [False, True, True]
    assert not test(change + timedelta(hours=23))


def test_always_admits_everything() -> None:
    for instant in ENDS_OF_TIME:
        assert admits(Timeframe(TimeframeKind.ALWAYS), instant, BUDAPEST)


def ten_minutes(begins: datetime, over: datetime) -> list[datetime]:
    """From one instant until another, ten minutes apart."""
    return [begins + timedelta(minutes=minutes) for minutes in range(0, (over - begins) // timedelta(minutes=1), 10)]


SKIPPED = Timeframe(TimeframeKind.TIME_OF_DAY, start="02:10", to="02:50")
"""A time that clocks of Budapest and New York do not show on the day they are put forward."""


@pytest.mark.parametrize(
    "timeframe",
    [
        *(BEFORE_DAY, AFTER_DAY, BEFORE_INSTANT, AFTER_INSTANT, INSTANTS, MIXED, JUNE, NOT_JUNE),
        *(WEEKEND, LAST_OF_MONTH, SUMMER, NIGHT, LUNCH, ALL_DAY, SKIPPED, Timeframe(TimeframeKind.ALWAYS)),
        Timeframe(TimeframeKind.NOT_BETWEEN, start="2026-06-01T00:00:00+02:00", to="2026-06-02T23:59:30+02:00"),
        Timeframe(TimeframeKind.AFTER, at="2026-06-01T23:59:30+02:00"),
        Timeframe(TimeframeKind.TIME_OF_DAY, start="02:30", to="00:00"),
    ],
)
@pytest.mark.parametrize("zone", [BUDAPEST, NEW_YORK])
def test_days_are_asked_about_as_all_their_instants_are(timeframe: Timeframe, zone: ZoneInfo) -> None:
    """Around both changes of clocks, the edges of the timeframes, the ends of a month; alone, and two together."""
    inside, test = timeframe_test(timeframe, zone), days_test(timeframe, zone)
    for first in ("2026-03-06", "2026-03-27", "2026-05-29", "2026-06-28", "2026-10-23", "2026-10-30"):
        days = [date.fromisoformat(first) + timedelta(days=number) for number in range(5)]
        starts = [at(day.isoformat(), zone) for day in days]
        admitted = [
            any(map(inside, (*ten_minutes(begins, over), over - timedelta(seconds=15))))
            for begins, over in pairwise(starts)
        ]
        for day, (one, other) in zip(days, pairwise([*admitted, False]), strict=False):
            assert test(day.toordinal(), day.toordinal() + 1) == one, day
            if day < days[-2]:
                assert test(day.toordinal(), day.toordinal() + 2) == (one or other), day


@pytest.mark.parametrize("timeframe", [WEEKEND, LAST_OF_MONTH, SUMMER, NIGHT, JUNE, NOT_JUNE, AFTER_DAY])
@pytest.mark.parametrize("zone", [BUDAPEST, NEW_YORK])
def test_the_ends_of_time_are_told_too(timeframe: Timeframe, zone: ZoneInfo) -> None:
    for instant in ENDS_OF_TIME:
        assert admits(timeframe, instant, zone) in (True, False)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "UTC"])
def test_what_is_right_in_one_zone_is_in_every_one(zone: str) -> None:
    for day in ("0002-01-01", "9998-12-31"):
        timeframe = Timeframe(TimeframeKind.AFTER, at=day)
        assert list(timeframe_problems(timeframe, "", ZoneInfo(zone))) == []
        assert admits(timeframe, ENDS_OF_TIME[1], ZoneInfo(zone))


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({"kind": "always"}, []),
        ({"kind": "always", "at": "2026-06-01"}, ["/at"]),
        ({"kind": "before"}, ["/at"]),
        ({"kind": "before", "at": "2026-06-01", "to": "2026-06-02"}, ["/to"]),
        ({"kind": "before", "at": "2026-06-31"}, ["/at"]),
        ({"kind": "before", "at": "2026-6-1"}, ["/at"]),
        ({"kind": "before", "at": "20260601"}, ["/at"]),
        ({"kind": "before", "at": "2026-06-01T10:00:00"}, ["/at"]),
        ({"kind": "before", "at": "2026-06-01T25:00:00Z"}, ["/at"]),
        ({"kind": "before", "at": "2026-06-01T10:00:00+99:00"}, ["/at"]),
        ({"kind": "before", "at": "2026-06-01\n"}, ["/at"]),
        ({"kind": "before", "at": "\u0662026-06-01"}, ["/at"]),
        ({"kind": "before", "at": "0001-01-01"}, ["/at"]),
        ({"kind": "before", "at": "9999-12-31"}, ["/at"]),
        ({"kind": "before", "at": "0001-01-01T00:00:00+02:00"}, ["/at"]),
        ({"kind": "before", "at": "9999-01-01"}, ["/at"]),
        ({"kind": "before", "at": ""}, ["/at"]),
        ({"kind": "after", "at": "2026-06-01t10:00:00z"}, []),
        ({"kind": "between", "start": "2026-06-01"}, ["/to"]),
        ({"kind": "between", "start": "2026-06-01", "to": "2026-06-01"}, []),
        ({"kind": "between", "start": "2026-06-02", "to": "2026-06-01"}, ["/to"]),
        ({"kind": "between", "start": "2026-06-02T00:00:00Z", "to": "2026-06-02T00:00:00Z"}, ["/to"]),
        ({"kind": "between", "start": "2026-06-01T22:00:00Z", "to": "2026-06-01"}, ["/to"]),
        ({"kind": "not_between", "start": "x", "to": "y"}, ["/from", "/to"]),
        ({"kind": "days_of_week"}, ["/days"]),
        ({"kind": "days_of_week", "days": (0,)}, ["/days/0"]),
        ({"kind": "days_of_week", "days": (1, 8)}, ["/days/1"]),
        ({"kind": "days_of_week", "days": (1, 2, 1)}, ["/days/2"]),
        ({"kind": "days_of_week", "days": (1,), "months": (1,)}, ["/months"]),
        ({"kind": "days_of_month", "days": (1, 31)}, []),
        ({"kind": "days_of_month", "days": (32,)}, ["/days/0"]),
        ({"kind": "months", "months": (12,)}, []),
        ({"kind": "months", "months": (13, -1)}, ["/months/0", "/months/1"]),
        ({"kind": "months", "days": (1,)}, ["/days", "/months"]),
        ({"kind": "time_of_day", "start": "00:00", "to": "23:59"}, []),
        ({"kind": "time_of_day", "start": "24:00", "to": "6:00"}, ["/from", "/to"]),
        ({"kind": "time_of_day", "start": "12:60", "to": "14:00\n"}, ["/from", "/to"]),
        ({"kind": "time_of_day", "to": "14:00"}, ["/from"]),
    ],
)
def test_problems(fields: dict[str, Any], pointers: list[str]) -> None:
    timeframe = Timeframe(**fields | {"kind": TimeframeKind(fields["kind"])})
    assert [problem.pointer for problem in timeframe_problems(timeframe, "", BUDAPEST)] == pointers


def test_however_many_numbers_the_problems_are_few() -> None:
    timeframe = Timeframe(TimeframeKind.DAYS_OF_WEEK, days=(1,) * 10_000)
    assert len(list(timeframe_problems(timeframe, "/timeframe", BUDAPEST))) == 7
