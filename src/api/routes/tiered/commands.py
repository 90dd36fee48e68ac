"""Tiered campaigns: definition, life, icon, previews."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response
from litestar.params import FromPath, JSONBody
from msgspec import Struct
from uuid_utils.compat import uuid7

from api.http.commands import answer, answer_once
from api.http.request import Request
from api.http.routing import JUDGED, OPERATORS, BodyIntake, command
from api.routes.tiered import shapes
from api.routes.tiered.shapes import IconAnswer, PreviewAnswer, TieredCampaignAnswer
from application.bodies.base import EmptyBody
from application.log.working import Working
from application.tiered import commands as tiered_campaigns
from application.tiered.bodies import NewTieredCampaignBody, TieredCampaignBody
from domain.tiered.campaign import TieredCampaign
from domain.values.picture import MOST_BYTES
from projections.tiered.campaigns.queries import campaign_row

NOTHING = EmptyBody()
PICTURES = BodyIntake(("image/png", "image/jpeg", "image/gif", "image/webp"), MOST_BYTES)


@command("POST", "/tiered-campaigns", roles=OPERATORS, headers=("Idempotency-Key",), takes=JUDGED)
async def post_tiered_campaign(
    request: Request, data: JSONBody[NewTieredCampaignBody]
) -> Response[TieredCampaignAnswer]:
    """Save a new tiered campaign: a draft while required fields are missing, else inactive."""
    campaign, definition = data.id or uuid7(), data.definition()
    return await answer_once(
        request,
        lambda working: _shown(working, tiered_campaigns.define(working, campaign, definition)),
        201,
        versioned=True,
    )


@command(
    "PUT",
    "/tiered-campaigns/{campaign:uuid}",
    roles=OPERATORS,
    headers=("If-Match",),
    problems=("stale", "version-required"),
    takes=JUDGED,
)
async def put_tiered_campaign(
    request: Request, campaign: FromPath[UUID], data: JSONBody[TieredCampaignBody]
) -> TieredCampaignAnswer:
    """Edit a tiered campaign as a whole; occurrences that have started keep the terms they started with."""
    definition, precondition = data.definition(), request.precondition()
    shown = await answer(
        request,
        lambda working: _shown(working, tiered_campaigns.revise(working, campaign, definition, precondition)),
    )
    request.versioned(shown.version)
    return shown


@command(
    "POST",
    "/tiered-campaigns/{campaign:uuid}/activate",
    roles=OPERATORS,
    statuses=(200,),
    headers=("Idempotency-Key",),
)
async def activate_tiered_campaign(
    request: Request,
    campaign: FromPath[UUID],
    data: JSONBody[EmptyBody] = NOTHING,  # noqa: ARG001  read, so that whatever is in it is refused
) -> Response[TieredCampaignAnswer]:
    """Have a complete campaign count facts from now on."""
    return await _live(request, campaign, tiered_campaigns.activate)


@command(
    "POST",
    "/tiered-campaigns/{campaign:uuid}/deactivate",
    roles=OPERATORS,
    statuses=(200,),
    headers=("Idempotency-Key",),
)
async def deactivate_tiered_campaign(
    request: Request,
    campaign: FromPath[UUID],
    data: JSONBody[EmptyBody] = NOTHING,  # noqa: ARG001  as above
) -> Response[TieredCampaignAnswer]:
    """Pause a campaign: facts do not count, pending points stay, due evaluations wait."""
    return await _live(request, campaign, tiered_campaigns.deactivate)


@command(
    "POST",
    "/tiered-campaigns/{campaign:uuid}/archive",
    roles=OPERATORS,
    statuses=(200,),
    headers=("Idempotency-Key",),
)
async def archive_tiered_campaign(
    request: Request,
    campaign: FromPath[UUID],
    data: JSONBody[EmptyBody] = NOTHING,  # noqa: ARG001  as above
) -> Response[TieredCampaignAnswer]:
    """Archive an inactive campaign, for good: what is pending is void."""
    return await _live(request, campaign, tiered_campaigns.archive)


@command("PUT", "/tiered-campaigns/{campaign:uuid}/icon", roles=OPERATORS, takes=PICTURES)
async def put_icon(request: Request, campaign: FromPath[UUID]) -> IconAnswer:
    """Give a campaign its icon: a PNG, JPEG, GIF or WebP picture of at most 1 MiB, told by its content."""
    request.media_type()
    content = await request.body()
    return await answer(request, lambda working: IconAnswer("", tiered_campaigns.put_icon(working, campaign, content)))


@command("POST", "/tiered-campaigns/{campaign:uuid}/previews", roles=OPERATORS, headers=("Idempotency-Key",))
async def post_preview(
    request: Request,
    campaign: FromPath[UUID],
    data: JSONBody[EmptyBody] = NOTHING,  # noqa: ARG001  as above
) -> Response[PreviewAnswer]:
    """Freeze the pending points of every occurrence that is active or in grace; their calculation runs on its own."""
    preview = uuid7()
    answered = await answer_once(
        request,
        lambda working: shapes.preview(tiered_campaigns.request_preview(working, campaign, preview)),
        201,
    )
    await request.program.commands.previews.start(
        campaign, msgspec.json.decode(answered.content, type=_IdentifiedAnswer).id
    )
    return answered


class _IdentifiedAnswer(Struct):
    id: UUID


async def _live(request: Request, campaign: UUID, change: Callable[[Working, UUID], TieredCampaign]) -> Response[Any]:
    return await answer_once(request, lambda working: _shown(working, change(working, campaign)), versioned=True)


def _shown(working: Working, campaign: TieredCampaign) -> TieredCampaignAnswer:
    return shapes.tiered_campaign(campaign_row(campaign, working.catalogue.phases(campaign), working.now))


TIERED_CAMPAIGN_COMMANDS = (
    post_tiered_campaign,
    put_tiered_campaign,
    activate_tiered_campaign,
    deactivate_tiered_campaign,
    archive_tiered_campaign,
    put_icon,
    post_preview,
)
