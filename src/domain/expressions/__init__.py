"""The rule language: conditions, filters, segments and amounts, as a typed subset of Python's expressions.

    compiled = compile_expression("transaction.total > 20", scope, Type.BOOLEAN)
    if isinstance(compiled, Compiled):
        compiled.evaluate(environment)

Text becomes tokens (`tokens`), a tree (`parsing`, `tree`) and, checked against a scope (`checking`), closures
(`closures`). Nothing is ever evaluated by Python itself. Structured conditions (`conditions`) become the same tree.
"""

from domain.expressions.compiling import CompiledExpression, compile_expression
from domain.expressions.conditions import (
    AllOf,
    AnyOf,
    Compared,
    Condition,
    Written,
    compile_condition,
    compile_described,
    condition_from,
    source_of,
)
from domain.expressions.faults import ExpressionFailure, ExpressionProblem
from domain.expressions.scope import Attribute, Items, Namespace, Scope
from domain.expressions.values import Type, equality_key

__all__ = [
    "AllOf",
    "AnyOf",
    "Attribute",
    "Compared",
    "CompiledExpression",
    "Condition",
    "ExpressionFailure",
    "ExpressionProblem",
    "Items",
    "Namespace",
    "Scope",
    "Type",
    "Written",
    "compile_condition",
    "compile_described",
    "compile_expression",
    "condition_from",
    "equality_key",
    "source_of",
]
