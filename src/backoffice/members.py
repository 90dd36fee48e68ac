"""The pages about members: who there are, and what one of them did, earned and why."""

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import Struct
from psycopg import AsyncConnection

from application.streams import MEMBER_EVENT
from backoffice.showing import figure
from backoffice.site import Missing, PageRequest, Site, asked, following, given, id_in_path
from backoffice.totals import DEFAULT, accounts
from domain.amounts import EXACT
from domain.outcomes import Contributed, Corrected, NotCounted, Outcome
from domain.transaction import Status, Transaction, left_to_refund
from projections.queries.accounts import MEMBER_ACCOUNTS, member_accounts_page
from projections.queries.asking import fetch_all
from projections.queries.decisions import DECISIONS, DecisionRow, DecisionsAsked, decisions_page
from projections.queries.facts import MEMBER_FACTS, facts_page
from projections.queries.log import Story
from projections.queries.members import MEMBERS, member, members_page
from projections.queries.standings import MEMBER_STANDINGS, MemberStandingRow, member_standings_page

PAGE_MEMBERS = "50"
MONEY_DECIMALS = 2
SHOWN = {"limit": "10"}


class Fact(Struct, frozen=True):
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
        """A member: balances, standings, and the story behind them."""
        member_id = id_in_path(member_id)
        now = services.clock.now()
        async with services.pool.connection() as connection:
            found = await member(connection, services.mapper, member_id)
            if found is None:
                raise Missing(f"There is no member {member_id}.")
            found_accounts, _ = await member_accounts_page(connection, member_id, MEMBER_ACCOUNTS.read({}))
            balances = sorted(found_accounts, key=lambda balance: balance.account != DEFAULT)
            standings, _ = await member_standings_page(connection, member_id, MEMBER_STANDINGS.read(SHOWN), now)
            decisions, _ = await decisions_page(connection, DecisionsAsked(DECISIONS.read(SHOWN)), member_id)
            stories, _ = await facts_page(connection, services.mapper, MEMBER_FACTS.read(SHOWN), member=member_id)
            known = await accounts(connection)
            facts = [_fact(story) for story in stories]
            names = await _names(connection, _mentioned(standings, decisions, facts))
        return site.page(
            request,
            "member.html",
            member=found,
            balances=balances,
            standings=standings,
            decisions=decisions,
            facts=facts,
            accounts=known,
            names=names,
        )

    return [show_members, show_member]


def _fact(story: Story) -> Fact:
    if story.kind == MEMBER_EVENT.name:
        happening = story.latest.happening
        attributes = [f"{name} {value}" for name, value in happening.attributes.items()]
        said = ", ".join([happening.type, *attributes])
        return Fact(happening.id, happening.occurred_at, said, Status.ACCEPTED, story.latest.outcomes)
    known: Transaction = story.state
    purchase = known.purchase
    refunded = EXACT.subtract(purchase.total, left_to_refund(known))
    said = f"{figure(purchase.total, MONEY_DECIMALS)} {purchase.currency or ''}".strip()
    if refunded:
        said += f", {figure(refunded, MONEY_DECIMALS)} refunded"
    return Fact(purchase.id, purchase.purchased_at, said, known.status, story.latest.outcomes)


def _mentioned(standings: list[MemberStandingRow], decisions: list[DecisionRow], facts: list[Fact]) -> set[UUID]:
    """The tiered campaigns that any of it names."""
    return (
        {standing.tiered_campaign for standing in standings}
        | {decision.campaign for decision in decisions}
        | {
            outcome.tiered_campaign
            for fact in facts
            for outcome in fact.outcomes
            if isinstance(outcome, Contributed | Corrected | NotCounted) and outcome.tiered_campaign
        }
    )


async def _names(connection: AsyncConnection[Any], campaigns: set[UUID]) -> dict[UUID, str]:
    found = await fetch_all(
        connection,
        lambda *row: row,
        "SELECT id, name FROM p_tiered_campaigns.tiered_campaigns WHERE id = ANY(%(campaigns)s)",
        {"campaigns": list(campaigns)},
    )
    return dict(found)
