"""Deciding: what one campaign gives one member for one trigger, or every reason that it gives nothing.

No effect of a campaign is a fact and no campaign fires on another, so what was triggered ends with its decision.
"""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from domain.achievement_definition import Limit
from domain.amounts import EXACT, FRACTION_DIGITS, ONE, WHOLE_DIGITS, ZERO, Rounding, fault, plain, rounded, written
from domain.campaign_definition import EffectKind, OnExhausted, Recipient
from domain.campaign_terms import CampaignTerms, EffectTerms, RuleTerms, includes
from domain.catalogue import EventType
from domain.coupon import valid_until
from domain.expressions import Compiled, ExpressionFailure, Scope
from domain.interval import Interval, Tally, left, moment_of, used
from domain.ledger import Ledger
from domain.occasion import Occasion
from domain.participation import (
    NOTHING,
    Cancelled,
    Counters,
    EffectOutcome,
    Granted,
    Participation,
    Reason,
    Refused,
    RuleOutcome,
    Saw,
    Trigger,
    Why,
)
from domain.scopes import campaign_scope

MOST_UNITS = Decimal(10) ** WHOLE_DIGITS
LONGEST_SEEN = 200

_NAMES: Scope = campaign_scope([EventType("", "")], "UTC", with_transaction=True)
_EVENT_ATTRIBUTES = "event.attributes."


def decide(
    terms: CampaignTerms,
    occasion: Occasion,
    trigger: Trigger,
    participation: Participation | None,
    ledger: Ledger,
    now: datetime,
) -> Granted | Refused:
    """The campaign's decision, by what the member has had (`participation`) and what is left for all (`ledger`).

    Of the ledger it takes nothing: that is for whoever records the grant. `now` is when a coupon begins to be good.
    """
    deciding = _Deciding(terms, occasion, trigger, participation or NOTHING, ledger, now)
    refusals, memberships = deciding.gate()
    rules = tuple(deciding.rule(number, rule) for number, rule in enumerate(terms.rules, 1))
    named = terms.campaign, terms.revision, occasion.member.id, trigger
    if refusals or not deciding.gave:
        reasons = (*refusals, *deciding.reasons)
        return Refused(*named, reasons, _withheld(rules, refusals), deciding.before, memberships)
    return Granted(*named, deciding.moment, deciding.units, rules, deciding.before, deciding.after(), memberships)


class _Deciding:
    """One decision under way: `units`, `codes` and `rewards` are what its effects so far would give."""

    def __init__(
        self,
        terms: CampaignTerms,
        occasion: Occasion,
        trigger: Trigger,
        participation: Participation,
        ledger: Ledger,
        now: datetime,
    ) -> None:
        self._terms = terms
        self._occasion = occasion
        self._participation = participation
        self._ledger = ledger
        self._now = now
        self._given: dict[tuple[EffectKind, str], int] = {}
        self._budget = ledger.budget(terms.campaign)
        self.moment = moment_of(trigger.occurred_at, terms.zone)
        self.before = self._counters()
        self.units = ZERO
        self.gave = False
        self.reasons: list[Why] = []

    def _counters(self) -> Counters:
        limits = self._terms.limits
        had = self._participation
        return Counters(
            used(had.executions, _interval(limits.member_executions), self.moment),
            used(had.units, _interval(limits.member_units), self.moment),
            used(self._budget, _interval(limits.total_units), self.moment),
        )

    def after(self) -> Counters:
        """What is given at a moment counts in every interval that the moment lies in."""
        return Counters(
            EXACT.add(self.before.member_executions, ONE),
            EXACT.add(self.before.member_units, self.units),
            EXACT.add(self.before.total_units, self.units),
        )

    def gate(self) -> tuple[tuple[Why, ...], tuple[str, ...]]:
        """Why nothing at all is given to this member, and what held the member."""
        whys: list[Why] = []
        memberships: set[str] = set()
        try:
            if not includes(self._terms.audience, self._occasion.member, memberships):
                whys.append(Why(Reason.NOT_IN_AUDIENCE, "the member is in none of the audience's segments and tiers"))
        except ExpressionFailure as failure:
            whys.append(Why(Reason.EXPRESSION_FAILED, f"a segment of the audience: {failure}"))
        limit = self._terms.limits.member_executions
        if limit and left(self._participation.executions, limit.value, limit.interval, self.moment) < ONE:
            detail = f"{written(self.before.member_executions)} of {written(limit.value)} executions{_per(limit)}"
            whys.append(Why(Reason.MEMBER_LIMIT_REACHED, detail))
        return tuple(whys), tuple(sorted(memberships))

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
        self.gave = True
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
        self._count(effect, outcome)
        return outcome, []

    def _count(self, effect: EffectTerms, outcome: EffectOutcome) -> None:
        self.units = EXACT.add(self.units, outcome.units)
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
        short = [(reason, of, rest) for reason, of, rest in self._limits() if rest < units]
        if short and self._terms.limits.on_exhausted is OnExhausted.CLAMP:
            units = rounded(min(rest for _, _, rest in short), effect.decimals, Rounding.DOWN)
            short = [] if units else [found for found in short if not rounded(found[2], effect.decimals, Rounding.DOWN)]
        if short:
            return bare, [
                (reason, f"{written(units or asked)} units asked, {written(rest)} left of {of}")
                for reason, of, rest in short
            ]
        return replace(bare, units=units), []

    def _limits(self) -> list[tuple[Reason, str, Decimal]]:
        """What limits units: the reason it would be, what it is called, and what is left of it."""
        limits = self._terms.limits
        found = []
        for reason, limit, tally, whose in (
            (Reason.MEMBER_UNITS_EXHAUSTED, limits.member_units, self._participation.units, "the member's"),
            (Reason.BUDGET_EXHAUSTED, limits.total_units, self._budget, "the budget of"),
        ):
            if limit:
                rest = self._left(limit, tally)
                found.append((reason, f"{whose} {written(limit.value)}{_per(limit)}", rest))
        return found

    def _left(self, limit: Limit, tally: Tally) -> Decimal:
        """Less what the effects before it have given."""
        return max(ZERO, EXACT.subtract(left(tally, limit.value, limit.interval, self.moment), self.units))

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


def _withheld(rules: tuple[RuleOutcome, ...], refusals: tuple[Why, ...]) -> tuple[RuleOutcome, ...]:
    """The rules of a member who gets nothing, whatever the effects would have given."""
    if not refusals:
        return rules
    why = refusals[0]
    return tuple(replace(rule, effects=tuple(_bare(effect, why) for effect in rule.effects)) for rule in rules)


def _bare(effect: EffectOutcome, why: Why) -> EffectOutcome:
    if effect.reason is not None:
        return effect
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
        return f"{len(tuple(items.read(occasion) or ()))} lines"
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
    interval = limit.interval
    if interval is None:
        return ""
    return f" in a {interval.unit}" if interval.n == 1 else f" in {interval.n} {interval.unit}s"


class AlreadyCancelled(Struct, frozen=True, gc=False):
    """A grant is cancelled once."""


def cancel(participation: Participation, granted: Granted, version: int, reason: str) -> Cancelled | AlreadyCancelled:
    """Takes back the grant that is the `version`-th event of its stream."""
    if version in participation.cancelled:
        return AlreadyCancelled()
    given = tuple(effect for rule in granted.rules for effect in rule.effects if effect.reason is None)
    return Cancelled(
        granted.campaign, granted.revision, granted.member, version, reason, granted.moment, granted.units, given
    )
