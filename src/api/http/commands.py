"""What the routes of commands share: who decides and records, and how an answer is kept for a request that repeats."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import msgspec
from litestar import Response
from msgspec import Struct, structs
from psycopg_pool import AsyncConnectionPool

from api.http.request import Request
from api.http.services import Commands, PreviewRuns
from application.facts.commands import FactIntake
from application.facts.ingest import Rules
from application.log.batch import Commit
from application.log.mapper import Mapper
from application.log.working import Command, Working
from application.log.writer import Writer
from application.service.idempotency import Answers, KeptAnswer, RequestKey, once
from application.simulation.simulation import Simulator

A = TypeVar("A", bound=Struct)


def commands_over(
    writer: Writer,
    pool: AsyncConnectionPool,
    mapper: Mapper,
    rules: Rules,
    previews: PreviewRuns,
) -> Commands:
    answers, simulator = Answers(pool, mapper), Simulator(writer, pool, mapper)
    return Commands(writer, FactIntake(writer, answers, rules), answers, previews, simulator)


async def submit(request: Request, command: Command) -> Commit:
    """What the command answers, recorded in the name of the request's caller."""
    return await request.program.commands.writer.submit(request.judging(command), actor=request.principal.id)


async def answer(request: Request, decide: Callable[[Working], A]) -> A:
    """Answers what `decide` answers, its empty `position` filled in."""
    committed = await submit(request, decide)
    return structs.replace(committed.answer, position=request.committed(committed.position))  # type: ignore[no-any-return]


class _VersionedAnswer(Struct):
    version: int


async def answer_once(
    request: Request,
    decide: Callable[[Working], Struct],
    status: int = 200,
    *,
    versioned: bool = False,
) -> Response[Any]:
    """Answers what `decide` answers: carried out once, where the request has an idempotency key.

    With `versioned` the answer's `version` is its ETag too.
    """
    carried_out = await carry_out_once(request, decide, status)
    if versioned:
        request.versioned(msgspec.json.decode(carried_out.kept.body, type=_VersionedAnswer).version)
    return carried_out.response(request, carried_out.position)


class CarryingOut(NamedTuple):
    """What a request is answered, and the position of the last event that it led to."""

    kept: KeptAnswer
    position: int

    def response(self, request: Request, position: int) -> Response[Any]:
        """The answer, with the position that shows all of it."""
        return json_response(self.kept.at(request.committed(position)), self.kept.status)


async def carry_out_once(request: Request, decide: Callable[[Working], Struct], status: int = 200) -> CarryingOut:
    """Carries out `decide`: once, where the request has an idempotency key."""
    given = await request.idempotency_key()
    key = RequestKey(request.principal.id, given.key, given.digest) if given else None
    committed = await submit(request, once(key, status, decide))
    kept: KeptAnswer = committed.answer
    if kept.first is None:
        return CarryingOut(kept, committed.position)
    return CarryingOut(kept, await request.program.commands.answers.position(kept.first))


def json_response(body: bytes, status: int = 200) -> Response[Any]:
    return Response(body, status_code=status, media_type="application/json")
