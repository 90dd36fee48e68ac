"""Warnings: what a definition can be saved with and can't work as meant.

A warning is a problem that refuses nothing. It is computed whenever a definition is answered, and never stored. Its
detail is a whole sentence, which pages show as it is.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal

from domain.achievements import definition as achievement_definition
from domain.achievements.definition import Subject
from domain.campaigns import definition as campaign_definition
from domain.campaigns.definition import Recipient
from domain.expressions.values import plain_number
from domain.values.amounts import EXACT, ZERO, Rounding, rounded
from domain.values.problems import Problem
from domain.values.texts import several


def campaign_warnings(
    definition: campaign_definition.Definition,
    achievement: achievement_definition.Definition | None,
    decimals_of: Callable[[str], int],
) -> list[Problem]:
    """Of a campaign, or of the draft of one; `decimals_of` an account are those its units are rounded to."""
    return [
        *_receiver_warnings(definition, achievement),
        *_unbound_warnings(definition),
        *_limit_warnings(definition, decimals_of),
    ]


def _receiver_warnings(
    definition: campaign_definition.Definition, achievement: achievement_definition.Definition | None
) -> Iterator[Problem]:
    if achievement is None or all(rule.subject is not Subject.REFERRER for rule in achievement.rules):
        return
    for number, rule in enumerate(definition.rules):
        for place, effect in enumerate(rule.effects):
            if effect.to is Recipient.REFERRER:
                what = f"Effect {place + 1} of rule {number + 1} goes to the referrer of the referrer"
                detail = f"{what}: the achievement is completed by who referred the member"
                yield Problem(f"/rules/{number}/effects/{place}/to", detail, "referrer_of_referrer")


def _unbound_warnings(definition: campaign_definition.Definition) -> Iterator[Problem]:
    """A limit bounds who receives, so one of the member bounds nothing where all goes to the referrer."""
    receivers = {effect.to for rule in definition.rules for effect in rule.effects}
    for recipient in Recipient:
        limits = {"executions": definition.limits.executions(recipient), "units": definition.limits.units(recipient)}
        for name, limit in limits.items():
            if limit and receivers and recipient not in receivers:
                detail = f"The limit of {recipient} {name} bounds nobody: nothing goes to the {recipient}"
                yield Problem(f"/limits/{recipient}_{name}", detail, "limit_bounds_nobody")


def _limit_warnings(definition: campaign_definition.Definition, decimals_of: Callable[[str], int]) -> Iterator[Problem]:
    limits = definition.limits
    bounds = (
        ("member_units", limits.member_units, (Recipient.MEMBER,)),
        ("referrer_units", limits.referrer_units, (Recipient.REFERRER,)),
        ("total_units", limits.total_units, (*Recipient,)),
    )
    for field, limit, receivers in bounds:
        given = _given(definition.rules, receivers, decimals_of)
        if limit and limit.value < given:
            what = f"The limit of {field.replace('_', ' ')} is less than one execution gives"
            detail = f"{what}: {several(given, 'unit')}, of which some or all are never given"
            yield Problem(f"/limits/{field}/value", detail, "limit_below_execution")


def _given(
    rules: tuple[campaign_definition.CampaignRule, ...],
    receivers: tuple[Recipient, ...],
    decimals_of: Callable[[str], int],
) -> Decimal:
    """The most units, of those that are always the same, that are sure to come together in one execution.

    Rules without conditions always give; of those that have some, one at least does wherever it matters.
    """
    always, sometimes = ZERO, ZERO
    for rule in rules:
        units = ZERO
        for effect in rule.effects:
            if effect.to in receivers and (fixed := plain_number((effect.units or "").strip())):
                decimals = decimals_of(effect.account or "")
                units = EXACT.add(units, rounded(fixed, decimals, Rounding.HALF_UP))
        if rule.conditions is None:
            always = EXACT.add(always, units)
        else:
            sometimes = max(sometimes, units)
    return EXACT.add(always, sometimes)
