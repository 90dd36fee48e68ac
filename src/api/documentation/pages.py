"""The description of the API: OpenAPI, a page that shows it without any outside request, and the kinds of errors."""

from collections.abc import Sequence
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader
from litestar import MediaType, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from api.documentation.openapi import describe
from api.http.problem_types import PROBLEM_TYPES, TYPE_PREFIX
from api.http.problems import ProblemError

_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
}

_templates = Environment(
    loader=PackageLoader("api.documentation"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


def documentation_routes(handlers: Sequence[HTTPRouteHandler]) -> list[HTTPRouteHandler]:
    """The routes that describe `handlers`, which are those of `/v1`."""
    document = describe(handlers)
    encoded = msgspec.json.encode(document)
    page = _page("reference.html", document=document, groups=_groups(document))

    @get("/schema/openapi.json")
    async def openapi() -> Response[bytes]:
        """The OpenAPI document."""
        return Response(encoded, media_type="application/json")

    @get("/schema")
    async def reference() -> Response[str]:
        """The reference for people."""
        return Response(page, media_type=MediaType.HTML, headers=_PAGE_HEADERS)

    @get(TYPE_PREFIX + "{name:str}")
    async def problem_page(name: FromPath[str]) -> Response[str]:
        """What a kind of error means."""
        kind = PROBLEM_TYPES.get(name)
        if kind is None:
            raise ProblemError("not-found", "There is no such kind of error")
        return Response(_page("problem.html", kind=kind), media_type=MediaType.HTML, headers=_PAGE_HEADERS)

    return [openapi, reference, problem_page]


def _page(template: str, **values: Any) -> str:  # noqa: ANN401  what the template shows
    return _templates.get_template(template).render(values)


def _groups(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The operations by tag, each with its method and path."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for tag in operation["tags"]:
                groups.setdefault(tag, []).append({"method": method.upper(), "path": path, **operation})
    return dict(sorted(groups.items()))
