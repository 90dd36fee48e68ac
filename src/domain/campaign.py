"""A campaign: fires when an achievement is completed or progressed, and decides rewards."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, assert_never
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain.campaign_definition import Definition


class Defined(Struct, frozen=True, gc=False):
    """The first definition and every edit; `time_zone` is the name of the one its intervals are in."""

    tag: ClassVar[str] = "campaign.defined"
    campaign: UUID
    revision: int
    definition: Definition
    time_zone: str


class Activated(Struct, frozen=True, gc=False):
    """What was triggered before `at` is not decided by it."""

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
