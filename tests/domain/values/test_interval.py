"""Intervals by the calendar, and tallies that no cap is passed by."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from unittest.mock import Mock
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.values import interval
from domain.values.amounts import EXACT, ONE
from domain.values.interval import (
    DAYS_KEPT,
    NOTHING,
    Interval,
    IntervalUnit,
    Moment,
    Tally,
    added,
    first_day,
    lowered,
    moment_of,
    number_of,
    starts_at,
    used,
)
from domain.values.limit import Limit

BUDAPEST = ZoneInfo("Europe/Budapest")
DAY = date(2026, 9, 10).toordinal()


def counted(*days: int) -> Tally:
    tally = NOTHING
    for day in days:
        tally = added(tally, Moment(day, 12), ONE)
    return tally


class TestUnits:
    @pytest.mark.parametrize("unit", IntervalUnit)
    @given(day=st.integers(date.min.toordinal() + 400, date.max.toordinal() - 400), hour=st.integers(0, 23))
    @settings(max_examples=60)
    def test_each_begins_where_the_one_before_ends(self, unit: IntervalUnit, day: int, hour: int) -> None:
        moment = Moment(day, hour)
        number = number_of(moment, unit)
        place = moment.day * 24 + moment.hour if unit is IntervalUnit.HOUR else moment.day
        assert first_day(number, unit) <= place < first_day(number + 1, unit)

    def test_weeks_begin_on_monday(self) -> None:
        sunday, monday = (number_of(Moment(date(2026, 9, day).toordinal(), 0), IntervalUnit.WEEK) for day in (13, 14))
        assert monday == sunday + 1
        assert starts_at(monday, IntervalUnit.WEEK, BUDAPEST) == datetime(2026, 9, 14, tzinfo=BUDAPEST)

    def test_days_are_civil(self) -> None:
        late = datetime(2026, 9, 10, 22, 30, tzinfo=UTC)
        assert moment_of(late, BUDAPEST) == Moment(DAY + 1, 0)

    @pytest.mark.parametrize("instant", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
    @pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
    @pytest.mark.parametrize("unit", IntervalUnit)
    def test_the_ends_of_the_calendar_have_moments(self, instant: datetime, zone: str, unit: IntervalUnit) -> None:
        moment = moment_of(instant, ZoneInfo(zone))
        assert used(added(NOTHING, moment, ONE), Interval(unit, 2), moment) == 1

    def test_a_repeated_hour_is_one(self) -> None:
        first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
        assert moment_of(first, BUDAPEST) == moment_of(first + timedelta(hours=1), BUDAPEST)


class TestTally:
    def test_a_life_counts_everything(self) -> None:
        assert used(counted(DAY, DAY - 400, DAY + 400), None, Moment(DAY, 0)) == 3

    def test_an_interval_counts_what_lies_in_it(self) -> None:
        tally = counted(DAY - 9, DAY, DAY, DAY + 30)
        assert used(tally, Interval(IntervalUnit.DAY), Moment(DAY, 23)) == 2
        assert used(tally, Interval(IntervalUnit.MONTH), Moment(DAY, 0)) == 3
        assert used(tally, Interval(IntervalUnit.MONTH, 2), Moment(DAY + 30, 0)) == 4

    def test_what_comes_late_counts_with_what_came_after_it(self) -> None:
        assert used(counted(DAY + 1), Interval(IntervalUnit.DAY, 2), Moment(DAY, 0)) == 1

    def test_what_is_taken_back_counts_no_more(self) -> None:
        tally = added(counted(DAY, DAY), Moment(DAY, 12), -ONE)
        assert used(tally, Interval(IntervalUnit.DAY), Moment(DAY, 0)) == used(tally, None, Moment(DAY, 0)) == 1

    def test_what_is_lowered_is_what_was_counted_last(self) -> None:
        tally = lowered(counted(DAY - 1, DAY, DAY), Decimal(2))
        assert [used(tally, Interval(IntervalUnit.DAY), Moment(day, 12)) for day in (DAY - 1, DAY)] == [1, 0]
        assert [used(tally, Interval(IntervalUnit.HOUR), Moment(day, 12)) for day in (DAY - 1, DAY)] == [1, 0]
        assert used(tally, None, Moment(DAY, 0)) == 1

    def test_what_is_no_longer_kept_is_lowered_last(self) -> None:
        tally = lowered(counted(*range(DAY, DAY + DAYS_KEPT + 5)), Decimal(DAYS_KEPT + 2))
        assert used(tally, Interval(IntervalUnit.DAY), Moment(DAY, 0)) == used(tally, None, Moment(DAY, 0)) == 3

    def test_an_edit_of_the_interval_finds_what_came_before(self) -> None:
        tally = counted(DAY, DAY)
        assert [used(tally, Interval(unit), Moment(DAY, 12)) for unit in IntervalUnit] == [2] * len(IntervalUnit)

    def test_what_is_no_longer_kept_counts_against_a_cap(self) -> None:
        tally = counted(*range(DAY, DAY + DAYS_KEPT + 5))
        assert len(tally.days) == DAYS_KEPT
        assert used(tally, Interval(IntervalUnit.DAY), Moment(DAY, 0)) == 5
        assert used(tally, Interval(IntervalUnit.DAY), Moment(DAY + DAYS_KEPT + 4, 0)) == 1
        assert used(tally, None, Moment(DAY, 0)) == DAYS_KEPT + 5

    def test_nothing_is_left_of_a_limit_below_what_was_counted(self) -> None:
        assert Limit(ONE).left(counted(DAY, DAY), Moment(DAY, 0)) == 0

    @given(
        offsets=st.lists(st.integers(-90, 90), max_size=30),
        at=st.integers(-90, 90),
        unit=st.sampled_from(IntervalUnit),
        n=st.integers(1, 30),
    )
    @settings(max_examples=150)
    def test_the_most_that_any_interval_with_the_moment_holds(
        self, offsets: list[int], at: int, unit: IntervalUnit, n: int
    ) -> None:
        numbers = [number_of(Moment(DAY + offset, 12), unit) for offset in offsets]
        number = number_of(Moment(DAY + at, 12), unit)
        plainly = (sum(end - n < other <= end for other in numbers) for end in range(number, number + n))
        assert used(counted(*(DAY + offset for offset in offsets)), Interval(unit, n), Moment(DAY + at, 12)) == max(
            plainly
        )

    def test_what_was_counted_is_added_up_once_however_long_the_interval(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tally = counted(*range(DAY, DAY + DAYS_KEPT))
        context = Mock(wraps=EXACT)
        monkeypatch.setattr(interval, "EXACT", context)
        assert used(tally, Interval(IntervalUnit.DAY, 366), Moment(DAY + 380, 0)) == 366
        assert context.add.call_count <= DAYS_KEPT + 366

    @given(
        offsets=st.lists(st.integers(-40, 40), min_size=1, max_size=60),
        unit=st.sampled_from(IntervalUnit),
        n=st.integers(1, 4),
        most=st.integers(1, 3),
    )
    @settings(max_examples=150)
    def test_no_interval_ever_holds_more_than_a_limit(
        self, offsets: list[int], unit: IntervalUnit, n: int, most: int
    ) -> None:
        interval = Interval(unit, n)
        taken: list[Moment] = []
        tally = NOTHING
        for offset in offsets:
            day, hour = divmod(offset, 5)
            moment = Moment(DAY + day, hour)
            if not Limit(Decimal(most), interval).reached(tally, moment):
                tally = added(tally, moment, ONE)
                taken.append(moment)
        numbers = [number_of(moment, unit) for moment in taken]
        for number in numbers:
            assert sum(number - n < other <= number for other in numbers) <= most
        assert tally.total == len(taken)
