"""A simulation says what would be: field by field what is then done, and nothing of it is recorded."""

import asyncio
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from application.achievements import commands as achievements
from application.catalogue.coupons import add_codes
from application.facts.bodies import (
    AcceptFact,
    EventBody,
    Fact,
    RefundFact,
    RejectFact,
    ReturnedBody,
    TransactionBody,
    UpdateFact,
)
from application.facts.commands import FactReceipt, command_of
from application.facts.ingest import FactEffects, Repeated
from application.members.commands import put_member
from application.service.preconditions import Precondition
from application.service.refusals import Conflict, Refusal
from application.simulation.simulation import DECISIONS, Draft, MemberDescription, Simulation, TooMuch
from application.streams import MEMBER, TRANSACTION
from domain.achievements.definition import Count, CountKind, Definition, Subject
from domain.achievements.progress import Advanced, Completed
from domain.campaigns.award_policy import Decided
from domain.campaigns.definition import CampaignTrigger, CampaignType, Limits, OnExhausted, People, Recipient
from domain.campaigns.participation import AwardReason, Granted, Refused
from domain.catalogue.coupon_code import Issued
from domain.catalogue.entries import Coupon, EventType, Generator, MemberList, Reward, Segment
from domain.facts.transaction import Accepted, Received
from domain.values.attributes import AttributeType
from domain.values.problems import Invalid, Problem
from tests.support.campaigns import RULES, running
from tests.support.deciding import at_most
from tests.support.program import MAPPER, Program
from tests.support.progressing import ACHIEVEMENT_ID, OTHER_ID, day, rule, tracking
from tests.support.rewarding import OTHER_CAMPAIGN, SEED, coupon, decide, prize, put, reward, rewarding, units

THIRD_CAMPAIGN = UUID("018f0000-0000-7000-8000-0000000000c3")
ANY_OR_NONE = Precondition()


