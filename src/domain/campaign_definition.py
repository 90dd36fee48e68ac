"""What marketers fill in for a campaign, and everything that can be wrong with it."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.achievement_definition import Limit
from domain.texts import Text


class CampaignType(StrEnum):
    DIRECT = "direct"
    REFERRAL = "referral"


class CampaignTrigger(StrEnum):
    ACHIEVEMENT_COMPLETED = "achievement_completed"
    ACHIEVEMENT_PROGRESSED = "achievement_progressed"


class EffectKind(StrEnum):
    GIVE_UNITS = "give_units"
    ISSUE_COUPON = "issue_coupon"
    GIVE_REWARD = "give_reward"
    GIVE_BADGE = "give_badge"


class Recipient(StrEnum):
    """The member the campaign fired for, or (of a referral campaign) who referred them."""

    MEMBER = "member"
    REFERRER = "referrer"


class OnExhausted(StrEnum):
    """An effect larger than what is left gives nothing, or gives what is left."""

    REFUSE = "refuse"
    CLAMP = "clamp"


class People(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Everyone, or else whoever is in any of the segments or of any of the tiers."""

    everyone: bool = False
    segments: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()


EVERYONE = People(everyone=True)


class Effect(Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Give `units` (an expression) on an `account`, a code of a `coupon`, a `reward` or a `badge`."""

    kind: EffectKind
    account: str | None = None
    units: str | None = None
    coupon: str | None = None
    reward: str | None = None
    badge: str | None = None
    to: Recipient = Recipient.MEMBER


class Rule(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    name: str
    effects: tuple[Effect, ...]
    conditions: dict[str, Any] | None = None


class Limits(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Of each member: executions and units; of all together: units, the budget."""

    member_executions: Limit | None = None
    member_units: Limit | None = None
    total_units: Limit | None = None
    on_exhausted: OnExhausted = OnExhausted.REFUSE


class Definition(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """What marketers fill in. A draft may lack `achievement`, `starts_at` and `rules`.

    `time_zone` None is the program's. `starts_at` is inside, `ends_at` outside. `visibility` is who sees it, `audience`
    who is rewarded.
    """

    type: CampaignType = CampaignType.DIRECT
    trigger: CampaignTrigger = CampaignTrigger.ACHIEVEMENT_COMPLETED
    achievement: UUID | None = None
    name: str
    description: str = ""
    translations: dict[str, Text] = {}
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    time_zone: str | None = None
    display_order: int = 0
    labels: dict[str, str] = {}
    visibility: People = EVERYONE
    audience: People = EVERYONE
    rules: tuple[Rule, ...] = ()
    limits: Limits = Limits()
