"""What every page goes through: who is signed in, the frame around it, and what is said when it can't be shown."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

import psycopg
from litestar import MediaType, Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.response import Redirect
from psycopg_pool import PoolTimeout

from application.bodies.path import id_of
from application.service.keys import Principal
from application.service.sessions import Sessions
from backoffice.frame.services import PageServices
from backoffice.frame.totals import Counting
from projections.listing.request import BadQuery, Listing, QueryFault, Selection

PageRequest = Request[Principal | None, None, State]
Render = Callable[[str, ZoneInfo, dict[str, Any]], str]
"""Makes a page of a template's name, the zone of its times, and what the template names."""

SIGN_IN = "/sign-in"
COOKIE = "laurel_session"
LONGEST_ADDRESS = 2_000
FORM = "application/x-www-form-urlencoded"
CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
}


class PageMissing(Exception):  # noqa: N818  an expected answer
    """What was asked for is not there."""


class BadForm(Exception):  # noqa: N818  an expected answer
    """A form that can't be read; the message says why."""


class Site:
    """The pages' surroundings in one process."""

    def __init__(self, services: PageServices, render: Render) -> None:
        self.services = services
        self._render = render
        self.sessions = Sessions(services.pool, services.settings.admin_key)
        self.counting = Counting()

    def page(self, request: PageRequest, template: str, *, status: int = 200, **values: Any) -> Response[str]:  # noqa: ANN401  what the template names
        frame = {
            "here": _here(request),
            "first_page": _first_page(request),
            "now": self.services.clock.now(),
            "principal": request.scope.get("user"),
            "sandbox": self.services.settings.sandbox,
        }
        text = self._render(template, self.services.settings.time_zone, frame | values)
        return Response(text, media_type=MediaType.HTML, status_code=status, headers=HEADERS)

    def admit_anyone(self, request: PageRequest) -> Response[Any] | None:
        """Before every page: what changes something comes from a page of ours."""
        if request.method in CHANGES and not _from_here(request):
            return self._failure(request, 403, "Not done", "This came from another site.")
        return None

    async def admit(self, request: PageRequest) -> Response[Any] | None:
        """Before every page but the one to sign in at: nobody sees one without a session."""
        if refusal := self.admit_anyone(request):
            return refusal
        token = request.cookies.get(COOKIE)
        principal = await self.sessions.principal(token) if token else None
        if principal is not None:
            request.scope["user"] = principal
            await self.services.clock.read()
            return None
        here = _here(request)
        to = SIGN_IN if here == "/" or len(here) > LONGEST_ADDRESS else f"{SIGN_IN}?{urlencode({'next': here})}"
        if request.headers.get("hx-request"):
            headers = {"HX-Redirect": to, "Cache-Control": "no-store"}
            return Response("", media_type=MediaType.TEXT, status_code=401, headers=headers)
        return Redirect(to, headers={"Cache-Control": "no-store"}, status_code=303)

    def failures(self) -> dict[int | type[Exception], Callable[[Request[Any, Any, Any], Any], Response[str]]]:
        """What is shown in place of a page."""
        return {
            PageMissing: lambda request, error: self._failure(request, 404, "Not found", str(error)),
            BadForm: lambda request, error: self._failure(request, 400, "That can't be read", str(error)),
            BadQuery: lambda request, error: self._failure(request, 400, "That can't be asked", str(error)),
            HTTPException: lambda request, error: self._failure(request, error.status_code, "Not shown", error.detail),
            psycopg.errors.UndefinedTable: lambda request, _: self._failure(
                request, 503, "One moment", "Laurel is starting. Please try again soon."
            ),
            psycopg.OperationalError: lambda request, _: self._no_database(request),
            PoolTimeout: lambda request, _: self._no_database(request),
        }

    def _no_database(self, request: Request[Any, Any, Any]) -> Response[str]:
        return self._failure(request, 503, "One moment", "The database can't be reached. Please try again soon.")

    def _failure(self, request: Request[Any, Any, Any], status: int, title: str, detail: str) -> Response[str]:
        return self.page(request, "failure.html", status=status, title=title, detail=detail)


async def form(request: PageRequest, most_fields: int) -> dict[str, str]:
    """The fields of a form, of each name the last. Raises BadForm."""
    if request.content_type[0] != FORM:
        raise BadForm(f"A form is sent as {FORM}.")
    try:
        pairs = parse_qsl(
            (await request.body()).decode("ascii"),
            keep_blank_values=True,
            max_num_fields=most_fields,
            errors="strict",
        )
    except ValueError:
        raise BadForm(f"A form may have at most {most_fields} fields, in UTF-8.") from None
    return dict(pairs)


def _from_here(request: PageRequest) -> bool:
    """Whether a page of ours sent it: browsers say where it comes from, in one of two headers."""
    if site := request.headers.get("sec-fetch-site"):
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    hosts = (request.headers.get("host"), request.headers.get("x-forwarded-host"))
    return origin is None or origin.partition("://")[2] in hosts


def asked(request: PageRequest, listing: Listing, **defaults: str) -> Selection:
    """What the page's address asks of a listing; what a form left empty is not asked."""
    return listing.read(defaults | given(request))


def following(request: PageRequest, cursor: str | None) -> str | None:
    """The address of a listing's next page."""
    return None if cursor is None else "?" + urlencode(given(request) | {"cursor": cursor})


def _path(request: PageRequest) -> str:
    """As it was sent: an id in it is escaped, and may hold what is no part of a path."""
    sent: bytes = request.scope["raw_path"]
    return sent.partition(b"?")[0].decode("latin-1")


def _here(request: PageRequest) -> str:
    query = request.scope["query_string"].decode("latin-1")
    return _path(request) + (f"?{query}" if query else "")


def _first_page(request: PageRequest) -> str:
    """The address of the first page of what is asked."""
    asked = {name: value for name, value in request.query_params.items() if name != "cursor"}
    return _path(request) + (f"?{urlencode(asked)}" if asked else "")


def given(request: PageRequest) -> dict[str, str]:
    """The address's parameters that are filled in."""
    filled = {name: value for name, value in request.query_params.items() if value}
    if faults := [QueryFault(name, "must not hold the character NUL") for name in filled if "\0" in filled[name]]:
        raise BadQuery(faults)
    return filled


def id_in_path(part: str) -> str:
    """An id of the caller's, from the part of the path it was written in."""
    found = id_of(part)
    if "\0" in found:
        raise PageMissing("No id holds the character NUL.")
    return found
