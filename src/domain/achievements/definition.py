"""What marketers fill in for an achievement, and everything that can be wrong with it."""

import re
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from msgspec import Struct

from domain.achievements.timeframe import Timeframe, timeframe_problems
from domain.catalogue.entries import Badge, EventType, Reference
from domain.facts.fact import FactKind
from domain.values.amounts import fault
from domain.values.limit import Limit, limit_problems
from domain.values.problems import Problem
from domain.values.texts import Text, name_problems, text_problems

MOST_RULES = 6
MOST_DAYS = 366
"""The longest sliding window."""
MOST_CONSECUTIVE = 366
MOST_DISTINCT = 1000
"""The highest goal of a rule that counts distinct values: each is remembered."""


class Subject(StrEnum):
    """Whose progress it is: the acting member's, or that of the acting member's referrer."""

    MEMBER = "member"
    REFERRER = "referrer"


class CountKind(StrEnum):
    OCCURRENCES = "occurrences"
    SUM = "sum"
    DISTINCT = "distinct"
    MATCHING_QUANTITY = "matching_quantity"
    MATCHING_VALUE = "matching_value"


class PeriodKind(StrEnum):
    OVERALL = "overall"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    LAST_DAYS = "last_days"


class Count(Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """What a fact adds: 1, an `expression`, one for a new value of `attribute`, or pieces or value of matching `items`.

    `items` is a condition over the lines: `item.product`, `item.quantity`, `item.price`, `item.subtotal`,
    `item.attributes.NAME`, and the catalogue's `item.category` and `item.brand`; without it every line matches.
    """

    kind: CountKind
    expression: str | None = None
    attribute: str | None = None
    items: dict[str, Any] | None = None


class Period(Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """Over which time a rule counts: `n` (1-366) belongs to `last_days`."""

    kind: PeriodKind = PeriodKind.OVERALL
    n: int | None = None


class Rule(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """One thing to do. `consecutive` periods in a row must each reach the goal; `frequency` bounds counted facts."""

    name: str
    trigger: FactKind
    event_type: str | None = None
    subject: Subject = Subject.MEMBER
    unique_referee: bool = False
    conditions: dict[str, Any] | None = None
    count: Count
    goal: Decimal
    period: Period = Period()
    consecutive: int = 1
    frequency: Limit | None = None


class Definition(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """What marketers fill in; all rules must be complete. `limit` bounds the completions of each member."""

    name: str
    description: str = ""
    translations: dict[str, Text] = {}
    timeframe: Timeframe | None = None
    limit: Limit | None = None
    badge: str | None = None
    rules: tuple[Rule, ...]


class References(Protocol):
    """What a definition may refer to, as it is now."""

    def event_type(self, code: str) -> EventType | None: ...
    def badge(self, code: str) -> Badge | None: ...


def achievement_problems(definition: Definition, references: References, zone: ZoneInfo) -> list[Problem]:
    """Everything that is wrong with a definition.

    Its conditions and expressions are not looked at: that takes the rule language's compiler.
    """
    problems = [*text_problems(definition.name, definition.description, definition.translations)]
    if definition.timeframe:
        problems += timeframe_problems(definition.timeframe, "/timeframe", zone)
    if definition.limit:
        problems += limit_problems(definition.limit, "/limit")
    if definition.badge is not None and references.badge(definition.badge) is None:
        problems.append(Problem("/badge", f"no badge `{definition.badge}`", "unknown"))
    if not 1 <= len(definition.rules) <= MOST_RULES:
        problems.append(Problem("/rules", f"must be 1 to {MOST_RULES} rules, not {len(definition.rules)}"))
    for number, rule in enumerate(definition.rules[:MOST_RULES]):
        problems += _rule_problems(rule, f"/rules/{number}", references)
    return problems


def references_of(definition: Definition) -> Iterator[Reference]:
    """What it names that may be inactive."""
    for number, rule in enumerate(definition.rules):
        if rule.event_type is not None:
            yield Reference(f"/rules/{number}/event_type", EventType, rule.event_type)


def _rule_problems(rule: Rule, at: str, references: References) -> Iterator[Problem]:
    yield from name_problems(rule.name, f"{at}/name")
    yield from _trigger_problems(rule, at, references)
    if rule.unique_referee and rule.subject is not Subject.REFERRER:
        yield Problem(f"{at}/unique_referee", "must be false: only the progress of a referrer has referees")
    yield from _count_problems(rule, f"{at}/count")
    yield from _goal_problems(rule, f"{at}/goal")
    yield from _period_problems(rule, at)
    if rule.frequency:
        yield from limit_problems(rule.frequency, f"{at}/frequency")


def _trigger_problems(rule: Rule, at: str, references: References) -> Iterator[Problem]:
    if rule.trigger is FactKind.TRANSACTION:
        if rule.event_type is not None:
            yield Problem(f"{at}/event_type", "must be absent: transactions are counted")
    elif rule.event_type is None:
        yield Problem(f"{at}/event_type", "is required: events are counted", "required")
    elif references.event_type(rule.event_type) is None:
        yield Problem(f"{at}/event_type", f"no event type `{rule.event_type}`", "unknown")


_COUNTS = {CountKind.SUM: "expression", CountKind.DISTINCT: "attribute"}
_ATTRIBUTE = re.compile(r"\w[\w.-]*")
_OF_ITEMS = (CountKind.MATCHING_QUANTITY, CountKind.MATCHING_VALUE)


def _count_problems(rule: Rule, at: str) -> Iterator[Problem]:
    count = rule.count
    needed = _COUNTS.get(count.kind)
    for name in ("expression", "attribute", "items"):
        value = getattr(count, name)
        if name == needed and value is None:
            yield Problem(f"{at}/{name}", f"is required to count `{count.kind}`", "required")
        elif value is not None and name != needed and not (name == "items" and count.kind in _OF_ITEMS):
            yield Problem(f"{at}/{name}", f"must be absent to count `{count.kind}`")
    if count.attribute is not None and not _ATTRIBUTE.fullmatch(count.attribute):
        yield Problem(f"{at}/attribute", "must be the name of an attribute, such as transaction.attributes.store")
    if count.kind in _OF_ITEMS and rule.trigger is FactKind.EVENT:
        yield Problem(f"{at}/kind", "must be another one: only transactions have item lines")


def _goal_problems(rule: Rule, at: str) -> Iterator[Problem]:
    if fault(rule.goal) or rule.goal <= 0:
        yield Problem(at, "must be more than 0")
    elif rule.count.kind is CountKind.DISTINCT and rule.goal > MOST_DISTINCT:
        yield Problem(at, f"must be at most {MOST_DISTINCT} to count distinct values")


def _period_problems(rule: Rule, at: str) -> Iterator[Problem]:
    period = rule.period
    if period.kind is not PeriodKind.LAST_DAYS:
        if period.n is not None:
            yield Problem(f"{at}/period/n", f"must be absent: only `{PeriodKind.LAST_DAYS}` has it")
    elif period.n is None:
        yield Problem(f"{at}/period/n", "is required: how many days it is", "required")
    elif not 1 <= period.n <= MOST_DAYS:
        yield Problem(f"{at}/period/n", f"must be 1 to {MOST_DAYS} days")
    if not 1 <= rule.consecutive <= MOST_CONSECUTIVE:
        yield Problem(f"{at}/consecutive", f"must be 1 to {MOST_CONSECUTIVE}")
    elif rule.consecutive > 1 and period.kind in (PeriodKind.OVERALL, PeriodKind.LAST_DAYS):
        yield Problem(f"{at}/consecutive", "must be 1: only days, weeks, months and years follow one another")


_MEANING = ("trigger", "event_type", "subject", "unique_referee", "count", "goal", "period", "consecutive")
"""The fields of a rule that give progress its meaning."""


def new_revision(before: Definition, after: Definition) -> tuple[str, ...]:
    """The pointers of what was changed that gives progress its meaning; where there are any, progress starts again."""
    if len(before.rules) != len(after.rules) or _reordered(before.rules, after.rules):
        return ("/rules",)
    return tuple(
        f"/rules/{number}/{field}"
        for number, (was, becomes) in enumerate(zip(before.rules, after.rules, strict=True))
        for field in _MEANING
        if getattr(was, field) != getattr(becomes, field)
    )


def _reordered(before: tuple[Rule, ...], after: tuple[Rule, ...]) -> bool:
    """Whether some rule as it was stands in another place, where another one stood."""
    return any(
        was != becomes and was in after and becomes in before for was, becomes in zip(before, after, strict=True)
    )
