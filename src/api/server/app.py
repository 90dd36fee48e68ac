"""The application: routes over injected services, with what every request goes through."""

import inspect
from collections.abc import Sequence
from time import perf_counter
from typing import Any, cast

from litestar import Litestar, Response, Router
from litestar import Request as LitestarRequest
from litestar.handlers import HTTPRouteHandler
from litestar.types import ControllerRouterHandler, Message, Send
from uuid_utils import uuid7

from api.documentation.pages import documentation_routes
from api.http.admission import admit
from api.http.compression import Compression, is_long_text
from api.http.metrics import Metrics, observe, observe_failure
from api.http.positions import write_position
from api.http.problems import ProblemDetails, ProblemError, allowed, problem_of, problem_response
from api.http.request import Request
from api.http.routing import RouteTerms, computed_fields, terms_of
from api.http.services import Exchange, Services
from api.routes.service.clock import CLOCK_ROUTES
from api.routes.service.health import health_routes
from application.bodies.path import routed

Routes = Sequence[HTTPRouteHandler]


class Laurel(Litestar):
    """Litestar with one exchange a request, which every answer is observed and given its headers from.

    It stands around the router, so that requests no route is found for are seen too.
    """

    services: Services
    metrics: Metrics
    methods: dict[str, set[str]]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401  Litestar's own is narrower
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        method = scope["method"]
        if method == "HEAD":
            # The server goes by its own scope, and knows that no body follows.
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        exchange = scope["exchange"] = Exchange(self.services, str(uuid7()))
        if b"%2" in scope.get("raw_path", b""):
            scope["path"] = routed(scope["raw_path"])
        sent: Send = send

        async def answer(message: Message) -> None:
            nonlocal sent
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                _add_headers(message, exchange)
                if method == "OPTIONS":
                    self._state_methods(scope, message)
                if is_long_text(message):
                    sent = Compression(scope, send).send
            await sent(message)

        began = perf_counter()
        self.metrics.open_requests += 1
        try:
            await super().__call__(scope, receive, answer)
        finally:
            self.metrics.open_requests -= 1
            observe(self.metrics, scope, method, exchange, perf_counter() - began)

    def _state_methods(self, scope: Any, message: Any) -> None:  # noqa: ANN401  typed dicts of Litestar's
        """Litestar's own answer names the methods of the handler of a path that was registered first, and no other."""
        methods = self.methods.get(scope.get("path_template", ""))
        if methods:
            kept = [(name, value) for name, value in message["headers"] if name != b"allow"]
            message["headers"] = [*kept, (b"allow", allowed(methods).encode())]


def _without_body(send: Send) -> Send:
    """What answers a GET answers a HEAD too, with its headers alone."""
    ended = False

    async def head(message: Message) -> None:
        nonlocal ended
        if message["type"] == "http.response.start":
            await send(message)
        elif not ended:
            ended = True
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return head


def create_app(
    services: Services,
    routes: Routes = (),
    pages: Sequence[ControllerRouterHandler] = (),
    metrics: Metrics | None = None,
) -> Laurel:
    """The application with the `/v1` routes and the pages given, beside what is the frame's own.

    That is the clock, health, metrics and documentation.
    """
    metrics = metrics or Metrics()
    declared = [*CLOCK_ROUTES, *routes]
    app = Laurel(
        route_handlers=[
            Router("/v1", route_handlers=declared),
            *health_routes(services, metrics),
            *documentation_routes(declared),
            *pages,
        ],
        request_class=Request,
        before_request=admit,
        exception_handlers={Exception: _answer_error},
        request_max_body_size=None,
        openapi_config=None,
        logging_config=None,
    )
    for collector in services.collectors:
        metrics.registry.register(collector)
    app.services = services
    app.metrics = metrics
    app.methods = {route.path_format: set(getattr(route, "methods", ())) for route in app.routes}
    _settle_terms(app)
    return app


def _settle_terms(app: Litestar) -> None:
    """Refuse a route of `/v1` that says not who may call it; note what each takes in its query, and ignores in its
    body.
    """
    for route in app.routes:
        handlers: Sequence[HTTPRouteHandler] = getattr(route, "route_handlers", ())
        for handler in handlers:
            if not route.path.startswith("/v1") or handler.http_methods == {"OPTIONS"}:
                continue
            terms = terms_of(handler)
            if terms is None:
                raise TypeError(f"{handler} is declared without `read` or `command`")
            handler.opt["query_parameters"] = _query_parameters(handler, terms, route.path)
            handler.opt["computed"] = computed_fields(handler, handlers)


def _query_parameters(handler: HTTPRouteHandler, terms: RouteTerms, path: str) -> frozenset[str]:
    names = set(terms.parameters) | ({"after", "decided"} if terms.reads else set())
    if terms.listing:
        names |= set(terms.listing.parameters())
    signature = inspect.signature(cast(Any, handler.fn))
    in_path = {part.strip("{}").partition(":")[0] for part in path.split("/") if part.startswith("{")}
    return frozenset(names | (set(signature.parameters) - in_path - {"request", "data"}))


def _add_headers(message: Any, exchange: Exchange) -> None:  # noqa: ANN401  a typed dict of Litestar's
    headers = message["headers"]
    headers += ((b"x-request-id", exchange.request_id.encode()), (b"x-content-type-options", b"nosniff"))
    if exchange.position and exchange.status < 400:
        headers.append((b"laurel-position", write_position(exchange.position).encode()))
    headers.extend(exchange.headers)


def _answer_error(request: LitestarRequest[Any, Any, Any], error: Exception) -> Response[ProblemDetails]:
    signature = getattr(request.scope.get("route_handler"), "parsed_fn_signature", None)
    types = {name: field.annotation for name, field in signature.parameters.items()} if signature else {}
    remainder = cast(Request, request).exchange.remainder
    problem = problem_of(remainder.refusal(error) if remainder else error, types)
    if problem is None:
        exchange = cast(Request, request).exchange
        exchange.headers.clear()
        observe_failure(request.scope, exchange, error)
        detail = "This was not expected. The service's log says more under the request's id."
        problem = ProblemError("internal", detail, instance=f"urn:uuid:{exchange.request_id}")
    return problem_response(problem)
