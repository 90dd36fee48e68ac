"""A preview: a frozen calculation of pending points, for every occurrence that is active or in grace."""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, assert_never
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain.values.duration import Duration, longest, shortest

KEPT = 100
"""The newest previews of a campaign that are shown; older ones are in the log alone."""

MOST_IN_AN_OCCURRENCE = 1_000
LEAST_SPACING = timedelta(minutes=1)


class Requested(Struct, frozen=True, gc=False):
    """The freeze: a preview is computed as of this event's own position. `scheduled_for` is absent when asked for."""

    tag: ClassVar[str] = "preview.requested"
    preview: UUID
    campaign: UUID
    occurrences: tuple[int, ...]
    scheduled_for: datetime | None = None


class Figures(Struct, frozen=True, gc=False):
    """One occurrence: `pending_points` count pending and accepted facts, `award_points` what an award would pay.

    `members` are all who had a standing in it.
    """

    occurrence: int
    members: int
    pending_points: Decimal
    award_points: Decimal


class Finished(Struct, frozen=True, gc=False):
    tag: ClassVar[str] = "preview.finished"
    preview: UUID
    campaign: UUID
    figures: tuple[Figures, ...]


class Failed(Struct, frozen=True, gc=False):
    tag: ClassVar[str] = "preview.failed"
    preview: UUID
    campaign: UUID
    reason: str


Event = Requested | Finished | Failed


class Status(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


def spacing(every: Duration, length: Duration) -> Duration:
    """How far apart scheduled previews are: as was asked for, or the first multiple of it that is no shorter than a
    1,000th of an occurrence and than a minute.
    """
    least = max(longest(length) / MOST_IN_AN_OCCURRENCE, LEAST_SPACING)
    return Duration(every.count * -(-least // shortest(every)), every.unit)


class Preview(Struct, frozen=True, gc=False):
    id: UUID
    campaign: UUID
    occurrences: tuple[int, ...]
    status: Status


def evolve(preview: Preview | None, event: Event) -> Preview:
    if isinstance(event, Requested):
        return Preview(event.preview, event.campaign, event.occurrences, Status.RUNNING)
    assert preview is not None  # noqa: S101  the first event of the stream is always `Requested`
    match event:
        case Finished():
            return replace(preview, status=Status.FINISHED)
        case Failed():
            return replace(preview, status=Status.FAILED)
        case _:
            assert_never(event)


def finish(preview: Preview, figures: tuple[Figures, ...]) -> list[Event]:
    return [Finished(preview.id, preview.campaign, figures)] if preview.status is Status.RUNNING else []


def fail(preview: Preview, reason: str) -> list[Event]:
    return [Failed(preview.id, preview.campaign, reason)] if preview.status is Status.RUNNING else []
