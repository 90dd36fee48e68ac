"""Random expressions against a slow reading of the tree: the same value, or a failure in both."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.expressions import CompiledExpression, ExpressionFailure, Type, compile_expression
from domain.expressions.faults import SourcePlace
from domain.expressions.parsing import parsed
from domain.expressions.tree import (
    Arithmetic,
    Call,
    Choice,
    Comparison,
    Junction,
    Literal,
    Name,
    Negative,
    Node,
    Not,
    Values,
    text_of,
)
from tests.domain.expressions.world import SCOPE

AT = SourcePlace()
NUMBERS = st.decimals(min_value=-1000, max_value=1000, places=2)
TEXTS = st.sampled_from(["", "a", "ab", "5", "5.0", "gold", 'q"\\\n', "é"])
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(  # noqa: DTZ001  made aware at once
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
ANYTHING = st.one_of(st.none(), NUMBERS, TEXTS, st.booleans(), INSTANTS)

LINES = st.lists(
    st.fixed_dictionaries(
        {"product": TEXTS, "quantity": st.one_of(st.none(), NUMBERS), "subtotal": NUMBERS, "attributes.a": ANYTHING}
    ),
    max_size=4,
)
ENVIRONMENTS = st.fixed_dictionaries(
    {
        "transaction.total": st.one_of(st.none(), NUMBERS),
        "event.attributes.minutes": NUMBERS,
        "member.tier": st.one_of(st.none(), TEXTS),
        "event.attributes.indoor": st.one_of(st.none(), st.booleans()),
        "transaction.purchased_at": INSTANTS,
        "transaction.attributes.x": ANYTHING,
        "member.attributes.y": ANYTHING,
        "transaction.items": LINES,
    }
)


def name(*paths: str) -> st.SearchStrategy[Node]:
    return st.sampled_from(paths).map(lambda path: Name(AT, path))


def literal(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Node]:
    return values.map(lambda value: Literal(AT, value))


ANY_NAMES = name("transaction.attributes.x", "member.attributes.y")
MOMENTS = st.one_of(
    name("transaction.purchased_at"),
    INSTANTS.map(lambda moment: Call(AT, "timestamp", (Literal(AT, moment.isoformat()),))),
)


def numbers(inner: st.SearchStrategy[Node], conditions: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.one_of(
        st.builds(Arithmetic, st.just(AT), st.sampled_from("+-*/%"), inner, inner),
        inner.filter(lambda node: not isinstance(node, Literal)).map(lambda node: Negative(AT, node)),
        st.builds(Choice, st.just(AT), inner, conditions, inner),
        st.builds(
            lambda function, operand: Call(AT, function, (operand,)), st.sampled_from(["abs", "floor", "ceil"]), inner
        ),
        st.builds(
            lambda function, one, other: Call(AT, function, (one, other)), st.sampled_from(["min", "max"]), inner, inner
        ),
    )


def trees() -> tuple[st.SearchStrategy[Node], st.SearchStrategy[Node]]:
    number: st.SearchStrategy[Node] = st.one_of(
        literal(NUMBERS),
        name("transaction.total", "event.attributes.minutes"),
        ANY_NAMES,
        st.sampled_from(["count(items)", 'sum(items, "quantity")', "sum(items, item.subtotal, item.quantity > 1)"]).map(
            parsed
        ),
    )
    condition: st.SearchStrategy[Node] = st.one_of(literal(st.booleans()), name("event.attributes.indoor"), ANY_NAMES)
    for _ in range(3):
        number, condition = (
            st.one_of(number, numbers(number, condition)),
            st.one_of(condition, conditions_of(number, condition)),
        )
    return number, condition


def conditions_of(number: st.SearchStrategy[Node], condition: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    text = st.one_of(literal(TEXTS), name("member.tier"), ANY_NAMES)
    sign = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    values = st.lists(literal(TEXTS), min_size=1, max_size=3).map(lambda entries: Values(AT, tuple(entries)))
    return st.one_of(
        st.builds(lambda op, one, other: Comparison(AT, (one, other), (op,)), sign, number, number),
        st.builds(lambda ops, parts: Comparison(AT, parts, ops), st.tuples(sign, sign), st.tuples(*[number] * 3)),
        st.builds(
            lambda op, one, other: Comparison(AT, (one, other), (op,)), st.sampled_from(["==", "!="]), text, text
        ),
        st.builds(lambda op, one, other: Comparison(AT, (one, other), (op,)), sign, MOMENTS, MOMENTS),
        st.builds(
            lambda op, one, many: Comparison(AT, (one, many), (op,)), st.sampled_from(["in", "not in"]), text, values
        ),
        st.builds(
            lambda word, parts: Junction(AT, word, tuple(parts)),
            st.sampled_from(["and", "or"]),
            st.lists(condition, min_size=2, max_size=4),
        ),
        condition.map(lambda node: Not(AT, node)),
        st.builds(lambda one, other: Call(AT, "contains", (one, other)), text, text),
        name("transaction.total", "transaction.attributes.x").map(lambda node: Call(AT, "has", (node,))),
    )


NUMBER_TREES, CONDITION_TREES = trees()


class Fails(Exception):  # noqa: N818  the reference's failure
    pass


def as_number(value: Any) -> Fraction:
    if isinstance(value, str) and value in ("5", "5.0"):
        return Fraction(5)
    if isinstance(value, Fraction):
        return value
    raise Fails


def equal(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return False
    if {type(one), type(other)} == {str, Fraction}:
        try:
            return as_number(one) == as_number(other)
        except Fails:
            return False
    return type(one) is type(other) and bool(one == other)


ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}


def compared(sign: str, one: Any, other: Any) -> bool:
    if sign in ("==", "!="):
        return equal(one, other) is (sign == "==")
    if one is None or other is None:
        return False
    if isinstance(one, datetime) and isinstance(other, datetime):
        return ORDERS[sign](one, other)
    return ORDERS[sign](as_number(one), as_number(other))


ARITHMETIC: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
    "/": lambda one, other: one / other,
    "%": lambda one, other: one % other,
}
OF_NUMBERS: dict[str, Callable[..., Fraction]] = {
    "abs": abs,
    "floor": lambda value: Fraction(value.numerator // value.denominator),
    "ceil": lambda value: Fraction(-(-value.numerator // value.denominator)),
    "min": min,
    "max": max,
}


def slow(node: Node, values: dict[str, Any]) -> Any:  # noqa: C901, PLR0911  one case a kind of node
    """The value of a tree, in fractions, straight from what the documentation says."""
    match node:
        case Literal(value=value):
            return Fraction(value) if isinstance(value, Decimal) else value
        case Name(path=path):
            found = values.get(path)
            return Fraction(found) if isinstance(found, Decimal) else found
        case Negative(operand=operand):
            return -as_number(slow(operand, values))
        case Arithmetic(operator=operator, left=left, right=right):
            one, other = as_number(slow(left, values)), as_number(slow(right, values))
            if operator in "/%" and not other:
                raise Fails
            return ARITHMETIC[operator](one, other)
        case Choice(then=then, condition=condition, otherwise=otherwise):
            return slow(then if holds(condition, values) else otherwise, values)
        case Not(operand=operand):
            return not holds(operand, values)
        case Junction(word="or", operands=operands):
            return any(holds(operand, values) for operand in operands)
        case Junction(operands=operands):
            return all(holds(operand, values) for operand in equalities_first(operands))
        case Comparison():
            return slow_comparison(node, values)
        case Call():
            return slow_call(node, values)
    raise TypeError(node)


def holds(node: Node, values: dict[str, Any]) -> bool:
    value = slow(node, values)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise Fails


def equalities_first(operands: tuple[Node, ...]) -> list[Node]:
    flat: list[Node] = []
    for operand in operands:
        if isinstance(operand, Junction) and operand.word == "and":
            flat.extend(equalities_first(operand.operands))
        else:
            flat.append(operand)
    return sorted(flat, key=lambda operand: not is_equality(operand))


def is_equality(node: Node) -> bool:
    match node:
        case Comparison(operators=("==",), operands=(Name(), Literal()) | (Literal(), Name())):
            return True
        case Comparison(operators=("in",), operands=(Name(), Values(entries=(_,)))):
            return True
    return False


def slow_comparison(node: Comparison, values: dict[str, Any]) -> bool:
    match node.operands[1]:
        case Values(entries=entries):
            one = slow(node.operands[0], values)
            return any(equal(one, slow(entry, values)) for entry in entries) is (node.operators[0] == "in")
    one = slow(node.operands[0], values)
    for sign, following in zip(node.operators, node.operands[1:], strict=True):
        other = slow(following, values)
        if not compared(sign, one, other):
            return False
        one = other
    return True


def slow_call(node: Call, values: dict[str, Any]) -> Any:
    if node.function in OF_NUMBERS:
        return OF_NUMBERS[node.function](*(as_number(slow(argument, values)) for argument in node.arguments))
    if node.function == "has":
        return slow(node.arguments[0], values) is not None
    if node.function == "timestamp":
        return datetime.fromisoformat(str(slow(node.arguments[0], values)))
    if node.function == "contains":
        text, part = (slow(argument, values) for argument in node.arguments)
        for value in (text, part):
            if value is None:
                return False
            if not isinstance(value, str):
                raise Fails
        return part in text
    return slow_items(node, values)


def slow_items(node: Call, values: dict[str, Any]) -> Fraction:
    lines = values["transaction.items"]
    if node.function == "count":
        return Fraction(len(lines))
    if len(node.arguments) == 2:
        return sum((Fraction(line["quantity"]) for line in lines if line["quantity"] is not None), Fraction(0))
    many = [line for line in lines if line["quantity"] is not None and line["quantity"] > 1]
    return sum((Fraction(line["subtotal"]) for line in many), Fraction(0))


def fast(node: Node, expected: Type, values: dict[str, Any]) -> Any:
    compiled = compile_expression(text_of(node), SCOPE, expected)
    if not isinstance(compiled, CompiledExpression):
        assert all("this always fails" in found.detail for found in compiled), compiled
        return Fails
    try:
        return compiled.evaluate(values)
    except ExpressionFailure:
        return Fails


@settings(max_examples=150)
@given(NUMBER_TREES, ENVIRONMENTS)
def test_numbers_equal_the_slow_reading(node: Node, values: dict[str, Any]) -> None:
    try:
        wanted = as_number(slow(node, values))
    except Fails:
        assert fast(node, Type.NUMBER, values) is Fails
        return
    found = fast(node, Type.NUMBER, values)
    if found is not Fails:
        assert abs(Fraction(found) - wanted) <= abs(wanted) / 10**100 + Fraction(1, 10**100)


def divides(node: Node) -> bool:
    return "/" in text_of(node)


@settings(max_examples=200)
@given(CONDITION_TREES, ENVIRONMENTS)
def test_conditions_equal_the_slow_reading(node: Node, values: dict[str, Any]) -> None:
    if divides(node):
        # A rounded quotient may differ from the fraction at the very edge of a comparison.
        fast(node, Type.BOOLEAN, values)
        return
    try:
        wanted = holds(node, values)
    except Fails:
        assert fast(node, Type.BOOLEAN, values) is Fails
        return
    found = fast(node, Type.BOOLEAN, values)
    assert found is Fails or found is wanted


@settings(max_examples=150)
@given(st.one_of(CONDITION_TREES, NUMBER_TREES))
def test_the_text_of_a_tree_reads_as_that_tree(node: Node) -> None:
    text = text_of(node)
    assert text_of(parsed(text)) == text


@settings(max_examples=150)
@given(CONDITION_TREES, ENVIRONMENTS)
def test_where_an_equality_does_not_hold_the_condition_is_false(node: Node, values: dict[str, Any]) -> None:
    compiled = compile_expression(text_of(node), SCOPE, Type.BOOLEAN)
    if isinstance(compiled, CompiledExpression):
        for attribute, wanted in compiled.equalities:
            value = values.get(attribute)
            reference = Fraction(wanted) if isinstance(wanted, Decimal) else wanted
            if not equal(Fraction(value) if isinstance(value, Decimal) else value, reference):
                assert compiled.evaluate(values) is False


@given(st.integers(1, 9999), st.timedeltas(timedelta(hours=-14), timedelta(hours=14)))
@settings(max_examples=30)
def test_dates_at_both_ends_of_time_are_a_result_or_a_failure(year: int, shift: timedelta) -> None:
    compiled = compile_expression(
        "hour(transaction.purchased_at) + days_between(transaction.purchased_at, date('2026-01-01'))", SCOPE
    )
    assert isinstance(compiled, CompiledExpression)
    try:
        moment = datetime(year, 1, 1, tzinfo=UTC) + shift
    except OverflowError:
        return
    try:
        compiled.evaluate({"transaction.purchased_at": moment})
    except ExpressionFailure:
        at_an_end = year in (1, 9999)
        assert at_an_end


def test_a_failure_is_not_an_accident() -> None:
    with pytest.raises(ExpressionFailure, match="division by zero"):
        compile_or_fail("1 / event.attributes.minutes").evaluate({"event.attributes.minutes": Decimal(0)})


def compile_or_fail(source: str) -> CompiledExpression:
    compiled = compile_expression(source, SCOPE)
    assert isinstance(compiled, CompiledExpression)
    return compiled
