"""The test clock of a sandbox."""

from datetime import datetime
from functools import partial

from litestar.params import JSONBody
from msgspec import Struct

from api.http.commands import submit
from api.http.request import Request
from api.http.routing import FACT_READERS, OPERATORS, command, read
from application.bodies.exact import Body, Instant
from application.service.administration import record
from application.service.clock import BackwardsError, SandboxClock
from application.service.refusals import Conflict, Forbidden
from domain.service.administration import ClockMoved, ClockReturned


class ClockBody(Body, frozen=True):
    now: Instant


class ClockAnswer(Struct, frozen=True):
    """`sandbox`: this program's time can be moved; `moved`: it was, and stands at `now`."""

    now: datetime
    sandbox: bool
    moved: bool
    position: str


@read("/clock", roles=FACT_READERS)
async def get_clock(request: Request) -> ClockAnswer:
    """The program's time."""
    return _answer(request, request.position)


@command("PUT", "/clock", roles=OPERATORS)
async def put_clock(request: Request, data: JSONBody[ClockBody]) -> ClockAnswer:
    """Move the program's time forward; everything due by then has happened when this answers."""
    sandbox = _sandbox(request)
    try:
        await (request.services.due or sandbox.move)(data.now)
    except BackwardsError as error:
        raise Conflict(str(error), "clock_backwards") from None
    return await _recorded(request, ClockMoved(data.now))


@command("DELETE", "/clock", roles=OPERATORS)
async def delete_clock(request: Request) -> ClockAnswer:
    """Go back to real time."""
    await _sandbox(request).reset()
    return await _recorded(request, ClockReturned())


async def _recorded(request: Request, act: ClockMoved | ClockReturned) -> ClockAnswer:
    """At a position that covers all that has happened."""
    committed = await submit(request, partial(record, act=act))
    return _answer(request, request.committed(committed.position))


def _sandbox(request: Request) -> SandboxClock:
    sandbox = request.services.sandbox
    if sandbox is None:
        raise Forbidden("the clock can only be moved in a sandbox: `laurel serve --sandbox`", "sandbox_only")
    return sandbox


def _answer(request: Request, position: str) -> ClockAnswer:
    services = request.services
    sandbox = services.sandbox
    return ClockAnswer(services.clock.now(), sandbox is not None, sandbox is not None and sandbox.moved, position)


CLOCK_ROUTES = (get_clock, put_clock, delete_clock)
