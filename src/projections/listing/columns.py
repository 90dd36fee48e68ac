"""Columns of lists: what a list can be filtered and sorted by, and the values that callers name."""

import difflib
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import LiteralString
from uuid import UUID

from msgspec import Struct

from application.bodies.exact import read_amount, read_instant

LONGEST_VALUE = 1000


class ColumnKind(StrEnum):
    """What a column holds; its values are the Postgres types its parameters are cast to.

    `TEXTS` are several, of which a filter asks for one: `ne` finds rows that lack it.
    """

    TEXT = "text"
    TEXTS = "text[]"
    NUMBER = "numeric"
    INTEGER = "bigint"
    INSTANT = "timestamptz"
    BOOLEAN = "boolean"
    UUID = "uuid"


_ORDERED = ("", "ne", "gt", "gte", "lt", "lte", "in")
_OPERATORS = {
    ColumnKind.TEXT: ("", "ne", "in"),
    ColumnKind.TEXTS: ("", "ne", "in"),
    ColumnKind.NUMBER: _ORDERED,
    ColumnKind.INTEGER: _ORDERED,
    ColumnKind.INSTANT: _ORDERED,
    ColumnKind.BOOLEAN: ("",),
    ColumnKind.UUID: ("", "ne", "in"),
}
"""What a column of each kind is filtered by; equality has no name."""


class Column(Struct, frozen=True):
    """A column as callers name it. `expression` is its SQL, its own name if absent; `values` are all it may hold.

    Where a row has several, in a table of their own, `among` is what is so of the row when `{}` is of one of them.
    Where the value follows from others, `cases` has for each value the condition, fit for an index.
    """

    name: str
    kind: ColumnKind = ColumnKind.TEXT
    expression: LiteralString | None = None
    among: LiteralString | None = None
    cases: tuple[tuple[str, LiteralString], ...] = ()
    sortable: bool = False
    filterable: bool = True
    nullable: bool = False
    values: tuple[str, ...] = ()

    def parameters(self) -> dict[str, str]:
        """The query parameters that filter it, with the operator of each."""
        if not self.filterable:
            return {}
        return {f"{self.name}[{operator}]" if operator else self.name: operator for operator in _OPERATORS[self.kind]}

    def read(self, text: str) -> object:
        """The value that `text` writes; `ValueError` says what is allowed."""
        if len(text) > LONGEST_VALUE:
            raise ValueError(f"must have at most {LONGEST_VALUE} characters")
        if self.values and text not in self.values:
            raise ValueError(f"no such value{suggestion(text, self.values)}")
        return _READERS[self.kind](text)


def suggestion(text: str, known: Sequence[str]) -> str:
    """The end of a sentence about an unknown name: the nearest known one, or all of them."""
    close = difflib.get_close_matches(text, known, 1)
    return f"; did you mean {close[0]}?" if close else f"; there are: {', '.join(known) or 'none'}"


def _read_integer(text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        raise ValueError("must be a whole number")
    return int(text)


def _read_boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def _read_uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ValueError("must be a UUID") from None


def _read_moment(text: str) -> object:
    if " " in text and "+" not in text:
        raise ValueError("must be an instant with offset; in a URL, write + as %2B")
    return read_instant(text)


_READERS: dict[ColumnKind, Callable[[str], object]] = {
    ColumnKind.TEXT: str,
    ColumnKind.TEXTS: str,
    ColumnKind.NUMBER: read_amount,
    ColumnKind.INTEGER: _read_integer,
    ColumnKind.INSTANT: _read_moment,
    ColumnKind.BOOLEAN: _read_boolean,
    ColumnKind.UUID: _read_uuid,
}
