"""Tiered campaigns: the listing, statistics, icon, previews, and who is in an occurrence."""

from typing import Any
from uuid import UUID

from litestar import Response
from litestar.params import FromPath
from psycopg import AsyncConnection

from api.http.reads import asking, current, known, shown_now, there
from api.http.request import Request
from api.http.routing import READERS, AnswerPage, read
from api.routes.tiered import shapes
from api.routes.tiered.shapes import TieredCampaignAnswer
from application.streams import ICON, TIERED_CAMPAIGN
from projections.tiered import previews
from projections.tiered.campaigns import queries as tiered_campaigns
from projections.tiered.campaigns.queries import CAMPAIGNS, STATISTICS, StatisticsRow
from projections.tiered.previews import (
    COMPARISON,
    PREVIEW_MEMBERS,
    PREVIEWS,
    ComparisonRow,
    PreviewMemberRow,
    PreviewRow,
)
from projections.tiered.standings.queries import (
    OCCURRENCE_MEMBERS,
    Evaluation,
    StandingRow,
    evaluation,
    occurrence_members_page,
)


@read("/tiered-campaigns", roles=READERS, listing=CAMPAIGNS, projections=("tiered_campaigns",))
async def list_tiered_campaigns(request: Request) -> AnswerPage[TieredCampaignAnswer]:
    """Tiered campaigns, as they stand now."""
    selection = CAMPAIGNS.read(request.exchange.query)
    async with asking(request) as connection:
        found, following = await tiered_campaigns.campaigns_page(connection, selection, request.services.clock.now())
    at = request.position
    return AnswerPage([shapes.tiered_campaign(row, at) for row in found], following, at)


@read("/tiered-campaigns/{campaign:uuid}", roles=READERS, current=True)
async def get_tiered_campaign(request: Request, campaign: FromPath[UUID]) -> TieredCampaignAnswer:
    """One tiered campaign, with its ETag."""
    mapper, now = request.program.reads.mapper, request.services.clock.now()
    async with current(request) as connection:
        found = await tiered_campaigns.campaign(connection, mapper, campaign, now)
    row = there(found, f"tiered campaign {campaign}")
    request.versioned(row.version)
    return shapes.tiered_campaign(row, request.position)


@read("/tiered-campaigns/{campaign:uuid}/icon", roles=READERS, answers="image/*", current=True)
async def get_icon(request: Request, campaign: FromPath[UUID]) -> Response[bytes]:
    """A campaign's icon."""
    icon = (await shown_now(request, ICON.at(campaign), f"icon of a tiered campaign {campaign}")).state
    headers = {"Content-Security-Policy": "default-src 'none'; sandbox"}
    return Response(icon.content, media_type=icon.media_type, headers=headers)


@read(
    "/tiered-campaigns/{campaign:uuid}/statistics",
    roles=READERS,
    listing=STATISTICS,
    problems=("not-found",),
    projections=("tiered_campaigns", "standings"),
)
async def list_statistics(request: Request, campaign: FromPath[UUID]) -> AnswerPage[StatisticsRow]:
    """A row an occurrence: when it runs, where it stands, and its points and members."""
    selection = STATISTICS.read(request.exchange.query)
    async with asking(request) as connection:
        await _known(connection, campaign)
        found, following = await tiered_campaigns.statistics_page(
            connection, campaign, selection, request.services.clock.now()
        )
    return AnswerPage(found, following, request.position)


@read(
    "/tiered-campaigns/{campaign:uuid}/occurrences/{number:int}/members",
    roles=READERS,
    listing=OCCURRENCE_MEMBERS,
    problems=("not-found",),
    projections=("tiered_campaigns", "standings"),
)
async def list_occurrence_members(
    request: Request, campaign: FromPath[UUID], number: FromPath[int]
) -> AnswerPage[StandingRow]:
    """Who has a standing in an occurrence: total, tier, points, and the way to the next tier."""
    selection = OCCURRENCE_MEMBERS.read(request.exchange.query)
    async with asking(request) as connection:
        occurrence = await _occurrence(connection, request, campaign, number)
        found, following = await occurrence_members_page(connection, campaign, occurrence, selection)
    return AnswerPage(found, following, request.position)


