"""The columns that the decisions projection keeps of a decision, as queries read them."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import msgspec

from domain.campaigns.participation import Trigger
from domain.facts.fact import FactKind
from projections.history.actors import name_of

MOST_CORRECTIONS = 100
"""The most corrections that an award names: the newest ones."""


_COLUMNS = f"""
d.id, d.kind, d.outcome, d.reasons::text, d.member, d.campaign, d.occurrence, d.revision, d.accounts, d.points,
d.awarded_points, d.aggregate, d.breakdown::text, d.trigger::text, d.rules::text, d.counters::text, d.memberships,
d.fact_kind, d.fact_id, d.cancels, d.cancellation_reason, {name_of("d.actor")},
d.occurred_at, d.recorded_at, d.position,
"""


def columns(*, as_of: bool = False) -> str:
    """With what was linked to a decision later: all of it, or what was by `as_of`."""
    until = "AND c.position <= %(as_of)s" if as_of else ""
    return f"""
    {_COLUMNS}
    (SELECT c.id FROM p_decisions.decisions c WHERE c.id = d.cancelled_by {until}),
    CASE d.kind WHEN 'correction' THEN ARRAY (
        SELECT c.id FROM {_OF_STANDING} AND c.kind = 'tiered_award'
    ) WHEN 'tiered_award' THEN ARRAY (
        SELECT c.id FROM {_OF_STANDING} AND c.kind = 'correction' {until}
        ORDER BY c.position DESC LIMIT {MOST_CORRECTIONS}
    ) END
    """  # noqa: S608  put together from constants


_OF_STANDING = "p_decisions.decisions c WHERE c.stream = d.stream AND c.occurrence IS NOT NULL"
"""The awards and corrections of the same member in the same occurrence."""


class DecisionColumns(NamedTuple):
    """A row of `columns`; `linked` is what corrects an award, or the award that a correction corrects."""

    id: UUID
    kind: str
    outcome: str
    reasons: str
    member: str
    campaign: UUID
    occurrence: int | None
    revision: int
    accounts: list[str]
    points: Decimal
    awarded_points: Decimal
    aggregate: Decimal
    breakdown: str
    trigger: str
    rules: str
    counters: str
    memberships: list[str]
    fact_kind: FactKind | None
    fact_id: str | None
    cancels: UUID
    cancellation_reason: str
    actor: str
    occurred_at: datetime
    recorded_at: datetime
    position: int
    cancelled_by: UUID | None = None
    linked: Sequence[UUID] = ()

    @property
    def fired(self) -> Trigger:
        return msgspec.json.decode(self.trigger, type=Trigger)
