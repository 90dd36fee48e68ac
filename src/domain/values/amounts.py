"""Exact decimal amounts: one context for all arithmetic, one check at every edge."""

import re
from decimal import ROUND_DOWN, ROUND_HALF_UP, ROUND_UP, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from enum import StrEnum
from functools import cache

WHOLE_DIGITS = 20
FRACTION_DIGITS = 30

EXACT = Context(prec=200, traps=[InvalidOperation, DivisionByZero, Overflow])
"""Products of three amounts fit in it unrounded. Never the thread's own context: new threads start with 28 digits."""

NUMBER = re.compile(rf"-?[0-9]{{1,{WHOLE_DIGITS}}}(\.[0-9]{{1,{FRACTION_DIGITS}}})?", re.ASCII)
"""How amounts are written: digits with at most one point, and no exponent."""

ZERO = Decimal(0)
ONE = Decimal(1)


class Rounding(StrEnum):
    """How a final figure is brought to an account's decimals; away from zero is `up`, towards it is `down`."""

    HALF_UP = "half_up"
    DOWN = "down"
    UP = "up"


_MODES = {Rounding.HALF_UP: ROUND_HALF_UP, Rounding.DOWN: ROUND_DOWN, Rounding.UP: ROUND_UP}


def fault(amount: Decimal) -> str | None:
    """Why `amount` can't be taken, or None: it must be finite and within the digits kept for amounts."""
    if amount.is_nan():
        return "must be a number"
    if amount.is_infinite():
        return f"must have at most {WHOLE_DIGITS} digits before the decimal point"
    _, digits, exponent = amount.as_tuple()
    assert isinstance(exponent, int)  # noqa: S101  only infinities and NaN have a letter here
    if len(digits) + exponent > WHOLE_DIGITS and any(digits):
        return f"must have at most {WHOLE_DIGITS} digits before the decimal point"
    if -exponent > FRACTION_DIGITS:
        return f"must have at most {FRACTION_DIGITS} digits after the decimal point"
    if exponent > WHOLE_DIGITS:
        return f"must have at most {WHOLE_DIGITS} digits before the decimal point"
    return None


def amount_in(text: str) -> Decimal | None:
    """The amount that `text` writes, without negative zero; None when it writes none."""
    if not NUMBER.fullmatch(text):
        return None
    amount = Decimal(text)
    return amount or amount.copy_abs()


def rounded(amount: Decimal, decimals: int, rounding: Rounding) -> Decimal:
    return amount.quantize(_quantum(decimals), _MODES[rounding], EXACT)


def kept(amount: Decimal) -> Decimal:
    """`amount` with as many digits after the point as are kept: thirds have no end."""
    exponent = amount.as_tuple().exponent
    ends = isinstance(exponent, int) and exponent >= -FRACTION_DIGITS
    return amount if ends else rounded(amount, FRACTION_DIGITS, Rounding.HALF_UP)


@cache
def _quantum(decimals: int) -> Decimal:
    return Decimal((0, (1,), -decimals))


def plain(amount: Decimal) -> Decimal:
    """The same amount with no exponent above 0 (`Decimal("1E+2")` is `Decimal("100")`) and no negative zero."""
    if not amount:
        return amount.copy_abs()
    _, _, exponent = amount.as_tuple()
    return Decimal(format(amount, "f")) if isinstance(exponent, int) and exponent > 0 else amount


def written(amount: Decimal) -> str:
    """Plain notation without trailing zeros after the point: `Decimal("1E+2")` is `100`, `Decimal("2.50")` is `2.5`."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def written_if(amount: Decimal | None) -> str | None:
    return None if amount is None else written(amount)


def written_units(amount: Decimal) -> str:
    """With the decimals that they carry: units carry those of their account from when they were rounded to them."""
    return format(amount, "f")


def written_in(amount: Decimal, decimals: int) -> str:
    """Units with the decimals of their account, where they may not carry them (a sum of none): of 2, `5` is `5.00`."""
    return format(rounded(amount, decimals, Rounding.HALF_UP), "f")


@cache
def nothing_in(decimals: int) -> Decimal:
    """No units of an account with so many decimals."""
    return rounded(ZERO, decimals, Rounding.DOWN)
