"""Where in the log a decision is."""

from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from projections.decisions.rows import DecisionKind, Outcome
from projections.listing.page import fetch_one


class DecisionPlace(NamedTuple):
    """A decision, and its event by stream and version."""

    kind: DecisionKind
    outcome: Outcome
    stream: UUID
    version: int

    @property
    def grants(self) -> bool:
        """Whether it is a campaign's decision that gave something."""
        return self.kind is DecisionKind.CAMPAIGN and self.outcome is Outcome.GRANTED


async def place_of(connection: AsyncConnection[Any], decision: UUID) -> DecisionPlace | None:
    return await fetch_one(
        connection,
        lambda kind, outcome, *place: DecisionPlace(DecisionKind(kind), Outcome(outcome), *place),
        "d.kind, d.outcome, d.stream, d.version",
        "p_decisions.decisions d",
        where="d.id = %(id)s",
        parameters={"id": decision},
    )
