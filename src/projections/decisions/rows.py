"""Decisions: what was granted or refused, to whom, how much and why; and the entries that accounts add up to."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from enum import StrEnum

import msgspec
from msgspec import Struct

from application.log.events import Recorded
from domain.campaigns import participation
from domain.campaigns.participation import EffectOutcome, RuleOutcome, decision_id, effects_in
from domain.tiered import standing
from domain.values.amounts import EXACT, ZERO, written
from projections.engine.changes import Changes, Row, Table
from projections.engine.columns import BIGINT, BOOLEAN, INSTANT, INT, JSON, NUMERIC, TEXT, TEXTS, UUIDS
from projections.engine.projection import Projection

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
        "memberships": TEXTS,
        "reasons": JSON,
        "reason_codes": TEXTS,
        "fact_kind": TEXT,
        "fact_id": TEXT,
        "cancels": UUIDS,
        "cancelled_by": UUIDS,
        "cancellation_reason": TEXT,
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

PARTIES = Table("parties", ("member", "position"), {"member": TEXT, "position": BIGINT, "received": BOOLEAN})


Entry = tuple[str, str, Decimal]
"""A member, an account, and the units that come to it."""

NOTHING: Row = {
    **dict.fromkeys(DECISIONS.values),
    "accounts": (),
    "points": ZERO,
    "reasons": b"[]",
    "reason_codes": (),
}
"""A decision that says nothing."""


class DecisionKind(StrEnum):
    CAMPAIGN = "campaign"
    TIERED_AWARD = "tiered_award"
    CORRECTION = "correction"
    CANCELLATION = "cancellation"


class Outcome(StrEnum):
    GRANTED = "granted"
    REFUSED = "refused"


class ReasonCode(StrEnum):
    """Why a tiered campaign's award gives nothing; a campaign's reasons are `domain.campaigns.participation`'s."""

    NOTHING_CONFIRMED = "nothing_confirmed"
    NO_TIER_REACHED = "no_tier_reached"
    TIER_PAYS_NOTHING = "tier_pays_nothing"
    ROUNDED_TO_NOTHING = "rounded_to_nothing"


class DecisionReason(Struct, frozen=True, gc=False, omit_defaults=True):
    """Why nothing was given; of a campaign's rule (from 1) and an effect of it (from 1) where it is theirs."""

    code: str
    detail: str
    rule: int | None = None
    effect: int | None = None


def awarded(changes: Changes, recorded: Recorded) -> None:
    event: standing.Awarded = recorded.event
    reasons = why_nothing(event)
    row = {
        **_tiered(recorded, event),
        "kind": DecisionKind.TIERED_AWARD,
        "outcome": Outcome.REFUSED if reasons else Outcome.GRANTED,
        "awarded_points": event.points,
        "reasons": msgspec.json.encode(reasons),
        "reason_codes": tuple(reason.code for reason in reasons),
    }
    _insert(changes, recorded, row, {event.member: bool(event.points)}, _paid(event))


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
    _insert(changes, recorded, row, {event.member: bool(event.points)}, _paid(event))


def granted(changes: Changes, recorded: Recorded) -> None:
    event: participation.Granted = recorded.event
    row = {
        **_triggered(recorded, event),
        "outcome": Outcome.GRANTED,
        "points": event.units,
        "counters": msgspec.json.encode((event.before, event.after)),
    }
    effects = tuple(effects_in(event.rules))
    _insert(changes, recorded, row, _parties(event.member, effects), _given(effects))


def refused(changes: Changes, recorded: Recorded) -> None:
    event: participation.Refused = recorded.event
    row = {
        **_triggered(recorded, event),
        "outcome": Outcome.REFUSED,
        "counters": msgspec.json.encode((event.before, event.before)),
        "reasons": msgspec.json.encode([DecisionReason(*msgspec.structs.astuple(why)) for why in event.reasons]),
        "reason_codes": tuple(dict.fromkeys(why.code for why in event.reasons)),
    }
    _insert(changes, recorded, row, _parties(event.member, effects_in(event.rules)), [])


def cancelled(changes: Changes, recorded: Recorded) -> None:
    """Gives back what the grant gave: its entries are the grant's, negative."""
    event: participation.Cancelled = recorded.event
    grant = decision_id(recorded.stream, event.granted)
    version = event.request or recorded.version
    row = {
        **_row(recorded, event),
        "kind": DecisionKind.CANCELLATION,
        "outcome": Outcome.GRANTED,
        "accounts": _accounts(event.effects),
        "points": EXACT.minus(event.units),
        "rules": msgspec.json.encode((RuleOutcome("", None, (), True, event.effects),)),
        "cancels": grant,
        "cancellation_reason": event.reason,
        "actor": recorded.envelope.actor,
        "version": version,
    }
    taken = ((member, account, EXACT.minus(units)) for member, account, units in _given(event.effects))
    _insert(changes, recorded, row, _parties(event.member, event.effects), taken)
    changes.update(DECISIONS, (grant,), {"cancelled_by": decision_id(recorded.stream, version)})