class Recorded:
    """What a program in memory has recorded, as a simulation loads it."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.position = len(program.history)
        self.loads = 0

    async def load(self, keys: Sequence[bytes]) -> dict[bytes, tuple[int, Any]]:
        self.loads += 1
        return {key: self._program.loaded(key) for key in keys}


def simulating(program: Program) -> Simulation:
    return Simulation(Recorded(program), MAPPER, program.catalogue.forked(), program.now, SEED)


async def simulated(program: Program, *facts: Fact) -> tuple[list[Any], list[Any]]:
    """The answers, and the events that would be recorded."""
    simulation = simulating(program)
    await simulation.expect(facts)
    answers = [await simulation.take(fact, command_of(fact, RULES)) for fact in facts]
    return answers, [recorded.event for recorded in simulation.events]


def done(program: Program, fact: Fact) -> FactEffects | Exception:
    """What it is answered, everything that it triggers decided."""
    try:
        answer = program.do(command_of(fact, RULES))
    except (Refusal, Invalid, Repeated) as refused:
        return refused
    decide(program)
    return answer


def bought(number: int, member: str = "M-1", total: str = "20", on: int = 5, **fields: Any) -> TransactionBody:
    return TransactionBody(id=f"T-{number}", member=member, purchased_at=day(on), total=Decimal(total), **fields)


def told(outcome: object) -> object:
    """What an answer says, to be compared."""
    match outcome:
        case FactReceipt(answer=answer):
            return answer
        case Invalid(problems=problems):
            return problems
        case Refusal():
            return type(outcome), outcome.code, outcome.detail
        case _:
            return outcome


def unplaced(events: Sequence[Any]) -> list[Any]:
    """Events less what the award policy notes about itself, and the positions that are moved by it."""
    return [
        replace(event, trigger=replace(event.trigger, position=0)) if isinstance(event, Granted | Refused) else event
        for event in events
        if not isinstance(event, Decided)
    ]


def completed(events: Iterable[Any]) -> list[str]:
    """Who completed something."""
    return [event.member for event in events if isinstance(event, Completed)]


@pytest.fixture
def program() -> Program:
    return world()


def world() -> Program:
    program = Program()
    put(program, Segment("vip", "vip", 'member.tier == "gold"'))
    put(program, MemberList("friends", "Friends"))
    put(program, Coupon("pool", "pool"))
    put(program, Reward("mug", "mug", stock=2))
    put(program, EventType("workout", "Workout", {"minutes": AttributeType.NUMBER}))
    program.do(lambda working: add_codes(working, "pool", ["A", "B", "C"]))
    program.do(lambda working: put_member(working, "M-1", "gold", {}, "M-2"))
    tracking(program, rule("2"))
    tracking(
        program,
        rule("60", count=Count(CountKind.SUM, expression="transaction.total"), subject=Subject.REFERRER),
        achievement=OTHER_ID,
    )
    rewarding(
        program,
        prize(units("transaction.total * 0.25"), coupon("pool")),
        prize(reward("mug"), conditions={"expression": "transaction.total > 30"}),
        limits=Limits(total_units=at_most("25"), on_exhausted=OnExhausted.CLAMP),
    )
    rewarding(
        program,
        prize(units("7", Recipient.REFERRER)),
        at=OTHER_CAMPAIGN,
        type=CampaignType.REFERRAL,
        audience=People(everyone=False, segments=("vip",)),
        limits=Limits(member_executions=at_most("2", "month")),
    )
    rewarding(
        program,
        prize(units("progress.value")),
        at=THIRD_CAMPAIGN,
        achievement=OTHER_ID,
        trigger=CampaignTrigger.ACHIEVEMENT_PROGRESSED,
    )
    running(program)
    return program


totals = st.sampled_from(["5", "20", "35.50", "60"])
numbers = st.integers(1, 4)
facts = st.one_of(
    st.builds(
        bought,
        numbers,
        st.sampled_from(["M-1", "M-2", "M-3"]),
        totals,
        st.integers(1, 28),
        status=st.sampled_from(["pending", "accepted", "accepted"]),
    ),
    st.builds(
        lambda number, minutes: EventBody(
            id=f"E-{number}", type="workout", member="M-1", occurred_at=day(3), attributes={"minutes": minutes}
        ),
        numbers,
        st.sampled_from(["10", "much"]),
    ),
    st.builds(lambda number: AcceptFact(id=f"T-{number}"), numbers),
    st.builds(lambda number: RejectFact(id=f"T-{number}"), numbers),
    st.builds(lambda number, total: UpdateFact(id=f"T-{number}", total=Decimal(total)), numbers, totals),
    st.builds(
        lambda number, amount: RefundFact(id=f"T-{number}", amount=amount and Decimal(amount)),
        numbers,
        st.none() | totals,
    ),
)


@settings(max_examples=150)
@given(st.lists(facts, max_size=6), st.lists(facts, min_size=1, max_size=8))
async def test_what_is_simulated_is_what_is_done(before: list[Fact], asked: list[Fact]) -> None:
    program = world()
    for fact in before:
        done(program, fact)
    events = len(program.events)
    answers, simulated_events = await simulated(program, *asked)
    assert len(program.events) == events
    for fact, answer in zip(asked, answers, strict=True):
        happened = done(program, fact)
        if isinstance(happened, Repeated):
            assert isinstance(answer, Repeated | Conflict) or answer.repeated
        else:
            assert told(answer) == told(happened)
    assert unplaced(simulated_events) == unplaced(program.events[events:])


async def test_a_fact_that_comes_twice_is_answered_again(program: Program) -> None:
    fact = bought(1)
    (first, again, another), events = await simulated(program, fact, fact, bought(1, total="30"))
    assert (first.repeated, again.repeated) == (False, True)
    assert again.answer == first.answer
    assert again.position < first.position + len(events)
    assert isinstance(another, Conflict)
    done(program, fact)
    (known,), nothing = await simulated(program, fact)
    assert isinstance(known, Repeated)
    assert not nothing


async def test_a_refund_that_comes_twice_is_answered_again(program: Program) -> None:
    done(program, bought(1))
    done(program, RefundFact(id="T-1", refund_id="R-0", amount=Decimal(1)))
    refund = RefundFact(id="T-1", refund_id="R-1", items=(ReturnedBody("SKU-1", Decimal(1)),))
    back = RefundFact(id="T-1", refund_id="R-2", amount=Decimal(2))
    known = RefundFact(id="T-1", refund_id="R-0", amount=Decimal(1))
    (refused, taken, again, recorded), _ = await simulated(program, refund, back, back, known)
    assert isinstance(refused, Invalid)
    assert (taken.repeated, again.repeated) == (False, True)
    assert again.answer == taken.answer
    assert isinstance(recorded, Repeated)


async def test_facts_load_what_they_concern_in_few_rounds(program: Program) -> None:
    store = Recorded(program)
    simulation = Simulation(store, MAPPER, program.catalogue.forked(), program.now, SEED)
    asked = [bought(number) for number in range(1, 5)]
    await simulation.expect(asked)
    for fact in asked:
        await simulation.take(fact, command_of(fact, RULES))
    assert store.loads <= 10


async def test_positions_count_on_from_where_it_began(program: Program) -> None:
    simulation = simulating(program)
    taken = await simulation.take(bought(1), command_of(bought(1), RULES))
    assert isinstance(taken, FactReceipt)
    assert simulation.began == len(program.history)
    assert [recorded.position for recorded in simulation.events] == list(
        range(simulation.began + 1, simulation.position + 1)
    )
    assert taken.position <= simulation.position


async def described(program: Program, member: str, as_: MemberDescription, *asked: Fact) -> list[Any]:
    simulation = simulating(program)
    await simulation.describe(member, as_)
    await simulation.expect(asked)
    for fact in asked:
        taken = await simulation.take(fact, command_of(fact, RULES))
        assert isinstance(taken, FactReceipt), taken
    return [recorded.event for recorded in simulation.events]


async def test_a_described_member_is_taken_as_given(program: Program) -> None:
    both = bought(1, "M-9"), bought(2, "M-9")
    for tier, reasons in (("gold", []), (None, [AwardReason.NOT_IN_AUDIENCE])):
        events = await described(program, "M-9", MemberDescription(tier=tier, referrer="M-3"), *both)
        refused = [event for event in events if isinstance(event, Refused) and event.campaign == OTHER_CAMPAIGN]
        assert [why.code for event in refused for why in event.reasons] == reasons
    assert program.state(MEMBER.at("M-9")) is None


async def test_a_description_takes_the_place_of_what_is_recorded(program: Program) -> None:
    done(program, bought(1))
    events = await described(program, "M-1", MemberDescription(tier="silver"), bought(2))
    assert completed(events) == ["M-1"]
    (refused,) = [event for event in events if isinstance(event, Refused) and event.campaign == OTHER_CAMPAIGN]
    assert [why.code for why in refused.reasons] == [AwardReason.NOT_IN_AUDIENCE]
    # the referrer who is recorded progresses
    assert {event.member for event in events if isinstance(event, Advanced)} == {"M-1", "M-2"}


async def test_a_description_holds_from_then_on(program: Program) -> None:
    program.do(command_of(bought(1, status="pending"), RULES))
    events = await described(
        program, "M-1", MemberDescription(tier="silver", attributes={}), AcceptFact("T-1"), bought(2)
    )
    accepted, received = (event for event in events if isinstance(event, Accepted | Received))
    assert isinstance(accepted, Accepted)
    assert isinstance(received, Received)
    was = program.version(MEMBER.at("M-1"))
    assert program.state(TRANSACTION.at("T-1")).basis.member_version == was
    assert received.basis
    assert received.basis.member_version == was + 1


async def test_a_description_that_can_t_be_is_refused(program: Program) -> None:
    with pytest.raises(Invalid) as refused:
        await described(program, "M-1", MemberDescription(referrer="M-1", lists=("friends", "foes")))
    assert [problem.pointer for problem in refused.value.problems] == ["/lists/1", "/referrer"]
    with pytest.raises(Invalid) as refused:
        await described(program, "M-2", MemberDescription(referrer="M-1"))
    assert [(problem.pointer, problem.code) for problem in refused.value.problems] == [("/referrer", "referrer_cycle")]


async def test_more_decisions_than_anyone_reads_are_refused() -> None:
    program = Program()
    tracking(program, rule("1"))
    for number in range(20):
        rewarding(program, at=UUID(int=7 << 76 | 2 << 62 | number))
    simulation = simulating(program)
    for number in range(DECISIONS // 20):
        await simulation.take(bought(number), command_of(bought(number), RULES))
    with pytest.raises(TooMuch):
        await simulation.take(bought(999), command_of(bought(999), RULES))


def tracked(achievement: UUID, goal: str) -> Draft:
    drafted = Definition(name="Draft", rules=(rule(goal),))
    return Draft(
        "/achievements/0",
        lambda working: achievements.revise(working, achievement, drafted, Precondition(exists=True), active=True),
    )


async def test_drafts_are_laid_over_a_copy(program: Program) -> None:
    simulation = simulating(program)
    live = dict(program.catalogue.achievements)
    await simulation.draft([tracked(ACHIEVEMENT_ID, "1")])
    await simulation.take(bought(1), command_of(bought(1), RULES))
    # what is compiled of the copy stays with it
    assert completed(recorded.event for recorded in simulation.events) == ["M-1"]
    _, events = await simulated(program, bought(1))
    assert completed(events) == []
    assert program.catalogue.achievements == live


async def test_what_is_wrong_with_drafts_is_told_by_place(program: Program) -> None:
    def refuse(error: Exception) -> Any:
        def decide(_: Any) -> None:
            raise error

        return decide

    simulation = simulating(program)
    wrong = Draft("/campaigns/0", refuse(Invalid([Problem("/rules/0", "is odd")])))
    conflicting = Draft("/campaigns/1", refuse(Conflict("is archived", "achievement_archived")))
    with pytest.raises(Invalid) as refused:
        await simulation.draft([wrong, conflicting])
    assert refused.value.problems == [
        Problem("/campaigns/0/rules/0", "is odd"),
        Problem("/campaigns/1", "is archived", "achievement_archived"),
    ]


async def test_every_fact_of_a_simulation_is_given_a_code_of_its_own() -> None:
    program = Program()
    put(program, Coupon("made", "made", Generator()))
    tracking(program, rule("1"))
    rewarding(program, prize(coupon("made")))
    _, events = await simulated(program, *(bought(number) for number in range(30)))
    codes = [event.code for event in events if isinstance(event, Issued)]
    assert len(set(codes)) == 30


async def test_others_have_a_turn_between_facts() -> None:
    program = Program()
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await simulated(program, *(bought(number) for number in range(10)))
    task.cancel()
    assert turns >= 10
