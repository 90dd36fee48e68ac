"""Attributes: the flat, named values of members, transactions, item lines and events."""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from domain.values.amounts import amount_in, fault, plain
from domain.values.problems import Problem

Attributes = dict[str, str | bool]
"""Numbers and timestamps are kept as the text they were written in, so that nothing is lost of them."""

ATTRIBUTES = 100
NAME_LENGTH = 100
TEXT_LENGTH = 1000


class AttributeType(StrEnum):
    NUMBER = "number"
    STRING = "string"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"


def number_in(value: object) -> Decimal | None:
    """The amount that `value` writes, plain and without negative zero, or None when it is no amount.

    It may have an exponent: of what was recorded before those were refused, some do.
    """
    if not isinstance(value, str) or value.strip("+-0123456789.eE"):
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    if fault(amount):
        return None
    return plain(amount)


def timestamp_in(value: object) -> datetime | None:
    """The instant that `value` writes with its offset, or None when it is no instant."""
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        return None
    return instant if instant.tzinfo else None


def attribute_problems(attributes: Attributes, types: dict[str, AttributeType], pointer: str) -> list[Problem]:
    """What is wrong with `attributes` where each must be one of `types` and hold a value of its type."""
    return [
        Problem(f"{pointer}/{name}", detail)
        for name, value in attributes.items()
        if (detail := _value_fault(name, value, types))
    ]


def _value_fault(name: str, value: str | bool, types: dict[str, AttributeType]) -> str | None:  # noqa: FBT001  an attribute's value may be a boolean
    match types.get(name):
        case None:
            known = ", ".join(f"`{known}`" for known in types) or "none"
            return f"no attribute `{name}` in this event type; it has: {known}"
        case AttributeType.NUMBER if not isinstance(value, str) or amount_in(value) is None:
            return 'must be a number, such as "35" or "1.5"'
        case AttributeType.BOOLEAN if not isinstance(value, bool):
            return "must be true or false"
        case AttributeType.TIMESTAMP if timestamp_in(value) is None:
            return "must be an instant with offset, such as 2026-09-01T10:00:00+02:00"
        case AttributeType.STRING if not isinstance(value, str):
            return "must be a string"
        case _:
            return None
