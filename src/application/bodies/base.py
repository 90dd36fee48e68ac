"""What the bodies of all callers have in common, and the shapes that several of them use.

A body that was decoded (`exact.decode`) has the right types within its bounds; what its fields say together is checked
when it is turned into the domain's own struct, which raises `domain.values.problems.Invalid`.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from application.bodies.exact import (
    Amount,
    AttributeValue,
    Body,
    Code,
    Name,
    Text,
)
from domain.catalogue.entries import (
    MOST_REFERENCES,
)
from domain.expressions.tokens import MOST_CHARACTERS
from domain.facts.transaction import Status
from domain.values.amounts import fault
from domain.values.attributes import ATTRIBUTES
from domain.values.interval import IntervalUnit
from domain.values.problems import Invalid, Problem
from domain.values.texts import MOST_LOCALES

T = TypeVar("T")

LONGEST_REASON = 500
DEEPEST_FILTER = 64
LARGEST_INTEGER = 2**63 - 1
"""The largest that the log keeps as an integer."""

AttributeName = Annotated[
    str,
    Meta(
        pattern=r"^\w[\w.-]*(?![\s\S])",
        max_length=100,
        description="letters, digits, `_`, `.` or `-`, a letter, digit or `_` first",
    ),
]
Attributes = Annotated[dict[AttributeName, AttributeValue], Meta(max_length=ATTRIBUTES)]
Codes = Annotated[tuple[Code, ...], Meta(max_length=MOST_REFERENCES)]
DurationText = Annotated[str, Meta(max_length=40)]
Expression = Annotated[str, Meta(min_length=1, max_length=MOST_CHARACTERS)]
Label = Annotated[str, Meta(min_length=1, max_length=100)]


_ARRIVALS = {"pending": Status.PENDING, "accepted": Status.ACCEPTED}


class EmptyBody(Body, frozen=True):
    """Nothing: the path says it all."""


def as_domain(body: Body, kind: type[T]) -> T:
    """The domain's own struct with what a body says.

    The fields of both have the same names: a body has the bounds of what is taken in, and the domain's is what is kept.
    """
    return msgspec.convert(body, kind, from_attributes=True)


def keepable(value: Any, depth: int = 0) -> Any:  # noqa: ANN401  decoded JSON
    """A filter as the log can keep it: of its numbers, those that are no integers of 64 bits become text.

    What no filter may hold, or deeper than it may, is left as it is, to be refused with its place.
    """
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return _keepable_number(value)
    if depth < DEEPEST_FILTER:
        if isinstance(value, dict):
            return {name: keepable(part, depth + 1) for name, part in value.items()}
        if isinstance(value, list):
            return [keepable(part, depth + 1) for part in value]
    return value


def _keepable_number(value: int | Decimal) -> int | Decimal | str:
    amount = Decimal(value)
    if fault(amount):
        return value
    if amount == amount.to_integral_value() and -LARGEST_INTEGER <= amount <= LARGEST_INTEGER:
        return int(amount)
    return f"{amount:f}"


def check(problems: Iterator[Problem]) -> None:
    if found := list(problems):
        raise Invalid(found)


def is_negative(amount: Decimal | None) -> bool:
    return amount is not None and amount < 0


def negative(pointer: str) -> Problem:
    return Problem(pointer, "must be 0 or more", "negative")


LONGEST_INTERVAL = 366
"""Units, of whichever there may be most of."""


Locale = Annotated[str, Meta(max_length=35)]


class TextBody(Body, frozen=True):
    """What is shown in one locale."""

    name: Name | None = None
    description: Text | None = None


Translations = Annotated[dict[Locale, TextBody], Meta(max_length=MOST_LOCALES)]


class IntervalBody(Body, frozen=True):
    """The current calendar unit and the `n - 1` before it."""

    unit: IntervalUnit
    n: Annotated[int, Meta(ge=1, le=LONGEST_INTERVAL)] = 1


class LimitBody(Body, frozen=True):
    """At most `value`, for life or per interval."""

    value: Amount
    interval: IntervalBody | None = None
