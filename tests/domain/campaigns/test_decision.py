from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.campaigns.decision import SecondCancellation, ask_to_cancel, cancel
from domain.campaigns.definition import CampaignType, EffectKind, Recipient
from domain.campaigns.ledger import CouponSupply, Ledger
from domain.campaigns.occasion import AchievementContext
from domain.campaigns.participation import (
    NO_TALLIES,
    NOTHING,
    AwardReason,
    CancellationRequested,
    Counters,
    Granted,
    Observation,
    Receipt,
    ReferralReleased,
    Refused,
    Why,
    evolve,
    receipt_of,
)
from domain.campaigns.terms import CampaignTerms, EffectTerms
from domain.catalogue.entries import Coupon
from domain.facts.event import Happening
from domain.members.member import Member
from domain.values.interval import Interval, Moment, Tally, moment_of, number_of
from domain.values.limit import Limit
from tests.support.deciding import (
    ACHIEVEMENT,
    CAMPAIGN,
    NOON,
    Deciding,
    among,
    at_most,
    badge,
    coupon,
    limits,
    occasion,
    reward,
    rule,
    terms,
    units,
)

REFERRER = Recipient.REFERRER

FAILS = "1 / (transaction.total - 49.90)"


def counters(executions: int, member_units: str, total_units: str) -> Counters:
    return Counters(Decimal(executions), Decimal(member_units), Decimal(total_units))


def whole(*amounts: Decimal | None) -> list[int | None]:
    return [None if amount is None else int(amount) for amount in amounts]


def granted(decision: Granted | Refused) -> Granted:
    assert isinstance(decision, Granted), decision
    return decision


def reasons(decision: Granted | Refused) -> list[AwardReason]:
    assert isinstance(decision, Refused), decision
    return [why.code for why in decision.reasons]


def test_gives_what_its_effects_say_and_shows_how() -> None:
    decision = granted(Deciding().decide(terms(rule(units("1.5 * transaction.total"), badge()))))
    first, second = decision.rules[0].effects
    assert (first.expression, first.unrounded, first.units) == (
        "1.5 * transaction.total",
        Decimal("74.850"),
        Decimal(75),
    )
    assert (first.account, first.member, first.reason) == ("points", "M-1", None)
    assert (second.given, second.reason) == ("star", None)
    assert (decision.units, decision.before, decision.after) == (
        Decimal(75),
        counters(0, "0", "0"),
        counters(1, "75", "75"),
    )
    assert (decision.member, decision.revision, decision.moment) == ("M-1", 1, moment_of(NOON, ZoneInfo("UTC")))


def test_units_are_rounded_half_up_to_the_decimals_of_the_account() -> None:
    decision = granted(Deciding().decide(terms(rule(units("2.5"), units("2.345", decimals=2), units("2.49")))))
    assert [effect.units for effect in decision.rules[0].effects] == [3, Decimal("2.35"), 2]
    assert decision.units == Decimal("7.35")


def test_rules_are_independent_and_several_may_pay() -> None:
    decided = terms(
        rule(units("10"), when="transaction.total > 20"),
        rule(units("20"), when="transaction.total > 100"),
        rule(units("30")),
    )
    decision = granted(Deciding().decide(decided))
    assert [(one.met, len(one.effects)) for one in decision.rules] == [(True, 1), (False, 0), (True, 1)]
    assert decision.units == 40


def test_shows_what_a_condition_saw() -> None:
    when = 'transaction.total > 100 and member.tier == "gold" and count(items) > 1 and member.attributes.city == "Rome"'
    decision = Deciding().decide(terms(rule(when=when)))
    assert reasons(decision) == [AwardReason.CONDITION_NOT_MET]
    assert isinstance(decision, Refused)
    assert decision.reasons[0].rule == 1
    assert decision.rules[0].condition == when
    assert decision.rules[0].saw == (
        Observation("transaction.total", "49.9"),
        Observation("member.tier", "gold"),
        Observation("transaction.items", "0 lines"),
        Observation("member.attributes.city", None),
    )
    assert decision.reasons[0].detail.startswith("transaction.total was 49.9, member.tier was gold")


def test_refuses_whoever_is_not_in_the_audience() -> None:
    stranger = occasion(member=Member("M-1", tier="silver"))
    people = among("gold", local='member.attributes.city == "Paris"')
    assert reasons(Deciding().decide(terms(audience=people), stranger)) == [AwardReason.NOT_IN_AUDIENCE]


