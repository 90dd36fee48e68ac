from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from backoffice.achievements import words as achievement_words
from backoffice.campaigns import words as campaign_words
from backoffice.facts import words as outcome_words
from backoffice.frame.names import NameView
from domain.achievements.definition import Count, CountKind, Definition, Period, PeriodKind, Subject
from domain.achievements.timeframe import Timeframe, TimeframeKind
from domain.campaigns.definition import CampaignType, Effect, EffectKind, Limits, OnExhausted, People, Recipient
from domain.catalogue.entries import Account
from domain.facts.fact import FactKind
from domain.facts.outcomes import (
    CompletionOutcome,
    ContributionOutcome,
    CorrectionOutcome,
    OmissionOutcome,
    OmissionReason,
    Outcome,
    ProgressOutcome,
)
from domain.values.interval import Interval, IntervalUnit
from domain.values.limit import Limit
from tests.support.achievements import rule

EVENTS: dict[str, Any] = {"trigger": FactKind.EVENT, "event_type": "workout"}
BIG = {"attribute": "transaction.total", "operator": "gte", "value": "20"}
CAFE = {"attribute": "item.category", "operator": "in", "value": ["café", "bar"]}
ID = UUID(int=1)
ACCOUNTS = {"points": Account("points", "Points"), "money": Account("money", "Cash back", "EUR", 2)}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "5 transactions"),
        ({"goal": Decimal(1)}, "1 transaction"),
        ({"goal": Decimal(12500), "conditions": BIG}, "12,500 transactions where total is at least 20"),
        (
            EVENTS | {"count": Count(CountKind.SUM, expression="event.attributes.minutes")},
            "workout events with minutes adding up to 5",
        ),
        (
            {"count": Count(CountKind.SUM, expression="transaction.total / 2")},
            "transactions with transaction.total / 2 adding up to 5",
        ),
        (
            {"count": Count(CountKind.DISTINCT, attribute="transaction.attributes.shop")},
            "transactions with 5 different values of shop",
        ),
        (
            {"count": Count(CountKind.DISTINCT, attribute="member.tier"), "goal": Decimal(1)},
            "transactions with one value of tier",
        ),
        ({"count": Count(CountKind.MATCHING_QUANTITY)}, "5 items"),
        (
            {"count": Count(CountKind.MATCHING_VALUE, items=CAFE), "conditions": BIG},
            "items worth 5 where category is café or bar, in transactions where total is at least 20",
        ),
        ({"period": Period(PeriodKind.DAY)}, "5 transactions, in a day"),
        ({"period": Period(PeriodKind.MONTH)}, "5 transactions, in a calendar month"),
        ({"period": Period(PeriodKind.WEEK), "consecutive": 4}, "5 transactions, in each of 4 weeks in a row"),
        ({"period": Period(PeriodKind.DAY), "consecutive": 7}, "5 transactions, on each of 7 days in a row"),
        ({"period": Period(PeriodKind.LAST_DAYS, 30)}, "5 transactions, within 30 days"),
        ({"period": Period(PeriodKind.LAST_DAYS, 1)}, "5 transactions, within a day"),
        ({"subject": Subject.REFERRER}, "5 transactions, by members they referred"),
        ({"subject": Subject.REFERRER, "unique_referee": True}, "5 transactions, by different members they referred"),
        ({"frequency": Limit(Decimal(2), Interval(IntervalUnit.HOUR))}, "5 transactions, counting at most 2 an hour"),
        (
            {"frequency": Limit(Decimal(2), Interval(IntervalUnit.DAY, 3))},
            "5 transactions, counting at most 2 in 3 days",
        ),
        ({"frequency": Limit(Decimal(2))}, "5 transactions, counting at most 2 in all"),
    ],
)
def test_a_goal_is_said_in_words(fields: dict[str, Any], said: str) -> None:
    assert achievement_words.goal(rule(**fields)) == said


