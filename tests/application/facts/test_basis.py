"""What a fact stands on: it is asked as of its first record, however late and by whatever command it is asked."""

from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from application.achievements import commands as achievements
from application.catalogue.commands import ensure_default_account, put_entry
from application.definitions.catalogue import Catalogue
from application.facts import ingest
from application.facts.ingest import FactEffects
from application.log.mapper import Mapper
from application.log.streams import Stream
from application.log.working import Command, Working
from application.log.writer import Writer
from application.members.commands import change_list, put_member
from application.service.preconditions import Precondition
from application.streams import KINDS, TRANSACTION
from application.tiered import commands as tiered_campaigns
from domain.achievements.definition import Count, CountKind, Definition, Subject
from domain.catalogue.entries import EventType, MemberList, Segment
from domain.facts.event import Happening
from domain.facts.fact import FactKind
from domain.facts.outcomes import CompletionOutcome, ContributionOutcome, OmissionOutcome, OmissionReason
from domain.facts.transaction import Received, Status
from domain.tiered.definition import Aggregate, Audience
from domain.values.attributes import AttributeType
from tests.support.campaigns import CAMPAIGN, RULES, buy, definition, purchase, recount, running, standing
from tests.support.program import Program
from tests.support.progressing import ACHIEVEMENT_ID, day, progress, rule

ANY = Precondition()
THERE = Precondition(exists=True)
VIP = Audience(lists=("vip",))
GOLD = Audience(("gold",))
LATER = UUID(int=CAMPAIGN.int + 1)


@pytest.fixture
def program() -> Program:
    program = Program()
    program.do(partial(put_entry, entry=MemberList("vip", "VIP"), precondition=ANY))
    segment(program, 'member.tier == "gold"')
    return program


def segment(program: Program, expression: str) -> None:
    known = program.catalogue.segment("gold")
    program.do(partial(put_entry, entry=Segment("gold", "Gold", expression), precondition=THERE if known else ANY))


def joins(program: Program, *, joins: bool = True) -> None:
    program.do(partial(change_list, code="vip", member_id="M-1", joins=joins))


def becomes(program: Program, tier: str | None = None, referrer: str | None = None, **attributes: str) -> None:
    program.do(partial(put_member, member_id="M-1", tier=tier, attributes=dict(attributes), referrer=referrer))


def updated(program: Program, total: str = "20", **fields: Any) -> FactEffects:
    return program.do(partial(ingest.update, purchase=purchase(total=total, **fields)))


def accepted(program: Program) -> FactEffects:
    return program.do(partial(ingest.accept, transaction_id="T-1"))


def refunded(program: Program, amount: str) -> FactEffects:
    return program.do(partial(ingest.refund, transaction_id="T-1", amount=Decimal(amount), items=(), refund_id=None))


def reasons(answer: FactEffects) -> list[OmissionReason]:
    return [outcome.reason for outcome in answer.outcomes if isinstance(outcome, OmissionOutcome)]


def amounts(answer: FactEffects) -> list[str]:
    return [f"{outcome.amount:f}" for outcome in answer.outcomes if isinstance(outcome, ContributionOutcome)]


