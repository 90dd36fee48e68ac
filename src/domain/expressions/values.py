"""The values an expression works on: decimals, text, booleans and instants, and how values of two kinds meet.

A value whose type is known only at run time may hold a number or an instant as text, because JSON has neither.
So text that is a plain number meets a number as that number, and RFC 3339 text meets an instant as that instant.
"""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from domain.values.amounts import EXACT, fault

WHOLE_DIGITS = 60

ARITHMETIC = EXACT.copy()
"""The exact context, bounded: a result of more than 60 whole digits overflows, one below 10 ** -200 loses digits."""
ARITHMETIC.Emax = WHOLE_DIGITS - 1
ARITHMETIC.Emin = -200

_LONGEST_NUMBER = 52
_PLAIN_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


class Type(StrEnum):
    """`ANY` is an attribute whose type is known only at run time."""

    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"
    ANY = "any"


NAMES = {
    Type.NUMBER: "a number",
    Type.TEXT: "text",
    Type.BOOLEAN: "true or false",
    Type.TIMESTAMP: "a timestamp",
    Type.ANY: "a value of any type",
}


def plain_number(text: str) -> Decimal | None:
    """The number that `text` writes in digits with at most one point, within the digits kept for amounts."""
    if len(text) > _LONGEST_NUMBER or not _PLAIN_NUMBER.fullmatch(text):
        return None
    number = Decimal(text)
    return number if fault(number) is None else None


def instant(text: str) -> datetime | None:
    """The instant that `text` writes in RFC 3339, offset included."""
    if not _RFC_3339.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        return None


def as_number(value: object) -> Decimal | None:
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, str):
        return plain_number(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**WHOLE_DIGITS:
        return Decimal(value)
    return None


def as_text(value: object) -> str | None:
    return str(value) if isinstance(value, str) else None


def as_boolean(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def as_timestamp(value: object) -> datetime | None:
    if isinstance(value, str):
        return instant(value)
    if isinstance(value, datetime) and value.utcoffset() is not None:
        return value
    return None


AS: dict[Type, Callable[[object], object]] = {
    Type.NUMBER: as_number,
    Type.TEXT: as_text,
    Type.BOOLEAN: as_boolean,
    Type.TIMESTAMP: as_timestamp,
}
"""How a value found at run time is read as one of a type; None when it is not one."""


def canonical(value: object) -> Decimal | str | bool | datetime | None:
    """`value` as one of the four kinds, text left as text; None when it is none of them."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, datetime):
        return as_timestamp(value)
    return as_number(value)


def described(value: object) -> str:
    known = canonical(value)
    match known:
        case bool():
            return "true or false"
        case Decimal():
            return "a number"
        case datetime():
            return "a timestamp"
        case str():
            return "text"
    return "of a kind that expressions don't know"


def same(left: object, right: object) -> bool:
    """Whether two values are equal. What is absent equals nothing, and no kind equals another but as text writes it."""
    one, other = canonical(left), canonical(right)
    if one is None or other is None or isinstance(one, bool) is not isinstance(other, bool):
        return False
    if isinstance(one, str) is not isinstance(other, str):
        text, known = (one, other) if isinstance(one, str) else (other, one)
        read = instant if isinstance(known, datetime) else plain_number
        return read(str(text)) == known
    return one == other


def in_order(holds: Callable[[object, object], bool], left: object, right: object) -> bool | None:
    """Whether two numbers or two instants stand in an order; None when these values have none."""
    for read in (as_number, as_timestamp):
        one, other = read(left), read(right)
        if one is not None and other is not None:
            return holds(one, other)
    return None


def equality_key(value: object) -> Decimal | str | bool | datetime | None:
    """A key under which all values that equal `value` are found; values that don't may share it.

    The key of what is absent, and of what has no kind, is None, which no literal has.
    """
    known = canonical(value)
    if isinstance(known, str):
        number = plain_number(known)
        if number is not None:
            return number
        return instant(known) or known
    return known
