"""Deciding: what one campaign gives one member for one trigger, or every reason that it gives nothing.

No effect of a campaign is a fact and no campaign fires on another, so what was triggered ends with its decision.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from domain.achievement_definition import Limit
from domain.amounts import EXACT, FRACTION_DIGITS, ONE, WHOLE_DIGITS, ZERO, Rounding, fault, plain, rounded, written
from domain.campaign_definition import CampaignType, EffectKind, OnExhausted, Recipient
from domain.campaign_terms import CampaignTerms, EffectTerms, RuleTerms, includes
from domain.catalogue import EventType
from domain.coupon import valid_until
from domain.expressions import Compiled, ExpressionFailure, Scope
from domain.interval import Interval, Tally, left, moment_of, span, used
from domain.ledger import Ledger
from domain.occasion import Occasion
from domain.participation import (
    NOTHING,
    CancellationRequested,
    Cancelled,
    Counters,
    EffectOutcome,
    Granted,
    Participation,
    Reason,
    Receipt,
    Refused,
    RuleOutcome,
    Saw,
    Tallies,
    Trigger,
    Why,
    effects_in,
    receipts_of,
)
from domain.scopes import campaign_scope

MOST_UNITS = Decimal(10) ** WHOLE_DIGITS
LONGEST_SEEN = 200

_NAMES: Scope = campaign_scope([EventType("", "")], "UTC", with_transaction=True)
_EVENT_ATTRIBUTES = "event.attributes."

_LIMIT_REACHED = {
    Recipient.MEMBER: Reason.MEMBER_LIMIT_REACHED,
    Recipient.REFERRER: Reason.REFERRER_LIMIT_REACHED,
}
_UNITS_EXHAUSTED = {
    Recipient.MEMBER: Reason.MEMBER_UNITS_EXHAUSTED,
    Recipient.REFERRER: Reason.REFERRER_UNITS_EXHAUSTED,
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
    had = {
        Recipient.MEMBER: (participation or NOTHING).tallies(Recipient.MEMBER),
        Recipient.REFERRER: (referrer or NOTHING).tallies(Recipient.REFERRER),
    }
    deciding = _Deciding(terms, occasion, trigger, had, ledger, now)
    memberships = deciding.gate()
    rules = tuple(deciding.rule(number, rule) for number, rule in enumerate(terms.rules, 1))
    named = terms.campaign, terms.revision, occasion.member.id, trigger
    receipts = receipts_of(effects_in(rules))
    if not receipts:
        return Refused(*named, tuple(deciding.reasons), rules, deciding.before, memberships)
    after = deciding.after(receipts)
    return Granted(*named, deciding.moment, deciding.units, rules, deciding.before, after, memberships, receipts)


class _Deciding:
    """One decision under way: `units` and what else its effects so far give."""

    def __init__(
        self,
        terms: CampaignTerms,
        occasion: Occasion,
        trigger: Trigger,
        had: Mapping[Recipient, Tallies],
        ledger: Ledger,
        now: datetime,
    ) -> None:
        self._terms = terms
        self._occasion = occasion
        self._had = had
        self._ledger = ledger
        self._now = now
        self._given: dict[tuple[EffectKind, str], int] = {}
        self._received = dict.fromkeys(Recipient, ZERO)
        self._barred: dict[Recipient, Why] = {}
        self._budget = ledger.budget(terms.campaign)
        self.moment = moment_of(trigger.occurred_at, terms.zone)
        self.before = self._counters()
        self.units = ZERO
        self.reasons: list[Why] = []

    def _counters(self) -> Counters:
        total = used(self._budget, _interval(self._terms.limits.total_units), self.moment)
        executions, units = self._used(Recipient.MEMBER)
        if self._terms.type is not CampaignType.REFERRAL or self._occasion.member.referrer is None:
            return Counters(executions, units, total)
        return Counters(executions, units, total, *self._used(Recipient.REFERRER))

    def _used(self, of: Recipient) -> tuple[Decimal, Decimal]:
        """What limits count of a receiver: executions and units."""
        limits, had = self._terms.limits, self._had[of]
        return (
            used(had.executions, _interval(limits.executions(of)), self.moment),
            used(had.units, _interval(limits.units(of)), self.moment),
        )

    def after(self, receipts: Iterable[Receipt]) -> Counters:
        """What is given at a moment counts in every interval that the moment lies in."""
        before, given = self.before, {receipt.to: receipt.units for receipt in receipts}
        own = _raised(before.member_executions, before.member_units, given.get(Recipient.MEMBER))
        total = EXACT.add(before.total_units, self.units)
        if before.referrer_executions is None or before.referrer_units is None:
            return Counters(*own, total)
        other = _raised(before.referrer_executions, before.referrer_units, given.get(Recipient.REFERRER))
        return Counters(*own, total, *other)

    def gate(self) -> tuple[str, ...]:
        """Bars whoever is given nothing at all, with the reason. Answers what held the member."""
        memberships: set[str] = set()
        try:
            if not includes(self._terms.audience, self._occasion.member, memberships):
                detail = "the member is in none of the audience's segments and tiers"
                self._bar(Why(Reason.NOT_IN_AUDIENCE, detail), *Recipient)
        except ExpressionFailure as failure:
            self._bar(Why(Reason.EXPRESSION_FAILED, f"a segment of the audience: {failure}"), *Recipient)
        for recipient in Recipient:
            limit = self._terms.limits.executions(recipient)
            if limit and self._gives(recipient) and self._left(limit, self._had[recipient].executions) < ONE:
                count, _ = self._used(recipient)
                detail = f"{written(count)} of {written(limit.value)} executions{_per(limit)}"
                self._bar(Why(_LIMIT_REACHED[recipient], detail), recipient)
        return tuple(sorted(memberships))

    def _gives(self, to: Recipient) -> bool:
        return any(effect.to is to for rule in self._terms.rules for effect in rule.effects)

    def _bar(self, why: Why, *recipients: Recipient) -> None:
        self.reasons.append(why)
        for recipient in recipients:
            self._barred.setdefault(recipient, why)

    def rule(self, number: int, rule: RuleTerms) -> RuleOutcome:
        condition = rule.conditions
        saw = _seen(condition, self._occasion) if condition else ()
        source = condition.source if condition else None
        if condition and (why := self._unmet(condition, saw, number)):
            self.reasons.append(why)
            return RuleOutcome(rule.name, source, saw, met=False, effects=())
        effects = tuple(self._effect(number, place, effect) for place, effect in enumerate(rule.effects, 1))
        return RuleOutcome(rule.name, source, saw, met=True, effects=effects)

    def _unmet(self, condition: Compiled, saw: tuple[Saw, ...], number: int) -> Why | None:
        try:
            if condition.evaluate(self._occasion):
                return None
        except ExpressionFailure as failure:
            return Why(Reason.EXPRESSION_FAILED, str(failure), number)
        values = ", ".join(f"{seen.name} was {'absent' if seen.value is None else seen.value}" for seen in saw)
        return Why(Reason.CONDITION_NOT_MET, values or "it never holds", number)

    def _effect(self, number: int, place: int, effect: EffectTerms) -> EffectOutcome:
        outcome, problems = self._outcome(effect)
        self.reasons += [Why(code, detail, number, place) for code, detail in problems]
        if problems:
            reason, detail = problems[0]
            return replace(outcome, reason=reason, detail=detail)
        if why := self._barred.get(effect.to):
            return _withheld(outcome, why)
        self._count(effect, outcome)
        return outcome

    def _outcome(self, effect: EffectTerms) -> tuple[EffectOutcome, list[tuple[Reason, str]]]:
        """What the effect gives, and all reasons that it does not."""
        member = self._occasion.member
        receiver = member.id if effect.to is Recipient.MEMBER else member.referrer
        bare = EffectOutcome(effect.kind, effect.to, receiver, account=effect.account, given=effect.given)
        nobody = [] if receiver else [(Reason.NO_REFERRER, "the member has no referrer")]
        match effect.kind:
            case EffectKind.GIVE_UNITS:
                outcome, problems = self._units(effect, bare)
            case EffectKind.ISSUE_COUPON:
                outcome, problems = self._coupon(effect, bare)
            case EffectKind.GIVE_REWARD:
                outcome, problems = bare, self._reward(effect)
            case EffectKind.GIVE_BADGE:
                outcome, problems = bare, []
        problems = [*nobody, *problems]
        if problems:
            return replace(bare, expression=outcome.expression, unrounded=outcome.unrounded), problems
        return outcome, []

    def _count(self, effect: EffectTerms, outcome: EffectOutcome) -> None:
        self.units = EXACT.add(self.units, outcome.units)
        self._received[effect.to] = EXACT.add(self._received[effect.to], outcome.units)
        if effect.given is not None:
            key = (effect.kind, effect.given)
            self._given[key] = self._given.get(key, 0) + 1

    def _units(self, effect: EffectTerms, bare: EffectOutcome) -> tuple[EffectOutcome, list[tuple[Reason, str]]]:
        assert effect.units  # noqa: S101  what a definition must have
        bare = replace(bare, expression=effect.units.source)
        asked = _amount(effect.units, self._occasion)
        if isinstance(asked, str):
            return bare, [(Reason.EXPRESSION_FAILED, asked)]
        bare = replace(bare, unrounded=asked)
        units = rounded(asked, effect.decimals, Rounding.HALF_UP)
        if not units:
            return bare, [(Reason.NOTHING_TO_GIVE, f"{written(asked)} units round to none")]
        short = [(reason, of, rest) for reason, of, rest in self._limits(effect.to) if rest < units]
        if short and self._terms.limits.on_exhausted is OnExhausted.CLAMP:
            units = rounded(min(rest for _, _, rest in short), effect.decimals, Rounding.DOWN)
            short = [] if units else [found for found in short if not rounded(found[2], effect.decimals, Rounding.DOWN)]
        if short:
            return bare, [
                (reason, f"{written(units or asked)} units asked, {written(rest)} left of {of}")
                for reason, of, rest in short
            ]
        return replace(bare, units=units), []

    def _limits(self, to: Recipient) -> list[tuple[Reason, str, Decimal]]:
        """What limits units to a receiver: the reason it would be, what it is called, and what is left of it, less what
        the effects before it have given.
        """
        limits = self._terms.limits
        found = []
        for reason, limit, tally, given, whose in (
            (_UNITS_EXHAUSTED[to], limits.units(to), self._had[to].units, self._received[to], f"the {to}'s"),
            (Reason.BUDGET_EXHAUSTED, limits.total_units, self._budget, self.units, "the budget of"),
        ):
            if limit:
                rest = max(ZERO, EXACT.subtract(self._left(limit, tally), given))
                found.append((reason, f"{whose} {written(limit.value)}{_per(limit)}", rest))
        return found

    def _left(self, limit: Limit, tally: Tally) -> Decimal:
        return left(tally, limit.value, limit.interval, self.moment)

    def _coupon(self, effect: EffectTerms, bare: EffectOutcome) -> tuple[EffectOutcome, list[tuple[Reason, str]]]:
        assert effect.given  # noqa: S101  what a definition must have
        problems: list[tuple[Reason, str]] = []
        value = _amount(effect.value, self._occasion) if effect.value else None
        if isinstance(value, str):
            problems.append((Reason.EXPRESSION_FAILED, f"the coupon's value: {value}"))
        found = self._ledger.coupon(effect.given, self._given.get((effect.kind, effect.given), 0))
        if found is None:
            problems.append((Reason.COUPON_POOL_EMPTY, f"no code of coupon `{effect.given}` is left"))
        if found is None or isinstance(value, str):
            return bare, problems
        entry, code = found
        until = valid_until(entry, self._now, self._terms.zone)
        worth = None if value is None else _writable(value)
        return replace(bare, code=code, value=worth, valid_until=until), []

    def _reward(self, effect: EffectTerms) -> list[tuple[Reason, str]]:
        assert effect.given  # noqa: S101  what a definition must have
        if self._ledger.has_reward(effect.given, self._given.get((effect.kind, effect.given), 0)):
            return []
        return [(Reason.REWARD_OUT_OF_STOCK, f"no reward `{effect.given}` is left")]


def _raised(executions: Decimal, units: Decimal, received: Decimal | None) -> tuple[Decimal, Decimal]:
    if received is None:
        return executions, units
    return EXACT.add(executions, ONE), EXACT.add(units, received)


def _withheld(effect: EffectOutcome, why: Why) -> EffectOutcome:
    """What gives nothing, whatever it would have given."""
    return replace(effect, units=ZERO, code=None, value=None, valid_until=None, reason=why.code, detail=why.detail)


def _amount(expression: Compiled, occasion: Occasion) -> Decimal | str:
    """What an expression gives, or why that can't be taken: what is given is no less than nothing, and bounded."""
    try:
        amount: Decimal = expression.evaluate(occasion)
    except ExpressionFailure as failure:
        return str(failure)
    if amount < ZERO:
        return f"{written(amount)} is less than nothing"
    if amount >= MOST_UNITS:
        return f"the result has more than {WHOLE_DIGITS} digits before the decimal point"
    return plain(amount)


def _writable(amount: Decimal) -> Decimal:
    """With no more digits after the point than amounts have."""
    return amount if fault(amount) is None else rounded(amount, FRACTION_DIGITS, Rounding.HALF_UP)


def _seen(condition: Compiled, occasion: Occasion) -> tuple[Saw, ...]:
    """Each name that is read; of item lines how many there are, not what is in each."""
    names = [name for name in condition.attributes if not name.startswith("item.")]
    return tuple(Saw(name, _text(_value(name, occasion))) for name in names)


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


class AlreadyCancelled(Struct, frozen=True, gc=False):
    """A grant is cancelled once."""


def ask_to_cancel(
    participation: Participation, granted: Granted, version: int, reason: str
) -> CancellationRequested | AlreadyCancelled:
    """Asks that the grant be taken back that is the `version`-th event of its stream."""
    if version in participation.cancelled or version in participation.cancelling:
        return AlreadyCancelled()
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
