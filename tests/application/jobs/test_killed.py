"""Workers are killed in the middle of things, again and again."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tests.application.jobs.program import Running, running, until
from tests.support.campaigns import purchase

MEMBERS = 2_000
KILLS = (150, 700, 1_400)
"""How many awards there are when a worker is killed."""


@contextmanager
def worker(database: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", "tests.application.jobs.worker", database])
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
                await until(lambda count=count: _more_than(program, count))
        assert await awarded(program) < MEMBERS
        with worker(database), worker(database):
            await until(lambda: _finished(program))
        assert await program.awards(campaign) == {(1, f"M-{n:05}"): [Decimal(200)] for n in range(MEMBERS)}
        evaluations = await program.rows("select status, members, points from p_standings.evaluations")
        assert evaluations == [("finished", MEMBERS, 200 * MEMBERS)]


async def _more_than(program: Running, count: int) -> bool:
    return await awarded(program) > count


async def _finished(program: Running) -> bool:
    rows = await program.rows("select status, done, total, result from laurel.jobs where kind = 'evaluation'")
    return any(row[0] == "finished" for row in rows) and await program.reads.positions.reached(0, 1)
