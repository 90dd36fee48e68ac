"""What a fact contributes to a tiered campaign: the date places it, audience and filter admit it, a figure is taken."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from domain.expressions import CompiledExpression, ExpressionFailure
from domain.facts.event import Happening
from domain.facts.fact import FactKind
from domain.facts.outcomes import Contribution, OmissionOutcome, OmissionReason
from domain.facts.purchase import Item, Purchase, no_worth
from domain.facts.refund import PurchaseBalance, part_left, stated_at
from domain.facts.scope import FactContext
from domain.tiered.schedule import number_at
from domain.tiered.terms import CombinationScope, TieredTerms, complete_sets
from domain.values.amounts import EXACT, ZERO
from domain.values.attributes import Attributes, number_in, timestamp_in


def is_concerned(terms: TieredTerms, seen: FactContext) -> bool:
    """Whether the fact is of the kind, and the event type, that the terms count."""
    if seen.transaction:
        return terms.entity is FactKind.TRANSACTION
    return terms.entity is FactKind.EVENT and seen.event is not None and terms.event_type == seen.event.type


def place(terms: TieredTerms, seen: FactContext) -> int | OmissionOutcome | None:
    """The occurrence that the fact's date lies in; None when it is none of these terms', so not their concern."""
    instant = date_of(terms, seen)
    if instant is None:
        return OmissionOutcome(terms.campaign, OmissionReason.DATE_MISSING, detail=f"the fact has no {terms.date}")
    number = number_at(terms.windows, instant)
    return number if number and terms.first <= number <= terms.last else None


def date_of(terms: TieredTerms, seen: FactContext) -> datetime | None:
    if seen.transaction:
        return _purchase_date(terms.date, seen.transaction)
    return _happening_date(terms.date, seen.event) if seen.event else None


def _purchase_date(date: str, purchase: Purchase) -> datetime | None:
    match date:
        case "auto_accept_at":
            return purchase.auto_accept_at
        case "checkout_at":
            return purchase.checkout_at or purchase.purchased_at
        case _:
            return purchase.purchased_at


def _happening_date(date: str, happening: Happening) -> datetime | None:
    match date:
        case "occurred_at":
            return happening.occurred_at
        case "date":
            return happening.date
        case "expires_at":
            return happening.expires_at
        case _:
            return timestamp_in(happening.attributes.get(date))


class Memberships:
    """Which segments and lists hold the member of a fact. What one of them answered stays, whatever becomes of the
    member, or of the segment: only those that were never asked about are asked.
    """

    __slots__ = ("_asked", "_held", "_outside")

    def __init__(self, held: Iterable[str] = (), outside: Iterable[str] = ()) -> None:
        self._held = set(held)
        self._outside = set(outside)
        self._asked: set[str] = set()

    @property
    def held(self) -> tuple[str, ...]:
        return tuple(sorted(self._held)) if self._held else ()

    @property
    def outside(self) -> tuple[str, ...]:
        """The segments that did not hold the member, or could not tell. Of lists the member's own stream says it."""
        outside = self._outside | (self._asked - self._held) if self._asked else self._outside
        return tuple(sorted(outside)) if outside else ()

    def of_list(self, code: str, seen: FactContext) -> bool:
        name = f"list:{code}"
        if code in seen.member.lists:
            self._held.add(name)
        return name in self._held

    def of_segment(self, code: str, segment: CompiledExpression, seen: FactContext) -> bool:
        """Raises ExpressionFailure."""
        name = f"segment:{code}"
        if name in self._held or name in self._outside:
            return name in self._held
        self._asked.add(name)
        if segment.evaluate(seen):
            self._held.add(name)
            return True
        return False


def admit(terms: TieredTerms, occurrence: int, seen: FactContext, memberships: Memberships) -> OmissionOutcome | None:
    """Why audience or filter keep the fact out, or None."""
    try:
        if not _in_audience(terms, seen, memberships):
            return OmissionOutcome(terms.campaign, OmissionReason.NOT_IN_AUDIENCE, occurrence)
    except ExpressionFailure as failure:
        return OmissionOutcome(terms.campaign, OmissionReason.EXPRESSION_FAILED, occurrence, str(failure))
    return _refusal(terms, occurrence, seen)


