"""Members as they are now, and who is on which list."""

from datetime import datetime

import msgspec

from application.log.events import Recorded
from domain.members import member
from projections.engine.changes import Changes, Table
from projections.engine.columns import BIGINT, INSTANT, JSON, TEXT
from projections.engine.projection import Projection

MEMBERS = Table(
    "members",
    ("id",),
    {
        "id": TEXT,
        "tier": TEXT,
        "attributes": JSON,
        "referrer": TEXT,
        "registered_at": INSTANT,
        "registered_position": BIGINT,
        "updated_at": INSTANT,
        "updated_position": BIGINT,
    },
)

LIST_MEMBERS = Table("list_members", ("list", "member"), {"list": TEXT, "member": TEXT, "joined_at": INSTANT})


def registered(changes: Changes, recorded: Recorded) -> None:
    at: datetime = recorded.envelope.recorded_at
    row = {
        "tier": None,
        "attributes": b"{}",
        "referrer": None,
        "registered_at": at,
        "registered_position": recorded.position,
        "updated_at": at,
        "updated_position": recorded.position,
    }
    changes.insert(MEMBERS, (recorded.event.member,), row)


def changed(changes: Changes, recorded: Recorded) -> None:
    event: member.Changed = recorded.event
    row = {"tier": event.tier, "attributes": msgspec.json.encode(event.attributes), **_updated(recorded)}
    changes.update(MEMBERS, (event.member,), row)


def referrer_set(changes: Changes, recorded: Recorded) -> None:
    event: member.ReferrerSet = recorded.event
    changes.update(MEMBERS, (event.member,), {"referrer": event.referrer, **_updated(recorded)})


def list_joined(changes: Changes, recorded: Recorded) -> None:
    event: member.ListJoined = recorded.event
    changes.put(LIST_MEMBERS, (event.list, event.member), {"joined_at": recorded.envelope.recorded_at})
    changes.update(MEMBERS, (event.member,), _updated(recorded))


def list_left(changes: Changes, recorded: Recorded) -> None:
    event: member.ListLeft = recorded.event
    changes.drop(LIST_MEMBERS, (event.list, event.member))
    changes.update(MEMBERS, (event.member,), _updated(recorded))


def _updated(recorded: Recorded) -> dict[str, object]:
    return {"updated_at": recorded.envelope.recorded_at, "updated_position": recorded.position}


PROJECTION = Projection(
    name="members",
    version=1,
    tables=(MEMBERS, LIST_MEMBERS),
    folds={
        member.Registered.tag: registered,
        member.Changed.tag: changed,
        member.ReferrerSet.tag: referrer_set,
        member.ListJoined.tag: list_joined,
        member.ListLeft.tag: list_left,
    },
)
