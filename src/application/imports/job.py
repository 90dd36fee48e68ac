"""Imports as jobs: the file is kept in the database, so that any worker can run one and another can go on with it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from application.evaluation import Progress
from application.imports.importing import Contents, Fault, Intake, Tally
from application.imports.storage import ImportStorage
from application.jobs.store import Job, JobStore, Kind, Order


async def request_import(
    jobs: JobStore,
    storage: ImportStorage,
    source: AsyncIterator[bytes],
    contents: Contents,
    requested_by: str,
    limit: int,
    job_id: UUID | None = None,
) -> UUID:
    """Takes the file in and queues its import; answers the job's id. Raises ImportTooLarge.

    A request that comes again with the same `job_id` is answered by the job there is.
    """
    if job_id and await jobs.get(job_id):
        return job_id
    upload = await storage.upload(source, limit, job_id)
    order = Order(Kind.IMPORT, {"contents": contents, "bytes": upload.size})
    await jobs.create(order, requested_by=requested_by, job_id=upload.job, total=upload.lines)
    return upload.job


class ImportHandler:
    def __init__(self, storage: ImportStorage, intake: Intake) -> None:
        self._storage = storage
        self._intake = intake

    async def run(self, job: Job, progress: Progress) -> Mapping[str, Any]:
        contents = msgspec.convert(job.detail["contents"], Contents)
        start = msgspec.convert(job.result or {}, Tally)

        async def save(tally: Tally, faults: Sequence[Fault]) -> None:
            await self._storage.save(job.id, tally, faults)
            await progress(tally.row, max(tally.row, job.total or 0))

        reading = self._intake.reading(contents, str(job.id), job.requested_by)
        tally = await reading.run(self._storage.pieces(job.id), save, start)
        await progress(tally.row, tally.row)
        await self._storage.delete(job.id)
        return {**msgspec.to_builtins(tally), "rows": tally.rows}

    async def give_up(self, job: Job, reason: str) -> None:  # noqa: ARG002  the reason is kept with the job
        await self._storage.delete(job.id)
