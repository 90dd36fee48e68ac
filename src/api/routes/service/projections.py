"""Projections and their rebuilds."""

import asyncio
import threading
from typing import Annotated, Any, Literal, cast
from uuid import UUID

import msgspec
import structlog
from litestar import Response
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct, structs
from psycopg import AsyncConnection
from uuid_utils.compat import uuid7

from api.http.commands import answer_once
from api.http.reads import asking, position_as_of, there
from api.http.request import Request
from api.http.routing import AUDITORS, READERS, AnswerPage, command, read
from application.bodies.exact import Body
from application.log.mapper import Mapper
from application.log.working import Working
from application.service.administration import record
from application.service.refusals import Conflict
from domain.values.problems import Invalid, Problem
from projections.engine.projection import Projection
from projections.engine.rebuild import RebuildError, RebuildRunning, RebuildTask, RebuildTurn, named, rebuild, take_turn
from projections.listing.columns import suggestion
from projections.registry import PROJECTIONS as REGISTERED
from projections.service import projections as following
from projections.service.projections import PROJECTIONS, REBUILDS, ProjectionRow, RebuildRow

log = structlog.get_logger("rebuilds")


class RebuildBody(Body, frozen=True):
    """What to rebuild: projections by name, or all.

    With `as_of` (a position or an instant) it is built up to there and its digests are certified, and nothing is
    switched; without `switch` it is compared with what is live and dropped.
    """

    projections: Literal["all"] | Annotated[tuple[Annotated[str, Meta(max_length=100)], ...], Meta(max_length=100)]
    as_of: Annotated[str, Meta(max_length=100)] | None = None
    switch: bool = True


class RebuildAnswer(Struct, frozen=True):
    """A rebuild that has been asked for; `/rebuilds/{id}` shows how it goes."""

    position: str
    id: UUID


class RebuildThreads:
    """Rebuilds in threads of this process; what is under way when it stops is recorded as interrupted."""

    def __init__(self, conninfo: str, mapper: Mapper) -> None:
        self._conninfo = conninfo
        self._mapper = mapper
        self._stopped = threading.Event()
        self._threads: set[threading.Thread] = set()

    def take_turn(self) -> RebuildTurn | None:
        try:
            return take_turn(self._conninfo)
        except RebuildRunning:
            return None

    def start(self, task: RebuildTask, turn: RebuildTurn) -> None:
        thread = threading.Thread(target=self._run, args=[task, turn], name="laurel rebuild", daemon=True)
        self._threads = {known for known in self._threads if known.is_alive()} | {thread}
        thread.start()

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(60)

    def _run(self, task: RebuildTask, turn: RebuildTurn) -> None:
        try:
            certificate = rebuild(self._conninfo, self._mapper, task, turn=turn, stopped=self._stopped.is_set)
        except RebuildError as error:
            log.warning("rebuild_failed", rebuild=str(task.id), error=str(error))
        except Exception:
            log.exception("rebuild_failed", rebuild=str(task.id))
        else:
            for failure in certificate.failures:
                log.warning("rebuild_failed", rebuild=str(task.id), error=failure)


@read("/projections", roles=READERS, listing=PROJECTIONS)
async def list_projections(request: Request) -> AnswerPage[ProjectionRow]:
    """How far each projection has come, and why one has stopped."""
    selection = PROJECTIONS.read(request.exchange.query)
    async with asking(request) as connection:
        found, more = await following.projections_page(connection, selection)
    return AnswerPage(found, more, request.position)


@read("/rebuilds", roles=READERS, listing=REBUILDS)
async def list_rebuilds(request: Request) -> AnswerPage[RebuildRow]:
    """Rebuilds, newest first, with their certificates."""
    selection = REBUILDS.read(request.exchange.query)
    async with asking(request) as connection:
        found, more = await following.rebuilds_page(connection, selection)
    return AnswerPage(found, more, request.position)


@read("/rebuilds/{rebuild:uuid}", roles=READERS)
async def get_rebuild(request: Request, rebuild: FromPath[UUID]) -> RebuildRow:
    """One rebuild: how far it is, and once it has finished its certificate."""
    async with asking(request) as connection:
        return there(await following.rebuild(connection, rebuild), f"rebuild {rebuild}")


@command("POST", "/rebuilds", roles=AUDITORS, statuses=(202,), headers=("Idempotency-Key",))
async def post_rebuild(request: Request, data: JSONBody[RebuildBody]) -> Response[RebuildAnswer]:
    """Rebuild projections from the log beside the live ones, compare, and switch; one rebuild at a time."""
    chosen = _chosen(data)
    rebuilds = request.program.rebuilds
    async with asking(request) as connection:
        as_of = await _as_of(request, connection, data.as_of)
    identity = uuid7()
    turn = await asyncio.to_thread(rebuilds.take_turn)

    task = RebuildTask(
        projections=chosen, as_of=as_of, switch=data.switch, requested_by=request.principal.id, id=identity
    )

    def decide(working: Working) -> RebuildAnswer:
        if turn is None:
            raise Conflict("another rebuild is running; try again when it has finished", "rebuild_running")
        if task.switches:
            record(working, task.act)
        return RebuildAnswer("", identity)

    started = False
    try:
        response = await answer_once(request, decide, 202)
        asked = msgspec.json.decode(cast(bytes, response.content), type=RebuildAnswer)
        if turn:
            task = structs.replace(task, id=asked.id)
            async with asking(request) as connection:
                if started := await following.announce(connection, task):
                    rebuilds.start(task, turn)
    finally:
        if turn and not started:
            await asyncio.to_thread(turn.give_back)
    return response


def _chosen(body: RebuildBody) -> tuple[Projection, ...]:
    if body.projections == "all":
        return REGISTERED
    known = [projection.name for projection in REGISTERED]
    problems = [
        Problem(f"/projections/{number}", f"no such projection{suggestion(name, known)}", "unknown")
        for number, name in enumerate(body.projections)
        if name not in known
    ]
    if not body.projections:
        problems = [Problem("/projections", f'must be "all" or some of: {", ".join(known)}')]
    if problems:
        raise Invalid(problems)
    return named(REGISTERED, tuple(dict.fromkeys(body.projections)))


async def _as_of(request: Request, connection: AsyncConnection[Any], text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return await position_as_of(request, connection, text)
    except ValueError as error:
        raise Invalid([Problem("/as_of", str(error))]) from None


PROJECTION_ROUTES = (list_projections, list_rebuilds, get_rebuild, post_rebuild)
