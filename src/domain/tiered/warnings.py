"""Warnings of tiered campaigns: what one can be saved with and can't work as meant."""

from collections.abc import Iterator

from domain.facts.fact import FactKind
from domain.tiered import definition as tiered_definition
from domain.tiered.definition import step_of
from domain.tiered.points import HitType, TierTable, tiers_paid
from domain.tiered.terms import Confirmation, Late
from domain.values.amounts import written
from domain.values.problems import Problem


def tiered_warnings(definition: tiered_definition.Definition) -> list[Problem]:
    """Of a tiered campaign, or of the draft of one."""
    return [*_tier_warnings(definition), *_late_warnings(definition)]


def _tier_warnings(definition: tiered_definition.Definition) -> Iterator[Problem]:
    if not definition.hit_type or not definition.tiers:
        return
    table = TierTable(
        definition.hit_type, definition.bracketed, definition.unlimited, definition.tiers, 0, definition.rounding
    )
    step = step_of(definition)
    paid = tiers_paid(table, step)
    for number in range(1, len(definition.tiers) + 1):
        if number not in paid:
            following = min(other for other in paid if other > number)
            why = f"no aggregate, which moves by {written(step)}, lies in it"
            if definition.hit_type is HitType.HIT_LIMIT:
                why = f"whoever completes it has hit tier {following} too, which pays instead"
            yield Problem(f"/tiers/{number - 1}", f"Tier {number} can never pay: {why}", "tier_never_pays")


def _late_warnings(definition: tiered_definition.Definition) -> Iterator[Problem]:
    """Events, and what comes already accepted, are confirmed at their own date; an acceptance is when it comes."""
    at_end = definition.confirmation is Confirmation.OCCURRENCE_END
    if at_end and definition.late is Late.CORRECT and definition.entity is not FactKind.EVENT:
        detail = (
            "An acceptance after the end of an occurrence corrects nothing: only what was confirmed before it counts"
        )
        yield Problem("/late", f"{detail}; refunds, and what comes already accepted, correct", "acceptance_too_late")
