"""Decisions: cancelling what a campaign granted."""

from typing import Any
from uuid import UUID

from litestar import Response
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from api.request import Request
from api.routes.commands import answer_once, submit
from api.routes.reads.asking import asking, there
from api.routing import OPERATORS, command
from application.bodies import CancelBody
from application.cancelling import cancel_grant
from application.log.reader import read_versions
from application.log.working import Working
from application.reads import nothing
from application.refusals import Conflict
from domain.amounts import written
from domain.participation import Granted
from projections.queries.asking import Figure
from projections.queries.grants import DecisionPlace, place_of

BEHIND_SECONDS = 2.0
"""So long it waits for a decision to show that was recorded a moment ago."""


class CancellationAnswer(Struct, frozen=True, gc=False):
    """A cancellation, a decision of its own (`id`); `units_returned` are what the budget of the campaign has again."""

    position: str
    id: UUID
    decision: UUID
    campaign: UUID
    member: str
    units_returned: Figure
    reason: str


@command("POST", "/decisions/{decision:uuid}/cancel", roles=OPERATORS, statuses=(200,), headers=("Idempotency-Key",))
async def cancel_decision(
    request: Request, decision: FromPath[UUID], data: JSONBody[CancelBody]
) -> Response[CancellationAnswer]:
    """Cancel what a campaign granted: units return to its budget, rewards to their stock, and coupon codes are void.

    Refusals, awards of tiered campaigns and cancellations can't be cancelled, and a grant can be once.
    """
    data.check()
    place = there(await _place(request, decision), f"decision {decision}")
    if not place.grants:
        raise Conflict("only what a campaign granted can be cancelled", "not_cancellable")
    granted = await _granted(request, place)

    def decide(working: Working) -> CancellationAnswer:
        cancellation = cancel_grant(working, granted, place.version, data.reason)
        units = written(cancellation.cancelled.units)
        return CancellationAnswer("", cancellation.id, decision, granted.campaign, granted.member, units, data.reason)

    return await answer_once(request, decide)


async def _place(request: Request, decision: UUID) -> DecisionPlace | None:
    async with asking(request) as connection:
        found = await place_of(connection, decision)
    if found is None:
        recorded = (await submit(request, nothing)).position
        await request.services.positions.wait_for(recorded, BEHIND_SECONDS, "decisions")
        async with asking(request) as connection:
            found = await place_of(connection, decision)
    return found


async def _granted(request: Request, place: DecisionPlace) -> Granted:
    async with asking(request) as connection:
        (recorded,) = await read_versions(connection, request.program.mapper, [(place.stream, place.version)])
    granted: Any = recorded.event
    assert isinstance(granted, Granted)  # noqa: S101  as the projection says
    return granted


DECISION_COMMANDS = (cancel_decision,)
