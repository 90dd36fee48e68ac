"""What the service answers about campaigns: commands and reads show them alike."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from api.routes.achievements.shapes import CountLimitView
from api.routes.warnings import WarningView, warnings_shown
from domain.campaigns.campaign import Campaign, Status, status
from domain.campaigns.definition import (
    CampaignRule,
    CampaignTrigger,
    CampaignType,
    Effect,
    EffectKind,
    Limits,
    OnExhausted,
    People,
    Recipient,
    missing,
)
from domain.values.amounts import written
from domain.values.interval import Interval
from domain.values.limit import Limit
from domain.values.problems import Problem
from domain.values.texts import Text
from projections.listing.page import Figure


class PeopleView(Struct, frozen=True, gc=False):
    """Everyone, or else whoever is in any of the segments or of any of the tiers."""

    everyone: bool
    segments: tuple[str, ...]
    tiers: tuple[str, ...]


class EffectView(Struct, frozen=True, gc=False, omit_defaults=True):
    """What is given, and to whom; of the other fields it has those of its kind."""

    kind: EffectKind
    to: Recipient
    account: str | None = None
    units: str | None = None
    coupon: str | None = None
    reward: str | None = None
    badge: str | None = None


class CampaignRuleView(Struct, frozen=True, gc=False):
    """What is given where the conditions hold."""

    name: str
    conditions: dict[str, Any] | None
    effects: list[EffectView]


class UnitLimitView(Struct, frozen=True, gc=False):
    """At most `value` units, for life or per interval."""

    value: Figure
    interval: Interval | None


class LimitsView(Struct, frozen=True, gc=False):
    """Of each receiver, the member for what goes to the member and the referrer for what goes to the referrer:
    executions and units. Of all together: units, the budget.
    """

    member_executions: CountLimitView | None
    member_units: UnitLimitView | None
    referrer_executions: CountLimitView | None
    referrer_units: UnitLimitView | None
    total_units: UnitLimitView | None
    on_exhausted: OnExhausted


class CampaignAnswer(Struct, frozen=True, gc=False, kw_only=True):
    """A campaign: what was filled in, and where it is in its life.

    `version` is that of its ETag; decisions name the `revision`. `missing` are the fields a draft still lacks. What was
    recorded before `activated_at` is not decided by it. `warnings` are computed from what was filled in, and from the
    achievement and the accounts as they are now.
    """

    position: str
    id: UUID
    version: int
    revision: int
    status: Status
    missing: tuple[str, ...]
    warnings: list[WarningView]
    activated_at: datetime | None
    type: CampaignType
    trigger: CampaignTrigger
    achievement: UUID | None
    name: str
    description: str
    translations: dict[str, Text]
    starts_at: datetime | None
    ends_at: datetime | None
    time_zone: str | None
    display_order: int
    labels: dict[str, str]
    visibility: PeopleView
    audience: PeopleView
    rules: list[CampaignRuleView]
    limits: LimitsView


def campaign(shown: Campaign, now: datetime, warnings: Iterable[Problem], position: str = "") -> CampaignAnswer:
    """The campaign as it stands at `now`."""
    definition = shown.definition
    return CampaignAnswer(
        position=position,
        id=shown.id,
        version=shown.version,
        revision=shown.revision,
        status=status(shown, now),
        missing=missing(definition),
        warnings=warnings_shown(warnings),
        activated_at=shown.activated_at,
        type=definition.type,
        trigger=definition.trigger,
        achievement=definition.achievement,
        name=definition.name,
        description=definition.description,
        translations=definition.translations,
        starts_at=definition.starts_at,
        ends_at=definition.ends_at,
        time_zone=definition.time_zone,
        display_order=definition.display_order,
        labels=definition.labels,
        visibility=_people(definition.visibility),
        audience=_people(definition.audience),
        rules=[_rule(rule) for rule in definition.rules],
        limits=_limits(definition.limits),
    )


def _people(people: People) -> PeopleView:
    return PeopleView(people.everyone, people.segments, people.tiers)


def _rule(rule: CampaignRule) -> CampaignRuleView:
    return CampaignRuleView(rule.name, rule.conditions, [_effect(effect) for effect in rule.effects])


def _effect(effect: Effect) -> EffectView:
    return EffectView(effect.kind, effect.to, effect.account, effect.units, effect.coupon, effect.reward, effect.badge)


def _limits(limits: Limits) -> LimitsView:
    return LimitsView(
        _count(limits.member_executions),
        _units(limits.member_units),
        _count(limits.referrer_executions),
        _units(limits.referrer_units),
        _units(limits.total_units),
        limits.on_exhausted,
    )


def _count(limit: Limit | None) -> CountLimitView | None:
    return CountLimitView(int(limit.value), limit.interval) if limit else None


def _units(limit: Limit | None) -> UnitLimitView | None:
    return UnitLimitView(written(limit.value), limit.interval) if limit else None
