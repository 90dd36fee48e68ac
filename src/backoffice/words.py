"""A tiered campaign's definition in words, for people who did not write it; and conditions, of whatever they are."""

import re
from collections.abc import Sequence
from typing import Any

from domain.facts.fact import Entity
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

_NAME = re.compile(r"[^\W\d]\w*(\.\w+)*")
"""What an expression is that only names something."""

_OPERATORS = {
    "eq": "is",
    "ne": "is not",
    "gt": "is more than",
    "gte": "is at least",
    "lt": "is less than",
    "lte": "is at most",
    "in": "is",
    "not_in": "is not",
    "contains": "contains",
    "starts_with": "starts with",
    "ends_with": "ends with",
    "exists": "is there",
    "not_exists": "is not there",
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
    if definition.entity is Entity.EVENT:
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
    if definition.entity is Entity.EVENT:
        return f"the {name} of {definition.event_type} events"
    items = f" of {listed(definition.products, 'and')}" if definition.products else ""
    return f"the {name}{items} of transactions"


def _parts(asked: Aggregate) -> str:
    return " + ".join(f"{written(part.quantity)} {part.product}" for part in asked.combination or ())


def audience(definition: Definition) -> str:
    asked = definition.audience
    groups = [f"segment {code}" for code in asked.segments] + [f"list {code}" for code in asked.lists]
    return f"members of {listed(groups, 'or')}" if groups else "everyone"


def condition(asked: Any, *, among_others: bool = False) -> str:  # noqa: ANN401  JSON, checked when it was saved
    """A filter or condition, as it was stated."""
    if "expression" in asked:
        return str(asked["expression"])
    for key, last in (("all", "and"), ("any", "or")):
        if key in asked:
            return _joined(asked[key], last, among_others=among_others)
    name = short_name(str(asked["attribute"]))
    value = asked.get("value")
    values = [str(each) for each in (value if isinstance(value, list) else [value]) if each is not None]
    return f"{name} {_OPERATORS[asked['operator']]} {listed(values, 'or')}".strip()


def _joined(parts: Sequence[Any], last: str, *, among_others: bool) -> str:
    if not parts:
        return "nothing is asked"
    if len(parts) == 1:
        return condition(parts[0], among_others=among_others)
    text = f" {last} ".join(condition(part, among_others=True) for part in parts)
    return f"({text})" if among_others else text


def short_name(source: str) -> str:
    """The last part of a name, `total` of `transaction.total`; an expression as it is."""
    return source.rpartition(".")[2] if _NAME.fullmatch(source) else source


def listed(names: Sequence[str], last: str) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


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
