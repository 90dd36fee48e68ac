"""What is checked before a handler runs: the key, the role, the query's names, path ids, and for reads `after`."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast
from urllib.parse import parse_qsl, unquote_to_bytes

from litestar import Request as LitestarRequest
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.types import HTTPScope

from api.http.positions import read_position
from api.http.problems import FieldError, ProblemError, bad_parameter, bad_parameters
from api.http.request import Request
from api.http.routing import RouteTerms, terms_of
from application.bodies.exact import Identifier, convert
from application.bodies.path import id_of
from domain.values.problems import Invalid
from projections.listing.columns import suggestion

MOST_PARAMETERS = 50
LARGEST_NUMBER = 2**31 - 1


async def admit(request: LitestarRequest[Any, Any, Any]) -> None:
    """Run before every handler; raises the problem that the request is answered with."""
    terms = terms_of(request.route_handler)
    if terms is None:
        return
    ours = cast(Request, request)
    await _authenticate(ours, terms)
    accept = ours.header(b"accept")
    if accept is not None and not _admits(accept, terms.answers):
        raise ProblemError("not-acceptable", f"This path answers with {terms.answers}")
    if path_params := ours.scope["path_params"]:
        _check_path(ours, path_params)
    exchange = ours.exchange
    if query_string := ours.scope["query_string"]:
        exchange.query = _read_query(query_string, parameters_of(request.route_handler))
    if terms.reads:
        await exchange.services.clock.read()
        after, decided = exchange.query.get("after"), exchange.query.get("decided", "false")
        if decided not in ("true", "false"):
            raise bad_parameter("decided", "must be true or false")
        exchange.after = 0 if after is None else read_position(after)
        if decided == "true":
            exchange.after = await _decided(ours, exchange.after)
        if not terms.current:
            await reach(ours, exchange.after, terms)


async def _authenticate(request: Request, terms: RouteTerms) -> None:
    authorization = request.header(b"authorization")
    scheme, _, key = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise _unauthenticated("Send Authorization: Bearer KEY")
    principal = await request.services.keys.verify(key.strip())
    if principal is None:
        raise _unauthenticated("There is no such key, or it is revoked")
    request.exchange.principal = principal
    if principal.role not in terms.roles:
        allowed = ", ".join(sorted(terms.roles))
        raise ProblemError("forbidden", f"The role {principal.role} may not do this; it takes: {allowed}", code="role")


def _unauthenticated(detail: str) -> ProblemError:
    return ProblemError("unauthenticated", detail, headers={"WWW-Authenticate": "Bearer"})


@lru_cache(256)
def _admits(accept: str, answers: str) -> bool:
    """Whether an `Accept` header leaves room for `answers`; problems are answered whatever it says."""
    family = answers.partition("/")[0] + "/"
    for each in accept.lower().split(","):
        media_type, _, parameters = each.replace(" ", "").partition(";")
        weight = parameters.partition("q=")[2]
        wanted = media_type in ("*/*", family + "*", answers) or (
            answers == family + "*" and media_type.startswith(family)
        )
        if wanted and weight not in ("0", "0.0", "0.00", "0.000"):
            return True
    return not accept.strip()


def _check_path(request: Request, path_params: Mapping[str, Any]) -> None:
    for name, value in path_params.items():
        if isinstance(value, int):
            if not 0 <= value <= LARGEST_NUMBER:
                raise NotFoundException
        elif isinstance(value, str):
            if "\ufffd" in value and not _is_utf8(request.scope):
                raise bad_parameter(name, "must be UTF-8, escaped byte by byte")
            identifier = id_of(value)
            try:
                convert(Identifier, identifier)
            except Invalid as invalid:
                raise bad_parameter(name, invalid.problems[0].detail) from None
            if identifier != value:
                request.scope["path_params"] = {**request.scope["path_params"], name: identifier}


def _is_utf8(scope: HTTPScope) -> bool:
    """Whether the path is; otherwise what is not was replaced, and two ids could have become one."""
    try:
        unquote_to_bytes(cast(Any, scope)["raw_path"].partition(b"?")[0]).decode()
    except UnicodeDecodeError:
        return False
    return True


def parameters_of(handler: HTTPRouteHandler) -> frozenset[str]:
    """The query parameters that a route takes."""
    return cast(frozenset[str], handler.opt["query_parameters"])


def _read_query(query_string: bytes, known: frozenset[str]) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS
        )
    except ValueError:
        raise ProblemError("malformed", "The query string is not UTF-8, or has too many parameters") from None
    query = dict(pairs)
    errors = [
        FieldError(f"no such parameter{suggestion(name, sorted(known))}", "unknown_parameter", parameter=name)
        for name in query
        if name not in known
    ]
    errors += [FieldError("must not hold the character NUL", "nul", parameter=n) for n, v in pairs if "\x00" in v]
    if len(query) < len(pairs):
        names = [name for name, _ in pairs]
        errors += [FieldError("is there twice", "repeated", parameter=n) for n in query if names.count(n) > 1]
    if errors:
        raise bad_parameters(errors)
    return query


async def _decided(request: Request, position: int) -> int:
    """Waits until campaigns have decided everything up to a position; answers one that covers their decisions."""
    seconds = request.services.settings.read_wait_seconds
    covered = await request.services.awarding.covered(position, seconds)
    if covered is None:
        raise behind(f"waits for campaigns, which have not decided up to position {position} in {seconds:g} s")
    return covered


async def reach(request: Request, position: int, terms: RouteTerms) -> None:
    """Wait for what a route reads, as `wait_for` does, and have its answer state how far that is."""
    await wait_for(request, position, terms.projections)
    request.exchange.position = request.services.positions.reached(*terms.projections)


async def wait_for(request: Request, position: int, projections: tuple[str, ...]) -> None:
    """Wait until these projections have reached `position`; raises the problem that they have not in time."""
    services = request.services
    if position <= services.positions.reached(*projections):
        return
    if not await services.positions.wait_for(position, services.settings.read_wait_seconds, *projections):
        raise behind(f"has not reached position {position} in {services.settings.read_wait_seconds:g} s")


def behind(detail: str) -> ProblemError:
    """What is read is not where the caller wants it."""
    return ProblemError("unavailable", f"What is read {detail}", code="behind", headers={"Retry-After": "1"})
