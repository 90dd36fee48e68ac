"""How a route is declared: who may call it, what it reads or changes, and which errors it can answer.

    @read("/accounts/{code:str}", roles=READERS)
    async def get_account(request: Request, code: FromPath[str]) -> AccountAnswer:
        "One account."

    @read("/accounts", roles=READERS, listing=ACCOUNTS)
    async def list_accounts(request: Request) -> Page[AccountAnswer]:
        "Accounts."

    @command("PUT", "/accounts/{code:str}", roles=OPERATORS, problems=("stale", "version-required"))
    async def put_account(request: Request, code: FromPath[str], data: JSONBody[AccountBody]) -> AccountCommitted:
        "Make or change an account."

The frame has then checked the key, the role, the query's names and, for a read, waited for `after`.
"""

import inspect
from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Any, Generic, Literal, TypeVar, cast, get_args, get_origin

from litestar import Response
from litestar.handlers import HTTPRouteHandler
from litestar.params import BodyKwarg
from msgspec import Struct, structs

from application.service import keys
from application.service.keys import Role
from projections.listing.request import Listing

T = TypeVar("T")

EVERYONE = frozenset(Role)
READERS = keys.READERS
"""Everything that can be read."""
FACT_READERS = READERS | {Role.INTEGRATION}
"""Facts, members, the catalogue they refer to, and jobs."""
RECORDERS = frozenset({Role.ADMIN, Role.OPERATOR, Role.INTEGRATION})
"""Record facts, members, batches and imports."""
OPERATORS = frozenset({Role.ADMIN, Role.OPERATOR})
"""Change definitions and start jobs."""
AUDITORS = frozenset({Role.ADMIN, Role.AUDITOR})
"""Rebuild and audit."""

Method = Literal["POST", "PUT", "PATCH", "DELETE"]

READ_PROBLEMS = (
    "malformed",
    "too-slow",
    "url-too-long",
    "headers-too-large",
    "unauthenticated",
    "forbidden",
    "not-acceptable",
    "validation",
    "too-many-requests",
    "unavailable",
)
_COMMAND_PROBLEMS = (*READ_PROBLEMS, "too-large", "unsupported-media-type", "conflict")


class AnswerPage(Struct, Generic[T], frozen=True, gc=False):
    """A page of a list: `next` is the cursor of the one after it, null on the last."""

    data: list[T]
    next: str | None
    position: str


class BodyIntake(Struct, frozen=True):
    """What a body may be: its media types, and its bytes, by default at most the setting `body_limit`.

    With `imports` it is `import_limit`. One that is `judged` is handed on also where it is partly wrong, less what is
    wrong: its handler does nothing but by commands, and submits them as `Request.judging` has them.
    """

    media_types: tuple[str, ...]
    limit: int | None = None
    imports: bool = False
    judged: bool = False


JSON = BodyIntake(("application/json",))
JUDGED = BodyIntake(("application/json",), judged=True)


class RouteTerms(Struct, frozen=True):
    """What the frame knows about a route.

    `parameters` are query parameters beyond those of its signature and listing, with their JSON Schemas; `headers` the
    request headers it reads; `statuses` those of success, the usual one first; `answers` a range of media types;
    `projections` those it reads, where they are not all. One that is `current` reads none.
    """

    roles: frozenset[Role]
    reads: bool
    listing: Listing | None = None
    problems: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = {}
    statuses: tuple[int, ...] = (200,)
    takes: BodyIntake = JSON
    answers: str = "application/json"
    projections: tuple[str, ...] = ()
    current: bool = False


def read(
    path: str,
    *,
    roles: frozenset[Role],
    listing: Listing | None = None,
    problems: tuple[str, ...] = (),
    parameters: Mapping[str, Any] | None = None,
    answers: str = "application/json",
    projections: tuple[str, ...] = (),
    current: bool = False,
) -> HTTPRouteHandler:
    """A GET under `/v1` that takes `after` (and `decided`) and states the position it has reached.

    `answers` is the range of media types it answers with, such as `image/*`; its handler answers `Response[bytes]`.
    `projections` names those it reads, whose position counts; all, if it names none. One that is `current` shows what
    the last command that was answered left, in whichever process, and asks by `api.http.reads.current`.
    """
    missing = () if listing else ("not-found",)
    terms = RouteTerms(
        roles=roles,
        reads=True,
        listing=listing,
        problems=(*READ_PROBLEMS, *missing, *problems),
        parameters=parameters or {},
        answers=answers,
        projections=projections,
        current=current,
    )
    return HTTPRouteHandler(path, http_method="GET", opt={"terms": terms})


def command(
    method: Method,
    path: str,
    *,
    roles: frozenset[Role],
    statuses: tuple[int, ...] = (),
    problems: tuple[str, ...] = (),
    headers: tuple[str, ...] = (),
    parameters: Mapping[str, Any] | None = None,
    takes: BodyIntake = JSON,
) -> HTTPRouteHandler:
    """A change under `/v1`, answered with the first of `statuses` unless the handler says another of them.

    A handler reads JSON as its `data`, and anything else with `request.media_type()` and `request.pieces()`.
    `headers` names those it reads: `If-Match` where it changes a definition, `Idempotency-Key` for most POSTs.
    """
    statuses = statuses or ((201,) if method == "POST" else (200,))
    terms = RouteTerms(
        roles=roles,
        reads=False,
        problems=(*_COMMAND_PROBLEMS, "not-found", *problems),
        headers=headers,
        parameters=parameters or {},
        statuses=statuses,
        takes=takes,
    )
    return HTTPRouteHandler(path, http_method=method, status_code=statuses[0], opt={"terms": terms})


def terms_of(handler: HTTPRouteHandler) -> RouteTerms | None:
    return cast(RouteTerms | None, handler.opt.get("terms"))


def body_of(handler: HTTPRouteHandler) -> Any:  # noqa: ANN401  any type at all
    """The type that a handler's body is read as; None when it takes no JSON."""
    parameter = inspect.signature(handler.fn, eval_str=True).parameters.get("data")
    if parameter is None:
        return None
    kind, *marks = get_args(parameter.annotation)
    return kind if any(isinstance(mark, BodyKwarg) for mark in marks) else None


def answers_of(handler: HTTPRouteHandler) -> tuple[Any, ...]:
    """The types that a handler answers; structs of a union need no tags, as nobody here decodes them."""
    annotation = inspect.signature(handler.fn, eval_str=True).return_annotation
    if get_origin(annotation) is Response:
        annotation = get_args(annotation)[0]
    if annotation in (None, type(None), bytes) or annotation is inspect.Signature.empty:
        return ()
    return get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)


def computed_fields(handler: HTTPRouteHandler, others: Iterable[HTTPRouteHandler]) -> frozenset[str]:
    """What a GET of a definition answers beside what a PUT of it takes: a client may send it back as it is.

    `others` are the handlers of the same path. A definition is what is changed by `If-Match`.
    """
    terms, body = terms_of(handler), body_of(handler)
    if terms is None or body is None or "If-Match" not in terms.headers:
        return frozenset()
    reads = [other for other in others if (known := terms_of(other)) and known.reads]
    shown = {field.encode_name for read in reads for kind in answers_of(read) for field in structs.fields(kind)}
    return frozenset(shown - {field.encode_name for field in structs.fields(body)})
