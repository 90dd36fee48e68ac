"""Input that is meant to hurt: it is refused in bounded time, where it stands, and never gets out."""

import random
import string
import time
from decimal import Decimal

import pytest

from domain.expressions import CompiledExpression, ExpressionFailure, ExpressionProblem, compile_expression
from tests.domain.expressions.world import ENVIRONMENT, SCOPE, outcome

ESCAPES = [
    '__import__("os").system("id")',
    "().__class__.__bases__[0].__subclasses__()",
    "member.tier.__class__",
    'member.tier.format("{0.__class__}")',
    "[].append(1)",
    "(lambda: 0)()",
    "eval('1')",
    "exec('1')",
    "open('/etc/passwd')",
    "globals()",
    "getattr(member, 'tier')",
    "member.attributes.__init__()",
    "transaction.attributes['__class__'].mro()",
    'f"{member.tier}"',
    "[c for c in items]",
    "{}.keys()",
    "x if (y := 1) else z",
    "print",
    "...",
    "member.tier[0]",
    '"a" % 5',
    '"a" * 1000000000',
    "\u017fum(items)",
    "\uff4dember.tier",
]


@pytest.mark.parametrize("source", ESCAPES)
def test_there_is_no_way_out(source: str) -> None:
    assert outcome(source).startswith("!! ")


def test_a_name_that_python_knows_is_only_a_name() -> None:
    assert outcome("transaction.attributes.__class__") == "=> absent"
    assert outcome('transaction.attributes["__class__"]') == "=> absent"


HUGE = {
    "open brackets": "(" * 4000,
    "brackets": "(" * 1999 + "1" + ")" * 1999,
    "lists": "[" * 1999 + "1" + "]" * 1999,
    "calls": "abs(" * 900 + "1" + ")" * 900,
    "minus": "-" * 3999 + "1",
    "spaced minus": "- " * 1999 + "1",
    "not": "not " * 999 + "true",
    "sum": "+".join("1" * 1999),
    "product of huge": "*".join(["99999999999999999999"] * 190),
    "quotient of tiny": "/".join(["0.000000000000000000000000000001"] * 120),
    "or": " or ".join(["true"] * 570),
    "if": "1 if true else " * 260 + "1",
    "nested if": "(1 if true else " * 200 + "1" + ")" * 200,
    "comparisons": "<".join("1" * 1999),
    "names": ".".join("a" * 1999),
    "long name": "a" * 4000,
    "digits": "1" * 4000,
    "fraction": "0." + "1" * 3900,
    "text": '"' + "a" * 3000 + '"',
    "too long": "1 + " * 2000 + "1",
    "megabytes": "(" * 5_000_000,
    "values": "1 in [" + ",".join("1" * 1990) + "]",
    "many problems": " or ".join(["x"] * 500),
    "quotes": "'" * 3999,
    "backslashes": '"' + "\\" * 3999,
    "not in": "1" + " not in [1]" * 360,
    "subscripts": "a" + '["b"]' * 790,
}


@pytest.mark.parametrize("name", HUGE)
def test_size_is_bounded(name: str) -> None:
    started = time.process_time()
    found = compile_expression(HUGE[name], SCOPE)
    assert time.process_time() - started < 2
    assert not isinstance(found, CompiledExpression)
    assert 1 <= len(found) <= 20


@pytest.mark.parametrize(
    "source",
    [
        "",
        " ",
        "# nothing",
        "\n\t",
        "\0",
        "1\0",
        "'\0'",
        "\ud800",
        "'\ud800'",
        "'\x1b[0m'",
        "\x0c1",
        "\u00a01",
        "\ufeff1",
        "1\u2028+ 1",
        "\\",
        "1 \\\n+ 1",
        "'''a'''",
        "\u0661 + 1",
        "é",
        "transaction.totaĺ",
        "😀",
        "\u202e1",
    ],
)
def test_odd_characters_are_refused(source: str) -> None:
    assert outcome(source).startswith("!! 1:")


