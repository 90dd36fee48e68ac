"""Tiered campaigns in the feed: standings, awards, corrections, and the evaluations of occurrences."""

from uuid import UUID

from msgspec import Struct

from application.log.events import Recorded
from domain.tiered import occurrence, standing
from domain.values.amounts import written, written_units
from projections.feed.base import FactReference, FeedEventBase, Shapes, decision_of, reference
from projections.listing.page import Figure, Units


class StandingData(Struct, frozen=True, gc=False):
    """Where a member stands in an occurrence of a tiered campaign, and the fact that moved it."""

    tiered_campaign: UUID
    occurrence: int
    member: str
    fact: FactReference
    total: Figure
    pending_points: Units


class AwardData(Struct, frozen=True, gc=False):
    """What the evaluation of an occurrence pays a member; `decision` is its id."""

    decision: UUID
    tiered_campaign: UUID
    occurrence: int
    member: str
    account: str
    points: Units


class CorrectionData(Struct, frozen=True, gc=False):
    """A late fact changed an award by `points`, up or down, to `awarded_points`; `decision` is the correction's id."""

    decision: UUID
    tiered_campaign: UUID
    occurrence: int
    member: str
    account: str
    fact: FactReference
    points: Units
    awarded_points: Units


class EvaluationData(Struct, frozen=True, gc=False):
    """The evaluation of an occurrence; `members` and `points` are what it came to, null when it has begun."""

    tiered_campaign: UUID
    occurrence: int
    members: int | None
    points: Units | None


class StandingChange(FeedEventBase, frozen=True, gc=False, tag="standing.changed"):
    """A fact changed a member's pending points."""

    data: StandingData


class PointsAward(FeedEventBase, frozen=True, gc=False, tag="points.awarded"):
    """Pending points became awarded points."""

    data: AwardData


class PointsCorrection(FeedEventBase, frozen=True, gc=False, tag="points.corrected"):
    """A late fact corrected an award."""

    data: CorrectionData


class EvaluationStart(FeedEventBase, frozen=True, gc=False, tag="evaluation.started"):
    """The evaluation of an occurrence began; told to roles that may read definitions."""

    data: EvaluationData


class EvaluationEnd(FeedEventBase, frozen=True, gc=False, tag="evaluation.finished"):
    """Everybody has been awarded; told to roles that may read definitions."""

    data: EvaluationData


def _standing(recorded: Recorded) -> StandingData:
    event: standing.Contributed = recorded.event
    total, points = written(event.total), written_units(event.pending_points)
    return StandingData(event.campaign, event.occurrence, event.member, reference(event.fact), total, points)


def _award(recorded: Recorded) -> AwardData:
    event: standing.Awarded = recorded.event
    decision, points = decision_of(recorded), written_units(event.points)
    return AwardData(decision, event.campaign, event.occurrence, event.member, event.account, points)


def _correction(recorded: Recorded) -> CorrectionData:
    event: standing.Corrected = recorded.event
    return CorrectionData(
        decision_of(recorded),
        event.campaign,
        event.occurrence,
        event.member,
        event.account,
        reference(event.fact),
        written_units(event.points),
        written_units(event.awarded_points),
    )


def _start(recorded: Recorded) -> EvaluationData:
    event: occurrence.EvaluationStarted = recorded.event
    return EvaluationData(event.campaign, event.occurrence, None, None)


def _end(recorded: Recorded) -> EvaluationData:
    event: occurrence.Evaluated = recorded.event
    return EvaluationData(event.campaign, event.occurrence, event.members, written_units(event.points))


SHAPES: Shapes = {
    standing.Contributed.tag: (StandingChange, _standing),
    standing.Awarded.tag: (PointsAward, _award),
    standing.Corrected.tag: (PointsCorrection, _correction),
    occurrence.EvaluationStarted.tag: (EvaluationStart, _start),
    occurrence.Evaluated.tag: (EvaluationEnd, _end),
}
