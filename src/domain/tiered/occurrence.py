"""One run of a tiered campaign: what is recorded of it is its evaluation; the rest of its life is time alone."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, assert_never
from uuid import UUID

from msgspec import Struct

from domain.tiered.schedule import Window


class EvaluationStarted(Struct, frozen=True, gc=False):
    """The fence: what is recorded of this occurrence after it is late. `revision` names the terms it is paid by."""

    tag: ClassVar[str] = "tiered_occurrence.evaluation_started"
    campaign: UUID
    occurrence: int
    revision: int


class Evaluated(Struct, frozen=True, gc=False):
    """Everyone who had a standing at the fence has been awarded: `members` of them, `points` in all."""

    tag: ClassVar[str] = "tiered_occurrence.evaluated"
    campaign: UUID
    occurrence: int
    members: int
    points: Decimal


Event = EvaluationStarted | Evaluated


class Phase(StrEnum):
    EVALUATING = "evaluating"
    EVALUATED = "evaluated"


class TieredOccurrence(Struct, frozen=True, gc=False):
    campaign: UUID
    number: int
    phase: Phase


def evolve(_: TieredOccurrence | None, event: Event) -> TieredOccurrence:
    match event:
        case EvaluationStarted():
            return TieredOccurrence(event.campaign, event.occurrence, Phase.EVALUATING)
        case Evaluated():
            return TieredOccurrence(event.campaign, event.occurrence, Phase.EVALUATED)
        case _:
            assert_never(event)


class OccurrenceStatus(StrEnum):
    """Where an occurrence stands. Time moves the first three; the others are recorded, and go before.

    Archiving a campaign voids what is pending: an occurrence that is cancelled has no points.
    """

    SCHEDULED = "scheduled"
    ACTIVE = "active"
    GRACE_PERIOD = "grace_period"
    EVALUATING = "evaluating"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


def status(window: Window, phase: Phase | None, now: datetime, *, archived: bool) -> OccurrenceStatus:
    """`phase` is None until the evaluation begins: one that is overdue is still in grace."""
    match phase:
        case Phase.EVALUATED:
            return OccurrenceStatus.COMPLETED
        case Phase.EVALUATING:
            return OccurrenceStatus.EVALUATING
        case None:
            if archived:
                return OccurrenceStatus.CANCELLED
            if now < window.starts_at:
                return OccurrenceStatus.SCHEDULED
            return OccurrenceStatus.ACTIVE if now < window.ends_at else OccurrenceStatus.GRACE_PERIOD
        case _:
            assert_never(phase)


def start_evaluation(occurrence: TieredOccurrence | None, campaign: UUID, number: int, revision: int) -> list[Event]:
    return [] if occurrence else [EvaluationStarted(campaign, number, revision)]


def finish_evaluation(occurrence: TieredOccurrence, members: int, points: Decimal) -> list[Event]:
    if occurrence.phase is Phase.EVALUATED:
        return []
    return [Evaluated(occurrence.campaign, occurrence.number, members, points)]
