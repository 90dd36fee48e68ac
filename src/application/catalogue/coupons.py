"""Codes of coupons: taken into a pool, and found in it in the order they came."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from application.log.working import Working
from application.service.refusals import Conflict, Unknown
from application.streams import COUPON_CODE, COUPON_SLOT, STOCK
from domain.catalogue.coupon import code_fault
from domain.catalogue.coupon_code import Imported, Slot
from domain.catalogue.stock import Stock, Supplied
from domain.values.problems import Invalid, Problem


class PoolAddition(Struct, frozen=True, gc=False):
    """How many codes came into a pool, and how many are the coupon's already."""

    added: int
    known: int


def add_codes(working: Working, coupon: str, codes: Sequence[str]) -> PoolAddition:
    """Takes codes into a coupon's pool, in their order; those that are the coupon's already, or twice among them, once.

    Raises Unknown without the coupon, Conflict when it makes its own codes, and Invalid for codes that are none.
    """
    entry = working.catalogue.coupon(coupon)
    if entry is None:
        raise Unknown(f"no coupon `{coupon}`")
    if entry.generator is not None:
        raise Conflict(f"the coupon `{coupon}` makes its own codes", "has_generator")
    faults = [(f"/codes/{number}", fault) for number, code in enumerate(codes) if (fault := code_fault(code))]
    if faults:
        raise Invalid([Problem(pointer, detail) for pointer, detail in faults])
    new = _unknown(working, coupon, dict.fromkeys(codes))
    stream = STOCK.at("coupon", coupon)
    supplied = (working.state(stream) or Stock()).supplied
    for number, code in enumerate(new, supplied + 1):
        slot = COUPON_SLOT.at(coupon, number)
        # The stock's version says how many slots there are: this one is new unless the append is refused anyway.
        working.state_if_known(slot)
        working.record(COUPON_CODE.at(coupon, code), Imported(coupon, code, number))
        working.record(slot, Slot(coupon, number, code))
    if new:
        working.record(stream, Supplied("coupon", coupon, len(new)))
    return PoolAddition(len(new), len(codes) - len(new))


def _unknown(working: Working, coupon: str, codes: Iterable[str]) -> list[str]:
    streams = {code: COUPON_CODE.at(coupon, code) for code in codes}
    working.prefetch(streams.values())
    return [code for code, stream in streams.items() if working.state(stream) is None]


def next_codes(working: Working, coupon: str, stock: Stock, count: int) -> list[str]:
    """The codes that the pool gives next, in the order they came; fewer than `count` where it has no more."""
    numbers = range(stock.next, min(stock.next + count, stock.supplied + 1))
    slots = [COUPON_SLOT.at(coupon, number) for number in numbers]
    working.prefetch(slots)
    return [slot.code for slot in map(working.state, slots) if slot is not None]
