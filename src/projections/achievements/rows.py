"""Achievements by their newest definition, how far members are, and what facts did for them or why they did nothing.

What each rule counts in its periods is in the progress streams' states, which decide facts: it is not kept twice.
"""

from decimal import Decimal
from enum import StrEnum

import msgspec

from application.log.events import Recorded
from domain.achievements import achievement, progress
from domain.achievements.achievement import Status
from domain.facts import event as member_event
from domain.facts import transaction
from domain.facts.fact import FactKind
from domain.facts.outcomes import OmissionOutcome
from domain.values.amounts import written
from projections.engine.changes import Changes, Row, Table
from projections.engine.columns import BIGINT, BOOLEAN, INSTANT, INT, JSON, NUMERIC, TEXT, TEXTS, UUIDS
from projections.engine.projection import Projection

ACHIEVEMENTS = Table(
    "achievements",
    ("id",),
    {
        "id": UUIDS,
        "version": INT,
        "revision": INT,
        "name": TEXT,
        "status": TEXT,
        "badge": TEXT,
        "triggers": TEXTS,
        "event_types": TEXTS,
        "definition": JSON,
        "created_at": INSTANT,
        "created_position": BIGINT,
        "updated_at": INSTANT,
        "updated_position": BIGINT,
    },
)

COMPLETIONS = Table("completions", ("achievement",), {"achievement": UUIDS, "completions": BIGINT, "members": BIGINT})

MEMBER_ACHIEVEMENTS = Table(
    "member_achievements",
    ("member", "achievement", "revision"),
    {
        "member": TEXT,
        "achievement": UUIDS,
        "revision": INT,
        "completed": INT,
        "in_progress": BOOLEAN,
        "last_completed_at": INSTANT,
        "last_advanced_at": INSTANT,
        "updated_position": BIGINT,
    },
)

PROGRESS_FACTS = Table(
    "progress_facts",
    ("member", "achievement", "position", "number"),
    {
        "member": TEXT,
        "achievement": UUIDS,
        "position": BIGINT,
        "number": INT,
        "revision": INT,
        "rule": INT,
        "outcome": TEXT,
        "fact_kind": TEXT,
        "fact_id": TEXT,
        "amount": NUMERIC,
        "value": NUMERIC,
        "goal": NUMERIC,
        "reason": TEXT,
        "detail": TEXT,
        "recorded_at": INSTANT,
    },
)

MANUAL_CHANGES = Table(
    "manual_changes",
    ("member", "achievement", "position"),
    {
        "member": TEXT,
        "achievement": UUIDS,
        "position": BIGINT,
        "revision": INT,
        "reason": TEXT,
        "before": INT,
        "completed": INT,
        "rules": JSON,
        "changed_by": TEXT,
        "recorded_at": INSTANT,
    },
)


class FactOutcome(StrEnum):
    """What became of a fact for a member's progress."""

    COUNTED = "counted"
    TAKEN_BACK = "taken_back"
    NOT_COUNTED = "not_counted"


def defined(changes: Changes, recorded: Recorded) -> None:
    event: achievement.Defined = recorded.event
    definition = event.definition
    row = {
        **_updated(recorded),
        "revision": event.revision,
        "name": definition.name,
        "badge": definition.badge,
        "triggers": sorted({rule.trigger for rule in definition.rules}),
        "event_types": sorted({rule.event_type for rule in definition.rules if rule.event_type}),
        "definition": msgspec.json.encode(definition),
    }
    if recorded.version == 1:
        at = recorded.envelope.recorded_at
        made = {"status": Status.INACTIVE, "created_at": at, "created_position": recorded.position}
        changes.insert(ACHIEVEMENTS, (event.achievement,), {**row, **made})
    else:
        changes.update(ACHIEVEMENTS, (event.achievement,), row)


def activated(changes: Changes, recorded: Recorded) -> None:
    changes.update(ACHIEVEMENTS, (recorded.event.achievement,), {"status": Status.ACTIVE, **_updated(recorded)})


def deactivated(changes: Changes, recorded: Recorded) -> None:
    changes.update(ACHIEVEMENTS, (recorded.event.achievement,), {"status": Status.INACTIVE, **_updated(recorded)})


def archived(changes: Changes, recorded: Recorded) -> None:
    changes.update(ACHIEVEMENTS, (recorded.event.achievement,), {"status": Status.ARCHIVED, **_updated(recorded)})


def _updated(recorded: Recorded) -> Row:
    return {
        "version": recorded.version,
        "updated_at": recorded.envelope.recorded_at,
        "updated_position": recorded.position,
    }


def carried(changes: Changes, recorded: Recorded) -> None:
    event: progress.Carried = recorded.event
    _move(changes, recorded, {"completed": event.completed})


def advanced(changes: Changes, recorded: Recorded) -> None:
    event: progress.Advanced = recorded.event
    _move(changes, recorded, {"in_progress": True, "last_advanced_at": event.occurred_at})
    _told(changes, recorded, FactOutcome.COUNTED, event.reached, event.goal)


def reversed_(changes: Changes, recorded: Recorded) -> None:
    event: progress.Reversed = recorded.event
    _move(changes, recorded, {"in_progress": event.begun})
    _told(changes, recorded, FactOutcome.TAKEN_BACK, None, None)


