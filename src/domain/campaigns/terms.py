"""The terms of a campaign, ready for deciding: whom it rewards, what its rules ask, and what their effects give."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct

from domain.campaigns.definition import CampaignTrigger, CampaignType, Limits
from domain.campaigns.effects.give_badge import GiveBadge
from domain.campaigns.effects.give_reward import GiveReward
from domain.campaigns.effects.give_units import GiveUnits
from domain.campaigns.effects.issue_coupon import IssueCoupon
from domain.expressions import CompiledExpression, ExpressionFailure
from domain.facts.scope import FactContext
from domain.members.member import Member

EffectTerms = GiveUnits | IssueCoupon | GiveReward | GiveBadge
"""What one effect gives. An expression that no longer fits what the achievement or the catalogue have become fails
whenever it is evaluated.
"""


class CampaignRuleTerms(Struct, frozen=True, gc=False):
    """A rule; without `conditions` it always holds. Their `source` is the whole of them, written as one expression."""

    name: str
    conditions: CompiledExpression | None
    effects: tuple[EffectTerms, ...]


class PeopleTerms(Struct, frozen=True, gc=False):
    """Everyone, or else whoever is in any of the segments (over a `FactContext` or an `Occasion`) or any tier."""

    everyone: bool
    segments: Mapping[str, CompiledExpression]
    tiers: tuple[str, ...]


class CampaignTerms(Struct, frozen=True, gc=False):
    """One campaign's current terms; its intervals are in `zone`.

    It decides what occurred from `starts_at` until before `ends_at`.
    """

    campaign: UUID
    revision: int
    type: CampaignType
    trigger: CampaignTrigger
    achievement: UUID
    starts_at: datetime
    ends_at: datetime | None
    zone: ZoneInfo
    audience: PeopleTerms
    rules: tuple[CampaignRuleTerms, ...]
    limits: Limits

    def runs_at(self, instant: datetime) -> bool:
        return self.starts_at <= instant and (self.ends_at is None or instant < self.ends_at)


def includes(people: PeopleTerms, member: Member, memberships: set[str]) -> bool:
    """Whether the member is among these people; what held the member is added to `memberships`.

    Raises ExpressionFailure where a segment fails and nothing else holds the member.
    """
    if people.everyone:
        return True
    if member.tier in people.tiers:
        memberships.add(f"tier:{member.tier}")
        return True
    failure: ExpressionFailure | None = None
    seen = FactContext(member)
    for code, segment in people.segments.items():
        try:
            holds = segment.evaluate(seen)
        except ExpressionFailure as failed:
            failure = failure or failed
            continue
        if holds:
            memberships.add(f"segment:{code}")
            return True
    if failure:
        raise failure
    return False