def test_writes_down_what_held_the_member() -> None:
    people = among("platinum", local='member.attributes.city == "Paris"')
    local = occasion(member=Member("M-1", attributes={"city": "Paris"}))
    assert granted(Deciding().decide(terms(audience=people), local)).memberships == ("segment:local",)
    assert granted(Deciding().decide(terms(audience=among("gold")))).memberships == ("tier:gold",)
    assert granted(Deciding().decide(terms())).memberships == ()


def test_a_segment_that_fails_is_a_reason() -> None:
    people = among(odd="1 / member.attributes.children > 1")
    childless = occasion(member=Member("M-1", attributes={"children": "0"}))
    assert reasons(Deciding().decide(terms(audience=people), childless)) == [AwardReason.EXPRESSION_FAILED]


def test_refuses_beyond_the_executions_of_a_member() -> None:
    deciding, decided = Deciding(), terms(limits=limits(executions=at_most("2", "day")))
    assert isinstance(deciding.decide(decided), Granted)
    assert isinstance(deciding.decide(decided), Granted)
    decision = deciding.decide(decided)
    assert reasons(decision) == [AwardReason.MEMBER_LIMIT_REACHED]
    assert isinstance(decision, Refused)
    assert decision.reasons[0].detail == "2 of 2 executions in a day"
    assert decision.before == counters(2, "200", "200")
    assert isinstance(deciding.decide(decided, at=NOON + timedelta(days=1)), Granted)


def test_a_refusal_uses_up_nothing() -> None:
    deciding = Deciding(coupons={"spring": ["A"]}, rewards={"mug": 1})
    refused = terms(rule(units(), coupon(), reward()), audience=among("platinum"))
    assert isinstance(deciding.decide(refused), Refused)
    decision = granted(deciding.decide(terms(rule(units(), coupon(), reward()))))
    assert [effect.reason for effect in decision.rules[0].effects] == [None, None, None]
    assert decision.before == counters(0, "0", "0")


def test_says_every_reason_that_applies() -> None:
    deciding = Deciding(rewards={"mug": 0})
    decided = terms(
        rule(units("100"), reward(), coupon()),
        rule(units("0"), when="transaction.total > 100"),
        rule(units("0"), units("1 / (transaction.total - 49.90)"), units("0 - 1")),
        audience=among("platinum"),
        limits=limits(at_most("0"), at_most("50"), at_most("99")),
    )
    decision = deciding.decide(decided)
    assert isinstance(decision, Refused)
    assert [(why.code, why.rule, why.effect) for why in decision.reasons] == [
        (AwardReason.NOT_IN_AUDIENCE, None, None),
        (AwardReason.MEMBER_LIMIT_REACHED, None, None),
        (AwardReason.MEMBER_UNITS_EXHAUSTED, 1, 1),
        (AwardReason.BUDGET_EXHAUSTED, 1, 1),
        (AwardReason.REWARD_OUT_OF_STOCK, 1, 2),
        (AwardReason.COUPON_POOL_EMPTY, 1, 3),
        (AwardReason.CONDITION_NOT_MET, 2, None),
        (AwardReason.NOTHING_TO_GIVE, 3, 1),
        (AwardReason.EXPRESSION_FAILED, 3, 2),
        (AwardReason.EXPRESSION_FAILED, 3, 3),
    ]
    assert decision.reasons[2].detail == "100 units asked, 50 left of the member's 50"
    assert decision.reasons[-1].detail == "-1 is less than nothing"


def test_what_a_refused_member_would_have_got_is_not_given() -> None:
    deciding = Deciding(coupons={"spring": ["A"]})
    decision = deciding.decide(terms(rule(units(), coupon(value="5")), audience=among("platinum")))
    assert isinstance(decision, Refused)
    for effect in decision.rules[0].effects:
        assert (effect.units, effect.code, effect.value, effect.reason) == (
            Decimal(0),
            None,
            None,
            AwardReason.NOT_IN_AUDIENCE,
        )


def test_an_effect_that_fails_does_not_hold_up_the_others() -> None:
    decision = granted(Deciding().decide(terms(rule(units(FAILS), units("5")))))
    assert [(effect.units, effect.reason) for effect in decision.rules[0].effects] == [
        (Decimal(0), AwardReason.EXPRESSION_FAILED),
        (Decimal(5), None),
    ]
    assert decision.units == 5