def why_nothing(event: standing.Awarded) -> list[DecisionReason]:
    """Why an award gives no points; nothing when it gives some."""
    if event.points:
        return []
    if event.unrounded:
        return [DecisionReason(ReasonCode.ROUNDED_TO_NOTHING, f"{written(event.unrounded)} points round to none")]
    if event.lines:
        return [
            DecisionReason(
                ReasonCode.TIER_PAYS_NOTHING, f"the tier that {written(event.aggregate)} reaches pays nothing"
            )
        ]
    if not event.aggregate and event.total:
        return [DecisionReason(ReasonCode.NOTHING_CONFIRMED, f"of {written(event.total)} nothing was confirmed")]
    return [DecisionReason(ReasonCode.NO_TIER_REACHED, f"{written(event.aggregate)} reaches no tier")]


def _insert(
    changes: Changes, recorded: Recorded, row: Row, parties: Mapping[str, bool], entries: Iterable[Entry]
) -> None:
    decision = decision_id(recorded.stream, row["version"])
    changes.insert(DECISIONS, (decision,), {**NOTHING, **row})
    for party, received in parties.items():
        changes.insert(PARTIES, (party, recorded.position), {"received": received})
    for number, (member, account, units) in enumerate(entries, 1):
        entry = {
            "member": member,
            "account": account,
            "units": units,
            "kind": row["kind"],
            "campaign": row["campaign"],
            "occurrence": row["occurrence"],
            "position": row["position"],
            "recorded_at": row["recorded_at"],
        }
        changes.insert(ENTRIES, (decision, number), entry)


def _paid(event: standing.Awarded | standing.Corrected) -> Iterator[Entry]:
    if event.points:
        yield event.member, event.account, event.points


def _given(effects: Iterable[EffectOutcome]) -> Iterator[Entry]:
    """Whoever got units, on which account, and how many."""
    for effect in effects:
        if effect.units:
            assert effect.member  # noqa: S101  units are given to somebody
            assert effect.account  # noqa: S101  and to an account
            yield effect.member, effect.account, effect.units


def _tiered(recorded: Recorded, event: standing.Awarded | standing.Corrected) -> Row:
    return {
        **_row(recorded, event),
        "occurrence": event.occurrence,
        "accounts": (event.account,),
        "points": event.points,
        "aggregate": event.aggregate,
        "breakdown": msgspec.json.encode({"unrounded": event.unrounded, "lines": event.lines}),
    }


def _triggered(recorded: Recorded, event: participation.Granted | participation.Refused) -> Row:
    fact = event.trigger.fact
    return {
        **_row(recorded, event),
        "kind": DecisionKind.CAMPAIGN,
        "accounts": _accounts(effects_in(event.rules)),
        "trigger": msgspec.json.encode(event.trigger),
        "rules": msgspec.json.encode(event.rules),
        "memberships": event.memberships,
        "fact_kind": fact.kind if fact else None,
        "fact_id": fact.id if fact else None,
        "occurred_at": event.trigger.occurred_at,
    }


def _parties(member: str, effects: Iterable[EffectOutcome]) -> dict[str, bool]:
    """The member and whoever else effects go to, each with whether they received something (or it was taken back)."""
    found = {member: False}
    for effect in effects:
        if effect.member is not None:
            found[effect.member] = found.get(effect.member, False) or effect.reason is None
    return found


def _accounts(effects: Iterable[EffectOutcome]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(effect.account for effect in effects if effect.account))


def _row(
    recorded: Recorded,
    event: standing.Awarded
    | standing.Corrected
    | participation.Granted
    | participation.Refused
    | participation.Cancelled,
) -> Row:
    at = recorded.envelope.recorded_at
    return {
        "member": event.member,
        "campaign": event.campaign,
        "occurrence": None,
        "revision": event.revision,
        "stream": recorded.stream,
        "version": recorded.version,
        "occurred_at": at,
        "recorded_at": at,
        "position": recorded.position,
    }


PROJECTION = Projection(
    name="decisions",
    version=5,
    tables=(DECISIONS, PARTIES, ENTRIES),
    folds={
        standing.Awarded.tag: awarded,
        standing.Corrected.tag: corrected,
        participation.Granted.tag: granted,
        participation.Refused.tag: refused,
        participation.Cancelled.tag: cancelled,
    },
)
