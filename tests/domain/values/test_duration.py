from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.tiered.schedule import Window, number_at, occurrence_window, windows
from domain.values.duration import (
    EARLIEST,
    LATEST,
    Duration,
    DurationUnit,
    ScheduleOverflowError,
    advance,
    next_tick,
    parse_duration,
)

BUDAPEST = ZoneInfo("Europe/Budapest")
NEW_YORK = ZoneInfo("America/New_York")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
CASABLANCA = ZoneInfo("Africa/Casablanca")
APIA = ZoneInfo("Pacific/Apia")
NONE = Duration(0, DurationUnit.DAY)


def duration(text: str) -> Duration:
    parsed = parse_duration(text, zero=True)
    assert isinstance(parsed, Duration), parsed
    return parsed


def at(text: str, zone: ZoneInfo, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


def wall(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).isoformat(timespec="minutes")


@pytest.mark.parametrize(
    ("text", "count", "unit", "canonical"),
    [
        ("15 minutes", 15, DurationUnit.MINUTE, "15 minutes"),
        ("36 hours", 36, DurationUnit.HOUR, "36 hours"),
        ("30 days", 30, DurationUnit.DAY, "30 days"),
        ("2 weeks", 2, DurationUnit.WEEK, "2 weeks"),
        ("1 month", 1, DurationUnit.MONTH, "1 month"),
        ("1 months", 1, DurationUnit.MONTH, "1 month"),
        ("2 week", 2, DurationUnit.WEEK, "2 weeks"),
        ("007 days", 7, DurationUnit.DAY, "7 days"),
        ("1200 months", 1200, DurationUnit.MONTH, "1200 months"),
        ("52596000 minutes", 52_596_000, DurationUnit.MINUTE, "52596000 minutes"),
    ],
)
def test_durations_are_read_and_written(text: str, count: int, unit: DurationUnit, canonical: str) -> None:
    parsed = parse_duration(text)
    assert parsed == Duration(count, unit)
    assert str(parsed) == canonical
    assert parse_duration(canonical) == parsed


@pytest.mark.parametrize(
    "text",
    ["", "month", "1", "1month", "1  month", " 1 month", "1 month ", "1 month\n", "1 Month", "1.5 days", "-1 days",
     "+1 days", "1e2 days", "\u0661 day", "one day", "1 year", "P1D", "1 day 2 hours", "1 dayss", "9" * 5000 + " days"],
)  # fmt: skip
def test_what_is_no_duration_is_answered_with_examples(text: str) -> None:
    assert parse_duration(text) == (
        'must be a whole number and a unit, such as "15 minutes", "36 hours", "30 days", "2 weeks" or "1 month"'
    )


@pytest.mark.parametrize("text", ["52596001 minutes", "876601 hours", "36526 days", "5218 weeks", "1201 months"])
def test_a_duration_is_at_most_a_hundred_years(text: str) -> None:
    refused = parse_duration(text)
    assert isinstance(refused, str)
    assert refused.endswith("(100 years)")


def test_nothing_is_a_duration_only_where_it_may_be() -> None:
    assert parse_duration("0 days") == "must be more than zero"
    assert parse_duration("0 days", zero=True) == NONE
    assert str(NONE) == "0 days"


@pytest.mark.parametrize(
    ("zone", "anchor", "text", "times", "expected"),
    [
        # spring: 02:00 becomes 03:00 on 29 March 2026
        (BUDAPEST, "2026-03-28T12:00", "1 day", 1, "2026-03-29T12:00+02:00"),
        (BUDAPEST, "2026-03-28T12:00", "24 hours", 1, "2026-03-29T13:00+02:00"),
        (BUDAPEST, "2026-03-28T02:30", "1 day", 1, "2026-03-29T03:30+02:00"),
        (BUDAPEST, "2026-03-28T02:30", "1 day", 2, "2026-03-30T02:30+02:00"),
        (BUDAPEST, "2026-03-28T02:00", "1 day", 1, "2026-03-29T03:00+02:00"),
        (BUDAPEST, "2026-03-22T02:30", "1 week", 1, "2026-03-29T03:30+02:00"),
        (BUDAPEST, "2026-02-28T02:30", "1 month", 1, "2026-03-28T02:30+01:00"),
        (BUDAPEST, "2026-03-29T01:45", "15 minutes", 1, "2026-03-29T03:00+02:00"),
        # autumn: 03:00 becomes 02:00 on 25 October 2026
        (BUDAPEST, "2026-10-24T12:00", "1 day", 1, "2026-10-25T12:00+01:00"),
        (BUDAPEST, "2026-10-24T12:00", "24 hours", 1, "2026-10-25T11:00+01:00"),
        (BUDAPEST, "2026-10-24T02:30", "1 day", 1, "2026-10-25T02:30+02:00"),
        (BUDAPEST, "2026-09-25T02:30", "1 month", 1, "2026-10-25T02:30+02:00"),
        (BUDAPEST, "2026-10-25T02:45", "15 minutes", 1, "2026-10-25T02:00+01:00"),
        (NEW_YORK, "2026-03-07T02:30", "1 day", 1, "2026-03-08T03:30-04:00"),
        (NEW_YORK, "2026-10-31T01:30", "1 day", 1, "2026-11-01T01:30-04:00"),
        (NEW_YORK, "2026-03-07T12:00", "36 hours", 1, "2026-03-09T01:00-04:00"),
        # half an hour: 02:00 becomes 02:30 on 4 October, and 01:30 on 5 April 2026
        (LORD_HOWE, "2026-10-03T02:15", "1 day", 1, "2026-10-04T02:45+11:00"),
        (LORD_HOWE, "2026-04-04T01:45", "1 day", 1, "2026-04-05T01:45+11:00"),
        (LORD_HOWE, "2026-04-04T12:00", "24 hours", 1, "2026-04-05T11:30+10:30"),
        # Ramadan: 03:00 becomes 02:00 on 15 February, and 02:00 becomes 03:00 on 22 March 2026
        (CASABLANCA, "2026-02-14T02:30", "1 day", 1, "2026-02-15T02:30+01:00"),
        (CASABLANCA, "2026-02-14T12:00", "1 day", 1, "2026-02-15T12:00+00:00"),
        (CASABLANCA, "2026-03-21T02:30", "1 day", 1, "2026-03-22T03:30+01:00"),
        # a whole day, 30 December 2011, was skipped
        (APIA, "2011-12-29T10:00", "1 day", 1, "2011-12-31T10:00+14:00"),
        (APIA, "2011-12-29T10:00", "1 day", 2, "2011-12-31T10:00+14:00"),
    ],
)
def test_days_keep_the_wall_clock_and_hours_do_not(
    zone: ZoneInfo, anchor: str, text: str, times: int, expected: str
) -> None:
    assert wall(advance(at(anchor, zone), duration(text), times, zone), zone) == expected


@pytest.mark.parametrize(
    ("zone", "anchor", "text", "times", "expected"),
    [
        (BUDAPEST, "2026-10-25T02:30", "52 weeks", 1, "2027-10-24T02:30+02:00"),
        (BUDAPEST, "2026-10-25T02:30", "371 days", 1, "2027-10-31T02:30+01:00"),
        (BUDAPEST, "2026-10-25T02:30", "154 days", 1, "2027-03-28T03:30+02:00"),
        (BUDAPEST, "2026-10-25T02:30", "1 day", 0, "2026-10-25T02:30+01:00"),
        (BUDAPEST, "2026-10-25T02:30", "0 days", 5, "2026-10-25T02:30+01:00"),
        (LORD_HOWE, "2026-04-05T01:45", "364 days", 1, "2027-04-04T01:45+10:30"),
    ],
)
def test_an_anchor_that_is_the_second_of_two_stays_one(
    zone: ZoneInfo, anchor: str, text: str, times: int, expected: str
) -> None:
    assert wall(advance(at(anchor, zone, fold=1), duration(text), times, zone), zone) == expected


@pytest.mark.parametrize(
    ("anchor", "text", "days"),
    [
        ("2026-01-31", "1 month", ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]),
        ("2028-01-31", "1 month", ["2028-01-31", "2028-02-29", "2028-03-31"]),
        ("2028-02-29", "12 months", ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]),
        ("2026-12-30", "1 month", ["2026-12-30", "2027-01-30", "2027-02-28", "2027-03-30"]),
        ("2026-08-31", "3 months", ["2026-08-31", "2026-11-30", "2027-02-28", "2027-05-31"]),
        ("2096-02-29", "48 months", ["2096-02-29", "2100-02-28", "2104-02-29"]),
        ("2028-02-28", "1 day", ["2028-02-28", "2028-02-29", "2028-03-01"]),
        ("2026-12-25", "1 week", ["2026-12-25", "2027-01-01"]),
    ],
)
def test_months_count_from_the_day_of_the_anchor(anchor: str, text: str, days: list[str]) -> None:
    start = at(f"{anchor}T00:00", BUDAPEST)
    assert [wall(advance(start, duration(text), times, BUDAPEST), BUDAPEST)[:16] for times in range(len(days))] == [
        f"{day}T00:00" for day in days
    ]


