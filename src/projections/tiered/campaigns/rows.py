"""Tiered campaigns by their newest revision, their occurrences, and the revisions there were."""

import msgspec

from application.log.events import Recorded
from domain.tiered import campaign as tiered_campaign
from domain.tiered import icon
from domain.tiered import occurrence as tiered_occurrence
from domain.tiered.occurrence import Phase
from projections.engine.changes import Changes, Row, Table, TableStatement
from projections.engine.columns import BIGINT, BOOLEAN, INSTANT, INT, JSON, TEXT, UUIDS
from projections.engine.projection import Projection, statement

TIERED_CAMPAIGNS = Table(
    "tiered_campaigns",
    ("id",),
    {
        "id": UUIDS,
        "version": INT,
        "revision": INT,
        "name": TEXT,
        "definition": JSON,
        "time_zone": TEXT,
        "decimals": INT,
        "active": BOOLEAN,
        "archived": BOOLEAN,
        "complete": BOOLEAN,
        "icon_type": TEXT,
        "created_at": INSTANT,
        "created_position": BIGINT,
        "updated_at": INSTANT,
        "updated_position": BIGINT,
    },
)

OCCURRENCES = Table(
    "occurrences",
    ("campaign", "number"),
    {
        "campaign": UUIDS,
        "number": INT,
        "starts_at": INSTANT,
        "ends_at": INSTANT,
        "evaluation_at": INSTANT,
        "revision": INT,
        "phase": TEXT,
    },
)

REVISIONS = Table(
    "revisions",
    ("campaign", "number"),
    {
        "campaign": UUIDS,
        "number": INT,
        "first": INT,
        "definition": JSON,
        "time_zone": TEXT,
        "decimals": INT,
        "recorded_at": INSTANT,
        "position": BIGINT,
    },
)

_DROP_OCCURRENCES = statement("tiered.campaigns", "drop_occurrences")


def revised(changes: Changes, recorded: Recorded) -> None:
    event: tiered_campaign.Revised = recorded.event
    revision = event.revision
    at = recorded.envelope.recorded_at
    definition = msgspec.json.encode(revision.definition)
    resolved = {"definition": definition, "time_zone": revision.time_zone, "decimals": revision.decimals}
    row = {
        **resolved,
        **_updated(recorded),
        "revision": revision.number,
        "name": revision.definition.name,
        "complete": bool(event.windows),
    }
    if recorded.version == 1:
        made = {"active": False, "archived": False, "icon_type": None}
        created = {"created_at": at, "created_position": recorded.position}
        changes.insert(TIERED_CAMPAIGNS, (event.campaign,), {**row, **made, **created})
    else:
        changes.update(TIERED_CAMPAIGNS, (event.campaign,), row)
    written = {**resolved, "first": revision.first, "recorded_at": at, "position": recorded.position}
    changes.insert(REVISIONS, (event.campaign, revision.number), written)
    _occurrences(changes, event)


def _occurrences(changes: Changes, event: tiered_campaign.Revised) -> None:
    """Those that had not started get the new windows and terms; the others keep theirs."""
    last = {"campaign": event.campaign, "last": len(event.windows)}
    changes.run(TableStatement(_DROP_OCCURRENCES, last))
    for number, window in enumerate(event.windows, 1):
        if number >= event.revision.first:
            row = {
                "starts_at": window.starts_at,
                "ends_at": window.ends_at,
                "evaluation_at": window.evaluation_at,
                "revision": event.revision.number,
                "phase": None,
            }
            changes.put(OCCURRENCES, (event.campaign, number), row)


def activated(changes: Changes, recorded: Recorded) -> None:
    changes.update(TIERED_CAMPAIGNS, (recorded.event.campaign,), {"active": True, **_updated(recorded)})


def deactivated(changes: Changes, recorded: Recorded) -> None:
    changes.update(TIERED_CAMPAIGNS, (recorded.event.campaign,), {"active": False, **_updated(recorded)})


def archived(changes: Changes, recorded: Recorded) -> None:
    changes.update(TIERED_CAMPAIGNS, (recorded.event.campaign,), {"archived": True, **_updated(recorded)})


def _updated(recorded: Recorded) -> Row:
    return {
        "version": recorded.version,
        "updated_at": recorded.envelope.recorded_at,
        "updated_position": recorded.position,
    }


def icon_put(changes: Changes, recorded: Recorded) -> None:
    event: icon.IconPut = recorded.event
    changes.update(TIERED_CAMPAIGNS, (event.campaign,), {"icon_type": event.media_type})


def evaluation_started(changes: Changes, recorded: Recorded) -> None:
    event: tiered_occurrence.EvaluationStarted = recorded.event
    changes.update(OCCURRENCES, (event.campaign, event.occurrence), {"phase": Phase.EVALUATING})


def evaluated(changes: Changes, recorded: Recorded) -> None:
    event: tiered_occurrence.Evaluated = recorded.event
    changes.update(OCCURRENCES, (event.campaign, event.occurrence), {"phase": Phase.EVALUATED})


PROJECTION = Projection(
    name="tiered_campaigns",
    version=1,
    tables=(TIERED_CAMPAIGNS, OCCURRENCES, REVISIONS),
    folds={
        tiered_campaign.Revised.tag: revised,
        tiered_campaign.Activated.tag: activated,
        tiered_campaign.Deactivated.tag: deactivated,
        tiered_campaign.Archived.tag: archived,
        icon.IconPut.tag: icon_put,
        tiered_occurrence.EvaluationStarted.tag: evaluation_started,
        tiered_occurrence.Evaluated.tag: evaluated,
    },
    room="tiered.campaigns",
)
