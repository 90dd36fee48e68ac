"""The OpenAPI 3.1 description, made from what decides at run time: the routes' terms, signatures and msgspec types.

`python -m api.documentation.openapi` prints that of the program; `docs/openapi.json` is a copy.
"""

import inspect
import json
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter, QueryParameter

from api.http.problem_types import PROBLEM_TYPES
from api.http.problems import MEDIA_TYPE, ProblemDetails
from api.http.routing import JSON, RouteTerms, answers_of, body_of, computed_fields, terms_of
from application.bodies.exact import Identifier, schema_of
from domain.values.amounts import NUMBER
from projections.listing.columns import Column, ColumnKind
from projections.listing.request import LARGEST_LIMIT, LONGEST_SEARCH, MOST_VALUES, Listing

T = TypeVar("T")
Json = dict[str, Any]

PREFIX = "/v1"
_NO_NUL = r"^[^\x00]*$"
_PATH_SCHEMAS: dict[str, Json] = {
    "str": msgspec.json.schema(Identifier),
    "uuid": {"type": "string", "format": "uuid"},
    "int": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
}
_KIND_SCHEMAS: dict[ColumnKind, Json] = {
    **{kind: {"type": "string", "maxLength": 1000, "pattern": _NO_NUL} for kind in (ColumnKind.TEXT, ColumnKind.TEXTS)},
    ColumnKind.NUMBER: {"type": "string", "pattern": f"^{NUMBER.pattern}$"},
    ColumnKind.INTEGER: {"type": "integer"},
    ColumnKind.INSTANT: {"type": "string", "format": "date-time"},
    ColumnKind.BOOLEAN: {"type": "boolean"},
    ColumnKind.UUID: {"type": "string", "format": "uuid"},
}
_OPERATOR_WORDS = {
    "": "equal to",
    "ne": "other than",
    "gt": "greater than",
    "gte": "at least",
    "lt": "less than",
    "lte": "at most",
    "in": f"one of several, separated by commas (at most {MOST_VALUES})",
}
_ECHOES = ("ProblemDetails", "FieldError")
"""They may quote what was sent, whatever it was."""
_HEADERS: dict[str, Json] = {
    "If-Match": {
        "description": 'The ETag that was read, such as `"3"`.',
        "schema": {"type": "string", "pattern": r'^(\*|"[0-9]{1,9}"(, "[0-9]{1,9}"){0,19})$'},
    },
    "If-None-Match": {"description": "`*`: only if there is none yet.", "schema": {"type": "string", "enum": ["*"]}},
    "Prefer": {
        "description": "`wait=N`: answer also what campaigns decided (`awards`); wait N seconds for it, at most 10.",
        "schema": {"type": "string", "pattern": "^wait=[0-9]{1,2}$"},
    },
    "Idempotency-Key": {
        "description": "A repeat with the same key and body is answered the same and not carried out again.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
    },
}
_POSITION: Json = {
    "description": "A place in the event log, opaque; send it as `after` to read what was written.",
    "schema": {"type": "string"},
}
_AFTER: Json = {
    "name": "after",
    "in": "query",
    "description": "Wait until what is read has reached this position (bounded, else 503).",
    "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
}
_DECIDED: Json = {
    "name": "decided",
    "in": "query",
    "description": "With `after`: wait also until campaigns have decided everything up to that position.",
    "schema": {"type": "boolean", "default": False},
}


class Inexact(TypeError):  # noqa: N818  a mistake in a declaration, seen at start
    """A route takes in or answers a plain `Decimal`, which has values and notations that are not for JSON."""


def describe(handlers: Sequence[HTTPRouteHandler]) -> Json:
    """The document for these routes of `/v1`."""
    schemas, components = _schemas(handlers)
    problems: dict[str, Json] = {}
    there = {path: [handler for handler in handlers if path in handler.paths] for path in _paths_of(handlers)}
    paths: dict[str, Json] = {}
    for handler in handlers:
        for path in sorted(handler.paths):
            operations = paths.setdefault(PREFIX + _plain_path(path), {})
            for method in sorted(handler.http_methods):
                operation = operations[method.lower()] = _operation(handler, path, schemas, problems)
                if computed := computed_fields(handler, there[path]):
                    _take_back(operation["requestBody"], computed, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Laurel",
            "version": version("laurel"),
            "description": "A loyalty decision engine. Decimals are strings, instants RFC 3339, errors RFC 9457."
            " `HEAD` works wherever `GET` does.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": dict(sorted(paths.items())),
        "security": [{"key": []}],
        "components": {
            "schemas": components,
            "responses": dict(sorted(problems.items())),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key."}},
        },
    }


