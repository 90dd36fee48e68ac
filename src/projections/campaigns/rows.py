"""Campaigns by their newest revision, what each has decided, and what each receiver has had of it."""

from decimal import Decimal
from uuid import UUID

import msgspec

from application.log.events import Recorded
from domain.campaigns import campaign, participation
from domain.campaigns.campaign import Life
from domain.campaigns.participation import effects_in, receipts_of
from domain.values.amounts import EXACT, ZERO
from projections.engine.changes import Changes, Row, Table
from projections.engine.columns import BIGINT, INSTANT, INT, JSON, NUMERIC, TEXT, TEXTS, UUIDS
from projections.engine.projection import Projection

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

RECEIVERS = Table(
    "receivers",
    ("campaign", "member"),
    {"campaign": UUIDS, "member": TEXT, "executions": BIGINT, "units": NUMERIC},
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
    _count(changes, event.campaign, executions=1, units=event.units)
    for receipt in receipts_of(effects_in(event.rules)):
        changes.add(RECEIVERS, (event.campaign, receipt.member), {"executions": 1, "units": receipt.units})


def refused(changes: Changes, recorded: Recorded) -> None:
    event: participation.Refused = recorded.event
    _count(changes, event.campaign, refusals=1)


def cancelled(changes: Changes, recorded: Recorded) -> None:
    """What was cancelled counts as if it had never been, for limits and here."""
    event: participation.Cancelled = recorded.event
    _count(changes, event.campaign, executions=-1, cancellations=1, units=EXACT.minus(event.units))
    for receipt in receipts_of(event.effects):
        back = {"executions": -1, "units": EXACT.minus(receipt.units)}
        changes.add(RECEIVERS, (event.campaign, receipt.member), back)


def _count(
    changes: Changes,
    campaign_id: UUID,
    *,
    executions: int = 0,
    cancellations: int = 0,
    refusals: int = 0,
    units: Decimal = ZERO,
) -> None:
    figures = {"executions": executions, "cancellations": cancellations, "refusals": refusals, "units": units}
    changes.add(FIGURES, (campaign_id,), figures)


PROJECTION = Projection(
    name="campaigns",
    version=2,
    tables=(CAMPAIGNS, FIGURES, RECEIVERS),
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
