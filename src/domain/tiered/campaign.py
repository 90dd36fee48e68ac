"""A tiered campaign: aggregates an attribute of facts per member over occurrences, and pays by tier table."""

from bisect import bisect_right
from collections.abc import Container
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, assert_never
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain.facts.basis import Basis, Turns, is_on, was_on
from domain.tiered.definition import Definition, Resolution, missing
from domain.tiered.schedule import Window
from domain.values.problems import Problem


class Revision(Struct, frozen=True, gc=False):
    """A definition with what it referred to resolved: the zone's name and the account's decimals.

    Its terms are those of the occurrences from `first` until a later revision begins.
    """

    number: int
    first: int
    definition: Definition
    time_zone: str
    decimals: int


class Revised(Struct, frozen=True, gc=False):
    """The first definition and every edit: `windows` are the resolved instants of all occurrences (none in a draft)."""

    tag: ClassVar[str] = "tiered_campaign.revised"
    campaign: UUID
    revision: Revision
    windows: tuple[Window, ...]


class Activated(Struct, frozen=True, gc=False):
    """`after` is the position of the definitions that it changes, as in `Deactivated`; older events do not say it."""

    tag: ClassVar[str] = "tiered_campaign.activated"
    campaign: UUID
    after: int = 0


class Deactivated(Struct, frozen=True, gc=False):
    tag: ClassVar[str] = "tiered_campaign.deactivated"
    campaign: UUID
    after: int = 0


class Archived(Struct, frozen=True, gc=False):
    """For good: what is pending is void."""

    tag: ClassVar[str] = "tiered_campaign.archived"
    campaign: UUID


Event = Revised | Activated | Deactivated | Archived


class TieredCampaign(Struct, frozen=True, gc=False):
    """`revisions` are those whose terms some occurrence has, oldest first; `version` counts the stream's events."""

    id: UUID
    revisions: tuple[Revision, ...]
    windows: tuple[Window, ...]
    archived: bool = False
    version: int = 1
    turns: Turns = ()

    @property
    def active(self) -> bool:
        return is_on(self.turns)

    @property
    def activated(self) -> bool:
        """Whether it ever was active: an inactive one that was is paused."""
        return bool(self.turns)

    def was_active(self, basis: Basis) -> bool:
        """Whether it took facts when one was first recorded; one that was defined later did not."""
        return was_on(self.turns, basis)

    @property
    def revision(self) -> Revision:
        """The newest one: what is shown and edited."""
        return self.revisions[-1]

    @property
    def definition(self) -> Definition:
        return self.revisions[-1].definition

    def revision_of(self, occurrence: int) -> Revision:
        """The one an occurrence started with, or will."""
        return next(revision for revision in reversed(self.revisions) if revision.first <= occurrence)


def evolve(campaign: TieredCampaign | None, event: Event) -> TieredCampaign:
    if campaign is None:
        assert isinstance(event, Revised)  # noqa: S101  the first event of the stream
        return TieredCampaign(event.campaign, (event.revision,), event.windows)
    version = campaign.version + 1
    match event:
        case Revised():
            kept = tuple(revision for revision in campaign.revisions if revision.first < event.revision.first)
            return replace(campaign, revisions=(*kept, event.revision), windows=event.windows, version=version)
        case Activated() | Deactivated():
            return replace(campaign, version=version, turns=(*campaign.turns, event.after))
        case Archived():
            return replace(campaign, archived=True, version=version)
        case _:
            assert_never(event)


class Status(StrEnum):
    DRAFT = "draft"
    INACTIVE = "inactive"
    SCHEDULED = "scheduled"
    ACTIVE = "active"
    COMPLETED = "completed"
    ARCHIVED = "archived"


def status(campaign: TieredCampaign, now: datetime, *, evaluated: bool) -> Status:
    """Where the campaign is in its life; `evaluated` says whether all of its occurrences are."""
    if campaign.archived:
        return Status.ARCHIVED
    if not campaign.windows:
        return Status.DRAFT
    if evaluated:
        return Status.COMPLETED
    if not campaign.active:
        return Status.INACTIVE
    return Status.SCHEDULED if now < campaign.windows[0].starts_at else Status.ACTIVE