def _schemas(handlers: Sequence[HTTPRouteHandler]) -> tuple[dict[Any, Json], dict[str, Json]]:
    kinds = [kind for handler in handlers for kind in (body_of(handler), *answers_of(handler)) if kind]
    kinds = list(dict.fromkeys([*kinds, ProblemDetails]))
    found, components = msgspec.json.schema_components(
        kinds, schema_hook=schema_of, ref_template="#/components/schemas/{name}"
    )
    for name, schema in [*zip(map(str, kinds), found, strict=True), *components.items()]:
        if '"format": "decimal"' in json.dumps(schema):
            raise Inexact(
                f"{name} has a plain Decimal: take in `Amount`, answer the text of `domain.values.amounts.written`"
            )
    for name, component in components.items():
        if name not in _ECHOES:
            _say_what_text_is(component)
    return dict(zip(kinds, found, strict=True)), components


def _say_what_text_is(node: Any) -> None:  # noqa: ANN401  JSON
    """No text that is taken in holds NUL, which Postgres can't store; `application.bodies.exact.decode` sees to it."""
    if isinstance(node, dict):
        if node.get("type") == "string" and not node.keys() & {"pattern", "format", "enum", "const"}:
            node["pattern"] = _NO_NUL
        if isinstance(node.get("additionalProperties"), dict):
            node.setdefault("propertyNames", {"pattern": _NO_NUL})
        for value in list(node.values()):
            _say_what_text_is(value)
    elif isinstance(node, list):
        for value in node:
            _say_what_text_is(value)


def _operation(handler: HTTPRouteHandler, path: str, schemas: dict[Any, Json], problems: dict[str, Json]) -> Json:
    terms = terms_of(handler) or RouteTerms(frozenset(), reads=True)
    summary = (inspect.getdoc(handler.fn) or handler.handler_name).strip()
    operation: Json = {
        "operationId": handler.handler_name,
        "tags": [_tag(handler.fn.__module__)],
        "summary": summary.partition("\n")[0],
        "description": f"{summary}\n\nRoles: {', '.join(sorted(terms.roles))}.",
        "parameters": _parameters(handler, terms, path),
        "responses": _responses(handler, terms, schemas, problems),
    }
    body = body_of(handler)
    if body is not None:
        operation["requestBody"] = {
            "required": inspect.signature(handler.fn).parameters["data"].default is inspect.Parameter.empty,
            "content": {"application/json": {"schema": schemas[body]}},
        }
    elif terms.takes is not JSON:
        operation["requestBody"] = {"required": True, "content": {kind: {} for kind in terms.takes.media_types}}
    return operation


def _paths_of(handlers: Sequence[HTTPRouteHandler]) -> set[str]:
    return {path for handler in handlers for path in handler.paths}


def _take_back(request_body: Json, computed: frozenset[str], components: dict[str, Json]) -> None:
    """A body may be what a GET answered: what is computed in it is ignored."""
    named = request_body["content"]["application/json"]
    schema = components[named["schema"]["$ref"].rpartition("/")[2]]
    ignored = {name: {"readOnly": True, "description": "Ignored: it is computed."} for name in sorted(computed)}
    named["schema"] = schema | {"properties": schema["properties"] | ignored}


def _tag(module: str) -> str:
    """The noun that a route is about: its room or, of the service's own, its module."""
    room, *modules = module.split(".")[2:]
    if room == "service":
        return modules[-1]
    return "tiered-campaigns" if room == "tiered" else room


def _parameters(handler: HTTPRouteHandler, terms: RouteTerms, path: str) -> list[Json]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": _PATH_SCHEMAS[kind or "str"]}
        for name, kind in _path_parts(path)
    ]
    in_query = [{"name": name, "in": "query", "schema": schema} for name, schema in terms.parameters.items()]
    in_query += _signature_parameters(handler)
    if terms.listing is not None:
        in_query += _listing_parameters(terms.listing)
    if terms.reads:
        in_query += (_AFTER, _DECIDED)
    in_header = [{"name": name, "in": "header", **_HEADERS[name]} for name in terms.headers]
    return [*in_path, *in_query, *in_header]


