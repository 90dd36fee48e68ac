"""The pages of achievements: the listing, and one of them."""

from uuid import UUID

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from backoffice.frame.site import PageMissing, PageRequest, Site, asked, following, given
from domain.achievements.achievement import Status
from domain.achievements.warnings import achievement_warnings
from projections.achievements.queries import ACHIEVEMENTS, achievement, achievements_page
from projections.campaigns.queries import CAMPAIGNS, campaigns_page

PAGE_ACHIEVEMENTS = "25"
SHOWN_CAMPAIGNS = "50"


def achievement_routes(site: Site) -> list[HTTPRouteHandler]:
    services = site.services

    @get("/achievements")
    async def show_achievements(request: PageRequest) -> Response[str]:
        """The achievements there are, and how far members are with them."""
        selection = asked(request, ACHIEVEMENTS, limit=PAGE_ACHIEVEMENTS, sort="name")
        async with services.pool.connection() as connection:
            rows, cursor = await achievements_page(connection, selection)
        return site.page(
            request,
            "achievements.html",
            rows=rows,
            following=following(request, cursor),
            statuses=list(Status),
            given=given(request),
        )

    @get("/achievements/{achievement_id:uuid}")
    async def show_achievement(request: PageRequest, achievement_id: FromPath[UUID]) -> Response[str]:
        """An achievement: what it asks, how far members are, and what rewards it."""
        on_it = CAMPAIGNS.read({"achievement": str(achievement_id), "limit": SHOWN_CAMPAIGNS})
        now = services.clock.now()
        async with services.pool.connection() as connection:
            found = await achievement(connection, services.mapper, achievement_id)
            if found is None:
                raise PageMissing("There is no such achievement.")
            campaigns, more = await campaigns_page(connection, services.mapper, on_it, now)
        return site.page(
            request,
            "achievement.html",
            row=found,
            achievement=found.achievement,
            warnings=achievement_warnings(found.achievement.definition, services.settings.time_zone),
            campaigns=campaigns,
            more_campaigns=more is not None,
        )

    return [show_achievements, show_achievement]
