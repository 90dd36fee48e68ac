"""What a fact did, and what it did not do and why: recorded with the fact and answered to the caller."""

from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from msgspec import Struct


class OmissionReason(StrEnum):
    """Why a fact did not count for a tiered campaign or an achievement it concerns."""

    NOT_IN_AUDIENCE = "not_in_audience"
    FILTER_NOT_MET = "filter_not_met"
    NO_MATCHING_ITEMS = "no_matching_items"
    NO_PRICE = "no_price"
    DATE_MISSING = "date_missing"
    ATTRIBUTE_MISSING = "attribute_missing"
    CAMPAIGN_INACTIVE = "campaign_inactive"
    OCCURRENCE_COMPLETED = "occurrence_completed"
    CONFIRMED_TOO_LATE = "confirmed_too_late"
    EXPRESSION_FAILED = "expression_failed"
    ACHIEVEMENT_INACTIVE = "achievement_inactive"
    OUTSIDE_TIMEFRAME = "outside_timeframe"
    NO_REFERRER = "no_referrer"
    LIMIT_REACHED = "limit_reached"
    CONDITION_NOT_MET = "condition_not_met"
    FREQUENCY_EXCEEDED = "frequency_exceeded"
    NOT_DISTINCT = "not_distinct"
    TOO_OLD = "too_old"
    PROGRESS_SPENT = "progress_spent"


class ContributionOutcome(Struct, frozen=True, gc=False, tag="contribution", tag_field="kind"):
    """A fact's contribution to an occurrence: its own `amount`, and where the member stands with it."""

    tiered_campaign: UUID
    occurrence: int
    amount: Decimal
    total: Decimal
    pending_points: Decimal


class CorrectionOutcome(Struct, frozen=True, gc=False, tag="correction", tag_field="kind"):
    """A late fact changed what an evaluated occurrence pays by `points`, up or down, to `awarded_points`."""

    tiered_campaign: UUID
    occurrence: int
    points: Decimal
    awarded_points: Decimal


class ProgressOutcome(Struct, frozen=True, gc=False, tag="progress", tag_field="kind", omit_defaults=True):
    """A fact moved a rule (from 1) of an achievement to `value` of `goal`: that of the fact's own period.

    `completed` says whether the rule is complete with it; `member` is given where it is not the acting one's progress.
    """

    achievement: UUID
    rule: int
    value: Decimal
    goal: Decimal
    completed: bool
    member: str | None = None


class CompletionOutcome(Struct, frozen=True, gc=False, tag="completion", tag_field="kind", omit_defaults=True):
    """A fact completed an achievement for the `completions`-th time."""

    achievement: UUID
    completions: int
    member: str | None = None


class OmissionOutcome(Struct, frozen=True, gc=False, tag="not_counted", tag_field="kind"):
    """For either a tiered campaign or an achievement (and one of its rules)."""

    tiered_campaign: UUID | None
    reason: OmissionReason
    occurrence: int | None = None
    detail: str | None = None
    achievement: UUID | None = None
    rule: int | None = None
    member: str | None = None


Outcome = ContributionOutcome | CorrectionOutcome | ProgressOutcome | CompletionOutcome | OmissionOutcome


class Advance(Struct, frozen=True, gc=False, array_like=True):
    """What one fact added to one member's progress: `amount` in a rule's bucket, in the run it was counted in.

    `value` is what a rule of distinct values counted; `bounded` says whether it counts against the rule's frequency.
    """

    achievement: UUID
    revision: int
    run: int
    member: str
    rule: int
    bucket: int
    amount: Decimal
    value: str | None = None
    bounded: bool = False


class Contribution(Struct, frozen=True, gc=False, array_like=True):
    """What one fact adds to one member's standing in one occurrence.

    `amount` is in the aggregate's unit (complete sets for a combination per transaction); `quantities` are the
    pieces by product that a combination over the occurrence collects. Unconfirmed ones count as pending only.
    `revision` names the terms it was counted by.
    """

    tiered_campaign: UUID
    occurrence: int
    amount: Decimal
    confirmed: bool
    quantities: tuple[tuple[str, Decimal], ...] = ()
    revision: int = 1
