"""Definitions of achievements that are right, to be spoiled in one place each."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.achievements.definition import Count, CountKind, Definition, Rule
from domain.facts.fact import FactKind
from domain.values.limit import Limit

ACHIEVEMENT = UUID("018f0000-0000-7000-8000-0000000000a1")


def rule(**fields: Any) -> Rule:
    given: dict[str, Any] = {
        "name": "Five purchases",
        "trigger": FactKind.TRANSACTION,
        "count": Count(CountKind.OCCURRENCES),
        "goal": Decimal(5),
    }
    return Rule(**given | fields)


def definition(*rules: Rule, **fields: Any) -> Definition:
    given: dict[str, Any] = {"name": "Summer buyer", "limit": Limit(Decimal(1)), "rules": rules or (rule(),)}
    return Definition(**given | fields)
