from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from domain.achievements.achievement import Achievement, Status
from domain.achievements.definition import Count, CountKind
from domain.achievements.definition import Definition as Goal
from domain.achievements.definition import Rule as GoalRule
from domain.campaigns.definition import (
    MOST_EFFECTS,
    MOST_LABELS,
    MOST_RULES,
    CampaignRule,
    CampaignType,
    Definition,
    Effect,
    EffectKind,
    Limits,
    People,
    Recipient,
    campaign_problems,
    missing,
)
from domain.catalogue.entries import Account, Badge, Coupon, Reward, Segment
from domain.facts.fact import FactKind
from domain.values.interval import Interval, IntervalUnit
from domain.values.limit import Limit
from domain.values.texts import Text

DAY, YEAR = IntervalUnit.DAY, IntervalUnit.YEAR
ACHIEVEMENT = UUID("018f0000-0000-7000-8000-000000000001")
ARCHIVED = UUID("018f0000-0000-7000-8000-000000000002")
UNKNOWN = UUID("018f0000-0000-7000-8000-000000000003")
GOAL = Goal(
    name="Five purchases",
    rules=(GoalRule(name="Buy", trigger=FactKind.TRANSACTION, count=Count(CountKind.OCCURRENCES), goal=Decimal(5)),),
)
POINTS = Effect(kind=EffectKind.GIVE_UNITS, account="points", units="100")
MILES = Effect(kind=EffectKind.GIVE_UNITS, account="miles", units="0.01")


class References:
    """A catalogue with one of each: `points` (and `miles` with decimals), `vip`, `medal`, `SALE`, `mug`."""

    @property
    def achievements(self) -> Mapping[UUID, Achievement]:
        return {
            ACHIEVEMENT: Achievement(ACHIEVEMENT, GOAL),
            ARCHIVED: Achievement(ARCHIVED, GOAL, status=Status.ARCHIVED),
        }

    def account(self, code: str) -> Account | None:
        return {"points": Account("points", "Points"), "miles": Account("miles", "Miles", decimals=2)}.get(code)

    def segment(self, code: str) -> Segment | None:
        return Segment("vip", "VIP", 'member.tier == "gold"') if code == "vip" else None

    def badge(self, code: str) -> Badge | None:
        return Badge("medal", "Medal") if code == "medal" else None

    def coupon(self, code: str) -> Coupon | None:
        return Coupon("SALE", "Sale") if code == "SALE" else None

    def reward(self, code: str) -> Reward | None:
        return Reward("mug", "Mug") if code == "mug" else None


def definition(**fields: Any) -> Definition:
    defaults: dict[str, Any] = {
        "name": "Summer prize",
        "achievement": ACHIEVEMENT,
        "starts_at": datetime(2026, 6, 1, tzinfo=UTC),
        "rules": (CampaignRule("Prize", (POINTS,)),),
    }
    return Definition(**(defaults | fields))


def problems(**fields: Any) -> list[str]:
    return [problem.pointer for problem in campaign_problems(definition(**fields), References(), "UTC")]


def of_effect(*effects: Effect, **fields: Any) -> list[str]:
    return problems(rules=(CampaignRule("Prize", effects),), **fields)


def test_a_draft_says_what_it_lacks() -> None:
    assert missing(Definition(name="Summer prize")) == ("achievement", "starts_at", "rules")
    assert campaign_problems(Definition(name="Summer prize"), References(), "UTC") == []
    assert missing(definition()) == ()


def test_everything_that_is_right() -> None:
    assert problems() == []
    full = problems(
        type=CampaignType.REFERRAL,
        description="x" * 4000,
        translations={"de": Text("Sommerpreis", "Hundert Punkte"), "pt-BR": Text(description="Cem pontos")},
        ends_at=datetime(2026, 6, 1, 0, 0, 0, 1, tzinfo=UTC),
        time_zone="Europe/Budapest",
        display_order=1_000_000,
        labels={f"label {number}": "" for number in range(MOST_LABELS)},
        visibility=People(everyone=False, segments=("vip",)),
        audience=People(everyone=False, segments=("vip",) * 1000, tiers=("gold",)),
        rules=(
            CampaignRule(
                "All kinds",
                (
                    POINTS,
                    MILES,
                    Effect(kind=EffectKind.ISSUE_COUPON, coupon="SALE", to=Recipient.REFERRER),
                    Effect(kind=EffectKind.GIVE_REWARD, reward="mug"),
                    Effect(kind=EffectKind.GIVE_BADGE, badge="medal"),
                ),
            ),
        )
        * MOST_RULES,
        limits=Limits(
            member_executions=Limit(Decimal(1), Interval(IntervalUnit.MONTH, 24)),
            member_units=Limit(Decimal("0.01"), Interval(IntervalUnit.HOUR, 168)),
            referrer_executions=Limit(Decimal(3)),
            referrer_units=Limit(Decimal("0.5"), Interval(IntervalUnit.DAY)),
            total_units=Limit(Decimal(10) ** 19, Interval(IntervalUnit.YEAR, 10)),
        ),
    )
    assert full == []


