"""Facts: what members did, and its kind."""

from enum import StrEnum

from msgspec import Struct


class FactKind(StrEnum):
    TRANSACTION = "transaction"
    EVENT = "event"


class Fact(Struct, frozen=True, gc=False, array_like=True):
    """A fact by its kind and the caller's id."""

    kind: FactKind
    id: str
