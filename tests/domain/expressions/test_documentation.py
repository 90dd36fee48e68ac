"""The user's page of the language: its examples hold, and it leaves no function out."""

import json
import re
from pathlib import Path

import pytest

from domain.expressions import CompiledExpression, Type, compile_condition, compile_expression, condition_from
from domain.expressions.conditions import OPERATORS
from domain.expressions.functions import ALL_NAMES
from tests.domain.expressions.world import SCOPE, outcome

PAGE = (Path(__file__).parents[3] / "docs" / "expressions.md").read_text(encoding="utf-8")
EXAMPLES = [
    line for block in re.findall(r"```laurel\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines() if line
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_page_holds(example: str) -> None:
    source, mark, expected = re.split(r"  (=>|~>|!!) ", example, maxsplit=1)
    assert outcome(source) == f"{mark} {expected}"


def test_the_structured_condition_of_the_page_is_the_expression_beside_it() -> None:
    (block,) = [block for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) if "operator" in block]
    condition = condition_from(json.loads(block))
    assert not isinstance(condition, list)
    compiled = compile_condition(condition, SCOPE)
    assert isinstance(compiled, CompiledExpression)
    assert f"{compiled.source}  => true" in EXAMPLES
    assert isinstance(compile_expression(compiled.source, SCOPE, Type.BOOLEAN), CompiledExpression)


@pytest.mark.parametrize("name", ALL_NAMES)
def test_every_function_is_on_the_page(name: str) -> None:
    assert f"`{name}(" in PAGE


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_operator_of_conditions_is_on_the_page(operator: str) -> None:
    assert f"`{operator}`" in PAGE
