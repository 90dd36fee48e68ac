import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from application.schedule.run import no_progress
from application.tiered import commands as tiered_campaigns
from application.tiered.evaluation import evaluate
from domain.facts.purchase import Purchase
from domain.facts.transaction import Status
from domain.tiered.terms import Late
from tests.application.schedule.jobs.program import Running, receiving, running
from tests.support.campaigns import purchase

MEMBERS = 1_300


def bought(count: int, total: str = "20") -> list[Purchase]:
    at = datetime.now(UTC) - timedelta(days=5)
    return [purchase(f"T-{n}", total, f"M-{n:05}", purchased_at=at) for n in range(count)]


async def finished(program: Running, campaign: object) -> tuple[object, ...]:
    await program.caught_up()
    rows = await program.rows(
        "select status, members, points from p_standings.evaluations where campaign = %s", campaign
    )
    assert len(rows) == 1
    return rows[0]


async def test_everyone_is_awarded_once(database: str) -> None:
    async with running(database) as program:
        campaign = await program.campaign()
        await program.buy(bought(MEMBERS))
        told: list[tuple[int, int]] = []

        async def progress(done: int, total: int) -> None:
            told.append((done, total))

        run = await evaluate(program.writer, program.reads.standings, campaign, 1, progress)
        assert run is not None
        assert run.awarded == MEMBERS
        assert run.awards.members == MEMBERS
        assert run.awards.points == 200 * MEMBERS
        assert told[-1] == (MEMBERS, MEMBERS)
        awards = await program.awards(campaign)
        assert awards == {(1, f"M-{n:05}"): [Decimal(200)] for n in range(MEMBERS)}
        assert await finished(program, campaign) == ("finished", MEMBERS, 200 * MEMBERS)
        again = await evaluate(program.writer, program.reads.standings, campaign, 1, no_progress)
        assert again is not None
        assert again.awarded == 0
        assert await program.awards(campaign) == awards


async def test_many_workers_at_once_pay_nobody_twice(database: str) -> None:
    async with running(database) as program, running(database) as other, running(database, follows=False) as third:
        campaign = await program.campaign()
        await program.buy(bought(MEMBERS))
        runs = await asyncio.gather(
            *[
                evaluate(worker.writer, worker.reads.standings, campaign, 1, no_progress)
                for worker in (program, other, third, program, other)
            ]
        )
        assert sum(run.awarded for run in runs if run) == MEMBERS
        assert await program.awards(campaign) == {(1, f"M-{n:05}"): [Decimal(200)] for n in range(MEMBERS)}
        assert await finished(program, campaign) == ("finished", MEMBERS, 200 * MEMBERS)


async def test_what_is_not_due_or_paused_is_not_evaluated(database: str) -> None:
    async with running(database) as program:
        later = await program.campaign(grace_period="7 days")
        assert await evaluate(program.writer, program.reads.standings, later, 1, no_progress) is None
        paused = await program.campaign()
        await program.writer.submit(lambda working: tiered_campaigns.deactivate(working, paused))
        assert await evaluate(program.writer, program.reads.standings, paused, 1, no_progress) is None
        await program.writer.submit(lambda working: tiered_campaigns.activate(working, paused))
        run = await evaluate(program.writer, program.reads.standings, paused, 1, no_progress)
        assert run is not None
        assert run.awards.members == 0
        assert await finished(program, paused) == ("finished", 0, 0)


async def test_facts_that_arrive_meanwhile_correct_what_was_awarded(database: str) -> None:
    async with running(database) as program:
        campaign = await program.campaign(late=Late.CORRECT)
        await program.buy(bought(MEMBERS))
        numbers = range(0, MEMBERS + 50, 5)
        at = datetime.now(UTC) - timedelta(days=5)
        late = [purchase(f"L-{n}", "10", f"M-{n:05}", purchased_at=at) for n in numbers]

        async def arrive() -> None:
            for item in late:
                await program.writer.submit(receiving(item, Status.ACCEPTED))

        arriving = asyncio.create_task(arrive())
        run = await evaluate(program.writer, program.reads.standings, campaign, 1, no_progress)
        await arriving
        assert run is not None
        awards = await program.awards(campaign)
        assert {key: sum(points) for key, points in awards.items()} == {
            (1, f"M-{n:05}"): Decimal((200 if n < MEMBERS else 0) + (100 if n in numbers else 0))
            for n in {*range(MEMBERS), *numbers}
        }
        tiered = await program.rows("select count(*), sum(points) from p_decisions.decisions where kind='tiered_award'")
        assert tiered == [(run.awards.members, run.awards.points)]
