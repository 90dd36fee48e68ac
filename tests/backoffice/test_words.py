from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from backoffice.achievements import words as achievement_words
from backoffice.frame.conditions import condition
from backoffice.frame.figures import counted, figure, signed, total
from backoffice.frame.writing import ZonedTimes, relative, share, span
from backoffice.tiered import words
from domain.facts.fact import FactKind
from domain.tiered.definition import Aggregate, Audience
from domain.tiered.points import HitType
from domain.tiered.terms import CombinationPart, CombinationScope
from tests.support.campaigns import definition

NOW = datetime(2026, 9, 10, 12, tzinfo=UTC)
PARTS = (CombinationPart("A", Decimal(2)), CombinationPart("B", Decimal("1.0")))


@pytest.mark.parametrize(
    ("value", "decimals", "shown"),
    [
        ("0", None, "0"),
        ("1234567.500", None, "1,234,567.5"),
        ("1234567.5", 2, "1,234,567.50"),
        ("1234.567", 2, "1,234.567"),
        ("-1234", 0, "-1,234"),
        ("-0.5", 2, "-0.50"),
        (Decimal("1E+3"), 0, "1,000"),
        (
            "12345678901234567890.123456789012345678901234567891",
            0,
            "12,345,678,901,234,567,890.123456789012345678901234567891",
        ),
        (7, None, "7"),
    ],
)
def test_figures_are_grouped_and_lose_nothing(value: Any, decimals: int | None, shown: str) -> None:
    assert figure(value, decimals) == shown


def test_changes_have_a_sign() -> None:
    assert [signed(value, 2) for value in ("5", "0", "-5")] == ["+5.00", "0.00", "-5.00"]


def test_sums_are_exact() -> None:
    assert total(["0.1"] * 3 + ["1" + "0" * 19]) == "10000000000000000000.3"
    assert total([]) == "0"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (59, "59 s"),
        (61, "1 min 1 s"),
        (120, "2 min"),
        (700, "11 min"),
        (3_600, "1 h"),
        (5_400, "1 h 30 min"),
        (86_400, "1 day"),
        (93_600, "1 day 2 h"),
        (864_000, "10 days"),
        (86_400 * 400, "400 days"),
    ],
)
def test_spans_name_their_two_largest_units(seconds: float, shown: str) -> None:
    length = timedelta(seconds=seconds)
    assert span(length) == shown
    if seconds >= 1:
        assert (relative(NOW + length, NOW), relative(NOW - length, NOW)) == (f"in {shown}", f"{shown} ago")


def test_a_share_of_time_stays_within_it() -> None:
    hours = [share(NOW, NOW + timedelta(hours=hour), NOW + timedelta(hours=4)) for hour in (-1, 0, 1, 4, 9)]
    assert hours == [0, 0, 25, 100, 100]
    assert share(NOW, NOW, NOW) == 100


@pytest.mark.parametrize(
    ("instant", "shown"),
    [
        (datetime(2026, 9, 10, 12, 5, 6, tzinfo=UTC), "10 Sep, 14:05"),
        (datetime(2026, 9, 9, 22, tzinfo=UTC), "10 Sep"),
        (datetime(2025, 12, 31, 23, tzinfo=UTC), "1 Jan"),
        (datetime(2025, 12, 31, 22, tzinfo=UTC), "31 Dec 2025, 23:00"),
        (datetime(2027, 1, 1, 11, tzinfo=UTC), "1 Jan 2027, 12:00"),
    ],
)
def test_instants_are_shown_in_their_zone_and_written_in_utc(instant: datetime, shown: str) -> None:
    element = ZonedTimes(ZoneInfo("Europe/Budapest"), NOW).moment(instant)
    assert element.endswith(f">{shown}</time>")
    assert f'datetime="{instant.isoformat()}"' in element


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "Counts the total of transactions, for everyone."),
        ({"products": ("A", "B", "C")}, "Counts the total of A, B and C of transactions, for everyone."),
        ({"date": "checkout_at"}, "Counts the total of transactions, for everyone, placed by checkout date."),
        (
            {"audience": Audience(("gold",), ("vip", "old"))},
            "Counts the total of transactions, for members of segment gold, list vip or list old.",
        ),
        (
            {"entity": FactKind.EVENT, "event_type": "workout", "aggregate": Aggregate(attribute="minutes")},
            "Counts the minutes of workout events, for everyone.",
        ),
        ({"aggregate": Aggregate(combination=PARTS)}, "Counts complete sets of 2 A + 1 B, for everyone."),
        (
            {"aggregate": Aggregate(combination=PARTS, scope=CombinationScope.TRANSACTION)},
            "Counts complete sets of 2 A + 1 B within one transaction, for everyone.",
        ),
        ({"entity": None, "aggregate": None}, "Counts nothing yet, for everyone."),
        (
            {"filter": {"expression": "transaction.total > 20"}},
            "Counts the total of transactions, for everyone, where transaction.total > 20.",
        ),
    ],
)
def test_a_definition_is_said_in_a_sentence(fields: dict[str, Any], said: str) -> None:
    assert words.summary(definition(**fields)) == said


def test_conditions_are_said_as_they_are_nested() -> None:
    asked = {
        "any": [
            {"attribute": "transaction.total", "operator": "gte", "value": "20"},
            {
                "all": [
                    {"attribute": "transaction.attributes.channel", "operator": "in", "value": ["web", "app"]},
                    {"attribute": "member.tier", "operator": "exists"},
                ]
            },
        ]
    }
    assert condition(asked) == "total is at least 20 or (channel is web or app and tier is there)"


def test_rewards_are_said_by_what_they_pay() -> None:
    said = [
        words.reward(definition(hit_type=kind), "10")
        for kind in (HitType.AMOUNT, HitType.PERCENTAGE, HitType.HIT_LIMIT, None)
    ]
    assert said == ["10 per unit", "10 %", "10", "10"]


def test_every_way_to_read_tiers_is_said() -> None:
    said = {
        words.rule(definition(hit_type=kind, bracketed=bracketed)) for kind in HitType for bracketed in (True, False)
    }
    assert len(said) == 6
    assert words.rule(definition(hit_type=None)) == ""


def test_one_of_something_and_several() -> None:
    assert counted("1", "member") == "1 member"
    assert counted(1200, "member") == "1,200 members"
    assert counted(Decimal("1.0"), "unit") == "1 unit"
    assert counted(0, "unit") == "0 units"


def test_which_rules_moved() -> None:
    assert achievement_words.numbered([2]) == "rule 2"
    assert achievement_words.numbered([1, 2]) == "rules 1 and 2"
