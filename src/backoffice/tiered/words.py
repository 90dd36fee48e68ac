"""A tiered campaign's definition in words, for people who did not write it; and conditions, of whatever they are."""

from backoffice.frame.conditions import condition, listed
from domain.facts.fact import FactKind
from domain.tiered.definition import Aggregate, Definition
from domain.tiered.points import HitType
from domain.tiered.terms import CombinationScope, Confirmation, Late
from domain.values.amounts import written

_DATES = {
    "purchased_at": "purchase date",
    "auto_accept_at": "auto-acceptance date",
    "checkout_at": "checkout date",
    "occurred_at": "date of the event",
    "expires_at": "expiry date",
}


_WHOLE = {
    HitType.AMOUNT: "Every unit earns the rate of the tier that the member has reached.",
    HitType.PERCENTAGE: "The whole figure earns the percentage of the tier that the member has reached.",
    HitType.HIT_LIMIT: "Completing a tier earns its reward; the highest completed tier counts.",
}
_BRACKETED = {
    HitType.AMOUNT: "Each tier's part of the figure earns that tier's own rate.",
    HitType.PERCENTAGE: "Each tier's part of the figure earns that tier's own percentage.",
    HitType.HIT_LIMIT: "Completing a tier earns its reward; the rewards of all completed tiers add up.",
}


def entity(definition: Definition) -> str:
    """What is counted, in short."""
    if definition.entity is FactKind.EVENT:
        return f"event {definition.event_type or ''}".strip()
    return "transactions" if definition.entity else "—"


def aggregate(definition: Definition) -> str:
    """What is added up, in short: `total`, `minutes`, `product set`."""
    asked = definition.aggregate
    if asked is None:
        return "—"
    return "product set" if asked.combination else (asked.attribute or "").removeprefix("attributes.")


def hit_type(definition: Definition) -> str:
    if definition.hit_type is None:
        return "—"
    name = definition.hit_type.replace("_", " ")
    return f"{name}, bracketed" if definition.bracketed else name


def summary(definition: Definition) -> str:
    """One sentence: what is counted, of what, for whom, placed by which date."""
    parts = [f"Counts {_counted(definition)}", f"for {audience(definition)}"]
    if definition.filter:
        parts.append(f"where {condition(definition.filter)}")
    if definition.date:
        parts.append(f"placed by {_DATES.get(definition.date, definition.date)}")
    return ", ".join(parts) + "."


def _counted(definition: Definition) -> str:
    asked = definition.aggregate
    if definition.entity is None or asked is None:
        return "nothing yet"
    if asked.combination:
        per = " within one transaction" if asked.scope is CombinationScope.TRANSACTION else ""
        return f"complete sets of {_parts(asked)}{per}"
    name = aggregate(definition)
    if definition.entity is FactKind.EVENT:
        return f"the {name} of {definition.event_type} events"
    items = f" of {listed(definition.products, 'and')}" if definition.products else ""
    return f"the {name}{items} of transactions"


def _parts(asked: Aggregate) -> str:
    return " + ".join(f"{written(part.quantity)} {part.product}" for part in asked.combination or ())


def audience(definition: Definition) -> str:
    asked = definition.audience
    groups = [f"segment {code}" for code in asked.segments] + [f"list {code}" for code in asked.lists]
    return f"members of {listed(groups, 'or')}" if groups else "everyone"


def rule(definition: Definition) -> str:
    """How the tiers are read; nothing while that is not decided."""
    if definition.hit_type is None:
        return ""
    return (_BRACKETED if definition.bracketed else _WHOLE)[definition.hit_type]


def reward(definition: Definition, amount: str) -> str:
    """One tier's reward, `amount`, as what it pays."""
    match definition.hit_type:
        case HitType.PERCENTAGE:
            return f"{amount} %"
        case HitType.AMOUNT:
            return f"{amount} per unit"
        case _:
            return amount


def rounding(definition: Definition) -> str:
    return {"half_up": "half up", "down": "down", "up": "up"}[definition.rounding]


def confirmation(definition: Definition) -> str:
    if definition.confirmation is Confirmation.OCCURRENCE_END:
        return "what was confirmed before the occurrence ended"
    return "what is confirmed at the evaluation"


def late(definition: Definition) -> str:
    return "correct the award" if definition.late is Late.CORRECT else "are refused, with the reason"
