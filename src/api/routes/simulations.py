"""Simulations: what facts would do to a member, with nothing recorded."""

from typing import Annotated, NamedTuple

from litestar.params import JSONBody
from msgspec import Meta, Struct
from msgspec.structs import replace
from uuid_utils.compat import uuid7

from api.http.positions import write_position
from api.http.request import Request
from api.http.routing import READERS, command
from api.routes.facts import shapes
from api.routes.facts.batch import FactResult, refused, under
from application.achievements.bodies import NewAchievementBody
from application.bodies.base import Attributes, Codes, Label
from application.bodies.exact import Body, Identifier, Instant
from application.campaigns.bodies import NewCampaignBody
from application.facts.bodies import EventBody, Fact, FactBody, TransactionBody
from application.facts.commands import FactCommand, FactReceipt, command_of
from application.facts.ingest import Repeated, Rules
from application.service.refusals import Refusal
from application.simulation.drafts import achievement_draft, campaign_draft, drafts, tiered_campaign_draft
from application.simulation.simulation import Draft, MemberDescription, Simulation
from application.tiered.bodies import NewTieredCampaignBody
from domain.values.problems import Invalid
from projections.achievements.progress import ViewTime as ShownAt
from projections.decisions.decision import DecisionRow
from projections.simulation import queries as simulations
from projections.simulation.queries import SimulatedAccount, SimulatedCompletion, SimulatedProgress, SimulatedStanding

MOST_FACTS = 100
MOST_DRAFTS = 10


class DescribedMember(Body, frozen=True, kw_only=True):
    """A member as they are taken to be.

    Without an `id`, or with one that is not there, nothing was before. Of a member who is there, what is given takes
    the place of what is recorded.
    """

    id: Identifier | None = None
    tier: Label | None = None
    attributes: Attributes | None = None
    referrer: Identifier | None = None
    lists: Codes | None = None

    def described(self) -> MemberDescription:
        return MemberDescription(self.tier, self.attributes, self.referrer, self.lists)


class SimulatedTransactionBody(TransactionBody, frozen=True, kw_only=True):
    """A transaction, of the simulation's member where none is given."""

    member: Identifier = ""


class SimulatedEventBody(EventBody, frozen=True, kw_only=True):
    """An event, of the simulation's member where none is given."""

    member: Identifier = ""


class SimulatedFactBody(FactBody, frozen=True, kw_only=True):
    """One fact, as in a batch: exactly one of the fields is given."""

    transaction: SimulatedTransactionBody | None = None
    event: SimulatedEventBody | None = None


Drafts = Meta(max_length=MOST_DRAFTS)


class SimulationBody(Body, frozen=True, kw_only=True):
    """A `member`, there or described, and facts in order, taken in at `now` (the program's time where it is not given).

    Drafts are what a POST of each takes. They count as saved and active; one that has the id of a definition there is
    is taken for an edit of it.
    """

    member: Identifier | DescribedMember
    facts: Annotated[tuple[SimulatedFactBody, ...], Meta(min_length=1, max_length=MOST_FACTS)]
    now: Instant | None = None
    achievements: Annotated[tuple[NewAchievementBody, ...], Drafts] = ()
    campaigns: Annotated[tuple[NewCampaignBody, ...], Drafts] = ()
    tiered_campaigns: Annotated[tuple[NewTieredCampaignBody, ...], Drafts] = ()

    def who(self) -> tuple[str, MemberDescription | None]:
        """The member's id, a new one where none is given, and how they are described, if they are."""
        if isinstance(self.member, str):
            return self.member, None
        return self.member.id or str(uuid7()), self.member.described()

    def drafts(self) -> list[list[Draft]]:
        """In groups: what comes later may refer to what came before. Raises Invalid."""
        return [
            drafts("achievements", self.achievements, achievement_draft),
            drafts("campaigns", self.campaigns, campaign_draft),
            drafts("tiered_campaigns", self.tiered_campaigns, tiered_campaign_draft),
        ]


class SimulationAnswer(Struct, frozen=True, gc=False, kw_only=True):
    """What the facts would do, from the `position` on that the program stands at.

    `facts` are answered in order, as in a batch. Positions and ids after it are those there would be if nothing else
    came in between. A coupon's code that is made is only an example. Of the facts behind a decision the newest 50 are
    shown. `achievements`, `standings` and `accounts` are those that the facts move, as they would stand after them.
    """

    position: str
    member: str
    facts: list[FactResult]
    completions: list[SimulatedCompletion]
    decisions: list[DecisionRow]
    achievements: list[SimulatedProgress]
    standings: list[SimulatedStanding]
    accounts: list[SimulatedAccount]


@command("POST", "/simulations", roles=READERS, statuses=(200,))
async def post_simulation(request: Request, data: JSONBody[SimulationBody]) -> SimulationAnswer:
    """Say what facts would do to a member: progress, completions, decisions and points. Nothing is recorded."""
    member, described = data.who()
    read = _read(data, member, request.program.commands.facts.rules)
    groups = data.drafts()
    now = data.now or await request.services.clock.read()
    async with request.program.commands.simulator.simulate(now) as (simulation, connection):
        for group in groups:
            await simulation.draft(group)
        if described is not None:
            await _describe(simulation, member, described)
        await simulation.expect([each.fact for each in read])
        taken = [await simulation.take(each.fact, each.command) for each in read]
        at = ShownAt(now, request.services.settings.time_zone)
        shown = await simulations.shown(connection, request.program.reads.mapper, simulation, at)
    return SimulationAnswer(
        position=request.committed(simulation.began),
        member=member,
        facts=[await _result(request, each, outcome) for each, outcome in zip(read, taken, strict=True)],
        **shown._asdict(),
    )


class _SimulatedFact(NamedTuple):
    """A fact, and what takes it in; `at` is its pointer."""

    at: str
    fact: Fact
    command: FactCommand


def _read(data: SimulationBody, member: str, rules: Rules) -> list[_SimulatedFact]:
    """Raises Invalid."""
    found: list[_SimulatedFact] = []
    for number, body in enumerate(data.facts):
        at = f"/facts/{number}"
        try:
            name, fact = body.fact()
            at = f"{at}/{name}"
            fact = _of(fact, member)
            found.append(_SimulatedFact(at, fact, command_of(fact, rules)))
        except Invalid as invalid:
            raise under(at, invalid) from None
    return found


def _of(fact: Fact, member: str) -> Fact:
    return replace(fact, member=member) if isinstance(fact, TransactionBody | EventBody) and not fact.member else fact


async def _describe(simulation: Simulation, member: str, described: MemberDescription) -> None:
    try:
        await simulation.describe(member, described)
    except Invalid as invalid:
        raise under("/member", invalid) from None


async def _result(
    request: Request, read: _SimulatedFact, outcome: FactReceipt | Refusal | Invalid | Repeated
) -> FactResult:
    if isinstance(outcome, Repeated):
        outcome = await _again(request, read.fact, outcome)
    if isinstance(outcome, FactReceipt):
        is_new = isinstance(read.fact, TransactionBody | EventBody) and not outcome.repeated
        answer = shapes.fact(outcome.answer, write_position(outcome.position))
        return FactResult(201 if is_new else 200, answer=answer)
    return refused(request, under(read.at, outcome) if isinstance(outcome, Invalid) else outcome)


async def _again(request: Request, fact: Fact, repeated: Repeated) -> FactReceipt | Refusal:
    try:
        return await request.program.commands.facts.again(fact, repeated)
    except Refusal as refusal:
        return refusal


SIMULATION_COMMANDS = (post_simulation,)
