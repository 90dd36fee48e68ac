"""A worker process for tests to kill: python -m tests.application.jobs.worker CONNINFO.

It takes small steps and rests after each, so that there is a middle to be killed in, and notices dead ones soon.
"""

import asyncio
import logging
import sys
from contextlib import AsyncExitStack
from typing import Any

from application import evaluation
from application.due import Doing
from application.facts import Facts
from application.imports import importing
from application.imports.importing import Intake
from application.imports.job import ImportHandler
from application.imports.storage import ImportStorage
from application.jobs import runner, work
from application.jobs.kinds import due_handlers
from application.jobs.scheduler import Scheduler
from application.jobs.store import Kind, open_store
from application.requests import Answers
from tests.application.jobs.program import RULES, running

REST_SECONDS = 0.02


class RestingRunner(runner.Runner):
    def _progress(self, job: Any) -> Any:
        tell = super()._progress(job)

        async def progress(done: int, total: int) -> None:
            await tell(done, total)
            await asyncio.sleep(REST_SECONDS)

        return progress


async def main(conninfo: str) -> None:
    async with AsyncExitStack() as stack:
        program = await stack.enter_async_context(running(conninfo))
        jobs = await stack.enter_async_context(open_store(conninfo))
        doing = Doing(program.writer, program.reads)
        handlers = due_handlers(doing, program.writer, program.reads)
        facts = Facts(program.writer, Answers(program.pool, program.mapper), RULES)
        intake = Intake(program.writer, facts, program.catalogue)
        handlers[Kind.IMPORT] = ImportHandler(ImportStorage(program.pool), intake)
        scheduler = Scheduler(doing, program.reads, jobs, program.clock)
        await work.work(jobs, handlers, scheduler, 2)


def hurry() -> None:
    evaluation.CHUNK_MEMBERS = 25
    importing.CHUNK_ROWS = 25
    work.STALLED_SECONDS = 1.0
    work.HEARTBEAT_SECONDS = 0.2
    work.Runner = RestingRunner


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    hurry()
    asyncio.run(main(sys.argv[1]))
