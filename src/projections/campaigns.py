"""Campaigns by their newest revision, what each has decided, and what each member has had of it."""

from decimal import Decimal

import msgspec

from application.log.events import Recorded
from domain import campaign, participation
from domain.amounts import EXACT, ZERO
from domain.campaign import Life
from projections.changes import Changes, Row, Table
from projections.columns import BIGINT, INSTANT, INT, JSON, NUMERIC, TEXT, TEXTS, UUIDS
from projections.projection import Projection

CAMPAIGNS = Table(
    "campaigns",
    ("id",),
    {
        "id": UUIDS,
        "version": INT,
        "revision": INT,
        "life": TEXT,
        "activated_at": INSTANT,
        "name": TEXT,
        "type": TEXT,
        "trigger": TEXT,
        "achievement": UUIDS,
        "starts_at": INSTANT,
        "ends_at": INSTANT,
        "display_order": INT,
        "labels": TEXTS,
        "segments": TEXTS,
        "definition": JSON,
        "time_zone": TEXT,
        "created_at": INSTANT,
        "created_position": BIGINT,
        "updated_at": INSTANT,
        "updated_position": BIGINT,
    },
)

FIGURES = Table(
    "figures",
    ("campaign",),
    {"campaign": UUIDS, "executions": BIGINT, "cancellations": BIGINT, "refusals": BIGINT, "units": NUMERIC},
)

PARTICIPANTS = Table(
    "participants",
    ("campaign", "member"),
    {"campaign": UUIDS, "member": TEXT, "executions": BIGINT, "refusals": BIGINT, "units": NUMERIC},
)


def defined(changes: Changes, recorded: Recorded) -> None:
    event: campaign.Defined = recorded.event
    definition = event.definition
    row = {
        **_updated(recorded),
        "revision": event.revision,
        "name": definition.name,
        "type": definition.type,
        "trigger": definition.trigger,
        "achievement": definition.achievement,
        "starts_at": definition.starts_at,
        "ends_at": definition.ends_at,
        "display_order": definition.display_order,
        "labels": labelled(definition.labels),
        "segments": tuple(dict.fromkeys((*definition.visibility.segments, *definition.audience.segments))),
        "definition": msgspec.json.encode(definition),
        "time_zone": event.time_zone,
    }
    if recorded.version == 1:
        at = recorded.envelope.recorded_at
        made = {"life": Life.DRAFT, "activated_at": None, "created_at": at, "created_position": recorded.position}
        changes.insert(CAMPAIGNS, (event.campaign,), {**row, **made})
    else:
        changes.update(CAMPAIGNS, (event.campaign,), row)


def labelled(labels: dict[str, str]) -> tuple[str, ...]:
    """What labels are found by: each by its name alone, and with its value."""
    return tuple(found for name, value in labels.items() for found in (name, f"{name}:{value}"))


def activated(changes: Changes, recorded: Recorded) -> None:
    event: campaign.Activated = recorded.event
    row = {"life": Life.ACTIVE, "activated_at": event.at, **_updated(recorded)}
    changes.update(CAMPAIGNS, (event.campaign,), row)


def paused(changes: Changes, recorded: Recorded) -> None:
    changes.update(CAMPAIGNS, (recorded.event.campaign,), {"life": Life.PAUSED, **_updated(recorded)})


def deleted(changes: Changes, recorded: Recorded) -> None:
    changes.update(CAMPAIGNS, (recorded.event.campaign,), {"life": Life.DELETED, **_updated(recorded)})


def _updated(recorded: Recorded) -> Row:
    return {
        "version": recorded.version,
        "updated_at": recorded.envelope.recorded_at,
        "updated_position": recorded.position,
    }


def granted(changes: Changes, recorded: Recorded) -> None:
    event: participation.Granted = recorded.event
    _count(changes, event, executions=1, units=event.units)


def refused(changes: Changes, recorded: Recorded) -> None:
    _count(changes, recorded.event, refusals=1)


def cancelled(changes: Changes, recorded: Recorded) -> None:
    """What was cancelled counts as if it had never been, for limits and here."""
    event: participation.Cancelled = recorded.event
    _count(changes, event, executions=-1, cancellations=1, units=EXACT.minus(event.units))


def _count(
    changes: Changes,
    event: participation.Event,
    *,
    executions: int = 0,
    cancellations: int = 0,
    refusals: int = 0,
    units: Decimal = ZERO,
) -> None:
    of_member = {"executions": executions, "refusals": refusals, "units": units}
    changes.add(FIGURES, (event.campaign,), {**of_member, "cancellations": cancellations})
    changes.add(PARTICIPANTS, (event.campaign, event.member), of_member)


PROJECTION = Projection(
    name="campaigns",
    version=1,
    tables=(CAMPAIGNS, FIGURES, PARTICIPANTS),
    folds={
        campaign.Defined.tag: defined,
        campaign.Activated.tag: activated,
        campaign.Paused.tag: paused,
        campaign.Deleted.tag: deleted,
        participation.Granted.tag: granted,
        participation.Refused.tag: refused,
        participation.Cancelled.tag: cancelled,
    },
)
