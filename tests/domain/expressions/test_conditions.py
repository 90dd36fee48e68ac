"""Structured conditions: their shape, their values by type, and that they mean what the written ones mean."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.expressions import (
    AllOf,
    AnyOf,
    Compared,
    CompiledExpression,
    ExpressionFailure,
    Type,
    Written,
    compile_condition,
    compile_expression,
    condition_from,
    source_of,
)
from domain.expressions.conditions import OPERATORS
from tests.domain.expressions.world import ENVIRONMENT, NAMES, SCOPE


def compiled(builtins: object) -> CompiledExpression:
    condition = condition_from(builtins)
    assert not isinstance(condition, list), condition
    found = compile_condition(condition, SCOPE)
    assert isinstance(found, CompiledExpression), found
    return found


def leaf(attribute: str, operator: str, value: Any = None) -> dict[str, Any]:
    given = {"attribute": attribute, "operator": operator, "value": value}
    return {key: part for key, part in given.items() if part is not None}


def problems_of(builtins: object) -> list[tuple[str, str]]:
    condition = condition_from(builtins, "/filter")
    found = condition if isinstance(condition, list) else compile_condition(condition, SCOPE, "/filter")
    assert isinstance(found, list), found
    return [(problem.pointer, problem.detail) for problem in found]


@pytest.mark.parametrize(
    ("builtins", "source"),
    [
        (leaf("transaction.total", "gte", "20"), "transaction.total >= 20"),
        (leaf("transaction.total", "eq", 20), "transaction.total == 20"),
        (leaf("transaction.total", "lt", Decimal("-0.5")), "transaction.total < -0.5"),
        (leaf("member.tier", "ne", "gold"), 'member.tier != "gold"'),
        (leaf("member.tier", "eq", "20"), 'member.tier == "20"'),
        (leaf("event.attributes.indoor", "eq", True), "event.attributes.indoor == true"),
        (
            leaf("transaction.purchased_at", "gt", "2026-01-01T00:00:00Z"),
            'transaction.purchased_at > timestamp("2026-01-01T00:00:00Z")',
        ),
        (leaf("transaction.attributes.channel", "eq", "web"), 'transaction.attributes.channel == "web"'),
        (leaf("transaction.attributes.weight", "eq", "20"), 'transaction.attributes.weight == "20"'),
        (leaf("transaction.attributes.weight", "gt", "20"), "transaction.attributes.weight > 20"),
        (
            leaf("transaction.attributes.paid_at", "lte", "2026-01-01T00:00:00Z"),
            'transaction.attributes.paid_at <= timestamp("2026-01-01T00:00:00Z")',
        ),
        (leaf("transaction.attributes.utm-source", "eq", "mail"), 'transaction.attributes["utm-source"] == "mail"'),
        (leaf("event.attributes.heart-rate", "gt", "100"), 'event.attributes["heart-rate"] > 100'),
        (leaf("member.tier", "in", ["gold", "silver"]), 'member.tier in ["gold", "silver"]'),
        (leaf("event.attributes.minutes", "not_in", ["35", 36]), "event.attributes.minutes not in [35, 36]"),
        (leaf("member.tier", "contains", "old"), 'contains(member.tier, "old")'),
        (leaf("member.tier", "starts_with", 'g"'), 'starts_with(member.tier, "g\\"")'),
        (leaf("transaction.attributes.channel", "ends_with", "b"), 'ends_with(transaction.attributes.channel, "b")'),
        (leaf("member.referrer", "exists"), "has(member.referrer)"),
        (leaf("member.referrer", "not_exists"), "not has(member.referrer)"),
        ({"expression": "transaction.total>20 or true"}, "transaction.total > 20 or true"),
        ({"all": []}, "true"),
        ({"all": [leaf("member.referrer", "exists")]}, "has(member.referrer)"),
        (
            {
                "all": [
                    leaf("member.tier", "eq", "gold"),
                    {"any": [leaf("transaction.total", "gt", "5"), {"expression": "1 if true else 2"}]},
                ]
            },
            None,
        ),
        (
            {
                "all": [
                    leaf("member.tier", "eq", "gold"),
                    {"any": [leaf("transaction.total", "gt", "5"), {"expression": "true if false else true"}]},
                    {"all": [{"expression": "false or true"}]},
                ]
            },
            'member.tier == "gold" and (transaction.total > 5 or (true if false else true)) and (false or true)',
        ),
    ],
)
def test_a_condition_is_the_expression_it_shows(builtins: dict[str, Any], source: str | None) -> None:
    if source is None:
        assert problems_of(builtins) == [
            (
                "/filter/all/1/any/1/expression",
                "line 1, column 1: this is a number, true or false is needed; compare it, such as `... > 0`",
            )
        ]
        return
    found = compiled(builtins)
    assert found.source == source
    written = compile_expression(source, SCOPE, Type.BOOLEAN)
    assert isinstance(written, CompiledExpression)
    assert written.evaluate(ENVIRONMENT) is found.evaluate(ENVIRONMENT)
    assert written.equalities == found.equalities
    assert written.attributes == found.attributes


@pytest.mark.parametrize(
    ("builtins", "pointer", "detail"),
    [
        (None, "", "must be an object with `all`, `any`, `attribute` or `expression`"),
        ([], "", "must be an object with `all`, `any`, `attribute` or `expression`"),
        ({}, "", "must have `all`, `any`, `attribute` or `expression`"),
        ({"all": {}}, "/all", "must be a list of conditions"),
        ({"any": []}, "/any", "must hold at least one condition, because an empty one is never true"),
        ({"all": [], "any": []}, "/any", "can't stand beside `all`"),
        ({"expression": "true", "a/b~": 1}, "/a~1b~0", "can't stand beside `expression`"),
        ({"expression": ""}, "/expression", "must be text of 1 to 4000 characters"),
        ({"expression": 5}, "/expression", "must be text of 1 to 4000 characters"),
        ({"all": [5]}, "/all/0", "must be an object with `all`, `any`, `attribute` or `expression`"),
        (leaf("", "eq", "5"), "/attribute", "must be the name of an attribute, at most 200 long"),
        (leaf("a" * 201, "eq", "5"), "/attribute", "must be the name of an attribute, at most 200 long"),
        ({"operator": "eq", "value": "5"}, "/attribute", "must be the name of an attribute, at most 200 long"),
        (leaf("member.tier", "equals", "gold"), "/operator", f"must be one of {', '.join(OPERATORS)}"),
        ({"attribute": "member.tier"}, "/operator", f"must be one of {', '.join(OPERATORS)}"),
        (leaf("member.tier", "exists", "gold"), "/value", "must be left out with `exists`"),
        (leaf("member.tier", "in", "gold"), "/value", "must be a list of 1 to 500 values"),
        (leaf("member.tier", "in", []), "/value", "must be a list of 1 to 500 values"),
        (leaf("member.tier", "in", ["a"] * 501), "/value", "must be a list of 1 to 500 values"),
        (
            leaf("member.tier", "eq"),
            "/value",
            "must be text, a number or true or false; decimals are best written as text",
        ),
        (
            leaf("transaction.total", "eq", 1.5),
            "/value",
            "must be text, a number or true or false; decimals are best written as text",
        ),
        (leaf("transaction.total", "eq", 10**5000), "/value", "is too large"),
        (leaf("transaction.total", "eq", Decimal("NaN")), "/value", "must be a number"),
        (leaf("member.tier", "eq", "a" * 501), "/value", "text of 501 characters; at most 500 are allowed"),
        (leaf("member.tier", "eq", "\0"), "/value", "text with a control character"),
        (leaf("transaction.total", "gt", "many"), "/value", 'must be a number, such as "49.90"'),
        (leaf("transaction.total", "gt", "1e5"), "/value", 'must be a number, such as "49.90"'),
        (leaf("transaction.total", "eq", True), "/value", 'must be a number, such as "49.90"'),
        (leaf("transaction.total", "in", ["1", "x"]), "/value/1", 'must be a number, such as "49.90"'),
        (leaf("transaction.attributes.weight", "gt", "many"), "/value", 'must be a number, such as "49.90"'),
        (leaf("member.tier", "eq", 5), "/value", "must be text"),
        (leaf("transaction.attributes.channel", "contains", 5), "/value", "must be text"),
        (leaf("event.attributes.indoor", "eq", "true"), "/value", "must be true or false"),
        (
            leaf("transaction.purchased_at", "gt", "2026-01-01"),
            "/value",
            "must be an instant as RFC 3339 writes it, offset included",
        ),
        (leaf("member.tier", "gt", "gold"), "/operator", "`gt` can't be asked of `member.tier`, which is text"),
        (
            leaf("transaction.total", "contains", "5"),
            "/operator",
            "`contains` can't be asked of `transaction.total`, which is a number",
        ),
        (
            leaf("transaction.totl", "gt", "5"),
            "/attribute",
            "no attribute `transaction.totl`; did you mean `transaction.total`?",
        ),
        (leaf("transaction.items", "exists"), "/attribute", None),
        (
            {"expression": "transaction.total >\n totl"},
            "/expression",
            "line 2, column 2: no attribute `totl`; did you mean `transaction.total`?",
        ),
        ({"expression": "1 +"}, "/expression", "line 1, column 4: a value is missing at the end"),
        ({"all": [{"expression": "true"}, {"expression": "("}]}, "/all/1/expression", None),
    ],
)
def test_a_problem_points_at_what_is_wrong(builtins: object, pointer: str, detail: str | None) -> None:
    ((found, why), *others) = problems_of(builtins)
    assert found == f"/filter{pointer}"
    assert detail in (None, why)
    assert not others


def test_several_problems_are_found_at_once() -> None:
    found = problems_of(
        {"all": [leaf("transaction.totl", "gt", "x"), {"any": [leaf("member.tier", "in", [1, "a", True])]}]}
    )
    assert [pointer for pointer, _ in found] == [
        "/filter/all/0/attribute",
        "/filter/all/1/any/0/value/0",
        "/filter/all/1/any/0/value/2",
    ]


def test_depth_and_number_are_bounded() -> None:
    deep: dict[str, Any] = {"expression": "true"}
    for _ in range(9):
        deep = {"all": [deep]}
    assert isinstance(compiled(deep), CompiledExpression)
    assert problems_of({"all": [deep]}) == [("/filter" + "/all/0" * 10, "is nested more than 10 levels deep")]
    assert isinstance(compiled({"any": [{"expression": "true"}] * 200}), CompiledExpression)
    assert problems_of({"any": [{"expression": "true"}] * 10_000}) == [
        ("/filter/any/200", "is one condition too many; at most 200 are allowed")
    ]
    long = {"expression": " " * 3995 + "true"}
    assert problems_of({"all": [long] * 7})[0] == (
        "/filter/all/5/expression",
        "all expressions together exceed 20000 characters",
    )


def test_a_hostile_depth_is_refused_without_descending() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"all": [deep]}
    assert problems_of(deep)[0][1] == "is nested more than 10 levels deep"
    while deep:
        deep = deep["all"].pop()


def test_a_failure_names_its_attribute_and_its_pointer() -> None:
    found = compiled({"all": [leaf("transaction.attributes.channel", "gt", "5")]})
    with pytest.raises(ExpressionFailure, match="text and a number have no order") as caught:
        found.evaluate(ENVIRONMENT)
    assert caught.value.pointer == "/all/0/attribute"


def test_equalities_come_first_and_are_told() -> None:
    found = compiled({"all": [leaf("transaction.attributes.channel", "gt", "5"), leaf("member.tier", "eq", "silver")]})
    assert found.equalities == (("member.tier", "silver"),)
    assert found.evaluate(ENVIRONMENT) is False


def test_a_condition_that_no_longer_fits_can_still_be_shown() -> None:
    condition = AnyOf(
        (Compared("gone.total", "gt", "5"), AllOf(()), Written("(broken"), Compared("member.tier", "eq", 5))
    )
    assert source_of(condition, SCOPE) == 'gone.total > "5" or true or true or member.tier == 5'


VALUES = st.one_of(
    st.sampled_from(["", "gold", "20", "49.90", "2026-09-03T22:15:00Z", "\t\\"]),
    st.integers(-100, 100),
    st.booleans(),
    st.decimals(min_value=-100, max_value=100, places=3),
)
ATTRIBUTES = st.sampled_from(
    [*NAMES, "transaction.attributes.weight", "member.attributes.a b.c", "member.attributes.x"]
)
LEAVES = st.builds(
    leaf, ATTRIBUTES, st.sampled_from(OPERATORS), st.one_of(st.none(), VALUES, st.lists(VALUES, max_size=3))
)
CONDITIONS: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda word, parts: {word: parts}, st.sampled_from(["all", "any"]), st.lists(inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=200)
@given(CONDITIONS)
def test_a_condition_and_its_text_are_one_thing(builtins: object) -> None:
    condition = condition_from(builtins)
    if isinstance(condition, list):
        return
    found = compile_condition(condition, SCOPE)
    if not isinstance(found, CompiledExpression):
        return
    written = compile_expression(found.source, SCOPE, Type.BOOLEAN)
    assert isinstance(written, CompiledExpression), written
    assert source_of(condition, SCOPE) == found.source
    assert outcome_of(written) == outcome_of(found)


def outcome_of(compiled: CompiledExpression) -> object:
    try:
        return compiled.evaluate(ENVIRONMENT)
    except ExpressionFailure as failure:
        return failure.detail
