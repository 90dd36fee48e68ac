"""The pages about members: who there are, and what one of them did, reached, earned and why."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import Struct

from application.streams import MEMBER, MEMBER_EVENT
from backoffice.decisions.pages import mentioned
from backoffice.facts.words import concerned
from backoffice.frame.figures import figure
from backoffice.frame.names import names_of
from backoffice.frame.site import PageMissing, PageRequest, Site, asked, following, given, id_in_path
from backoffice.frame.totals import DEFAULT, accounts
from domain.facts.outcomes import Outcome
from domain.facts.transaction import Status, Transaction, refunded_so_far
from projections.achievements.progress import (
    MEMBER_ACHIEVEMENTS,
    PROGRESS_FACTS,
    ViewTime,
    manual_changes,
    member_achievement,
    member_achievements_page,
    progress_facts_page,
)
from projections.achievements.rows import FactOutcome
from projections.campaigns.queries import MEMBER_CAMPAIGNS, member_campaigns_page
from projections.decisions.queries import DECISIONS, DecisionQuery, decisions_page
from projections.facts.queries import MEMBER_FACTS, facts_page
from projections.history.log import Story, exists
from projections.members.accounts import MEMBER_ACCOUNTS, member_accounts_page
from projections.members.queries import MEMBERS, member, members_page
from projections.rewards.queries import (
    MEMBER_BADGES,
    MEMBER_COUPONS,
    MEMBER_REWARDS,
    member_badges_page,
    member_coupons_page,
    member_rewards_page,
)
from projections.tiered.standings.queries import MEMBER_STANDINGS, member_standings_page

PAGE_MEMBERS = "50"
PAGE_FACTS = "30"
MONEY_DECIMALS = 2
SHOWN = {"limit": "10"}
SHOWN_ACHIEVEMENTS = {"limit": "20", "sort": "name"}
SHOWN_CAMPAIGNS = {"limit": "20"}
SHOWN_GIFTS = {"limit": "50"}


class FactLine(Struct, frozen=True, gc=False):
    """A fact as it is shown: `said` is what the caller stated, in short."""

    id: str
    at: datetime
    said: str
    status: str
    outcomes: tuple[Outcome, ...]


def member_routes(site: Site) -> list[HTTPRouteHandler]:
    services = site.services

    @get("/members")
    async def show_members(request: PageRequest) -> Response[str]:
        """The members, and a way to find one."""
        selection = asked(request, MEMBERS, limit=PAGE_MEMBERS, sort="-registered_at")
        async with services.pool.connection() as connection:
            rows, cursor = await members_page(connection, services.mapper, selection)
        return site.page(request, "members.html", rows=rows, following=following(request, cursor), given=given(request))

    @get("/members/{member_id:str}")
    async def show_member(request: PageRequest, member_id: FromPath[str]) -> Response[str]:
        """A member: balances, progress, gifts, standings, and the story behind them."""
        member_id = id_in_path(member_id)
        now, zone, mapper = services.clock.now(), services.settings.time_zone, services.mapper
        async with services.pool.connection() as connection:
            found = await member(connection, mapper, member_id)
            if found is None:
                raise PageMissing(f"There is no member {member_id}.")
            found_accounts, _ = await member_accounts_page(connection, member_id, MEMBER_ACCOUNTS.read({}))
            balances = sorted(found_accounts, key=lambda balance: balance.account != DEFAULT)
            achievements, _ = await member_achievements_page(
                connection, mapper, member_id, MEMBER_ACHIEVEMENTS.read(SHOWN_ACHIEVEMENTS), ViewTime(now, zone)
            )
            badges, _ = await member_badges_page(connection, member_id, MEMBER_BADGES.read(SHOWN_GIFTS))
            rewards, _ = await member_rewards_page(connection, member_id, MEMBER_REWARDS.read(SHOWN_GIFTS))
            coupons, _ = await member_coupons_page(connection, member_id, MEMBER_COUPONS.read(SHOWN), now)
            campaigns, _ = await member_campaigns_page(
                connection, mapper, found, MEMBER_CAMPAIGNS.read(SHOWN_CAMPAIGNS), now, zone.key
            )
            standings, _ = await member_standings_page(connection, member_id, MEMBER_STANDINGS.read(SHOWN), now)
            decisions, _ = await decisions_page(connection, DecisionQuery(DECISIONS.read(SHOWN)), member_id)
            stories, _ = await facts_page(connection, mapper, MEMBER_FACTS.read(SHOWN), member=member_id)
            known = await accounts(connection)
            facts = [_fact(story) for story in stories]
            names = await names_of(connection, [*mentioned(decisions), *_concerned(facts)])
        return site.page(
            request,
            "member.html",
            member=found,
            balances=balances,
            achievements=achievements,
            badges=badges,
            rewards=rewards,
            coupons=coupons,
            campaigns=campaigns,
            standings=standings,
            decisions=decisions,
            facts=facts,
            accounts=known,
            names=names,
        )

    @get("/members/{member_id:str}/achievements/{achievement_id:uuid}")
    async def show_progress(
        request: PageRequest, member_id: FromPath[str], achievement_id: FromPath[UUID]
    ) -> Response[str]:
        """How far a member is with an achievement, and which facts counted for it or did not."""
        member_id = id_in_path(member_id)
        selection = asked(request, PROGRESS_FACTS, limit=PAGE_FACTS)
        at = ViewTime(services.clock.now(), services.settings.time_zone)
        async with services.pool.connection() as connection:
            if not await exists(connection, MEMBER.at(member_id)):
                raise PageMissing(f"There is no member {member_id}.")
            found = await member_achievement(connection, services.mapper, member_id, achievement_id, at)
            if found is None:
                raise PageMissing("There is no such achievement.")
            changes = await manual_changes(connection, member_id, achievement_id)
            facts, cursor = await progress_facts_page(connection, member_id, achievement_id, selection)
        return site.page(
            request,
            "progress.html",
            member=member_id,
            achievement=found,
            changes=changes,
            facts=facts,
            outcomes_there=list(FactOutcome),
            following=following(request, cursor),
            given=given(request),
        )

    return [show_members, show_member, show_progress]


def _fact(story: Story) -> FactLine:
    if story.kind == MEMBER_EVENT.name:
        happening = story.latest.happening
        attributes = [f"{name} {value}" for name, value in happening.attributes.items()]
        said = ", ".join([happening.type, *attributes])
        return FactLine(happening.id, happening.occurred_at, said, Status.ACCEPTED, story.latest.outcomes)
    known: Transaction = story.state
    purchase = known.purchase
    refunded = refunded_so_far(known)
    said = f"{figure(purchase.total, MONEY_DECIMALS)} {purchase.currency or ''}".strip()
    if refunded:
        said += f", {figure(refunded, MONEY_DECIMALS)} refunded"
    return FactLine(purchase.id, purchase.purchased_at, said, known.status, story.latest.outcomes)


def _concerned(facts: list[FactLine]) -> Iterator[UUID]:
    for fact in facts:
        for outcome in fact.outcomes:
            if about := concerned(outcome):
                yield about
