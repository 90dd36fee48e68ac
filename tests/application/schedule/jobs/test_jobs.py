import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from application.log.working import Command
from application.schedule.jobs import runner
from application.schedule.jobs.kinds import due_handlers, evaluation_order, preview_order
from application.schedule.jobs.scheduler import Scheduler
from application.schedule.jobs.store import Job, JobKind, JobOrder, JobStore, open_store
from application.schedule.jobs.work import work
from application.schedule.plan import DueEvaluation
from application.schedule.run import Doing
from application.service.preconditions import Precondition
from application.service.refusals import Conflict
from application.tiered import commands as tiered_campaigns
from application.tiered.evaluation import Progress
from domain.facts.transaction import Status
from tests.application.schedule.jobs.program import Running, receiving, running, until
from tests.support.campaigns import definition, purchase, tiers

ORDER = JobOrder(JobKind.EVALUATION, {"occurrence": 1}, "evaluation:1")


@pytest.fixture
async def jobs(database: str) -> AsyncIterator[JobStore]:
    async with open_store(database) as store:
        yield store


@asynccontextmanager
async def working(program: Running, jobs: JobStore, **handlers: runner.Handler) -> AsyncIterator[None]:
    doing = Doing(program.writer, program.reads)
    scheduler = Scheduler(doing, program.reads, jobs, program.clock)
    known = due_handlers(doing, program.writer, program.reads) | handlers
    task = asyncio.create_task(work(jobs, known, scheduler, 2))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def requesting(campaign: UUID, preview: UUID) -> Command:
    return lambda working: tiered_campaigns.request_preview(working, campaign, preview)


async def over(jobs: JobStore, job: UUID | None) -> Job:
    assert job is not None

    async def ended() -> bool:
        found = await jobs.get(job)
        return found is not None and found.finished_at is not None

    await until(ended)
    found = await jobs.get(job)
    assert found is not None
    return found


async def test_of_a_key_one_job_is_open_at_a_time(jobs: JobStore) -> None:
    first = await jobs.create(ORDER)
    assert first is not None
    assert await jobs.create(ORDER) is None
    assert await jobs.begin(first)
    await jobs.progress(first, 3, 10)
    assert await jobs.create(ORDER) is None
    await jobs.finish(first, {"members": 10})
    assert await jobs.begin(first) is None
    second = await jobs.create(ORDER, requested_by="someone")
    assert second is not None
    await jobs.fail(second, "it broke")
    assert await jobs.create(ORDER) is None
    listed = await jobs.list(10)
    assert [(job.status, job.done, job.result, job.error) for job in listed] == [
        ("failed", 0, None, "it broke"),
        ("finished", 3, {"members": 10}, None),
    ]
    assert [job.id for job in await jobs.list(10, listed[0])] == [first]


class Breaking:
    """Goes wrong a number of times."""

    def __init__(self, error: Exception, times: int) -> None:
        self.left = times
        self.error = error
        self.given_up: list[str] = []

    async def run(self, job: Job, progress: Progress) -> Mapping[str, Any]:
        await progress(1, 2)
        if self.left:
            self.left -= 1
            raise self.error
        return {"at": job.failures}

    async def give_up(self, _: Job, reason: str) -> None:
        self.given_up.append(reason)


async def test_a_job_that_goes_wrong_is_tried_again_and_then_failed(
    database: str, jobs: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "WAITS_SECONDS", (0, 0, 0, 0))
    monkeypatch.setattr("application.schedule.jobs.work.POLL_SECONDS", 0.1)
    async with running(database) as program:
        some, ever = Breaking(OSError("no luck"), 2), Breaking(OSError("never"), 99)
        refused = Breaking(Conflict("no such thing"), 99)
        async with working(program, jobs, evaluation=some, preview=ever, acceptance=refused):
            mended = await over(jobs, await jobs.create(JobOrder(JobKind.EVALUATION, {})))
            broken = await over(jobs, await jobs.create(JobOrder(JobKind.PREVIEW, {})))
            wrong = await over(jobs, await jobs.create(JobOrder(JobKind.ACCEPTANCE, {})))
            unknown = await over(jobs, await jobs.create(JobOrder(JobKind.IMPORT, {})))
        assert (mended.status, mended.failures, mended.result, mended.error) == ("finished", 2, {"at": 2}, None)
        assert (broken.status, broken.failures, broken.error) == ("failed", runner.TRIES, "never")
        assert ever.given_up == ["never"]
        assert (wrong.status, wrong.failures, wrong.error) == ("failed", 0, "no such thing")
        assert unknown.status == "failed"
        assert await program.rows("select count(*) from laurel_queue.procrastinate_jobs") == [(0,)]


