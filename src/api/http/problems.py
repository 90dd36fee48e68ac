"""Errors as RFC 9457 problem details: one body, one place that maps exceptions to them.

Not JSON at all is 400; JSON that says something that can't be taken is 422, with a pointer for every bad field.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from litestar import Response
from litestar.exceptions import (
    ClientException,
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from msgspec import UNSET, Struct, UnsetType
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from api.http.problem_types import PROBLEM_TYPES
from application.bodies.exact import Malformed, allowed_values
from application.bodies.wording import in_words
from application.log import errors as log_errors
from application.service.keys import TooManyVerificationsError
from application.service.refusals import Busy, Conflict, Forbidden, Refusal, Stale, Unknown, VersionRequired
from domain.values.problems import Invalid, Problem
from projections.listing.request import BadQuery

MEDIA_TYPE = "application/problem+json"


class FieldError(Struct, frozen=True, gc=False, omit_defaults=True):
    """One fault: in the body at `pointer`, or in the header, path or query parameter called `parameter`."""

    detail: str
    code: str
    pointer: str | UnsetType = UNSET
    parameter: str | UnsetType = UNSET


class ProblemDetails(Struct, frozen=True, gc=False, omit_defaults=True):
    """What every error answers (RFC 9457); `code` is there where one type has several reasons."""

    type: str
    title: str
    status: int
    detail: str
    code: str | UnsetType = UNSET
    instance: str | UnsetType = UNSET
    errors: list[FieldError] | UnsetType = UNSET


class ProblemError(Exception):
    """Answered as the problem it names; for what only the HTTP edge can know."""

    def __init__(
        self,
        name: str,
        detail: str,
        *,
        code: str | None = None,
        errors: list[FieldError] | None = None,
        headers: dict[str, str] | None = None,
        instance: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.type = PROBLEM_TYPES[name]
        self.detail = detail
        self.code = code
        self.errors = errors
        self.headers = headers or {}
        self.instance = instance

    def details(self) -> ProblemDetails:
        return ProblemDetails(
            type=self.type.uri,
            title=self.type.title,
            status=self.type.status,
            detail=self.detail,
            code=self.code or UNSET,
            instance=self.instance or UNSET,
            errors=self.errors or UNSET,
        )


def bad_parameter(name: str, detail: str, code: str = "invalid") -> ProblemError:
    """A fault in one header, path or query parameter."""
    return bad_parameters([FieldError(detail, code, parameter=name)])


def bad_parameters(errors: list[FieldError]) -> ProblemError:
    return ProblemError("validation", _summary(errors), errors=errors)


def _invalid(problems: list[Problem]) -> ProblemError:
    errors = [FieldError(problem.detail, problem.code, pointer=problem.pointer) for problem in problems]
    return ProblemError("validation", _summary(errors), errors=errors)


def _summary(errors: list[FieldError]) -> str:
    first = errors[0]
    place = first.parameter or first.pointer or "the body"
    others = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{place}: {first.detail}{others}"


def _malformed(error: Malformed) -> ProblemError:
    where = f" (line {error.line}, column {error.column})" if error.line else ""
    return ProblemError("malformed", f"The body is not JSON: {error.detail}{where}")


_REFUSALS: dict[type[Refusal], str] = {
    Conflict: "conflict",
    Unknown: "not-found",
    VersionRequired: "version-required",
    Stale: "stale",
    Forbidden: "forbidden",
    Busy: "unavailable",
}


def _refused(error: Refusal) -> ProblemError:
    name = next((name for kind, name in _REFUSALS.items() if isinstance(error, kind)), "conflict")
    headers = {"Retry-After": str(error.retry_after_seconds)} if isinstance(error, Busy) else None
    return ProblemError(name, error.detail, code=error.code, headers=headers)


_AWAY = (
    log_errors.Overloaded,
    log_errors.Contended,
    log_errors.Unavailable,
    log_errors.Stopped,
    OperationalError,
    PoolTimeout,
)


def problem_of(  # noqa: PLR0911  a case, an answer
    error: Exception, parameters: Mapping[str, Any] | None = None
) -> ProblemError | None:
    """The problem that `error` is answered as; None when it is no answer but a failure of ours.

    `parameters` are the types of those that the route takes, by name.
    """
    match error:
        case ProblemError():
            return error
        case Invalid():
            return _invalid(error.problems)
        case Malformed():
            return _malformed(error)
        case BadQuery():
            return bad_parameters([FieldError(f.detail, "invalid", parameter=f.parameter) for f in error.faults])
        case Refusal():
            return _refused(error)
        case log_errors.TooLarge():
            return ProblemError("validation", str(error), code="too_large")
        case TooManyVerificationsError():
            return ProblemError("too-many-requests", "Too many unknown keys", headers={"Retry-After": "1"})
        case HTTPException():
            return _of_litestar(error, parameters or {})
        case _ if isinstance(error, _AWAY):
            detail = "The database or its queue is not available for the moment"
            return ProblemError("unavailable", detail, headers={"Retry-After": "1"})
        case _:
            return None


def _of_litestar(error: HTTPException, parameters: Mapping[str, Any]) -> ProblemError | None:
    match error:
        case NotFoundException():
            return ProblemError("not-found", "There is nothing at this path")
        case MethodNotAllowedException():
            methods = allowed((error.headers or {}).get("allow", "").split(", "))
            headers = {"Allow": methods}
            return ProblemError("method-not-allowed", f"This path takes: {methods or 'none'}", headers=headers)
        case ValidationException() if _lacks_body(error.extra):
            return ProblemError("malformed", "The body is empty; it must be JSON")
        case ValidationException():
            return bad_parameters(_of_parameters(error.extra, parameters))
        case ClientException():
            return ProblemError("malformed", error.detail)
        case _:
            return None


def allowed(methods: Iterable[str]) -> str:
    """The methods of a path as `Allow` names them: what takes a GET takes a HEAD."""
    named = set(methods)
    return ", ".join(sorted(named | {"HEAD"} if "GET" in named else named))


def _lacks_body(extra: Any) -> bool:  # noqa: ANN401  Litestar types it so
    return isinstance(extra, list) and any("data" in str(message.get("message")) for message in extra)


def _of_parameters(extra: Any, parameters: Mapping[str, Any]) -> list[FieldError]:  # noqa: ANN401  Litestar types it so
    errors = []
    for message in extra if isinstance(extra, list) else []:
        name = str(message.get("key", "request"))
        allowed = allowed_values(parameters.get(name, Any))
        errors.append(FieldError(in_words(str(message.get("message")), allowed), "invalid", parameter=name))
    return errors or [FieldError("can't be read", "invalid", parameter="request")]


def problem_response(problem: ProblemError) -> Response[ProblemDetails]:
    return Response(problem.details(), status_code=problem.type.status, media_type=MEDIA_TYPE, headers=problem.headers)
