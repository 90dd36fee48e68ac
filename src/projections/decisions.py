"""Decisions: what was granted or refused, to whom, how much and why; and the entries that accounts are added up from."""

from enum import StrEnum

import msgspec
from msgspec import Struct

from application.log.events import Recorded
from domain import participation, standing
from domain.amounts import EXACT
from domain.participation import EffectOutcome, Why, decision_id
from projections.changes import Changes, Row, Table
from projections.columns import BIGINT, INSTANT, INT, JSON, NUMERIC, TEXT, TEXTS, UUIDS
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
        "accounts": TEXTS,
        "points": NUMERIC,
        "awarded_points": NUMERIC,
        "aggregate": NUMERIC,
        "breakdown": JSON,
        "trigger": JSON,
        "rules": JSON,
        "counters": JSON,
        "reasons": JSON,
        "reason_codes": TEXTS,
        "fact_kind": TEXT,
        "fact_id": TEXT,
        "cancels": UUIDS,
        "cancelled_by": UUIDS,
        "actor": TEXT,
        "stream": UUIDS,
        "version": INT,
        "occurred_at": INSTANT,
        "recorded_at": INSTANT,
        "position": BIGINT,
    },
)

ENTRIES = Table(
    "entries",
    ("decision", "number"),
    {
        "decision": UUIDS,
        "number": INT,
        "member": TEXT,
        "account": TEXT,
        "units": NUMERIC,
        "kind": TEXT,
        "campaign": UUIDS,
        "occurrence": INT,
        "position": BIGINT,
        "recorded_at": INSTANT,
    },
)


class DecisionKind(StrEnum):
    CAMPAIGN = "campaign"
    TIERED_AWARD = "tiered_award"
    CORRECTION = "correction"
    CANCELLATION = "cancellation"


class Outcome(StrEnum):
    GRANTED = "granted"
    REFUSED = "refused"


class ReasonCode(StrEnum):
    """Why a tiered campaign's award gives nothing; a campaign's reasons are `domain.participation`'s."""

    NOTHING_CONFIRMED = "nothing_confirmed"
    NO_TIER_REACHED = "no_tier_reached"
    TIER_PAYS_NOTHING = "tier_pays_nothing"
    ROUNDED_TO_NOTHING = "rounded_to_nothing"


class Reason(Struct, frozen=True, gc=False):
    code: ReasonCode
    detail: str


def awarded(changes: Changes, recorded: Recorded) -> None:
    event: standing.Awarded = recorded.event
    reasons = why_nothing(event)
    row = {
        **_tiered(recorded, event),
        "kind": DecisionKind.TIERED_AWARD,
        "outcome": Outcome.REFUSED if reasons else Outcome.GRANTED,
        "awarded_points": event.points,
        "reasons": msgspec.json.encode(reasons),
        "reason_codes": [reason.code for reason in reasons],
    }
    _insert(changes, recorded, row, _paid(event))


def corrected(changes: Changes, recorded: Recorded) -> None:
    event: standing.Corrected = recorded.event
    row = {
        **_tiered(recorded, event),
        "kind": DecisionKind.CORRECTION,
        "outcome": Outcome.GRANTED,
        "awarded_points": event.awarded_points,
        "fact_kind": event.fact.kind,
        "fact_id": event.fact.id,
    }
    _insert(changes, recorded, row, _paid(event))


def granted(changes: Changes, recorded: Recorded) -> None:
    event: participation.Granted = recorded.event
    row = {
        **_triggered(recorded, event),
        "outcome": Outcome.GRANTED,
        "points": event.units,
        "counters": msgspec.json.encode((event.before, event.after)),
    }
    _insert(changes, recorded, row, [_given(effect) for rule in event.rules for effect in rule.effects])


def refused(changes: Changes, recorded: Recorded) -> None:
    event: participation.Refused = recorded.event
    row = {
        **_triggered(recorded, event),
        "outcome": Outcome.REFUSED,
        "counters": msgspec.json.encode((event.before, event.before)),
        "reasons": msgspec.json.encode([_reason(why) for why in event.reasons]),
        "reason_codes": list(dict.fromkeys(why.code for why in event.reasons)),
    }
    _insert(changes, recorded, row, [])


def cancelled(changes: Changes, recorded: Recorded) -> None:
    """Gives back what the grant gave: its entries are the grant's, negative."""
    event: participation.Cancelled = recorded.event
    grant = decision_id(recorded.stream, event.granted)
    row = {
        **_row(recorded, event),
        "kind": DecisionKind.CANCELLATION,
        "outcome": Outcome.GRANTED,
        "accounts": _accounts(event.effects),
        "points": EXACT.minus(event.units),
        "rules": msgspec.json.encode(event.effects),
        "reasons": msgspec.json.encode([{"code": CANCELLED, "detail": event.reason}]),
        "cancels": grant,
        "actor": recorded.envelope.actor,
    }
    taken = [(member, account, EXACT.minus(units)) for member, account, units in map(_given, event.effects)]
    _insert(changes, recorded, row, taken)
    changes.update(DECISIONS, (grant,), {"cancelled_by": decision_id(recorded.stream, recorded.version)})


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
