"""Runs a job: begins it, tells its progress, and ends it: finished, to be tried again, or failed for good."""

import asyncio
import logging
from collections.abc import Mapping
from time import monotonic
from typing import Any, Protocol
from uuid import UUID

import procrastinate
from procrastinate.jobs import Job as QueuedJob

from application.bodies.exact import Malformed
from application.schedule.jobs.store import Job, JobStore
from application.service.refusals import Refusal
from application.tiered.evaluation import Progress
from domain.values.problems import Invalid

TRIES = 5
WAITS_SECONDS = (1, 4, 15, 60)
"""Before the second try, the third, ..."""

LOST_SECONDS = 5
"""Before a job is taken up again whose runner could not even note what went wrong."""

PROGRESS_SECONDS = 0.25

_log = logging.getLogger("laurel.jobs")


class Handler(Protocol):
    """What jobs of one kind do. `run` may be called any number of times, at once even, and begins where the log is."""

    async def run(self, job: Job, progress: Progress) -> Mapping[str, Any]: ...

    async def give_up(self, job: Job, reason: str) -> None:
        """Before the job is failed for good."""


class Again(Exception):  # noqa: N818  named for what is to happen
    """The job is to be run again after so many seconds."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"again in {seconds} seconds")
        self.seconds = seconds


class Retry(procrastinate.BaseRetryStrategy):
    """Nothing leaves the queue by an error: how often a job is tried is counted in its record."""

    def get_retry_decision(self, *, exception: BaseException, job: QueuedJob) -> procrastinate.RetryDecision:  # noqa: ARG002  the library's interface
        if isinstance(exception, Again):
            return procrastinate.RetryDecision(retry_in={"seconds": exception.seconds})
        if isinstance(exception, asyncio.CancelledError):
            return procrastinate.RetryDecision()
        return procrastinate.RetryDecision(retry_in={"seconds": LOST_SECONDS})


class Runner:
    def __init__(self, store: JobStore, handlers: Mapping[str, Handler]) -> None:
        self._store = store
        self._handlers = handlers

    async def run(self, job_id: UUID) -> None:
        """Raises Again, or what the database raises while it can't be reached."""
        job = await self._store.begin(job_id)
        if job is None:
            return
        handler = self._handlers.get(job.kind)
        if handler is None:
            await self._store.fail(job_id, f"this version of the program knows no jobs of kind {job.kind!r}")
            return
        try:
            result = await handler.run(job, self._progress(job))
        except (Refusal, Invalid, Malformed) as refusal:
            await self._fail(handler, job, _said(refusal))
        except Exception as error:  # noqa: BLE001  whatever it is, the job is tried again, bounded
            await self._stumble(handler, job, error)
        else:
            await self._store.finish(job_id, result)

    async def _stumble(self, handler: Handler, job: Job, error: Exception) -> None:
        reason = _said(error)
        failures = await self._store.stumble(job.id, reason)
        _log.warning("job %s of kind %s went wrong (%d of %d): %s", job.id, job.kind, failures, TRIES, reason)
        if failures < TRIES:
            raise Again(WAITS_SECONDS[max(failures, 1) - 1]) from error
        await self._fail(handler, job, reason)

    async def _fail(self, handler: Handler, job: Job, reason: str) -> None:
        _log.error("job %s of kind %s failed: %s", job.id, job.kind, reason)
        await handler.give_up(job, reason)
        await self._store.fail(job.id, reason)

    def _progress(self, job: Job) -> Progress:
        told = monotonic()

        async def progress(done: int, total: int) -> None:
            nonlocal told
            if done == total or monotonic() - told > PROGRESS_SECONDS:
                told = monotonic()
                await self._store.progress(job.id, done, total)

        return progress


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