def _signature_parameters(handler: HTTPRouteHandler) -> list[Json]:
    found = []
    for name, parameter in inspect.signature(handler.fn, eval_str=True).parameters.items():
        marks = get_args(parameter.annotation)[1:] if get_origin(parameter.annotation) is Annotated else ()
        if any(isinstance(mark, QueryParameter) and not isinstance(mark, PathParameter) for mark in marks):
            schema = msgspec.json.schema(get_args(parameter.annotation)[0], schema_hook=schema_of)
            required = parameter.default is inspect.Parameter.empty
            found.append({"name": name, "in": "query", "required": required, "schema": schema})
    return found


def _listing_parameters(listing: Listing) -> list[Json]:
    found: list[Json] = [
        {
            "name": "limit",
            "in": "query",
            "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": 50},
        },
        {
            "name": "cursor",
            "in": "query",
            "description": "The `next` of the page before.",
            "schema": {"type": "string"},
        },
        {"name": "sort", "in": "query", "schema": {"type": "string", "enum": listing.sorts(), "default": listing.sort}},
    ]
    if listing.search:
        schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_SEARCH, "pattern": _NO_NUL}
        found.append({"name": "q", "in": "query", "description": "Text to look for.", "schema": schema})
    for column in listing.columns:
        for name, operator in column.parameters().items():
            description = f"`{column.name}` {_OPERATOR_WORDS[operator]}"
            found.append({"name": name, "in": "query", "description": description, **_form(column, operator)})
    return found


def _form(column: Column, operator: str) -> Json:
    schema: Json = {"type": "string", "enum": list(column.values)} if column.values else _KIND_SCHEMAS[column.kind]
    if operator != "in":
        return {"schema": schema}
    if column.kind in (ColumnKind.TEXT, ColumnKind.TEXTS) and not column.values:
        schema = schema | {"pattern": r"^[^,\x00]+$"}
    array = {"type": "array", "items": schema, "minItems": 1, "maxItems": MOST_VALUES}
    return {"style": "form", "explode": False, "schema": array}


def _responses(
    handler: HTTPRouteHandler, terms: RouteTerms, schemas: dict[Any, Json], problems: dict[str, Json]
) -> Json:
    """What is wrong is described once for all routes, in `problems`."""
    answers = [schemas[kind] for kind in answers_of(handler)]
    success: Json = {"description": "Done.", "headers": {"Laurel-Position": _POSITION}}
    if answers:
        schema = answers[0] if len(answers) == 1 else {"anyOf": answers}
        success["content"] = {"application/json": {"schema": schema}}
    elif terms.answers != "application/json":
        success["content"] = {terms.answers: {}}
    responses: Json = {str(status): success for status in terms.statuses}
    for status in sorted({PROBLEM_TYPES[name].status for name in terms.problems}):
        names = [name for name in sorted(set(terms.problems)) if PROBLEM_TYPES[name].status == status]
        kinds = [PROBLEM_TYPES[name] for name in names]
        problems["-or-".join(names)] = {
            "description": " ".join(f"{kind.title} (`{kind.uri}`)." for kind in kinds),
            "content": {MEDIA_TYPE: {"schema": schemas[ProblemDetails]}},
        }
        responses[str(status)] = {"$ref": f"#/components/responses/{'-or-'.join(names)}"}
    return responses


def _plain_path(path: str) -> str:
    return "/".join(part.partition(":")[0] + "}" if part.startswith("{") else part for part in path.split("/"))


def _path_parts(path: str) -> list[tuple[str, str]]:
    parts = [part.strip("{}").partition(":") for part in path.split("/") if part.startswith("{")]
    return [(name, kind) for name, _, kind in parts]


if __name__ == "__main__":
    from api.routes import ROUTES
    from api.routes.service.clock import CLOCK_ROUTES

    json.dump(describe([*CLOCK_ROUTES, *ROUTES]), sys.stdout, indent=1, ensure_ascii=False)
    sys.stdout.write("\n")
