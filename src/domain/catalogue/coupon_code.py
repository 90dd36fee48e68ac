"""One code of a coupon, imported or generated: unique for ever."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar, assert_never
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace


class Imported(Struct, frozen=True, gc=False, array_like=True):
    """Came into the coupon's pool as its `number`-th."""

    tag: ClassVar[str] = "coupon_code.imported"
    coupon: str
    code: str
    number: int


class Issued(Struct, frozen=True, gc=False, array_like=True):
    """Given to a member by a campaign's decision."""

    tag: ClassVar[str] = "coupon_code.issued"
    coupon: str
    code: str
    member: str
    campaign: UUID
    decision: UUID
    value: Decimal | None
    valid_until: datetime | None


class Voided(Struct, frozen=True, gc=False, array_like=True):
    """The decision that gave it was cancelled."""

    tag: ClassVar[str] = "coupon_code.voided"
    coupon: str
    code: str
    member: str


Event = Imported | Issued | Voided


class CouponCode(Struct, frozen=True, gc=False, array_like=True):
    number: int | None = None
    member: str | None = None
    voided: bool = False


def evolve(code: CouponCode | None, event: Event) -> CouponCode:
    was = code or CouponCode()
    match event:
        case Imported():
            return replace(was, number=event.number)
        case Issued():
            return replace(was, member=event.member)
        case Voided():
            return replace(was, voided=True)
        case _:
            assert_never(event)


class Slot(Struct, frozen=True, gc=False, array_like=True):
    """Which code is the `number`-th of a coupon's pool."""

    tag: ClassVar[str] = "coupon_code.numbered"
    coupon: str
    number: int
    code: str


def evolve_slot(_: Slot | None, event: Slot) -> Slot:
    return event
