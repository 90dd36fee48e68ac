"""What is recorded when members are given badges, coupons and rewards, and when that is cancelled."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from application.log.streams import Stream
from application.log.working import Working
from application.streams import COUPON_CODE, COUPON_SLOT, PARTICIPATION, PROGRESS, STOCK
from domain.achievements.progress import Adjusted, Completed
from domain.campaigns.definition import CampaignTrigger, EffectKind, Recipient
from domain.campaigns.participation import (
    AwardReason,
    Cancelled,
    Counters,
    EffectOutcome,
    Granted,
    RuleOutcome,
    Trigger,
    decision_id,
)
from domain.catalogue.coupon_code import Imported, Issued, Slot, Voided
from domain.catalogue.stock import Returned, Supplied, Taken
from domain.facts.fact import Fact, FactKind
from domain.values.interval import Moment

CAMPAIGN = UUID("018f0000-0000-7000-8000-0000000000c1")
ACHIEVEMENT = UUID("018f0000-0000-7000-8000-0000000000a1")
JUNE = datetime(2026, 6, 1, tzinfo=UTC)
JULY = datetime(2026, 7, 1, tzinfo=UTC)

_FACT = Fact(FactKind.TRANSACTION, "T-1")
_MOMENT = Moment(739_400, 12)
_NOTHING_COUNTED = Counters(Decimal(0), Decimal(0), Decimal(0))


class Given(NamedTuple):
    """An event and the stream that it is recorded on."""

    stream: Stream[Any, Any]
    event: Any


def recording(*given: Given) -> Callable[[Working], None]:
    """The command that records these."""

    def record(working: Working) -> None:
        working.prefetch(each.stream for each in given)
        for each in given:
            working.record(each.stream, each.event)

    return record


def effect(kind: EffectKind, member: str, what: str, **fields: Any) -> EffectOutcome:
    return EffectOutcome(kind, Recipient.MEMBER, member, given=what, **fields)


def badge(member: str, what: str = "star", reason: AwardReason | None = None) -> EffectOutcome:
    return effect(EffectKind.GIVE_BADGE, member, what, reason=reason)


def reward(member: str, what: str = "mug", reason: AwardReason | None = None) -> EffectOutcome:
    return effect(EffectKind.GIVE_REWARD, member, what, reason=reason)


def granted(member: str, *effects: EffectOutcome, at: datetime = JUNE, campaign: UUID = CAMPAIGN) -> Given:
    trigger = Trigger(CampaignTrigger.ACHIEVEMENT_COMPLETED, ACHIEVEMENT, 1, ACHIEVEMENT, 1, 1, 1, _FACT, at)
    rules = (RuleOutcome("Prize", None, (), True, effects),)
    units = Decimal(0)
    event = Granted(campaign, 1, member, trigger, _MOMENT, units, rules, _NOTHING_COUNTED, _NOTHING_COUNTED)
    return Given(PARTICIPATION.at(campaign, member), event)


def cancelled(member: str, grant: int, *effects: EffectOutcome, campaign: UUID = CAMPAIGN) -> Given:
    event = Cancelled(campaign, 1, member, grant, "by mistake", _MOMENT, Decimal(0), effects)
    return Given(PARTICIPATION.at(campaign, member), event)


def completed(member: str, number: int = 1, what: str | None = "star", at: datetime = JUNE) -> Given:
    event = Completed(ACHIEVEMENT, 1, member, number - 1, number, _FACT, at, _MOMENT, what)
    return Given(PROGRESS.at(ACHIEVEMENT, 1, member), event)


def adjusted(member: str, before: int, after: int, what: str | None = "star", at: datetime = JUNE) -> Given:
    event = Adjusted(ACHIEVEMENT, 1, member, before, "by hand", at, _MOMENT, (), before, after, what)
    return Given(PROGRESS.at(ACHIEVEMENT, 1, member), event)


def supplied(coupon: str, codes: Sequence[str]) -> list[Given]:
    made: list[Given] = []
    for number, code in enumerate(codes, 1):
        made.append(Given(COUPON_CODE.at(coupon, code), Imported(coupon, code, number)))
        made.append(Given(COUPON_SLOT.at(coupon, number), Slot(coupon, number, code)))
    return [*made, Given(STOCK.at("coupon", coupon), Supplied("coupon", coupon, len(codes)))]


def issued(coupon: str, code: str, member: str, grant: int = 1, campaign: UUID = CAMPAIGN) -> list[Given]:
    decision = decision_id(PARTICIPATION.at(campaign, member).id, grant)
    event = Issued(coupon, code, member, campaign, decision, Decimal("7.50"), JULY)
    return [Given(COUPON_CODE.at(coupon, code), event), taken("coupon", coupon)]


def voided(coupon: str, code: str, member: str) -> list[Given]:
    return [Given(COUPON_CODE.at(coupon, code), Voided(coupon, code, member)), returned("coupon", coupon)]


def taken(kind: str, code: str, count: int = 1) -> Given:
    return Given(STOCK.at(kind, code), Taken(kind, code, count))


def returned(kind: str, code: str, count: int = 1) -> Given:
    return Given(STOCK.at(kind, code), Returned(kind, code, count))


def gifts(members: Sequence[str], campaign: UUID = CAMPAIGN) -> list[Given]:
    """Every kind of event about gifts, to the first two of the members; the coupons are `welcome` and `summer`."""
    one, other = members[:2]
    prefix = uuid5(campaign, "codes").hex[:6]
    codes = [f"{prefix}-{number}" for number in range(4)]
    return [
        *supplied("welcome", codes),
        completed(one),
        completed(one, 2, at=JULY),
        adjusted(one, 2, 5, at=JULY),
        adjusted(one, 5, 4),
        granted(
            one, badge(one), badge(one), reward(one), badge(one, "moon", AwardReason.NO_REFERRER), campaign=campaign
        ),
        *issued("welcome", codes[0], one, campaign=campaign),
        taken("reward", "mug"),
        granted(other, badge(other), badge(one, "moon"), reward(other), campaign=campaign),
        *issued("welcome", codes[1], other, campaign=campaign),
        *issued("summer", f"SUN-{prefix}", other, campaign=campaign),
        taken("reward", "mug"),
        cancelled(other, 1, badge(other), badge(one, "moon"), reward(other), campaign=campaign),
        *voided("welcome", codes[1], other),
        returned("reward", "mug"),
    ]