class TestMembership:
    def test_who_joins_a_list_later_is_not_in_the_audience(self, program: Program) -> None:
        running(program, audience=VIP)
        buy(program, purchase(), Status.PENDING)
        joins(program)
        assert reasons(updated(program)) == [OmissionReason.NOT_IN_AUDIENCE]
        assert accepted(program).outcomes == ()
        assert standing(program) is None

    def test_who_leaves_a_list_later_stays_in_it(self, program: Program) -> None:
        running(program, audience=VIP)
        joins(program)
        buy(program, purchase(), Status.PENDING)
        joins(program, joins=False)
        assert amounts(updated(program, "30")) == ["30"]
        assert amounts(accepted(program)) == ["30"]
        assert program.state(TRANSACTION.at("T-1")).memberships == ("list:vip",)

    def test_a_list_that_is_asked_about_for_the_first_time_is_asked_as_of_then(self, program: Program) -> None:
        running(program, audience=VIP)
        joins(program)
        buy(program, purchase(purchased_at=day(1, month=8)), Status.PENDING)
        joins(program, joins=False)
        assert amounts(updated(program)) == ["20"]

    @pytest.mark.parametrize(("tier", "later", "told"), [("gold", "silver", ["30"]), ("silver", "gold", [])])
    def test_a_tier_is_the_one_there_was(self, program: Program, tier: str, later: str, told: list[str]) -> None:
        running(program, audience=GOLD)
        becomes(program, tier)
        buy(program, purchase(), Status.PENDING)
        becomes(program, later)
        assert amounts(updated(program, "30")) == told

    @pytest.mark.parametrize(
        ("before", "after", "counts"),
        [
            ('member.tier == "gold"', 'member.tier == "silver"', True),
            ('member.tier == "silver"', 'member.tier == "gold"', False),
            ("1 / member.attributes.age > 0", 'member.tier == "gold"', False),
        ],
    )
    def test_a_segment_has_answered_for_good(self, program: Program, before: str, after: str, *, counts: bool) -> None:
        segment(program, before)
        running(program, audience=GOLD)
        becomes(program, "gold", age="0")
        buy(program, purchase(), Status.PENDING)
        segment(program, after)
        assert amounts(updated(program, "30")) == (["30"] if counts else [])
        assert amounts(updated(program, "40")) == (["40"] if counts else [])
        received = next(event for event in program.events if isinstance(event, Received))
        assert (received.memberships, received.outside)[not counts] == ("segment:gold",)

    def test_a_filter_over_the_member_sees_the_one_there_was(self, program: Program) -> None:
        running(program, filter={"expression": 'member.tier == "gold" and transaction.total >= 20'})
        becomes(program, "gold")
        buy(program, purchase(), Status.PENDING)
        becomes(program, "silver")
        assert amounts(updated(program, "30")) == ["30"]
        assert reasons(updated(program, "10")) == [OmissionReason.FILTER_NOT_MET]

    @pytest.mark.parametrize("kind", ["transaction", "event"])
    @pytest.mark.parametrize("member", [True, False])
    def test_an_edit_asks_about_the_member_there_was(self, program: Program, kind: str, *, member: bool) -> None:
        of_visits = EventType("visit", "Visit", {"n": AttributeType.NUMBER})
        program.do(partial(put_entry, entry=of_visits, precondition=ANY))
        counted: dict[str, Any] = {}
        if kind == "event":
            counted = {"entity": FactKind.EVENT, "event_type": "visit", "aggregate": Aggregate("n")}
        running(program, **counted)
        joins(program, joins=True)
        joins(program, joins=member)
        ahead = day(5, month=10)
        if kind == "event":
            visit = Happening("E-1", "visit", "M-1", ahead, attributes={"n": "20"})
            program.do(partial(ingest.receive_event, happening=visit, rules=RULES))
        else:
            buy(program, purchase(purchased_at=ahead))
        joins(program, joins=not member)
        edited = definition(audience=VIP, **counted)
        program.do(partial(tiered_campaigns.revise, campaign_id=CAMPAIGN, definition=edited, precondition=THERE))
        recount(program)
        found = standing(program, occurrence=2)
        assert found
        assert found.total == (20 if member else 0)


class TestRunning:
    def paused(self, program: Program) -> None:
        program.do(partial(tiered_campaigns.deactivate, campaign_id=CAMPAIGN))

    def activated(self, program: Program) -> None:
        program.do(partial(tiered_campaigns.activate, campaign_id=CAMPAIGN))

    def test_what_came_while_a_campaign_was_paused_never_counts(self, program: Program) -> None:
        running(program)
        self.paused(program)
        buy(program, purchase(), Status.PENDING)
        self.activated(program)
        assert reasons(updated(program)) == [OmissionReason.CAMPAIGN_INACTIVE]
        assert accepted(program).outcomes == ()

    def test_what_came_while_it_ran_is_counted_as_it_is_now_though_it_is_paused(self, program: Program) -> None:
        running(program, filter={"expression": "transaction.total > 20"})
        buy(program, purchase(), Status.PENDING)
        self.paused(program)
        assert amounts(updated(program, "30")) == ["30"]
        assert amounts(updated(program, "30", purchased_at=day(5, month=10))) == ["30", "0"]

    @pytest.mark.parametrize("pauses", [0, 1, 2])
    def test_how_often_it_was_paused_since_changes_nothing(self, program: Program, pauses: int) -> None:
        running(program)
        buy(program, purchase(), Status.PENDING)
        for _ in range(pauses):
            self.paused(program)
            self.activated(program)
        self.paused(program)
        assert amounts(updated(program, "30")) == ["30"]

    def test_a_campaign_of_later_did_not_run(self, program: Program) -> None:
        buy(program, purchase(), Status.PENDING)
        running(program)
        assert reasons(updated(program)) == [OmissionReason.CAMPAIGN_INACTIVE]
        assert amounts(buy(program, purchase("T-2"))) == ["20"]


