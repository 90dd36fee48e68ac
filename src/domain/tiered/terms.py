"""The terms of a tiered campaign's revision, ready for deciding facts: what counts, for whom, and what it pays."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from domain.expressions import CompiledExpression
from domain.facts.fact import FactKind
from domain.tiered.points import Points, TierTable, points, total_points
from domain.tiered.schedule import Window
from domain.values.amounts import EXACT, ZERO


class Confirmation(StrEnum):
    """What an award counts: what is confirmed as of the evaluation, or what was before the occurrence ended."""

    EVALUATION = "evaluation"
    OCCURRENCE_END = "occurrence_end"


class Late(StrEnum):
    """What facts after the evaluation do: nothing, or correct the award."""

    IGNORE = "ignore"
    CORRECT = "correct"


class CombinationScope(StrEnum):
    """Complete sets are counted over the member's whole occurrence, or in each transaction and added up."""

    OCCURRENCE = "occurrence"
    TRANSACTION = "transaction"


class CombinationPart(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """`quantity` pieces of a product that one complete set takes."""

    product: str
    quantity: Decimal


class TieredTerms(Struct, frozen=True, gc=False):
    """One revision's terms. `attribute` is None for a product combination; `products` empty counts all items.

    `segments` and `lists` both empty means everyone. `windows` are those of all occurrences of the campaign;
    the terms are those of the ones from `first` to `last`.
    """

    campaign: UUID
    revision: int
    first: int
    last: int
    windows: tuple[Window, ...]
    entity: FactKind
    event_type: str | None
    attribute: str | None
    combination: tuple[CombinationPart, ...]
    scope: CombinationScope
    date: str
    products: frozenset[str]
    filter: CompiledExpression | None
    segments: Mapping[str, CompiledExpression]
    lists: tuple[str, ...]
    account: str
    table: TierTable
    confirmation: Confirmation
    late: Late

    @property
    def collects(self) -> bool:
        """Whether standings collect pieces by product rather than add up an amount."""
        return bool(self.combination) and self.scope is CombinationScope.OCCURRENCE

    def window(self, occurrence: int) -> Window:
        return self.windows[occurrence - 1]

    def points(self, aggregate: Decimal) -> Decimal:
        return total_points(self.table, aggregate)

    def breakdown(self, aggregate: Decimal) -> Points:
        return points(self.table, aggregate)


def complete_sets(combination: Sequence[CombinationPart], quantities: Mapping[str, Decimal]) -> Decimal:
    """How many whole sets the quantities hold: the product there is least of, in sets, decides."""
    return max(
        ZERO,
        min(
            EXACT.divide(quantities.get(part.product, ZERO), part.quantity).to_integral_value(
                ROUND_FLOOR, context=EXACT
            )
            for part in combination
        ),
    )


def confirmed_in_time(terms: TieredTerms, occurrence: int, confirmed_at: datetime) -> bool:
    return terms.confirmation is Confirmation.EVALUATION or confirmed_at < terms.window(occurrence).ends_at
