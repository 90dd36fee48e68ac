"""What a decision of each kind is explained by, from the columns that are kept of it."""

from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple, assert_never

import msgspec
from msgspec import UNSET, Struct, UnsetType

from domain.campaigns.definition import EffectKind, Recipient
from domain.campaigns.participation import Counters, EffectOutcome, RuleOutcome
from domain.tiered.points import TierShare
from domain.values.amounts import EXACT, written, written_if, written_units
from projections.decisions.columns import DecisionColumns
from projections.decisions.decision import (
    CauseKind,
    CauseView,
    ConditionView,
    CountersChange,
    CountersView,
    DecisionEffect,
    DecisionRow,
    DecisionRule,
    RuleMove,
    SeenValue,
    TriggerView,
    UnitsBreakdown,
)
from projections.decisions.rows import DecisionKind, DecisionReason, Outcome
from projections.listing.page import Figure
from projections.tiered.previews import tier_lines


def decision_row(stored: DecisionColumns) -> DecisionRow:
    """A decision without the facts behind it."""
    kind = DecisionKind(stored.kind)
    explained = _explanation(kind, stored)
    return DecisionRow(
        id=stored.id,
        kind=kind,
        outcome=Outcome(stored.outcome),
        reasons=msgspec.json.decode(stored.reasons, type=tuple[DecisionReason, ...]),
        member=stored.member,
        campaign=stored.campaign,
        revision=stored.revision,
        occurred_at=stored.occurred_at,
        recorded_at=stored.recorded_at,
        position=str(stored.position),
        trigger=explained.trigger,
        rules=explained.rules,
        counters=explained.counters,
        caused_by=(explained.cause,),
        memberships=tuple(stored.memberships) if kind is DecisionKind.CAMPAIGN else UNSET,
        cancels=stored.cancels if kind is DecisionKind.CANCELLATION else UNSET,
        cancelled_by=stored.cancelled_by if kind is DecisionKind.CAMPAIGN else UNSET,
        corrects=next(iter(stored.linked), None) if kind is DecisionKind.CORRECTION else UNSET,
        corrected_by=tuple(stored.linked) if kind is DecisionKind.TIERED_AWARD else UNSET,
    )


class _Explanation(NamedTuple):
    """The part of a decision that each kind has in its own way."""

    trigger: TriggerView
    rules: tuple[DecisionRule, ...]
    counters: CountersChange | None
    cause: CauseView


def _explanation(kind: DecisionKind, stored: DecisionColumns) -> _Explanation:
    match kind:
        case DecisionKind.TIERED_AWARD | DecisionKind.CORRECTION:
            return _tiered(stored)
        case DecisionKind.CAMPAIGN:
            return _triggered(stored)
        case DecisionKind.CANCELLATION:
            return _cancelled(stored)
        case _:
            assert_never(kind)


class _Breakdown(Struct, frozen=True, gc=False):
    """The breakdown of an award, as the projection keeps it."""

    unrounded: Decimal
    lines: tuple[TierShare, ...]


def _tiered(stored: DecisionColumns) -> _Explanation:
    kind, occurrence = CauseKind(stored.fact_kind or CauseKind.EVALUATION), stored.occurrence
    known = msgspec.json.decode(stored.breakdown, type=_Breakdown)
    effect = DecisionEffect(
        kind=EffectKind.GIVE_UNITS,
        to=Recipient.MEMBER,
        account=stored.accounts[0],
        units=written_units(stored.points),
        breakdown=UnitsBreakdown(
            aggregate=written(stored.aggregate),
            lines=tier_lines(known.lines),
            unrounded=written(known.unrounded),
            points=written_units(stored.awarded_points),
        ),
    )
    before = EXACT.subtract(stored.awarded_points, stored.points)
    return _Explanation(
        TriggerView(kind=kind, id=stored.fact_id, tiered_campaign=stored.campaign, occurrence=occurrence),
        (DecisionRule(rule=1, conditions=(), effects=(effect,)),),
        CountersChange(
            CountersView(awarded_points=written_units(before)),
            CountersView(awarded_points=written_units(stored.awarded_points)),
        ),
        CauseView(kind=kind, id=stored.fact_id, occurrence=occurrence, facts=None, more_facts=False),
    )