def test_a_condition_that_fails_is_a_reason() -> None:
    decision = Deciding().decide(terms(rule(when="1 / (transaction.total - 49.90) > 1")))
    assert reasons(decision) == [AwardReason.EXPRESSION_FAILED]
    assert not decision.rules[0].met


def test_figures_that_no_account_holds_are_failures() -> None:
    decision = Deciding().decide(terms(rule(units("99999999999 * 99999999999"))))
    assert reasons(decision) == [AwardReason.EXPRESSION_FAILED]


def test_refuses_an_effect_that_is_larger_than_the_budget_left() -> None:
    deciding, decided = Deciding(), terms(limits=limits(budget=at_most("250")))
    assert [isinstance(deciding.decide(decided), Granted) for _ in range(3)] == [True, True, False]
    smaller = terms(rule(units("50")), limits=limits(budget=at_most("250")))
    assert granted(deciding.decide(smaller)).after == counters(3, "250", "250")


def test_clamps_to_the_least_that_is_left_rounded_down() -> None:
    deciding = Deciding()
    decided = terms(limits=limits(None, at_most("300"), at_most("150.75"), clamp=True))
    assert granted(deciding.decide(decided)).units == 100
    clamped = granted(deciding.decide(decided))
    assert (clamped.units, clamped.rules[0].effects[0].unrounded) == (Decimal(50), Decimal(100))
    assert reasons(deciding.decide(decided)) == [AwardReason.BUDGET_EXHAUSTED]
    finer = terms(rule(units("1", decimals=1)), limits=decided.limits)
    assert granted(deciding.decide(finer)).units == Decimal("0.7")


def test_effects_of_one_decision_share_what_is_left() -> None:
    decided = terms(rule(units("60"), units("60"), units("40")), limits=limits(budget=at_most("100")))
    decision = granted(Deciding().decide(decided))
    assert [(effect.units, effect.reason) for effect in decision.rules[0].effects] == [
        (Decimal(60), None),
        (Decimal(0), AwardReason.BUDGET_EXHAUSTED),
        (Decimal(40), None),
    ]


def test_a_limit_lowered_below_what_was_given_gives_no_more() -> None:
    deciding = Deciding()
    deciding.decide(terms(rule(units("500"))))
    for clamp in (False, True):
        lowered = terms(limits=limits(at_most("1"), at_most("200"), at_most("200"), clamp=clamp))
        assert reasons(deciding.decide(lowered)) == [
            AwardReason.MEMBER_LIMIT_REACHED,
            AwardReason.MEMBER_UNITS_EXHAUSTED,
            AwardReason.BUDGET_EXHAUSTED,
        ]


FRIEND = occasion(member=Member("M-1", referrer="M-0"))
OTHER_FRIEND = occasion(member=Member("M-2", referrer="M-0"))


def referral(*effects: EffectTerms, **limited: Any) -> CampaignTerms:
    both = units("10"), units("25", to=REFERRER)
    return terms(rule(*effects or both), type=CampaignType.REFERRAL, limits=limits(**limited))


def test_limits_count_what_each_receiver_got() -> None:
    deciding = Deciding()
    decision = granted(deciding.decide(referral(), FRIEND))
    assert [(effect.member, effect.units) for effect in decision.rules[0].effects] == [
        ("M-1", Decimal(10)),
        ("M-0", Decimal(25)),
    ]
    assert decision.receipts == (Receipt(Recipient.MEMBER, "M-1", Decimal(10)), Receipt(REFERRER, "M-0", Decimal(25)))
    assert decision.before == Counters(*[Decimal(0)] * 5)
    assert decision.after == Counters(Decimal(1), Decimal(10), Decimal(35), Decimal(1), Decimal(25))
    assert decision.units == 35


def test_a_limit_of_the_member_does_not_bound_the_referrer() -> None:
    decision = granted(Deciding().decide(referral(member_units=at_most("30")), FRIEND))
    assert [effect.units for effect in decision.rules[0].effects] == [10, 25]


def test_the_units_of_a_referrer_bound_what_all_their_referees_bring() -> None:
    deciding, decided = Deciding(), referral(units("10", to=REFERRER), referrer_units=at_most("10"))
    assert granted(deciding.decide(decided, FRIEND)).after.referrer_units == 10
    deciding.participation = None
    decision = deciding.decide(decided, OTHER_FRIEND)
    assert reasons(decision) == [AwardReason.REFERRER_UNITS_EXHAUSTED]
    assert isinstance(decision, Refused)
    assert decision.reasons[0].detail == "10 units asked, 0 left of the referrer's 10"
    assert whole(decision.before.referrer_executions, decision.before.referrer_units) == [1, 10]


