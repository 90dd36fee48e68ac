"""What the service says about itself while it runs: one log line and one measurement a request, never a member's data.

Routes are named by their template, never by the path that was asked for, which holds ids.
"""

import logging
import sys
import traceback
from typing import Any, cast

import msgspec
import structlog
from litestar.types import HTTPScope
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from api.services import Exchange
from application.settings import LogFormat, LogLevel

UNMATCHED = "unmatched"
"""The route of requests that no route was found for."""

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_FRAMES = 12

log = structlog.get_logger("api")


class Metrics:
    """The registry that `/metrics` shows; others add theirs to `registry`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "laurel_http_request_seconds",
            "Time to answer, by route template",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._answers = Counter(
            "laurel_http_answers", "Answers, by route template", ("method", "route", "status"), registry=self.registry
        )
        self._open = Gauge("laurel_http_requests_open", "Requests being answered", registry=self.registry)
        self._times: dict[tuple[str, str], Histogram] = {}
        self._counts: dict[tuple[str, str, int], Counter] = {}

    def begun(self) -> None:
        self._open.inc()

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        self._open.dec()
        time = self._times.get((method, route))
        if time is None:
            time = self._times[method, route] = self._seconds.labels(method, route)
        time.observe(seconds)
        count = self._counts.get((method, route, status))
        if count is None:
            count = self._counts[method, route, status] = self._answers.labels(method, route, str(status))
        count.inc()


def configure_logs(log_format: LogFormat, level: LogLevel) -> None:
    """Write this process's log lines to standard error in one format, those of the libraries included."""
    severity = getattr(logging, level.value.upper())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _renderer(log_format),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(severity),
        logger_factory=_logger_factory(log_format),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        stream=sys.stderr, level=max(severity, logging.WARNING), format="%(levelname)s %(name)s %(message)s", force=True
    )


def _renderer(log_format: LogFormat) -> Any:  # noqa: ANN401  structlog's processors are of several shapes
    if log_format is LogFormat.CONSOLE:
        return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    return structlog.processors.JSONRenderer(serializer=_serialize)


def _serialize(event: Any, **_: Any) -> bytes:  # noqa: ANN401  structlog types it so
    return msgspec.json.encode(event, enc_hook=repr)


def _logger_factory(log_format: LogFormat) -> Any:  # noqa: ANN401  structlog's factories are of several shapes
    if log_format is LogFormat.CONSOLE:
        return structlog.PrintLoggerFactory(sys.stderr)
    return structlog.BytesLoggerFactory(sys.stderr.buffer)


def route_of(scope: HTTPScope) -> str:
    return cast(str, cast(Any, scope).get("path_template") or UNMATCHED)


def observe(metrics: Metrics, scope: HTTPScope, exchange: Exchange, seconds: float) -> None:
    route = route_of(scope)
    method = scope["method"]
    metrics.answered(method if route is not UNMATCHED else "", route, exchange.status, seconds)
    principal = exchange.principal
    log.info(
        "request",
        request=exchange.request_id,
        method=method,
        route=route,
        status=exchange.status,
        milliseconds=round(seconds * 1000, 2),
        principal=principal.name if principal else None,
    )


def observe_failure(scope: HTTPScope, exchange: Exchange, error: BaseException) -> None:
    """Log where an unexpected failure came from. Its message is left out: those of the database quote member ids."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    log.error(
        "failure",
        request=exchange.request_id,
        method=scope["method"],
        route=route_of(scope),
        error=type(error).__qualname__,
        sqlstate=getattr(error, "sqlstate", None),
        at=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    )
