"""The rules of campaigns, compiled over what their achievement takes, and which campaigns fire on what."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.achievements.achievement import Achievement
from domain.campaigns.campaign import Campaign, Life
from domain.campaigns.definition import CampaignTrigger, Definition, Effect, EffectKind, People
from domain.campaigns.effects.give_badge import GiveBadge
from domain.campaigns.effects.give_reward import GiveReward
from domain.campaigns.effects.give_units import GiveUnits
from domain.campaigns.effects.issue_coupon import IssueCoupon
from domain.campaigns.scope import campaign_scope
from domain.campaigns.terms import CampaignRuleTerms, CampaignTerms, EffectTerms, PeopleTerms
from domain.catalogue.entries import Account, Coupon, EventType
from domain.expressions import (
    CompiledExpression,
    ExpressionFailure,
    Scope,
    Type,
    compile_condition,
    compile_expression,
    condition_from,
    source_of,
)
from domain.expressions.faults import SourcePlace
from domain.facts.fact import FactKind
from domain.values.problems import Problem

On = dict[tuple[UUID, CampaignTrigger], tuple[CampaignTerms, ...]]


class RuleReferences(Protocol):
    """What is asked of the catalogue: what rules refer to."""

    @property
    def achievements(self) -> Mapping[UUID, Achievement]: ...
    def account(self, code: str) -> Account | None: ...
    def coupon(self, code: str) -> Coupon | None: ...
    def event_type(self, code: str) -> EventType | None: ...
    def compiled_segment(self, code: str) -> CompiledExpression: ...


def compiled_terms(catalogue: RuleReferences, campaign: Campaign) -> CampaignTerms:
    """The terms of a campaign that lacks nothing."""
    definition = campaign.definition
    assert definition.achievement  # noqa: S101  it lacks nothing
    assert definition.starts_at  # noqa: S101
    rules, _ = compiled_rules(catalogue, definition, campaign.time_zone)
    return CampaignTerms(
        campaign.id,
        campaign.revision,
        definition.type,
        definition.trigger,
        definition.achievement,
        definition.starts_at,
        definition.ends_at,
        ZoneInfo(campaign.time_zone),
        _people(catalogue, definition.audience),
        rules,
        definition.limits,
    )


def compiled_rules(
    catalogue: RuleReferences, definition: Definition, time_zone: str
) -> tuple[tuple[CampaignRuleTerms, ...], list[Problem]]:
    """The rules, and everything that is wrong with their conditions and expressions.

    What is wrong stands among the rules as an expression that fails: achievements and the catalogue may change after
    a campaign was saved, and then it is recorded why it gives nothing.
    """
    compiling = _Compiling(catalogue, scope_over(catalogue, definition.achievement, time_zone))
    rules = tuple(
        CampaignRuleTerms(
            rule.name,
            compiling.conditions(rule.conditions, f"/rules/{number}/conditions"),
            tuple(
                compiling.effect(effect, f"/rules/{number}/effects/{place}")
                for place, effect in enumerate(rule.effects)
            ),
        )
        for number, rule in enumerate(definition.rules)
    )
    return rules, compiling.problems


def firing(campaigns: Mapping[UUID, Campaign], terms: Callable[[Campaign], CampaignTerms]) -> On:
    """The active campaigns by what fires them, in the order in which they are decided: earliest start, then id."""
    found: dict[tuple[UUID, CampaignTrigger], list[CampaignTerms]] = {}
    for campaign in campaigns.values():
        if campaign.life is Life.ACTIVE:
            compiled = terms(campaign)
            found.setdefault((compiled.achievement, compiled.trigger), []).append(compiled)
    return {key: tuple(sorted(on, key=lambda one: (one.starts_at, one.campaign))) for key, on in found.items()}


def fired_on(campaigns: Mapping[UUID, Campaign]) -> frozenset[tuple[UUID, CampaignTrigger]]:
    """What the active campaigns fire on."""
    active = (campaign.definition for campaign in campaigns.values() if campaign.life is Life.ACTIVE)
    return frozenset((each.achievement, each.trigger) for each in active if each.achievement)


def expressions_over(catalogue: RuleReferences, event_type: str, terms: CampaignTerms) -> Iterator[CompiledExpression]:
    """The conditions and expressions of a campaign that may read events of a type."""
    achievement = catalogue.achievements.get(terms.achievement)
    rules = achievement.definition.rules if achievement else ()
    if all(rule.event_type != event_type for rule in rules):
        return
    for rule in terms.rules:
        parts = [rule.conditions, *(part for effect in rule.effects for part in effect.expressions)]
        yield from (part for part in parts if part)


def scope_over(catalogue: RuleReferences, achievement_id: UUID | None, time_zone: str) -> Scope:
    """What the expressions of a campaign on an achievement may name."""
    achievement = catalogue.achievements.get(achievement_id) if achievement_id else None
    rules = achievement.definition.rules if achievement else ()
    codes = dict.fromkeys(rule.event_type for rule in rules if rule.trigger is FactKind.EVENT and rule.event_type)
    event_types = [known for code in codes if (known := catalogue.event_type(code))]
    with_transaction = any(rule.trigger is FactKind.TRANSACTION for rule in rules)
    return campaign_scope(event_types, time_zone, with_transaction=with_transaction)


def _people(catalogue: RuleReferences, people: People) -> PeopleTerms:
    segments = {code: catalogue.compiled_segment(code) for code in people.segments}
    return PeopleTerms(people.everyone, segments, people.tiers)


class _Compiling:
    """Compiles parts of rules, and collects what is wrong with them."""

    def __init__(self, catalogue: RuleReferences, scope: Scope) -> None:
        self._catalogue = catalogue
        self._scope = scope
        self.problems: list[Problem] = []

    def conditions(self, given: dict[str, Any] | None, pointer: str) -> CompiledExpression | None:
        if given is None:
            return None
        condition = condition_from(given, pointer)
        if isinstance(condition, list):
            self.problems += condition
            return _failing("", Type.BOOLEAN, condition[0].detail)
        compiled = compile_condition(condition, self._scope, pointer)
        if isinstance(compiled, list):
            self.problems += compiled
            return _failing(source_of(condition, self._scope), Type.BOOLEAN, compiled[0].detail)
        return compiled

    def effect(self, effect: Effect, pointer: str) -> EffectTerms:
        match effect.kind:
            case EffectKind.GIVE_UNITS:
                account = self._catalogue.account(effect.account or "")
                units = self._amount(effect.units or "", f"{pointer}/units")
                return GiveUnits(effect.to, effect.account or "", account.decimals if account else 0, units)
            case EffectKind.ISSUE_COUPON:
                coupon = self._catalogue.coupon(effect.coupon or "")
                value = self._amount(coupon.value, f"{pointer}/coupon") if coupon and coupon.value else None
                return IssueCoupon(effect.to, effect.coupon or "", value)
            case EffectKind.GIVE_REWARD:
                return GiveReward(effect.to, effect.reward or "")
            case EffectKind.GIVE_BADGE:
                return GiveBadge(effect.to, effect.badge or "")

    def _amount(self, source: str, pointer: str) -> CompiledExpression:
        compiled = compile_expression(source, self._scope, Type.NUMBER)
        if isinstance(compiled, CompiledExpression):
            return compiled
        self.problems += [found.at(pointer) for found in compiled]
        return _failing(source, Type.NUMBER, compiled[0].message)


def _failing(source: str, type_: Type, detail: str) -> CompiledExpression:
    def fail(_: object) -> object:
        raise ExpressionFailure(detail, SourcePlace())

    return CompiledExpression(source, type_, (), fail, ())
