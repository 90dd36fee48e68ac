"""What can be saved and can't work as meant: it warns, and it stays quiet."""

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.achievements.definition import Count, CountKind, Period, PeriodKind, Subject
from domain.achievements.timeframe import Timeframe, TimeframeKind
from domain.achievements.warnings import achievement_warnings
from domain.campaigns import definition as campaign_definition
from domain.campaigns.definition import CampaignType, Effect, EffectKind, Limits, Recipient
from domain.campaigns.warnings import campaign_warnings
from domain.facts.fact import FactKind
from domain.tiered.definition import Aggregate
from domain.tiered.points import HitType
from domain.tiered.terms import CombinationPart, Confirmation, Late
from domain.tiered.warnings import tiered_warnings
from domain.values.interval import Interval, IntervalUnit
from domain.values.limit import Limit
from domain.values.problems import Problem
from tests.support import achievements
from tests.support.campaigns import definition, tiers

BUDAPEST = ZoneInfo("Europe/Budapest")


def told(problems: list[Problem]) -> list[tuple[str, str]]:
    return [(problem.pointer, problem.code) for problem in problems]


THOUSANDS = tiers(("0", "1000", "10"), ("1000", "5000", "50"), ("5000", None, "100"))
SETS = Aggregate(combination=(CombinationPart("A", Decimal(1)),))
LIMIT: dict[str, Any] = {"hit_type": HitType.HIT_LIMIT, "unlimited": True, "tiers": THOUSANDS}


@pytest.mark.parametrize(
    ("fields", "rows"),
    [
        (LIMIT, [1]),
        (LIMIT | {"bracketed": True}, []),
        (LIMIT | {"unlimited": False, "tiers": (*THOUSANDS[:2], *tiers(("5000", "9000", "100")))}, []),
        (LIMIT | {"tiers": tiers(("0", "10", "1"), ("11", "50", "2"), ("51", None, "3"))}, []),
        (LIMIT | {"tiers": tiers(("5", None, "1"))}, []),
        (LIMIT | {"tiers": tiers(("0", "5", "1"), ("5", None, "2"))}, [0]),
        ({"hit_type": HitType.AMOUNT, "unlimited": True, "tiers": THOUSANDS}, []),
        ({"aggregate": SETS, "tiers": tiers(("0", "1", "1"), ("1", "1.75", "2"), ("1.75", "4", "3"))}, [1]),
        ({"aggregate": SETS, "tiers": tiers(("0", "1", "1"), ("1", "2", "2"), ("2", "2.5", "3"))}, []),
        ({"tiers": tiers(("0", "1", "1"), ("1", "1.75", "2"), ("1.75", "4", "3"))}, []),
        ({"tiers": ()}, []),
        ({"hit_type": None}, []),
        ({"aggregate": None}, []),
    ],
)
def test_a_tier_that_can_never_pay(fields: dict[str, Any], rows: list[int]) -> None:
    assert told(tiered_warnings(definition(**fields))) == [(f"/tiers/{row}", "tier_never_pays") for row in rows]


def test_a_tier_that_can_never_pay_says_which_one_pays_instead() -> None:
    (warning,) = tiered_warnings(definition(**LIMIT))
    assert warning.detail == "Tier 2 can never pay: whoever completes it has hit tier 3 too, which pays instead"


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({}, []),
        ({"late": Late.CORRECT}, []),
        ({"confirmation": Confirmation.OCCURRENCE_END}, []),
        ({"confirmation": Confirmation.OCCURRENCE_END, "late": Late.CORRECT}, [("/late", "acceptance_too_late")]),
        (
            {
                "confirmation": Confirmation.OCCURRENCE_END,
                "late": Late.CORRECT,
                "entity": FactKind.EVENT,
                "event_type": "workout",
                "aggregate": Aggregate(attribute="minutes"),
            },
            [],
        ),
    ],
)
def test_late_acceptances_that_correct_nothing(fields: dict[str, Any], codes: list[tuple[str, str]]) -> None:
    assert told(tiered_warnings(definition(**fields))) == codes


def june(start: str, to: str) -> Timeframe:
    return Timeframe(TimeframeKind.BETWEEN, start=f"2026-06-{start}", to=f"2026-06-{to}")


DAY, WEEK = Period(PeriodKind.DAY), Period(PeriodKind.WEEK)


