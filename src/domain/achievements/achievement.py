"""An achievement: a long-term goal. It tracks, and never pays."""

from enum import StrEnum
from typing import ClassVar, assert_never
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain.achievements.definition import Definition, new_revision
from domain.facts.basis import Basis, Turns, was_on


class Defined(Struct, frozen=True, gc=False):
    """The first definition and every edit. Progress is by `revision`: a higher one starts everybody's again."""

    tag: ClassVar[str] = "achievement.defined"
    achievement: UUID
    revision: int
    definition: Definition


class Activated(Struct, frozen=True, gc=False):
    """`after` is the position of the definitions that it changes, as in `Deactivated`; older events do not say it."""

    tag: ClassVar[str] = "achievement.activated"
    achievement: UUID
    after: int = 0


class Deactivated(Struct, frozen=True, gc=False):
    tag: ClassVar[str] = "achievement.deactivated"
    achievement: UUID
    after: int = 0


class Archived(Struct, frozen=True, gc=False):
    tag: ClassVar[str] = "achievement.archived"
    achievement: UUID


Event = Defined | Activated | Deactivated | Archived


class Status(StrEnum):
    INACTIVE = "inactive"
    ACTIVE = "active"
    ARCHIVED = "archived"


class Achievement(Struct, frozen=True, gc=False):
    """`version` is that of its definition and life: the stream's."""

    id: UUID
    definition: Definition
    revision: int = 1
    status: Status = Status.INACTIVE
    version: int = 1
    turns: Turns = ()

    @property
    def activated(self) -> bool:
        """Whether it ever was active: an inactive one that was is paused."""
        return bool(self.turns)

    def was_active(self, basis: Basis) -> bool:
        """Whether it took facts when one was first recorded; one that was defined later did not."""
        return was_on(self.turns, basis)


def evolve(achievement: Achievement | None, event: Event) -> Achievement:
    if achievement is None:
        assert isinstance(event, Defined)  # noqa: S101  the first event of the stream
        return Achievement(event.achievement, event.definition, event.revision)
    version = achievement.version + 1
    match event:
        case Defined():
            return replace(achievement, definition=event.definition, revision=event.revision, version=version)
        case Activated():
            return replace(achievement, status=Status.ACTIVE, version=version, turns=(*achievement.turns, event.after))
        case Deactivated():
            return replace(
                achievement, status=Status.INACTIVE, version=version, turns=(*achievement.turns, event.after)
            )
        case Archived():
            return replace(achievement, status=Status.ARCHIVED, version=version)
        case _:
            assert_never(event)


class WrongStatus(Struct, frozen=True, gc=False):
    """The achievement's status does not allow what was asked; `allowed` are those that would."""

    status: Status
    allowed: tuple[Status, ...]


def define(achievement_id: UUID, definition: Definition) -> Defined:
    return Defined(achievement_id, 1, definition)


class Edit(Struct, frozen=True, gc=False):
    """What an edit makes of an achievement: its revision, and where it has a new one, the fields that make it so."""

    revision: int
    fields: tuple[str, ...]


def edit(achievement: Achievement, definition: Definition) -> Edit:
    fields = new_revision(achievement.definition, definition)
    return Edit(achievement.revision + bool(fields), fields)


def revise(achievement: Achievement, definition: Definition) -> list[Event] | WrongStatus:
    if achievement.status is Status.ARCHIVED:
        return WrongStatus(achievement.status, (Status.INACTIVE, Status.ACTIVE))
    if definition == achievement.definition:
        return []
    return [Defined(achievement.id, edit(achievement, definition).revision, definition)]


def activate(achievement: Achievement, after: int) -> list[Event] | WrongStatus:
    """`after` is the position of the definitions as they are, here and where an achievement is made inactive."""
    match achievement.status:
        case Status.ACTIVE:
            return []
        case Status.INACTIVE:
            return [Activated(achievement.id, after)]
        case Status.ARCHIVED:
            return WrongStatus(achievement.status, (Status.INACTIVE,))


def deactivate(achievement: Achievement, after: int) -> list[Event] | WrongStatus:
    match achievement.status:
        case Status.INACTIVE:
            return []
        case Status.ACTIVE:
            return [Deactivated(achievement.id, after)]
        case Status.ARCHIVED:
            return WrongStatus(achievement.status, (Status.ACTIVE,))


def archive(achievement: Achievement) -> list[Event] | WrongStatus:
    match achievement.status:
        case Status.ARCHIVED:
            return []
        case Status.INACTIVE:
            return [Archived(achievement.id)]
        case Status.ACTIVE:
            return WrongStatus(achievement.status, (Status.INACTIVE,))
