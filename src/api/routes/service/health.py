"""Whether the service is alive and ready, and its measurements."""

from litestar import MediaType, Response, get
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct
from prometheus_client import generate_latest

from api.http.metrics import Metrics
from api.http.services import ReadinessCheck, Services


class Health(Struct, frozen=True):
    """`ready` when every check is ok."""

    ready: bool
    checks: list[ReadinessCheck]


def health_routes(services: Services, metrics: Metrics) -> list[HTTPRouteHandler]:
    @get("/health/live")
    async def live() -> dict[str, bool]:
        """Whether the process answers at all."""
        return {"live": True}

    @get("/health/ready")
    async def ready() -> Response[Health]:
        """Whether the service can do its work; 503 when a check is not ok."""
        checks = await services.checks()
        is_ready = all(check.ok for check in checks)
        return Response(Health(is_ready, checks), status_code=200 if is_ready else 503)

    @get("/metrics", media_type=MediaType.TEXT)
    async def measurements() -> Response[bytes]:
        """Measurements in the text format of Prometheus."""
        return Response(generate_latest(metrics.registry), media_type="text/plain; version=0.0.4")

    return [live, ready, measurements]
