"""Standings of members in occurrences, their sums, evaluations, and previews frozen at a position."""

from decimal import Decimal

from application.log.events import Recorded
from domain.tiered import occurrence as tiered_occurrence
from domain.tiered import preview, standing
from domain.values.amounts import EXACT, ZERO
from projections.engine.changes import Changes, Table, TableStatement
from projections.engine.columns import BIGINT, BOOLEAN, INSTANT, INT, NUMERIC, TEXT, UUIDS
from projections.engine.projection import Projection, statement

STANDINGS = Table(
    "standings",
    ("campaign", "occurrence", "member"),
    {
        "campaign": UUIDS,
        "occurrence": INT,
        "member": TEXT,
        "stream": UUIDS,
        "version": INT,
        "total": NUMERIC,
        "confirmed": NUMERIC,
        "pending_points": NUMERIC,
        "confirmed_points": NUMERIC,
        "awarded": NUMERIC,
        "late": BOOLEAN,
        "updated_position": BIGINT,
    },
)

STATISTICS = Table(
    "statistics",
    ("campaign", "occurrence"),
    {
        "campaign": UUIDS,
        "occurrence": INT,
        "members": BIGINT,
        "participants": BIGINT,
        "contributions": BIGINT,
        "pending_points": NUMERIC,
        "awarded_points": NUMERIC,
    },
)

EVALUATIONS = Table(
    "evaluations",
    ("campaign", "occurrence"),
    {
        "campaign": UUIDS,
        "occurrence": INT,
        "revision": INT,
        "status": TEXT,
        "started_at": INSTANT,
        "started_position": BIGINT,
        "finished_at": INSTANT,
        "finished_position": BIGINT,
        "members": BIGINT,
        "points": NUMERIC,
    },
)

PREVIEWS = Table(
    "previews",
    ("id",),
    {
        "id": UUIDS,
        "campaign": UUIDS,
        "status": TEXT,
        "position": BIGINT,
        "requested_at": INSTANT,
        "scheduled_for": INSTANT,
        "finished_at": INSTANT,
        "reason": TEXT,
    },
)

PREVIEW_OCCURRENCES = Table(
    "preview_occurrences",
    ("preview", "occurrence"),
    {
        "preview": UUIDS,
        "occurrence": INT,
        "members": BIGINT,
        "participants": BIGINT,
        "pending_points": NUMERIC,
        "award_points": NUMERIC,
    },
)

PREVIEW_MEMBERS = Table(
    "preview_members",
    ("preview", "occurrence", "member"),
    {
        "preview": UUIDS,
        "occurrence": INT,
        "member": TEXT,
        "total": NUMERIC,
        "confirmed": NUMERIC,
        "pending_points": NUMERIC,
        "award_points": NUMERIC,
    },
)

_FREEZE = statement("tiered.standings", "freeze")
_FORGET = statement("tiered.standings", "forget")


def contributed(changes: Changes, recorded: Recorded) -> None:
    event: standing.Contributed = recorded.event
    row = {
        "version": recorded.version,
        "total": event.total,
        "confirmed": event.confirmed,
        "pending_points": event.pending_points,
        "confirmed_points": event.confirmed_points,
        "updated_position": recorded.position,
    }
    if event.late:
        row["late"] = True
    key = (event.campaign, event.occurrence, event.member)
    first = recorded.version == 1
    if first:
        # A standing that begins behind the fence has nothing left to evaluate: corrections alone pay it.
        whole = {"stream": recorded.stream, "awarded": ZERO if event.late else None, "late": event.late}
        changes.insert(STANDINGS, key, {**whole, **row})
    else:
        changes.update(STANDINGS, key, row)
    before = EXACT.subtract(event.pending_points, event.pending_points_change)
    _sum(
        changes,
        event,
        members=bool(event.pending_points) - bool(before),
        participants=int(first),
        contributions=1,
        pending=event.pending_points_change,
    )