def filtered_out(terms: TieredTerms, occurrence: int, seen: FactContext, before: FactContext) -> OmissionOutcome | None:
    """Why the filter keeps out a fact that it would let in as it was before."""
    refusal = _refusal(terms, occurrence, seen)
    return refusal if refusal and not _refusal(terms, occurrence, before) else None


def _refusal(terms: TieredTerms, occurrence: int, seen: FactContext) -> OmissionOutcome | None:
    try:
        if terms.filter and not terms.filter.evaluate(seen):
            return OmissionOutcome(terms.campaign, OmissionReason.FILTER_NOT_MET, occurrence)
    except ExpressionFailure as failure:
        return OmissionOutcome(terms.campaign, OmissionReason.EXPRESSION_FAILED, occurrence, str(failure))
    return None


def _in_audience(terms: TieredTerms, seen: FactContext, memberships: Memberships) -> bool:
    """Whether one of the segments or lists holds the member; no segments and no lists is everyone."""
    if not terms.segments and not terms.lists:
        return True
    return any(memberships.of_list(code, seen) for code in terms.lists) or any(
        memberships.of_segment(code, segment, seen) for code, segment in terms.segments.items()
    )


def measure(
    terms: TieredTerms, occurrence: int, seen: FactContext, *, confirmed: bool
) -> Contribution | OmissionOutcome:
    """The figure that a fact adds, for one that is admitted."""
    if seen.transaction:
        measured = _measure_purchase(terms, seen.transaction, seen.left)
    else:
        measured = _attribute(seen.event.attributes if seen.event else {}, terms.attribute)
    if isinstance(measured, OmissionReason):
        return OmissionOutcome(terms.campaign, measured, occurrence)
    amount, quantities = measured
    return Contribution(terms.campaign, occurrence, amount, confirmed, quantities, terms.revision)


def unpriced(terms: TieredTerms, occurrence: int, seen: FactContext) -> Iterator[OmissionOutcome]:
    """Tells of lines whose worth a fact that counts would add, and that have none."""
    if seen.transaction and terms.products and terms.attribute == "total":
        lines = [(at, item) for at, item in enumerate(seen.transaction.items, 1) if item.product in terms.products]
        if detail := no_worth(lines):
            yield OmissionOutcome(terms.campaign, OmissionReason.NO_PRICE, occurrence, detail)


Measured = tuple[Decimal, tuple[tuple[str, Decimal], ...]]


def _measure_purchase(
    terms: TieredTerms, purchase: Purchase, left: PurchaseBalance | None
) -> Measured | OmissionReason:
    if terms.combination:
        return _combination(terms, purchase)
    items = purchase.items
    name = terms.attribute or ""
    if terms.products:
        items = tuple(item for item in items if item.product in terms.products)
    if not items and (terms.products or name == "quantity"):
        return OmissionReason.NO_MATCHING_ITEMS
    match name:
        case "quantity":
            return _sum(item.quantity for item in items), ()
        case "total" if terms.products:
            return _worth(items)
        case "total":
            return purchase.total, ()
        case _:
            return _attribute(purchase.attributes, name.removeprefix("attributes."), left)


def _worth(items: Sequence[Item]) -> Measured | OmissionReason:
    if not any(item.has_worth for item in items):
        return OmissionReason.NO_PRICE
    return _sum(item.value for item in items), ()


def _combination(terms: TieredTerms, purchase: Purchase) -> Measured | OmissionReason:
    wanted = {part.product for part in terms.combination}
    quantities: dict[str, Decimal] = {}
    for item in purchase.items:
        if item.product in wanted:
            quantities[item.product] = EXACT.add(quantities.get(item.product, ZERO), item.quantity)
    if not quantities:
        return OmissionReason.NO_MATCHING_ITEMS
    sets = complete_sets(terms.combination, quantities)
    if terms.scope is CombinationScope.TRANSACTION:
        return sets, ()
    return sets, tuple(sorted(quantities.items()))


def _attribute(
    attributes: Attributes, name: str | None, left: PurchaseBalance | None = None
) -> Measured | OmissionReason:
    name = name or ""
    amount = number_in(attributes.get(name))
    if amount is None:
        return OmissionReason.ATTRIBUTE_MISSING
    return (part_left(amount, left, stated_at(left, (name,))) if left else amount), ()


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total
