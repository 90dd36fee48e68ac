"""What callers send about campaigns, and what it becomes; bodies as in `application.bodies.base`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar
from uuid import UUID

from msgspec import Meta, field, structs

from application.bodies.base import LONGEST_REASON, Codes, LimitBody, Translations, as_domain, keepable
from application.bodies.exact import (
    Body,
    Code,
    DefinitionId,
    Formula,
    Instant,
    Name,
    Text,
)
from domain.campaigns.definition import (
    LABEL_LENGTH,
    LARGEST_ORDER,
    MOST_EFFECTS,
    MOST_LABELS,
    MOST_RULES,
    TIER_LENGTH,
    CampaignTrigger,
    CampaignType,
    Definition,
    EffectKind,
    OnExhausted,
    Recipient,
)
from domain.catalogue.entries import (
    MOST_REFERENCES,
)
from domain.values.problems import Invalid, Problem

LabelName = Annotated[str, Meta(min_length=1, max_length=LABEL_LENGTH)]
LabelText = Annotated[str, Meta(max_length=LABEL_LENGTH)]
Tier = Annotated[str, Meta(min_length=1, max_length=TIER_LENGTH)]
Zone = Annotated[str, Meta(min_length=1, max_length=100)]


class PeopleBody(Body, frozen=True):
    """Everyone, or else whoever is in any of the segments or of any of the tiers."""

    everyone: bool = False
    segments: Codes = ()
    tiers: Annotated[tuple[Tier, ...], Meta(max_length=MOST_REFERENCES)] = ()


EVERYONE = PeopleBody(everyone=True)


class EffectBody(Body, frozen=True, kw_only=True):
    """`give_units` has `account` and `units` (a number or an expression), `issue_coupon` a `coupon`, `give_reward` a
    `reward`, `give_badge` a `badge`. In a referral campaign each goes to the member or to who referred them.
    """

    kind: EffectKind
    account: Code | None = None
    units: Formula | None = None
    coupon: Code | None = None
    reward: Code | None = None
    badge: Code | None = None
    to: Recipient = Recipient.MEMBER


class CampaignRuleBody(Body, frozen=True):
    """What is given where the conditions hold; without conditions it always is."""

    name: Name
    effects: Annotated[tuple[EffectBody, ...], Meta(min_length=1, max_length=MOST_EFFECTS)]
    conditions: dict[str, Any] | None = None


class LimitsBody(Body, frozen=True):
    """Of each receiver, the member for what goes to the member and the referrer for what goes to the referrer:
    executions and units. Of all together: units, the budget.
    """

    member_executions: LimitBody | None = None
    member_units: LimitBody | None = None
    referrer_executions: LimitBody | None = None
    referrer_units: LimitBody | None = None
    total_units: LimitBody | None = None
    on_exhausted: OnExhausted = OnExhausted.REFUSE


class CampaignBody(Body, frozen=True, kw_only=True):
    """A campaign as a whole; a draft may lack `achievement`, `starts_at` and `rules`.

    It decides what occurs from `starts_at` until before `ends_at`. `time_zone` is the program's where it is not given.
    `visibility` is who sees it, `audience` who is rewarded.
    """

    depends: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType(
        {
            "type": ("rules", "limits"),
            "trigger": ("rules",),
            "achievement": ("rules",),
            "time_zone": ("rules",),
            "starts_at": ("ends_at",),
        }
    )

    type: CampaignType = CampaignType.DIRECT
    trigger: CampaignTrigger = CampaignTrigger.ACHIEVEMENT_COMPLETED
    achievement: UUID | None = None
    name: Name
    description: Text = ""
    translations: Translations = field(default_factory=dict)
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    time_zone: Zone | None = None
    display_order: Annotated[int, Meta(ge=0, le=LARGEST_ORDER)] = 0
    labels: Annotated[dict[LabelName, LabelText], Meta(max_length=MOST_LABELS)] = field(default_factory=dict)
    visibility: PeopleBody = EVERYONE
    audience: PeopleBody = EVERYONE
    rules: Annotated[tuple[CampaignRuleBody, ...], Meta(max_length=MOST_RULES)] = ()
    limits: LimitsBody = LimitsBody()

    def definition(self) -> Definition:
        definition = as_domain(self, Definition)
        rules = [structs.replace(rule, conditions=keepable(rule.conditions)) for rule in definition.rules]
        return structs.replace(definition, rules=tuple(rules))


class NewCampaignBody(CampaignBody, frozen=True, kw_only=True):
    """A new campaign; it is given an id where the caller gives none."""

    id: DefinitionId | None = None


class CancelBody(Body, frozen=True):
    """Why a grant is cancelled."""

    reason: Annotated[str, Meta(min_length=1, max_length=LONGEST_REASON)]

    def check(self) -> None:
        if not self.reason.strip():
            raise Invalid([Problem("/reason", "must say why")])