def awarded(changes: Changes, recorded: Recorded) -> None:
    event: standing.Awarded = recorded.event
    row = {
        "version": recorded.version,
        "pending_points": ZERO,
        "awarded": event.points,
        "updated_position": recorded.position,
    }
    changes.update(STANDINGS, (event.campaign, event.occurrence, event.member), row)
    _sum(
        changes,
        event,
        members=bool(event.points) - bool(event.pending_points),
        pending=EXACT.minus(event.pending_points),
        awarded=event.points,
    )


def corrected(changes: Changes, recorded: Recorded) -> None:
    event: standing.Corrected = recorded.event
    row = {
        "version": recorded.version,
        "pending_points": ZERO,
        "awarded": event.awarded_points,
        "updated_position": recorded.position,
    }
    changes.update(STANDINGS, (event.campaign, event.occurrence, event.member), row)
    before = EXACT.subtract(event.awarded_points, event.points)
    _sum(changes, event, members=bool(event.awarded_points) - bool(before), awarded=event.points)


def _sum(
    changes: Changes,
    event: standing.Event,
    *,
    members: int = 0,
    participants: int = 0,
    contributions: int = 0,
    pending: Decimal = ZERO,
    awarded: Decimal = ZERO,
) -> None:
    """`members` are those who have points, pending or awarded; `participants` all who have a standing."""
    row = {
        "members": members,
        "participants": participants,
        "contributions": contributions,
        "pending_points": pending,
        "awarded_points": awarded,
    }
    changes.add(STATISTICS, (event.campaign, event.occurrence), row)


def evaluation_started(changes: Changes, recorded: Recorded) -> None:
    event: tiered_occurrence.EvaluationStarted = recorded.event
    row = {
        "revision": event.revision,
        "status": "running",
        "started_at": recorded.envelope.recorded_at,
        "started_position": recorded.position,
        "finished_at": None,
        "finished_position": None,
        "members": None,
        "points": None,
    }
    changes.insert(EVALUATIONS, (event.campaign, event.occurrence), row)


def evaluated(changes: Changes, recorded: Recorded) -> None:
    event: tiered_occurrence.Evaluated = recorded.event
    row = {
        "status": "finished",
        "finished_at": recorded.envelope.recorded_at,
        "finished_position": recorded.position,
        "members": event.members,
        "points": event.points,
    }
    changes.update(EVALUATIONS, (event.campaign, event.occurrence), row)


def preview_requested(changes: Changes, recorded: Recorded) -> None:
    event: preview.Requested = recorded.event
    row = {
        "campaign": event.campaign,
        "status": preview.Status.RUNNING,
        "position": recorded.position,
        "requested_at": recorded.envelope.recorded_at,
        "scheduled_for": event.scheduled_for,
        "finished_at": None,
        "reason": None,
    }
    changes.insert(PREVIEWS, (event.preview,), row)
    named = {"preview": event.preview, "campaign": event.campaign, "occurrences": list(event.occurrences)}
    changes.run(TableStatement(_FREEZE, named))
    changes.run(TableStatement(_FORGET, {"campaign": event.campaign, "kept": preview.KEPT}))


def preview_finished(changes: Changes, recorded: Recorded) -> None:
    event: preview.Finished = recorded.event
    row = {"status": preview.Status.FINISHED, "finished_at": recorded.envelope.recorded_at}
    changes.update(PREVIEWS, (event.preview,), row)


def preview_failed(changes: Changes, recorded: Recorded) -> None:
    event: preview.Failed = recorded.event
    row = {"status": preview.Status.FAILED, "finished_at": recorded.envelope.recorded_at, "reason": event.reason}
    changes.update(PREVIEWS, (event.preview,), row)


PROJECTION = Projection(
    name="standings",
    version=3,
    tables=(STANDINGS, STATISTICS, EVALUATIONS, PREVIEWS, PREVIEW_OCCURRENCES, PREVIEW_MEMBERS),
    folds={
        standing.Contributed.tag: contributed,
        standing.Awarded.tag: awarded,
        standing.Corrected.tag: corrected,
        tiered_occurrence.EvaluationStarted.tag: evaluation_started,
        tiered_occurrence.Evaluated.tag: evaluated,
        preview.Requested.tag: preview_requested,
        preview.Finished.tag: preview_finished,
        preview.Failed.tag: preview_failed,
    },
    room="tiered.standings",
)
