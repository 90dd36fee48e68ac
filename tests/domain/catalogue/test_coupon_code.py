"""A code of a coupon, from the pool or made, to a member and out of use."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from domain.catalogue.coupon_code import CouponCode, Event, Imported, Issued, Slot, Voided, evolve, evolve_slot

ISSUED = Issued("welcome", "A", "M-1", UUID(int=1), UUID(int=2), Decimal(5), datetime(2026, 12, 1, tzinfo=UTC))


def after(*events: Event) -> CouponCode | None:
    code: CouponCode | None = None
    for event in events:
        code = evolve(code, event)
    return code


def test_a_code_of_a_pool_keeps_its_number() -> None:
    assert after(Imported("welcome", "A", 7)) == CouponCode(7)
    assert after(Imported("welcome", "A", 7), ISSUED) == CouponCode(7, "M-1")


def test_a_code_that_was_made_has_none() -> None:
    assert after(ISSUED) == CouponCode(None, "M-1")


def test_a_void_code_says_whose_it_was() -> None:
    assert after(ISSUED, Voided("welcome", "A", "M-1")) == CouponCode(None, "M-1", voided=True)


def test_a_slot_is_the_code_in_it() -> None:
    slot = Slot("welcome", 7, "A")
    assert evolve_slot(None, slot) == slot
