"""Deciding: what one campaign gives one member for one trigger, or every reason that it gives nothing.

No effect of a campaign is a fact and no campaign fires on another, so what was triggered ends with its decision.
"""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from domain.campaigns.definition import CampaignType, EffectKind, Limits, OnExhausted, Recipient
from domain.campaigns.effects.effect import Found
from domain.campaigns.ledger import Ledger
from domain.campaigns.occasion import Occasion
from domain.campaigns.participation import (
    NOTHING,
    AwardReason,
    CancellationRequested,
    Cancelled,
    Counters,
    EffectOutcome,
    Granted,
    Observation,
    Participation,
    Receipt,
    Refused,
    RuleOutcome,
    Trigger,
    Why,
    effects_in,
)
from domain.campaigns.scope import campaign_scope
from domain.campaigns.terms import CampaignRuleTerms, CampaignTerms, EffectTerms, includes
from domain.catalogue.entries import EventType
from domain.expressions import CompiledExpression, ExpressionFailure, Scope
from domain.values.amounts import (
    EXACT,
    ONE,
    ZERO,
    written,
)
from domain.values.interval import Interval, Moment, moment_of, span, used
from domain.values.limit import Limit

LONGEST_SEEN = 200

_NAMES: Scope = campaign_scope([EventType("", "")], "UTC", with_transaction=True)
_EVENT_ATTRIBUTES = "event.attributes."

_LIMIT_REACHED = {
    Recipient.MEMBER: AwardReason.MEMBER_LIMIT_REACHED,
    Recipient.REFERRER: AwardReason.REFERRER_LIMIT_REACHED,
}
_UNITS_EXHAUSTED = {
    Recipient.MEMBER: AwardReason.MEMBER_UNITS_EXHAUSTED,
    Recipient.REFERRER: AwardReason.REFERRER_UNITS_EXHAUSTED,
}


def decide(
    terms: CampaignTerms,
    occasion: Occasion,
    trigger: Trigger,
    participation: Participation | None,
    referrer: Participation | None,
    ledger: Ledger,
    now: datetime,
) -> Granted | Refused:
    """The campaign's decision, by what the member has had (`participation`) and their `referrer`, and by what is left
    for all (`ledger`).

    Of the ledger it takes nothing: that is for whoever records the grant. `now` is when the campaign was fired, which a
    coupon is good from.
    """
    moment = moment_of(trigger.occurred_at, terms.zone)
    to_member, to_referrer = Recipient.MEMBER, Recipient.REFERRER
    member = _Receiver(to_member, occasion.member.id, participation, terms.limits, moment)
    other = _Receiver(to_referrer, occasion.member.referrer, referrer, terms.limits, moment)
    deciding = _Deciding(terms, occasion, member, other, ledger, moment, now)
    memberships = deciding.gate()
    rules = tuple(deciding.rule(number, rule) for number, rule in enumerate(terms.rules, 1))
    named = terms.campaign, terms.revision, occasion.member.id, trigger
    receipts = tuple(receiver.receipt for receiver in (member, other) if receiver.receipt)
    if not receipts:
        return Refused(*named, tuple(deciding.reasons), rules, deciding.before, memberships)
    return Granted(*named, moment, deciding.units, rules, deciding.before, deciding.after(), memberships, receipts)


class _Receiver:
    """Whom effects go to, while it is decided: what limits count of them, and what they have been given so far.

    `barred` says why they are given nothing at all.
    """

    def __init__(
        self, to: Recipient, member: str | None, had: Participation | None, limits: Limits, moment: Moment
    ) -> None:
        tallies = (had or NOTHING).tallies(to)
        self.to = to
        self.member = member
        self.had = tallies
        self.executions_limit = limits.executions(to)
        self.units_limit = limits.units(to)
        self.executions = used(tallies.executions, _interval(self.executions_limit), moment)
        self.units = used(tallies.units, _interval(self.units_limit), moment)
        self.barred: Why | None = None
        self.receipt: Receipt | None = None

    @property
    def given(self) -> Decimal:
        return self.receipt.units if self.receipt else ZERO

    def take(self, units: Decimal) -> None:
        assert self.member  # noqa: S101  something is given to somebody
        self.receipt = Receipt(self.to, self.member, EXACT.add(self.given, units))

    def after(self) -> tuple[Decimal, Decimal]:
        """What is given at a moment counts in every interval that the moment lies in."""
        if self.receipt is None:
            return self.executions, self.units
        return EXACT.add(self.executions, ONE), EXACT.add(self.units, self.receipt.units)