def test_a_referrer_at_their_limit_does_not_keep_the_member_from_theirs() -> None:
    deciding, decided = Deciding(), referral(referrer_executions=at_most("1", "hour"))
    assert isinstance(deciding.decide(decided, FRIEND), Granted)
    decision = granted(deciding.decide(decided, FRIEND))
    own, other = decision.rules[0].effects
    assert whole(own.units, other.units) == [10, 0]
    assert (other.reason, other.detail) == (AwardReason.REFERRER_LIMIT_REACHED, "1 of 1 executions in an hour")
    assert decision.receipts == (Receipt(Recipient.MEMBER, "M-1", Decimal(10)),)
    assert whole(decision.after.member_executions, decision.after.referrer_executions) == [2, 1]
    assert whole(decision.after.total_units, decision.after.referrer_units) == [45, 25]


def test_a_member_at_their_limit_does_not_keep_the_referrer_from_theirs() -> None:
    deciding, decided = Deciding(), referral(executions=at_most("1"))
    assert isinstance(deciding.decide(decided, FRIEND), Granted)
    decision = granted(deciding.decide(decided, FRIEND))
    own, other = decision.rules[0].effects
    assert whole(own.units, other.units) == [0, 25]
    assert (own.reason, other.reason) == (AwardReason.MEMBER_LIMIT_REACHED, None)
    assert whole(decision.after.member_executions, decision.after.referrer_executions) == [1, 2]


def test_says_of_each_receiver_that_their_limit_is_reached() -> None:
    deciding, decided = Deciding(), referral(executions=at_most("1"), referrer_executions=at_most("1"))
    assert isinstance(deciding.decide(decided, FRIEND), Granted)
    assert reasons(deciding.decide(decided, FRIEND)) == [
        AwardReason.MEMBER_LIMIT_REACHED,
        AwardReason.REFERRER_LIMIT_REACHED,
    ]


def test_a_limit_on_what_nobody_is_given_is_no_reason() -> None:
    only = referral(units("5", to=REFERRER), executions=at_most("0"), referrer_units=at_most("5"))
    deciding = Deciding()
    assert isinstance(deciding.decide(only, FRIEND), Granted)
    assert reasons(deciding.decide(only, FRIEND)) == [AwardReason.REFERRER_UNITS_EXHAUSTED]


def test_what_is_withheld_from_one_leaves_the_budget_to_the_other() -> None:
    deciding = Deciding()
    decided = referral(units("30"), units("25", to=REFERRER), executions=at_most("0"), budget=at_most("30"))
    decision = granted(deciding.decide(decided, FRIEND))
    assert [effect.units for effect in decision.rules[0].effects] == [0, 25]
    assert decision.units == 25


def test_two_effects_to_one_referrer_share_what_is_left_to_them() -> None:
    effects = units("6", to=REFERRER), units("100"), units("6", to=REFERRER)
    clamped = granted(Deciding().decide(referral(*effects, referrer_units=at_most("10"), clamp=True), FRIEND))
    assert [effect.units for effect in clamped.rules[0].effects] == [6, 100, 4]
    assert clamped.receipts == (Receipt(Recipient.MEMBER, "M-1", Decimal(100)), Receipt(REFERRER, "M-0", Decimal(10)))
    refused = granted(Deciding().decide(referral(*effects, referrer_units=at_most("10")), FRIEND))
    assert [effect.units for effect in refused.rules[0].effects] == [6, 100, 0]


def test_what_a_referrer_gets_for_themselves_is_counted_apart() -> None:
    deciding, decided = Deciding(), referral(member_units=at_most("10"), referrer_units=at_most("25"))
    granted(deciding.decide(decided, FRIEND))
    deciding.participation, deciding.referrer = deciding.referrer, None
    own = granted(deciding.decide(decided, occasion(member=Member("M-0", referrer="M-9"))))
    assert [effect.units for effect in own.rules[0].effects] == [10, 25]
    assert whole(own.before.member_units, own.before.referrer_units) == [0, 0]
    assert deciding.participation
    assert deciding.participation.units.total == 10
    assert deciding.participation.tallies(REFERRER).units.total == 25


