"""The pages of one tiered campaign, and of one of its occurrences."""

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import Struct
from psycopg import AsyncConnection

from application.log.mapper import Mapper
from backoffice.frame.site import PageMissing, PageRequest, Site, asked, following, given
from backoffice.frame.totals import accounts
from domain.tiered.definition import missing
from domain.tiered.occurrence import OccurrenceStatus
from domain.tiered.warnings import tiered_warnings
from projections.tiered.campaigns.queries import (
    STATISTICS,
    StatisticsRow,
    TieredCampaignRow,
    campaign,
    occurrence,
    statistics_page,
)
from projections.tiered.previews import PREVIEWS, previews_page
from projections.tiered.standings.queries import OCCURRENCE_MEMBERS, Evaluation, evaluation, occurrence_members_page

PAGE_OCCURRENCES = "12"
PAGE_MEMBERS = "50"
SHOWN_PREVIEWS = {"limit": "6"}
SHOWN_COMPLETED = {"status": "completed", "sort": "-number", "limit": PAGE_OCCURRENCES}
SHOWN_SCHEDULED = {"status": "scheduled", "limit": "3"}
RUNNING = (OccurrenceStatus.ACTIVE, OccurrenceStatus.GRACE_PERIOD, OccurrenceStatus.EVALUATING)


class OpenOccurrence(Struct, frozen=True):
    """An occurrence that is under way, with its evaluation."""

    occurrence: StatisticsRow
    evaluation: Evaluation


def tiered_campaign_routes(site: Site) -> list[HTTPRouteHandler]:
    services = site.services

    @get("/tiered-campaigns/{campaign_id:uuid}")
    async def show_campaign(request: PageRequest, campaign_id: FromPath[UUID]) -> Response[str]:
        """A tiered campaign: what it is, how it runs, what it pays."""
        begun = asked(request, STATISTICS, **{"sort": "-number", "limit": PAGE_OCCURRENCES, "status[ne]": "scheduled"})
        now = services.clock.now()
        async with services.pool.connection() as connection:
            found = await _campaign(connection, services.mapper, campaign_id, now)
            rows, cursor = await statistics_page(connection, campaign_id, begun, now)
            scheduled, more = await statistics_page(connection, campaign_id, STATISTICS.read(SHOWN_SCHEDULED), now)
            completed, _ = await statistics_page(connection, campaign_id, STATISTICS.read(SHOWN_COMPLETED), now)
            under_way = [row for row in reversed(rows) if row.status in RUNNING]
            runs = [OpenOccurrence(row, await evaluation(connection, campaign_id, row)) for row in under_way]
            previews, _ = await previews_page(connection, campaign_id, PREVIEWS.read(SHOWN_PREVIEWS))
            known = await accounts(connection)
        return site.page(
            request,
            "tiered_campaign.html",
            campaign=found,
            account=known.get(found.definition.account),
            missing=missing(found.definition),
            warnings=tiered_warnings(found.definition),
            rows=rows,
            following=following(request, cursor),
            paged="cursor" in given(request),
            scheduled=scheduled,
            more_scheduled=more is not None,
            runs=runs,
            previews=previews,
            paid={row.number for row in completed},
        )

    @get("/tiered-campaigns/{campaign_id:uuid}/occurrences/{number:int}")
    async def show_occurrence(
        request: PageRequest, campaign_id: FromPath[UUID], number: FromPath[int]
    ) -> Response[str]:
        """An occurrence: who stands where in it."""
        selection = asked(request, OCCURRENCE_MEMBERS, limit=PAGE_MEMBERS, sort="-points")
        now = services.clock.now()
        async with services.pool.connection() as connection:
            found = await _campaign(connection, services.mapper, campaign_id, now)
            row = await occurrence(connection, campaign_id, number, now) if 0 < number < 2**31 else None
            if row is None:
                raise PageMissing(f"There is no occurrence {number} of {found.definition.name}.")
            run = await evaluation(connection, campaign_id, row)
            members, cursor = await occurrence_members_page(connection, campaign_id, row, selection)
            known = await accounts(connection)
        return site.page(
            request,
            "occurrence.html",
            campaign=found,
            account=known.get(found.definition.account),
            row=row,
            run=run,
            members=members,
            following=following(request, cursor),
            paged="cursor" in given(request),
            sort=given(request).get("sort", "-points"),
        )

    return [show_campaign, show_occurrence]


async def _campaign(
    connection: AsyncConnection[Any], mapper: Mapper, campaign_id: UUID, now: datetime
) -> TieredCampaignRow:
    found = await campaign(connection, mapper, campaign_id, now)
    if found is None:
        raise PageMissing("There is no such tiered campaign.")
    return found
