"""Streams' states as they were last seen, bounded. What is in it may be old: the append checks every version."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

STATES = 65_536

Seen = tuple[int, Any]
"""A stream's version (0 when it does not exist) and its state."""


class Cache:
    """Those that were not asked for the longest make room."""

    def __init__(self, size: int = STATES) -> None:
        self._size = size
        self._seen: OrderedDict[int, Seen] = OrderedDict()

    def find(self, key: int) -> Seen | None:
        seen = self._seen.get(key)
        if seen is not None:
            self._seen.move_to_end(key)
        return seen

    def put(self, key: int, seen: Seen) -> None:
        self._seen[key] = seen
        self._seen.move_to_end(key)
        if len(self._seen) > self._size:
            self._seen.popitem(last=False)

    def drop(self, keys: Iterable[int]) -> None:
        for key in keys:
            self._seen.pop(key, None)

    def clear(self) -> None:
        self._seen.clear()
