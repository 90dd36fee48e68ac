"""Workers are killed in the middle of things, again and again."""

import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from uuid import UUID

from application.imports.importing import Contents
from application.imports.job import request_import
from application.imports.kinds import ImportKind
from application.imports.rows import Format
from application.imports.storage import ImportStorage
from application.schedule.jobs.store import JobStore, open_store
from tests.application.schedule.jobs.program import Running, running, until
from tests.support.campaigns import purchase

MEMBERS = 1_000
KILLS = (100, 350, 700)
"""How many awards there are when a worker is killed."""


@contextmanager
def worker(database: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", "tests.application.schedule.jobs.worker", database])
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


async def awarded(program: Running) -> int:
    rows = await program.rows("select count(*) from laurel.events where tag = 'standing.awarded'")
    return int(rows[0][0])


async def test_an_evaluation_outlives_its_workers(database: str) -> None:
    async with running(database) as program:
        campaign = await program.campaign()
        at = datetime.now(UTC) - timedelta(days=5)
        await program.buy([purchase(f"T-{n}", "20", f"M-{n:05}", purchased_at=at) for n in range(MEMBERS)])
        await program.caught_up()
    async with running(database, follows=False) as program:
        for count in KILLS:
            with worker(database):
                await until(partial(_more_than, program, count))
        assert await awarded(program) < MEMBERS
        with worker(database), worker(database):
            await until(lambda: _finished(program))
    async with running(database) as program:
        assert await program.awards(campaign) == {(1, f"M-{n:05}"): [Decimal(200)] for n in range(MEMBERS)}
        evaluations = await program.rows("select status, members, points from p_standings.evaluations")
        assert evaluations == [("finished", MEMBERS, 200 * MEMBERS)]


ROWS = 800
BROKEN = 600


async def test_an_import_outlives_its_workers(database: str) -> None:
    rows = [
        {"transaction": {"id": f"T-{n}", "member": f"M-{n % 50}", "purchased_at": "2026-09-01T10:00:00Z", "total": "5"}}
        for n in range(ROWS)
    ]
    rows += [{"refund": {"id": f"T-{n}", "amount": "1"}} for n in range(ROWS)]
    lines = [json.dumps(row).encode() for row in rows]
    lines[BROKEN - 1] = b'{"transaction": '
    contents = Contents(ImportKind.FACTS, Format.NDJSON)

    async def sent() -> AsyncIterator[bytes]:
        for line in lines:
            yield line + b"\n"

    async with running(database) as program, open_store(database) as jobs:
        storage = ImportStorage(program.pool)
        job = await request_import(jobs, storage, sent(), contents, "someone", limit=1 << 30)
        for count in (150, ROWS - 100, ROWS + 200):
            with worker(database):
                await until(partial(_facts, program, count))
        asked = await jobs.get(job)
        assert asked is not None
        assert 0 < asked.done < 2 * ROWS
        with worker(database), worker(database):
            await until(lambda: _over(jobs, job))
        done = await jobs.get(job)
        assert done is not None
        assert (done.status, done.done, done.total) == ("finished", 2 * ROWS, 2 * ROWS)
        assert done.result is not None
        # of the row that is broken there is no transaction to refund
        assert (done.result["rows"], done.result["failed"]) == (2 * ROWS, 2)
        counts = await program.rows(
            "select tag, count(*) from laurel.events where starts_with(tag, 'transaction.') group by 1"
        )
        assert dict(counts) == {"transaction.received": ROWS - 1, "transaction.refunded": ROWS - 1}
        file = [json.loads(line) async for piece in storage.faults(job) for line in piece.splitlines()]
        assert [(fault["row"], fault["problems"][0]["code"]) for fault in file] == [
            (BROKEN, "malformed"),
            (ROWS + BROKEN, "not_found"),
        ]
        assert await program.rows("select count(*) from laurel.import_chunks") == [(0,)]


async def _facts(program: Running, count: int) -> bool:
    rows = await program.rows("select count(*) from laurel.events where starts_with(tag, 'transaction.')")
    return int(rows[0][0]) > count


async def _over(jobs: JobStore, job: UUID) -> bool:
    found = await jobs.get(job)
    return found is not None and found.finished_at is not None


async def _more_than(program: Running, count: int) -> bool:
    return await awarded(program) > count


async def _finished(program: Running) -> bool:
    rows = await program.rows("select status, done, total, result from laurel.jobs where kind = 'evaluation'")
    return any(row[0] == "finished" for row in rows)
