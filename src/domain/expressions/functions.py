"""The functions of values that the language offers, and how each is written."""

from collections.abc import Callable
from datetime import datetime, tzinfo
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from msgspec import Struct

from domain.expressions.values import ARITHMETIC, Type
from domain.values.amounts import ONE

MOST_ARGUMENTS = 20


class Function(Struct, frozen=True):
    """A function of values; `apply` takes them in order, after the time zone when `zoned`.

    An absent argument gives `absent`; when that is `NotImplemented` it is a failure.
    """

    usage: str
    parameters: tuple[Type, ...]
    result: Type
    apply: Callable[..., object]
    absent: object = None
    zoned: bool = False
    repeats: bool = False


def _rounded(number: Decimal, digits: Decimal = Decimal(0)) -> Decimal:
    return number.quantize(ONE.scaleb(-int(digits)), rounding=ROUND_HALF_UP, context=ARITHMETIC)


def _floor(number: Decimal) -> Decimal:
    return number.quantize(ONE, rounding=ROUND_FLOOR, context=ARITHMETIC)


def _ceil(number: Decimal) -> Decimal:
    return number.quantize(ONE, rounding=ROUND_CEILING, context=ARITHMETIC)


def _days_between(zone: tzinfo, start: datetime, end: datetime) -> Decimal:
    return Decimal((end.astimezone(zone).date() - start.astimezone(zone).date()).days)


def _of_numbers(usage: str, apply: Callable[..., object], *, repeats: bool = False) -> Function:
    return Function(usage, (Type.NUMBER,), Type.NUMBER, apply, absent=NotImplemented, repeats=repeats)


def _of_text(usage: str, result: Type, apply: Callable[..., object]) -> Function:
    return Function(usage, (Type.TEXT,), result, apply)


def _test_of_text(usage: str, apply: Callable[..., object]) -> Function:
    return Function(usage, (Type.TEXT, Type.TEXT), Type.BOOLEAN, apply, absent=False)


def _of_date(usage: str, part: Callable[[datetime], int]) -> Function:
    return Function(
        usage,
        (Type.TIMESTAMP,),
        Type.NUMBER,
        lambda zone, moment: Decimal(part(moment.astimezone(zone))),
        zoned=True,
    )


FUNCTIONS: dict[str, Function] = {
    "min": _of_numbers("min(a, b, ...)", lambda *numbers: min(numbers), repeats=True),
    "max": _of_numbers("max(a, b, ...)", lambda *numbers: max(numbers), repeats=True),
    "abs": _of_numbers("abs(number)", Decimal.copy_abs),
    "floor": _of_numbers("floor(number)", _floor),
    "ceil": _of_numbers("ceil(number)", _ceil),
    "lower": _of_text("lower(text)", Type.TEXT, str.lower),
    "upper": _of_text("upper(text)", Type.TEXT, str.upper),
    "trim": _of_text("trim(text)", Type.TEXT, str.strip),
    "length": _of_text("length(text)", Type.NUMBER, lambda text: Decimal(len(text))),
    "contains": _test_of_text("contains(text, part)", lambda text, part: part in text),
    "starts_with": _test_of_text("starts_with(text, beginning)", str.startswith),
    "ends_with": _test_of_text("ends_with(text, ending)", str.endswith),
    "year": _of_date("year(timestamp)", lambda moment: moment.year),
    "month": _of_date("month(timestamp)", lambda moment: moment.month),
    "day": _of_date("day(timestamp)", lambda moment: moment.day),
    "weekday": _of_date("weekday(timestamp)", lambda moment: moment.isoweekday()),
    "hour": _of_date("hour(timestamp)", lambda moment: moment.hour),
    "days_between": Function(
        "days_between(start, end)", (Type.TIMESTAMP, Type.TIMESTAMP), Type.NUMBER, _days_between, zoned=True
    ),
}
ROUND = Function("round(number, digits)", (Type.NUMBER, Type.NUMBER), Type.NUMBER, _rounded, absent=NotImplemented)

SPECIAL = {
    "round": ROUND.usage,
    "has": "has(attribute)",
    "timestamp": 'timestamp("2026-01-31T09:00:00Z")',
    "date": 'date("2026-01-31")',
}
"""Functions whose arguments are more than values, and how they are written."""

OF_ITEMS = {
    "count": "count(items, condition)",
    "sum": 'sum(items, "subtotal", condition)',
    "distinct": 'distinct(items, "product", condition)',
    "any": "any(items, condition)",
    "all": "all(items, condition)",
}
"""Functions of a list of items; the condition of the first three may be left out."""

ALL_NAMES = (*FUNCTIONS, *SPECIAL, *OF_ITEMS)
