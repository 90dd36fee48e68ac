"""Jobs: previews, evaluations, acceptances and imports on their way."""

from uuid import UUID

from litestar.params import FromPath

from api.http.reads import asking, there
from api.http.request import Request
from api.http.routing import FACT_READERS, AnswerPage, read
from projections.service import jobs
from projections.service.jobs import JOBS, JobRow


@read("/jobs", roles=FACT_READERS, listing=JOBS)
async def list_jobs(request: Request) -> AnswerPage[JobRow]:
    """Jobs, newest first."""
    selection = JOBS.read(request.exchange.query)
    async with asking(request) as connection:
        found, following = await jobs.jobs_page(connection, selection)
    return AnswerPage(found, following, request.position)


@read("/jobs/{job:uuid}", roles=FACT_READERS)
async def get_job(request: Request, job: FromPath[UUID]) -> JobRow:
    """One job: how far it is, and what came of it."""
    async with asking(request) as connection:
        return there(await jobs.job(connection, job), f"job {job}")


JOB_READS = (list_jobs, get_job)
