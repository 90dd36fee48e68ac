"""What the service answers about achievements: commands and reads show them alike."""

from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct

from api.routes.warnings import WarningView, warnings_shown
from application.achievements.manual_progress import ProgressChange
from domain.achievements.achievement import Achievement, Status
from domain.achievements.definition import Count, CountKind, Period, PeriodKind, Rule, Subject
from domain.achievements.timeframe import Timeframe
from domain.achievements.warnings import achievement_warnings
from domain.facts.fact import FactKind
from domain.values.amounts import written
from domain.values.interval import Interval
from domain.values.limit import Limit
from domain.values.texts import Text
from projections.listing.page import Figure


class CountLimitView(Struct, frozen=True, gc=False):
    """At most `value`, for life or per interval."""

    value: int
    interval: Interval | None


class CountView(Struct, frozen=True, gc=False, omit_defaults=True):
    """What a fact adds; of the fields beside `kind` it has those that its kind has."""

    kind: CountKind
    expression: str | None = None
    attribute: str | None = None
    items: dict[str, Any] | None = None


class PeriodView(Struct, frozen=True, gc=False, omit_defaults=True):
    """Over which time a rule counts; `n` days belong to `last_days`."""

    kind: PeriodKind
    n: int | None = None


class AchievementRuleView(Struct, frozen=True, gc=False):
    """One thing to do."""

    name: str
    trigger: FactKind
    event_type: str | None
    subject: Subject
    unique_referee: bool
    conditions: dict[str, Any] | None
    count: CountView
    goal: Figure
    period: PeriodView
    consecutive: int
    frequency: CountLimitView | None


class AchievementAnswer(Struct, frozen=True, gc=False, kw_only=True):
    """An achievement: what was filled in, and where it is in its life.

    `version` is that of its ETag. Progress is by `revision`: an edit that makes a new one has it start again.
    `warnings` are computed from what was filled in.
    """

    position: str
    id: UUID
    version: int
    revision: int
    status: Status
    active: bool
    warnings: list[WarningView]
    name: str
    description: str
    translations: dict[str, Text]
    timeframe: Timeframe | None
    limit: CountLimitView | None
    badge: str | None
    rules: list[AchievementRuleView]


def achievement(shown: Achievement, zone: ZoneInfo, position: str = "") -> AchievementAnswer:
    """The achievement, whose days are those of the program's `zone`."""
    definition = shown.definition
    return AchievementAnswer(
        position=position,
        id=shown.id,
        version=shown.version,
        revision=shown.revision,
        status=shown.status,
        active=shown.status is Status.ACTIVE,
        warnings=warnings_shown(achievement_warnings(definition, zone)),
        name=definition.name,
        description=definition.description,
        translations=definition.translations,
        timeframe=definition.timeframe,
        limit=_limit(definition.limit),
        badge=definition.badge,
        rules=[_rule(rule) for rule in definition.rules],
    )


def _rule(rule: Rule) -> AchievementRuleView:
    return AchievementRuleView(
        rule.name,
        rule.trigger,
        rule.event_type,
        rule.subject,
        rule.unique_referee,
        rule.conditions,
        _count(rule.count),
        written(rule.goal),
        _period(rule.period),
        rule.consecutive,
        _limit(rule.frequency),
    )


def _count(count: Count) -> CountView:
    return CountView(count.kind, count.expression, count.attribute, count.items)


def _period(period: Period) -> PeriodView:
    return PeriodView(period.kind, period.n)


def _limit(limit: Limit | None) -> CountLimitView | None:
    return CountLimitView(int(limit.value), limit.interval) if limit else None


class EditAnswer(Struct, frozen=True, gc=False):
    """What an edit would do, and has not done.

    `revision` is the one it would have after it; where that is a new one, all progress starts again: that of `members`,
    who are in progress now. `fields` are those that make it a new one.
    """

    position: str
    dry_run: bool
    revision: int
    resets_progress: bool
    members: int
    fields: tuple[str, ...]


class RuleProgressView(Struct, frozen=True, gc=False):
    """What a rule (from 1) counts in the period that is open now."""

    rule: int
    value: Figure
    goal: Figure
    complete: bool


class ProgressAnswer(Struct, frozen=True, gc=False):
    """A member's progress after it was changed by hand; `completed` is their completed count."""

    position: str
    member: str
    achievement: UUID
    completed: int
    rules: list[RuleProgressView]


def progress(changed: ProgressChange, position: str = "") -> ProgressAnswer:
    rules = [
        RuleProgressView(rule.number, written(shown.value), written(rule.goal), shown.complete)
        for rule, shown in changed.rules
    ]
    return ProgressAnswer(position, changed.member, changed.achievement, changed.completed, rules)