@pytest.mark.parametrize(
    ("timeframe", "period", "consecutive", "warned"),
    [
        (june("01", "05"), DAY, 5, False),
        (june("01", "05"), DAY, 6, True),
        (june("01", "05T12:00:00Z"), DAY, 6, True),
        (june("01", "06T00:00:00+02:00"), DAY, 6, True),
        (june("01", "06T00:00:01+02:00"), DAY, 6, False),
        (june("01", "07"), WEEK, 1, False),
        (june("07", "08"), WEEK, 2, False),
        (june("01", "07"), WEEK, 2, True),
        (june("01", "30"), Period(PeriodKind.MONTH), 2, True),
        (june("01", "30"), Period(PeriodKind.LAST_DAYS, 40), 1, False),
        (june("01", "30"), Period(), 1, False),
        (None, DAY, 366, False),
        (Timeframe(TimeframeKind.DAYS_OF_WEEK, days=(1, 2, 3, 4, 5)), DAY, 6, False),
        (Timeframe(TimeframeKind.BEFORE, at="2026-06-01"), DAY, 366, False),
        (Timeframe(TimeframeKind.NOT_BETWEEN, start="2026-06-01", to="2026-12-01"), DAY, 366, False),
        (Timeframe(TimeframeKind.BETWEEN, start="0003-01-01", to="9997-01-01"), DAY, 366, False),
    ],
)
def test_a_streak_that_no_calendar_allows(
    timeframe: Timeframe | None, period: Period, consecutive: int, *, warned: bool
) -> None:
    rules = (achievements.rule(), achievements.rule(period=period, consecutive=consecutive, goal=Decimal(1)))
    found = achievement_warnings(achievements.definition(*rules, timeframe=timeframe), BUDAPEST)
    assert told(found) == ([("/rules/1/consecutive", "streak_too_long")] if warned else [])


SUM = Count(CountKind.SUM, expression="transaction.total")


@pytest.mark.parametrize(
    ("fields", "value", "interval", "warned"),
    [
        ({"goal": 3, "period": DAY}, 2, Interval(IntervalUnit.DAY), True),
        ({"goal": 3, "period": DAY}, 2, Interval(IntervalUnit.MONTH), True),
        ({"goal": 3, "period": DAY}, 3, Interval(IntervalUnit.DAY), False),
        ({"goal": 3, "period": DAY}, 2, Interval(IntervalUnit.HOUR), False),
        ({"goal": 3, "period": WEEK}, 2, Interval(IntervalUnit.DAY), False),
        ({"goal": 3, "period": WEEK}, 2, Interval(IntervalUnit.MONTH), False),
        ({"goal": 3, "period": DAY, "count": SUM}, 2, Interval(IntervalUnit.DAY), False),
        ({"goal": 3}, 2, Interval(IntervalUnit.DAY), False),
        ({"goal": 3}, 2, None, True),
        ({"goal": 3}, 3, None, False),
        ({"goal": 3, "period": DAY, "consecutive": 2}, 5, None, True),
        ({"goal": 3, "period": DAY, "consecutive": 2}, 6, None, False),
    ],
)
def test_a_frequency_that_keeps_the_goal_out_of_reach(
    fields: dict[str, Any], value: int, interval: Interval | None, *, warned: bool
) -> None:
    given = fields | {"goal": Decimal(fields["goal"])}
    rule = achievements.rule(**given, frequency=Limit(Decimal(value), interval))
    found = achievement_warnings(achievements.definition(rule), BUDAPEST)
    assert told(found) == ([("/rules/0/frequency", "frequency_below_goal")] if warned else [])


def give(units: str, to: Recipient = Recipient.MEMBER, account: str = "points") -> Effect:
    return Effect(kind=EffectKind.GIVE_UNITS, account=account, units=units, to=to)


def campaign(*rules: campaign_definition.CampaignRule, **limits: str) -> campaign_definition.Definition:
    bounds: dict[str, Any] = {field: Limit(Decimal(value)) for field, value in limits.items()}
    return campaign_definition.Definition(
        name="Prize",
        type=CampaignType.REFERRAL,
        rules=rules,
        limits=Limits(**bounds),
    )


def pays(*effects: Effect, when: str | None = None) -> campaign_definition.CampaignRule:
    return campaign_definition.CampaignRule("Pay", effects, {"expression": when} if when else None)


REFERRER = Recipient.REFERRER
MUG = Effect(kind=EffectKind.GIVE_REWARD, reward="mug")


