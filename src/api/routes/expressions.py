"""Checking expressions and conditions before they are saved."""

from typing import Annotated, Any, Literal
from uuid import UUID

from litestar.params import JSONBody
from msgspec import Meta, Struct

from api.http.commands import submit
from api.http.request import Request
from api.http.routing import FACT_READERS, command
from application.bodies.base import keepable
from application.bodies.exact import Body, Code
from application.definitions.catalogue import Catalogue
from application.definitions.rules import scope_over
from domain.expressions import (
    CompiledExpression,
    ExpressionProblem,
    Scope,
    Type,
    compile_described,
    compile_expression,
)
from domain.facts.fact import FactKind
from domain.facts.scope import line_scope, member_scope
from domain.values.problems import Invalid, Problem


class ContextBody(Body, frozen=True):
    """Where the expression is to stand: over facts of an entity, with their member, over a member alone, over an item
    line (`item`), or in a campaign on an `achievement`, over what fires it.
    """

    entity: Literal["transaction", "event", "member", "item", "campaign"]
    event_type: Code | None = None
    achievement: UUID | None = None


class CheckBody(Body, frozen=True, kw_only=True):
    """Either an `expression` or a structured `condition`; `expected` is the type that it must have."""

    context: ContextBody
    expression: Annotated[str, Meta(max_length=100_000)] | None = None
    condition: dict[str, Any] | None = None
    expected: Literal["number", "text", "boolean", "timestamp"] | None = None


class ExpressionFault(Struct, frozen=True, gc=False):
    """Why it can't be taken: at `line` and `column` (from 1) of an expression, at `pointer` in a condition."""

    detail: str
    hint: str
    line: int | None
    column: int | None
    pointer: str


class CheckAnswer(Struct, frozen=True, gc=False):
    """`type` and the `attributes` that are read, or `errors`, of which there is at least one when it is not `valid`."""

    position: str
    valid: bool
    type: Type | None
    attributes: tuple[str, ...]
    errors: list[ExpressionFault]


@command("POST", "/expressions/check", roles=FACT_READERS, statuses=(200,))
async def check_expression(request: Request, data: JSONBody[CheckBody]) -> CheckAnswer:
    """Check an expression or a condition in a context; what is wrong with it is answered as `errors`, with 200."""
    _check_body(data)
    committed = await submit(request, lambda working: _checked(data, working.catalogue))
    found = committed.answer
    position = request.committed(committed.position)
    if isinstance(found, CompiledExpression):
        return CheckAnswer(position, valid=True, type=found.type, attributes=found.attributes, errors=[])
    return CheckAnswer(position, valid=False, type=None, attributes=(), errors=[_fault(fault) for fault in found])


def _check_body(body: CheckBody) -> None:
    problems = []
    if (body.expression is None) == (body.condition is None):
        problems.append(Problem("", "must have either `expression` or `condition`"))
    if body.condition is not None and body.expected not in (None, "boolean"):
        problems.append(Problem("/expected", "must be boolean or left out: a condition is true or false"))
    if (body.context.entity == "event") != (body.context.event_type is not None):
        problems.append(Problem("/context/event_type", "must be given for the entity event, and only then"))
    if (body.context.entity == "campaign") != (body.context.achievement is not None):
        problems.append(Problem("/context/achievement", "must be given for the entity campaign, and only then"))
    if problems:
        raise Invalid(problems)


def _checked(body: CheckBody, catalogue: Catalogue) -> CompiledExpression | list[ExpressionProblem] | list[Problem]:
    scope = _scope(body.context, catalogue)
    if body.expression is not None:
        return compile_expression(body.expression, scope, Type(body.expected) if body.expected else None)
    return compile_described(keepable(body.condition), scope, "/condition")


def _scope(context: ContextBody, catalogue: Catalogue) -> Scope:
    if context.entity == "member":
        return member_scope(catalogue.time_zone)
    if context.entity == "item":
        return line_scope(catalogue.time_zone)
    if context.entity == "campaign":
        if context.achievement not in catalogue.achievements:
            raise Invalid([Problem("/context/achievement", f"no achievement {context.achievement}", "unknown")])
        return scope_over(catalogue, context.achievement, catalogue.time_zone)
    if context.event_type is not None and catalogue.event_type(context.event_type) is None:
        raise Invalid([Problem("/context/event_type", f"no event type `{context.event_type}`", "unknown")])
    return catalogue.scope(FactKind(context.entity), context.event_type)


def _fault(found: ExpressionProblem | Problem) -> ExpressionFault:
    if isinstance(found, Problem):
        return ExpressionFault(found.detail, "", None, None, found.pointer)
    return ExpressionFault(found.detail, found.hint, found.line, found.column, found.pointer)


EXPRESSION_COMMANDS = (check_expression,)