def test_the_day_of_the_anchor_is_the_one_in_its_zone() -> None:
    start = datetime(2026, 1, 30, 23, 30, tzinfo=UTC)
    assert advance(start, duration("1 month"), 1, BUDAPEST) == datetime(2026, 2, 27, 23, 30, tzinfo=UTC)
    assert advance(start, duration("1 month"), 1, NEW_YORK) == datetime(2026, 2, 28, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("anchor", "text", "times"),
    [
        (LATEST, "1 minute", 1),
        (LATEST, "1 day", 1),
        (LATEST, "1 month", 1),
        (LATEST - timedelta(days=3), "1 week", 1),
        (LATEST, "1200 months", 1000),
        (EARLIEST, "1 minute", -1),
        (EARLIEST, "1 month", -1),
        (EARLIEST, "1 day", -1),
        (datetime(2026, 1, 1, tzinfo=UTC), "100 months", 1000),
        (datetime(2026, 1, 1, tzinfo=UTC), "36525 days", 1000),
        (datetime(2026, 1, 1, tzinfo=UTC), "36525 days", 10**12),
        (datetime(2026, 1, 1, tzinfo=UTC), "52596000 minutes", 10**12),
        (datetime.min.replace(tzinfo=UTC), "1 day", 1),
        (datetime.max.replace(tzinfo=UTC), "1 day", -1),
        (datetime.max.replace(tzinfo=UTC), "1 day", 0),
    ],
)
@pytest.mark.parametrize("zone", [BUDAPEST, NEW_YORK, ZoneInfo("UTC"), ZoneInfo("Pacific/Kiritimati")])
def test_a_schedule_beyond_the_calendar_is_refused(anchor: datetime, text: str, times: int, zone: ZoneInfo) -> None:
    with pytest.raises(ScheduleOverflowError, match="between the years 1 and 9999"):
        advance(anchor, duration(text), times, zone)


