"""Campaigns to decide: terms, an occasion, what is left, each with what a test does not care for filled in."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.campaigns.decision import decide
from domain.campaigns.definition import CampaignTrigger, CampaignType, Limits, OnExhausted, Recipient
from domain.campaigns.effects.give_badge import GiveBadge
from domain.campaigns.effects.give_reward import GiveReward
from domain.campaigns.effects.give_units import GiveUnits
from domain.campaigns.effects.issue_coupon import IssueCoupon
from domain.campaigns.ledger import CouponSupply, Ledger
from domain.campaigns.occasion import AchievementContext, Occasion
from domain.campaigns.participation import Granted, Participation, ReferralCounted, Refused, Trigger, evolve, receipt_of
from domain.campaigns.scope import campaign_scope
from domain.campaigns.terms import CampaignRuleTerms, CampaignTerms, EffectTerms, PeopleTerms
from domain.catalogue.entries import Coupon
from domain.expressions import CompiledExpression, Type, compile_expression
from domain.facts.fact import Fact, FactKind
from domain.facts.purchase import Purchase
from domain.members.member import Member
from domain.values.interval import Interval, IntervalUnit
from domain.values.limit import Limit

CAMPAIGN = UUID("018f0000-0000-7000-8000-0000000000c1")
ACHIEVEMENT = UUID("018f0000-0000-7000-8000-0000000000a1")
NOON = datetime(2026, 9, 10, 12, tzinfo=UTC)
EVERYONE = PeopleTerms(everyone=True, segments={}, tiers=())


def compiled(source: str, kind: Type) -> CompiledExpression:
    found = compile_expression(source, campaign_scope([], "UTC", with_transaction=True), kind)
    assert isinstance(found, CompiledExpression), found
    return found


def units(expression: str = "100", decimals: int = 0, to: Recipient = Recipient.MEMBER) -> EffectTerms:
    return GiveUnits(to, "points", decimals, compiled(expression, Type.NUMBER))


def coupon(code: str = "spring", value: str | None = None) -> EffectTerms:
    worth = compiled(value, Type.NUMBER) if value else None
    return IssueCoupon(Recipient.MEMBER, code, worth)


def reward(code: str = "mug") -> EffectTerms:
    return GiveReward(Recipient.MEMBER, code)


def badge(code: str = "star") -> EffectTerms:
    return GiveBadge(Recipient.MEMBER, code)


def rule(*effects: EffectTerms, when: str | None = None, name: str = "Prize") -> CampaignRuleTerms:
    return CampaignRuleTerms(name, compiled(when, Type.BOOLEAN) if when else None, effects or (units(),))


def among(*tiers: str, **segments: str) -> PeopleTerms:
    return PeopleTerms(
        everyone=False,
        segments={code: compiled(source, Type.BOOLEAN) for code, source in segments.items()},
        tiers=tiers,
    )


def at_most(value: str, unit: str | None = None, n: int = 1) -> Limit:
    return Limit(Decimal(value), Interval(IntervalUnit(unit), n) if unit else None)


def limits(
    executions: Limit | None = None,
    member_units: Limit | None = None,
    budget: Limit | None = None,
    *,
    referrer_executions: Limit | None = None,
    referrer_units: Limit | None = None,
    clamp: bool = False,
) -> Limits:
    return Limits(
        member_executions=executions,
        member_units=member_units,
        referrer_executions=referrer_executions,
        referrer_units=referrer_units,
        total_units=budget,
        on_exhausted=OnExhausted.CLAMP if clamp else OnExhausted.REFUSE,
    )


def terms(*rules: CampaignRuleTerms, **fields: Any) -> CampaignTerms:
    given: dict[str, Any] = {
        "campaign": CAMPAIGN,
        "revision": 1,
        "type": CampaignType.DIRECT,
        "trigger": CampaignTrigger.ACHIEVEMENT_COMPLETED,
        "achievement": ACHIEVEMENT,
        "starts_at": datetime(2026, 1, 1, tzinfo=UTC),
        "ends_at": None,
        "zone": ZoneInfo("UTC"),
        "audience": EVERYONE,
        "rules": rules or (rule(),),
        "limits": limits(),
    }
    return CampaignTerms(**given | fields)


def occasion(total: str = "49.90", **fields: Any) -> Occasion:
    purchase = Purchase("T-1", "M-1", NOON, Decimal(total))
    given: dict[str, Any] = {
        "member": Member("M-1", tier="gold"),
        "achievement": AchievementContext(ACHIEVEMENT, "Buyer", 1),
        "transaction": purchase,
    }
    return Occasion(**given | fields)


def trigger(at: datetime = NOON, position: int = 10) -> Trigger:
    fact = Fact(FactKind.TRANSACTION, "T-1")
    kind = CampaignTrigger.ACHIEVEMENT_COMPLETED
    return Trigger(kind, ACHIEVEMENT, 1, ACHIEVEMENT, 1, position, 1, fact, at)


class Deciding:
    """Decisions for one member that build on one another; `referrer` is what the member's referrer has had."""

    def __init__(self, **left: Any) -> None:
        coupons = left.get("coupons", {})
        self.participation: Participation | None = None
        self.referrer: Participation | None = None
        self.ledger = Ledger(
            {},
            {code: CouponSupply(Coupon(code, code), tuple(codes)) for code, codes in coupons.items()},
            left.get("rewards", {}),
        )

    def decide(self, decided: CampaignTerms, seen: Occasion | None = None, at: datetime = NOON) -> Granted | Refused:
        had = self.participation, self.referrer
        decision = decide(decided, seen or occasion(), trigger(at), *had, self.ledger, NOON)
        self.participation = evolve(self.participation, decision)
        if isinstance(decision, Granted):
            self.ledger.take(decision)
            if receipt := receipt_of(decision, Recipient.REFERRER):
                about = decided.campaign, receipt.member, decision.member, decided.campaign
                counted = ReferralCounted(*about, decision.moment, receipt.units)
                self.referrer = evolve(self.referrer, counted)
        return decision
