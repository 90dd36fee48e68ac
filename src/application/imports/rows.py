"""Cuts a file into rows as its pieces come. A row that is broken does not take the ones after it along."""

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import islice
from typing import Protocol

from msgspec import Struct

from domain.values.problems import Problem

LONGEST_ROW = 1 << 20
"""Bytes; of a longer one only its number is kept."""

MOST_LINES = 100
"""Lines that one row of a CSV may span between quotes."""

MOST_COLUMNS = 200
DELIMITERS = (",", ";", "\t")
BOM = b"\xef\xbb\xbf"

TOO_LONG = Problem("", f"is longer than {LONGEST_ROW} bytes", "too_long")
UNCLOSED = Problem("", f"a quote is not closed within {MOST_LINES} lines", "quote")


class Format(StrEnum):
    NDJSON = "ndjson"
    CSV = "csv"


class Row(Struct, frozen=True, gc=False):
    """`cells` are those of a CSV that are not empty, by column; `problem` is why there is nothing to read in it."""

    number: int
    content: bytes
    cells: Mapping[str, str] | None = None
    problem: Problem | None = None


class Rows(Protocol):
    """`columns` are those of a CSV, once its header has been read."""

    columns: list[str]

    def feed(self, piece: bytes) -> Iterable[Row]:
        """The rows that are complete with the next piece of the file."""

    def end(self) -> Iterable[Row]:
        """The rows that are left."""


class Lines:
    """Lines without their ends; None for one that is too long."""

    def __init__(self) -> None:
        self._rest = b""
        self._dropping = False
        self._begun = False

    def feed(self, piece: bytes) -> list[bytes | None]:
        *complete, self._rest = (self._rest + piece).split(b"\n")
        lines = [self._line(line) for line in complete]
        if len(self._rest) > LONGEST_ROW:
            self._dropping, self._rest = True, b""
        return lines

    def end(self) -> list[bytes | None]:
        return [self._line(self._rest)] if self._rest or self._dropping else []

    def _line(self, line: bytes) -> bytes | None:
        if not self._begun:
            self._begun = True
            line = line.removeprefix(BOM)
        if self._dropping or len(line) > LONGEST_ROW:
            self._dropping = False
            return None
        return line.removesuffix(b"\r")


class NdjsonRows:
    def __init__(self) -> None:
        self.columns: list[str] = []
        self._lines = Lines()
        self._number = 0

    def feed(self, piece: bytes) -> Iterator[Row]:
        yield from self._rows(self._lines.feed(piece))

    def end(self) -> Iterator[Row]:
        yield from self._rows(self._lines.end())

    def _rows(self, lines: list[bytes | None]) -> Iterator[Row]:
        for line in lines:
            self._number += 1
            if line is None:
                yield Row(self._number, b"", problem=TOO_LONG)
            elif line and not line.isspace():
                yield Row(self._number, line)


class CsvRows:
    """Rows by the columns of the header, which is row 1 and is not among them. Rows without content are left out."""

    def __init__(self) -> None:
        self._lines = Lines()
        self._waiting: deque[bytes | None] = deque()
        self._number = 0
        self._delimiter = ","
        self.columns: list[str] = []

    def feed(self, piece: bytes) -> Iterator[Row]:
        self._waiting.extend(self._lines.feed(piece))
        yield from self._rows(ended=False)

    def end(self) -> Iterator[Row]:
        self._waiting.extend(self._lines.end())
        yield from self._rows(ended=True)

    def _rows(self, *, ended: bool) -> Iterator[Row]:
        while self._waiting:
            span = self._span(ended=ended)
            if span is None:
                return
            self._number += 1
            lines = [line or b"" for line in islice(self._waiting, max(span, 1))]
            row = TOO_LONG if self._waiting[0] is None else UNCLOSED if not span else self._read(b"\n".join(lines))
            # What is wrong with a row of several lines is its first line's fault; the others are read anew.
            for _ in range(1 if isinstance(row, Problem) else span):
                self._waiting.popleft()
            if isinstance(row, Problem):
                yield Row(self._number, lines[0], problem=row)
            elif row:
                yield Row(self._number, b"\n".join(lines), row)

    def _span(self, *, ended: bool) -> int | None:
        """How many lines the next row has, 0 when its quotes are never closed; None while that can't be told."""
        quotes = size = 0
        for count, line in enumerate(islice(self._waiting, MOST_LINES), 1):
            if line is None:
                return 1 if count == 1 else 0
            quotes += line.count(b'"')
            size += len(line)
            if quotes % 2 == 0:
                return count
            if size > LONGEST_ROW or count == MOST_LINES:
                return 0
        return 0 if ended else None

    def _read(self, content: bytes) -> dict[str, str] | Problem:
        """The cells that are not empty, none of them for the header; or what is wrong."""
        try:
            text = content.decode()
            if not self.columns:
                self._delimiter = max(DELIMITERS, key=text.count)
            cells = next(csv.reader([text], delimiter=self._delimiter), [])
        except UnicodeDecodeError:
            return Problem("", "is not UTF-8", "encoding")
        except csv.Error as error:
            return Problem("", f"can't be read as CSV: {error}", "csv")
        if not self.columns:
            self.columns = [cell.strip() for cell in cells][:MOST_COLUMNS]
            return {}
        if not text.strip():
            return {}
        if len(cells) != len(self.columns):
            return Problem("", f"has {len(cells)} columns where the header has {len(self.columns)}", "columns")
        return {name: cell for name, cell in zip(self.columns, cells, strict=True) if cell}


def rows_of(kind: Format) -> Rows:
    return CsvRows() if kind is Format.CSV else NdjsonRows()
