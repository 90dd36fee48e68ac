"""Participation: what one campaign decided for one member, each time it was triggered, and what it gave them."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, assert_never
from uuid import UUID, uuid5

from msgspec import Struct
from msgspec.structs import replace

from domain.achievements.progress import Move
from domain.campaigns.definition import CampaignTrigger, EffectKind, Recipient
from domain.facts.fact import Fact
from domain.values.amounts import EXACT, ONE, ZERO
from domain.values.interval import NOTHING as NO_TALLY
from domain.values.interval import Moment, Tally, added


class AwardReason(StrEnum):
    """Why a campaign, or one effect of it, gave nothing."""

    NOT_IN_AUDIENCE = "not_in_audience"
    CONDITION_NOT_MET = "condition_not_met"
    MEMBER_LIMIT_REACHED = "member_limit_reached"
    MEMBER_UNITS_EXHAUSTED = "member_units_exhausted"
    REFERRER_LIMIT_REACHED = "referrer_limit_reached"
    REFERRER_UNITS_EXHAUSTED = "referrer_units_exhausted"
    BUDGET_EXHAUSTED = "budget_exhausted"
    COUPON_POOL_EMPTY = "coupon_pool_empty"
    REWARD_OUT_OF_STOCK = "reward_out_of_stock"
    NO_REFERRER = "no_referrer"
    NOTHING_TO_GIVE = "nothing_to_give"
    EXPRESSION_FAILED = "expression_failed"


class Why(Struct, frozen=True, gc=False, array_like=True):
    """One reason; of a rule (from 1) and an effect of it (from 1) where it is theirs."""

    code: AwardReason
    detail: str
    rule: int | None = None
    effect: int | None = None


class Trigger(Struct, frozen=True, gc=False, array_like=True):
    """The event of a member's progress that fired the campaign, by its stream and version.

    `number` is that of the completion, or of the rule that moved last. `fact` is None where it was done by hand; else
    `moves` are the rules that it moved, in order.
    """

    kind: CampaignTrigger
    achievement: UUID
    achievement_revision: int
    stream: UUID
    version: int
    position: int
    number: int
    fact: Fact | None
    occurred_at: datetime
    moves: tuple[Move, ...] = ()


class Observation(Struct, frozen=True, gc=False, array_like=True):
    """A name that a condition reads and the value it had, as text; None where there was none."""

    name: str
    value: str | None


class EffectOutcome(Struct, frozen=True, gc=False, array_like=True):
    """What an effect gave to `member`, or the reason that it gave nothing.

    `expression` and `unrounded` are of units: `units` is `unrounded` in the account's decimals, or what was left of it.
    `given` is the code of the coupon, reward or badge; of a coupon `code` is what the member got, worth `value`, good
    until `valid_until`.
    """

    kind: EffectKind
    to: Recipient
    member: str | None
    account: str | None = None
    expression: str | None = None
    unrounded: Decimal | None = None
    units: Decimal = ZERO
    given: str | None = None
    code: str | None = None
    value: Decimal | None = None
    valid_until: datetime | None = None
    reason: AwardReason | None = None
    detail: str | None = None


class RuleOutcome(Struct, frozen=True, gc=False, array_like=True):
    """A rule as it was decided: `condition` as an expression, what it saw, whether it held, and its effects."""

    name: str
    condition: str | None
    saw: tuple[Observation, ...]
    met: bool
    effects: tuple[EffectOutcome, ...]


class Counters(Struct, frozen=True, gc=False, array_like=True):
    """What limits count at the decision's moment, each in its own interval; for life where there is no limit.

    The referrer's are None where nothing could go to one.
    """

    member_executions: Decimal
    member_units: Decimal
    total_units: Decimal
    referrer_executions: Decimal | None = None
    referrer_units: Decimal | None = None


class Receipt(Struct, frozen=True, gc=False, array_like=True):
    """What a decision gave one receiver: one execution, and `units` on whatever accounts."""

    to: Recipient
    member: str
    units: Decimal


class Granted(Struct, frozen=True, gc=False, array_like=True):
    """Something was given; `units` are all units together, on whatever accounts. `moment` is the trigger's own time.

    `receipts` are None in grants of the time when everything counted as the member's, whoever received it.
    """

    tag: ClassVar[str] = "participation.granted"
    campaign: UUID
    revision: int
    member: str
    trigger: Trigger
    moment: Moment
    units: Decimal
    rules: tuple[RuleOutcome, ...]
    before: Counters
    after: Counters
    memberships: tuple[str, ...] = ()
    receipts: tuple[Receipt, ...] | None = None


class Refused(Struct, frozen=True, gc=False, array_like=True):
    """Nothing was given, for all of these reasons."""

    tag: ClassVar[str] = "participation.refused"
    campaign: UUID
    revision: int
    member: str
    trigger: Trigger
    reasons: tuple[Why, ...]
    rules: tuple[RuleOutcome, ...]
    before: Counters
    memberships: tuple[str, ...] = ()


class CancellationRequested(Struct, frozen=True, gc=False, array_like=True):
    """Somebody asked to cancel the grant of a version of this stream. It takes effect in its turn: behind all that was
    triggered before it, and ahead of all that is triggered after it.
    """

    tag: ClassVar[str] = "participation.cancellation_requested"
    campaign: UUID
    revision: int
    member: str
    granted: int
    reason: str


class Cancelled(Struct, frozen=True, gc=False, array_like=True):
    """The grant of a version of this stream was cancelled: what it gave is taken back, its units to the budget.

    `receipts` are the grant's. `request` is the version of the event that asked for it; 0 where the cancellation took
    effect as it was asked for.
    """

    tag: ClassVar[str] = "participation.cancelled"
    campaign: UUID
    revision: int
    member: str
    granted: int
    reason: str
    moment: Moment
    units: Decimal
    effects: tuple[EffectOutcome, ...]
    receipts: tuple[Receipt, ...] | None = None
    request: int = 0


class ReferralCounted(Struct, frozen=True, gc=False, array_like=True):
    """The member received something as the referrer of a `referee`, by a grant; on the referrer's own stream."""

    tag: ClassVar[str] = "participation.referral_counted"
    campaign: UUID
    member: str
    referee: str
    grant: UUID
    moment: Moment
    units: Decimal


