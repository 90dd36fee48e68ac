from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from domain.achievements.buckets import Bucket, bucket_at
from domain.achievements.definition import Count, CountKind, Definition, Period, PeriodKind, Rule
from domain.achievements.progress_shown import RuleView, shown_at, terms_shown
from domain.achievements.terms import RuleTerms
from domain.achievements.timeframe import Timeframe, TimeframeKind
from domain.facts.fact import FactKind
from domain.values.interval import moment_of

ZONE = ZoneInfo("Europe/Budapest")


WEEKDAYS = Timeframe(TimeframeKind.DAYS_OF_WEEK, days=(1, 2, 3, 4, 5))


def rule(
    kind: PeriodKind,
    goal: str = "2",
    consecutive: int = 1,
    n: int | None = None,
    timeframe: Timeframe | None = None,
    **fields: Any,
) -> RuleTerms:
    made = Rule(
        **{
            "name": "Buy",
            "trigger": FactKind.TRANSACTION,
            "count": Count(CountKind.OCCURRENCES),
            "goal": Decimal(goal),
            "period": Period(kind, n),
            "consecutive": consecutive,
            **fields,
        }
    )
    (terms,) = terms_shown(UUID(int=1), 1, Definition(name="Buyer", timeframe=timeframe, rules=(made,)), ZONE).rules
    return terms


def counted(terms: RuleTerms, **amounts: str) -> tuple[Bucket, ...]:
    """Buckets by day: `d0903` is the third of September."""
    keyed = {
        bucket_at(terms, moment_of(datetime(2026, int(day[1:3]), int(day[3:]), 12, tzinfo=UTC), ZONE)): Decimal(amount)
        for day, amount in amounts.items()
    }
    return tuple(Bucket(key, amount) for key, amount in sorted(keyed.items()))


def shown(terms: RuleTerms, at: str, **amounts: str) -> tuple[str, str, int, bool]:
    found: RuleView = shown_at(terms, counted(terms, **amounts), moment_of(datetime.fromisoformat(at), ZONE))
    return f"{found.value:f}", f"{found.remaining:f}", found.consecutive_completed, found.complete


def test_overall_all_counts_whenever_it_is_shown() -> None:
    terms = rule(PeriodKind.OVERALL)
    assert shown(terms, "2026-09-10T12:00:00Z") == ("0", "2", 0, False)
    assert shown(terms, "2036-09-10T12:00:00Z", d0903="1.5") == ("1.5", "0.5", 0, False)
    assert shown(terms, "1999-09-10T12:00:00Z", d0903="5") == ("5", "0", 1, True)


@pytest.mark.parametrize(
    ("at", "value", "streak"),
    [
        ("2026-09-06T21:59:59Z", "1", 2),  # the last second of the 6th: open, below the goal, breaks nothing
        ("2026-09-05T12:00:00Z", "2", 2),
        ("2026-09-04T12:00:00Z", "3", 1),
        ("2026-09-06T22:00:00Z", "0", 0),  # the 7th in Budapest: the 6th is over, and was below the goal
    ],
)
def test_a_streak_goes_up_to_the_open_day_or_the_one_before_it(at: str, value: str, streak: int) -> None:
    terms = rule(PeriodKind.DAY, consecutive=3)
    days = {"d0902": "2", "d0904": "3", "d0905": "2", "d0906": "1"}
    left = max(Decimal(0), 2 - Decimal(value))
    assert shown(terms, at, **days) == (value, str(left), streak, False)


def test_a_rule_that_is_complete_stays_so_and_lacks_nothing() -> None:
    terms = rule(PeriodKind.DAY, consecutive=2)
    days = {"d0902": "2", "d0903": "2"}
    assert shown(terms, "2026-09-30T12:00:00Z", **days) == ("0", "0", 2, True)
    assert shown(terms, "2026-09-04T12:00:00Z", **days, d0904="7") == ("7", "0", 3, True)


def test_weeks_begin_on_monday_and_a_streak_goes_over_the_end_of_a_year() -> None:
    weeks = rule(PeriodKind.WEEK, consecutive=4)
    assert shown(weeks, "2026-09-07T00:00:00+02:00", d0906="2") == ("0", "2", 1, False)
    assert shown(weeks, "2026-09-06T23:59:59+02:00", d0906="2") == ("2", "0", 1, False)
    months = rule(PeriodKind.MONTH, consecutive=4)
    assert shown(months, "2027-01-15T12:00:00Z", d1003="2", d1130="2", d1231="4") == ("0", "2", 3, False)
    years = rule(PeriodKind.YEAR, consecutive=2)
    assert shown(years, "2027-12-31T12:00:00Z", d0101="2") == ("0", "2", 1, False)


