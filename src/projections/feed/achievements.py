"""Achievements in the feed: what counted for members, and what they completed."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from application.log.events import Recorded
from domain.achievements import progress
from domain.values.amounts import written
from projections.feed.base import FactReference, FeedEventBase, Shapes, reference
from projections.listing.page import Figure


class ProgressData(Struct, frozen=True, gc=False):
    """A fact moved a rule (from 1) of an achievement by `amount`, to `value` of `goal` in the fact's own period."""

    achievement: UUID
    member: str
    rule: int
    fact: FactReference
    amount: Figure
    value: Figure
    goal: Figure


class ReversalData(Struct, frozen=True, gc=False):
    """A fact was taken back, and `amount` of a rule's progress with it."""

    achievement: UUID
    member: str
    rule: int
    fact: FactReference
    amount: Figure


class CompletionData(Struct, frozen=True, gc=False):
    """A member completed an achievement for the `completions`-th time; `fact` is null where it was done by hand."""

    achievement: UUID
    member: str
    completions: int
    fact: FactReference | None
    occurred_at: datetime
    badge: str | None


class AdjustmentData(Struct, frozen=True, gc=False):
    """Progress was changed by hand; `completions` were `completions_before`."""

    achievement: UUID
    member: str
    reason: str
    completions_before: int
    completions: int


class ProgressAdvance(FeedEventBase, frozen=True, gc=False, tag="progress.advanced"):
    """A fact counted for an achievement."""

    data: ProgressData


class ProgressReversal(FeedEventBase, frozen=True, gc=False, tag="progress.reversed"):
    """A fact counts for an achievement no more, or for less."""

    data: ReversalData


class AchievementCompletion(FeedEventBase, frozen=True, gc=False, tag="achievement.completed"):
    """A member completed an achievement."""

    data: CompletionData


class ProgressAdjustment(FeedEventBase, frozen=True, gc=False, tag="progress.adjusted"):
    """A member's progress was changed by hand."""

    data: AdjustmentData


def _advance(recorded: Recorded) -> ProgressData:
    event: progress.Advanced = recorded.event
    amounts = written(event.amount), written(event.reached), written(event.goal)
    return ProgressData(event.achievement, event.member, event.rule, reference(event.fact), *amounts)


def _reversal(recorded: Recorded) -> ReversalData:
    event: progress.Reversed = recorded.event
    return ReversalData(event.achievement, event.member, event.rule, reference(event.fact), written(event.amount))


def _completion(recorded: Recorded) -> CompletionData:
    event: progress.Completed = recorded.event
    fact = reference(event.fact) if event.fact else None
    return CompletionData(event.achievement, event.member, event.number, fact, event.occurred_at, event.badge)


def _adjustment(recorded: Recorded) -> AdjustmentData:
    event: progress.Adjusted = recorded.event
    return AdjustmentData(event.achievement, event.member, event.reason, event.before, event.completed)


SHAPES: Shapes = {
    progress.Advanced.tag: (ProgressAdvance, _advance),
    progress.Reversed.tag: (ProgressReversal, _reversal),
    progress.Completed.tag: (AchievementCompletion, _completion),
    progress.Adjusted.tag: (ProgressAdjustment, _adjustment),
}
