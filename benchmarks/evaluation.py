"""Evaluating an occurrence: every member's award durable, beside the library's `save` of as many one-event streams.

python -m benchmarks.evaluation [--members 100000] [--seconds 20]

Ours is timed whole: from the fence to the recorded end, with the projections following in the same process. The
library saves for so many seconds with 8 threads; that rate is taken for the whole, as saving all of them would take
minutes and the rate does not rise with their number.
"""

import asyncio
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import NamedTuple
from uuid import UUID, uuid4

import uvloop
from psycopg_pool import AsyncConnectionPool

from api.server.collector import collect_seldom
from application.catalogue.commands import ensure_default_account
from application.definitions.catalogue import Catalogue
from application.facts import ingest
from application.log.mapper import Mapper
from application.log.wakeup import listening
from application.log.writer import Writer
from application.postgres.embedded import EmbeddedPostgres
from application.reads import Reads, nothing, reach
from application.schedule.run import no_progress
from application.service.migrate import migrate
from application.streams import KINDS
from application.tiered import commands as tiered_campaigns
from application.tiered.evaluation import evaluate
from benchmarks.append import library
from benchmarks.figures import Figure, show
from domain.facts.fact import FactKind
from domain.facts.purchase import Purchase
from domain.facts.transaction import Status
from domain.tiered.definition import Aggregate, Definition
from domain.tiered.points import HitType, Tier
from projections.engine.follower import Follower
from projections.engine.positions import CHANNEL, Positions
from projections.readers import reads
from projections.registry import PROJECTIONS

TARGET = 8.0
BATCH = 1_000
MEMBERS, SECONDS = 100_000, 20.0
THREADS = 8
RULES = ingest.Rules()
STARTS_AT = datetime.now(UTC) - timedelta(days=40)


class Program(NamedTuple):
    writer: Writer
    reads: Reads


@asynccontextmanager
async def running(database: str) -> AsyncIterator[Program]:
    async with AsyncConnectionPool(database, min_size=1, max_size=4, open=False, kwargs={"autocommit": True}) as pool:
        mapper, positions = Mapper(KINDS), Positions(database)
        writer = Writer(database, mapper, Catalogue("UTC"))
        await writer.start()
        await writer.submit(ensure_default_account)
        following = asyncio.create_task(positions.run())
        follower = Follower(database, mapper, PROJECTIONS)
        writer.listeners.append(lambda _: follower.wake())
        follower.start()
        try:
            async with listening(database, {CHANNEL: positions.wake}):
                yield Program(writer, reads(pool, positions, mapper))
        finally:
            await asyncio.to_thread(follower.stop)
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
            await writer.stop()


async def fill(program: Program, members: int) -> UUID:
    """An occurrence that is over, with one purchase a member in it."""
    campaign = uuid4()
    definition = Definition(
        name="Monthly",
        starts_at=STARTS_AT,
        duration="30 days",
        occurrences=1,
        entity=FactKind.TRANSACTION,
        aggregate=Aggregate(attribute="total"),
        hit_type=HitType.PERCENTAGE,
        tiers=(
            Tier(start=Decimal(0), to=Decimal(50), reward=Decimal(5)),
            Tier(start=Decimal(50), to=Decimal(500), reward=Decimal(10)),
        ),
        bracketed=True,
    )
    await program.writer.submit(partial(tiered_campaigns.define, campaign_id=campaign, definition=definition))
    await program.writer.submit(partial(tiered_campaigns.activate, campaign_id=campaign))
    at = STARTS_AT + timedelta(days=3)
    for first in range(0, members, BATCH):
        purchases = [
            Purchase(f"T-{number}", f"M-{number}", at, Decimal(number % 400) + Decimal("0.90"))
            for number in range(first, min(first + BATCH, members))
        ]
        outcomes = await program.writer.submit_many(
            [
                partial(ingest.receive_transaction, purchase=purchase, status=Status.ACCEPTED, rules=RULES)
                for purchase in purchases
            ]
        )
        assert not any(isinstance(outcome, Exception) for outcome in outcomes)
    await reach(program.reads.positions, (await program.writer.submit(nothing)).position)
    return campaign


async def ours(database: str, members: int) -> float:
    """Seconds."""
    async with running(database) as program:
        campaign = await fill(program, members)
        began = perf_counter()
        run = await evaluate(program.writer, program.reads.standings, campaign, 1, no_progress)
        seconds = perf_counter() - began
        assert run is not None
        assert run.awarded == run.awards.members == members
        return seconds


def run(members: int = MEMBERS, seconds: float = SECONDS) -> list[Figure]:
    """With the collector as the service has it; the library runs with the same."""
    collect_seldom()
    with (
        tempfile.TemporaryDirectory(prefix="laurel-evaluation-") as folder,
        EmbeddedPostgres(Path(folder, "data")) as database,
    ):
        migrate(database)
        rate = members / uvloop.run(ours(database, members))
        reference = library(database, THREADS, seconds).per_second
    return [
        Figure(
            f"evaluation of an occurrence with {members:,} members",
            f"{rate:,.0f} awards/s",
            f"library's save, {THREADS} threads: {reference:,.0f}/s",
            rate / reference,
            TARGET,
        )
    ]


def main() -> int:
    parser = ArgumentParser(prog="python -m benchmarks.evaluation", description=__doc__)
    parser.add_argument("--members", type=int, default=MEMBERS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long the library saves")
    arguments = parser.parse_args()
    figures = run(arguments.members, arguments.seconds)
    show(figures)
    return 0 if all(figure.reached for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
