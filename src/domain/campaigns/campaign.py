"""A campaign: fires when an achievement is completed or progressed, and decides rewards."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, assert_never
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain.campaigns.definition import Definition, missing
from domain.values.problems import Problem
from domain.values.texts import name_of_copy


class Defined(Struct, frozen=True, gc=False):
    """The first definition and every edit; `time_zone` is the name of the one its intervals are in."""

    tag: ClassVar[str] = "campaign.defined"
    campaign: UUID
    revision: int
    definition: Definition
    time_zone: str


class Activated(Struct, frozen=True, gc=False):
    """What is before it in the log is not decided by the campaign, whatever its time."""

    tag: ClassVar[str] = "campaign.activated"
    campaign: UUID
    at: datetime


class Paused(Struct, frozen=True, gc=False):
    tag: ClassVar[str] = "campaign.paused"
    campaign: UUID


class Deleted(Struct, frozen=True, gc=False):
    """Nothing more is decided by it, nor shown of it but its history."""

    tag: ClassVar[str] = "campaign.deleted"
    campaign: UUID


Event = Defined | Activated | Paused | Deleted


class Life(StrEnum):
    """What is recorded of a campaign's status; time alone ends an active or paused one."""

    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    DELETED = "deleted"


class Campaign(Struct, frozen=True, gc=False):
    """`version` is that of its definition and life: the stream's."""

    id: UUID
    definition: Definition
    time_zone: str
    revision: int = 1
    life: Life = Life.DRAFT
    activated_at: datetime | None = None
    version: int = 1


def evolve(campaign: Campaign | None, event: Event) -> Campaign:
    if campaign is None:
        assert isinstance(event, Defined)  # noqa: S101  the first event of the stream
        return Campaign(event.campaign, event.definition, event.time_zone, event.revision)
    version = campaign.version + 1
    match event:
        case Defined():
            return replace(
                campaign,
                definition=event.definition,
                time_zone=event.time_zone,
                revision=event.revision,
                version=version,
            )
        case Activated():
            return replace(campaign, life=Life.ACTIVE, activated_at=event.at, version=version)
        case Paused():
            return replace(campaign, life=Life.PAUSED, version=version)
        case Deleted():
            return replace(campaign, life=Life.DELETED, version=version)
        case _:
            assert_never(event)


class Status(StrEnum):
    """What is shown: an active or paused campaign has ended once its dates are over."""

    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"
    DELETED = "deleted"


def status(campaign: Campaign, now: datetime) -> Status:
    ends_at = campaign.definition.ends_at
    if campaign.life in (Life.ACTIVE, Life.PAUSED) and ends_at and ends_at <= now:
        return Status.ENDED
    return Status(campaign.life)


class WrongStatus(Struct, frozen=True, gc=False):
    """The campaign's status does not allow what was asked; `allowed` are those that would."""

    status: Status
    allowed: tuple[Status, ...]


class Incomplete(Struct, frozen=True, gc=False):
    """A draft can't be activated: `missing` are the fields to fill in first."""

    missing: tuple[str, ...]


class ArchivedAchievement(Struct, frozen=True, gc=False):
    """An archived achievement is never completed again, so nothing would ever fire the campaign."""


Refusal = WrongStatus | Incomplete | ArchivedAchievement


def revise(campaign: Campaign, definition: Definition, time_zone: str) -> list[Event] | list[Problem] | WrongStatus:
    """An edit of the whole. What is triggered from now on is decided by it."""
    if campaign.life is Life.DELETED:
        return WrongStatus(Status.DELETED, (Status.DRAFT, Status.ACTIVE, Status.PAUSED, Status.ENDED))
    if campaign.life is not Life.DRAFT and (lacking := missing(definition)):
        detail = "is required: the campaign has left the draft"
        return [Problem(f"/{field}", detail, "required") for field in lacking]
    revised: list[Event] = [Defined(campaign.id, campaign.revision + 1, definition, time_zone)]
    return revised


def activate(campaign: Campaign, now: datetime, *, archived: bool) -> list[Event] | Refusal:
    """`archived` says whether its achievement is. A draft of the past can be activated: facts may come late."""
    current = status(campaign, now)
    match current:
        case Status.ACTIVE:
            return []
        case Status.ENDED | Status.DELETED:
            return WrongStatus(current, (Status.DRAFT, Status.PAUSED))
    if lacking := missing(campaign.definition):
        return Incomplete(lacking)
    return ArchivedAchievement() if archived else [Activated(campaign.id, now)]


def pause(campaign: Campaign, now: datetime) -> list[Event] | WrongStatus:
    current = status(campaign, now)
    match current:
        case Status.PAUSED:
            return []
        case Status.ACTIVE:
            return [Paused(campaign.id)]
    return WrongStatus(current, (Status.ACTIVE,))


def delete(campaign: Campaign) -> list[Event]:
    return [] if campaign.life is Life.DELETED else [Deleted(campaign.id)]


def duplicate(campaign: Campaign, copy: UUID) -> Defined:
    """A draft like it, by another name."""
    definition = campaign.definition
    return Defined(copy, 1, replace(definition, name=name_of_copy(definition.name)), campaign.time_zone)
