"""Campaigns: definition and life."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from litestar import Response
from litestar.params import FromPath, JSONBody
from uuid_utils.compat import uuid7

from api.http.commands import answer, answer_once
from api.http.request import Request
from api.http.routing import JUDGED, OPERATORS, command
from api.routes.campaigns import shapes
from api.routes.campaigns.shapes import CampaignAnswer
from application.bodies.base import EmptyBody
from application.campaigns import commands as campaigns
from application.campaigns.bodies import CampaignBody, NewCampaignBody
from application.log.working import Working
from domain.campaigns.campaign import Campaign

NOTHING = EmptyBody()


@command("POST", "/campaigns", roles=OPERATORS, headers=("Idempotency-Key",), takes=JUDGED)
async def post_campaign(request: Request, data: JSONBody[NewCampaignBody]) -> Response[CampaignAnswer]:
    """Save a new campaign: a draft, which decides nothing until it is activated."""
    campaign, definition = data.id or uuid7(), data.definition()
    return await answer_once(
        request,
        lambda working: _shown(working, campaigns.define(working, campaign, definition)),
        201,
        versioned=True,
    )


@command(
    "PUT",
    "/campaigns/{campaign:uuid}",
    roles=OPERATORS,
    headers=("If-Match",),
    problems=("stale", "version-required"),
    takes=JUDGED,
)
async def put_campaign(request: Request, campaign: FromPath[UUID], data: JSONBody[CampaignBody]) -> CampaignAnswer:
    """Edit a campaign as a whole: whatever is decided from now on is decided by it."""
    definition, precondition = data.definition(), request.precondition()
    shown = await answer(
        request, lambda working: _shown(working, campaigns.revise(working, campaign, definition, precondition))
    )
    request.versioned(shown.version)
    return shown


@command("DELETE", "/campaigns/{campaign:uuid}", roles=OPERATORS, headers=("If-Match",), problems=("stale",))
async def delete_campaign(request: Request, campaign: FromPath[UUID]) -> CampaignAnswer:
    """Delete a campaign, at once and for good: it decides nothing more, and its history stays."""
    precondition = request.precondition()
    shown = await answer(request, lambda working: _shown(working, campaigns.delete(working, campaign, precondition)))
    request.versioned(shown.version)
    return shown


@command("POST", "/campaigns/{campaign:uuid}/activate", roles=OPERATORS, statuses=(200,), headers=("Idempotency-Key",))
async def activate_campaign(
    request: Request,
    campaign: FromPath[UUID],
    data: JSONBody[EmptyBody] = NOTHING,  # noqa: ARG001  read, so that whatever is in it is refused
) -> Response[CampaignAnswer]:
    """Have a complete campaign decide what is completed or progressed from now on."""
    return await _live(request, campaign, campaigns.activate)


@command("POST", "/campaigns/{campaign:uuid}/pause", roles=OPERATORS, statuses=(200,), headers=("Idempotency-Key",))
async def pause_campaign(
    request: Request,
    campaign: FromPath[UUID],
    data: JSONBody[EmptyBody] = NOTHING,  # noqa: ARG001  as above
) -> Response[CampaignAnswer]:
    """Pause a campaign at once: what happens until it is activated again is not decided by it."""
    return await _live(request, campaign, campaigns.pause)


@command("POST", "/campaigns/{campaign:uuid}/duplicate", roles=OPERATORS, headers=("Idempotency-Key",))
async def duplicate_campaign(
    request: Request,
    campaign: FromPath[UUID],
    data: JSONBody[EmptyBody] = NOTHING,  # noqa: ARG001  as above
) -> Response[CampaignAnswer]:
    """Save a new draft that is like the campaign."""
    copy = uuid7()
    return await answer_once(
        request,
        lambda working: _shown(working, campaigns.duplicate(working, campaign, copy)),
        201,
        versioned=True,
    )


async def _live(request: Request, campaign: UUID, change: Callable[[Working, UUID], Campaign]) -> Response[Any]:
    return await answer_once(request, lambda working: _shown(working, change(working, campaign)), versioned=True)


def _shown(working: Working, campaign: Campaign) -> CampaignAnswer:
    warnings = campaigns.warnings(working.catalogue, campaign.definition)
    return shapes.campaign(campaign, working.now, warnings)


CAMPAIGN_COMMANDS = (
    post_campaign,
    put_campaign,
    delete_campaign,
    activate_campaign,
    pause_campaign,
    duplicate_campaign,
)