def completed(changes: Changes, recorded: Recorded) -> None:
    event: progress.Completed = recorded.event
    row = {"completed": event.number, "in_progress": False, "last_completed_at": event.occurred_at}
    _move(changes, recorded, row)
    changes.add(COMPLETIONS, (event.achievement,), {"completions": 1, "members": int(event.number == 1)})


def adjusted(changes: Changes, recorded: Recorded) -> None:
    event: progress.Adjusted = recorded.event
    row: Row = {"completed": event.completed, "in_progress": event.begun}
    if event.completed > event.before:
        row["last_completed_at"] = event.occurred_at
    _move(changes, recorded, row)
    gained = {
        "completions": event.completed - event.before,
        "members": int(event.completed > 0) - int(event.before > 0),
    }
    changes.add(COMPLETIONS, (event.achievement,), gained)
    changed = {
        "revision": event.revision,
        "reason": event.reason,
        "before": event.before,
        "completed": event.completed,
        "rules": msgspec.json.encode([{"rule": rule.rule, "value": written(rule.amount)} for rule in event.rules]),
        "changed_by": recorded.envelope.actor,
        "recorded_at": recorded.envelope.recorded_at,
    }
    changes.insert(MANUAL_CHANGES, (event.member, event.achievement, recorded.position), changed)


def referee_marked(changes: Changes, recorded: Recorded) -> None:
    """It says nothing of the referee's own progress, but may be what their stream begins with."""
    _move(changes, recorded, {})


def _move(changes: Changes, recorded: Recorded, row: Row) -> None:
    event: progress.Event = recorded.event
    key = (event.member, event.achievement, event.revision)
    row["updated_position"] = recorded.position
    if recorded.version == 1:
        nothing = {"completed": 0, "in_progress": False, "last_completed_at": None, "last_advanced_at": None}
        changes.insert(MEMBER_ACHIEVEMENTS, key, {**nothing, **row})
    else:
        changes.update(MEMBER_ACHIEVEMENTS, key, row)


def _told(
    changes: Changes, recorded: Recorded, outcome: FactOutcome, value: Decimal | None, goal: Decimal | None
) -> None:
    event: progress.Advanced | progress.Reversed = recorded.event
    row = {
        "revision": event.revision,
        "rule": event.rule,
        "outcome": outcome,
        "fact_kind": event.fact.kind,
        "fact_id": event.fact.id,
        "amount": event.amount,
        "value": value,
        "goal": goal,
        "reason": None,
        "detail": None,
        "recorded_at": recorded.envelope.recorded_at,
    }
    changes.insert(PROGRESS_FACTS, (event.member, event.achievement, recorded.position, 0), row)


def transaction_received(changes: Changes, recorded: Recorded) -> None:
    event: transaction.Received = recorded.event
    purchase = event.purchase
    _not_counted(changes, recorded, purchase.member, FactKind.TRANSACTION, purchase.id)


def transaction_accepted(changes: Changes, recorded: Recorded) -> None:
    event: transaction.Accepted = recorded.event
    _not_counted(changes, recorded, event.member, FactKind.TRANSACTION, event.id)


def event_received(changes: Changes, recorded: Recorded) -> None:
    event: member_event.Received = recorded.event
    _not_counted(changes, recorded, event.happening.member, FactKind.EVENT, event.happening.id)


def _not_counted(changes: Changes, recorded: Recorded, member: str, kind: FactKind, fact_id: str) -> None:
    """Where it would have been another one's progress, the outcome names them."""
    for number, outcome in enumerate(recorded.event.outcomes):
        if not isinstance(outcome, OmissionOutcome) or outcome.achievement is None:
            continue
        row = {
            "revision": None,
            "rule": outcome.rule,
            "outcome": FactOutcome.NOT_COUNTED,
            "fact_kind": kind,
            "fact_id": fact_id,
            "amount": None,
            "value": None,
            "goal": None,
            "reason": outcome.reason,
            "detail": outcome.detail,
            "recorded_at": recorded.envelope.recorded_at,
        }
        key = (outcome.member or member, outcome.achievement, recorded.position, number)
        changes.insert(PROGRESS_FACTS, key, row)


PROJECTION = Projection(
    name="achievements",
    version=2,
    tables=(ACHIEVEMENTS, COMPLETIONS, MEMBER_ACHIEVEMENTS, PROGRESS_FACTS, MANUAL_CHANGES),
    folds={
        achievement.Defined.tag: defined,
        achievement.Activated.tag: activated,
        achievement.Deactivated.tag: deactivated,
        achievement.Archived.tag: archived,
        progress.Carried.tag: carried,
        progress.Advanced.tag: advanced,
        progress.Reversed.tag: reversed_,
        progress.Completed.tag: completed,
        progress.Adjusted.tag: adjusted,
        progress.RefereeCounted.tag: referee_marked,
        progress.RefereeReleased.tag: referee_marked,
        transaction.Received.tag: transaction_received,
        transaction.Accepted.tag: transaction_accepted,
        member_event.Received.tag: event_received,
    },
)
