"""Expressions ready to be evaluated."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from msgspec import Struct

from domain.expressions import closures
from domain.expressions.checking import Checker
from domain.expressions.faults import ExpressionProblem
from domain.expressions.parsing import parsed
from domain.expressions.scope import Scope
from domain.expressions.tokens import Unreadable
from domain.expressions.tree import Node
from domain.expressions.values import Type


class CompiledExpression(Struct, frozen=True):
    """An expression that was checked against a scope.

    `evaluate` takes the environment that the scope's readers read, and gives a `Decimal`, `str`, `bool` or aware
    `datetime` as `type` says; it raises `ExpressionFailure` and, the readers aside, nothing else. When no type
    was expected it may give None, for what is absent.

    `attributes` are the names it reads. `equalities` are (attribute, literal) pairs that hold in every environment
    in which a condition is true; in all others it is false and does not fail. Compare by `equality_key`.
    """

    source: str
    type: Type
    attributes: tuple[str, ...]
    evaluate: Callable[[Any], Any]
    equalities: tuple[tuple[str, Decimal | str | bool], ...]


def compile_expression(
    source: str, scope: Scope, expected: Type | None = None
) -> CompiledExpression | list[ExpressionProblem]:
    """The expression in `source`, or why it can't be taken: all that could be found at once, at least one."""
    try:
        tree = parsed(source)
    except Unreadable as refused:
        return [refused.problem]
    return compile_tree(tree, source, scope, expected)


def compile_tree(
    tree: Node, source: str, scope: Scope, expected: Type | None
) -> CompiledExpression | list[ExpressionProblem]:
    checker = Checker(scope)
    operand = checker.check(tree, expected)
    if checker.problems:
        return sorted(checker.problems, key=lambda found: (found.line, found.column))
    return CompiledExpression(
        source=source,
        type=operand.type if expected is None or expected is Type.ANY else expected,
        attributes=tuple(checker.attributes),
        evaluate=closures.result(operand, expected),
        equalities=operand.equalities,
    )
