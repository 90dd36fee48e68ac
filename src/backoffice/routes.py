"""All pages, as handlers for the program's application."""

from typing import Any

from litestar import Response, Router
from litestar.types import ControllerRouterHandler

from backoffice.achievements.pages import achievement_routes
from backoffice.campaigns.pages import campaign_routes
from backoffice.decisions.pages import decision_routes
from backoffice.frame.assets import serve_asset
from backoffice.frame.services import PageServices
from backoffice.frame.sign_in import sign_in_routes
from backoffice.frame.site import PageRequest, Site
from backoffice.home.pages import program_routes
from backoffice.members.pages import member_routes
from backoffice.rendering import render
from backoffice.tiered.pages import tiered_campaign_routes


def routes(services: PageServices) -> list[ControllerRouterHandler]:
    """The pages under `/`, with what they need beside them: signing in under `/sign-in`, files under `/static`."""
    site = Site(services, render)

    # Handlers are copied deeply as they are registered: a bound method would have the whole program copied.
    async def anyone(request: PageRequest) -> Response[Any] | None:
        return site.admit_anyone(request)

    async def signed_in(request: PageRequest) -> Response[Any] | None:
        return await site.admit(request)

    failures = site.failures()
    pages = [
        *program_routes(site),
        *tiered_campaign_routes(site),
        *achievement_routes(site),
        *campaign_routes(site),
        *decision_routes(site),
        *member_routes(site),
    ]
    return [
        serve_asset,
        Router("/", route_handlers=sign_in_routes(site), before_request=anyone, exception_handlers=failures),
        Router("/", route_handlers=pages, before_request=signed_in, exception_handlers=failures),
    ]
