"""What goes on by itself in one process: the workers of the queue, the scheduler, and taking up what others left."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from uuid import UUID

import procrastinate
from procrastinate.exceptions import ConnectorException

from application.schedule.jobs.runner import Handler, Retry, Runner
from application.schedule.jobs.scheduler import Scheduler
from application.schedule.jobs.store import RUN, JobStore, Queue

HEARTBEAT_SECONDS = 1.0
STALLED_SECONDS = 5.0
"""A worker that was not heard of for so long is taken for dead. Should it live, a job runs twice, which is safe."""

POLL_SECONDS = 1.0
ABORT_POLL_SECONDS = 3600.0
STOP_SECONDS = 3.0
AGAIN_SECONDS = 1.0
IMPORTS_AT_ONCE = 1
MOST_DEATHS = 50
"""So often a job is taken up again; one that kills whoever runs it must end some time."""

_log = logging.getLogger("laurel.jobs")


async def work(jobs: JobStore, handlers: Mapping[str, Handler], scheduler: Scheduler, at_once: int) -> None:
    """Runs until it is cancelled; jobs under way then are given back to the queue. `at_once` are the jobs that are due
    which run at the same time, besides one import.
    """
    runner = Runner(jobs, handlers)

    async def run(job: str) -> None:
        await runner.run(UUID(job))

    jobs.queue.task(name=RUN, retry=Retry())(run)
    async with asyncio.TaskGroup() as group:
        group.create_task(_keep("workers", lambda: _worker(jobs, Queue.DUE, at_once)))
        group.create_task(_keep("import workers", lambda: _worker(jobs, Queue.IMPORTS, IMPORTS_AT_ONCE)))
        group.create_task(_keep("recovery", lambda: _recover(jobs)))
        group.create_task(_keep("scheduler", scheduler.run))


async def _keep(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """For ever: what goes wrong with the database or the log is over some time."""
    while True:
        try:
            await run()
            _log.warning("%s stopped, to be started again", name)
        except Exception as error:  # noqa: BLE001  none of them may end the others
            # what the queue's library raises says only that something was wrong with the database
            _log.warning("%s interrupted, to be started again: %s", name, str(error.__cause__ or error).strip())
        await asyncio.sleep(AGAIN_SECONDS)


async def _worker(jobs: JobStore, queue: Queue, at_once: int) -> None:
    await jobs.queue.run_worker_async(
        queues=[queue.value],
        name=queue.value,
        concurrency=at_once,
        install_signal_handlers=False,
        fetch_job_polling_interval=POLL_SECONDS,
        abort_job_polling_interval=ABORT_POLL_SECONDS,
        update_heartbeat_interval=HEARTBEAT_SECONDS,
        stalled_worker_timeout=STALLED_SECONDS,
        shutdown_graceful_timeout=STOP_SECONDS,
        delete_jobs="always",
    )


async def _recover(jobs: JobStore) -> None:
    """Takes up jobs whose worker is dead."""
    manager = jobs.queue.job_manager
    while True:
        for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
            # another process may just have done the same
            with suppress(ConnectorException):
                if job.attempts >= MOST_DEATHS:
                    await jobs.fail(
                        UUID(str(job.task_kwargs["job"])), f"{job.attempts} workers that ran it died or stopped"
                    )
                    await manager.finish_job(job, procrastinate.jobs.Status.FAILED, delete_job=True)
                else:
                    await manager.retry_job(job)
                    _log.info("job %s is taken up again: its worker is gone", job.task_kwargs["job"])
        await asyncio.sleep(HEARTBEAT_SECONDS)
