"""What a compiled expression tells its callers: types, names, and the equalities by which campaigns are indexed."""

from decimal import Decimal

import pytest

from domain.expressions import CompiledExpression, ExpressionFailure, Scope, Type, compile_expression, equality_key
from tests.domain.expressions.world import ENVIRONMENT, NAMES, SCOPE, attribute


def compiled(source: str, expected: Type | None = None, scope: Scope = SCOPE) -> CompiledExpression:
    found = compile_expression(source, scope, expected)
    assert isinstance(found, CompiledExpression), found
    return found


@pytest.mark.parametrize(
    ("source", "expected", "detail"),
    [
        ("transaction.total", Type.BOOLEAN, "`transaction.total` is a number, true or false is needed"),
        ("transaction.total > 5", Type.NUMBER, "this is true or false, a number is needed"),
        ("5", Type.TEXT, "this is a number, text is needed"),
        ('"2026-01-01T00:00:00Z"', Type.TIMESTAMP, "this is text, a timestamp is needed"),
    ],
)
def test_a_result_of_another_type_is_a_problem(source: str, expected: Type, detail: str) -> None:
    problems = compile_expression(source, SCOPE, expected)
    assert isinstance(problems, list)
    assert [problem.detail for problem in problems] == [detail]


def test_a_value_known_only_at_run_time_is_checked_then() -> None:
    weight = compiled("transaction.attributes.weight", Type.NUMBER)
    assert weight.type is Type.NUMBER
    assert weight.evaluate(ENVIRONMENT) == Decimal("12.5")
    with pytest.raises(ExpressionFailure, match=r"`transaction.attributes.weight` is absent"):
        weight.evaluate({})
    with pytest.raises(ExpressionFailure, match=r"`transaction.attributes.weight` is text, a number is needed"):
        weight.evaluate({"transaction.attributes.weight": "heavy"})


def test_what_is_absent_is_no_condition_and_no_text() -> None:
    assert compiled("event.attributes.indoor", Type.BOOLEAN).evaluate({}) is False
    with pytest.raises(ExpressionFailure, match=r"`member.tier` is absent"):
        compiled("member.tier", Type.TEXT).evaluate({})
    assert compiled("member.tier").evaluate({}) is None


def test_a_compiled_expression_names_what_it_reads() -> None:
    found = compiled('sum(items, "subtotal", item.attributes.color == member.tier) > transaction.total')
    assert found.type is Type.BOOLEAN
    assert found.attributes == (
        "transaction.items",
        "item.subtotal",
        "item.attributes.color",
        "member.tier",
        "transaction.total",
    )


@pytest.mark.parametrize(
    ("source", "equalities"),
    [
        ('member.tier == "gold"', (("member.tier", "gold"),)),
        ('"gold" == member.tier', (("member.tier", "gold"),)),
        ('member.tier in ["gold"]', (("member.tier", "gold"),)),
        (
            'transaction.total > 20 and transaction.attributes.channel == "web" and event.attributes.indoor == true',
            (("transaction.attributes.channel", "web"), ("event.attributes.indoor", True)),
        ),
        (
            '(transaction.total == 20 and true) and (member.tier == "gold" and transaction.total > 5)',
            (("transaction.total", Decimal(20)), ("member.tier", "gold")),
        ),
        ('transaction.attributes["utm-source"] == "mail"', (("transaction.attributes.utm-source", "mail"),)),
        ('member.tier == "gold" or member.tier == "silver"', ()),
        ('not member.tier == "gold"', ()),
        ('member.tier != "gold"', ()),
        ('member.tier not in ["gold"]', ()),
        ('member.tier in ["gold", "silver"]', ()),
        ('any(items, item.product == "A")', ()),
        ('lower(member.tier) == "gold"', ()),
        ('(true if member.tier == "gold" else false)', ()),
        ("member.tier == member.referrer", ()),
        ('transaction.purchased_at == timestamp("2026-01-01T00:00:00Z")', ()),
        ("1 < transaction.total == 5", ()),
    ],
)
def test_equalities_are_those_that_must_hold(source: str, equalities: tuple[tuple[str, object], ...]) -> None:
    assert compiled(source, Type.BOOLEAN).equalities == equalities


@pytest.mark.parametrize(
    ("value", "literal"),
    [("5", Decimal(5)), (Decimal("5.0"), "5"), (5, "5"), ("5.0", Decimal(5)), ("web", "web"), (True, True)],
)
def test_values_that_are_equal_have_one_key(value: object, literal: object) -> None:
    assert equality_key(value) == equality_key(literal)


def test_what_is_absent_or_odd_has_no_key() -> None:
    assert equality_key(None) is None
    assert equality_key(Decimal("NaN")) is None
    assert equality_key([]) is None


def test_dates_are_taken_in_the_time_zone_of_the_scope() -> None:
    kiritimati = Scope(SCOPE.attributes, time_zone="Pacific/Kiritimati")
    assert compiled("hour(transaction.purchased_at)", scope=kiritimati).evaluate(ENVIRONMENT) == 12
    assert compiled("hour(transaction.purchased_at)", scope=Scope(SCOPE.attributes)).evaluate(ENVIRONMENT) == 22


def test_midnight_is_found_where_a_clock_change_leaves_it_out() -> None:
    scope = Scope(SCOPE.attributes, time_zone="America/Sao_Paulo")
    start = compiled('date("2018-11-04") == timestamp("2018-11-04T03:00:00Z")', scope=scope)
    assert start.evaluate({}) is True


def test_items_alone_need_a_list_of_that_name() -> None:
    scope = Scope({name: attribute(type_, name) for name, type_ in NAMES.items()})
    problems = compile_expression("count(items)", scope)
    assert isinstance(problems, list)
    assert problems[0].detail == "`items` is not a list of items"
