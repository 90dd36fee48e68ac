"""Streams' states as they were last seen, bounded. What is in it may be old: the append checks every version.

They are kept as they are stored: made into what decisions read, each would be many small objects, which in time lie
scattered among those that come and go (measured: everything that a process did took a third longer).
"""

from collections import OrderedDict
from collections.abc import Iterable

STATES = 131_072

Kept = tuple[int, str, bytes]
"""A stream's version, and its kind and state as they are stored; 0 and nothing for one that does not exist."""

NOTHING: Kept = (0, "", b"")


class Cache:
    """Those that were not asked for the longest make room."""

    def __init__(self, size: int = STATES) -> None:
        self._size = size
        self._kept: OrderedDict[bytes, Kept] = OrderedDict()

    def find(self, key: bytes) -> Kept | None:
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
        return kept

    def put(self, key: bytes, kept: Kept) -> None:
        self._kept[key] = kept
        self._kept.move_to_end(key)
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)

    def drop(self, keys: Iterable[bytes]) -> None:
        for key in keys:
            self._kept.pop(key, None)

    def clear(self) -> None:
        self._kept.clear()
