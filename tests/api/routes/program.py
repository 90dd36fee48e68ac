"""A running program over a database of the test's own: its writer, its command routes, and a client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import psycopg
from psycopg_pool import AsyncConnectionPool

from api.http.commands import commands_over
from api.http.services import Imports, ReadAccess
from api.http.services import RunningProgram as Services
from api.routes import ROUTES
from api.routes.service.projections import RebuildThreads
from api.server.app import create_app
from api.server.wiring import in_background
from application.campaigns.award_policy import AwardPolicy
from application.catalogue.commands import ensure_default_account
from application.definitions.catalogue import Catalogue
from application.facts.ingest import Rules
from application.imports.importing import ImportIntake
from application.imports.storage import ImportStorage
from application.log.mapper import Mapper
from application.log.writer import Writer
from application.schedule.jobs.store import open_store
from application.service.settings import Settings, load
from application.streams import KINDS
from tests.api.http.frame import KnownKeys, StandingPositions

NOW = datetime(2026, 9, 10, 12, tzinfo=UTC)


class MovedClock:
    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    async def read(self) -> datetime:
        return self.at


class RememberedPreviews:
    """Remembers which previews it was to calculate."""

    def __init__(self) -> None:
        self.started: list[tuple[UUID, UUID]] = []

    async def start(self, campaign: UUID, preview: UUID) -> None:
        self.started.append((campaign, preview))


class Program:
    """`client` speaks as an admin."""

    def __init__(self, conninfo: str, services: Services, client: httpx.AsyncClient) -> None:
        self.conninfo = conninfo
        self.services = services
        self.client = client
        self.writer = services.commands.writer

    @property
    def clock(self) -> MovedClock:
        assert isinstance(self.services.clock, MovedClock)
        return self.services.clock

    @property
    def previews(self) -> RememberedPreviews:
        assert isinstance(self.services.commands.previews, RememberedPreviews)
        return self.services.commands.previews

    async def decide(self) -> None:
        """What was triggered is decided."""
        policy = self.services.awarding
        assert isinstance(policy, AwardPolicy)
        async with self.services.reads.pool.connection() as connection:
            while await policy.step(connection):
                pass

    @asynccontextmanager
    async def deciding(self) -> AsyncIterator[None]:
        """While campaigns decide by themselves."""
        policy = self.services.awarding
        assert isinstance(policy, AwardPolicy)
        async with in_background(policy.run(), "awards"):
            yield
        await policy.stop()

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self._send("POST", path, body, headers)

    async def put(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return await self._send("PUT", path, body, headers)

    async def patch(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return await self._send("PATCH", path, body, headers)

    async def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, str | bytes):
            named.setdefault("content-type", "application/json")
            return await self.client.request(method, f"/v1{path}", content=body, headers=named)
        if body is None:
            return await self.client.request(method, f"/v1{path}", headers=named)
        return await self.client.request(method, f"/v1{path}", json=body, headers=named)

    def head(self) -> int:
        """The last position in the log."""
        with psycopg.connect(self.conninfo) as connection:
            row = connection.execute("SELECT head FROM laurel.heads").fetchone()
        assert row is not None
        return int(row[0])

    async def campaign(self, **fields: Any) -> str:
        """The id of a campaign that is made and active."""
        made = await self.post("/tiered-campaigns", campaign_body(**fields))
        assert made.status_code == 201, made.text
        activated = await self.post(f"/tiered-campaigns/{made.json()['id']}/activate")
        assert activated.status_code == 200, activated.text
        return str(made.json()["id"])


def campaign_body(**fields: Any) -> dict[str, Any]:
    return {
        "name": "Autumn",
        "translations": {"de": "Herbst"},
        "starts_at": "2026-09-01T00:00:00+02:00",
        "duration": "1 month",
        "occurrences": 3,
        "preview_every": "1 day",
        "grace_period": "7 days",
        "audience": {"segments": [], "lists": []},
        "time_zone": "Europe/Budapest",
        "entity": "transaction",
        "event_type": None,
        "aggregate": {"attribute": "total"},
        "date": "purchased_at",
        "hit_type": "amount",
        "bracketed": False,
        "unlimited": False,
        "tiers": [{"from": "0", "to": "50", "reward": "10"}, {"from": "51", "to": "100", "reward": "20"}],
        "products": [],
        "filter": None,
        "account": "points",
        "rounding": "half_up",
        "confirmation": "evaluation",
        "late": "ignore",
        **fields,
    }


def achievement_body(**fields: Any) -> dict[str, Any]:
    return {
        "name": "Summer buyer",
        "description": "Buy five times",
        "translations": {"de": {"name": "Sommerkäufer"}},
        "timeframe": {"kind": "between", "from": "2026-06-01", "to": "2026-12-31"},
        "limit": {"value": 1, "interval": None},
        "badge": None,
        "rules": [goal_body()],
        **fields,
    }


def goal_body(**fields: Any) -> dict[str, Any]:
    return {
        "name": "Five purchases",
        "trigger": "transaction",
        "event_type": None,
        "subject": "member",
        "unique_referee": False,
        "conditions": {"all": [{"attribute": "transaction.total", "operator": "gte", "value": "20"}]},
        "count": {"kind": "occurrences"},
        "goal": "5",
        "period": {"kind": "overall"},
        "consecutive": 1,
        "frequency": None,
        **fields,
    }


def transaction_body(**fields: Any) -> dict[str, Any]:
    body = {
        "id": "T-1001",
        "member": "M-7",
        "status": "pending",
        "purchased_at": "2026-09-03T10:15:00+02:00",
        "auto_accept_at": "2026-09-17T00:00:00+02:00",
        "total": "49.90",
        "currency": "EUR",
        "items": [
            {"product": "SKU-1", "quantity": "2", "price": "20.00", "subtotal": "40.00"},
            {"product": "SKU-2", "quantity": "1", "price": "9.90", "subtotal": "9.90"},
        ],
        "attributes": {"channel": "web"},
        **fields,
    }
    return {name: value for name, value in body.items() if value is not ...}


def pointers(response: httpx.Response) -> dict[str, str]:
    """What is wrong where, by pointer."""
    assert response.status_code == 422, response.text
    return {error["pointer"]: error["detail"] for error in response.json()["errors"]}


@asynccontextmanager
async def running(conninfo: str, settings: Settings | None = None) -> AsyncIterator[Program]:
    clock = MovedClock()
    mapper = Mapper(KINDS)
    catalogue = Catalogue("UTC")
    writer = Writer(conninfo, mapper, catalogue, clock=clock.read)
    settings = settings or load({}, {}).settings
    connections = {"autocommit": True, "options": "-c timezone=UTC"}
    async with (
        AsyncConnectionPool(conninfo, min_size=1, max_size=2, open=False, kwargs=connections) as pool,
        open_store(conninfo, 1) as jobs,
    ):
        await writer.start()
        await writer.submit(ensure_default_account)
        rules = Rules(settings.register_unknown_members)
        policy = AwardPolicy(conninfo, mapper, writer, pool)
        commands = commands_over(writer, pool, mapper, rules, RememberedPreviews())
        services = Services(
            settings=settings,
            clock=clock,
            keys=KnownKeys(),
            positions=StandingPositions(),
            awarding=policy,
            commands=commands,
            reads=ReadAccess(pool, mapper),
            rebuilds=RebuildThreads(conninfo, mapper),
            imports=Imports(jobs, ImportStorage(pool), ImportIntake(writer, commands.facts, catalogue)),
        )
        transport = httpx.ASGITransport(create_app(services, ROUTES))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://laurel", headers={"authorization": "Bearer admin"}
        ) as client:
            yield Program(conninfo, services, client)
        await writer.stop()


def days(count: int) -> timedelta:
    return timedelta(days=count)
