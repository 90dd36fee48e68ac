"""The pages of campaigns: the listing, and one of them."""

from uuid import UUID

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from backoffice.frame.names import names_of
from backoffice.frame.site import PageMissing, PageRequest, Site, asked, following, given
from backoffice.frame.totals import accounts
from domain.campaigns.campaign import Status
from domain.campaigns.definition import CampaignType, missing
from projections.campaigns.queries import CAMPAIGNS, campaign, campaigns_page, reach, warnings
from projections.decisions.queries import DECISIONS, DecisionQuery, decisions_page

PAGE_CAMPAIGNS = "25"
SHOWN_DECISIONS = "15"


def campaign_routes(site: Site) -> list[HTTPRouteHandler]:
    services = site.services

    @get("/campaigns")
    async def show_campaigns(request: PageRequest) -> Response[str]:
        """The campaigns there are, with what they have given and what is left."""
        selection = asked(request, CAMPAIGNS, limit=PAGE_CAMPAIGNS)
        now = services.clock.now()
        async with services.pool.connection() as connection:
            rows, cursor = await campaigns_page(connection, services.mapper, selection, now)
            triggers = [row.campaign.definition.achievement for row in rows]
            names = await names_of(connection, [each for each in triggers if each])
        return site.page(
            request,
            "campaigns.html",
            rows=rows,
            names=names,
            following=following(request, cursor),
            statuses=list(Status),
            types=list(CampaignType),
            given=given(request),
        )

    @get("/campaigns/{campaign_id:uuid}")
    async def show_campaign(request: PageRequest, campaign_id: FromPath[UUID]) -> Response[str]:
        """A campaign: what it gives, to whom, within which limits, and what it decided."""
        latest = DECISIONS.read({"campaign": str(campaign_id), "limit": SHOWN_DECISIONS})
        now = services.clock.now()
        async with services.pool.connection() as connection:
            found = await campaign(connection, services.mapper, campaign_id, now)
            if found is None:
                raise PageMissing("There is no such campaign.")
            definition = found.campaign.definition
            reached = await reach(connection, campaign_id)
            decisions, more = await decisions_page(connection, DecisionQuery(latest))
            names = await names_of(connection, [definition.achievement or campaign_id])
            known = await accounts(connection)
            doubts = await warnings(connection, services.mapper, definition)
        return site.page(
            request,
            "campaign.html",
            row=found,
            campaign=found.campaign,
            missing=missing(definition),
            warnings=doubts,
            reach=reached,
            decisions=decisions,
            more_decisions=more is not None,
            names=names,
            accounts=known,
        )

    return [show_campaigns, show_campaign]
