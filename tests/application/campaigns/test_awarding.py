"""What is triggered is decided: in order, once, with everything that it takes and gives recorded beside it."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from application.campaigns import commands as campaigns
from application.campaigns.awarding import Draw, decided
from application.campaigns.cancellation import cancel_grant
from application.catalogue import commands as definitions
from application.catalogue.coupons import add_codes
from application.facts import ingest
from application.log.envelope import Cause
from application.log.events import Recorded
from application.log.streams import Stream
from application.members.commands import put_member
from application.service.preconditions import Precondition
from application.service.refusals import Conflict
from application.streams import CAMPAIGN_BUDGET, COUPON_CODE, PARTICIPATION, PROGRESS, STOCK
from domain.achievements.definition import Subject
from domain.achievements.progress import Adjusted, Advanced, Completed
from domain.campaigns.award_policy import Decided
from domain.campaigns.budget import Reserved, Returned
from domain.campaigns.definition import CampaignTrigger, CampaignType, Limits, OnExhausted, People, Recipient
from domain.campaigns.participation import (
    AwardReason,
    Cancelled,
    Granted,
    ReferralCounted,
    ReferralReleased,
    Refused,
    decision_id,
)
from domain.catalogue.coupon_code import Issued, Voided
from domain.catalogue.entries import Coupon, Generator, Reward, Segment
from domain.catalogue.stock import Returned as StockReturned
from domain.catalogue.stock import Taken
from domain.facts.transaction import Status
from domain.members.member import Registered
from domain.values.interval import moment_of
from tests.support.campaigns import buy, purchase
from tests.support.deciding import at_most
from tests.support.program import MAPPER, Program
from tests.support.progressing import ACHIEVEMENT_ID, OTHER_ID, day, rule, tracking
from tests.support.rewarding import (
    ANYTIME,
    CAMPAIGN,
    OTHER_CAMPAIGN,
    SEED,
    batch,
    campaign,
    cancel,
    carry_out,
    coupon,
    decide,
    decisions,
    prize,
    put,
    reward,
    rewarding,
    settle,
    stocked,
    turn,
    units,
)


class Forgetful(Program):
    """Counts how often what is not loaded is asked for, as a process does that has just started."""

    def __init__(self) -> None:
        self.loads = 0
        self._loaded: set[UUID] = set()
        super().__init__()

    def forget(self) -> None:
        self.loads = 0
        self._loaded.clear()

    def prefetch(self, streams: Iterable[Stream[Any, Any]]) -> None:
        missing = {stream.id for stream in streams} - self._loaded
        self.loads += bool(missing)
        self._loaded |= missing

    def state_if_known(self, stream: Stream[Any, Any]) -> Any:
        self._loaded.add(stream.id)
        return self.state(stream)

    def _held(self, stream: Stream[Any, Any]) -> tuple[int, Any]:
        self.prefetch([stream])
        return super()._held(stream)


@pytest.fixture
def program() -> Program:
    """Each purchase completes an achievement."""
    program = Program()
    tracking(program, rule("1"))
    return program


def bought(program: Program, *numbers: int, member: str = "M-1", **fields: Any) -> None:
    for number in numbers:
        buy(program, purchase(f"T-{number}", member=member, **fields))


def refusals(program: Program) -> list[list[AwardReason]]:
    return [[why.code for why in event.reasons] for event in decisions(program) if isinstance(event, Refused)]


def test_a_completion_is_decided_by_the_campaign_on_it(program: Program) -> None:
    rewarding(program, prize(units("2 * transaction.total")))
    bought(program, 1)
    (made,) = decide(program)
    granted = made.decision
    assert isinstance(granted, Granted)
    assert (granted.member, granted.units, granted.trigger.number) == ("M-1", Decimal(40), 1)
    assert granted.trigger.fact is not None
    assert granted.trigger.fact.id == "T-1"
    stream = PARTICIPATION.at(CAMPAIGN, "M-1").id
    assert made.id == decision_id(stream, 1)
    assert program.state(CAMPAIGN_BUDGET.at(CAMPAIGN)).units.total == 40
    completed = next(event for event in program.history if isinstance(event.event, Completed))
    assert (granted.trigger.stream, granted.trigger.version) == (completed.stream, completed.version)
    assert granted.trigger.position == completed.position


def test_what_is_decided_is_not_decided_again(program: Program) -> None:
    rewarding(program)
    bought(program, 1)
    asked = batch(program)
    assert len(decide(program, asked)) == 1
    assert decide(program, asked) == []
    assert decide(program) == []
    assert len(decisions(program)) == 1


def test_says_how_far_it_has_decided(program: Program) -> None:
    rewarding(program)
    bought(program, 1)
    asked = batch(program)
    decide(program, asked)
    assert [event for event in program.events if isinstance(event, Decided)] == [Decided(asked.upto)]


def test_a_batch_takes_from_budget_and_stock_once(program: Program) -> None:
    stocked(program, Reward("mug", "Mug"))
    rewarding(program, prize(units(), reward()))
    for number in range(5):
        bought(program, number, member=f"M-{number}")
    decide(program)
    assert [(type(event), getattr(event, "count", None)) for event in program.events[-3:]] == [
        (Reserved, None),
        (Taken, 5),
        (Decided, None),
    ]
    assert program.state(STOCK.at("reward", "mug")).given == 5


def test_a_budget_is_shared_to_the_last_unit(program: Program) -> None:
    rewarding(program, limits=Limits(total_units=at_most("250")))
    for number in range(4):
        bought(program, number, member=f"M-{number}")
    decide(program)
    assert [type(event) for event in decisions(program)] == [Granted, Granted, Refused, Refused]
    assert refusals(program) == [[AwardReason.BUDGET_EXHAUSTED]] * 2
    assert program.state(CAMPAIGN_BUDGET.at(CAMPAIGN)).units.total == 200


def test_a_clamped_budget_is_given_to_the_last_unit(program: Program) -> None:
    limits = Limits(total_units=at_most("250"), on_exhausted=OnExhausted.CLAMP)
    rewarding(program, limits=limits)
    for number in range(4):
        bought(program, number, member=f"M-{number}")
    decide(program)
    assert [event.units for event in decisions(program) if isinstance(event, Granted)] == [100, 100, 50]
    assert program.state(CAMPAIGN_BUDGET.at(CAMPAIGN)).units.total == 250


def test_earliest_start_decides_first(program: Program) -> None:
    rewarding(program, at=CAMPAIGN, starts_at=day(3, month=2))
    rewarding(program, at=OTHER_CAMPAIGN, starts_at=day(2, month=2))
    bought(program, 1, 2)
    decide(program)
    assert [event.campaign for event in decisions(program)] == [OTHER_CAMPAIGN, CAMPAIGN] * 2


def test_only_campaigns_of_its_achievement_and_within_their_dates(program: Program) -> None:
    tracking(program, rule("99"), achievement=OTHER_ID)
    rewarding(program, at=CAMPAIGN, achievement=OTHER_ID)
    rewarding(program, at=OTHER_CAMPAIGN, starts_at=day(5), ends_at=day(7))
    bought(program, 1, purchased_at=day(5, 11))
    bought(program, 2, purchased_at=day(5))
    bought(program, 3, purchased_at=day(7))
    decide(program)
    assert [event.trigger.number for event in decisions(program)] == [2]


def test_activation_does_not_reach_back(program: Program) -> None:
    program.do(lambda working: campaigns.define(working, CAMPAIGN, campaign()))
    bought(program, 1)
    program.do(lambda working: campaigns.activate(working, CAMPAIGN))
    bought(program, 2)
    decide(program)
    assert [event.trigger.number for event in decisions(program)] == [2]


def test_a_pause_is_immediate_and_is_not_made_up_for(program: Program) -> None:
    rewarding(program)
    bought(program, 1)
    program.do(lambda working: campaigns.pause(working, CAMPAIGN))
    bought(program, 2)
    program.do(lambda working: campaigns.activate(working, CAMPAIGN))
    bought(program, 3)
    settle(program)
    assert [event.trigger.number for event in decisions(program)] == [1, 3]


@pytest.mark.parametrize("ends", [campaigns.pause, campaigns.delete])
def test_what_was_triggered_before_a_campaign_stops_is_decided(
    program: Program, ends: Callable[[Any, UUID], object]
) -> None:
    rewarding(program)
    bought(program, 1)
    program.do(lambda working: ends(working, CAMPAIGN))
    bought(program, 2)
    settle(program)
    assert [event.trigger.number for event in decisions(program)] == [1]


def test_an_edit_holds_for_what_is_triggered_after_it(program: Program) -> None:
    rewarding(program)
    bought(program, 1)
    edited = campaign(prize(units("7")))
    program.do(lambda working: campaigns.revise(working, CAMPAIGN, edited, Precondition(exists=True)))
    bought(program, 2)
    settle(program)
    assert [(event.revision, event.units) for event in decisions(program) if isinstance(event, Granted)] == [
        (1, Decimal(100)),
        (2, Decimal(7)),
    ]


def test_what_campaigns_refer_to_is_as_it_was_at_the_trigger(program: Program) -> None:
    paris, rome = (Segment("local", "L", f'member.attributes.city == "{city}"') for city in ("Paris", "Rome"))
    put(program, paris)
    put(program, Coupon("spring", "Spring", value="1"))
    rewarding(program, prize(coupon()), audience=People(segments=("local",)))
    program.do(lambda working: add_codes(working, "spring", ["A", "B"]))
    program.do(lambda working: put_member(working, "M-1", None, {"city": "Paris"}, None))
    bought(program, 1)
    for entry in (rome, Coupon("spring", "Spring", value="2")):
        program.do(partial(definitions.put_entry, entry=entry, precondition=Precondition(exists=True)))
    bought(program, 2)
    settle(program)
    granted, refused = decisions(program)
    assert granted.rules[0].effects[0].value == 1
    assert isinstance(refused, Refused)


def test_a_coupon_is_good_from_its_trigger(program: Program) -> None:
    put(program, Coupon("spring", "Spring", valid_for="1 day"))
    program.do(lambda working: add_codes(working, "spring", ["A"]))
    rewarding(program, prize(coupon()))
    bought(program, 1)
    triggered_at = program.now
    program.now += timedelta(days=3)
    settle(program)
    assert decisions(program)[0].rules[0].effects[0].valid_until == triggered_at + timedelta(days=1)


def test_a_member_is_taken_as_they_were_when_they_triggered_it(program: Program) -> None:
    rewarding(program, audience=People(tiers=("gold",)))
    for number, tier in enumerate(("gold", "silver", "gold"), 1):
        program.do(partial(put_member, member_id="M-1", tier=tier, attributes={}, referrer=None))
        bought(program, number)
    program.do(partial(put_member, member_id="M-1", tier="silver", attributes={}, referrer=None))
    decide(program)
    assert [type(event) for event in decisions(program)] == [Granted, Refused, Granted]


def test_a_referrer_whom_nobody_knew_is_taken_as_they_were(program: Program) -> None:
    tracking(program, rule("1", subject=Subject.REFERRER), achievement=OTHER_ID)
    rewarding(program, achievement=OTHER_ID, audience=People(tiers=("gold",)))
    program.do(lambda working: put_member(working, "M-1", None, {}, "R-1"))
    bought(program, 1)
    program.do(lambda working: put_member(working, "R-1", "gold", {}, None))
    settle(program)
    assert refusals(program) == [[AwardReason.NOT_IN_AUDIENCE]]


def test_each_decision_names_what_caused_it(program: Program) -> None:
    rewarding(program)
    bought(program, 1, 2)
    decide(program)
    completed = [recorded for recorded in program.history if isinstance(recorded.event, Completed)]
    granted = [recorded for recorded in program.history if isinstance(recorded.event, Granted)]
    assert [recorded.envelope.cause for recorded in granted] == [
        Cause(recorded.stream, recorded.version) for recorded in completed
    ]
    assert [recorded.envelope.correlation for recorded in granted] == [
        recorded.envelope.command for recorded in completed
    ]


def test_the_segment_that_holds_a_member_is_recorded(program: Program) -> None:
    program.do(
        lambda working: definitions.put_entry(
            working, Segment("local", "L", 'member.attributes.city == "Paris"'), ANYTIME
        )
    )
    rewarding(program, audience=People(segments=("local",)))
    program.do(lambda working: put_member(working, "M-2", None, {"city": "Paris"}, None))
    bought(program, 1)
    bought(program, 2, member="M-2")
    decide(program)
    assert [(event.member, event.memberships) for event in decisions(program)] == [
        ("M-1", ()),
        ("M-2", ("segment:local",)),
    ]
    assert refusals(program) == [[AwardReason.NOT_IN_AUDIENCE]]


def test_a_referral_rewards_both(program: Program) -> None:
    rewarding(program, prize(units("5"), units("9", Recipient.REFERRER)), type=CampaignType.REFERRAL)
    program.do(lambda working: put_member(working, "M-1", None, {}, "M-0"))
    bought(program, 1)
    ((_, granted),) = decide(program)
    assert isinstance(granted, Granted)
    assert [(effect.member, effect.units) for effect in granted.rules[0].effects] == [
        ("M-1", Decimal(5)),
        ("M-0", Decimal(9)),
    ]


def test_a_batch_loads_what_it_takes_in_a_few_steps() -> None:
    program = Forgetful()
    tracking(program, rule("1"))
    stocked(program, Coupon("spring", "Spring"), Coupon("made", "Made", Generator()), Reward("mug", "Mug"))
    program.do(lambda working: add_codes(working, "spring", [f"C-{number}" for number in range(50)]))
    referred = prize(units(), coupon(), coupon("made"), reward(), units("9", Recipient.REFERRER))
    rewarding(program, referred, type=CampaignType.REFERRAL)
    for number in range(50):
        friend, referrer = f"M-{number}", f"R-{number}"
        program.do(partial(put_member, member_id=friend, tier=None, attributes={}, referrer=referrer))
        bought(program, number, member=friend)
    asked = batch(program)
    program.forget()
    assert len(decide(program, asked)) == 50
    assert program.loads < 10


def test_whoever_is_given_something_is_a_member_from_then_on(program: Program) -> None:
    rewarding(program, prize(units("9", Recipient.REFERRER)), type=CampaignType.REFERRAL)
    for number in range(3):
        friend = f"M-{number}"
        program.do(partial(put_member, member_id=friend, tier=None, attributes={}, referrer="R-1"))
        bought(program, number, member=friend)
    bought(program, 9, member="M-9")
    settle(program)
    registered = [event.member for event in program.events if isinstance(event, Registered)]
    assert registered == ["M-0", "M-1", "M-2", "M-9", "R-1"]


def test_progress_fires_campaigns_on_progress(program: Program) -> None:
    tracking(program, rule("3"), achievement=OTHER_ID)
    on = CampaignTrigger.ACHIEVEMENT_PROGRESSED
    worth = prize(units("progress.value * 10 + progress.goal + achievement.completions"))
    rewarding(program, worth, achievement=OTHER_ID, trigger=on)
    bought(program, 1, 2, 3, 4)
    decide(program)
    assert [event.units for event in decisions(program) if isinstance(event, Granted)] == [13, 23, 34, 14]


def test_a_fact_fires_campaigns_on_progress_once_however_many_rules_it_moves(program: Program) -> None:
    tracking(program, rule("5"), rule("9"), achievement=OTHER_ID)
    worth = prize(
        units('progress.rule * 100 + progress.goal * 10 + count(progress.rules) + sum(progress.rules, "goal")')
    )
    rewarding(program, worth, achievement=OTHER_ID, trigger=CampaignTrigger.ACHIEVEMENT_PROGRESSED)
    bought(program, 1)
    decide(program)
    (granted,) = decisions(program)
    assert isinstance(granted, Granted)
    assert granted.units == 200 + 90 + 2 + 14


def test_a_count_raised_by_hand_fires_once(program: Program) -> None:
    rewarding(program, prize(units("achievement.completions")))
    stream = PROGRESS.at(ACHIEVEMENT_ID, 1, "M-1")
    about = ACHIEVEMENT_ID, 1, "M-1", 0, "by mistake", day(10)
    moment = moment_of(day(10), ZoneInfo("UTC"))
    program.do(lambda w: w.record(stream, Adjusted(*about, moment, (), 0, 5, None)))
    program.do(lambda w: w.record(stream, Adjusted(*about, moment, (), 5, 4, None)))
    ((_, granted),) = decide(program)
    assert isinstance(granted, Granted)
    assert (granted.units, granted.trigger.number, granted.trigger.fact) == (Decimal(5), 5, None)


def test_what_was_recorded_before_triggers_had_a_context_is_decided_by_what_there_is(program: Program) -> None:
    worth = prize(units("achievement.completions * 100 + progress.value * 10 + progress.goal"))
    tracking(program, rule("3"), achievement=OTHER_ID)
    rewarding(program, worth, achievement=OTHER_ID, trigger=CampaignTrigger.ACHIEVEMENT_PROGRESSED)
    bought(program, 1, 2)
    program.history = [
        Recorded(
            MAPPER,
            recorded.position,
            recorded.stream,
            recorded.version,
            recorded.tag,
            b"",
            recorded.envelope,
            replace(recorded.event, context=None) if isinstance(recorded.event, Advanced) else recorded.event,
        )
        for recorded in program.history
    ]
    decide(program)
    assert [event.units for event in decisions(program) if isinstance(event, Granted)] == [13, 23]


def test_no_effect_of_a_campaign_fires_another(program: Program) -> None:
    rewarding(program, at=CAMPAIGN)
    rewarding(program, at=OTHER_CAMPAIGN)
    bought(program, 1)
    assert len(decide(program)) == 2
    assert decide(program) == []


def test_a_pool_that_runs_dry_in_the_middle_refuses_the_rest(program: Program) -> None:
    stocked(program, Coupon("spring", "Spring"))
    program.do(lambda working: add_codes(working, "spring", ["A", "B", "C"]))
    rewarding(program, prize(coupon()))
    for number in range(5):
        bought(program, number, member=f"M-{number}")
    decide(program)
    assert [event.rules[0].effects[0].code for event in decisions(program)] == ["A", "B", "C", None, None]
    assert refusals(program) == [[AwardReason.COUPON_POOL_EMPTY]] * 2
    assert [(event.code, event.member) for event in program.events if isinstance(event, Issued)] == [
        ("A", "M-0"),
        ("B", "M-1"),
        ("C", "M-2"),
    ]
    program.do(lambda working: add_codes(working, "spring", ["D"]))
    bought(program, 9)
    decide(program)
    assert decisions(program)[-1].rules[0].effects[0].code == "D"


def test_codes_that_come_behind_a_trigger_are_given_to_those_after_it(program: Program) -> None:
    stocked(program, Coupon("spring", "Spring"))
    rewarding(program, prize(coupon()))
    bought(program, 1)
    program.do(lambda working: add_codes(working, "spring", ["A"]))
    bought(program, 2)
    settle(program)
    assert refusals(program) == [[AwardReason.COUPON_POOL_EMPTY]]
    assert [event.trigger.number for event in decisions(program)] == [1, 2]
    assert decisions(program)[-1].rules[0].effects[0].code == "A"


def test_a_turn_ends_before_codes_come_into_a_pool_that_it_gives_from(program: Program) -> None:
    stocked(program, Coupon("spring", "Spring"), Coupon("other", "Other"))
    rewarding(program, prize(coupon()))
    bought(program, 1, 2)
    program.do(lambda working: add_codes(working, "other", ["A"]))
    bought(program, 3)
    program.do(lambda working: add_codes(working, "spring", ["A"]))
    program.do(lambda working: add_codes(working, "spring", ["B", "C"]))
    bought(program, 4, 5)
    program.do(lambda working: add_codes(working, "spring", ["D"]))
    first, second = batch(program), (decide(program), batch(program))[1]
    assert [one.trigger.number for one in first.fired] == [1, 2, 3]
    assert first.supplies == {"spring": 0}
    assert [one.trigger.number for one in second.fired] == [4, 5]
    assert second.supplies == {"spring": 3}


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 8, 100])
def test_as_many_codes_are_there_as_had_come(program: Program, count: int) -> None:
    stocked(program, Coupon("spring", "Spring"))
    rewarding(program, prize(coupon()))
    for number in range(count):
        program.do(partial(add_codes, coupon="spring", codes=[f"C-{number}"]))
    bought(program, 1)
    program.do(partial(add_codes, coupon="spring", codes=["D", "E", "F"]))
    assert batch(program).supplies == {"spring": count}


def test_new_codes_are_made_and_none_twice(program: Program) -> None:
    stocked(program, Coupon("spring", "Spring", Generator(20, "AB", "S-"), stock=30))
    rewarding(program, prize(coupon(), coupon()))
    for number in range(20):
        bought(program, number, member=f"M-{number}")
        if number % 7 == 0:
            decide(program)
    decide(program)
    codes = [event.code for event in program.events if isinstance(event, Issued)]
    assert len(set(codes)) == len(codes) == 30
    assert all(program.state(COUPON_CODE.at("spring", code)).member for code in codes)
    assert Counter(type(event) for event in decisions(program)) == {Granted: 15, Refused: 5}


def test_codes_that_were_given_before_are_drawn_again(program: Program) -> None:
    """The same seed draws the same codes: all of them are taken, and still none is given twice."""
    stocked(program, Coupon("spring", "Spring", Generator(20, "AB")))
    rewarding(program, prize(coupon()))
    for number in range(8):
        bought(program, number, member=f"M-{number}")
        decide(program)
    codes = [event.code for event in program.events if isinstance(event, Issued)]
    assert len(set(codes)) == 8


def test_one_command_records_no_more_than_it_may(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("application.campaigns.awarding.EVENTS_AT_ONCE", 3)
    rewarding(program, at=CAMPAIGN)
    rewarding(program, at=OTHER_CAMPAIGN)
    bought(program, 1, 2, 3)
    sizes = []
    while asked := batch(program).fired:
        sizes.append(len(decide(program)))
        assert len(asked) <= 3
    assert sizes == [2, 2, 2]
    assert [(event.trigger.number, event.campaign) for event in decisions(program)] == [
        (number, at) for number in (1, 2, 3) for at in (CAMPAIGN, OTHER_CAMPAIGN)
    ]


def test_one_trigger_of_more_campaigns_than_are_decided_at_once_is_decided_in_parts(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("application.campaigns.awarding.EVENTS_AT_ONCE", 3)
    many = [rewarding(program, at=UUID(int=CAMPAIGN.int + number)) for number in range(8)]
    bought(program, 1, 2)
    sizes = []
    while batch(program).fired:
        sizes.append(len(decide(program)))
        if len(sizes) == 2:
            # what happens meanwhile to those that have decided and those that have not changes nothing
            program.do(lambda working: campaigns.pause(working, many[0]))
            program.do(lambda working: campaigns.pause(working, many[7]))
            rewarding(program, at=UUID(int=CAMPAIGN.int + 9))
    assert sizes == [3, 3, 2, 3, 3, 2]
    by_number = [(event.trigger.number, event.campaign) for event in decisions(program)]
    assert by_number == [(number, at) for number in (1, 2) for at in many]


def test_a_transaction_counts_as_it_was_accepted(program: Program) -> None:
    rewarding(program, prize(units("transaction.total")))
    buy(program, purchase("T-1", "30"), Status.PENDING)
    assert batch(program).fired == ()
    program.do(lambda working: ingest.accept(working, "T-1"))
    program.do(lambda working: ingest.refund(working, "T-1", None, (), None))
    decide(program)
    assert [event.units for event in decisions(program) if isinstance(event, Granted)] == [30]


def test_a_cancelled_grant_gives_back_what_it_took(program: Program) -> None:
    stocked(program, Reward("mug", "Mug", stock=1), Coupon("spring", "Spring"))
    program.do(lambda working: add_codes(working, "spring", ["A", "B"]))
    limits = Limits(member_executions=at_most("1"), total_units=at_most("100"))
    rewarding(program, prize(units(), reward(), coupon()), limits=limits)
    bought(program, 1)
    ((_, granted),) = decide(program)
    assert isinstance(granted, Granted)
    cancellation = cancel(program, granted)
    with pytest.raises(Conflict):
        cancel(program, granted)
    request, before = turn(program)[0].cancellation, program.do(decided)
    assert request
    events = carry_out(program, request)
    assert [type(event) for event in events] == [Cancelled, Returned, StockReturned, StockReturned, Voided, Decided]
    assert cancellation == decision_id(request.stream, events[0].request)
    twice = partial(cancel_grant, recorded=before, granted=granted, request=request)
    assert program.recorded_by(twice) == []
    assert program.state(CAMPAIGN_BUDGET.at(CAMPAIGN)).units.total == 0
    assert program.state(STOCK.at("reward", "mug")).given == 0
    assert program.state(COUPON_CODE.at("spring", "A")).voided
    with pytest.raises(Conflict):
        cancel(program, granted)
    bought(program, 2)
    ((_, again),) = decide(program)
    assert isinstance(again, Granted)
    assert [effect.code for effect in again.rules[0].effects] == [None, None, "B"]
    assert again.before.total_units == 0


def test_three_referees_bring_their_referrer_no_more_than_their_limits_allow(program: Program) -> None:
    limits = Limits(referrer_executions=at_most("1"), referrer_units=at_most("10"))
    rewarding(program, prize(units("10", Recipient.REFERRER)), type=CampaignType.REFERRAL, limits=limits)
    referred(program, "M-1", "M-2", "M-3")
    for number in (1, 2):
        bought(program, number, member=f"M-{number}")
    decide(program)
    bought(program, 3, member="M-3")
    decide(program)
    assert program.state(PARTICIPATION.at(CAMPAIGN, "R-1")).tallies(Recipient.REFERRER).units.total == 10
    assert refusals(program) == [[AwardReason.REFERRER_LIMIT_REACHED, AwardReason.REFERRER_UNITS_EXHAUSTED]] * 2


def test_a_limit_of_members_leaves_referrers_alone(program: Program) -> None:
    limits = Limits(member_executions=at_most("1"), member_units=at_most("30"))
    both = prize(units("10"), units("25", Recipient.REFERRER))
    rewarding(program, both, type=CampaignType.REFERRAL, limits=limits)
    referred(program, "M-1")
    bought(program, 1, 2)
    decide(program)
    assert given_to(program, "M-1") == [10, 0]
    assert given_to(program, "R-1") == [25, 25]


def test_a_referrer_who_buys_too_has_limits_of_their_own(program: Program) -> None:
    limits = Limits(member_executions=at_most("1"), referrer_executions=at_most("1"))
    both = prize(units("10"), units("25", Recipient.REFERRER))
    rewarding(program, both, type=CampaignType.REFERRAL, limits=limits)
    referred(program, "M-1")
    bought(program, 1, member="R-1")
    bought(program, 2, member="M-1")
    bought(program, 3, member="R-1")
    decide(program)
    assert given_to(program, "R-1") == [10, 25, 0]


def test_a_cancelled_grant_lets_the_referrer_be_given_again(program: Program) -> None:
    limits = Limits(referrer_executions=at_most("1"), referrer_units=at_most("25"))
    both = prize(units("10"), units("25", Recipient.REFERRER))
    rewarding(program, both, type=CampaignType.REFERRAL, limits=limits)
    referred(program, "M-1", "M-2")
    bought(program, 1, member="M-1")
    ((grant, granted),) = decide(program)
    assert isinstance(granted, Granted)
    (counted,) = [event for event in program.events if isinstance(event, ReferralCounted)]
    assert (counted.member, counted.referee, counted.grant, counted.units) == ("R-1", "M-1", grant, Decimal(25))
    cancel(program, granted)
    request = turn(program)[0].cancellation
    assert request
    events = carry_out(program, request)
    assert [type(event) for event in events] == [Cancelled, ReferralReleased, Returned, Decided]
    assert (events[1].grant, events[1].units) == (grant, Decimal(25))
    bought(program, 2, member="M-2")
    decide(program)
    assert given_to(program, "R-1") == [25, 25]


def referred(program: Program, *members: str) -> None:
    for member in members:
        program.do(partial(put_member, member_id=member, tier=None, attributes={}, referrer="R-1"))


def given_to(program: Program, receiver: str) -> list[Decimal]:
    """The units of each effect to a receiver."""
    rules = [rule for decision in decisions(program) for rule in decision.rules]
    return [effect.units for rule in rules for effect in rule.effects if effect.member == receiver]


def test_a_cancellation_takes_effect_in_its_turn(program: Program) -> None:
    """What was triggered before it can't have what it gives back, and what comes after it can, however late both are
    decided.
    """
    rewarding(program, limits=Limits(total_units=at_most("100")))
    bought(program, 1)
    ((_, granted),) = decide(program)
    assert isinstance(granted, Granted)
    bought(program, 2, member="M-2")
    cancel(program, granted)
    bought(program, 3, member="M-3")
    settle(program)
    assert [(event.member, type(event)) for event in decisions(program)] == [
        ("M-1", Granted),
        ("M-2", Refused),
        ("M-3", Granted),
    ]


@given(st.binary(min_size=1, max_size=64), st.integers(1, 64))
def test_a_seed_draws_the_same_numbers_again(seed: bytes, below: int) -> None:
    one, other = Draw(seed), Draw(seed)
    numbers = [one(below) for _ in range(30)]
    assert numbers == [other(below) for _ in range(30)]
    assert all(0 <= number < below for number in numbers)


def test_draws_are_spread() -> None:
    draw = Draw(SEED)
    counts = Counter(draw(8) for _ in range(8_000))
    assert all(850 < counts[number] < 1_150 for number in range(8))
