"""Facts as they are sent: each becomes a command, and one that is sent again is answered what it was answered first."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, assert_never
from uuid import UUID

from application.facts import ingest
from application.facts.bodies import (
    AcceptFact,
    EventBody,
    Fact,
    RefundBody,
    RefundFact,
    RejectFact,
    TransactionBody,
    UpdateBody,
    UpdateFact,
)
from application.facts.ingest import FactEffects, Repeated, Rules
from application.log.batch import Commit
from application.log.envelope import NO_ORIGIN, Origin
from application.log.working import Command, Working
from application.log.writer import Writer
from application.service.idempotency import Answers, First
from application.service.refusals import Conflict, Unknown
from application.streams import TRANSACTION
from domain.facts import event as member_event
from domain.facts.transaction import Received, Refunded, Status

Sent = Fact | RefundBody
Remembered = Received | member_event.Received | Refunded
FactCommand = Callable[[Working], FactEffects]


class FactReceipt(NamedTuple):
    """A fact's answer and position; `repeated` when they are those it was given first."""

    position: int
    answer: Any
    repeated: bool


def command_of(fact: Fact, rules: Rules) -> FactCommand:
    """Raises Invalid for what can be told from the fact alone."""
    match fact:
        case TransactionBody():
            purchase, status = fact.purchase(), fact.arrives_as()
            return lambda working: ingest.receive_transaction(working, purchase, status, rules)
        case EventBody():
            happening = fact.happening()
            return lambda working: ingest.receive_event(working, happening, rules)
        case AcceptFact():
            return accept(fact.id)
        case RejectFact():
            return reject(fact.id, fact.reason)
        case UpdateFact():
            return update(fact.id, fact)
        case RefundFact():
            return refund(fact.id, fact)
        case _:
            assert_never(fact)


def accept(transaction_id: str) -> FactCommand:
    return lambda working: ingest.accept(working, transaction_id)


def reject(transaction_id: str, reason: str | None) -> FactCommand:
    return lambda working: ingest.reject(working, transaction_id, reason)


def update(transaction_id: str, body: UpdateBody) -> FactCommand:
    """Raises Invalid now or, for what does not fit the transaction as it is, when it is decided."""
    body.check()

    def decide(working: Working) -> FactEffects:
        transaction = working.state(TRANSACTION.at(transaction_id))
        if transaction is None:
            raise Unknown(f"no transaction `{transaction_id}`")
        return ingest.update(working, body.applied_to(transaction.purchase))

    return decide


def refund(transaction_id: str, body: RefundBody) -> FactCommand:
    """Raises Invalid now; when it is decided, Repeated for a `refund_id` that the transaction has had."""
    returned = body.returned()

    def decide(working: Working) -> FactEffects:
        stream = TRANSACTION.at(transaction_id)
        transaction = working.state(stream)
        if transaction and body.refund_id and any(refund.refund == body.refund_id for refund in transaction.refunds):
            raise Repeated(stream)
        return ingest.refund(working, transaction_id, body.amount, returned, body.refund_id, body.attributes)

    return decide


class FactIntake:
    """Takes facts in through the log's writer."""

    def __init__(self, writer: Writer, answers: Answers, rules: Rules) -> None:
        self._writer = writer
        self._answers = answers
        self.rules = rules

    async def take(self, sent: Sent, command: Command, actor: str) -> FactReceipt:
        """Raises what the command raises but for Repeated; Conflict when another fact was sent under the same id."""
        try:
            committed = await self._writer.submit(command, actor=actor)
        except Repeated as repeated:
            return await self.again(sent, repeated)
        return FactReceipt(committed.position, committed.answer, repeated=False)

    async def take_many(
        self,
        sent: Sequence[Sent],
        commands: Sequence[Command],
        actor: str,
        origin: Origin = NO_ORIGIN,
        *,
        bulk: bool = False,
    ) -> list[FactReceipt | Exception]:
        """In order, each by itself: one that is refused does not hold up the others."""
        outcomes = await self._writer.submit_many(commands, actor=actor, origin=origin, bulk=bulk)
        again = [
            (number, sent[number], outcome) for number, outcome in enumerate(outcomes) if isinstance(outcome, Repeated)
        ]
        taken: list[FactReceipt | Exception] = [
            FactReceipt(outcome.position, outcome.answer, repeated=False) if isinstance(outcome, Commit) else outcome
            for outcome in outcomes
        ]
        if again:
            firsts = await self._first({outcome.stream.id for _, _, outcome in again})
            for number, fact, repeated in again:
                taken[number] = _again(fact, firsts[repeated.stream.id])
        return taken

    async def again(self, sent: Sent, repeated: Repeated) -> FactReceipt:
        """What a repeated fact was answered first; Conflict when another one was sent under the same id."""
        firsts = await self._first({repeated.stream.id})
        taken = _again(sent, firsts[repeated.stream.id])
        if isinstance(taken, Conflict):
            raise taken
        return taken

    async def _first(self, streams: set[UUID]) -> dict[UUID, list[First]]:
        found: dict[UUID, list[First]] = {stream: [] for stream in streams}
        for first in await self._answers.find(list(streams), (Received, member_event.Received, Refunded)):
            found[first.stream].append(first)
        return found


def answered_before(sent: Sent, firsts: Sequence[First]) -> FactReceipt | Conflict | None:
    """What a repeated fact was answered first, if that is among these."""
    about = [first for first in firsts if _is_about(sent, first.event)]
    return _again(sent, about) if about else None


def _again(sent: Sent, firsts: Sequence[First]) -> FactReceipt | Conflict:
    first = next(first for first in firsts if _is_about(sent, first.event))
    if not _same(sent, first.event):
        return Conflict("it was recorded before with another body under the same id", "repeated_with_another_body")
    return FactReceipt(first.position, _first_answer(first.event), repeated=True)


def _is_about(sent: Sent, event: Remembered) -> bool:
    if isinstance(event, Refunded):
        return isinstance(sent, RefundBody) and event.refund == sent.refund_id
    return not isinstance(sent, RefundBody)


def _same(sent: Sent, event: Remembered) -> bool:
    match sent, event:
        case TransactionBody(), Received():
            return (sent.purchase(), sent.arrives_as()) == (event.purchase, event.status)
        case EventBody(), member_event.Received():
            return sent.happening() == event.happening
        case RefundBody(), Refunded():
            return _same_refund(sent, event)
        case _:
            return False


def _first_answer(event: Remembered) -> FactEffects:
    match event:
        case Received():
            return FactEffects(event.purchase.id, event.purchase.member, event.status, event.outcomes)
        case member_event.Received():
            return FactEffects(event.happening.id, event.happening.member, Status.ACCEPTED, event.outcomes)
        case Refunded():
            return FactEffects(event.id, event.member, event.status, event.outcomes)


def _same_refund(sent: RefundBody, refunded: Refunded) -> bool:
    """What was given as nothing took back all that was left."""
    if (sent.returned(), sent.attributes) != (refunded.items, refunded.attributes):
        return False
    if sent.amount is None:
        return bool(sent.items) or refunded.status is Status.REFUNDED
    return sent.amount == refunded.amount
