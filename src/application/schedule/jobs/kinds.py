"""The kinds of job that time brings about or people ask for: what is written in each, and what it does."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from application.log.writer import Writer
from application.reads import Reads
from application.schedule.jobs.runner import Handler
from application.schedule.jobs.store import Job, JobKind, JobOrder
from application.schedule.plan import DueEvaluation, DueRecount, ScheduledPreview
from application.schedule.run import Doing
from application.tiered.evaluation import EvaluationRun, Progress
from application.tiered.previews import compute, fail


def evaluation_order(due: DueEvaluation) -> JobOrder:
    detail = {"tiered_campaign": str(due.campaign), "occurrence": due.occurrence, "due_at": due.at.isoformat()}
    return JobOrder(JobKind.EVALUATION, detail, f"evaluation:{due.campaign}:{due.occurrence}")


def preview_order(campaign: UUID, preview: UUID, scheduled_for: datetime | None = None) -> JobOrder:
    """Of a preview that was requested or, with `scheduled_for`, is requested by the job."""
    detail = {
        "tiered_campaign": str(campaign),
        "preview": str(preview),
        "scheduled_for": scheduled_for.isoformat() if scheduled_for else None,
    }
    return JobOrder(JobKind.PREVIEW, detail, f"preview:{preview}")


def acceptance_order(until: datetime) -> JobOrder:
    """Of all that are due by an instant."""
    return JobOrder(JobKind.ACCEPTANCE, {"until": until.isoformat()}, "acceptance")


def recount_order(due: DueRecount) -> JobOrder:
    detail = {"tiered_campaign": str(due.campaign), "revision": due.revision}
    return JobOrder(JobKind.RECOUNT, detail, f"recount:{due.campaign}")


class EvaluationHandler:
    def __init__(self, doing: Doing) -> None:
        self._doing = doing

    async def run(self, job: Job, progress: Progress) -> Mapping[str, Any]:
        detail = job.detail
        campaign, at = UUID(detail["tiered_campaign"]), datetime.fromisoformat(detail["due_at"])
        done = await self._doing.do(DueEvaluation(campaign, detail["occurrence"], at, begun=False), progress)
        if not isinstance(done, EvaluationRun):
            return {"evaluated": False}
        return {"evaluated": True, "members": done.awards.members, "points": f"{done.awards.points:f}"}

    async def give_up(self, job: Job, reason: str) -> None:
        """What is awarded stays; the rest is due still."""


class PreviewHandler:
    def __init__(self, doing: Doing, writer: Writer, reads: Reads) -> None:
        self._doing = doing
        self._writer = writer
        self._reads = reads

    async def run(self, job: Job, progress: Progress) -> Mapping[str, Any]:
        detail = job.detail
        if detail["scheduled_for"] is None:
            status = await compute(self._writer, self._reads.previews, UUID(detail["preview"]), progress)
            return {"preview": status.value}
        at = datetime.fromisoformat(detail["scheduled_for"])
        made = await self._doing.do(ScheduledPreview(UUID(detail["tiered_campaign"]), at), progress)
        return {"preview": made}

    async def give_up(self, job: Job, reason: str) -> None:
        preview = UUID(job.detail["preview"])
        await fail(self._writer, preview, reason, await self._reads.previews.origin(preview, 1))


class AcceptanceHandler:
    def __init__(self, doing: Doing) -> None:
        self._doing = doing

    async def run(self, job: Job, progress: Progress) -> Mapping[str, Any]:
        accepted = await self._doing.accept(datetime.fromisoformat(job.detail["until"]))
        await progress(accepted, accepted)
        return {"accepted": accepted}

    async def give_up(self, job: Job, reason: str) -> None:
        """What is left is due still."""


class RecountHandler:
    def __init__(self, doing: Doing) -> None:
        self._doing = doing

    async def run(self, job: Job, progress: Progress) -> Mapping[str, Any]:
        return {"recounted": await self._doing.recount(UUID(job.detail["tiered_campaign"]), progress)}

    async def give_up(self, job: Job, reason: str) -> None:
        """What is left is due still."""


def due_handlers(doing: Doing, writer: Writer, reads: Reads) -> dict[str, Handler]:
    return {
        JobKind.EVALUATION: EvaluationHandler(doing),
        JobKind.PREVIEW: PreviewHandler(doing, writer, reads),
        JobKind.ACCEPTANCE: AcceptanceHandler(doing),
        JobKind.RECOUNT: RecountHandler(doing),
    }
