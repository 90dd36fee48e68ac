"""Members, and what is theirs: accounts, standings, decisions, facts."""

from litestar.params import FromPath

from api.http.reads import asking, known_member, shown_now
from api.http.request import Request
from api.http.routing import FACT_READERS, READERS, AnswerPage, read
from api.routes.decisions.reads import DECISION_PARAMETERS, decisions_asked
from api.routes.facts.reads import FactShown, shown
from api.routes.members import shapes
from api.routes.members.shapes import MemberAnswer
from application.streams import MEMBER
from projections.decisions.decision import DecisionRow
from projections.decisions.queries import DECISIONS, decisions_page
from projections.facts.queries import MEMBER_FACTS, facts_page
from projections.members import queries as members
from projections.members.accounts import MEMBER_ACCOUNTS, MemberAccountRow, member_accounts_page
from projections.members.queries import MEMBERS
from projections.tiered.standings.queries import MEMBER_STANDINGS, MemberStandingRow, member_standings_page


@read("/members", roles=FACT_READERS, listing=MEMBERS, projections=("members",))
async def list_members(request: Request) -> AnswerPage[MemberAnswer]:
    """Members."""
    selection = MEMBERS.read(request.exchange.query)
    async with asking(request) as connection:
        found, following = await members.members_page(connection, request.program.reads.mapper, selection)
    at = request.position
    return AnswerPage([shapes.member(each, at) for each in found], following, at)


@read("/members/{member:str}", roles=FACT_READERS, current=True)
async def get_member(request: Request, member: FromPath[str]) -> MemberAnswer:
    """One member."""
    found = await shown_now(request, MEMBER.at(member), f"member `{member}`")
    return shapes.member(found.state, request.position)


@read(
    "/members/{member:str}/accounts",
    roles=FACT_READERS,
    listing=MEMBER_ACCOUNTS,
    problems=("not-found",),
    projections=("members", "catalogue", "decisions", "standings", "tiered_campaigns"),
)
async def list_member_accounts(request: Request, member: FromPath[str]) -> AnswerPage[MemberAccountRow]:
    """A member's points, pending and awarded, by account, with the entries that make them up."""
    selection = MEMBER_ACCOUNTS.read(request.exchange.query)
    async with asking(request) as connection:
        await known_member(connection, member)
        found, following = await member_accounts_page(connection, member, selection)
    return AnswerPage(found, following, request.position)


@read(
    "/members/{member:str}/tiered-campaigns",
    roles=READERS,
    listing=MEMBER_STANDINGS,
    problems=("not-found",),
    projections=("members", "standings", "tiered_campaigns"),
)
async def list_member_tiered_campaigns(request: Request, member: FromPath[str]) -> AnswerPage[MemberStandingRow]:
    """Where a member stands: total, tier and points in each occurrence, and the way to the next tier."""
    selection = MEMBER_STANDINGS.read(request.exchange.query)
    async with asking(request) as connection:
        await known_member(connection, member)
        found, following = await member_standings_page(connection, member, selection, request.services.clock.now())
    return AnswerPage(found, following, request.position)


@read(
    "/members/{member:str}/decisions",
    roles=READERS,
    listing=DECISIONS,
    problems=("not-found",),
    parameters=DECISION_PARAMETERS,
    projections=("members", "decisions"),
)
async def list_member_decisions(request: Request, member: FromPath[str]) -> AnswerPage[DecisionRow]:
    """What was decided for a member, and what may have given them something as a referrer, newest first."""
    asked = await decisions_asked(request)
    async with asking(request) as connection:
        await known_member(connection, member, asked.as_of)
        found, following = await decisions_page(connection, asked, member)
    return AnswerPage(found, following, request.position)


@read(
    "/members/{member:str}/facts",
    roles=FACT_READERS,
    listing=MEMBER_FACTS,
    problems=("not-found",),
    projections=("members", "facts"),
)
async def list_member_facts(request: Request, member: FromPath[str]) -> AnswerPage[FactShown]:
    """What a member did, the last recorded first."""
    selection = MEMBER_FACTS.read(request.exchange.query)
    async with asking(request) as connection:
        await known_member(connection, member)
        found, following = await facts_page(connection, request.program.reads.mapper, selection, member=member)
    return AnswerPage([shown(story, request.position) for story in found], following, request.position)


MEMBER_READS = (
    list_members,
    get_member,
    list_member_accounts,
    list_member_tiered_campaigns,
    list_member_decisions,
    list_member_facts,
)