def test_a_cancelled_grant_returns_to_each_receiver_what_they_got() -> None:
    deciding, decided = Deciding(), referral(executions=at_most("1"), referrer_units=at_most("25"))
    grant = granted(deciding.decide(decided, FRIEND))
    asked = ask_to_cancel(deciding.participation or NOTHING, grant, 1, "by mistake")
    assert isinstance(asked, CancellationRequested)
    cancelled = cancel(grant, asked, 2)
    assert cancelled.receipts == grant.receipts
    receipt = receipt_of(cancelled, REFERRER)
    assert receipt
    released = ReferralReleased(CAMPAIGN, "M-0", "M-1", CAMPAIGN, cancelled.moment, receipt.units)
    deciding.participation = evolve(deciding.participation, cancelled)
    deciding.referrer = evolve(deciding.referrer, released)
    for left_ in (deciding.participation.tallies(Recipient.MEMBER), deciding.referrer.tallies(REFERRER)):
        assert whole(left_.executions.total, left_.units.total) == [0, 0]
    assert granted(deciding.decide(decided, FRIEND)).rules == grant.rules


def test_a_grant_from_before_receivers_were_counted_apart_stays_as_it_counted() -> None:
    grant = replace(granted(Deciding().decide(referral(), FRIEND)), receipts=None)
    had = evolve(None, grant)
    assert whole(had.executions.total, had.units.total) == [1, 35]
    assert had.tallies(REFERRER) == NO_TALLIES
    asked = ask_to_cancel(had, grant, 1, "by mistake")
    assert isinstance(asked, CancellationRequested)
    cancelled = cancel(grant, asked, 2)
    after = evolve(had, cancelled)
    assert whole(after.executions.total, after.units.total) == [0, 0]


def test_without_a_referrer_their_limits_are_none() -> None:
    alone = granted(Deciding().decide(referral(referrer_executions=at_most("1"))))
    assert [effect.reason for effect in alone.rules[0].effects] == [None, AwardReason.NO_REFERRER]
    assert (alone.after.referrer_executions, alone.after.referrer_units) == (None, None)


def test_without_a_referrer_nothing_goes_to_one() -> None:
    only = terms(rule(units("20", to=Recipient.REFERRER)))
    decision = Deciding().decide(only)
    assert reasons(decision) == [AwardReason.NO_REFERRER]
    assert decision.rules[0].effects[0].member is None
    both = granted(Deciding().decide(terms(rule(units("20", to=Recipient.REFERRER), units("1")))))
    assert both.units == 1


def test_codes_are_given_in_order_until_the_pool_is_empty() -> None:
    deciding, decided = Deciding(coupons={"spring": ["A", "B", "C"]}), terms(rule(coupon(), coupon()))
    first = granted(deciding.decide(decided))
    second = granted(deciding.decide(decided))
    assert [effect.code for effect in first.rules[0].effects] == ["A", "B"]
    assert [(effect.code, effect.reason) for effect in second.rules[0].effects] == [
        ("C", None),
        (None, AwardReason.COUPON_POOL_EMPTY),
    ]
    assert reasons(deciding.decide(decided)) == [AwardReason.COUPON_POOL_EMPTY, AwardReason.COUPON_POOL_EMPTY]


def test_a_coupon_has_its_value_and_its_end() -> None:
    entry = Coupon("spring", "Spring", valid_for="10 days")
    deciding = Deciding()
    deciding.ledger = Ledger({}, {"spring": CouponSupply(entry, ("A",))}, {})
    (effect,) = granted(deciding.decide(terms(rule(coupon(value="0.1 * transaction.total"))))).rules[0].effects
    assert (effect.kind, effect.given, effect.code) == (EffectKind.ISSUE_COUPON, "spring", "A")
    assert (effect.value, effect.valid_until) == (Decimal("4.990"), NOON + timedelta(days=10))


def test_a_coupon_is_worth_an_amount_that_can_be_written() -> None:
    decision = granted(Deciding(coupons={"spring": ["A"]}).decide(terms(rule(coupon(value="transaction.total / 3")))))
    assert decision.rules[0].effects[0].value == Decimal("16.6" + "3" * 29)


def test_a_coupon_whose_value_fails_is_not_issued() -> None:
    deciding = Deciding(coupons={"spring": ["A"]})
    assert reasons(deciding.decide(terms(rule(coupon(value=FAILS))))) == [AwardReason.EXPRESSION_FAILED]
    assert granted(deciding.decide(terms(rule(coupon())))).rules[0].effects[0].code == "A"


