"""Facts: transactions and their lifecycle, and events."""

from typing import Any

import msgspec
from litestar import Response
from litestar.params import FromPath, JSONBody

from api.http.commands import carry_out_once, json_response
from api.http.prefer import awards_of, with_awards
from api.http.request import Request
from api.http.routing import JUDGED, RECORDERS, command
from api.routes.facts import shapes
from api.routes.facts.shapes import FactAnswer
from application.bodies.base import EmptyBody
from application.facts import commands as facts
from application.facts.bodies import EventBody, RefundBody, RejectBody, TransactionBody, UpdateBody
from application.facts.commands import FactCommand, FactReceipt
from application.facts.ingest import Repeated
from domain.facts.fact import Fact, FactKind
from projections.decisions.queries import FactChange

NOTHING = EmptyBody()
NO_REASON = RejectBody()
EVERYTHING_LEFT = RefundBody()

_encode = msgspec.json.Encoder().encode


@command("POST", "/transactions", roles=RECORDERS, statuses=(201, 200), headers=("Prefer",), takes=JUDGED)
async def post_transaction(request: Request, data: JSONBody[TransactionBody]) -> Response[FactAnswer]:
    """Record a transaction and all that it causes.

    The same body under the same id is answered what it was answered first, with 200; another body is a conflict.
    """
    return await _receive(request, data)


@command("POST", "/events", roles=RECORDERS, statuses=(201, 200), headers=("Prefer",), takes=JUDGED)
async def post_event(request: Request, data: JSONBody[EventBody]) -> Response[FactAnswer]:
    """Record an event and all that it causes.

    The same body under the same id is answered what it was answered first, with 200; another body is a conflict.
    """
    return await _receive(request, data)


@command(
    "POST",
    "/transactions/{transaction:str}/accept",
    roles=RECORDERS,
    statuses=(200,),
    headers=("Idempotency-Key", "Prefer"),
    takes=JUDGED,
)
async def accept_transaction(
    request: Request,
    transaction: FromPath[str],
    data: JSONBody[EmptyBody] = NOTHING,  # noqa: ARG001  read, so that whatever is in it is refused
) -> Response[FactAnswer]:
    """Accept a pending transaction."""
    return await _change(request, transaction, facts.accept(transaction))


@command(
    "POST",
    "/transactions/{transaction:str}/reject",
    roles=RECORDERS,
    statuses=(200,),
    headers=("Idempotency-Key", "Prefer"),
    takes=JUDGED,
)
async def reject_transaction(
    request: Request, transaction: FromPath[str], data: JSONBody[RejectBody] = NO_REASON
) -> Response[FactAnswer]:
    """Reject a pending transaction: what it contributed is taken back."""
    return await _change(request, transaction, facts.reject(transaction, data.reason))


@command(
    "POST",
    "/transactions/{transaction:str}/update",
    roles=RECORDERS,
    statuses=(200,),
    headers=("Idempotency-Key", "Prefer"),
    takes=JUDGED,
)
async def update_transaction(
    request: Request, transaction: FromPath[str], data: JSONBody[UpdateBody]
) -> Response[FactAnswer]:
    """Give a pending transaction new figures: absolute ones, never deltas."""
    return await _change(request, transaction, facts.update(transaction, data))


@command(
    "POST",
    "/transactions/{transaction:str}/refund",
    roles=RECORDERS,
    statuses=(200,),
    headers=("Idempotency-Key", "Prefer"),
    takes=JUDGED,
)
async def refund_transaction(
    request: Request, transaction: FromPath[str], data: JSONBody[RefundBody] = EVERYTHING_LEFT
) -> Response[FactAnswer]:
    """Refund an accepted transaction: an amount, items, or all that is left of it.

    A `refund_id` makes a repeat safe: it is answered what it was answered first.
    """
    try:
        return await _change(request, transaction, facts.refund(transaction, data))
    except Repeated as repeated:
        taken = await request.program.commands.facts.again(data, repeated)
        return await _answer(request, Fact(FactKind.TRANSACTION, transaction), taken)


async def _receive(request: Request, sent: TransactionBody | EventBody) -> Response[Any]:
    taking = request.program.commands.facts
    taken = await taking.take(sent, request.judging(facts.command_of(sent, taking.rules)), request.principal.id)
    kind = FactKind.EVENT if isinstance(sent, EventBody) else FactKind.TRANSACTION
    return await _answer(request, Fact(kind, sent.id), taken, 200 if taken.repeated else 201)


async def _change(request: Request, transaction: str, change: FactCommand) -> Response[Any]:
    changed = await carry_out_once(request, lambda working: shapes.fact(change(working)))
    made = FactChange(Fact(FactKind.TRANSACTION, transaction), changed.position)
    return with_awards(changed.response(request, changed.position), await awards_of(request, [made]))


async def _answer(request: Request, fact: Fact, taken: FactReceipt, status: int = 200) -> Response[Any]:
    shown = shapes.fact(taken.answer, request.committed(taken.position))
    made = FactChange(fact, taken.position)
    return with_awards(json_response(_encode(shown), status), await awards_of(request, [made]))


FACT_COMMANDS = (
    post_transaction,
    post_event,
    accept_transaction,
    reject_transaction,
    update_transaction,
    refund_transaction,
)