class _Deciding:
    """One decision under way: `units` and what else its effects so far give."""

    def __init__(
        self,
        terms: CampaignTerms,
        occasion: Occasion,
        member: _Receiver,
        referrer: _Receiver,
        ledger: Ledger,
        moment: Moment,
        now: datetime,
    ) -> None:
        self._terms = terms
        self.occasion = occasion
        self._member = member
        self._referrer = referrer
        self.ledger = ledger
        self._moment = moment
        self.now = now
        self.zone = terms.zone
        self.clamps = terms.limits.on_exhausted is OnExhausted.CLAMP
        self._given: dict[tuple[EffectKind, str], int] = {}
        self._budget = ledger.budget(terms.campaign)
        total = used(self._budget, _interval(terms.limits.total_units), moment)
        self.before = self._counters(total, (member.executions, member.units), (referrer.executions, referrer.units))
        self.units = ZERO
        self.reasons: list[Why] = []

    def _counters(self, total: Decimal, member: tuple[Decimal, Decimal], referrer: tuple[Decimal, Decimal]) -> Counters:
        if self._terms.type is CampaignType.REFERRAL and self._referrer.member is not None:
            return Counters(*member, total, *referrer)
        return Counters(*member, total)

    def after(self) -> Counters:
        total = EXACT.add(self.before.total_units, self.units)
        return self._counters(total, self._member.after(), self._referrer.after())

    def gate(self) -> tuple[str, ...]:
        """Bars whoever is given nothing at all, with the reason. Answers what held the member."""
        memberships: set[str] = set()
        try:
            if not includes(self._terms.audience, self.occasion.member, memberships):
                detail = "the member is in none of the audience's segments and tiers"
                self._bar(Why(AwardReason.NOT_IN_AUDIENCE, detail), self._member, self._referrer)
        except ExpressionFailure as failure:
            why = Why(AwardReason.EXPRESSION_FAILED, f"a segment of the audience: {failure}")
            self._bar(why, self._member, self._referrer)
        for receiver in (self._member, self._referrer):
            limit = receiver.executions_limit
            if limit and self._gives(receiver.to) and limit.left(receiver.had.executions, self._moment) < ONE:
                detail = f"{written(receiver.executions)} of {written(limit.value)} executions{_per(limit)}"
                self._bar(Why(_LIMIT_REACHED[receiver.to], detail), receiver)
        return tuple(sorted(memberships))

    def _gives(self, to: Recipient) -> bool:
        return any(effect.to is to for rule in self._terms.rules for effect in rule.effects)

    def _bar(self, why: Why, *receivers: _Receiver) -> None:
        self.reasons.append(why)
        for receiver in receivers:
            receiver.barred = receiver.barred or why

    def _receiver(self, to: Recipient) -> _Receiver:
        return self._member if to is Recipient.MEMBER else self._referrer

    def rule(self, number: int, rule: CampaignRuleTerms) -> RuleOutcome:
        condition = rule.conditions
        saw = _seen(condition, self.occasion) if condition else ()
        source = condition.source if condition else None
        if condition and (why := self._unmet(condition, saw, number)):
            self.reasons.append(why)
            return RuleOutcome(rule.name, source, saw, met=False, effects=())
        effects = tuple(self._effect(number, place, effect) for place, effect in enumerate(rule.effects, 1))
        return RuleOutcome(rule.name, source, saw, met=True, effects=effects)

    def _unmet(self, condition: CompiledExpression, saw: tuple[Observation, ...], number: int) -> Why | None:
        try:
            if condition.evaluate(self.occasion):
                return None
        except ExpressionFailure as failure:
            return Why(AwardReason.EXPRESSION_FAILED, str(failure), number)
        values = ", ".join(f"{seen.name} was {'absent' if seen.value is None else seen.value}" for seen in saw)
        return Why(AwardReason.CONDITION_NOT_MET, values or "it never holds", number)

    def _effect(self, number: int, place: int, effect: EffectTerms) -> EffectOutcome:
        receiver = self._receiver(effect.to)
        outcome, problems = self._outcome(effect, receiver)
        self.reasons += [Why(code, detail, number, place) for code, detail in problems]
        if problems:
            reason, detail = problems[0]
            return replace(outcome, reason=reason, detail=detail)
        if receiver.barred:
            return _withheld(outcome, receiver.barred)
        receiver.take(outcome.units)
        self._count(outcome)
        return outcome

    def _outcome(self, effect: EffectTerms, receiver: _Receiver) -> Found:
        """What the effect gives, and all reasons that it does not."""
        nothing = effect.nothing(receiver.member)
        outcome, problems = effect.decide(nothing, self)
        if not receiver.member:
            problems = [(AwardReason.NO_REFERRER, "the member has no referrer"), *problems]
        if problems:
            return replace(nothing, expression=outcome.expression, unrounded=outcome.unrounded), problems
        return outcome, []

    def _count(self, outcome: EffectOutcome) -> None:
        self.units = EXACT.add(self.units, outcome.units)
        if outcome.given is not None:
            key = (outcome.kind, outcome.given)
            self._given[key] = self._given.get(key, 0) + 1

    def given(self, outcome: EffectOutcome) -> int:
        return self._given.get((outcome.kind, outcome.given or ""), 0)

    def limits(self, to: Recipient) -> list[tuple[AwardReason, str, Decimal]]:
        """What limits units to a receiver: the reason it would be, what it is called, and what is left of it, less what
        the effects before it have given.
        """
        receiver = self._receiver(to)
        found = []
        if limit := receiver.units_limit:
            rest = EXACT.subtract(limit.left(receiver.had.units, self._moment), receiver.given)
            of = f"the {receiver.to}'s {written(limit.value)}{_per(limit)}"
            found.append((_UNITS_EXHAUSTED[receiver.to], of, max(ZERO, rest)))
        if limit := self._terms.limits.total_units:
            rest = EXACT.subtract(limit.left(self._budget, self._moment), self.units)
            of = f"the budget of {written(limit.value)}{_per(limit)}"
            found.append((AwardReason.BUDGET_EXHAUSTED, of, max(ZERO, rest)))
        return found