def test_rewards_are_given_while_there_are_any() -> None:
    deciding, decided = Deciding(rewards={"mug": 1, "pen": None}), terms(rule(reward()))
    assert isinstance(deciding.decide(decided), Granted)
    assert reasons(deciding.decide(decided)) == [AwardReason.REWARD_OUT_OF_STOCK]
    assert all(isinstance(deciding.decide(terms(rule(reward("pen")))), Granted) for _ in range(3))
    assert reasons(deciding.decide(terms(rule(reward("gone"))))) == [AwardReason.REWARD_OUT_OF_STOCK]


def test_reads_the_event_and_what_was_done_by_hand() -> None:
    happening = Happening("E-1", "run", "M-1", NOON, attributes={"minutes": "35"})
    by_event = occasion(transaction=None, event=happening)
    decision = Deciding().decide(terms(rule(when="transaction.total > 20")), by_event)
    assert reasons(decision) == [AwardReason.CONDITION_NOT_MET]
    assert decision.rules[0].saw == (Observation("transaction.total", None),)
    by_hand = occasion(transaction=None, achievement=AchievementContext(ACHIEVEMENT, "Buyer", 3))
    assert granted(Deciding().decide(terms(rule(units("achievement.completions * 10"))), by_hand)).units == 30
    assert reasons(Deciding().decide(terms(rule(units("transaction.total"))), by_hand)) == [
        AwardReason.EXPRESSION_FAILED
    ]


def test_a_cancelled_grant_counts_no_more() -> None:
    deciding, decided = (
        Deciding(coupons={"spring": ["A"]}),
        terms(rule(units(), coupon(), units(FAILS)), limits=limits(at_most("1", "day"), at_most("100", "month"))),
    )
    grant = granted(deciding.decide(decided))
    assert deciding.participation
    asked = ask_to_cancel(deciding.participation, grant, 1, "by mistake")
    assert isinstance(asked, CancellationRequested)
    asking = evolve(deciding.participation, asked)
    assert (asking.executions.total, asking.units.total) == (Decimal(1), Decimal(100))
    assert ask_to_cancel(asking, grant, 1, "again") == SecondCancellation()
    cancelled = cancel(grant, asked, 2)
    assert (cancelled.units, cancelled.moment, cancelled.granted) == (Decimal(100), grant.moment, 1)
    assert (cancelled.request, cancelled.reason) == (2, "by mistake")
    assert [effect.kind for effect in cancelled.effects] == [EffectKind.GIVE_UNITS, EffectKind.ISSUE_COUPON]
    after = evolve(asking, cancelled)
    assert (after.executions.total, after.units.total) == (Decimal(0), Decimal(0))
    assert ask_to_cancel(after, grant, 1, "again") == SecondCancellation()
    deciding.participation = after
    assert granted(deciding.decide(decided)).units == 100


def test_the_ledger_says_what_was_taken_once_for_all() -> None:
    deciding = Deciding(coupons={"spring": ["A", "B"]}, rewards={"mug": None})
    for day in (0, 0, 1):
        deciding.decide(terms(rule(units("10"), coupon(), reward())), at=NOON + timedelta(days=day))
    (reserved,) = deciding.ledger.reserved()
    assert [spent.units for spent in reserved.spent] == [20, 10]
    assert {(taken.kind, taken.code, taken.count) for taken in deciding.ledger.taken()} == {
        ("coupon", "spring", 2),
        ("reward", "mug", 3),
    }


AMOUNTS = st.decimals("0", "60", places=2)
LIMITS = st.none() | st.builds(
    at_most,
    st.decimals("0", "200", places=1).map(str),
    st.sampled_from([None, "hour", "day", "week", "month"]),
    st.integers(1, 3),
)
DECIDED = st.tuples(st.integers(0, 24 * 40), st.integers(0, 2), st.lists(AMOUNTS, min_size=1, max_size=3))
ZONE = ZoneInfo("Europe/Budapest")
START = datetime(2026, 3, 20, tzinfo=UTC)