HALF = Limit(Decimal("0.5"))
REFERRAL = CampaignType.REFERRAL
INSTANT = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"name": "   "}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"description": "x" * 4001}, "/description"),
        ({"translations": {"d": Text("x")}}, "/translations/d"),
        ({"translations": {"de/a~": Text("x")}}, "/translations/de~1a~0"),
        ({"translations": {"de": Text(" ")}}, "/translations/de/name"),
        ({"translations": {"de": Text()}}, "/translations/de"),
        ({"achievement": UNKNOWN}, "/achievement"),
        ({"achievement": ARCHIVED}, "/achievement"),
        ({"ends_at": INSTANT}, "/ends_at"),
        ({"starts_at": datetime(1, 1, 1, tzinfo=UTC)}, "/starts_at"),
        ({"ends_at": datetime(9999, 12, 31, tzinfo=UTC)}, "/ends_at"),
        ({"time_zone": "Mars/Olympus"}, "/time_zone"),
        ({"time_zone": "localtime"}, "/time_zone"),
        ({"display_order": -1}, "/display_order"),
        ({"display_order": 1_000_001}, "/display_order"),
        ({"labels": {str(number): "x" for number in range(MOST_LABELS + 1)}}, "/labels"),
        ({"labels": {" ": "x"}}, "/labels/ "),
        ({"labels": {"a/b~c": "x" * 101}}, "/labels/a~1b~0c"),
        ({"labels": {"x" * 101: ""}}, "/labels/" + "x" * 101),
        ({"visibility": People()}, "/visibility"),
        ({"audience": People(everyone=True, tiers=("gold",))}, "/audience/everyone"),
        ({"audience": People(segments=("vip", "gold"))}, "/audience/segments/1"),
        ({"audience": People(segments=("vip",) * 1001)}, "/audience/segments"),
        ({"visibility": People(tiers=("gold",) * 1001)}, "/visibility/tiers"),
        ({"visibility": People(tiers=(" ",))}, "/visibility/tiers/0"),
        ({"visibility": People(tiers=("x" * 101,))}, "/visibility/tiers/0"),
        ({"rules": (CampaignRule("Prize", (POINTS,)),) * (MOST_RULES + 1)}, "/rules"),
        ({"rules": (CampaignRule("", (POINTS,)),)}, "/rules/0/name"),
        ({"rules": (CampaignRule("Prize", ()),)}, "/rules/0/effects"),
        ({"rules": (CampaignRule("Prize", (POINTS,) * (MOST_EFFECTS + 1)),)}, "/rules/0/effects"),
        ({"limits": Limits(member_executions=Limit(Decimal(0)))}, "/limits/member_executions/value"),
        ({"limits": Limits(member_executions=Limit(Decimal("1.5")))}, "/limits/member_executions/value"),
        ({"limits": Limits(member_units=Limit(Decimal(0)))}, "/limits/member_units/value"),
        ({"limits": Limits(referrer_executions=Limit(Decimal(1)))}, "/limits/referrer_executions"),
        ({"limits": Limits(referrer_units=Limit(Decimal(1)))}, "/limits/referrer_units"),
        ({"type": REFERRAL, "limits": Limits(referrer_executions=HALF)}, "/limits/referrer_executions/value"),
        ({"type": REFERRAL, "limits": Limits(referrer_units=Limit(Decimal(0)))}, "/limits/referrer_units/value"),
        ({"limits": Limits(total_units=Limit(Decimal(-1)))}, "/limits/total_units/value"),
        ({"limits": Limits(total_units=Limit(Decimal("NaN")))}, "/limits/total_units/value"),
        ({"limits": Limits(total_units=Limit(Decimal(1), Interval(DAY, 0)))}, "/limits/total_units/interval/n"),
        ({"limits": Limits(total_units=Limit(Decimal(1), Interval(YEAR, 11)))}, "/limits/total_units/interval/n"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(fields: dict[str, Any], pointer: str) -> None:
    assert problems(**fields) == [pointer]


@pytest.mark.parametrize(
    ("effect", "wrong"),
    [
        (Effect(kind=EffectKind.GIVE_UNITS), ["account", "units"]),
        (Effect(kind=EffectKind.GIVE_UNITS, account="gems", units="1"), ["account"]),
        (replace(POINTS, coupon="SALE"), ["coupon"]),
        (replace(POINTS, units="0"), ["units"]),
        (replace(POINTS, units=" -1 "), ["units"]),
        (replace(POINTS, units="0.4"), ["units"]),
        (replace(MILES, units="0.004"), ["units"]),
        (Effect(kind=EffectKind.ISSUE_COUPON), ["coupon"]),
        (Effect(kind=EffectKind.ISSUE_COUPON, coupon="FREE"), ["coupon"]),
        (Effect(kind=EffectKind.ISSUE_COUPON, coupon="SALE", units="1", account="points"), ["account", "units"]),
        (Effect(kind=EffectKind.GIVE_REWARD, reward="car"), ["reward"]),
        (Effect(kind=EffectKind.GIVE_BADGE, badge="crown"), ["badge"]),
        (Effect(kind=EffectKind.GIVE_BADGE, reward="mug"), ["reward", "badge"]),
        (replace(POINTS, to=Recipient.REFERRER), ["to"]),
    ],
)
def test_an_effect_has_what_its_kind_takes(effect: Effect, wrong: list[str]) -> None:
    assert of_effect(POINTS, effect) == [f"/rules/0/effects/1/{field}" for field in wrong]


def test_an_archived_achievement_is_told_by_its_code() -> None:
    (problem,) = campaign_problems(definition(achievement=ARCHIVED), References(), "UTC")
    assert problem.code == "archived"


def test_only_referral_campaigns_give_to_referrers() -> None:
    effect = replace(POINTS, to=Recipient.REFERRER)
    assert of_effect(effect, type=CampaignType.REFERRAL) == []
    assert of_effect(effect, type=CampaignType.DIRECT) == ["/rules/0/effects/0/to"]


def test_units_written_as_an_expression_are_looked_at_later() -> None:
    assert of_effect(replace(POINTS, units="0 * transaction.total")) == []
    assert of_effect(replace(POINTS, units="1e5")) == []
