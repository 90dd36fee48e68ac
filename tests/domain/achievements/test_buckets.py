"""Buckets: what a rule counts in each period, against the plainest way of saying the same."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.achievements.buckets import (
    BUCKETS_KEPT,
    Bucket,
    bucket_of,
    completed_by,
    is_complete,
    reached,
    window,
    with_bucket,
)
from domain.achievements.definition import CountKind, PeriodKind, Subject
from domain.achievements.terms import RuleTerms
from domain.facts.fact import FactKind


def rule(**fields: Any) -> RuleTerms:
    given_: dict[str, Any] = {
        "number": 1,
        "trigger": FactKind.TRANSACTION,
        "event_type": None,
        "subject": Subject.MEMBER,
        "unique_referee": False,
        "conditions": None,
        "count": CountKind.SUM,
        "measured": None,
        "items": None,
        "reads_products": False,
        "goal": Decimal(3),
        "period": PeriodKind.DAY,
        "days": 1,
        "consecutive": 1,
        "frequency": None,
    }
    return RuleTerms(**given_ | fields)


AMOUNTS = st.dictionaries(st.integers(0, 20), st.integers(-2, 5).map(Decimal), max_size=12)


def made(amounts: dict[int, Decimal]) -> tuple[Bucket, ...]:
    buckets: tuple[Bucket, ...] = ()
    for key, amount in amounts.items():
        buckets = with_bucket(buckets, key, amount)
    return buckets


@given(amounts=AMOUNTS)
def test_buckets_are_in_order_however_they_come(amounts: dict[int, Decimal]) -> None:
    assert made(amounts) == tuple(Bucket(key, amounts[key]) for key in sorted(amounts))
    assert all(bucket_of(made(amounts), key) == Bucket(key, amount) for key, amount in amounts.items())
    assert bucket_of(made(amounts), 99) is None


@given(amounts=AMOUNTS, consecutive=st.integers(1, 4))
def test_a_streak_is_a_run_of_periods_at_the_goal(amounts: dict[int, Decimal], consecutive: int) -> None:
    full = {key for key, amount in amounts.items() if amount >= 3}
    plainly = any(all(start + step in full for step in range(consecutive)) for start in full)
    assert is_complete(rule(consecutive=consecutive), made(amounts)) == plainly


@given(amounts=AMOUNTS, off=st.sets(st.integers(0, 20)), consecutive=st.integers(1, 4))
def test_a_streak_goes_on_over_periods_that_are_off(
    amounts: dict[int, Decimal], off: set[int], consecutive: int
) -> None:
    """As if they were not there; what was counted in one, before it became so, stays."""
    full = {key for key, amount in amounts.items() if amount >= 3}
    there = [key for key in range(21) if key not in off or key in full]
    plainly = any(
        all(key in full for key in there[start : start + consecutive]) for start in range(len(there) - consecutive + 1)
    )
    assert is_complete(rule(consecutive=consecutive, is_off=off.__contains__), made(amounts)) == plainly


@given(amounts=AMOUNTS, off=st.sets(st.integers(0, 20)), consecutive=st.integers(1, 4))
def test_what_completes_a_streak_is_its_last_run_that_is_long_enough(
    amounts: dict[int, Decimal], off: set[int], consecutive: int
) -> None:
    terms = rule(consecutive=consecutive, is_off=off.__contains__)
    full = [key for key in sorted(amounts) if amounts[key] >= 3]
    span = completed_by(terms, made(amounts))
    assert (span is not None) == is_complete(terms, made(amounts))
    if span:
        first, last = span
        run = [key for key in full if first <= key <= last]
        assert (run[0], run[-1], len(run)) == (first, last, consecutive)
        assert all(key in full or key in off for key in range(first, last + 1))
        assert not is_complete(terms, made({key: amounts[key] for key in amounts if key > run[0]}))


@given(amounts=AMOUNTS, days=st.integers(1, 6))
def test_what_completes_the_last_days_is_their_last_sum_that_is_enough(amounts: dict[int, Decimal], days: int) -> None:
    terms = rule(period=PeriodKind.LAST_DAYS, days=days)
    span = completed_by(terms, made(amounts))
    assert (span is not None) == is_complete(terms, made(amounts))
    if span:
        first, last = span
        assert last - first == days - 1
        assert sum(amount for key, amount in amounts.items() if first <= key <= last) >= 3


@given(amounts=AMOUNTS, days=st.integers(1, 6), key=st.integers(0, 20))
@settings(max_examples=200)
def test_the_last_days_are_sums_that_slide(amounts: dict[int, Decimal], days: int, key: int) -> None:
    terms = rule(period=PeriodKind.LAST_DAYS, days=days)
    buckets = made(amounts)

    def summed(end: int) -> Decimal:
        return sum((amount for at, amount in amounts.items() if end - days < at <= end), Decimal(0))

    assert all(window(terms, buckets, end) == summed(end) for end in range(25))
    assert is_complete(terms, buckets) == any(summed(end) >= 3 for end in amounts)
    if key in amounts:
        assert reached(terms, buckets, key) == max(summed(at) for at in amounts if key <= at < key + days)


def test_a_value_of_several_days_is_one_in_their_sum() -> None:
    terms = rule(period=PeriodKind.LAST_DAYS, days=3, count=CountKind.DISTINCT)
    buckets = (Bucket(1, Decimal(2), ("a", "b")), Bucket(3, Decimal(1), ("a",)), Bucket(4, Decimal(1), ("c",)))
    assert [window(terms, buckets, end) for end in (1, 3, 4, 6, 7)] == [2, 2, 2, 1, 0]
    assert not is_complete(terms, buckets)
    assert is_complete(terms, (*buckets[:2], Bucket(3, Decimal(2), ("a", "c"))))


@given(
    values=st.dictionaries(st.integers(0, 12), st.sets(st.sampled_from("abcd"), min_size=1).map(sorted)),
    days=st.integers(1, 5),
)
@settings(max_examples=100)
def test_the_values_of_the_last_days_are_those_that_differ(values: dict[int, list[str]], days: int) -> None:
    terms = rule(period=PeriodKind.LAST_DAYS, days=days, count=CountKind.DISTINCT)
    buckets = tuple(Bucket(key, Decimal(len(values[key])), tuple(values[key])) for key in sorted(values))

    def distinct(end: int) -> int:
        return len({value for at, found in values.items() if end - days < at <= end for value in found})

    assert all(window(terms, buckets, end) == distinct(end) for end in range(15))
    assert is_complete(terms, buckets) == any(distinct(end) >= 3 for end in values)
    assert all(reached(terms, buckets, key) == max(distinct(end) for end in range(key, key + days)) for key in values)


def test_values_join_and_leave_a_bucket() -> None:
    buckets = with_bucket((), 1, Decimal(1), joins="a")
    buckets = with_bucket(buckets, 1, Decimal(2), joins="b")
    assert with_bucket(buckets, 1, Decimal(1), leaves="a") == (Bucket(1, Decimal(1), ("b",)),)


def test_the_latest_buckets_are_kept() -> None:
    buckets = made({key: Decimal(1) for key in range(BUCKETS_KEPT + 3)})
    assert (len(buckets), buckets[0].key) == (BUCKETS_KEPT, 3)


@pytest.mark.parametrize("amount", ["2.999999999999", "3", "3.000000000001"])
def test_the_goal_itself_reaches_it(amount: str) -> None:
    assert is_complete(rule(), made({5: Decimal(amount)})) == (Decimal(amount) >= 3)
