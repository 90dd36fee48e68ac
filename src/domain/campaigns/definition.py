"""What marketers fill in for a campaign, and everything that can be wrong with it."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol
from uuid import UUID

from msgspec import Struct

from domain.achievements.achievement import Achievement, Status
from domain.catalogue.entries import MOST_REFERENCES, Account, Badge, Coupon, Reference, Reward, Segment
from domain.expressions.values import plain_number
from domain.values.amounts import Rounding, fault, rounded
from domain.values.duration import EARLIEST, LATEST
from domain.values.limit import Limit, interval_problems, limit_problems
from domain.values.problems import Problem
from domain.values.texts import Text, name_problems, text_problems
from domain.values.zone import zone_named

MOST_RULES = 20
MOST_EFFECTS = 10
"""Of one rule."""
MOST_LABELS = 50
LABEL_LENGTH = 100
LARGEST_ORDER = 1_000_000
TIER_LENGTH = 100


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

    def include(self, tier: str | None, segments: AbstractSet[str]) -> bool:
        """Whether a member of that tier, who is in those segments, is among these people."""
        return self.everyone or tier in self.tiers or not segments.isdisjoint(self.segments)


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


class CampaignRule(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    name: str
    effects: tuple[Effect, ...]
    conditions: dict[str, Any] | None = None


class Limits(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """Of each receiver, the member or the referrer: executions and units; of all together: units, the budget."""

    member_executions: Limit | None = None
    member_units: Limit | None = None
    referrer_executions: Limit | None = None
    referrer_units: Limit | None = None
    total_units: Limit | None = None
    on_exhausted: OnExhausted = OnExhausted.REFUSE

    def executions(self, of: Recipient) -> Limit | None:
        return self.member_executions if of is Recipient.MEMBER else self.referrer_executions

    def units(self, of: Recipient) -> Limit | None:
        return self.member_units if of is Recipient.MEMBER else self.referrer_units


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
    rules: tuple[CampaignRule, ...] = ()
    limits: Limits = Limits()


FIELDS: Mapping[EffectKind, tuple[str, ...]] = MappingProxyType(
    {
        EffectKind.GIVE_UNITS: ("account", "units"),
        EffectKind.ISSUE_COUPON: ("coupon",),
        EffectKind.GIVE_REWARD: ("reward",),
        EffectKind.GIVE_BADGE: ("badge",),
    }
)
"""What an effect of each kind has, beside `to`."""


class References(Protocol):
    """What a definition may refer to, as it is now."""

    @property
    def achievements(self) -> Mapping[UUID, Achievement]: ...
    def account(self, code: str) -> Account | None: ...
    def segment(self, code: str) -> Segment | None: ...
    def badge(self, code: str) -> Badge | None: ...
    def coupon(self, code: str) -> Coupon | None: ...
    def reward(self, code: str) -> Reward | None: ...


def missing(definition: Definition) -> tuple[str, ...]:
    """The required fields that a draft still lacks."""
    return tuple(field for field in ("achievement", "starts_at", "rules") if not getattr(definition, field))


def campaign_problems(definition: Definition, references: References, program_time_zone: str) -> list[Problem]:
    """Everything that is wrong with a definition but for what is written in the rule language, which takes its
    compiler.
    """
    return [
        *text_problems(definition.name, definition.description, definition.translations),
        *_achievement_problems(definition.achievement, references),
        *_time_problems(definition, definition.time_zone or program_time_zone),
        *_display_problems(definition),
        *_people_problems(definition.visibility, references, "/visibility"),
        *_people_problems(definition.audience, references, "/audience"),
        *_rules_problems(definition, references),
        *_limits_problems(definition),
    ]


def _achievement_problems(achievement_id: UUID | None, references: References) -> Iterator[Problem]:
    if achievement_id is None:
        return
    achievement = references.achievements.get(achievement_id)
    if achievement is None:
        yield Problem("/achievement", f"no achievement {achievement_id}", "unknown")
    elif achievement.status is Status.ARCHIVED:
        yield Problem("/achievement", "is archived: it is never completed again", "archived")


def _time_problems(definition: Definition, time_zone: str) -> Iterator[Problem]:
    for field, instant in (("starts_at", definition.starts_at), ("ends_at", definition.ends_at)):
        if instant and not EARLIEST <= instant <= LATEST:
            yield Problem(f"/{field}", f"must be from {EARLIEST.date()} to {LATEST.date()}")
    if definition.starts_at and definition.ends_at and definition.ends_at <= definition.starts_at:
        yield Problem("/ends_at", "must be later than `starts_at`")
    if zone_named(time_zone) is None:
        yield Problem("/time_zone", f"no time zone `{time_zone}`; use a name such as Europe/Budapest")


def _display_problems(definition: Definition) -> Iterator[Problem]:
    if not 0 <= definition.display_order <= LARGEST_ORDER:
        yield Problem("/display_order", f"must be 0 to {LARGEST_ORDER}")
    if len(definition.labels) > MOST_LABELS:
        yield Problem("/labels", f"must be at most {MOST_LABELS}, not {len(definition.labels)}")
    for name, text in definition.labels.items():
        pointer = f"/labels/{name.replace('~', '~0').replace('/', '~1')}"
        if not name.strip() or len(name) > LABEL_LENGTH:
            yield Problem(pointer, f"its name must have 1 to {LABEL_LENGTH} characters, not only spaces")
        if len(text) > LABEL_LENGTH:
            yield Problem(pointer, f"must have at most {LABEL_LENGTH} characters")


def _people_problems(people: People, references: References, pointer: str) -> Iterator[Problem]:
    if people.everyone and (people.segments or people.tiers):
        yield Problem(f"{pointer}/everyone", "must be false where segments or tiers are named")
    if not (people.everyone or people.segments or people.tiers):
        yield Problem(pointer, "must be everyone, or name segments or tiers")
    named = (("segments", people.segments), ("tiers", people.tiers))
    crowded = [
        Problem(f"{pointer}/{field}", f"must name at most {MOST_REFERENCES} {field}, not {len(codes)}")
        for field, codes in named
        if len(codes) > MOST_REFERENCES
    ]
    yield from crowded or _named_problems(people, references, pointer)


def _named_problems(people: People, references: References, pointer: str) -> Iterator[Problem]:
    for number, code in enumerate(people.segments):
        if references.segment(code) is None:
            yield Problem(f"{pointer}/segments/{number}", f"no segment `{code}`", "unknown")
    for number, tier in enumerate(people.tiers):
        if not tier.strip() or len(tier) > TIER_LENGTH:
            yield Problem(f"{pointer}/tiers/{number}", f"must have 1 to {TIER_LENGTH} characters, not only spaces")


def _rules_problems(definition: Definition, references: References) -> Iterator[Problem]:
    if len(definition.rules) > MOST_RULES:
        yield Problem("/rules", f"must be at most {MOST_RULES}, not {len(definition.rules)}")
        return
    for number, rule in enumerate(definition.rules):
        pointer = f"/rules/{number}"
        yield from name_problems(rule.name, f"{pointer}/name")
        if not 1 <= len(rule.effects) <= MOST_EFFECTS:
            yield Problem(f"{pointer}/effects", f"must be 1 to {MOST_EFFECTS}, not {len(rule.effects)}")
            continue
        for place, effect in enumerate(rule.effects):
            yield from _effect_problems(effect, definition.type, references, f"{pointer}/effects/{place}")


def _effect_problems(effect: Effect, type_: CampaignType, references: References, pointer: str) -> Iterator[Problem]:
    if effect.to is Recipient.REFERRER and type_ is CampaignType.DIRECT:
        yield Problem(f"{pointer}/to", "must be member: only referral campaigns give to referrers")
    wanted = FIELDS[effect.kind]
    for field in ("account", "units", "coupon", "reward", "badge"):
        given = getattr(effect, field)
        if field in wanted and given is None:
            yield Problem(f"{pointer}/{field}", f"is required for {effect.kind}", "required")
        elif field in wanted:
            yield from _reference_problems(field, given, references, pointer)
        elif given is not None:
            yield Problem(f"{pointer}/{field}", f"must be absent: {effect.kind} has {' and '.join(wanted)}")
    yield from _amount_problems(effect, references, f"{pointer}/units")


def _reference_problems(field: str, code: str, references: References, pointer: str) -> Iterator[Problem]:
    if field != "units" and getattr(references, field)(code) is None:
        yield Problem(f"{pointer}/{field}", f"no {field} `{code}`", "unknown")


def references_of(definition: Definition) -> Iterator[Reference]:
    """What it names that may be inactive."""
    for number, rule in enumerate(definition.rules):
        for place, effect in enumerate(rule.effects):
            if effect.account is not None:
                yield Reference(f"/rules/{number}/effects/{place}/account", Account, effect.account)


def _amount_problems(effect: Effect, references: References, pointer: str) -> Iterator[Problem]:
    """Of units that are always the same; those of an expression show only when it is evaluated."""
    units = plain_number((effect.units or "").strip())
    account = references.account(effect.account or "")
    if units is None or account is None:
        return
    if units <= 0:
        yield Problem(pointer, "must be more than 0")
    elif not rounded(units, account.decimals, Rounding.HALF_UP):
        yield Problem(pointer, f"gives nothing: account `{account.code}` is kept in {account.decimals} decimals")


def _limits_problems(definition: Definition) -> Iterator[Problem]:
    limits = definition.limits
    for recipient in Recipient:
        if executions := limits.executions(recipient):
            yield from limit_problems(executions, f"/limits/{recipient}_executions")
        if units := limits.units(recipient):
            yield from _units_problems(units, f"/limits/{recipient}_units")
    if limits.total_units:
        yield from _units_problems(limits.total_units, "/limits/total_units")
    if definition.type is CampaignType.DIRECT:
        for field in ("referrer_executions", "referrer_units"):
            if getattr(limits, field):
                yield Problem(f"/limits/{field}", "must be absent: only referral campaigns give to referrers")


def _units_problems(limit: Limit, pointer: str) -> Iterator[Problem]:
    if fault(limit.value) or limit.value <= 0:
        yield Problem(f"{pointer}/value", fault(limit.value) or "must be more than 0")
    if limit.interval:
        yield from interval_problems(limit.interval, f"{pointer}/interval")
