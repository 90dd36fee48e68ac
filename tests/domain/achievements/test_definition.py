"""Everything that can be wrong with an achievement, each at its place, and which edits start progress again."""

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.achievements.definition import (
    Count,
    CountKind,
    Period,
    PeriodKind,
    Subject,
    achievement_problems,
    new_revision,
)
from domain.achievements.timeframe import Timeframe, TimeframeKind
from domain.facts.fact import FactKind
from domain.values.interval import MOST_UNITS, Interval, IntervalUnit
from domain.values.limit import Limit
from domain.values.texts import Text
from tests.domain.references import References
from tests.support.achievements import definition, rule

UTC = ZoneInfo("UTC")
EVENT: dict[str, Any] = {"trigger": FactKind.EVENT, "event_type": "workout"}
SUM = Count(CountKind.SUM, expression="transaction.total")
DISTINCT = Count(CountKind.DISTINCT, attribute="transaction.attributes.store")
PIECES = Count(CountKind.MATCHING_QUANTITY)
VALUE = Count(CountKind.MATCHING_VALUE, items={"expression": "item.price > 1"})
LAST_WEEK = Period(PeriodKind.LAST_DAYS, 7)


def problems(**fields: Any) -> list[str]:
    return [problem.pointer for problem in achievement_problems(definition(**fields), References(), UTC)]


def rule_problems(**fields: Any) -> list[str]:
    found = achievement_problems(definition(rule(**fields)), References(), UTC)
    return [problem.pointer.removeprefix("/rules/0/") for problem in found]


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({}, []),
        ({"limit": None, "badge": "medal", "description": "Buy!"}, []),
        ({"name": "  "}, ["/name"]),
        ({"name": "x" * 201}, ["/name"]),
        ({"description": "x" * 4001}, ["/description"]),
        ({"translations": {"de": Text("Käufer"), "pt-BR": Text(description="Compre")}}, []),
        ({"translations": {"de": Text()}}, ["/translations/de"]),
        ({"translations": {"de": Text("", "x" * 4001)}}, ["/translations/de/name", "/translations/de/description"]),
        ({"translations": {"not a locale": Text("x")}}, ["/translations/not a locale"]),
        ({"translations": {"a/b~": Text("x")}}, ["/translations/a~1b~0"]),
        ({"translations": {f"x{number:03}": Text("x") for number in range(101)}}, ["/translations"]),
        ({"timeframe": Timeframe(TimeframeKind.MONTHS)}, ["/timeframe/months"]),
        ({"badge": "tin"}, ["/badge"]),
        ({"limit": Limit(Decimal(0))}, ["/limit/value"]),
        ({"limit": Limit(Decimal("1.5"))}, ["/limit/value"]),
        ({"limit": Limit(Decimal("NaN"))}, ["/limit/value"]),
        ({"limit": Limit(Decimal("1e19"))}, ["/limit/value"]),
        ({"limit": Limit(Decimal("1e999999"))}, ["/limit/value"]),
        ({"limit": Limit(Decimal(1), Interval(IntervalUnit.DAY, 0))}, ["/limit/interval/n"]),
        ({"rules": ()}, ["/rules"]),
        ({"rules": (rule(),) * 6}, []),
        ({"rules": (rule(),) * 7}, ["/rules"]),
        ({"rules": (rule(), rule(name=""))}, ["/rules/1/name"]),
    ],
)
def test_of_the_whole(fields: dict[str, Any], pointers: list[str]) -> None:
    assert problems(**fields) == pointers


