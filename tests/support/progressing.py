"""Achievements and facts to decide about, each with what a test does not care for filled in."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from application.streams import ACHIEVEMENT, PROGRESS
from domain.achievements import achievement as achievements
from domain.achievements.definition import Count, CountKind, Definition, Period, PeriodKind, Rule
from domain.achievements.progress import Progress
from domain.facts.fact import FactKind
from domain.values.interval import Interval, IntervalUnit
from domain.values.limit import Limit
from tests.support.program import Program

ACHIEVEMENT_ID = UUID("018f0000-0000-7000-8000-0000000000a1")
OTHER_ID = UUID("018f0000-0000-7000-8000-0000000000a2")


def rule(goal: str = "3", period: str = "overall", n: int | None = None, **fields: Any) -> Rule:
    """So many purchases."""
    defaults: dict[str, Any] = {
        "name": "Buy",
        "trigger": FactKind.TRANSACTION,
        "count": Count(CountKind.OCCURRENCES),
        "goal": Decimal(goal),
        "period": Period(PeriodKind(period), n),
    }
    return Rule(**(defaults | fields))


def at_most(value: int, unit: str | None = None, n: int = 1) -> Limit:
    return Limit(Decimal(value), Interval(IntervalUnit(unit), n) if unit else None)


def tracking(program: Program, *rules: Rule, achievement: UUID = ACHIEVEMENT_ID, **fields: Any) -> UUID:
    """Defines and activates an achievement."""
    definition = Definition(name="Buyer", rules=rules or (rule(),), **fields)
    program.do(lambda working: _define(working, achievement, 1, definition))
    program.do(lambda working: working.record(ACHIEVEMENT.of(achievement), achievements.Activated(achievement)))
    return achievement


def revised(program: Program, *rules: Rule, achievement: UUID = ACHIEVEMENT_ID, **fields: Any) -> None:
    """An edit that starts everybody's progress again."""
    held = program.catalogue.achievements[achievement]
    definition = Definition(name="Buyer", rules=rules, **fields)
    program.do(lambda working: _define(working, achievement, held.revision + 1, definition))


def _define(working: Any, achievement: UUID, revision: int, definition: Definition) -> None:
    working.record(ACHIEVEMENT.of(achievement), achievements.Defined(achievement, revision, definition))


def progress(
    program: Program, member: str = "M-1", revision: int = 1, achievement: UUID = ACHIEVEMENT_ID
) -> Progress | None:
    found: Progress | None = program.state(PROGRESS.at(achievement, revision, member))
    return found


def day(number: int, hour: int = 12, month: int = 9) -> datetime:
    return datetime(2026, month, number, hour, tzinfo=UTC)