class ReferralReleased(Struct, frozen=True, gc=False, array_like=True):
    """The grant was cancelled: what the referrer received by it counts no more."""

    tag: ClassVar[str] = "participation.referral_released"
    campaign: UUID
    member: str
    referee: str
    grant: UUID
    moment: Moment
    units: Decimal


Event = Granted | Refused | CancellationRequested | Cancelled | ReferralCounted | ReferralReleased


class Tallies(Struct, frozen=True, gc=False, array_like=True):
    """What limits count of a receiver: the decisions that gave them something, and the units."""

    executions: Tally = NO_TALLY
    units: Tally = NO_TALLY


NO_TALLIES = Tallies()


class Participation(Struct, frozen=True, gc=False, array_like=True):
    """What the member received for themselves (`executions`, `units`) and `as_referrer`, and the versions of the grants
    that are cancelled, or soon will be.
    """

    executions: Tally = NO_TALLY
    units: Tally = NO_TALLY
    cancelled: tuple[int, ...] = ()
    as_referrer: Tallies | None = None
    cancelling: tuple[int, ...] = ()

    def tallies(self, of: Recipient) -> Tallies:
        return Tallies(self.executions, self.units) if of is Recipient.MEMBER else self.as_referrer or NO_TALLIES


NOTHING = Participation()


def evolve(participation: Participation | None, event: Event) -> Participation:
    was = participation or NOTHING
    match event:
        case Granted():
            return _with_own(was, event, ONE)
        case Refused():
            return was
        case CancellationRequested():
            return replace(was, cancelling=(*was.cancelling, event.granted))
        case Cancelled():
            cancelling = tuple(version for version in was.cancelling if version != event.granted)
            own = _with_own(was, event, -ONE)
            return replace(own, cancelled=(*was.cancelled, event.granted), cancelling=cancelling)
        case ReferralCounted():
            return _with_referral(was, event, ONE)
        case ReferralReleased():
            return _with_referral(was, event, -ONE)
        case _:
            assert_never(event)


def _with_own(was: Participation, event: Granted | Cancelled, sign: Decimal) -> Participation:
    """With what the member received by a grant counted, or taken back."""
    receipt = receipt_of(event, Recipient.MEMBER)
    if receipt is None:
        return was
    own = _counted(was.tallies(Recipient.MEMBER), event.moment, receipt.units, sign)
    return Participation(own.executions, own.units, was.cancelled, was.as_referrer, was.cancelling)


def _with_referral(was: Participation, event: ReferralCounted | ReferralReleased, sign: Decimal) -> Participation:
    referred = _counted(was.tallies(Recipient.REFERRER), event.moment, event.units, sign)
    return replace(was, as_referrer=referred)


def _counted(was: Tallies, moment: Moment, units: Decimal, sign: Decimal) -> Tallies:
    signed = units if sign is ONE else EXACT.minus(units)
    return Tallies(added(was.executions, moment, sign), added(was.units, moment, signed))


def receipt_of(event: Granted | Cancelled, to: Recipient) -> Receipt | None:
    """What limits count of a receiver by it; None where they received nothing."""
    if event.receipts is None:
        return Receipt(to, event.member, event.units) if to is Recipient.MEMBER else None
    for receipt in event.receipts:
        if receipt.to is to:
            return receipt
    return None


def effects_in(rules: Iterable[RuleOutcome]) -> Iterator[EffectOutcome]:
    return (effect for rule in rules for effect in rule.effects)


def receipts_of(effects: Iterable[EffectOutcome]) -> tuple[Receipt, ...]:
    """What the effects of a decision gave to each receiver."""
    found: dict[tuple[Recipient, str], Decimal] = {}
    for effect in effects:
        if effect.member is not None and effect.reason is None:
            receiver = effect.to, effect.member
            found[receiver] = EXACT.add(found.get(receiver, ZERO), effect.units)
    return tuple(Receipt(to, member, units) for (to, member), units in found.items())


def decision_id(stream: UUID, version: int) -> UUID:
    """Of the event that a decision is; a cancellation has that of the event that asked for it."""
    return uuid5(stream, str(version))
