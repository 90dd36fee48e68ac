"""Campaigns and what they decide for members, for histories."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID, uuid5

from application import streams
from application.log.streams import NAMESPACE, Stream
from domain.campaigns import campaign, participation
from domain.campaigns.definition import CampaignRule, CampaignTrigger, Definition, Effect, EffectKind, Limits, Recipient
from domain.campaigns.participation import Counters, EffectOutcome, Observation, RuleOutcome, Trigger, Why
from domain.facts.fact import Fact, FactKind
from domain.values.amounts import ZERO
from domain.values.interval import Moment

START = datetime(2026, 9, 1, tzinfo=UTC)
ACHIEVEMENT = UUID(int=11)
MOMENT = Moment(START.toordinal(), 12)

Step = tuple[Stream[Any, Any], Any]
"""A stream and an event about to be appended to it."""


def definition(name: str = "Prize", **fields: Any) -> Definition:
    effect = Effect(kind=EffectKind.GIVE_UNITS, account="points", units="10 * transaction.total")
    given: dict[str, Any] = {
        "achievement": ACHIEVEMENT,
        "starts_at": START,
        "rules": (CampaignRule("Prize", (effect,), {"expression": "transaction.total > 1"}),),
        "limits": Limits(),
    }
    return Definition(name=name, **(given | fields))


def fired(fact: str | None = "T-1", **fields: Any) -> Trigger:
    given: dict[str, Any] = {
        "kind": CampaignTrigger.ACHIEVEMENT_COMPLETED,
        "achievement": ACHIEVEMENT,
        "achievement_revision": 1,
        "stream": UUID(int=12),
        "version": 3,
        "position": 1,
        "number": 1,
        "fact": Fact(FactKind.TRANSACTION, fact) if fact else None,
        "occurred_at": START,
    }
    return Trigger(**(given | fields))


def units(count: str, member: str, account: str = "points", **fields: Any) -> EffectOutcome:
    given: dict[str, Any] = {
        "kind": EffectKind.GIVE_UNITS,
        "to": Recipient.MEMBER,
        "member": member,
        "account": account,
        "expression": "10 * transaction.total",
        "unrounded": Decimal(count),
        "units": Decimal(count),
    }
    return EffectOutcome(**(given | fields))


def outcome(*effects: EffectOutcome, met: bool = True) -> RuleOutcome:
    saw = (Observation("transaction.total", "1.5" if met else "0.5"),)
    return RuleOutcome("Prize", "transaction.total > 1", saw, met, effects)


def counters(executions: int = 0, member: Decimal = ZERO, total: Decimal = ZERO) -> Counters:
    return Counters(Decimal(executions), member, total)


def granted(campaign_id: UUID, member: str, *effects: EffectOutcome, **fields: Any) -> participation.Granted:
    total = sum((effect.units for effect in effects), ZERO)
    given: dict[str, Any] = {
        "campaign": campaign_id,
        "revision": 1,
        "member": member,
        "trigger": fired(),
        "moment": MOMENT,
        "units": total,
        "rules": (outcome(*effects),),
        "before": counters(),
        "after": counters(1, total, total),
    }
    return participation.Granted(**(given | fields))


def refused(campaign_id: UUID, member: str, *codes: participation.AwardReason, **fields: Any) -> participation.Refused:
    given: dict[str, Any] = {
        "campaign": campaign_id,
        "revision": 1,
        "member": member,
        "trigger": fired(),
        "reasons": tuple(Why(code, f"because of {code}", 1) for code in codes),
        "rules": (outcome(met=False),),
        "before": counters(),
    }
    return participation.Refused(**(given | fields))


def cancelled(grant: participation.Granted, version: int, reason: str = "a mistake") -> participation.Cancelled:
    """Of the grant of that version."""
    effects = tuple(effect for rule in grant.rules for effect in rule.effects)
    return participation.Cancelled(
        grant.campaign, grant.revision, grant.member, version, reason, grant.moment, grant.units, effects
    )


class Rewarding:
    """Decides a random history of two campaigns; the same seed makes the same one."""

    def __init__(self, seed: int, members: list[str]) -> None:
        self._random = Random(seed)  # noqa: S311  a history to test with
        self._members = members
        self._seed = seed
        self._campaigns = [uuid5(NAMESPACE, f"prize {seed} {number}") for number in range(2)]
        self._versions: dict[tuple[UUID, str], int] = {}
        self._grants: list[tuple[participation.Granted, int]] = []
        self._count = 0

    def whole(self) -> Iterator[Step]:
        first, second = self._campaigns
        for each in self._campaigns:
            yield streams.CAMPAIGN.of(each), campaign.Defined(each, 1, definition(), "UTC")
            yield streams.CAMPAIGN.of(each), campaign.Activated(each, START)
        yield from self._decisions(60)
        yield streams.CAMPAIGN.of(first), campaign.Paused(first)
        yield streams.CAMPAIGN.of(first), campaign.Defined(first, 2, definition("Bigger prize"), "UTC")
        yield streams.CAMPAIGN.of(second), campaign.Deleted(second)
        yield from self._decisions(40)

    def _decisions(self, count: int) -> Iterator[Step]:
        for _ in range(count):
            yield self._random.choice([self._grant, self._grant, self._refuse, self._cancel])()

    def _grant(self) -> Step:
        which, who = self._random.choice(self._campaigns), self._random.choice(self._members)
        referrer, count = self._random.choice(self._members), str(self._random.randrange(1, 500))
        effects = (
            units(count, who),
            units("0.5", referrer, "miles", to=Recipient.REFERRER),
            EffectOutcome(EffectKind.GIVE_BADGE, Recipient.MEMBER, who, given="star"),
            units("0", who, reason=participation.AwardReason.BUDGET_EXHAUSTED, detail="0 are left"),
        )
        grant = granted(which, who, *effects, trigger=self._fired())
        step = self._record(grant)
        self._grants.append((grant, self._versions[which, who]))
        return step

    def _refuse(self) -> Step:
        codes = self._random.sample(list(participation.AwardReason), 2)
        which, who = self._random.choice(self._campaigns), self._random.choice(self._members)
        return self._record(refused(which, who, *codes, trigger=self._fired()))

    def _cancel(self) -> Step:
        if not self._grants:
            return self._refuse()
        return self._record(cancelled(*self._grants.pop(self._random.randrange(len(self._grants)))))

    def _fired(self) -> Trigger:
        self._count += 1
        return fired(f"P-{self._seed}-{self._count}" if self._count % 5 else None)

    def _record(self, event: participation.Event) -> Step:
        key = (event.campaign, event.member)
        self._versions[key] = self._versions.get(key, 0) + 1
        return streams.PARTICIPATION.at(*key), event