def next_evaluation(campaign: TieredCampaign, begun: Container[int]) -> datetime | None:
    """When the first occurrence is paid whose evaluation has not `begun`; None when none will be."""
    if campaign.archived:
        return None
    ahead = (window for number, window in enumerate(campaign.windows, 1) if number not in begun)
    return next((window.evaluation_at for window in ahead), None)


def started(campaign: TieredCampaign, now: datetime) -> int:
    """How many occurrences have started."""
    return bisect_right(campaign.windows, now, key=lambda window: window.starts_at)


class WrongStatus(Struct, frozen=True, gc=False):
    """The campaign's status does not allow what was asked; `allowed` are those that would."""

    status: Status
    allowed: tuple[Status, ...]


class Incomplete(Struct, frozen=True, gc=False):
    """A draft can't be activated: `missing` are the fields to fill in first."""

    missing: tuple[str, ...]


Refusal = WrongStatus | Incomplete


def define(campaign_id: UUID, definition: Definition, resolved: Resolution) -> Revised:
    revision = Revision(1, 1, definition, resolved.time_zone, resolved.decimals)
    return Revised(campaign_id, revision, resolved.windows)


def revise(
    campaign: TieredCampaign, definition: Definition, resolved: Resolution, now: datetime, current: Status
) -> list[Event] | list[Problem] | WrongStatus:
    """An edit: new terms for the occurrences that have not started; the others keep windows and terms."""
    if current in (Status.ARCHIVED, Status.COMPLETED):
        return WrongStatus(current, (Status.DRAFT, Status.INACTIVE, Status.SCHEDULED, Status.ACTIVE))
    begun = started(campaign, now)
    problems = _unchangeable(campaign, definition, resolved, begun)
    if campaign.windows:
        problems += [
            Problem(f"/{field}", "is required: the campaign has left the draft", "required")
            for field in missing(definition)
        ]
    if problems:
        return problems
    revision = Revision(campaign.revision.number + 1, begun + 1, definition, resolved.time_zone, resolved.decimals)
    revised: list[Event] = [Revised(campaign.id, revision, campaign.windows[:begun] + resolved.windows[begun:])]
    return revised


def _unchangeable(campaign: TieredCampaign, definition: Definition, resolved: Resolution, begun: int) -> list[Problem]:
    if not begun:
        return []
    was = campaign.definition
    problems = [
        Problem(f"/{field}", "can't change: the first occurrence has started", "unchangeable")
        for field, before, after in (
            ("starts_at", was.starts_at, definition.starts_at),
            ("duration", was.duration, definition.duration),
            ("time_zone", campaign.revision.time_zone, resolved.time_zone),
        )
        if before != after
    ]
    if definition.occurrences is not None and definition.occurrences < begun:
        problems.append(Problem("/occurrences", f"must be at least {begun}: so many have started", "unchangeable"))
    return problems


def activate(campaign: TieredCampaign, current: Status, after: int) -> list[Event] | Refusal:
    """`after` is the position of the definitions as they are, here and where a campaign is made inactive."""
    if current is Status.DRAFT:
        return Incomplete(missing(campaign.definition))
    if current in (Status.ACTIVE, Status.SCHEDULED):
        return []
    return [Activated(campaign.id, after)] if current is Status.INACTIVE else WrongStatus(current, (Status.INACTIVE,))


def deactivate(campaign: TieredCampaign, current: Status, after: int) -> list[Event] | Refusal:
    if current is Status.INACTIVE:
        return []
    if current in (Status.ACTIVE, Status.SCHEDULED):
        return [Deactivated(campaign.id, after)]
    return WrongStatus(current, (Status.ACTIVE, Status.SCHEDULED))


def archive(campaign: TieredCampaign, current: Status) -> list[Event] | Refusal:
    """Only an inactive campaign can be archived; a draft is one that was never active."""
    if current is Status.ARCHIVED:
        return []
    if current in (Status.DRAFT, Status.INACTIVE):
        return [Archived(campaign.id)]
    return WrongStatus(current, (Status.DRAFT, Status.INACTIVE))
