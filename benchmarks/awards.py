"""Deciding completions by campaigns that share a budget, beside the library's `save` of one campaign's stream.

python -m benchmarks.awards [--completions 20000] [--seconds 5]

Ours is timed from the first look of the award policy to the last decision on disk, with everything that a decision
records, and with the projections following in the same process. The library has 8 threads that each load the campaign,
grant from its budget and save, again on a conflict, with its cache of aggregates on: without it each load would read
all grants so far.
"""

import asyncio
import sys
import tempfile
from argparse import ArgumentParser
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from time import perf_counter
from uuid import UUID, uuid4

import uvloop
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import IntegrityError
from psycopg_pool import AsyncConnectionPool

from api.server.collector import collect_seldom
from application.achievements import commands as achievements
from application.campaigns import commands as campaigns
from application.campaigns.award_policy import AwardPolicy
from application.catalogue.commands import ensure_default_account
from application.definitions.catalogue import Catalogue
from application.facts import ingest
from application.log.mapper import Mapper
from application.log.writer import Writer
from application.postgres.embedded import EmbeddedPostgres
from application.reads import nothing
from application.service.migrate import migrate
from application.streams import CAMPAIGN_BUDGET, KINDS
from benchmarks.append import Rate, library_settings
from benchmarks.figures import Figure, show
from domain.achievements.definition import Count, CountKind, Definition, Rule
from domain.campaigns import definition as campaign_definition
from domain.campaigns.definition import Effect, EffectKind, Limits
from domain.facts.fact import FactKind
from domain.facts.purchase import Purchase
from domain.facts.transaction import Status
from domain.values.limit import Limit
from projections.engine.follower import Follower
from projections.registry import PROJECTIONS

TARGET = 15.0
COMPLETIONS, SECONDS = 20_000, 5.0
BATCH = 1_000
THREADS = 8
PATIENCE_SECONDS = 600.0
UNITS, BUDGET = Decimal(100), Decimal(10**9)
RULES = ingest.Rules()
AT = datetime.now(UTC) - timedelta(days=1)


async def fill(writer: Writer, completions: int) -> UUID:
    """So many members who complete an achievement, and an active campaign on it that has not decided yet."""
    achievement, campaign = uuid4(), uuid4()
    goal = Rule(name="Buy", trigger=FactKind.TRANSACTION, count=Count(CountKind.OCCURRENCES), goal=Decimal(1))
    buyer = Definition(name="Buyer", rules=(goal,))
    await writer.submit(partial(achievements.define, achievement_id=achievement, definition=buyer, active=True))
    give = Effect(kind=EffectKind.GIVE_UNITS, account="points", units="2 * transaction.total")
    prize = campaign_definition.Definition(
        name="Prize",
        achievement=achievement,
        starts_at=AT - timedelta(days=1),
        rules=(campaign_definition.CampaignRule("Prize", (give,)),),
        limits=Limits(total_units=Limit(BUDGET)),
    )
    await writer.submit(partial(campaigns.define, campaign_id=campaign, definition=prize))
    await writer.submit(partial(campaigns.activate, campaign_id=campaign))
    for first in range(0, completions, BATCH):
        purchases = [Purchase(f"T-{n}", f"M-{n}", AT, Decimal(50)) for n in range(first, first + BATCH)]
        receive = partial(ingest.receive_transaction, status=Status.ACCEPTED, rules=RULES)
        outcomes = await writer.submit_many([partial(receive, purchase=purchase) for purchase in purchases])
        assert not any(isinstance(outcome, Exception) for outcome in outcomes)
    return campaign


async def ours(database: str, completions: int) -> Rate:
    async with AsyncConnectionPool(database, min_size=1, max_size=4, open=False, kwargs={"autocommit": True}) as pool:
        mapper = Mapper(KINDS)
        writer = Writer(database, mapper, Catalogue("UTC"))
        await writer.start()
        await writer.submit(ensure_default_account)
        follower = Follower(database, mapper, PROJECTIONS)
        follower.start()
        campaign = await fill(writer, completions)
        policy = AwardPolicy(database, mapper, writer, pool)
        writer.listeners += [lambda _: follower.wake(), lambda _: policy.wake()]
        recorded = (await writer.submit(nothing)).position
        began = perf_counter()
        deciding = asyncio.create_task(policy.run())
        assert await policy.awarded(recorded, PATIENCE_SECONDS), policy.failure
        seconds = perf_counter() - began
        spent = (await writer.submit(lambda working: working.state(CAMPAIGN_BUDGET.at(campaign)))).answer
        assert spent.units.total == UNITS * completions
        deciding.cancel()
        await asyncio.gather(deciding, return_exceptions=True)
        await policy.stop()
        await asyncio.to_thread(follower.stop)
        await writer.stop()
        return Rate(completions, seconds)


class LibraryCampaign(Aggregate):
    @event("Defined")
    def __init__(self, budget: Decimal) -> None:
        self.left = budget

    @event("Granted")
    def grant(self, member: str, units: Decimal) -> None:  # noqa: ARG002  it is recorded
        self.left -= units


def library(database: str, seconds: float) -> Rate:
    settings = library_settings(database, THREADS) | {"AGGREGATE_CACHE_MAXSIZE": "10"}
    with Application[UUID](settings) as application, ThreadPoolExecutor(THREADS) as pool:
        campaign = LibraryCampaign(BUDGET)
        application.save(campaign)
        began = perf_counter()

        def grant() -> None:
            held: LibraryCampaign = application.repository.get(campaign.id)
            if held.left >= UNITS:
                held.grant(str(uuid4()), UNITS)
                application.save(held)

        def client(_: int) -> int:
            done = 0
            while perf_counter() - began < seconds:
                try:
                    grant()
                except IntegrityError:
                    continue
                done += 1
            return done

        done = sum(pool.map(client, range(THREADS)))
        return Rate(done, perf_counter() - began)


def run(completions: int = COMPLETIONS, seconds: float = SECONDS) -> list[Figure]:
    """With the collector as the service has it; the library runs with the same."""
    collect_seldom()
    with (
        tempfile.TemporaryDirectory(prefix="laurel-awards-") as folder,
        EmbeddedPostgres(Path(folder, "data")) as database,
    ):
        migrate(database)
        rate = uvloop.run(ours(database, completions)).per_second
        reference = library(database, seconds).per_second
    return [
        Figure(
            "completions decided by a campaign with a budget",
            f"{rate:,.0f}/s",
            f"library's save of one stream, {THREADS} threads, again on a conflict: {reference:,.0f}/s",
            rate / reference,
            TARGET,
        )
    ]


def main() -> int:
    parser = ArgumentParser(prog="python -m benchmarks.awards", description=__doc__)
    parser.add_argument("--completions", type=int, default=COMPLETIONS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long the library saves")
    arguments = parser.parse_args()
    figures = run(arguments.completions, arguments.seconds)
    show(figures)
    return 0 if all(figure.reached for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
