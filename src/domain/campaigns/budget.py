"""A campaign's budget: the units it has given in total. In the course of deciding only the award policy writes it."""

from decimal import Decimal
from typing import ClassVar, assert_never
from uuid import UUID

from msgspec import Struct

from domain.values.amounts import EXACT
from domain.values.interval import NOTHING as NO_TALLY
from domain.values.interval import Moment, Tally, added


class Spending(Struct, frozen=True, gc=False, array_like=True):
    """Units given at a moment."""

    moment: Moment
    units: Decimal


class Reserved(Struct, frozen=True, gc=False, array_like=True):
    """What one batch of decisions gave, added up by moment."""

    tag: ClassVar[str] = "budget.reserved"
    campaign: UUID
    spent: tuple[Spending, ...]


class Returned(Struct, frozen=True, gc=False, array_like=True):
    """A grant was cancelled: its units can be given again."""

    tag: ClassVar[str] = "budget.returned"
    campaign: UUID
    moment: Moment
    units: Decimal


Event = Reserved | Returned


class Budget(Struct, frozen=True, gc=False, array_like=True):
    units: Tally = NO_TALLY


NOTHING = Budget()


def evolve(budget: Budget | None, event: Event) -> Budget:
    units = (budget or NOTHING).units
    match event:
        case Reserved():
            for spent in event.spent:
                units = added(units, spent.moment, spent.units)
            return Budget(units)
        case Returned():
            return Budget(added(units, event.moment, EXACT.minus(event.units)))
        case _:
            assert_never(event)
