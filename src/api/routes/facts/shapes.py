"""What the service answers about facts, definitions and members: commands and reads show them alike.

What a command answers has `position` as its first field, empty until the command is recorded.
"""

from collections.abc import Iterable
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from application.facts import ingest
from domain.facts.outcomes import (
    CompletionOutcome,
    ContributionOutcome,
    CorrectionOutcome,
    OmissionOutcome,
    OmissionReason,
    Outcome,
    ProgressOutcome,
)
from domain.values.amounts import written, written_units
from projections.decisions.decision import DecisionRow
from projections.listing.page import Figure, Units


class ContributionView(Struct, frozen=True, gc=False, tag="contribution", tag_field="kind"):
    """What the fact adds to an occurrence, and where the member stands with it."""

    tiered_campaign: UUID
    occurrence: int
    amount: Figure
    total: Figure
    pending_points: Units


class CorrectionView(Struct, frozen=True, gc=False, tag="correction", tag_field="kind"):
    """A late fact changed an award by `points`, up or down, to `awarded_points`."""

    tiered_campaign: UUID
    occurrence: int
    points: Units
    awarded_points: Units


class ProgressView(Struct, frozen=True, gc=False, tag="progress", tag_field="kind", omit_defaults=True):
    """The fact moved a rule (from 1) of an achievement to `value` of `goal`; `completed` when the rule is complete.

    `member` is given where it is another one's progress: the acting member's referrer.
    """

    achievement: UUID
    rule: int
    value: Figure
    goal: Figure
    completed: bool
    member: str | None = None


class CompletionView(Struct, frozen=True, gc=False, tag="completion", tag_field="kind", omit_defaults=True):
    """The fact completed an achievement, for the `completions`-th time."""

    achievement: UUID
    completions: int
    member: str | None = None


class NotCountedView(Struct, frozen=True, gc=False, tag="not_counted", tag_field="kind", omit_defaults=True):
    """Why the fact did not count for a tiered campaign, or an achievement (and one of its rules), that it concerns."""

    reason: OmissionReason
    tiered_campaign: UUID | None = None
    occurrence: int | None = None
    achievement: UUID | None = None
    rule: int | None = None
    member: str | None = None
    detail: str | None = None


OutcomeShown = ContributionView | CorrectionView | ProgressView | CompletionView | NotCountedView


class FactAnswer(Struct, frozen=True, gc=False):
    """What a fact did. `awards`, asked for with `Prefer`, is what campaigns decided for it; null when not in time."""

    position: str
    id: str
    status: str
    member: str
    outcomes: list[OutcomeShown]
    awards: list[DecisionRow] | UnsetType | None = UNSET


def fact(answer: ingest.FactEffects, position: str = "") -> FactAnswer:
    return FactAnswer(position, answer.id, answer.status, answer.member, outcomes(answer.outcomes))


def outcomes(recorded: Iterable[Outcome]) -> list[OutcomeShown]:
    return [_outcome(outcome) for outcome in recorded]


def _outcome(outcome: Outcome) -> OutcomeShown:
    match outcome:
        case ContributionOutcome():
            return ContributionView(
                outcome.tiered_campaign,
                outcome.occurrence,
                written(outcome.amount),
                written(outcome.total),
                written_units(outcome.pending_points),
            )
        case CorrectionOutcome():
            return CorrectionView(
                outcome.tiered_campaign,
                outcome.occurrence,
                written_units(outcome.points),
                written_units(outcome.awarded_points),
            )
        case ProgressOutcome():
            return ProgressView(
                outcome.achievement,
                outcome.rule,
                written(outcome.value),
                written(outcome.goal),
                outcome.completed,
                outcome.member,
            )
        case CompletionOutcome():
            return CompletionView(outcome.achievement, outcome.completions, outcome.member)
        case OmissionOutcome():
            return NotCountedView(
                outcome.reason,
                outcome.tiered_campaign,
                outcome.occurrence,
                outcome.achievement,
                outcome.rule,
                outcome.member,
                outcome.detail,
            )