@pytest.mark.parametrize(
    ("rules", "limits", "fields"),
    [
        ([pays(give("100"))], {"member_units": "99"}, ["member_units"]),
        ([pays(give("100"))], {"member_units": "100", "total_units": "100"}, []),
        ([pays(give("100"))], {"total_units": "99.9"}, ["total_units"]),
        ([pays(give("100"), give("1", REFERRER))], {"referrer_units": "1"}, []),
        ([pays(give("100", REFERRER))], {"referrer_units": "1"}, ["referrer_units"]),
        ([pays(give("60"), give("60", REFERRER))], {"member_units": "60", "total_units": "119"}, ["total_units"]),
        ([pays(give("60")), pays(give("50"))], {"member_units": "109"}, ["member_units"]),
        ([pays(give("60"), when="true"), pays(give("50"), when="false")], {"member_units": "60"}, []),
        ([pays(give("60"), when="true"), pays(give("50"))], {"member_units": "109"}, ["member_units"]),
        ([pays(give("10.5"))], {"member_units": "10.7"}, ["member_units"]),
        ([pays(give("10.5", account="money"))], {"member_units": "10.7"}, []),
        ([pays(give("1 * transaction.total"))], {"member_units": "1"}, []),
        ([pays(MUG)], {"member_units": "1"}, []),
        ([], {"member_units": "1"}, []),
    ],
)
def test_a_limit_below_what_one_execution_gives(
    rules: list[campaign_definition.CampaignRule], limits: dict[str, str], fields: list[str]
) -> None:
    found = campaign_warnings(campaign(*rules, **limits), None, {"points": 0, "money": 2}.__getitem__)
    assert told(found) == [(f"/limits/{field}/value", "limit_below_execution") for field in fields]


def test_a_limit_of_whom_nothing_goes_to() -> None:
    limits = {"member_units": "200", "referrer_units": "200", "total_units": "200"}
    to_member, to_referrer = pays(give("1")), pays(give("1", REFERRER))

    def warned(*rules: campaign_definition.CampaignRule) -> list[tuple[str, str]]:
        return told(campaign_warnings(campaign(*rules, **limits), None, lambda _: 0))

    assert warned(to_member) == [("/limits/referrer_units", "limit_bounds_nobody")]
    assert warned(to_referrer, to_referrer) == [("/limits/member_units", "limit_bounds_nobody")]
    assert warned(to_member, to_referrer) == []
    assert warned() == []
    once = campaign_definition.Definition(
        name="Thanks", rules=(to_referrer,), limits=Limits(member_executions=Limit(Decimal(1)))
    )
    assert told(campaign_warnings(once, None, lambda _: 0)) == [("/limits/member_executions", "limit_bounds_nobody")]


def test_what_goes_to_the_referrer_of_a_referrer() -> None:
    draft = campaign(pays(give("1"), give("1", REFERRER)), pays(give("2", REFERRER)))
    own = achievements.definition(achievements.rule())
    theirs = achievements.definition(achievements.rule(), achievements.rule(subject=Subject.REFERRER))
    assert campaign_warnings(draft, None, lambda _: 0) == []
    assert campaign_warnings(draft, own, lambda _: 0) == []
    assert told(campaign_warnings(draft, theirs, lambda _: 0)) == [
        ("/rules/0/effects/1/to", "referrer_of_referrer"),
        ("/rules/1/effects/0/to", "referrer_of_referrer"),
    ]


def test_a_warning_is_a_whole_sentence() -> None:
    late = definition(confirmation=Confirmation.OCCURRENCE_END, late=Late.CORRECT)
    rare = achievements.rule(goal=Decimal(3), period=DAY, frequency=Limit(Decimal(1), Interval(IntervalUnit.DAY)))
    limited = campaign(pays(give("1")), member_units="0.5", referrer_executions="1")
    found = (
        *tiered_warnings(late),
        *achievement_warnings(achievements.definition(rare), BUDAPEST),
        *campaign_warnings(limited, None, {"points": 0}.__getitem__),
    )
    assert [problem.detail for problem in found] == [
        (
            "An acceptance after the end of an occurrence corrects nothing: only what was confirmed before it counts; "
            "refunds, and what comes already accepted, correct"
        ),
        "Rule 1 can never be complete: the frequency lets 1 fact count, and the goal takes 3",
        "The limit of referrer executions bounds nobody: nothing goes to the referrer",
        "The limit of member units is less than one execution gives: 1 unit, of which some or all are never given",
    ]