async def test_what_is_due_happens_by_itself(database: str, jobs: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("application.schedule.jobs.scheduler.LOOK_SECONDS", 0.05)
    async with running(database, sandbox=True) as program, working(program, jobs):
        start = datetime(2026, 1, 1, tzinfo=UTC)
        await program.sandbox.move(start)
        await program.caught_up()
        campaign = await program.campaign(starts_at=start, duration="1 day", preview_every="10 hours")
        bought = purchase(purchased_at=start, auto_accept_at=start + timedelta(hours=11))
        await program.writer.submit(receiving(bought, Status.PENDING))
        await program.sandbox.move(start + timedelta(hours=10))
        await until(lambda: program.rows("select from p_standings.previews where status = 'finished'"))
        await program.sandbox.move(start + timedelta(hours=11))
        await until(lambda: program.rows("select from p_facts.facts where status = 'accepted'"))
        await program.sandbox.move(start + timedelta(days=1))
        await until(lambda: program.rows("select from p_standings.evaluations where status = 'finished'"))
        assert await program.awards(campaign) == {(1, "M-1"): [200]}
        assert {job.kind for job in await jobs.list(200)} == {"evaluation", "preview", "acceptance"}


async def test_a_preview_that_is_asked_for_is_finished_and_one_whose_job_is_lost_as_well(
    database: str, jobs: JobStore
) -> None:
    async with running(database) as program:
        campaign = await program.campaign(duration="30 days")
        await program.buy([purchase(f"T-{n}", "20", f"M-{n}", purchased_at=datetime.now(UTC)) for n in range(10)])
        asked, lost = uuid4(), uuid4()
        for preview in (asked, lost):
            await program.writer.submit(requesting(campaign, preview))
        await program.caught_up()
        job = await jobs.create(preview_order(campaign, asked), requested_by="someone")
        async with working(program, jobs):
            done = await over(jobs, job)

            async def finished() -> bool:
                rows = await program.rows("select count(*) from p_standings.previews where status = 'finished'")
                return rows == [(2,)]

            await until(finished)
        assert (done.status, done.done, done.total, done.result) == ("finished", 10, 10, {"preview": "finished"})
        figures = await program.reads.previews.figures(asked)
        assert [(figure.members, figure.pending_points, figure.award_points) for figure in figures] == [
            (10, Decimal(2000), Decimal(2000))
        ]


async def test_a_preview_whose_points_are_not_those_of_the_terms_fails_with_the_reason(
    database: str, jobs: JobStore
) -> None:
    async with running(database) as program:
        campaign = await program.campaign(duration="30 days")
        await program.buy([purchase(purchased_at=datetime.now(UTC))])
        preview = uuid4()
        await program.writer.submit(requesting(campaign, preview))
        await program.caught_up()
        await program.rows("update p_standings.preview_members set pending_points = 7 returning member")
        async with working(program, jobs):
            await over(jobs, await jobs.create(preview_order(campaign, preview)))
        await program.caught_up()
        rows = await program.rows("select status, reason from p_standings.previews")
        assert rows == [("failed", "member M-1 was shown 7 points in occurrence 1, and 20 earns 200")]


async def test_an_edit_counts_again_what_is_dated_ahead(database: str, jobs: JobStore) -> None:
    async with running(database) as program:
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        campaign = await program.campaign(starts_at=tomorrow)
        await program.buy([purchase(f"T-{n}", "20", f"M-{n}", purchased_at=tomorrow) for n in range(10)])
        given = definition(starts_at=tomorrow, duration="9 days", occurrences=1, tiers=tiers(("0", "50", "11")))
        edit = partial(
            tiered_campaigns.revise, campaign_id=campaign, definition=given, precondition=Precondition(exists=True)
        )
        await program.writer.submit(edit)
        async with working(program, jobs):
            await until(lambda: program.rows("select from laurel.jobs where kind = 'recount' and status = 'finished'"))
            (done,) = await jobs.list(10)
        assert (done.kind, done.result) == (JobKind.RECOUNT, {"recounted": 10})
        await program.caught_up()
        rows = await program.rows("select members, pending_points from p_standings.statistics")
        assert rows == [(10, Decimal(2200))]


async def test_a_stop_gives_jobs_back(database: str, jobs: JobStore) -> None:
    started = asyncio.Event()

    class Endless(Breaking):
        async def run(self, _: Job, __: Progress) -> Mapping[str, Any]:
            started.set()
            await asyncio.sleep(3600)
            return {}

    async with running(database) as program:
        async with working(program, jobs, preview=Endless(OSError(), 0)):
            job = await jobs.create(JobOrder(JobKind.PREVIEW, {}))
            await asyncio.wait_for(started.wait(), 60)
        assert await program.rows("select status::text from laurel_queue.procrastinate_jobs") == [("todo",)]
        async with open_store(database) as other, working(program, other, preview=Breaking(OSError(), 0)):
            assert (await over(other, job)).status == "finished"


async def test_an_evaluation_that_became_impossible_says_so(database: str, jobs: JobStore) -> None:
    async with running(database) as program:
        campaign = await program.campaign()
        await program.writer.submit(lambda working: tiered_campaigns.deactivate(working, campaign))
        due = DueEvaluation(campaign, 1, datetime.now(UTC), begun=False)
        async with working(program, jobs):
            done = await over(jobs, await jobs.create(evaluation_order(due)))
        assert (done.status, done.result) == ("finished", {"evaluated": False})


async def test_what_was_overdue_happens_in_order(database: str, jobs: JobStore) -> None:
    async with running(database, sandbox=True) as program:
        start = datetime(2026, 1, 1, tzinfo=UTC)
        await program.sandbox.move(start)
        await program.caught_up()
        campaign = await program.campaign(starts_at=start, duration="1 day", preview_every="12 hours")
        end = start + timedelta(days=1)
        for member, at in (("M-1", end - timedelta(hours=1)), ("M-2", end), ("M-3", end + timedelta(seconds=1))):
            bought = purchase(f"T-{member}", member=member, purchased_at=start, auto_accept_at=at)
            await program.writer.submit(receiving(bought, Status.PENDING))
        await program.sandbox.move(end + timedelta(days=3))
        async with working(program, jobs):
            await until(lambda: program.rows("select from p_facts.facts having count(auto_accept_at) = 0"))
            await until(lambda: program.rows("select from p_standings.evaluations where status = 'finished'"))
        assert await program.awards(campaign) == {(1, "M-1"): [200], (1, "M-2"): [200], (1, "M-3"): [0]}
        assert await program.rows("select from p_standings.previews") == []


async def test_a_job_that_kills_its_workers_is_given_up(
    database: str, jobs: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("application.schedule.jobs.work.MOST_DEATHS", 0)
    job = await jobs.create(JobOrder(JobKind.PREVIEW, {}))
    async with running(database) as program:
        async with jobs._pool.connection() as connection:
            await connection.execute("update procrastinate_jobs set status = 'doing'")
        async with working(program, jobs):
            done = await over(jobs, job)
            # it leaves the queue once it has failed, so that one who dies in between leaves it to be failed again
            await until(lambda: _is_empty(program))
        assert (done.status, done.error) == ("failed", "0 workers that ran it died or stopped")


async def _is_empty(program: Running) -> bool:
    return not await program.rows("select from laurel_queue.procrastinate_jobs")