@pytest.mark.parametrize(
    ("at", "streak"),
    [
        ("2026-09-04T12:00:00Z", 3),  # Friday
        ("2026-09-05T12:00:00Z", 3),  # the days off
        ("2026-09-06T12:00:00Z", 3),
        ("2026-09-07T12:00:00Z", 3),  # Monday is open
        ("2026-09-08T12:00:00Z", 0),  # and was missed
    ],
)
def test_days_off_neither_count_nor_break(at: str, streak: int) -> None:
    terms = rule(PeriodKind.DAY, "1", consecutive=5, timeframe=WEEKDAYS)
    days = {"d0902": "1", "d0903": "1", "d0904": "1"}
    assert shown(terms, at, **days)[2:] == (streak, False)
    assert shown(terms, at, **days, d0907="1", d0908="1")[3]
    assert shown(terms, "2026-09-08T12:00:00Z", **days, d0907="1", d0908="1") == ("1", "0", 5, True)


def test_months_and_weeks_off_do_not_break_either() -> None:
    summer = Timeframe(TimeframeKind.MONTHS, months=(6, 7, 8))
    months = rule(PeriodKind.MONTH, "1", consecutive=4, timeframe=summer)
    assert shown(months, "2027-05-31T12:00:00Z", d0610="1", d0710="1", d0810="1")[2] == 3
    assert shown(months, "2027-07-01T12:00:00Z", d0610="1", d0710="1", d0810="1")[2] == 0
    away = Timeframe(TimeframeKind.NOT_BETWEEN, start="2026-08-03", to="2026-08-16")
    weeks = rule(PeriodKind.WEEK, "1", consecutive=4, timeframe=away)
    assert shown(weeks, "2026-08-23T12:00:00Z", d0722="1", d0729="1", d0819="1")[2] == 3
    partly = Timeframe(TimeframeKind.NOT_BETWEEN, start="2026-08-04", to="2026-08-16")
    weeks = rule(PeriodKind.WEEK, "1", consecutive=4, timeframe=partly)
    assert shown(weeks, "2026-08-23T12:00:00Z", d0722="1", d0729="1", d0819="1")[2] == 1


def test_a_day_without_an_hour_or_with_one_twice_is_a_day() -> None:
    terms = rule(PeriodKind.DAY, consecutive=9)
    spring = {"d0328": "2", "d0329": "2", "d0330": "2"}
    assert shown(terms, "2026-03-30T23:59:00+02:00", **spring)[2] == 3
    autumn = {"d1024": "2", "d1025": "2", "d1026": "2"}
    assert shown(terms, "2026-10-26T23:59:00+01:00", **autumn)[2] == 3


def test_facts_of_days_to_come_are_not_shown_yet() -> None:
    terms = rule(PeriodKind.DAY, consecutive=9)
    assert shown(terms, "2026-09-03T12:00:00Z", d0903="1", d0904="2", d0905="2") == ("1", "1", 0, False)


def test_the_last_days_are_those_that_end_today() -> None:
    terms = rule(PeriodKind.LAST_DAYS, goal="10", n=7)
    days = {"d0901": "4", "d0903": "3", "d0907": "2"}
    assert shown(terms, "2026-09-07T12:00:00Z", **days) == ("9", "1", 0, False)
    assert shown(terms, "2026-09-08T12:00:00Z", **days) == ("5", "5", 0, False)
    assert shown(terms, "2026-09-30T12:00:00Z", **days) == ("0", "10", 0, False)
    assert shown(terms, "2026-09-30T12:00:00Z", **days, d0906="1") == ("0", "0", 1, True)


def test_a_value_that_several_of_the_last_days_have_is_one() -> None:
    terms = rule(PeriodKind.LAST_DAYS, goal="3", n=2, count=Count(CountKind.DISTINCT, attribute="store"))
    day = bucket_at(terms, moment_of(datetime(2026, 9, 3, 12, tzinfo=UTC), ZONE))
    buckets = (Bucket(day, Decimal(2), ("Paris", "Rome")), Bucket(day + 1, Decimal(1), ("Rome",)))
    at = moment_of(datetime(2026, 9, 4, 12, tzinfo=UTC), ZONE)
    assert shown_at(terms, buckets, at) == RuleView(Decimal(2), Decimal(1), 0, complete=False)
