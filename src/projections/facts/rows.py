"""What members did: one narrow row a fact, for listings. A fact's whole story is its stream."""

from application.log.events import Recorded
from domain.facts import event as member_event
from domain.facts import transaction
from domain.facts.fact import FactKind
from projections.engine.changes import Changes, Table
from projections.engine.columns import BIGINT, INSTANT, NUMERIC, TEXT, UUIDS
from projections.engine.projection import Projection

FACTS = Table(
    "facts",
    ("stream",),
    {
        "stream": UUIDS,
        "kind": TEXT,
        "id": TEXT,
        "member": TEXT,
        "type": TEXT,
        "status": TEXT,
        "at": INSTANT,
        "recorded_at": INSTANT,
        "position": BIGINT,
        "total": NUMERIC,
        "auto_accept_at": INSTANT,
    },
)


def transaction_received(changes: Changes, recorded: Recorded) -> None:
    event: transaction.Received = recorded.event
    purchase = event.purchase
    row = {
        "kind": FactKind.TRANSACTION,
        "id": purchase.id,
        "member": purchase.member,
        "type": None,
        "status": event.status,
        "at": purchase.purchased_at,
        "recorded_at": recorded.envelope.recorded_at,
        "position": recorded.position,
        "total": purchase.total,
        "auto_accept_at": purchase.auto_accept_at if event.status is transaction.Status.PENDING else None,
    }
    changes.insert(FACTS, (recorded.stream,), row)


def event_received(changes: Changes, recorded: Recorded) -> None:
    event: member_event.Received = recorded.event
    happening = event.happening
    row = {
        "kind": FactKind.EVENT,
        "id": happening.id,
        "member": happening.member,
        "type": happening.type,
        "status": None,
        "at": happening.occurred_at,
        "recorded_at": recorded.envelope.recorded_at,
        "position": recorded.position,
        "total": None,
        "auto_accept_at": None,
    }
    changes.insert(FACTS, (recorded.stream,), row)


def updated(changes: Changes, recorded: Recorded) -> None:
    event: transaction.Updated = recorded.event
    purchase = event.purchase
    row = {
        "member": purchase.member,
        "at": purchase.purchased_at,
        "total": purchase.total,
        "auto_accept_at": purchase.auto_accept_at,
    }
    changes.update(FACTS, (recorded.stream,), row)


def accepted(changes: Changes, recorded: Recorded) -> None:
    changes.update(FACTS, (recorded.stream,), {"status": transaction.Status.ACCEPTED, "auto_accept_at": None})


def rejected(changes: Changes, recorded: Recorded) -> None:
    changes.update(FACTS, (recorded.stream,), {"status": transaction.Status.REJECTED, "auto_accept_at": None})


def refunded(changes: Changes, recorded: Recorded) -> None:
    event: transaction.Refunded = recorded.event
    changes.update(FACTS, (recorded.stream,), {"status": event.status})


PROJECTION = Projection(
    name="facts",
    version=1,
    tables=(FACTS,),
    folds={
        transaction.Received.tag: transaction_received,
        transaction.Updated.tag: updated,
        transaction.Accepted.tag: accepted,
        transaction.Rejected.tag: rejected,
        transaction.Refunded.tag: refunded,
        member_event.Received.tag: event_received,
    },
)
