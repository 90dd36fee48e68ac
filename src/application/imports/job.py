"""Imports as jobs: the file is kept in the database, so that any worker can run one and another can go on with it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from application.imports.importing import Contents, ImportIntake, ImportTally, RowFault
from application.imports.storage import ImportStorage, digest_of
from application.schedule.jobs.store import Job, JobKind, JobOrder, JobStore
from application.service.idempotency import KeyConflict
from application.tiered.evaluation import Progress


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

    A request that comes again with the same `job_id` is answered by the job there is. KeyConflict: it is another one.
    """
    before = await jobs.get(job_id) if job_id else None
    if before is None:
        upload = await storage.upload(source, limit)
        order = JobOrder(JobKind.IMPORT, {"contents": contents, "bytes": upload.size, **upload.detail()})
        created = await jobs.create(order, requested_by=requested_by, job_id=job_id or upload.id, total=upload.lines)
        if created is not None:
            return created
        # its twin came first
        await storage.delete(upload.id)
        before, digest = await jobs.get(job_id) if job_id else None, upload.digest
    else:
        digest = await digest_of(source)
    if (
        before is None
        or before.detail["digest"] != digest
        or msgspec.convert(before.detail["contents"], Contents) != contents
    ):
        raise KeyConflict
    return before.id


class ImportHandler:
    def __init__(self, storage: ImportStorage, intake: ImportIntake) -> None:
        self._storage = storage
        self._intake = intake

    async def run(self, job: Job, progress: Progress) -> Mapping[str, Any]:
        contents = msgspec.convert(job.detail["contents"], Contents)
        start = msgspec.convert(job.result or {}, ImportTally)

        async def save(tally: ImportTally, faults: Sequence[RowFault]) -> None:
            await self._storage.save(job.id, tally, faults)
            await progress(tally.row, max(tally.row, job.total or 0))

        reading = self._intake.reading(contents, str(job.id), job.requested_by, job.id)
        upload = UUID(job.detail["upload"])
        tally = await reading.run(self._storage.pieces(upload), save, start)
        await progress(tally.row, tally.row)
        await self._storage.delete(upload)
        return {**msgspec.to_builtins(tally), "rows": tally.rows}

    async def give_up(self, job: Job, reason: str) -> None:  # noqa: ARG002  the reason is kept with the job
        await self._storage.delete(UUID(job.detail["upload"]))