@settings(max_examples=150)
@given(st.lists(DECIDED, max_size=25), st.tuples(*[LIMITS] * 5), st.booleans(), st.integers(0, 2))
def test_never_one_unit_over_any_cap(
    decided: list[tuple[int, int, list[Decimal]]],
    caps: tuple[Limit | None, ...],
    clamp: bool,  # noqa: FBT001  an example's value
    decimals: int,
) -> None:
    """In whatever order of time triggers come: in no interval that a limit speaks of is more given than it allows, to
    any of three members and the one who referred them all.
    """
    executions, member_units, referrals, referrer_units, budget = caps
    limited = limits(
        executions, member_units, budget, referrer_executions=referrals, referrer_units=referrer_units, clamp=clamp
    )
    members = [Deciding() for _ in range(3)]
    given_: list[tuple[Recipient, str, Moment, Decimal]] = []
    for hour, who, amounts in decided:
        deciding, at = members[who], START + timedelta(hours=hour)
        effects = [units(str(amount), decimals, list(Recipient)[place % 2]) for place, amount in enumerate(amounts)]
        decided_ = terms(rule(*effects), type=CampaignType.REFERRAL, limits=limited, zone=ZONE)
        decision = deciding.decide(decided_, occasion(member=Member(f"M-{who}", referrer="R")), at=at)
        for other in members:
            other.ledger, other.referrer = deciding.ledger, deciding.referrer
        if isinstance(decision, Granted):
            assert decision.units == sum(effect.units for effect in decision.rules[0].effects)
            assert decision.units > 0
            given_ += [(got.to, got.member, decision.moment, got.units) for got in decision.receipts or ()]
    for to, receiver in {(to, receiver) for to, receiver, _, _ in given_}:
        got = [(moment, spent) for of, other, moment, spent in given_ if (of, other) == (to, receiver)]
        assert within(got, limited.units(to))
        assert within([(moment, Decimal(1)) for moment, _ in got], limited.executions(to))
    assert within([(moment, spent) for _, _, moment, spent in given_], limited.total_units)


def within(counted: list[tuple[Moment, Decimal]], limit: Limit | None) -> bool:
    return limit is None or _most(counted, limit.interval) <= limit.value


def _most(counted: list[tuple[Moment, Decimal]], interval: Interval | None) -> Decimal:
    """The most in any interval, by going through all of them."""
    if interval is None:
        return sum((amount for _, amount in counted), Decimal(0))
    by_number: dict[int, Decimal] = {}
    for moment, amount in counted:
        number = number_of(moment, interval.unit)
        by_number[number] = by_number.get(number, Decimal(0)) + amount
    return max(
        (
            sum((by_number.get(end - back, Decimal(0)) for back in range(interval.n)), Decimal(0))
            for start in by_number
            for end in range(start, start + interval.n)
        ),
        default=Decimal(0),
    )


@settings(max_examples=60)
@given(st.lists(DECIDED, max_size=15), LIMITS)
def test_what_is_refused_would_have_passed_a_cap(
    decided: list[tuple[int, int, list[Decimal]]], budget: Limit | None
) -> None:
    """Nothing is held back that a cap allows: an effect alone in its decision is refused only when it does not fit."""
    deciding = Deciding()
    limited = limits(None, None, budget)
    for hour, _, amounts in decided:
        at = START + timedelta(hours=hour)
        tally: Tally = deciding.ledger.budget(terms().campaign)
        decision = deciding.decide(terms(rule(units(str(amounts[0]), 2)), limits=limited, zone=ZONE), at=at)
        if isinstance(decision, Refused) and amounts[0]:
            assert limited.total_units is not None
            rest = limited.total_units.left(tally, moment_of(at, ZONE))
            assert amounts[0] > rest


def test_quiet_where_nothing_is_named() -> None:
    """What was there before an effect failed stays as it was."""
    deciding = Deciding()
    before = deciding.ledger.budget(terms().campaign)
    deciding.decide(terms(rule(units("0"))))
    assert deciding.ledger.budget(terms().campaign) == before
    assert deciding.participation == NOTHING
    assert deciding.ledger.reserved() == []
    assert deciding.ledger.taken() == []


def test_reasons_name_their_rule_and_effect() -> None:
    decision = Deciding().decide(terms(rule(units("0"), name="One"), rule(reward("gone"), name="Two")))
    assert isinstance(decision, Refused)
    assert decision.reasons == (
        Why(AwardReason.NOTHING_TO_GIVE, "0 units round to none", 1, 1),
        Why(AwardReason.REWARD_OUT_OF_STOCK, "no reward `gone` is left", 2, 1),
    )
    assert replace(decision, rules=()).before == counters(0, "0", "0")