@read(
    "/tiered-campaigns/{campaign:uuid}/occurrences/{number:int}/evaluation",
    roles=READERS,
    projections=("tiered_campaigns", "standings", "decisions"),
)
async def get_evaluation(request: Request, campaign: FromPath[UUID], number: FromPath[int]) -> Evaluation:
    """The run that pays an occurrence: whether it has begun or finished, how far it is, and what it pays by."""
    async with asking(request) as connection:
        occurrence = await _occurrence(connection, request, campaign, number)
        return await evaluation(connection, campaign, occurrence)


@read(
    "/tiered-campaigns/{campaign:uuid}/previews",
    roles=READERS,
    listing=PREVIEWS,
    problems=("not-found",),
    projections=("tiered_campaigns", "standings"),
)
async def list_previews(request: Request, campaign: FromPath[UUID]) -> AnswerPage[PreviewRow]:
    """A campaign's previews, newest first, beside what is so now."""
    selection = PREVIEWS.read(request.exchange.query)
    async with asking(request) as connection:
        await _known(connection, campaign)
        found, following = await previews.previews_page(connection, campaign, selection)
    return AnswerPage(found, following, request.position)


@read(
    "/tiered-campaigns/{campaign:uuid}/previews/{preview:uuid}",
    roles=READERS,
    projections=("tiered_campaigns", "standings"),
)
async def get_preview(request: Request, campaign: FromPath[UUID], preview: FromPath[UUID]) -> PreviewRow:
    """One preview, beside what is so now."""
    async with asking(request) as connection:
        return await _preview(connection, campaign, preview)


@read(
    "/tiered-campaigns/{campaign:uuid}/previews/{preview:uuid}/members",
    roles=READERS,
    listing=PREVIEW_MEMBERS,
    problems=("not-found",),
    projections=("tiered_campaigns", "standings"),
)
async def list_preview_members(
    request: Request, campaign: FromPath[UUID], preview: FromPath[UUID]
) -> AnswerPage[PreviewMemberRow]:
    """A preview's members with their points and how they come about."""
    selection = PREVIEW_MEMBERS.read(request.exchange.query)
    async with asking(request) as connection:
        await _preview(connection, campaign, preview)
        found, following = await previews.preview_members_page(connection, campaign, preview, selection)
    return AnswerPage(found, following, request.position)


@read(
    "/tiered-campaigns/{campaign:uuid}/previews/{preview:uuid}/compare/{other:uuid}",
    roles=READERS,
    listing=COMPARISON,
    problems=("not-found",),
    projections=("tiered_campaigns", "standings"),
)
async def list_preview_comparison(
    request: Request, campaign: FromPath[UUID], preview: FromPath[UUID], other: FromPath[UUID]
) -> AnswerPage[ComparisonRow]:
    """Two previews, member by member: both figures, the difference, and the facts that caused it."""
    selection = COMPARISON.read(request.exchange.query)
    async with asking(request) as connection:
        this, that = await _preview(connection, campaign, preview), await _preview(connection, campaign, other)
        found, following = await previews.comparison_page(
            connection, request.program.reads.mapper, this, that, selection
        )
    return AnswerPage(found, following, request.position)


async def _known(connection: AsyncConnection[Any], campaign: UUID) -> None:
    await known(connection, TIERED_CAMPAIGN.of(campaign), f"tiered campaign {campaign}")


async def _occurrence(connection: AsyncConnection[Any], request: Request, campaign: UUID, number: int) -> StatisticsRow:
    now = request.services.clock.now()
    found = await tiered_campaigns.occurrence(connection, campaign, number, now)
    return there(found, f"occurrence {number} of a tiered campaign {campaign}")


async def _preview(connection: AsyncConnection[Any], campaign: UUID, preview: UUID) -> PreviewRow:
    found = await previews.preview(connection, campaign, preview)
    return there(found, f"preview {preview} of a tiered campaign {campaign}")


TIERED_CAMPAIGN_READS = (
    list_tiered_campaigns,
    get_tiered_campaign,
    get_icon,
    list_statistics,
    list_occurrence_members,
    get_evaluation,
    list_previews,
    get_preview,
    list_preview_members,
    list_preview_comparison,
)
