"""Decisions: cancelling what a campaign granted."""

from typing import Any
from uuid import UUID

from litestar import Response
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from api.http.commands import carry_out_once, submit
from api.http.reads import asking, there
from api.http.request import Request
from api.http.routing import OPERATORS, command
from application.campaigns.bodies import CancelBody
from application.campaigns.cancellation import request_cancellation
from application.log.reader import read_versions
from application.log.working import Working
from application.reads import nothing
from application.service.refusals import Busy, Conflict
from domain.campaigns.participation import Granted
from domain.values.amounts import written
from projections.decisions.grants import DecisionPlace, place_of
from projections.listing.page import Figure

BEHIND_SECONDS = 2.0
"""So long it waits for a decision to show that was recorded a moment ago."""
TURN_SECONDS = 10.0
"""So long it waits for a cancellation's turn."""


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

    Refusals, awards of tiered campaigns and cancellations can't be cancelled, and a grant can be once. A cancellation
    takes effect in its turn, behind everything that was triggered before it, and the answer waits for that. Where it
    does not come soon, the answer is 503: the cancellation is recorded and will take effect.
    """
    data.check()
    place = there(await _place(request, decision), f"decision {decision}")
    if not place.grants:
        raise Conflict("only what a campaign granted can be cancelled", "not_cancellable")
    granted = await _granted(request, place)

    def decide(working: Working) -> CancellationAnswer:
        cancellation = request_cancellation(working, granted, place.version, data.reason)
        units = written(granted.units)
        return CancellationAnswer("", cancellation, decision, granted.campaign, granted.member, units, data.reason)

    asked = await carry_out_once(request, decide)
    covered = await request.services.awarding.covered(asked.position, TURN_SECONDS)
    if covered is None:
        raise Busy("the cancellation is recorded; it takes effect once campaigns have decided what came before it")
    return asked.response(request, covered)


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
