"""Campaigns in SQL, which repeats rules of the domain to filter: both say the same of any history and any member."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import NamedTuple
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from application.postgres.connection import connect_async
from application.streams import CAMPAIGN, entry_at
from domain.campaigns import campaign as campaigns
from domain.campaigns.campaign import Campaign, Life, Status, status
from domain.campaigns.definition import Definition, People
from domain.campaigns.terms import PeopleTerms, includes
from domain.catalogue.entries import EntryPut, Segment
from domain.expressions import CompiledExpression, Type, compile_expression
from domain.facts.scope import member_scope
from domain.members.member import Member
from projections.campaigns.queries import (
    CAMPAIGNS,
    MEMBER_CAMPAIGNS,
    Hindrance,
    campaigns_page,
    member_campaigns_page,
)
from tests.projections.following import followed
from tests.projections.history import MAPPER, Log, Recording
from tests.projections.rewarding import START, definition

DAY = timedelta(days=1)
NUMBERS = count(1)
SEGMENTS = {"golden": 'member.tier == "gold"', "parisian": 'member.attributes.city == "Paris"'}
TIERS = ("gold", "silver")


class History(NamedTuple):
    """What has happened to a campaign."""

    definition: Definition
    lives: tuple[Life, ...]

    def events(self, campaign: UUID) -> Iterator[campaigns.Event]:
        yield campaigns.Defined(campaign, 1, self.definition, "UTC")
        for life in self.lives:
            match life:
                case Life.ACTIVE:
                    yield campaigns.Activated(campaign, START)
                case Life.PAUSED:
                    yield campaigns.Paused(campaign)
                case Life.DELETED:
                    yield campaigns.Deleted(campaign)

    def state(self, campaign: UUID) -> Campaign:
        state: Campaign | None = None
        for event in self.events(campaign):
            state = campaigns.evolve(state, event)
        assert state
        return state


def some(names: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(names), unique=True).map(tuple)


PEOPLE = st.just(People(everyone=True)) | st.builds(People, st.just(False), some(tuple(SEGMENTS)), some(TIERS))
DEFINITIONS = st.builds(
    lambda days, visibility, audience: definition(
        ends_at=None if days is None else START + days * DAY, visibility=visibility, audience=audience
    ),
    st.none() | st.integers(1, 3),
    PEOPLE,
    PEOPLE,
)
HISTORIES = st.builds(
    History,
    DEFINITIONS,
    st.sampled_from([(), (Life.ACTIVE,), (Life.ACTIVE, Life.PAUSED), (Life.ACTIVE, Life.DELETED), (Life.DELETED,)]),
)
MEMBERS = st.builds(
    lambda tier, city: Member("M-1", tier, {"city": city}),
    st.sampled_from((None, *TIERS)),
    st.sampled_from(("Paris", "Rome")),
)
NOWS = st.builds(
    lambda days, beside: START + days * DAY + timedelta(microseconds=beside), st.integers(1, 3), st.integers(-1, 0)
)


def segment(code: str) -> CompiledExpression:
    compiled = compile_expression(SEGMENTS[code], member_scope("UTC"), Type.BOOLEAN)
    assert isinstance(compiled, CompiledExpression)
    return compiled


def among(people: People, member: Member) -> bool:
    """As what decides has it."""
    terms = PeopleTerms(people.everyone, {code: segment(code) for code in people.segments}, people.tiers)
    return includes(terms, member, set())


@given(st.lists(HISTORIES, min_size=6, max_size=12), MEMBERS, NOWS)
@settings(max_examples=40)
async def test_campaigns_stand_and_are_seen_as_the_domain_has_it(
    conninfo: str, log: Log, lived: list[History], member: Member, now: datetime
) -> None:
    known = {UUID(int=next(NUMBERS)): history for history in lived}
    log.append(
        [Recording(entry_at(Segment, code), EntryPut(Segment(code, code, text))) for code, text in SEGMENTS.items()]
    )
    log.append(
        [Recording(CAMPAIGN.of(each), event) for each, history in known.items() for event in history.events(each)]
    )
    followed(conninfo)
    states = {each: history.state(each) for each, history in known.items()}
    async with await connect_async(conninfo, "test") as connection:
        for asked in Status:
            selection = CAMPAIGNS.read({"status": asked, "sort": "-id", "limit": "200"})
            found, _ = await campaigns_page(connection, MAPPER, selection, now)
            assert {row.campaign.id for row in found} & known.keys() == {
                each for each, state in states.items() if status(state, now) is asked
            }
        selection = MEMBER_CAMPAIGNS.read({"sort": "-display_order", "limit": "200"})
        seen, _ = await member_campaigns_page(connection, MAPPER, member, selection, now, "UTC")
    assert {row.id: Hindrance.NOT_IN_AUDIENCE not in row.missing for row in seen if row.id in known} == {
        each: among(state.definition.audience, member)
        for each, state in states.items()
        if state.life in (Life.ACTIVE, Life.PAUSED) and among(state.definition.visibility, member)
    }
