"""What callers send about achievements, and what it becomes; bodies as in `application.bodies.base`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from msgspec import Meta, field, structs

from application.achievements.manual_progress import ProgressRequest, RuleSetting
from application.bodies.base import LONGEST_REASON, LimitBody, Translations, as_domain, keepable
from application.bodies.exact import Amount, Body, Code, DefinitionId, Formula, Instant, Name, Text
from domain.achievements.definition import (
    MOST_CONSECUTIVE,
    MOST_DAYS,
    MOST_RULES,
    CountKind,
    Definition,
    PeriodKind,
    Rule,
    Subject,
)
from domain.achievements.timeframe import TimeframeKind
from domain.facts.fact import FactKind
from domain.values.limit import MOST_LIMIT

MOST_SETTINGS = 100
"""Values that are set at once: a rule has one a period."""

Written = Annotated[str, Meta(max_length=40)]
"""A day, an instant or a time of day."""

DayNumber = Annotated[int, Meta(ge=1, le=31)]
MonthNumber = Annotated[int, Meta(ge=1, le=12)]


class TimeframeBody(Body, frozen=True, kw_only=True):
    """When facts count, by their own time in the program's time zone.

    `before` and `after` have `at`; `between` and `not_between` have `from` and `to`: days (`2026-06-01`) or instants. A
    day given as `to` is inside, an instant outside. `time_of_day` has `from` and `to` as `HH:MM`, `to` outside; one
    that is not later than `from` is on the next day. `days_of_week` (from 1, Monday) and `days_of_month` have `days`,
    `months` has `months`.
    """

    kind: TimeframeKind
    at: Written | None = None
    start: Written | None = field(name="from", default=None)
    to: Written | None = None
    days: Annotated[tuple[DayNumber, ...], Meta(max_length=31)] = ()
    months: Annotated[tuple[MonthNumber, ...], Meta(max_length=12)] = ()


class CountBody(Body, frozen=True, kw_only=True):
    """What a fact adds: 1 (`occurrences`), an `expression` (`sum`), 1 for a new value of `attribute` (`distinct`), or
    the pieces or the value of the item lines that match `items` (`matching_quantity`, `matching_value`; all without).
    """

    kind: CountKind
    expression: Formula | None = None
    attribute: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    items: dict[str, Any] | None = None


class PeriodBody(Body, frozen=True, kw_only=True):
    """Over which time a rule counts; `n` days belong to `last_days`."""

    kind: PeriodKind = PeriodKind.OVERALL
    n: Annotated[int, Meta(ge=1, le=MOST_DAYS)] | None = None


class RuleBody(Body, frozen=True, kw_only=True):
    """One thing to do: that what facts count reaches the goal, in `consecutive` periods in a row.

    `frequency` bounds the facts that count, `conditions` are those a fact has to meet. With the `subject` `referrer` it
    is the acting member's referrer who progresses, and with `unique_referee` once for each member they referred.
    """

    depends: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType(
        {
            "event_type": ("conditions", "count"),
            "subject": ("unique_referee",),
            "period": ("consecutive",),
        }
    )

    name: Name
    trigger: FactKind
    event_type: Code | None = None
    subject: Subject = Subject.MEMBER
    unique_referee: bool = False
    conditions: dict[str, Any] | None = None
    count: CountBody
    goal: Amount
    period: PeriodBody = PeriodBody()
    consecutive: Annotated[int, Meta(ge=1, le=MOST_CONSECUTIVE)] = 1
    frequency: LimitBody | None = None


class AchievementBody(Body, frozen=True, kw_only=True):
    """An achievement as a whole. It stays as active as it is where `active` is not given; a new one is not.

    `limit` bounds the completions of each member.
    """

    name: Name
    description: Text = ""
    translations: Translations = field(default_factory=dict)
    active: bool | None = None
    timeframe: TimeframeBody | None = None
    limit: LimitBody | None = None
    badge: Code | None = None
    rules: Annotated[tuple[RuleBody, ...], Meta(min_length=1, max_length=MOST_RULES)]

    def definition(self) -> Definition:
        definition = as_domain(self, Definition)
        return structs.replace(definition, rules=tuple(map(_keepable_rule, definition.rules)))


def _keepable_rule(rule: Rule) -> Rule:
    count = structs.replace(rule.count, items=keepable(rule.count.items))
    return structs.replace(rule, conditions=keepable(rule.conditions), count=count)


class NewAchievementBody(AchievementBody, frozen=True, kw_only=True):
    """A new achievement; it is given an id where the caller gives none."""

    id: DefinitionId | None = None


RuleNumber = Annotated[int, Meta(ge=1, le=MOST_RULES)]
Completed = Annotated[int, Meta(ge=0, le=MOST_LIMIT)]
ManualReason = Annotated[str, Meta(min_length=1, max_length=LONGEST_REASON)]


class RuleProgressBody(Body, frozen=True, kw_only=True):
    """What a rule (from 1) is to have counted in the period that `at` lies in; now, where it is not given."""

    rule: RuleNumber
    value: Amount
    at: Instant | None = None


class ProgressBody(Body, frozen=True, kw_only=True):
    """A change of progress by hand. `completed` is the new completed count, `rules` are new values of rules."""

    reason: ManualReason
    completed: Completed | None = None
    rules: Annotated[tuple[RuleProgressBody, ...], Meta(max_length=MOST_SETTINGS)] = ()

    def change(self) -> ProgressRequest:
        settings = tuple(RuleSetting(rule.rule, rule.value, rule.at) for rule in self.rules)
        return ProgressRequest(self.reason, self.completed, settings)
