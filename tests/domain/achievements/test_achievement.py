from decimal import Decimal

import pytest

from domain.achievements import achievement as achievements
from domain.achievements.achievement import Achievement, Activated, Archived, Deactivated, Defined, Status, WrongStatus
from tests.support.achievements import ACHIEVEMENT, definition, rule

INACTIVE = achievements.evolve(None, achievements.define(ACHIEVEMENT, definition()))
ACTIVE = achievements.evolve(INACTIVE, Activated(ACHIEVEMENT))
ARCHIVED = achievements.evolve(INACTIVE, Archived(ACHIEVEMENT))


def test_one_that_is_defined_is_inactive() -> None:
    assert (INACTIVE.status, INACTIVE.revision, INACTIVE.version) == (Status.INACTIVE, 1, 1)
    assert achievements.evolve(ACTIVE, Deactivated(ACHIEVEMENT)).status is Status.INACTIVE


@pytest.mark.parametrize(
    ("achievement", "activated", "deactivated", "archived"),
    [
        (INACTIVE, [Activated(ACHIEVEMENT, 7)], [], [Archived(ACHIEVEMENT)]),
        (ACTIVE, [], [Deactivated(ACHIEVEMENT, 7)], None),
        (ARCHIVED, None, None, []),
    ],
)
def test_life(
    achievement: Achievement,
    activated: list[achievements.Event] | None,
    deactivated: list[achievements.Event] | None,
    archived: list[achievements.Event] | None,
) -> None:
    for decided, expected in (
        (achievements.activate(achievement, 7), activated),
        (achievements.deactivate(achievement, 7), deactivated),
        (achievements.archive(achievement), archived),
    ):
        if expected is None:
            assert isinstance(decided, WrongStatus)
            assert achievement.status not in decided.allowed
        else:
            assert decided == expected


def test_an_edit_of_texts_keeps_the_revision() -> None:
    edited = definition(name="Winter buyer")
    assert achievements.revise(ACTIVE, edited) == [Defined(ACHIEVEMENT, 1, edited)]


def test_an_edit_of_what_progress_means_makes_a_new_revision() -> None:
    edited = definition(rule(goal=Decimal(6)))
    assert achievements.revise(ACTIVE, edited) == [Defined(ACHIEVEMENT, 2, edited)]
    assert achievements.edit(ACTIVE, edited) == achievements.Edit(2, ("/rules/0/goal",))
    again = achievements.evolve(ACTIVE, Defined(ACHIEVEMENT, 2, edited))
    assert achievements.revise(again, definition()) == [Defined(ACHIEVEMENT, 3, definition())]
    assert (again.status, again.version) == (Status.ACTIVE, 3)


def test_an_edit_that_changes_nothing_stays_quiet() -> None:
    assert achievements.revise(INACTIVE, definition(rule(goal=Decimal("5.0")))) == []


def test_an_archived_one_is_not_edited() -> None:
    assert isinstance(achievements.revise(ARCHIVED, definition(name="B")), WrongStatus)
