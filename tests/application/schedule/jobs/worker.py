"""A worker process for tests to kill: python -m tests.application.schedule.jobs.worker CONNINFO.

It takes small steps and rests after each, so that there is a middle to be killed in, and notices dead ones soon.
"""

import asyncio
import logging
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from application.facts.commands import FactIntake
from application.imports import importing
from application.imports.importing import ImportIntake
from application.imports.job import ImportHandler
from application.imports.storage import ImportStorage
from application.schedule.jobs import work
from application.schedule.jobs.kinds import due_handlers
from application.schedule.jobs.runner import Handler
from application.schedule.jobs.scheduler import Scheduler
from application.schedule.jobs.store import Job, JobKind, open_store
from application.schedule.run import Doing
from application.service.idempotency import Answers
from application.tiered import evaluation
from application.tiered.evaluation import Progress
from tests.application.schedule.jobs.program import RULES, running

REST_SECONDS = 0.02


class Resting:
    """A handler that rests whenever it tells its progress."""

    def __init__(self, handler: Handler) -> None:
        self.give_up = handler.give_up
        self._run = handler.run

    async def run(self, job: Job, progress: Progress) -> Mapping[str, Any]:
        async def told(done: int, total: int) -> None:
            await progress(done, total)
            await asyncio.sleep(REST_SECONDS)

        return await self._run(job, told)


async def main(conninfo: str) -> None:
    async with AsyncExitStack() as stack:
        program = await stack.enter_async_context(running(conninfo))
        jobs = await stack.enter_async_context(open_store(conninfo))
        doing = Doing(program.writer, program.reads)
        handlers = due_handlers(doing, program.writer, program.reads)
        facts = FactIntake(program.writer, Answers(program.pool, program.mapper), RULES)
        intake = ImportIntake(program.writer, facts, program.catalogue)
        handlers[JobKind.IMPORT] = ImportHandler(ImportStorage(program.pool), intake)
        scheduler = Scheduler(doing, program.reads, jobs, program.clock)
        resting = {kind: Resting(handler) for kind, handler in handlers.items()}
        await work.work(jobs, resting, scheduler, 2)


def hurry() -> None:
    evaluation.CHUNK_MEMBERS = 25
    importing.CHUNK_ROWS = 25
    work.STALLED_SECONDS = 1.0
    work.HEARTBEAT_SECONDS = 0.2


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    hurry()
    asyncio.run(main(sys.argv[1]))
