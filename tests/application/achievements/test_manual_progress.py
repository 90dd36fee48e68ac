"""Progress changed by hand: what it records, and what it refuses."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from application.achievements import commands as achievements
from application.achievements import manual_progress
from application.achievements.manual_progress import ProgressChange, ProgressRequest, RuleSetting
from application.members.commands import put_member
from application.service.preconditions import Precondition
from application.service.refusals import Conflict, Unknown
from domain.achievements.definition import Count, CountKind, Period, PeriodKind
from domain.achievements.progress import Adjusted, Carried, Completed
from domain.facts.outcomes import ProgressOutcome
from domain.values.interval import Interval, IntervalUnit
from domain.values.limit import Limit
from domain.values.problems import Invalid
from tests.support.achievements import ACHIEVEMENT, definition, rule
from tests.support.campaigns import CAMPAIGN, buy, purchase
from tests.support.program import Program

DAILY = rule(goal=Decimal(2), period=Period(PeriodKind.DAY), consecutive=2)
YESTERDAY = datetime(2026, 9, 9, 23, tzinfo=UTC)


def running(*rules: Any, limit: Limit | None = None) -> Program:
    program = Program()
    program.do(lambda working: put_member(working, "M-1", None, {}, None))
    given = definition(*rules, limit=limit, badge=None)
    program.do(lambda working: achievements.define(working, ACHIEVEMENT, given))
    return program


def change(program: Program, **fields: Any) -> ProgressChange:
    settings = tuple(RuleSetting(*setting) for setting in fields.pop("settings", ()))
    wanted = ProgressRequest(fields.pop("reason", "lost receipt"), settings=settings, **fields)
    return program.do(lambda working: manual_progress.change(working, "M-1", ACHIEVEMENT, wanted))


def values(changed: ProgressChange) -> list[tuple[str, bool]]:
    return [(str(shown.value), shown.complete) for _, shown in changed.rules]


def test_a_value_is_set_in_the_period_of_its_instant() -> None:
    program = running(DAILY)
    assert values(change(program, settings=[(1, Decimal(1))])) == [("1", False)]
    assert values(change(program, settings=[(1, Decimal(3), YESTERDAY)])) == [("1", False)]
    assert values(change(program, settings=[(1, Decimal(0))])) == [("0", False)]


def test_rules_that_become_complete_complete_the_achievement() -> None:
    program = running(DAILY)
    changed = change(program, settings=[(1, Decimal(2)), (1, Decimal(2), YESTERDAY)])
    assert (changed.completed, values(changed)) == (1, [("0", False)])
    adjusted, completed = program.events[-2:]
    assert isinstance(adjusted, Adjusted)
    assert isinstance(completed, Completed)
    assert completed.fact is None


def test_the_count_is_raised_and_lowered() -> None:
    program = running()
    assert change(program, completed=7).completed == 7
    assert change(program, completed=0).completed == 0
    counts = [(event.before, event.completed) for event in program.events if isinstance(event, Adjusted)]
    assert counts == [(0, 7), (7, 0)]


def test_what_is_so_already_is_not_recorded() -> None:
    program = running()
    change(program, completed=7, settings=[(1, Decimal(2))])
    before = len(program.events)
    assert change(program, completed=7, settings=[(1, Decimal("2.0"))]).completed == 7
    assert len(program.events) == before


def test_the_limit_holds() -> None:
    program = running(limit=Limit(Decimal(3), Interval(IntervalUnit.DAY)))
    change(program, completed=2)
    with pytest.raises(Conflict, match="at most 3"):
        change(program, completed=4)
    assert change(program, completed=3).completed == 3
    with pytest.raises(Conflict):
        change(program, completed=4)
    program.now = datetime(2026, 9, 11, tzinfo=UTC)
    assert change(program, completed=6).completed == 6


def test_what_is_lowered_are_the_latest_completions() -> None:
    program = running(limit=Limit(Decimal(2), Interval(IntervalUnit.DAY)))
    change(program, completed=2)
    program.now = datetime(2026, 9, 11, tzinfo=UTC)
    assert change(program, completed=1).completed == 1
    assert change(program, completed=3).completed == 3
    with pytest.raises(Conflict, match="at most 3"):
        change(program, completed=4)


def test_no_rule_is_raised_at_the_limit() -> None:
    program = running(limit=Limit(Decimal(1), Interval(IntervalUnit.DAY)))
    change(program, settings=[(1, Decimal(2))])
    change(program, completed=1)
    before = len(program.events)
    for fields in ({}, {"completed": 1}, {"completed": 1, "settings": [(1, Decimal(5))]}):
        with pytest.raises(Conflict, match="nothing progresses"):
            change(program, **({"settings": [(1, Decimal(3))]} | fields))
    assert len(program.events) == before
    assert values(change(program, settings=[(1, Decimal(1))])) == [("1", False)]
    assert values(change(program, settings=[(1, Decimal(3), YESTERDAY)])) == [("3", False)]
    changed = change(program, completed=0, settings=[(1, Decimal(5))])
    assert (changed.completed, values(changed)) == (1, [("0", False)])


def test_values_count_again_once_there_are_none() -> None:
    program = running(rule(count=Count(CountKind.DISTINCT, attribute="transaction.attributes.store")))
    program.do(lambda working: achievements.activate(working, ACHIEVEMENT))
    for fact in ("T-1", "T-2"):
        answer = buy(program, purchase(fact, attributes={"store": "North"}))
        assert [outcome.value for outcome in answer.outcomes if isinstance(outcome, ProgressOutcome)] == [1]
        change(program, settings=[(1, Decimal(0))])


def test_completions_are_carried_into_a_new_revision() -> None:
    program = running()
    change(program, completed=2, settings=[(1, Decimal(4))])
    edited = definition(rule(goal=Decimal(6)), limit=None)
    program.do(lambda working: achievements.revise(working, ACHIEVEMENT, edited, Precondition(exists=True)))
    changed = change(program, settings=[(1, Decimal(1))])
    assert (changed.completed, values(changed)) == (2, [("1", False)])
    assert isinstance(program.events[-2], Carried)


def test_a_change_that_is_none_carries_nothing() -> None:
    program = running()
    change(program, completed=2)
    edited = definition(rule(goal=Decimal(6)), limit=None)
    program.do(lambda working: achievements.revise(working, ACHIEVEMENT, edited, Precondition(exists=True)))
    before = len(program.events)
    assert change(program, completed=2).completed == 2
    assert len(program.events) == before


def test_progress_of_an_inactive_achievement_is_changed_and_of_an_archived_one_is_not() -> None:
    program = running()
    assert change(program, completed=1).completed == 1
    program.do(lambda working: achievements.archive(working, ACHIEVEMENT))
    with pytest.raises(Conflict, match="archived"):
        change(program, completed=2)


def test_whoever_is_unknown_has_no_progress() -> None:
    program = running()
    wanted = ProgressRequest("lost receipt", 1)
    with pytest.raises(Unknown, match="no member `M-2`"):
        program.do(lambda working: manual_progress.change(working, "M-2", ACHIEVEMENT, wanted))
    with pytest.raises(Unknown, match="no achievement"):
        program.do(lambda working: manual_progress.change(working, "M-1", CAMPAIGN, wanted))


SLIDING = rule(
    goal=Decimal(3), count=Count(CountKind.DISTINCT, attribute="store"), period=Period(PeriodKind.LAST_DAYS, 7)
)


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({}, [""]),
        ({"completed": 1, "reason": " \n"}, ["/reason"]),
        ({"settings": [(0, Decimal(1))]}, ["/rules/0/rule"]),
        ({"settings": [(1, Decimal(1)), (4, Decimal(1))]}, ["/rules/1/rule"]),
        ({"settings": [(1, Decimal(-1))]}, ["/rules/0/value"]),
        ({"settings": [(1, Decimal("NaN"))]}, ["/rules/0/value"]),
        ({"settings": [(1, Decimal("1e20"))]}, ["/rules/0/value"]),
        ({"settings": [(1, Decimal(1)), (1, Decimal(2), YESTERDAY)]}, ["/rules/1"]),
        ({"settings": [(2, Decimal(1)), (2, Decimal(2), YESTERDAY)]}, []),
        ({"settings": [(3, Decimal(1))]}, ["/rules/0/rule"]),
    ],
)
def test_what_can_not_be(fields: dict[str, Any], pointers: list[str]) -> None:
    program = running(rule(), DAILY, SLIDING)
    before = len(program.events)
    if pointers:
        with pytest.raises(Invalid) as refused:
            change(program, **fields)
        assert [problem.pointer for problem in refused.value.problems] == pointers
        assert len(program.events) == before
    else:
        change(program, **fields)
