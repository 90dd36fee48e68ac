from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.achievements.progress import Move
from domain.campaigns.occasion import AchievementContext, Occasion
from domain.campaigns.scope import ACHIEVEMENT, PROGRESS, campaign_scope
from domain.catalogue.entries import EventType
from domain.expressions import CompiledExpression, ExpressionFailure, Type, compile_expression
from domain.facts.event import Happening
from domain.facts.purchase import Item, Purchase
from domain.facts.scope import ItemLine, line_scope
from domain.members.member import Member
from domain.values.attributes import AttributeType

WORKOUT = EventType("workout", "Workout", {"minutes": AttributeType.NUMBER, "level": AttributeType.NUMBER})
QUIZ = EventType("quiz", "Quiz", {"score": AttributeType.NUMBER, "level": AttributeType.STRING})
AT = datetime(2026, 9, 5, tzinfo=UTC)
BY_HAND = Occasion(
    Member("M-1", "gold", {"city": "Paris"}, (), "M-9"),
    AchievementContext(UUID("018f0000-0000-7000-8000-000000000001"), "Five purchases", 3),
)
BOUGHT = Occasion(
    BY_HAND.member,
    BY_HAND.achievement,
    transaction=Purchase(
        "T-1",
        "M-1",
        AT,
        Decimal("49.90"),
        items=(Item("SKU-1", Decimal(2), Decimal(20)), Item("SKU-2", Decimal(1), Decimal("9.90"))),
        attributes={"channel": "web"},
    ),
    moves=(Move(1, Decimal(1), Decimal(3)), Move(2, Decimal(4), Decimal(5))),
)
TRAINED = Occasion(
    BY_HAND.member, BY_HAND.achievement, event=Happening("E-1", "workout", "M-1", AT, None, None, {"level": "7"})
)
SCOPE = campaign_scope((WORKOUT, QUIZ), "UTC", with_transaction=True)


def evaluated(source: str, occasion: Occasion, expected: Type | None = None) -> Any:
    compiled = compile_expression(source, SCOPE, expected)
    assert isinstance(compiled, CompiledExpression), compiled
    return compiled.evaluate(occasion)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("member.tier", "gold"),
        ("member.referrer", "M-9"),
        ("member.attributes.city", "Paris"),
        ("1 * transaction.total", Decimal("49.90")),
        ('sum(items, "subtotal")', Decimal("49.90")),
        ("count(items, item.product == 'SKU-1')", Decimal(1)),
        ("transaction.attributes.channel", "web"),
        ("achievement.id", "018f0000-0000-7000-8000-000000000001"),
        ("achievement.name", "Five purchases"),
        ("achievement.completions * 10", Decimal(30)),
        ("progress.goal - progress.value", Decimal(1)),
        ("progress.rule == 2", True),
        ("has(event.id)", False),
        ("has(event.attributes.minutes)", False),
    ],
)
def test_a_campaign_reads_what_fired_it(source: str, value: object) -> None:
    assert evaluated(source, BOUGHT) == value


@pytest.mark.parametrize(
    "name",
    ["transaction.total", "transaction.checkout_at", "event.occurred_at", "progress.value", "event.attributes.level"],
)
def test_what_came_with_no_fact_is_absent(name: str) -> None:
    assert evaluated(name, BY_HAND) is None
    assert evaluated("count(items)", BY_HAND) == 0
    assert evaluated(f"has({name})", BY_HAND) is False


def test_a_line_without_price_and_subtotal_has_no_worth() -> None:
    lines = (Item("SKU-1", Decimal(2), Decimal(20)), Item("SKU-2", Decimal(3)), Item("SKU-3", subtotal=Decimal(1)))
    bought = Occasion(
        BY_HAND.member, BY_HAND.achievement, transaction=Purchase("T-1", "M-1", AT, Decimal(41), items=lines)
    )
    assert evaluated('sum(items, "subtotal")', bought) == 41
    assert evaluated("count(items, has(item.subtotal))", bought) == 2
    assert evaluated("any(items, item.subtotal < 1)", bought) is False
    line = compile_expression("has(subtotal)", line_scope("UTC"), Type.BOOLEAN)
    assert isinstance(line, CompiledExpression)
    assert [line.evaluate(ItemLine(item)) for item in lines] == [True, False, True]


def test_an_amount_over_another_fact_fails() -> None:
    compiled = compile_expression("1 * transaction.total", SCOPE, Type.NUMBER)
    assert isinstance(compiled, CompiledExpression)
    with pytest.raises(ExpressionFailure):
        compiled.evaluate(TRAINED)


def test_an_attribute_that_types_disagree_about_is_told_at_run_time() -> None:
    assert evaluated("event.attributes.level + 1", TRAINED) == 8
    assert evaluated("event.attributes.level", TRAINED) == "7"
    assert evaluated("event.type", TRAINED) == "workout"


def test_only_facts_that_the_achievement_takes_can_be_named() -> None:
    neither = campaign_scope((), "UTC", with_transaction=False)
    for source in ("transaction.total", "event.id", "count(items)", "transaction.attributes.channel"):
        assert isinstance(compile_expression(source, neither), list)
    workouts = campaign_scope((WORKOUT,), "UTC", with_transaction=False)
    assert isinstance(compile_expression("event.attributes.minutes", workouts), CompiledExpression)
    assert isinstance(compile_expression("event.attributes.score", workouts), list)


@pytest.mark.parametrize("name", [*ACHIEVEMENT, *PROGRESS])
def test_the_page_of_the_language_has_the_names_of_campaigns(name: str) -> None:
    page = Path(__file__).parents[3] / "docs" / "expressions.md"
    assert f"`{name}`" in page.read_text(encoding="utf-8")
