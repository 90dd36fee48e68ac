"""What the routes of commands share: who decides and records, and how an answer is kept for a request that repeats."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from litestar import Response
from msgspec import Struct, structs
from psycopg_pool import AsyncConnectionPool

from api.request import Request
from api.services import Commands, PreviewRuns
from application.facts import Facts
from application.ingest import Rules
from application.log.batch import Committed
from application.log.mapper import Mapper
from application.log.working import Command, Working
from application.log.writer import Writer
from application.reads import Awarding
from application.requests import Answers, Kept, RequestKey, once
from application.simulation import Simulator

A = TypeVar("A", bound=Struct)


def commands_over(
    writer: Writer,
    pool: AsyncConnectionPool,
    mapper: Mapper,
    rules: Rules,
    previews: PreviewRuns,
    awarding: Awarding,
) -> Commands:
    answers, simulator = Answers(pool, mapper), Simulator(writer, pool, mapper)
    return Commands(writer, Facts(writer, answers, rules), answers, previews, simulator, awarding)


async def submit(request: Request, command: Command) -> Committed:
    """What the command answers, recorded in the name of the request's caller."""
    return await request.program.commands.writer.submit(command, actor=request.principal.id)


async def answer(request: Request, decide: Callable[[Working], A]) -> A:
    """Answers what `decide` answers, its empty `position` filled in."""
    committed = await submit(request, decide)
    return structs.replace(committed.answer, position=request.committed(committed.position))  # type: ignore[no-any-return]


class _Versioned(Struct):
    version: int


async def answer_once(
    request: Request, decide: Callable[[Working], Struct], status: int = 200, *, versioned: bool = False
) -> Response[Any]:
    """Answers what `decide` answers: carried out once, where the request has an idempotency key.

    With `versioned` the answer's `version` is its ETag too.
    """
    given = await request.idempotency_key()
    key = RequestKey(request.principal.id, given.key, given.digest) if given else None
    committed = await submit(request, once(key, status, decide))
    kept: Kept = committed.answer
    position = committed.position
    if kept.first is not None:
        position = await request.program.commands.answers.position(kept.first)
    if versioned:
        request.versioned(msgspec.json.decode(kept.body, type=_Versioned).version)
    return json_response(kept.at(request.committed(position)), kept.status)


def json_response(body: bytes, status: int = 200) -> Response[Any]:
    return Response(body, status_code=status, media_type="application/json")
