"""Figures as they are written on pages: exactly, and grouped by thousands."""

from collections.abc import Iterable
from decimal import Decimal

from domain.values.amounts import EXACT, written


def figure(value: str | float | Decimal, decimals: int | None = None) -> str:
    """Grouped by thousands, exactly as it is, or with at least an account's `decimals`."""
    amount = Decimal(value)
    text = written(amount)
    whole, _, fraction = text.partition(".")
    fraction = fraction.ljust(decimals or 0, "0")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    grouped = f"{sign}{int(digits):,}"
    return f"{grouped}.{fraction}" if fraction else grouped


def counted(value: str | float | Decimal, noun: str) -> str:
    """How many of something: `1 member`, `1,200 members`."""
    return f"{figure(value)} {noun}{'' if Decimal(value) == 1 else 's'}"


def signed(value: str | Decimal, decimals: int | None = None) -> str:
    """With a sign also when it is more than nothing."""
    text = figure(value, decimals)
    return f"+{text}" if Decimal(value) > 0 else text


def total(values: Iterable[str]) -> str:
    """The exact sum of figures."""
    added = Decimal(0)
    for value in values:
        added = EXACT.add(added, Decimal(value))
    return format(added, "f")
