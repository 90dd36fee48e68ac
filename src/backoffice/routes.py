"""All pages, as handlers for the program's application."""

from litestar import Router
from litestar.types import ControllerRouterHandler

from backoffice.assets import serve_asset
from backoffice.campaigns import campaign_routes
from backoffice.members import member_routes
from backoffice.program import program_routes
from backoffice.services import Services
from backoffice.signing_in import sign_in_routes
from backoffice.site import Site


def routes(services: Services) -> list[ControllerRouterHandler]:
    """The pages under `/`, with what they need beside them: signing in under `/sign-in`, files under `/static`."""
    site = Site(services)
    failures = site.failures()
    pages = [*program_routes(site), *campaign_routes(site), *member_routes(site)]
    return [
        serve_asset,
        Router("/", route_handlers=sign_in_routes(site), before_request=_anyone, exception_handlers=failures),
        Router("/", route_handlers=pages, before_request=site.admit, exception_handlers=failures),
    ]


async def _anyone(_: object) -> None:
    """Signing in takes no session."""
