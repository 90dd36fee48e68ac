"""Transactions and events as given, with what became of them."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from litestar.params import FromPath
from msgspec import Struct

from api.http.reads import asking, current, there
from api.http.request import Request
from api.http.routing import FACT_READERS, AnswerPage, read
from api.routes.facts.shapes import OutcomeShown, outcomes
from application.streams import TRANSACTION
from domain.facts.event import MemberEvent
from domain.facts.fact import FactKind
from domain.facts.outcomes import Contribution
from domain.facts.purchase import Item
from domain.facts.transaction import Refunded, Status, Transaction, refunded_so_far
from domain.values.amounts import written, written_if
from domain.values.attributes import Attributes
from projections.facts import queries as facts
from projections.facts.queries import EVENTS, TRANSACTIONS
from projections.history.log import Story
from projections.listing.page import Figure


class ContributionNow(Struct, frozen=True, gc=False):
    """What a fact adds to an occurrence now; an unconfirmed one counts as pending only."""

    tiered_campaign: UUID
    occurrence: int
    amount: Figure
    confirmed: bool


class ItemView(Struct, frozen=True, gc=False):
    """A line as it was given."""

    product: str
    quantity: Figure
    price: Figure | None
    subtotal: Figure | None
    attributes: Attributes


class ReturnedView(Struct, frozen=True, gc=False):
    """Pieces of a product that came back."""

    product: str
    quantity: Figure


class RefundView(Struct, frozen=True, gc=False):
    """One refund; `refund_id` is the caller's. `attributes` are the new figures of those that it gave one."""

    refund_id: str | None
    amount: Figure
    items: list[ReturnedView]
    attributes: Attributes


class TransactionView(Struct, frozen=True, gc=False, kw_only=True, tag="transaction", tag_field="kind"):
    """A transaction as received or last updated; `accepted_at` is what it said of itself, coming already accepted.

    `outcomes` are those of the last thing that happened to it, `contributions` what it adds where, as of that.
    `memberships` are the segments and lists (`segment:CODE`, `list:CODE`) that were asked about and held the member
    when it was first recorded.
    """

    position: str
    id: str
    member: str
    status: Status
    purchased_at: datetime
    checkout_at: datetime | None
    auto_accept_at: datetime | None
    accepted_at: datetime | None
    total: Figure
    refunded: Figure
    currency: str | None
    items: list[ItemView]
    attributes: Attributes
    refunds: list[RefundView]
    contributions: list[ContributionNow]
    memberships: list[str]
    outcomes: list[OutcomeShown]
    recorded_at: datetime
    updated_at: datetime


class EventView(Struct, frozen=True, gc=False, kw_only=True, tag="event", tag_field="kind"):
    """A custom event as given.

    `outcomes` are those of the last thing that happened to it, `contributions` what it adds where, as of that;
    `memberships` are as a transaction's.
    """

    position: str
    id: str
    type: str
    member: str
    status: str
    occurred_at: datetime
    date: datetime | None
    expires_at: datetime | None
    attributes: Attributes
    contributions: list[ContributionNow]
    memberships: list[str]
    outcomes: list[OutcomeShown]
    recorded_at: datetime


FactShown = TransactionView | EventView


@read("/transactions", roles=FACT_READERS, listing=TRANSACTIONS, projections=("facts",))
async def list_transactions(request: Request) -> AnswerPage[TransactionView]:
    """Transactions, the last recorded first."""
    selection = TRANSACTIONS.read(request.exchange.query)
    async with asking(request) as connection:
        found, following = await facts.facts_page(
            connection, request.program.reads.mapper, selection, kind=FactKind.TRANSACTION
        )
    at = request.position
    return AnswerPage([shown_transaction(story, at) for story in found], following, at)


@read("/transactions/{transaction:str}", roles=FACT_READERS, current=True)
async def get_transaction(request: Request, transaction: FromPath[str]) -> TransactionView:
    """One transaction, as it is now."""
    async with current(request) as connection:
        found = await facts.transaction(connection, request.program.reads.mapper, transaction)
    return shown_transaction(there(found, f"transaction `{transaction}`"), request.position)


@read("/events", roles=FACT_READERS, listing=EVENTS, projections=("facts",))
async def list_events(request: Request) -> AnswerPage[EventView]:
    """Custom events, the last recorded first."""
    selection = EVENTS.read(request.exchange.query)
    async with asking(request) as connection:
        found, following = await facts.facts_page(
            connection, request.program.reads.mapper, selection, kind=FactKind.EVENT
        )
    at = request.position
    return AnswerPage([shown_event(story, at) for story in found], following, at)


@read("/events/{event:str}", roles=FACT_READERS, current=True)
async def get_event(request: Request, event: FromPath[str]) -> EventView:
    """One custom event."""
    async with current(request) as connection:
        found = await facts.event(connection, request.program.reads.mapper, event)
    return shown_event(there(found, f"event `{event}`"), request.position)


def shown(story: Story, position: str) -> FactShown:
    """A fact of either kind."""
    return (shown_transaction if story.kind == TRANSACTION.name else shown_event)(story, position)


def shown_transaction(story: Story, position: str) -> TransactionView:
    known: Transaction = story.state
    purchase = known.purchase
    return TransactionView(
        position=position,
        id=purchase.id,
        member=purchase.member,
        status=known.status,
        purchased_at=purchase.purchased_at,
        checkout_at=purchase.checkout_at,
        auto_accept_at=purchase.auto_accept_at,
        accepted_at=purchase.accepted_at,
        total=written(purchase.total),
        refunded=written(refunded_so_far(known)),
        currency=purchase.currency,
        items=[_item(item) for item in purchase.items],
        attributes=purchase.attributes,
        refunds=[_refund(refund) for refund in known.refunds],
        contributions=_contributions(known.contributions),
        memberships=list(known.memberships),
        outcomes=outcomes(story.latest.outcomes),
        recorded_at=story.began.recorded_at,
        updated_at=story.changed.recorded_at,
    )


def shown_event(story: Story, position: str) -> EventView:
    known: MemberEvent = story.state
    happening = known.happening
    return EventView(
        position=position,
        id=happening.id,
        type=happening.type,
        member=happening.member,
        status="accepted",
        occurred_at=happening.occurred_at,
        date=happening.date,
        expires_at=happening.expires_at,
        attributes=happening.attributes,
        contributions=_contributions(known.contributions),
        memberships=list(known.memberships),
        outcomes=outcomes(story.latest.outcomes),
        recorded_at=story.began.recorded_at,
    )


def _item(item: Item) -> ItemView:
    price, subtotal = written_if(item.price), written_if(item.subtotal)
    return ItemView(item.product, written(item.quantity), price, subtotal, item.attributes)


def _refund(refund: Refunded) -> RefundView:
    returned = [ReturnedView(item.product, written(item.quantity)) for item in refund.items]
    return RefundView(refund.refund, written(refund.amount), returned, refund.attributes)


def _contributions(found: Iterable[Contribution]) -> list[ContributionNow]:
    return [
        ContributionNow(each.tiered_campaign, each.occurrence, written(each.amount), each.confirmed) for each in found
    ]


FACT_READS = (list_transactions, get_transaction, list_events, get_event)
