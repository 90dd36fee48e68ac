"""Commands over achievements: definition and life."""

from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from application.definitions.catalogue import Catalogue
from application.definitions.goals import goal_problems
from application.log.streams import Stream
from application.log.working import Working
from application.service.preconditions import Precondition
from application.service.refusals import Conflict, Unknown, check_saved
from application.streams import ACHIEVEMENT
from domain.achievements import achievement as achievements
from domain.achievements.achievement import Achievement, Edit, WrongStatus
from domain.achievements.definition import Definition, achievement_problems, references_of
from domain.campaigns.campaign import Life
from domain.values.problems import Invalid, Problem
from domain.values.texts import name_of_copy


def define(
    working: Working, achievement_id: UUID, definition: Definition, *, active: bool | None = None
) -> Achievement:
    """Saves a new achievement: inactive, unless it is to be `active`."""
    stream = ACHIEVEMENT.of(achievement_id)
    if working.state_if_known(stream) is not None:
        raise Conflict(f"an achievement {achievement_id} exists already", "exists")
    if problems := _problems(working.catalogue, definition, None):
        raise Invalid(problems)
    achievement = working.record(stream, achievements.define(achievement_id, definition))
    return activate(working, achievement_id) if active else achievement


def revise(
    working: Working,
    achievement_id: UUID,
    definition: Definition,
    precondition: Precondition,
    *,
    active: bool | None = None,
) -> Achievement:
    """Edits an achievement as a whole; it stays as active as it is while `active` is None."""
    stream, achievement = _achievement(working, achievement_id)
    precondition.check(achievement.version)
    achievement = _record(working, stream, achievement, _revised(working, achievement, definition))
    if active is None:
        return achievement
    return (activate if active else deactivate)(working, achievement_id)


def dry_run(working: Working, achievement_id: UUID, definition: Definition, precondition: Precondition) -> Edit:
    """What `revise` would make of it, with nothing recorded; the same is refused."""
    _, achievement = _achievement(working, achievement_id)
    precondition.check(achievement.version)
    _allowed(_revised(working, achievement, definition))
    return achievements.edit(achievement, definition)


def activate(working: Working, achievement_id: UUID) -> Achievement:
    stream, achievement = _achievement(working, achievement_id)
    changed = achievements.activate(achievement, working.catalogue.position)
    if changed and isinstance(changed, list):
        check_saved(working.catalogue.inactive(references_of(achievement.definition)))
    return _record(working, stream, achievement, changed)


def deactivate(working: Working, achievement_id: UUID) -> Achievement:
    stream, achievement = _achievement(working, achievement_id)
    changed = achievements.deactivate(achievement, working.catalogue.position)
    return _record(working, stream, achievement, changed)


def archive(working: Working, achievement_id: UUID) -> Achievement:
    stream, achievement = _achievement(working, achievement_id)
    for campaign in working.catalogue.campaigns.values():
        ends_at = campaign.definition.ends_at
        ended = ends_at is not None and ends_at <= working.now
        if campaign.definition.achievement == achievement_id and campaign.life is Life.ACTIVE and not ended:
            name = campaign.definition.name
            raise Conflict(f"the campaign {campaign.id} ({name}) is on it, and active; pause it first", "in_use")
    return _record(working, stream, achievement, achievements.archive(achievement))


def duplicate(working: Working, achievement_id: UUID, copy_id: UUID) -> Achievement:
    """Makes an inactive copy, of an archived one too."""
    _, achievement = _achievement(working, achievement_id)
    definition = achievement.definition
    try:
        return define(working, copy_id, replace(definition, name=name_of_copy(definition.name)))
    except Invalid as invalid:
        raise Conflict(f"what it refers to is not there any more: {invalid}", "outdated") from None


def _achievement(working: Working, achievement_id: UUID) -> tuple[Stream[Achievement, achievements.Event], Achievement]:
    stream = ACHIEVEMENT.of(achievement_id)
    achievement = working.state(stream)
    if not isinstance(achievement, Achievement):  # of what shares the ids that callers choose, such as a campaign, too
        raise Unknown(f"no achievement {achievement_id}")
    return stream, achievement


def _revised(
    working: Working, achievement: Achievement, definition: Definition
) -> list[achievements.Event] | WrongStatus:
    """Raises Invalid."""
    decided = achievements.revise(achievement, definition)
    if decided and not isinstance(decided, WrongStatus):
        problems = _problems(working.catalogue, definition, achievement.definition)
        if problems:
            raise Invalid(problems)
    return decided


def _problems(catalogue: Catalogue, definition: Definition, before: Definition | None) -> list[Problem]:
    """What is wrong with a definition; `before` is what an edit replaces."""
    return [
        *achievement_problems(definition, catalogue, ZoneInfo(catalogue.time_zone)),
        *goal_problems(catalogue, definition),
        *catalogue.inactive(references_of(definition), references_of(before) if before else ()),
    ]


def _record(
    working: Working,
    stream: Stream[Achievement, achievements.Event],
    achievement: Achievement,
    decided: list[achievements.Event] | WrongStatus,
) -> Achievement:
    for event in _allowed(decided):
        achievement = working.record(stream, event)
    return achievement


def _allowed(decided: list[achievements.Event] | WrongStatus) -> list[achievements.Event]:
    if isinstance(decided, WrongStatus):
        allowed = " or ".join(decided.allowed)
        raise Conflict(f"the achievement is {decided.status}; it must be {allowed}", "wrong_status")
    return decided