def _triggered(stored: DecisionColumns) -> _Explanation:
    fired = stored.fired
    kind = CauseKind(fired.kind)
    trigger = TriggerView(
        kind=kind,
        id=stored.fact_id,
        fact_kind=stored.fact_kind,
        achievement=fired.achievement,
        achievement_revision=fired.achievement_revision,
        number=fired.number,
        rules=tuple(RuleMove(move.rule, written(move.value), written(move.goal)) for move in fired.moves),
        position=str(fired.position),
    )
    cause = CauseView(
        kind=kind,
        id=stored.fact_id,
        achievement=fired.achievement,
        number=fired.number,
        position=str(fired.position),
        facts=None,
        more_facts=False,
    )
    counters = msgspec.json.decode(stored.counters, type=tuple[Counters, Counters])
    before, after = map(_counted, counters)
    return _Explanation(trigger, _rules(stored), CountersChange(before, after), cause)


def _cancelled(stored: DecisionColumns) -> _Explanation:
    cancelled, reason, by = str(stored.cancels), stored.cancellation_reason, stored.actor
    return _Explanation(
        TriggerView(kind=CauseKind.CANCELLATION, id=cancelled, reason=reason, by=by),
        _rules(stored, taken=True),
        None,
        CauseView(kind=CauseKind.CANCELLATION, id=cancelled, reason=reason, by=by, facts=None, more_facts=False),
    )


def _counted(counters: Counters) -> CountersView:
    return CountersView(
        member_executions=written(counters.member_executions),
        member_units=written(counters.member_units),
        referrer_executions=_figure(counters.referrer_executions),
        referrer_units=_figure(counters.referrer_units),
        total_units=written(counters.total_units),
    )


def _figure(amount: Decimal | None) -> Figure | UnsetType:
    return UNSET if amount is None else written(amount)


def _rules(stored: DecisionColumns, *, taken: bool = False) -> tuple[DecisionRule, ...]:
    """With `taken`, what is given back."""
    known = msgspec.json.decode(stored.rules, type=tuple[RuleOutcome, ...])
    return tuple(
        DecisionRule(
            rule=number,
            name=rule.name or UNSET,
            conditions=_conditions(rule),
            effects=tuple(_effect(effect, taken=taken) for effect in rule.effects),
        )
        for number, rule in enumerate(known, 1)
    )


def _conditions(rule: RuleOutcome) -> tuple[ConditionView, ...]:
    if rule.condition is None:
        return ()
    saw = tuple(SeenValue(each.name, each.value) for each in rule.saw)
    return (ConditionView(rule.condition, rule.met, saw),)


def _effect(effect: EffectOutcome, *, taken: bool) -> DecisionEffect:
    of_coupon, of_units = effect.kind is EffectKind.ISSUE_COUPON, effect.kind is EffectKind.GIVE_UNITS
    return DecisionEffect(
        kind=effect.kind,
        to=effect.to,
        member=effect.member,
        account=effect.account,
        units=written_units(EXACT.minus(effect.units) if taken else effect.units),
        breakdown=_breakdown(effect) if of_units else UNSET,
        coupon=(effect.given or "") if of_coupon else UNSET,
        reward=(effect.given or "") if effect.kind is EffectKind.GIVE_REWARD else UNSET,
        badge=(effect.given or "") if effect.kind is EffectKind.GIVE_BADGE else UNSET,
        code=effect.code if of_coupon else UNSET,
        value=written_if(effect.value) if of_coupon else UNSET,
        valid_until=effect.valid_until if of_coupon else UNSET,
        reason=effect.reason,
        detail=effect.detail,
    )


def _breakdown(effect: EffectOutcome) -> UnitsBreakdown:
    unrounded = effect.unrounded
    return UnitsBreakdown(
        expression=effect.expression or "",
        unrounded=written_if(unrounded),
        units=written_units(effect.units),
        clamped=bool(effect.units) and unrounded is not None and effect.units != _rounded_like(unrounded, effect.units),
    )


def _rounded_like(amount: Decimal, like: Decimal) -> Decimal:
    exponent = like.as_tuple().exponent
    assert isinstance(exponent, int)  # noqa: S101  units are finite
    return amount.quantize(Decimal(1).scaleb(min(exponent, 0)), ROUND_HALF_UP, EXACT)
