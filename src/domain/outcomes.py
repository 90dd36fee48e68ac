"""What a fact did, and what it did not do and why: recorded with the fact and answered to the caller."""

from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from msgspec import Struct


class Reason(StrEnum):
    """Why a fact did not count for a campaign it concerns."""

    NOT_IN_AUDIENCE = "not_in_audience"
    FILTER_NOT_MET = "filter_not_met"
    NO_MATCHING_ITEMS = "no_matching_items"
    DATE_MISSING = "date_missing"
    ATTRIBUTE_MISSING = "attribute_missing"
    CAMPAIGN_INACTIVE = "campaign_inactive"
    OCCURRENCE_COMPLETED = "occurrence_completed"
    CONFIRMED_TOO_LATE = "confirmed_too_late"
    EXPRESSION_FAILED = "expression_failed"


class Contributed(Struct, frozen=True, gc=False, tag="contribution", tag_field="kind"):
    """A fact's contribution to an occurrence: its own `amount`, and where the member stands with it."""

    tiered_campaign: UUID
    occurrence: int
    amount: Decimal
    total: Decimal
    pending_points: Decimal


class Corrected(Struct, frozen=True, gc=False, tag="correction", tag_field="kind"):
    """A late fact changed what an evaluated occurrence pays by `points`, up or down, to `awarded_points`."""

    tiered_campaign: UUID
    occurrence: int
    points: Decimal
    awarded_points: Decimal


class NotCounted(Struct, frozen=True, gc=False, tag="not_counted", tag_field="kind"):
    tiered_campaign: UUID
    reason: Reason
    occurrence: int | None = None
    detail: str | None = None


Outcome = Contributed | Corrected | NotCounted


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
