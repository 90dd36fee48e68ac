"""What a fact did, and what it did not do and why, in words."""

from collections.abc import Mapping
from uuid import UUID

from backoffice.frame.figures import figure, signed
from backoffice.frame.names import NameView
from domain.facts.outcomes import (
    CompletionOutcome,
    ContributionOutcome,
    CorrectionOutcome,
    OmissionOutcome,
    Outcome,
    ProgressOutcome,
)


def concerned(outcome: Outcome) -> UUID | None:
    """The tiered campaign or achievement that an outcome is about."""
    match outcome:
        case ContributionOutcome() | CorrectionOutcome():
            return outcome.tiered_campaign
        case ProgressOutcome() | CompletionOutcome():
            return outcome.achievement
        case OmissionOutcome():
            return outcome.tiered_campaign or outcome.achievement


def left_out(outcome: Outcome) -> bool:
    """Whether it says that the fact did nothing."""
    return isinstance(outcome, OmissionOutcome)


def said(outcome: Outcome, names: Mapping[UUID, NameView]) -> str:
    """One outcome, beginning with the name of what it is about."""
    named = names.get(concerned(outcome) or UUID(int=0))
    name = named.name if named else ""
    match outcome:
        case ContributionOutcome():
            pending = f" for {figure(outcome.pending_points)} pending" if outcome.pending_points else ""
            return f"{name} #{outcome.occurrence}: {figure(outcome.amount)}, now {figure(outcome.total)}{pending}"
        case CorrectionOutcome():
            points, awarded = signed(outcome.points), figure(outcome.awarded_points)
            return f"{name} #{outcome.occurrence}: corrected by {points} to {awarded}"
        case ProgressOutcome():
            complete = ", complete" if outcome.completed else ""
            reached = f"{figure(outcome.value)} of {figure(outcome.goal)}"
            return f"{name}, rule {outcome.rule}: {reached}{complete}{_of(outcome.member)}"
        case CompletionOutcome():
            return f"{name}: completion {outcome.completions}{_of(outcome.member)}"
        case OmissionOutcome():
            rule = f", rule {outcome.rule}" if outcome.rule else ""
            detail = f" ({outcome.detail})" if outcome.detail else ""
            reason = outcome.reason.replace("_", " ")
            return f"{name}{rule}: not counted, {reason}{detail}{_of(outcome.member)}"


def _of(member: str | None) -> str:
    """Whose progress it is, where that is another one's."""
    return f", of {member}" if member else ""