class TestAchievements:
    def defined(self, program: Program, *rules: Any, active: bool = True) -> None:
        given = Definition(name="Buyer", rules=rules or (rule("1"),))
        program.do(partial(achievements.define, achievement_id=ACHIEVEMENT_ID, definition=given, active=active))

    def test_one_that_was_not_active_takes_nothing(self, program: Program) -> None:
        self.defined(program)
        program.do(partial(achievements.deactivate, achievement_id=ACHIEVEMENT_ID))
        buy(program, purchase(), Status.PENDING)
        program.do(partial(achievements.activate, achievement_id=ACHIEVEMENT_ID))
        assert reasons(accepted(program)) == [OmissionReason.ACHIEVEMENT_INACTIVE]

    def test_one_of_later_takes_nothing(self, program: Program) -> None:
        buy(program, purchase(), Status.PENDING)
        self.defined(program)
        assert reasons(accepted(program)) == [OmissionReason.ACHIEVEMENT_INACTIVE]

    def test_one_that_was_active_takes_it(self, program: Program) -> None:
        self.defined(program)
        buy(program, purchase(), Status.PENDING)
        program.do(partial(achievements.deactivate, achievement_id=ACHIEVEMENT_ID))
        assert CompletionOutcome(ACHIEVEMENT_ID, 1) in accepted(program).outcomes

    def test_conditions_and_what_is_measured_see_the_member_there_was(self, program: Program) -> None:
        gold = {"expression": 'member.tier == "gold"'}
        worth = Count(CountKind.SUM, expression="transaction.total * member.attributes.worth")
        self.defined(program, rule("99", count=worth, conditions=gold))
        becomes(program, "gold", worth="2")
        buy(program, purchase(), Status.PENDING)
        becomes(program, "silver", worth="3")
        accepted(program)
        held = progress(program)
        assert held
        assert held.of(1).buckets[0].amount == 40
        refunded(program, "10")
        held = progress(program)
        assert held
        assert held.of(1).buckets[0].amount == 20

    def test_a_referrer_is_the_one_there_was(self, program: Program) -> None:
        self.defined(program, rule("1", subject=Subject.REFERRER))
        buy(program, purchase(), Status.PENDING)
        becomes(program, referrer="R-1")
        assert reasons(accepted(program)) == [OmissionReason.NO_REFERRER]
        assert CompletionOutcome(ACHIEVEMENT_ID, 1, "R-1") in buy(program, purchase("T-2")).outcomes


class TestOlderFacts:
    """Those that do not say what they stand on: they go on with what there is."""

    def received(self, program: Program) -> None:
        buy(program, purchase(), Status.PENDING)
        stream = TRANSACTION.at("T-1")
        known = program.state(stream)
        program._states[stream.id] = (1, replace(known, basis=None, memberships=(), outside=()))

    def test_the_member_is_asked_as_they_are(self, program: Program) -> None:
        running(program, audience=VIP)
        self.received(program)
        joins(program)
        assert amounts(updated(program)) == ["20"]

    def test_a_paused_campaign_keeps_what_it_has_and_takes_nothing(self, program: Program) -> None:
        running(program)
        running(program, LATER, filter={"expression": "transaction.total > 20"})
        self.received(program)
        for campaign in (CAMPAIGN, LATER):
            program.do(partial(tiered_campaigns.deactivate, campaign_id=campaign))
        answer = updated(program, "30")
        assert (amounts(answer), reasons(answer)) == (["30"], [OmissionReason.CAMPAIGN_INACTIVE])


@pytest.mark.parametrize("batch", [1, 7, 100])
async def test_facts_are_the_same_in_one_batch_with_what_their_member_becomes(database: str, batch: int) -> None:
    """Also where what the member was is in no log yet."""
    commands: list[Command] = []
    for number in range(9):
        commands += [
            partial(change_list, code="vip", member_id="M-1", joins=number % 2 == 0),
            partial(ingest.receive_transaction, purchase=purchase(f"T-{number}"), status=Status.PENDING, rules=RULES),
        ]
        if number >= 2:
            commands.append(partial(ingest.update, purchase=purchase(f"T-{number - 2}", "10")))
    writer = Writer(database, Mapper(KINDS), Catalogue("UTC"))
    await writer.start()
    try:
        await writer.submit(ensure_default_account)
        await writer.submit(partial(put_entry, entry=MemberList("vip", "VIP"), precondition=ANY))
        await writer.submit(partial(tiered_campaigns.define, campaign_id=CAMPAIGN, definition=definition(audience=VIP)))
        await writer.submit(partial(tiered_campaigns.activate, campaign_id=CAMPAIGN))
        for chunk in range(0, len(commands), batch):
            await writer.submit_many(commands[chunk : chunk + batch])
        for number in range(9):
            known = (await writer.submit(partial(_state, stream=TRANSACTION.at(f"T-{number}")))).answer
            assert [held.amount for held in known.contributions] == ([10 if number < 7 else 20] * (number % 2 == 0))
    finally:
        await writer.stop()


def _state(working: Working, stream: Stream[Any, Any]) -> Any:
    return working.state(stream)