@pytest.mark.parametrize("unit", list(IntervalUnit))
def test_an_interval_is_as_long_as_can_be_kept(unit: IntervalUnit) -> None:
    most = MOST_UNITS[unit]
    assert problems(limit=Limit(Decimal(1), Interval(unit, most))) == []
    assert problems(limit=Limit(Decimal(1), Interval(unit, most + 1))) == ["/limit/interval/n"]


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        (EVENT, []),
        ({"trigger": FactKind.EVENT}, ["event_type"]),
        ({"trigger": FactKind.EVENT, "event_type": "nap"}, ["event_type"]),
        ({"event_type": "workout"}, ["event_type"]),
        ({"subject": Subject.REFERRER, "unique_referee": True}, []),
        ({"unique_referee": True}, ["unique_referee"]),
        ({"count": SUM}, []),
        ({"count": Count(CountKind.SUM)}, ["count/expression"]),
        ({"count": Count(CountKind.SUM, "1", "a", {})}, ["count/attribute", "count/items"]),
        ({"count": DISTINCT}, []),
        ({"count": Count(CountKind.DISTINCT, attribute=" ")}, ["count/attribute"]),
        ({"count": Count(CountKind.DISTINCT, attribute="a/b")}, ["count/attribute"]),
        ({"count": Count(CountKind.DISTINCT, items={})}, ["count/attribute", "count/items"]),
        ({"count": Count(CountKind.OCCURRENCES, "1")}, ["count/expression"]),
        ({"count": PIECES}, []),
        ({"count": VALUE}, []),
        ({"count": Count(CountKind.MATCHING_VALUE, "1")}, ["count/expression"]),
        ({"count": PIECES, **EVENT}, ["count/kind"]),
        ({"goal": Decimal(0)}, ["goal"]),
        ({"goal": Decimal(-1)}, ["goal"]),
        ({"goal": Decimal("Infinity")}, ["goal"]),
        ({"goal": Decimal("1e-31")}, ["goal"]),
        ({"goal": Decimal("0.5")}, []),
        ({"goal": Decimal(1000), "count": DISTINCT}, []),
        ({"goal": Decimal(1001), "count": DISTINCT}, ["goal"]),
        ({"goal": Decimal(1001)}, []),
        ({"period": LAST_WEEK}, []),
        ({"period": Period(PeriodKind.LAST_DAYS)}, ["period/n"]),
        ({"period": Period(PeriodKind.LAST_DAYS, 0)}, ["period/n"]),
        ({"period": Period(PeriodKind.LAST_DAYS, 367)}, ["period/n"]),
        ({"period": Period(PeriodKind.DAY, 7)}, ["period/n"]),
        ({"period": Period(PeriodKind.WEEK), "consecutive": 366}, []),
        ({"period": Period(PeriodKind.WEEK), "consecutive": 367}, ["consecutive"]),
        ({"period": Period(PeriodKind.WEEK), "consecutive": 0}, ["consecutive"]),
        ({"consecutive": 2}, ["consecutive"]),
        ({"period": LAST_WEEK, "consecutive": 2}, ["consecutive"]),
        ({"frequency": Limit(Decimal(1), Interval(IntervalUnit.HOUR))}, []),
        (
            {"frequency": Limit(Decimal("0.5"), Interval(IntervalUnit.YEAR, 11))},
            ["frequency/value", "frequency/interval/n"],
        ),
    ],
)
def test_of_a_rule(fields: dict[str, Any], pointers: list[str]) -> None:
    assert rule_problems(**fields) == pointers


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        (EVENT, ("trigger", "event_type")),
        ({"subject": Subject.REFERRER}, ("subject",)),
        ({"subject": Subject.REFERRER, "unique_referee": True}, ("subject", "unique_referee")),
        ({"count": SUM}, ("count",)),
        ({"goal": Decimal(6)}, ("goal",)),
        ({"goal": Decimal("5.0")}, ()),
        ({"period": Period(PeriodKind.WEEK)}, ("period",)),
        ({"period": Period(PeriodKind.WEEK), "consecutive": 2}, ("period", "consecutive")),
        ({"name": "Five!"}, ()),
        ({"conditions": {"expression": "transaction.total > 20"}}, ()),
        ({"frequency": Limit(Decimal(1), Interval(IntervalUnit.DAY))}, ()),
    ],
)
def test_what_of_a_rule_makes_a_new_revision(fields: dict[str, Any], pointers: tuple[str, ...]) -> None:
    before, after = definition(rule(), rule()), definition(rule(), rule(**fields))
    expected = tuple(f"/rules/1/{pointer}" for pointer in pointers)
    assert new_revision(before, after) == new_revision(after, before) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "B"},
        {"description": "B"},
        {"translations": {"de": Text("B")}},
        {"timeframe": Timeframe(TimeframeKind.ALWAYS)},
        {"limit": None},
        {"badge": "medal"},
    ],
)
def test_what_is_no_rule_keeps_the_revision(fields: dict[str, Any]) -> None:
    assert new_revision(definition(), definition(**fields)) == ()


def test_the_set_of_rules_and_their_order_make_a_new_revision() -> None:
    one, other = rule(), rule(name="B", conditions={"expression": "transaction.total > 20"})
    assert new_revision(definition(one), definition(one, other)) == ("/rules",)
    assert new_revision(definition(one, other), definition(one)) == ("/rules",)
    assert new_revision(definition(one, other), definition(other, one)) == ("/rules",)
    assert new_revision(definition(one, other), definition(one, other)) == ()


def test_rules_may_change_names() -> None:
    condition = {"expression": "transaction.total > 20"}
    before = definition(rule(name="A"), rule(name="B", conditions=condition))
    assert new_revision(before, definition(rule(name="B"), rule(name="A", conditions=condition))) == ()
