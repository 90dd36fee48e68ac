"""Types of columns: how a whole column of values is sent to Postgres as one array in its binary format.

The format is that of `array_recv` in PostgreSQL's source. psycopg's own lists cost some ten times as much an item.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from struct import Struct, pack
from typing import Any
from uuid import UUID

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

NULL = b"\xff\xff\xff\xff"

_HEAD = Struct(">iiIii").pack
_INT = Struct(">ii").pack
_BIGINT = Struct(">iq").pack
_LENGTHS = [pack(">i", length) for length in range(4096)]
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class ColumnValues:
    """A column's values, ready to be sent."""

    __slots__ = ("content",)

    def __init__(self, content: bytes) -> None:
        self.content = content


class ColumnType:
    """A type of column. `cast` is applied where values travel as another type; None always travels as null."""

    def __init__(
        self, element: int, array: int, items: Callable[[Sequence[Any]], list[bytes]], cast: str | None = None
    ) -> None:
        self.cast = cast
        self._element = element
        self._items = items
        self._sent: type[ColumnValues] = type("Sent", (ColumnValues,), {})
        self.dumper: type[Dumper] = type("SentDumper", (_ValuesDumper,), {"oid": array})

    def values(self, values: Sequence[Any]) -> ColumnValues:
        """`values` has at least one."""
        return self._sent(_HEAD(1, 1, self._element, len(values), 1) + b"".join(self._items(values)))

    def register(self, connection: psycopg.Connection[Any]) -> None:
        connection.adapters.register_dumper(self._sent, self.dumper)


class _ValuesDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: ColumnValues) -> bytes:
        return obj.content


def _bytes(content: bytes) -> bytes:
    length = len(content)
    return (_LENGTHS[length] if length < 4096 else pack(">i", length)) + content


def _uuids(values: Sequence[UUID | None]) -> list[bytes]:
    return [NULL if value is None else b"\0\0\0\x10" + value.bytes for value in values]


def _texts(values: Sequence[str | None]) -> list[bytes]:
    return [NULL if value is None else _bytes(value.encode()) for value in values]


def _text_arrays(values: Sequence[Sequence[str] | None]) -> list[bytes]:
    return [NULL if value is None else _array(tuple(value)) for value in values]


@lru_cache(maxsize=1024)
def _array(texts: tuple[str, ...]) -> bytes:
    escaped = [text.replace("\\", "\\\\").replace('"', '\\"') for text in texts]
    return _bytes(("{" + ",".join(f'"{text}"' for text in escaped) + "}").encode())


def _documents(values: Sequence[bytes | None]) -> list[bytes]:
    return [NULL if value is None else _bytes(value) for value in values]


def _numbers(values: Sequence[Decimal | None]) -> list[bytes]:
    return [NULL if value is None else _bytes(str(value).encode()) for value in values]


def _ints(values: Sequence[int | None]) -> list[bytes]:
    return [NULL if value is None else _INT(4, value) for value in values]


def _bigints(values: Sequence[int | None]) -> list[bytes]:
    return [NULL if value is None else _BIGINT(8, value) for value in values]


def _booleans(values: Sequence[bool | None]) -> list[bytes]:
    return [NULL if value is None else b"\0\0\0\1\1" if value else b"\0\0\0\1\0" for value in values]


def _instants(values: Sequence[datetime | None]) -> list[bytes]:
    return [NULL if value is None else _BIGINT(8, _microseconds(value)) for value in values]


def _microseconds(instant: datetime) -> int:
    return (instant - _FIRST) // _MICROSECOND


BOOLEAN = ColumnType(16, 1000, _booleans)
BIGINT = ColumnType(20, 1016, _bigints)
INT = ColumnType(23, 1007, _ints)
TEXT = ColumnType(25, 1009, _texts)
INSTANT = ColumnType(1184, 1185, _instants)
UUIDS = ColumnType(2950, 2951, _uuids)
TEXTS = ColumnType(25, 1009, _text_arrays, "text[]")
NUMERIC = ColumnType(25, 1009, _numbers, "numeric")
JSON = ColumnType(25, 1009, _documents, "jsonb")
"""Values are UTF-8 that the fold has encoded."""

COLUMNS = (BOOLEAN, BIGINT, INT, TEXT, INSTANT, UUIDS, TEXTS, NUMERIC, JSON)


def register(connection: psycopg.Connection[Any]) -> None:
    """Teaches the connection to send every type of column; its encoding must be UTF-8."""
    for column in COLUMNS:
        column.register(connection)
