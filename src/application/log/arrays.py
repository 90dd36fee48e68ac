"""Arrays in Postgres's binary format, written in bulk: psycopg's own lists cost some ten times as much an item.

The format is that of `array_recv` in PostgreSQL's source: dimensions, null flag, element type, length, lower bound, and
each item with its length in bytes before it, all big-endian.
"""

from collections.abc import Sequence
from struct import Struct, pack, unpack

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEAD = Struct(">iiIii")
_BOOL, _BYTEA, _INT, _TEXT, _UUID = 16, 17, 23, 25, 2950
_LENGTHS = [pack(">i", length) for length in range(4096)]


class Array:
    """An array ready to be sent."""

    __slots__ = ("content",)
    oid = 0

    def __init__(self, content: bytes) -> None:
        self.content = content


class Bools(Array):
    oid = 1000


class Byteas(Array):
    oid = 1001


class Ints(Array):
    oid = 1007


class Texts(Array):
    oid = 1009


class Uuids(Array):
    oid = 2951


def bools(items: Sequence[bool]) -> Bools:
    true, false = b"\0\0\0\1\1", b"\0\0\0\1\0"
    return Bools(_head(_BOOL, len(items)) + b"".join([true if item else false for item in items]))


def byteas(items: Sequence[bytes]) -> Byteas:
    return Byteas(_head(_BYTEA, len(items)) + _prefixed(items))


def ints(items: Sequence[int]) -> Ints:
    count = len(items)
    flat = [4] * (2 * count)
    flat[1::2] = items
    return Ints(_head(_INT, count) + pack(f">{2 * count}i", *flat))


def texts(items: Sequence[bytes]) -> Texts:
    """Each item is already UTF-8, which the connection must have as its encoding."""
    return Texts(_head(_TEXT, len(items)) + _prefixed(items))


def uuids(items: Sequence[bytes]) -> Uuids:
    """Each item is the sixteen bytes of one."""
    length = b"\0\0\0\x10"
    return Uuids(_head(_UUID, len(items)) + (length + length.join(items) if items else b""))


def read_ints(content: bytes) -> tuple[int, ...]:
    """The items of an `int[]` as it comes back; of one that is null, which is no bytes at all, none."""
    count = (len(content) - _HEAD.size) // 8
    return unpack(f">{2 * count}i", content[_HEAD.size :])[1::2] if count > 0 else ()


def register(connection: psycopg.AsyncConnection | psycopg.Connection) -> None:
    for kind in (Bools, Byteas, Ints, Texts, Uuids):
        connection.adapters.register_dumper(kind, _dumper(kind))


def _head(element: int, count: int) -> bytes:
    if not count:
        return pack(">iiI", 0, 0, element)
    return _HEAD.pack(1, 0, element, count, 1)


def _prefixed(items: Sequence[bytes]) -> bytes:
    lengths = _LENGTHS
    return b"".join([(lengths[len(item)] if len(item) < 4096 else pack(">i", len(item))) + item for item in items])


def _dumper(kind: type[Array]) -> type[Dumper]:
    class ArrayDumper(Dumper):
        format = Format.BINARY
        oid = kind.oid

        def dump(self, obj: Array) -> bytes:
            return obj.content

    return ArrayDumper