def _withheld(effect: EffectOutcome, why: Why) -> EffectOutcome:
    """What gives nothing, whatever it would have given."""
    units = EXACT.subtract(effect.units, effect.units)
    return replace(effect, units=units, code=None, value=None, valid_until=None, reason=why.code, detail=why.detail)


def _seen(condition: CompiledExpression, occasion: Occasion) -> tuple[Observation, ...]:
    """Each name that is read; of item lines how many there are, not what is in each."""
    names = [name for name in condition.attributes if not name.startswith("item.")]
    return tuple(Observation(name, _text(_value(name, occasion))) for name in names)


def _value(name: str, occasion: Occasion) -> object:
    if name.startswith(_EVENT_ATTRIBUTES):
        return occasion.event.attributes.get(name.removeprefix(_EVENT_ATTRIBUTES)) if occasion.event else None
    if items := _NAMES.items.get(name):
        noun = "lines" if name == "transaction.items" else "rules"
        return f"{len(tuple(items.read(occasion) or ()))} {noun}"
    attribute = _NAMES.attribute(name)
    return attribute.read(occasion) if attribute else None


def _text(value: object) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case Decimal():
            return written(value)
        case datetime():
            return value.isoformat()
        case _:
            return str(value)[:LONGEST_SEEN]


def _interval(limit: Limit | None) -> Interval | None:
    return limit.interval if limit else None


def _per(limit: Limit) -> str:
    return f" in {span(limit.interval)}" if limit.interval else ""


class SecondCancellation(Struct, frozen=True, gc=False):
    """A grant is cancelled once."""


def ask_to_cancel(
    participation: Participation, granted: Granted, version: int, reason: str
) -> CancellationRequested | SecondCancellation:
    """Asks that the grant be taken back that is the `version`-th event of its stream."""
    if version in participation.cancelled or version in participation.cancelling:
        return SecondCancellation()
    return CancellationRequested(granted.campaign, granted.revision, granted.member, version, reason)


def cancel(granted: Granted, asked: CancellationRequested, request: int) -> Cancelled:
    """Takes back what was granted, as the `request`-th event of the same stream asks."""
    given = tuple(effect for effect in effects_in(granted.rules) if effect.reason is None)
    return Cancelled(
        granted.campaign,
        granted.revision,
        granted.member,
        asked.granted,
        asked.reason,
        granted.moment,
        granted.units,
        given,
        granted.receipts,
        request,
    )
