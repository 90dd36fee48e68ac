"""The page of the whole program: its figures, and the listing of tiered campaigns."""

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from backoffice.frame.site import PageRequest, Site, asked, following, given
from backoffice.frame.totals import account_totals, accounts
from domain.tiered.campaign import Status
from projections.tiered.campaigns.queries import CAMPAIGNS, campaigns_page

PAGE_CAMPAIGNS = "25"


def program_routes(site: Site) -> list[HTTPRouteHandler]:
    services = site.services

    @get("/")
    async def program(request: PageRequest) -> Response[str]:
        """How the program is doing, now."""
        selection = asked(request, CAMPAIGNS, limit=PAGE_CAMPAIGNS, sort="next_evaluation_at")
        now = services.clock.now()
        async with services.pool.connection() as connection:
            rows, cursor = await campaigns_page(connection, selection, now)
            known = await accounts(connection)
            totals = await account_totals(connection, known)
            counts = await site.counting.counts(connection)
        return site.page(
            request,
            "program.html",
            rows=rows,
            following=following(request, cursor),
            totals=totals,
            counts=counts,
            statuses=list(Status),
            given=given(request),
        )

    return [program]
