"""Decisions: what was granted or refused, to whom, how much and why. They are the accounts' entries as well."""

from enum import StrEnum
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct

from application.log.events import Recorded
from domain import standing
from projections.changes import Changes, Row, Table
from projections.columns import BIGINT, INSTANT, INT, JSON, NUMERIC, TEXT, UUIDS
from projections.projection import Projection

DECISIONS = Table(
    "decisions",
    ("id",),
    {
        "id": UUIDS,
        "kind": TEXT,
        "outcome": TEXT,
        "member": TEXT,
        "campaign": UUIDS,
        "occurrence": INT,
        "revision": INT,
        "account": TEXT,
        "points": NUMERIC,
        "awarded_points": NUMERIC,
        "aggregate": NUMERIC,
        "breakdown": JSON,
        "reasons": JSON,
        "fact_kind": TEXT,
        "fact_id": TEXT,
        "stream": UUIDS,
        "version": INT,
        "occurred_at": INSTANT,
        "recorded_at": INSTANT,
        "position": BIGINT,
    },
)


class Outcome(StrEnum):
    GRANTED = "granted"
    REFUSED = "refused"


class ReasonCode(StrEnum):
    NOTHING_CONFIRMED = "nothing_confirmed"
    NO_TIER_REACHED = "no_tier_reached"
    TIER_PAYS_NOTHING = "tier_pays_nothing"
    ROUNDED_TO_NOTHING = "rounded_to_nothing"


class Reason(Struct, frozen=True, gc=False):
    code: ReasonCode
    detail: str


def decision_id(stream: UUID, version: int) -> UUID:
    """Of the event that a decision is."""
    return uuid5(stream, str(version))


def awarded(changes: Changes, recorded: Recorded) -> None:
    event: standing.Awarded = recorded.event
    reasons = why_nothing(event)
    row = {
        **_row(recorded, event),
        "kind": "tiered_award",
        "outcome": Outcome.REFUSED if reasons else Outcome.GRANTED,
        "awarded_points": event.points,
        "reasons": msgspec.json.encode(reasons),
        "fact_kind": None,
        "fact_id": None,
    }
    changes.insert(DECISIONS, (decision_id(recorded.stream, recorded.version),), row)


def corrected(changes: Changes, recorded: Recorded) -> None:
    event: standing.Corrected = recorded.event
    row = {
        **_row(recorded, event),
        "kind": "correction",
        "outcome": Outcome.GRANTED,
        "awarded_points": event.awarded_points,
        "reasons": b"[]",
        "fact_kind": event.fact.kind,
        "fact_id": event.fact.id,
    }
    changes.insert(DECISIONS, (decision_id(recorded.stream, recorded.version),), row)


def why_nothing(event: standing.Awarded) -> list[Reason]:
    """Why an award gives no points; nothing when it gives some."""
    if event.points:
        return []
    if event.unrounded:
        return [Reason(ReasonCode.ROUNDED_TO_NOTHING, f"{event.unrounded:f} points round to none")]
    if event.lines:
        return [Reason(ReasonCode.TIER_PAYS_NOTHING, f"the tier that {event.aggregate:f} reaches pays nothing")]
    if not event.aggregate and event.total:
        return [Reason(ReasonCode.NOTHING_CONFIRMED, f"of {event.total:f} nothing was confirmed")]
    return [Reason(ReasonCode.NO_TIER_REACHED, f"{event.aggregate:f} reaches no tier")]


def _row(recorded: Recorded, event: standing.Awarded | standing.Corrected) -> Row:
    at = recorded.envelope.recorded_at
    return {
        "member": event.member,
        "campaign": event.campaign,
        "occurrence": event.occurrence,
        "revision": event.revision,
        "account": event.account,
        "points": event.points,
        "aggregate": event.aggregate,
        "breakdown": msgspec.json.encode({"unrounded": event.unrounded, "lines": event.lines}),
        "stream": recorded.stream,
        "version": recorded.version,
        "occurred_at": at,
        "recorded_at": at,
        "position": recorded.position,
    }


PROJECTION = Projection(
    name="decisions",
    version=1,
    tables=(DECISIONS,),
    folds={standing.Awarded.tag: awarded, standing.Corrected.tag: corrected},
)