def test_all_rules_are_asked() -> None:
    both = Definition(name="Both", rules=(rule(), rule(goal=Decimal(1))))
    assert achievement_words.summary(both) == "5 transactions; and 1 transaction"


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        (None, "as often as they do it"),
        (Limit(Decimal(1)), "once"),
        (Limit(Decimal(3)), "at most 3 times in all"),
        (Limit(Decimal(1), Interval(IntervalUnit.MONTH)), "at most once a month"),
    ],
)
def test_a_limit_is_said_in_words(limit: Limit | None, said: str) -> None:
    assert achievement_words.limit(Definition(name="One", limit=limit, rules=(rule(),))) == said


@pytest.mark.parametrize(
    ("timeframe", "said"),
    [
        (None, "always"),
        (Timeframe(TimeframeKind.ALWAYS), "always"),
        (Timeframe(TimeframeKind.BEFORE, at="2026-06-01"), "before 1 Jun 2026"),
        (Timeframe(TimeframeKind.AFTER, at="2026-06-01t10:30:00+02:00"), "after 1 Jun 2026, 10:30 UTC+02:00"),
        (
            Timeframe(TimeframeKind.BETWEEN, start="2026-06-01", to="2026-08-31"),
            "from 1 Jun 2026 to 31 Aug 2026",
        ),
        (
            Timeframe(TimeframeKind.NOT_BETWEEN, start="2026-06-01", to="2026-06-02T00:00:00Z"),
            "always but from 1 Jun 2026 to 2 Jun 2026, 00:00 UTC",
        ),
        (Timeframe(TimeframeKind.DAYS_OF_WEEK, days=(7, 1, 3)), "on Mondays, Wednesdays and Sundays"),
        (Timeframe(TimeframeKind.DAYS_OF_WEEK), "on no day at all"),
        (Timeframe(TimeframeKind.DAYS_OF_MONTH, days=(15, 1)), "on day 1 and 15 of the month"),
        (Timeframe(TimeframeKind.MONTHS, months=(6,)), "in June"),
        (Timeframe(TimeframeKind.TIME_OF_DAY, start="18:00", to="02:00"), "from 18:00 to 02:00 each day"),
    ],
)
def test_a_timeframe_is_said_in_words(timeframe: Timeframe | None, said: str) -> None:
    assert achievement_words.timeframe(timeframe) == said


@pytest.mark.parametrize("kind", CountKind)
def test_what_a_fact_adds_is_said_in_words(kind: CountKind) -> None:
    items = CAFE if kind in (CountKind.MATCHING_QUANTITY, CountKind.MATCHING_VALUE) else None
    asked = rule(count=Count(kind, expression="transaction.total", attribute="transaction.id", items=items))
    assert achievement_words.count(asked) == {
        CountKind.OCCURRENCES: "1 for each",
        CountKind.SUM: "transaction.total",
        CountKind.DISTINCT: "1 for each new value of id",
        CountKind.MATCHING_QUANTITY: "the quantity of items where category is café or bar",
        CountKind.MATCHING_VALUE: "the value of items where category is café or bar",
    }.get(kind)


@pytest.mark.parametrize("kind", PeriodKind)
def test_every_period_has_words(kind: PeriodKind) -> None:
    assert achievement_words.open_period(kind, 30) == {
        PeriodKind.OVERALL: "",
        PeriodKind.DAY: "today",
        PeriodKind.WEEK: "this week",
        PeriodKind.MONTH: "this month",
        PeriodKind.YEAR: "this year",
        PeriodKind.LAST_DAYS: "in the last 30 days",
    }.get(kind)


def test_people_are_said_in_words() -> None:
    said = [
        campaign_words.people(people)
        for people in (People(everyone=True), People(segments=("vip",), tiers=("gold", "silver")), People())
    ]
    assert said == ["everyone", "members of segment vip, tier gold or tier silver", "nobody"]


