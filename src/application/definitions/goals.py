"""The rules of achievements, compiled: what each asks of a fact and what it counts."""

from collections.abc import Callable
from typing import Protocol
from zoneinfo import ZoneInfo

from msgspec import Struct

from application.definitions.likely import Likely
from domain.achievements.achievement import Achievement, Status
from domain.achievements.definition import Count, CountKind, Definition, Rule
from domain.achievements.terms import AchievementTerms, RuleTerms, days_off, rule_terms
from domain.achievements.timeframe import timeframe_test
from domain.expressions import CompiledExpression, Scope, Type, compile_described, compile_expression
from domain.facts.fact import FactKind
from domain.facts.scope import OF_PRODUCTS, line_scope
from domain.values.problems import Problem


class GoalReferences(Protocol):
    """What is asked of the catalogue: which names a rule's expressions may use."""

    time_zone: str

    def scope(self, entity: FactKind | None, event_type: str | None) -> Scope: ...


class Goal(Struct, frozen=True, gc=False):
    """One rule of an achievement."""

    terms: AchievementTerms
    rule: RuleTerms


Goals = Likely[Goal]


def conditions_of(goal: Goal) -> CompiledExpression | None:
    return goal.rule.conditions


def compiled_terms(catalogue: GoalReferences, achievement: Achievement) -> AchievementTerms:
    """The terms of an achievement that was saved, so that everything in it compiles."""
    definition = achievement.definition
    zone = ZoneInfo(catalogue.time_zone)
    return AchievementTerms(
        achievement.id,
        achievement.revision,
        achievement.status is Status.ACTIVE,
        timeframe_test(definition.timeframe, zone) if definition.timeframe else None,
        definition.limit,
        definition.badge,
        tuple(
            _rule_terms(catalogue, rule, number, days_off(definition.timeframe, rule.period.kind, zone))
            for number, rule in enumerate(definition.rules, 1)
        ),
        zone,
    )


def goal_problems(catalogue: GoalReferences, definition: Definition) -> list[Problem]:
    """What is wrong with the expressions and conditions of a definition."""
    problems: list[Problem] = []
    for number, rule in enumerate(definition.rules):
        scope = catalogue.scope(rule.trigger, rule.event_type)
        for compiled in _parts(rule, scope, catalogue.time_zone, f"/rules/{number}"):
            if isinstance(compiled, list):
                problems += compiled
    return problems


def _rule_terms(catalogue: GoalReferences, rule: Rule, number: int, is_off: Callable[[int], bool] | None) -> RuleTerms:
    scope = catalogue.scope(rule.trigger, rule.event_type)
    conditions, measured, items = _parts(rule, scope, catalogue.time_zone, "")
    assert not isinstance(conditions, list)  # noqa: S101  all of it was compiled when it was saved
    assert not isinstance(measured, list)  # noqa: S101
    assert not isinstance(items, list)  # noqa: S101
    reads_products = bool(items and OF_PRODUCTS.intersection(items.attributes))
    return rule_terms(number, rule, conditions, measured, items, reads_products=reads_products, is_off=is_off)


_Part = CompiledExpression | list[Problem] | None


def _parts(rule: Rule, scope: Scope, time_zone: str, at: str) -> tuple[_Part, _Part, _Part]:
    """Conditions, what is measured, and the conditions of items."""
    return (
        _condition(rule.conditions, scope, f"{at}/conditions"),
        _measured(rule.count, scope, f"{at}/count"),
        _condition(rule.count.items, line_scope(time_zone), f"{at}/count/items"),
    )


def _condition(given: object, scope: Scope, pointer: str) -> _Part:
    return None if given is None else compile_described(given, scope, pointer)


def _measured(count: Count, scope: Scope, pointer: str) -> _Part:
    if count.kind is CountKind.SUM and count.expression is not None:
        compiled = compile_expression(count.expression, scope, Type.NUMBER)
        if isinstance(compiled, CompiledExpression):
            return compiled
        return [found.at(f"{pointer}/expression") for found in compiled]
    if count.kind is CountKind.DISTINCT and count.attribute is not None:
        return _distinct(count.attribute, scope, f"{pointer}/attribute")
    return None


def _distinct(attribute: str, scope: Scope, pointer: str) -> _Part:
    """The attribute by its whole name, or by its own (`store`) where it is one of the fact's."""
    roots = ("transaction", "event")
    whole = attribute.startswith(("member.", *(f"{root}." for root in roots)))
    own = (f"{root}{part}.{attribute}" for root in roots for part in ("", ".attributes"))
    for name in (attribute,) if whole else own:
        known = scope.attribute(name)
        if known is not None:
            return CompiledExpression(name, known.type, (name,), known.read, ())
    offered = ", ".join(name for name in scope.attributes if name.startswith(roots)) or "none"
    return [Problem(pointer, f"no attribute `{attribute}`; there are: {offered}", "unknown")]
