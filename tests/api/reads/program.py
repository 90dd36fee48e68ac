"""The program of the commands' tests with its reads, over projections that follow when they are told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, cast
from uuid import UUID

import httpx
from psycopg import AsyncCursor, sql
from psycopg_pool import AsyncConnectionPool

from api.http.commands import commands_over
from api.http.services import Imports, ReadAccess
from api.http.services import RunningProgram as Services
from api.routes import ROUTES
from api.routes.service.projections import RebuildThreads
from api.server.app import create_app
from application.campaigns.award_policy import AwardPolicy
from application.catalogue.commands import ensure_default_account
from application.definitions.catalogue import Catalogue
from application.facts.ingest import Rules
from application.imports.importing import ImportIntake
from application.imports.storage import ImportStorage
from application.log.mapper import Mapper
from application.log.writer import Writer
from application.schedule.jobs.store import open_store
from application.service.settings import load
from application.streams import KINDS
from application.tiered import commands as tiered_campaigns
from domain.tiered.campaign import TieredCampaign
from tests.api.http.frame import KnownKeys
from tests.api.routes.program import MovedClock, Program, RememberedPreviews, transaction_body
from tests.projections.following import followed

UNKNOWN = "018f0000-0000-7000-8000-00000000ffff"
"""An id that nothing has."""


class FollowedPositions:
    def __init__(self) -> None:
        self.at = 0

    def reached(self, *_: str) -> int:
        return self.at

    async def wait_for(self, position: int, seconds: float, /, *_: str) -> bool:
        return position <= self.at and seconds >= 0


def remembering(asked: list[str]) -> type[AsyncCursor[Any]]:
    """Cursors that note every query."""

    class Remembering(AsyncCursor[Any]):
        async def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
            asked.append(query.as_string(self.connection) if isinstance(query, sql.Composable) else query)
            return await super().execute(query, params, **options)

    return Remembering


class ReadProgram(Program):
    """`get` speaks as an admin; what it reads is as of the last `follow`."""

    positions: FollowedPositions
    asked: list[str]

    async def get(self, path: str, **parameters: Any) -> httpx.Response:
        return await self.client.get(f"/v1{path}", params=parameters)

    async def shown(self, path: str, **parameters: Any) -> Any:
        """What a path answers, which it must."""
        answered = await self.get(path, **parameters)
        assert answered.status_code == 200, answered.text
        assert answered.headers["laurel-position"]
        return answered.json()

    async def listed(self, path: str, **parameters: Any) -> list[Any]:
        """All pages of a list."""
        rows: list[Any] = []
        while True:
            page = await self.shown(path, **parameters)
            rows += page["data"]
            if page["next"] is None:
                return rows
            parameters["cursor"] = page["next"]

    async def follow(self) -> None:
        stored = await asyncio.to_thread(followed, self.conninfo)
        assert not any(each.error for each in stored.values()), stored
        self.positions.at = min(each.position for each in stored.values())

    async def buy(self, transaction: str, member: str, total: str, **fields: Any) -> None:
        body = transaction_body(id=transaction, member=member, total=total, items=[], **fields)
        answered = await self.post("/transactions", body)
        assert answered.status_code == 201, answered.text

    async def preview(self, campaign: str) -> str:
        """Asks for a preview and finishes it."""
        asked = await self.post(f"/tiered-campaigns/{campaign}/previews")
        assert asked.status_code == 201, asked.text
        preview: str = asked.json()["id"]
        await self.writer.submit(partial(tiered_campaigns.finish_preview, preview_id=UUID(preview), figures=()))
        await self.follow()
        return preview

    async def fence(self, campaign: str, number: int) -> None:
        """Begins the evaluation at its date."""
        key = UUID(campaign)
        held: TieredCampaign = cast(Catalogue, self.writer._catalogue).tiered_campaigns[key]
        self.clock.at = held.windows[number - 1].evaluation_at
        await self.writer.submit(partial(tiered_campaigns.start_evaluation, campaign_id=key, number=number))

    async def evaluate(self, campaign: str, number: int, *members: str, points: str = "0") -> None:
        """Fences the occurrence at its evaluation date, awards these members, and finishes."""
        key = UUID(campaign)
        await self.fence(campaign, number)
        award = partial(tiered_campaigns.award, campaign_id=key, number=number, member_ids=members)
        await self.writer.submit(award)
        finish = partial(
            tiered_campaigns.finish_evaluation,
            campaign_id=key,
            number=number,
            members=len(members),
            points=Decimal(points),
        )
        await self.writer.submit(finish)
        await self.follow()


@asynccontextmanager
async def reading(conninfo: str) -> AsyncIterator[ReadProgram]:
    clock = MovedClock()
    mapper = Mapper(KINDS)
    catalogue = Catalogue("UTC")
    writer = Writer(conninfo, mapper, catalogue, clock=clock.read)
    settings = load({}, {}).settings
    positions = FollowedPositions()
    asked: list[str] = []
    connections = {"autocommit": True, "options": "-c timezone=UTC", "cursor_factory": remembering(asked)}
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
            positions=positions,
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
            program = ReadProgram(conninfo, services, client)
            program.positions = positions
            program.asked = asked
            await program.follow()
            yield program
        services.rebuilds.stop()
        await writer.stop()


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