def test_what_fits_the_bounds_is_taken() -> None:
    assert outcome("(" * 49 + "1" + ")" * 49) == "=> 1"
    assert outcome("+".join("1" * 49)) == "=> 49"
    assert outcome(" or ".join(["member.tier == 'a'"] * 160)) == "=> false"
    assert outcome("1 in [" + ",".join("2" * 499) + ",1]") == "=> true"
    assert outcome("length('" + "a" * 500 + "')") == "=> 500"
    assert outcome(" " * 3999 + "1") == "=> 1"


def test_doubling_does_not_grow_without_bound() -> None:
    source = "transaction.total"
    for _ in range(6):
        source = f"({source}) * ({source})"
    assert outcome(source).startswith("~> 1:")


def test_noise_never_escapes() -> None:
    generator = random.Random(7)  # noqa: S311  the same noise every time
    pieces = [
        *string.punctuation,
        *("transaction.total", "member.tier", "items", "item.product", "1", "0.5", '"a"', "true", "None"),
        *("and", "or", "not", "in", "if", "else", "sum", "any", "has", "round", "timestamp", " ", "\n", "é", "\\"),
        *("(", ")", "[", "]", ",", "==", "<", "lambda", "is", "for"),
    ]
    for _ in range(3000):
        source = " ".join(generator.choices(pieces, k=generator.randint(1, 12)))
        found = compile_expression(source, SCOPE)
        if isinstance(found, CompiledExpression):
            _evaluated(found)
        else:
            assert all(isinstance(one, ExpressionProblem) and one.line >= 1 and one.column >= 1 for one in found)


def _evaluated(compiled: CompiledExpression) -> object:
    try:
        return compiled.evaluate(ENVIRONMENT)
    except ExpressionFailure as failure:
        return failure


ODD_VALUES = [
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("Infinity"),
    Decimal("-Infinity"),
    Decimal("1E+999999"),
    Decimal("1E-999999"),
    Decimal(-0),
    10**5000,
    5,
    1.5,
    float("nan"),
    b"bytes",
    [],
    {},
    object(),
    "",
    "NaN",
    "1e999999",
    "9" * 5000,
    "2026-02-30T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    True,
]


@pytest.mark.parametrize("value", ODD_VALUES, ids=range(len(ODD_VALUES)))
def test_odd_values_at_run_time_are_a_result_or_a_failure(value: object) -> None:
    for name in ("transaction.total", "transaction.attributes.x", "member.tier", "transaction.purchased_at"):
        environment = {**ENVIRONMENT, name: value}
        for source in (
            f"{name} == 5 or {name} != 5",
            f'{name} == "5"',
            f'{name} in ["a", "b"]',
            f"{name} in [1, 2]",
            f"{name} > 5 and {name} <= 10",
            f"{name} < {name}",
            f"5 < {name} < 10",
            f"{name} + {name} * 2 - 1 / {name} % 7",
            f"-{name}",
            f"round({name}, 2) + floor({name}) + max({name}, 1)",
            f"contains({name}, 'a')",
            f"length({name}) + year({name})",
            f"days_between({name}, {name})",
            f"not {name}",
            f"{name} if {name} else {name}",
            f'sum(items, "subtotal", {name} == item.price)',
            name,
        ):
            compiled = compile_expression(source, SCOPE)
            if isinstance(compiled, CompiledExpression):
                _evaluated_with(compiled, environment)


def _evaluated_with(compiled: CompiledExpression, environment: object) -> None:
    try:
        result = compiled.evaluate(environment)
    except ExpressionFailure:
        return
    assert result is None or type(result).__name__ in ("Decimal", "str", "bool", "datetime")


def test_a_list_of_odd_lines_is_a_result_or_a_failure() -> None:
    lines = tuple({"quantity": value, "attributes.a": value} for value in ODD_VALUES)
    for source in ('sum(items, "quantity")', 'distinct(items, "attributes.a")', "any(items, item.attributes.a > 5)"):
        compiled = compile_expression(source, SCOPE)
        assert isinstance(compiled, CompiledExpression)
        _evaluated_with(compiled, {"transaction.items": lines})
