"""Campaigns with their figures, and as a member sees them."""

from datetime import datetime
from uuid import UUID

from litestar.params import FromPath
from msgspec import Struct
from msgspec.structs import asdict

from api.http.reads import asking, there
from api.http.request import Request
from api.http.routing import FACT_READERS, READERS, AnswerPage, read
from api.routes.campaigns import shapes
from api.routes.campaigns.shapes import CampaignAnswer
from domain.campaigns.campaign import Status, status
from domain.campaigns.definition import CampaignTrigger, CampaignType
from domain.values.amounts import written
from domain.values.interval import Interval
from projections.campaigns import queries as campaigns
from projections.campaigns.queries import CAMPAIGNS, MEMBER_CAMPAIGNS, CampaignRow, MemberCampaignRow
from projections.listing.page import Figure
from projections.members import queries as members


class CampaignSummary(Struct, frozen=True, gc=False, kw_only=True):
    """A campaign in a list.

    `executions` and `units_given` are of grants that were not cancelled. `budget` is the limit of all units together,
    for life or per `budget_interval`, and `budget_left` what can still be given now; null where there is none.
    """

    id: UUID
    name: str
    type: CampaignType
    trigger: CampaignTrigger
    achievement: UUID | None
    status: Status
    starts_at: datetime | None
    ends_at: datetime | None
    display_order: int
    labels: dict[str, str]
    executions: int
    refusals: int
    units_given: Figure
    budget: Figure | None
    budget_interval: Interval | None
    budget_left: Figure | None
    revision: int


class CampaignView(CampaignAnswer, frozen=True, gc=False, kw_only=True):
    """A campaign with its figures: those of a list, how many grants were cancelled, how many members have been given
    something, and its last decision.
    """

    executions: int
    cancellations: int
    refusals: int
    units_given: Figure
    budget_left: Figure | None
    members: int
    last_decision: UUID | None
    last_decided_at: datetime | None


@read("/campaigns", roles=READERS, listing=CAMPAIGNS, projections=("campaigns",))
async def list_campaigns(request: Request) -> AnswerPage[CampaignSummary]:
    """Campaigns as they stand now, in the order they are shown in; deleted ones only when their status is asked for."""
    selection, now = CAMPAIGNS.read(request.exchange.query), request.services.clock.now()
    async with asking(request) as connection:
        found, following = await campaigns.campaigns_page(connection, request.program.reads.mapper, selection, now)
    return AnswerPage([_listed(row, now) for row in found], following, request.position)


@read("/campaigns/{campaign:uuid}", roles=READERS, projections=("campaigns", "decisions"))
async def get_campaign(request: Request, campaign: FromPath[UUID]) -> CampaignView:
    """One campaign, deleted ones too, with its figures and its ETag."""
    now = request.services.clock.now()
    async with asking(request) as connection:
        found = await campaigns.campaign(connection, request.program.reads.mapper, campaign, now)
        row = there(found, f"campaign {campaign}")
        reach = await campaigns.reach(connection, campaign)
        warnings = await campaigns.warnings(connection, request.program.reads.mapper, row.campaign.definition)
    request.versioned(row.campaign.version)
    return CampaignView(
        **asdict(shapes.campaign(row.campaign, now, warnings, request.position)),
        executions=row.executions,
        cancellations=row.cancellations,
        refusals=row.refusals,
        units_given=row.units_given,
        budget_left=row.budget_left,
        members=reach.members,
        last_decision=reach.last_decision,
        last_decided_at=reach.last_decided_at,
    )


@read(
    "/members/{member:str}/campaigns",
    roles=FACT_READERS,
    listing=MEMBER_CAMPAIGNS,
    problems=("not-found",),
    projections=("members", "campaigns", "catalogue"),
)
async def list_member_campaigns(request: Request, member: FromPath[str]) -> AnswerPage[MemberCampaignRow]:
    """The campaigns that a member sees, in order: what each still has for the member, or what is missing where it has
    nothing now.
    """
    selection, mapper = MEMBER_CAMPAIGNS.read(request.exchange.query), request.program.reads.mapper
    now, zone = request.services.clock.now(), request.services.settings.time_zone.key
    async with asking(request) as connection:
        known = there(await members.member(connection, mapper, member), f"member `{member}`")
        found, following = await campaigns.member_campaigns_page(connection, mapper, known, selection, now, zone)
    return AnswerPage(found, following, request.position)


def _listed(row: CampaignRow, now: datetime) -> CampaignSummary:
    campaign, definition = row.campaign, row.campaign.definition
    budget = definition.limits.total_units
    return CampaignSummary(
        id=campaign.id,
        name=definition.name,
        type=definition.type,
        trigger=definition.trigger,
        achievement=definition.achievement,
        status=status(campaign, now),
        starts_at=definition.starts_at,
        ends_at=definition.ends_at,
        display_order=definition.display_order,
        labels=definition.labels,
        executions=row.executions,
        refusals=row.refusals,
        units_given=row.units_given,
        budget=written(budget.value) if budget else None,
        budget_interval=budget.interval if budget else None,
        budget_left=row.budget_left,
        revision=campaign.revision,
    )


CAMPAIGN_READS = (list_campaigns, get_campaign, list_member_campaigns)
