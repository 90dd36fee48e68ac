"""Counting facts again after an edit: those dated ahead, which were counted by terms that the edit has replaced.

An edit is for the occurrences that have not started, and facts may have been counted for these already. Each of them is
placed, admitted and measured by the current terms, for the member as they were when it was first recorded, and what it
contributed before is taken back. Occurrences that have not started have no awards, so nothing is corrected; until the
count is finished none of them is evaluated or previewed. Facts that did not count before stay out, also where the new
terms would have taken them: an edit is no reason to count what was refused. What was counted stays counted while its
campaign is paused.

It may be killed at any instant and run again, by any number of workers: a fact that is counted by the current terms is
left as it is, and the end is recorded with the revision that it was for.
"""

from functools import partial
from uuid import UUID

from msgspec import Struct

from application.definitions.catalogue import Catalogue
from application.facts import ingest
from application.log.envelope import Origin
from application.log.working import Working
from application.log.writer import Writer
from application.reads import Standings, reach
from application.service import actors
from application.tiered import commands as tiered_campaigns
from application.tiered.evaluation import Progress

CHUNK_FACTS = 500


class _Task(Struct, frozen=True):
    """What is to be counted again: the facts of the occurrences from `first` on, by the terms of `revision`."""

    revision: int
    first: int
    origin: Origin


async def recount(writer: Writer, standings: Standings, campaign: UUID, progress: Progress) -> int:
    """Answers how many facts this run has counted again. Raises Behind, and what the log raises."""
    look = await writer.submit(partial(_look, campaign_id=campaign))
    task: _Task | None = look.answer
    if task is None:
        return 0
    await reach(standings, look.position)
    recounted = 0
    after = task.first, "", 0
    while chunk := await standings.counted(campaign, after, look.position, CHUNK_FACTS):
        commands = [
            partial(
                ingest.recount,
                campaign_id=campaign,
                occurrence=counted.occurrence,
                member_id=counted.member,
                fact=counted.fact,
            )
            for counted in chunk
        ]
        for outcome in await writer.submit_many(commands, actor=actors.RECOUNT, origin=task.origin, bulk=True):
            if isinstance(outcome, Exception):
                raise outcome
            recounted += outcome.answer
        after = chunk[-1].occurrence, chunk[-1].member, chunk[-1].version
        await progress(recounted, recounted)
    finish = partial(tiered_campaigns.finish_recount, campaign_id=campaign, revision=task.revision)
    await writer.submit(finish, actor=actors.RECOUNT, origin=task.origin)
    return recounted


def _look(working: Working, campaign_id: UUID) -> _Task | None:
    catalogue: Catalogue = working.catalogue
    campaign = catalogue.tiered_campaigns[campaign_id]
    first = catalogue.recount_from(campaign)
    return None if first is None else _Task(campaign.revision.number, first, tiered_campaigns.due_by(campaign))