@pytest.mark.parametrize("zone", [BUDAPEST, NEW_YORK, ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Pacific/Niue")])
@pytest.mark.parametrize("text", ["1 minute", "1 day", "1 month"])
def test_a_schedule_up_to_the_ends_of_the_calendar_is_not(zone: ZoneInfo, text: str) -> None:
    assert EARLIEST < advance(EARLIEST, duration(text), 1, zone) < advance(LATEST, duration(text), -1, zone) < LATEST


def test_a_window_ends_where_the_next_starts_and_is_paid_after_its_grace() -> None:
    start = at("2026-01-31T00:00", BUDAPEST)
    first, second = windows(start, duration("1 month"), duration("7 days"), 2, BUDAPEST)
    assert first == Window(start, at("2026-02-28T00:00", BUDAPEST), at("2026-03-07T00:00", BUDAPEST))
    assert second == Window(first.ends_at, at("2026-03-31T00:00", BUDAPEST), at("2026-04-07T00:00", BUDAPEST))
    assert occurrence_window(start, duration("1 month"), duration("7 days"), 2, BUDAPEST) == second


def test_without_grace_a_window_is_paid_when_it_ends() -> None:
    window = occurrence_window(datetime(2026, 1, 1, tzinfo=UTC), duration("36 hours"), NONE, 3, BUDAPEST)
    assert window.starts_at == datetime(2026, 1, 4, tzinfo=UTC)
    assert window.evaluation_at == window.ends_at == datetime(2026, 1, 5, 12, tzinfo=UTC)


def test_windows_beyond_the_calendar_are_refused() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(ScheduleOverflowError):
        windows(start, duration("12 months"), duration("1200 months"), 7900, BUDAPEST)
    assert len(windows(start, duration("12 months"), duration("1200 months"), 7800, BUDAPEST)) == 7800


@pytest.mark.parametrize("count", [1, 2, 3, 1000])
def test_the_occurrence_of_an_instant(count: int) -> None:
    run = windows(at("2026-01-31T02:30", BUDAPEST), duration("1 day"), duration("1 day"), count, BUDAPEST)
    step = timedelta(microseconds=1)
    assert number_at(run, run[0].starts_at - step) is None
    for number, window in enumerate(run, 1):
        assert number_at(run, window.starts_at) == number
        assert number_at(run, window.ends_at - step) == number
    assert number_at(run, run[-1].ends_at) is None


def test_no_windows_hold_nothing() -> None:
    assert number_at((), datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_a_day_that_a_zone_skips_is_an_empty_occurrence() -> None:
    run = windows(at("2011-12-29T10:00", APIA), duration("1 day"), NONE, 3, APIA)
    assert run[1].starts_at == run[1].ends_at == run[2].starts_at
    assert number_at(run, run[2].starts_at) == 3
    assert next_tick(run[0].starts_at, duration("1 day"), run[2].starts_at, APIA) == at("2012-01-01T10:00", APIA)


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("1 day", "2020-01-01T00:00", "2026-02-01T02:30"),
        ("1 day", "2026-01-31T02:30", "2026-02-01T02:30"),
        ("1 day", "2026-03-28T02:30", "2026-03-29T03:30"),
        ("1 day", "2026-03-29T03:30", "2026-03-30T02:30"),
        ("1 day", "2999-12-31T12:00", "3000-01-01T02:30"),
        ("2 weeks", "2026-02-14T02:29", "2026-02-14T02:30"),
        ("2 weeks", "2026-02-14T02:30", "2026-02-28T02:30"),
        ("1 month", "2026-02-28T02:29", "2026-02-28T02:30"),
        ("1 month", "2026-02-28T02:30", "2026-03-31T02:30"),
        ("1 month", "9998-12-31T12:00", "9999-01-31T02:30"),
        ("15 minutes", "2026-01-31T02:45", "2026-01-31T03:00"),
        ("1 hour", "2020-01-31T02:45", "2026-01-31T03:30"),
    ],
)
def test_the_next_tick_is_later_and_never_the_anchor(text: str, after: str, expected: str) -> None:
    anchor = at("2026-01-31T02:30", BUDAPEST)
    assert next_tick(anchor, duration(text), at(after, BUDAPEST), BUDAPEST) == at(expected, BUDAPEST)


def test_a_tick_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(ScheduleOverflowError):
        next_tick(LATEST - timedelta(days=9), duration("1 week"), LATEST, BUDAPEST)


ZONES = st.sampled_from(
    [
        BUDAPEST,
        NEW_YORK,
        LORD_HOWE,
        CASABLANCA,
        APIA,
        *map(ZoneInfo, ["UTC", "Asia/Kathmandu", "Antarctica/Troll", "America/Sao_Paulo", "Pacific/Chatham"]),
    ]
)
INSTANTS = st.datetimes(datetime(1971, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001  the strategy adds the zone
DURATIONS = st.one_of(
    st.builds(Duration, st.integers(1, 100), st.sampled_from(DurationUnit)),
    st.builds(Duration, st.just(1), st.sampled_from(DurationUnit)),
)


@settings(max_examples=60)
@given(INSTANTS, DURATIONS, DURATIONS, st.integers(1, 40), ZONES)
def test_windows_touch_and_keep_their_order(
    anchor: datetime, length: Duration, grace: Duration, count: int, zone: ZoneInfo
) -> None:
    run = windows(anchor, length, grace, count, zone)
    assert len(run) == count
    assert run[0].starts_at == anchor
    assert all(earlier.ends_at == later.starts_at for earlier, later in pairwise(run))
    assert all(window.starts_at <= window.ends_at <= window.evaluation_at for window in run)
    assert run[-1] == occurrence_window(anchor, length, grace, count, zone)
    for number, window in enumerate(run, 1):
        if window.starts_at < window.ends_at:
            assert number_at(run, window.starts_at) == number


@settings(max_examples=100)
@given(INSTANTS, st.sampled_from([DurationUnit.DAY, DurationUnit.WEEK]), st.integers(1, 400), ZONES)
def test_civil_days_keep_the_wall_clock_unless_it_is_skipped(
    anchor: datetime, unit: DurationUnit, times: int, zone: ZoneInfo
) -> None:
    local = anchor.astimezone(zone)
    reached = advance(anchor, Duration(1, unit), times, zone).astimezone(zone)
    wanted = local.replace(tzinfo=None) + timedelta(days=times * (7 if unit is DurationUnit.WEEK else 1))
    shift = reached.replace(tzinfo=None) - wanted
    before, after = (wanted.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    assert before is not None
    assert after is not None
    assert shift == max(after - before, timedelta(0))


@settings(max_examples=100)
@given(INSTANTS, DURATIONS, st.timedeltas(timedelta(days=-3), timedelta(days=300)), ZONES)
def test_the_next_tick_is_the_first_one_later(
    anchor: datetime, every: Duration, passed: timedelta, zone: ZoneInfo
) -> None:
    assume(every.unit is not DurationUnit.MINUTE or every.count > 59 or passed < timedelta(days=3))
    after = anchor + passed
    times = 1
    while advance(anchor, every, times, zone) <= after:
        times += 1
    assert next_tick(anchor, every, after, zone) == advance(anchor, every, times, zone)