@pytest.mark.parametrize(
    ("effect", "type_", "said"),
    [
        (Effect(kind=EffectKind.GIVE_UNITS, account="points", units="1000"), CampaignType.DIRECT, "1,000 points"),
        (
            Effect(kind=EffectKind.GIVE_UNITS, account="money", units="0.1 * transaction.total"),
            CampaignType.REFERRAL,
            "0.1 * transaction.total in EUR to the member",
        ),
        (
            Effect(kind=EffectKind.GIVE_UNITS, account="gone", units="5", to=Recipient.REFERRER),
            CampaignType.REFERRAL,
            "5 gone to their referrer",
        ),
        (Effect(kind=EffectKind.ISSUE_COUPON, coupon="tea"), CampaignType.DIRECT, "a code of coupon tea"),
        (Effect(kind=EffectKind.GIVE_REWARD, reward="mug"), CampaignType.DIRECT, "reward mug"),
        (Effect(kind=EffectKind.GIVE_BADGE, badge="star"), CampaignType.DIRECT, "badge star"),
    ],
)
def test_an_effect_is_said_in_words(effect: Effect, type_: CampaignType, said: str) -> None:
    assert campaign_words.effect(effect, type_, ACCOUNTS) == said


def test_limits_are_said_in_words() -> None:
    monthly = Interval(IntervalUnit.MONTH)
    asked = Limits(
        member_executions=Limit(Decimal(1)),
        member_units=Limit(Decimal(500), monthly),
        referrer_executions=Limit(Decimal(3), Interval(IntervalUnit.HOUR)),
        referrer_units=Limit(Decimal(30), Interval(IntervalUnit.DAY, 7)),
        total_units=Limit(Decimal(20000)),
        on_exhausted=OnExhausted.CLAMP,
    )
    assert campaign_words.limits(asked) == [
        ("Each member", "once"),
        ("Units a member", "at most 500 a month"),
        ("Each referrer", "at most 3 an hour"),
        ("Units a referrer", "at most 30 in 7 days"),
        ("Budget", "20,000 units in all"),
        ("When less is left", "what is left is given"),
    ]
    refusing = Limits(member_executions=Limit(Decimal(1), monthly), total_units=Limit(Decimal("0.5"), monthly))
    assert campaign_words.limits(refusing) == [
        ("Each member", "at most 1 a month"),
        ("Budget", "0.5 units a month"),
        ("When less is left", "nothing is given"),
    ]
    assert campaign_words.limits(Limits()) == []


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (ContributionOutcome(ID, 2, Decimal(5), Decimal(1200), Decimal(0)), "Some #2: 5, now 1,200"),
        (ContributionOutcome(ID, 2, Decimal(5), Decimal(6), Decimal(60)), "Some #2: 5, now 6 for 60 pending"),
        (CorrectionOutcome(ID, 1, Decimal(5), Decimal(15)), "Some #1: corrected by +5 to 15"),
        (ProgressOutcome(ID, 1, Decimal(2), Decimal(5), completed=False), "Some, rule 1: 2 of 5"),
        (
            ProgressOutcome(ID, 1, Decimal(5), Decimal(5), completed=True, member="M-2"),
            "Some, rule 1: 5 of 5, complete, of M-2",
        ),
        (CompletionOutcome(ID, 3), "Some: completion 3"),
        (CompletionOutcome(ID, 3, "M-2"), "Some: completion 3, of M-2"),
        (OmissionOutcome(ID, OmissionReason.NOT_IN_AUDIENCE), "Some: not counted, not in audience"),
        (
            OmissionOutcome(
                None, OmissionReason.EXPRESSION_FAILED, detail="division by zero", achievement=ID, rule=2, member="M-2"
            ),
            "Some, rule 2: not counted, expression failed (division by zero), of M-2",
        ),
    ],
)
def test_outcomes_are_said_in_words(outcome: Outcome, said: str) -> None:
    assert outcome_words.concerned(outcome) == ID
    assert outcome_words.said(outcome, {ID: NameView(ID, "Some", "achievements")}) == said
    assert outcome_words.left_out(outcome) == isinstance(outcome, OmissionOutcome)


def test_what_has_no_name_yet_is_said_without_one() -> None:
    assert outcome_words.said(CompletionOutcome(ID, 1), {}) == ": completion 1"
    assert outcome_words.said(OmissionOutcome(None, OmissionReason.NO_REFERRER), {}) == ": not counted, no referrer"


def test_the_days_of_a_period() -> None:
    assert achievement_words.days(date(2026, 6, 1), date(2026, 6, 30)) == "1 Jun 2026 to 30 Jun 2026"
    assert achievement_words.days(date(2026, 6, 1), date(2026, 6, 1)) == "1 Jun 2026"
