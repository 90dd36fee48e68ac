"""What the service says about itself while it runs: one log line and one measurement a request, never a member's data.

Routes are named by their template, never by the path that was asked for, which holds ids.
"""

import logging
import sys
import traceback
from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, cast

import msgspec
import structlog
from litestar.types import HTTPScope
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from structlog.typing import EventDict

from api.http.services import Exchange
from application.service.settings import LogFormat, LogLevel

UNMATCHED = "unmatched"
"""The route of requests that no route was found for."""

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_FRAMES = 12

log = structlog.get_logger("api")


class _Series:
    """How often a route answered with a status, and how long it took: counts by bucket, the last one unbounded."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(_BUCKETS) + 1)
        self.seconds = 0.0


class Metrics(Collector):
    """The registry that `/metrics` shows, with what was answered; others add theirs to `registry`.

    The library's own histogram costs more than the rest of our frame, so answers are counted here and handed over when
    they are asked for. All of it happens on the event loop.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.open_requests = 0
        self.open_connections = 0
        self._answers: dict[tuple[str, str, int], _Series] = {}
        self.registry.register(self)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        series = self._answers.get((method, route, status))
        if series is None:
            series = self._answers[method, route, status] = _Series()
        series.counts[bisect_left(_BUCKETS, seconds)] += 1
        series.seconds += seconds

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(
            "laurel_http_request_seconds",
            "Time to answer, by route template and status",
            labels=("method", "route", "status"),
        )
        for (method, route, status), series in list(self._answers.items()):
            counts = zip((*map(str, _BUCKETS), "+Inf"), accumulate(series.counts), strict=True)
            family.add_metric((method, route, str(status)), list(counts), series.seconds)
        yield family
        yield GaugeMetricFamily("laurel_http_requests_open", "Requests being answered", self.open_requests)
        yield GaugeMetricFamily("laurel_http_connections_open", "Connections of clients", self.open_connections)


def configure_logs(log_format: LogFormat, level: LogLevel) -> None:
    """Write this process's log lines to standard error in one format, those of the libraries included."""
    severity = getattr(logging, level.value.upper())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            _add_time,
            _renderer(log_format),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(severity),
        logger_factory=_logger_factory(log_format),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(_renderer(log_format)))
    logging.basicConfig(handlers=[handler], level=max(severity, logging.WARNING), force=True)
    logging.getLogger("laurel").setLevel(severity)


class _Formatter(logging.Formatter):
    """Writes what is logged by way of the standard library, as most libraries do, like everything else."""

    def __init__(self, renderer: Any) -> None:  # noqa: ANN401  structlog's processors are of several shapes
        super().__init__()
        self._renderer = renderer

    def format(self, record: logging.LogRecord) -> str:
        level = record.levelname.lower()
        event = {"logger": record.name, "event": record.getMessage(), "level": level}
        if record.exc_info and record.exc_info[1]:
            event |= _described(record.exc_info[1])
        line = self._renderer(None, level, _add_time(None, "", event))
        return line if isinstance(line, str) else line.decode()


def _add_time(_: object, __: str, event: EventDict) -> EventDict:
    event["at"] = datetime.now(UTC)
    return event


def _renderer(log_format: LogFormat) -> Any:  # noqa: ANN401  structlog's processors are of several shapes
    if log_format is LogFormat.CONSOLE:
        return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), timestamp_key="at")
    return structlog.processors.JSONRenderer(serializer=_serialize)


def _serialize(event: Any, **_: Any) -> bytes:  # noqa: ANN401  structlog types it so
    return msgspec.json.encode(event, enc_hook=repr)


def _logger_factory(log_format: LogFormat) -> Any:  # noqa: ANN401  structlog's factories are of several shapes
    if log_format is LogFormat.CONSOLE:
        return structlog.PrintLoggerFactory(sys.stderr)
    return structlog.BytesLoggerFactory(sys.stderr.buffer)


def route_of(scope: HTTPScope) -> str:
    return cast(str, cast(Any, scope).get("path_template") or UNMATCHED)


def observe(metrics: Metrics, scope: HTTPScope, method: str, exchange: Exchange, seconds: float) -> None:
    route = route_of(scope)
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
    """Log where an unexpected failure came from."""
    log.error(
        "failure",
        request=exchange.request_id,
        method=scope["method"],
        route=route_of(scope),
        **_described(error),
    )


def _described(error: BaseException) -> dict[str, Any]:
    """What it is and where it came from. Its message is left out: those of the database quote member ids."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return {
        "error": type(error).__qualname__,
        "sqlstate": getattr(error, "sqlstate", None),
        "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
