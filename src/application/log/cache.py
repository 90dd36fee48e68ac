"""Streams' states as they were last seen, bounded. What is in it may be old: the append checks every version."""

from collections.abc import Iterable
from typing import Any

STATES = 50_000

Seen = tuple[int, Any]
"""A stream's version (0 when it does not exist) and its state."""


class Cache:
    """Two generations: when the young one is full it becomes the old one, and what was not asked for since is gone."""

    def __init__(self, size: int = STATES) -> None:
        self._half = size // 2
        self._young: dict[int, Seen] = {}
        self._old: dict[int, Seen] = {}

    def find(self, key: int) -> Seen | None:
        seen = self._young.get(key)
        if seen is None and (seen := self._old.get(key)) is not None:
            self.put(key, seen)
        return seen

    def put(self, key: int, seen: Seen) -> None:
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        self._young[key] = seen

    def drop(self, keys: Iterable[int]) -> None:
        for key in keys:
            self._young.pop(key, None)
            self._old.pop(key, None)

    def clear(self) -> None:
        self._young.clear()
        self._old.clear()
