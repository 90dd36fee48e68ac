"""Imports: files of NDJSON or CSV, taken in whole and worked through by a job."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Response
from litestar.params import FromPath, Parameter
from msgspec import Struct

from api.http.problems import ProblemError
from api.http.reads import asking, there
from api.http.request import Request
from api.http.routing import FACT_READERS, OPERATORS, RECORDERS, BodyIntake, command, read
from application.imports.importing import Contents
from application.imports.job import request_import
from application.imports.kinds import ImportKind
from application.imports.rows import Format
from application.streams import REQUEST
from projections.service import jobs

FORMATS = {"application/x-ndjson": Format.NDJSON, "text/csv": Format.CSV}


class ImportAnswer(Struct, frozen=True):
    """An import that has been taken in: `/jobs/{id}` shows how it goes, `/imports/{id}/errors` what was refused."""

    position: str
    id: UUID
    status: str


@command(
    "POST",
    "/imports",
    roles=RECORDERS,
    statuses=(202,),
    takes=BodyIntake(tuple(FORMATS), imports=True),
    headers=("Idempotency-Key",),
)
async def post_import(
    request: Request,
    kind: Annotated[ImportKind, Parameter(description="what the rows are")] = ImportKind.FACTS,
    list: Annotated[str | None, Parameter(description="the list that list members join", max_length=100)] = None,  # noqa: A002  the parameter's name
) -> ImportAnswer:
    """Take a file in and import it: NDJSON (`application/x-ndjson`) or CSV (`text/csv`).

    The same `Idempotency-Key` is answered with the import there is. Progress is for those who may change it by hand.
    """
    if kind is ImportKind.PROGRESS and request.principal.role not in OPERATORS:
        allowed = ", ".join(sorted(OPERATORS))
        raise ProblemError("forbidden", f"Progress is imported by the roles {allowed}", code="role")
    contents = Contents(kind, FORMATS[request.media_type()], list)
    imports = request.program.imports
    key = request.idempotency_header()
    job = await request_import(
        imports.jobs,
        imports.storage,
        request.pieces(),
        contents,
        request.principal.id,
        request.services.settings.import_limit,
        REQUEST.at("import", request.principal.id, key).id if key else None,
    )
    return ImportAnswer(request.committed(request.services.positions.reached()), job, "queued")


@read("/imports/{job:uuid}/errors", roles=FACT_READERS, answers="application/x-ndjson")
async def get_import_errors(request: Request, job: FromPath[UUID]) -> Response[bytes]:
    """The rows that were refused: one JSON object a line, with the row's number, what was wrong, and the row."""
    async with asking(request) as connection:
        there(await jobs.job(connection, job), f"import {job}")
    content = b"".join([piece async for piece in request.program.imports.storage.faults(job)])
    return Response(content, media_type="application/x-ndjson")


IMPORT_ROUTES: tuple[Any, ...] = (post_import, get_import_errors)
