"""The terms of an achievement, ready for deciding facts: when it takes them, and how far each rule has come."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct

from domain.achievement_definition import CountKind, Limit, PeriodKind, Rule, Subject
from domain.expressions import Compiled
from domain.terms import Entity


class RuleTerms(Struct, frozen=True, gc=False):
    """A rule (`number` from 1) with its expressions compiled.

    `measured` is what a sum adds and what is to be distinct; `items` is asked of each line (`Line`), None takes all.
    `reads_products` says whether it asks for what the catalogue knows of a line's product.
    """

    number: int
    trigger: Entity
    event_type: str | None
    subject: Subject
    unique_referee: bool
    conditions: Compiled | None
    count: CountKind
    measured: Compiled | None
    items: Compiled | None
    reads_products: bool
    goal: Decimal
    period: PeriodKind
    days: int
    consecutive: int
    frequency: Limit | None


def rule_terms(
    number: int,
    rule: Rule,
    conditions: Compiled | None = None,
    measured: Compiled | None = None,
    items: Compiled | None = None,
    *,
    reads_products: bool = False,
) -> RuleTerms:
    """A rule with what was compiled of it; without that, what it counts over and up to."""
    return RuleTerms(
        number,
        rule.trigger,
        rule.event_type,
        rule.subject,
        rule.unique_referee,
        conditions,
        rule.count.kind,
        measured,
        items,
        reads_products,
        rule.goal,
        rule.period.kind,
        rule.period.n or 1,
        rule.consecutive,
        rule.frequency,
    )


class AchievementTerms(Struct, frozen=True, gc=False):
    """One achievement's current terms, in the program's time zone; `takes` says which instants its timeframe holds."""

    achievement: UUID
    revision: int
    active: bool
    takes: Callable[[datetime], bool] | None
    limit: Limit | None
    badge: str | None
    rules: tuple[RuleTerms, ...]
    zone: ZoneInfo
