"""The stock of a coupon or a reward: how many were given, and which of a coupon's imported codes is next."""

from typing import ClassVar, assert_never

from msgspec import Struct


class Supplied(Struct, frozen=True, gc=False, array_like=True):
    """Codes came into a coupon's pool, numbered on from those it had."""

    tag: ClassVar[str] = "stock.supplied"
    kind: str
    code: str
    count: int


class Taken(Struct, frozen=True, gc=False, array_like=True):
    """What one batch of decisions gave. Of a pool, they are the next codes in order."""

    tag: ClassVar[str] = "stock.taken"
    kind: str
    code: str
    count: int


class Returned(Struct, frozen=True, gc=False, array_like=True):
    """A grant was cancelled. A reward is there again; a coupon's code stays used, its stock limit counts one less."""

    tag: ClassVar[str] = "stock.returned"
    kind: str
    code: str
    count: int


Event = Supplied | Taken | Returned


class Stock(Struct, frozen=True, gc=False, array_like=True):
    """`given` is what limits count; `supplied` and `next` (from 1) are of a pool of codes."""

    given: int = 0
    supplied: int = 0
    next: int = 1


NOTHING = Stock()


def evolve(stock: Stock | None, event: Event) -> Stock:
    was = stock or NOTHING
    match event:
        case Supplied():
            return Stock(was.given, was.supplied + event.count, was.next)
        case Taken():
            return Stock(was.given + event.count, was.supplied, was.next + event.count)
        case Returned():
            return Stock(was.given - event.count, was.supplied, was.next)
        case _:
            assert_never(event)
