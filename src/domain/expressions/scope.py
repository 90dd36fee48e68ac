"""What an expression may name: attributes, open namespaces of attributes, and lists of items."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from domain.expressions.values import Type

Read = Callable[[Any], object]

MOST_NAMED = 12
"""The most names that a hint lists."""


class Attribute(Struct, frozen=True):
    """An attribute of a known type; `read` fetches its value from the environment, None when it is absent."""

    type: Type
    read: Read


class Namespace(Struct, frozen=True):
    """A prefix under which any name may stand; `read(environment, name)` gives its value, None when it is absent."""

    read: Callable[[Any, str], object]


class Items(Struct, frozen=True):
    """A list of lines. Attributes and namespaces are named as they stand after `item.`, and read from one line."""

    read: Callable[[Any], Iterable[object] | None]
    attributes: Mapping[str, Attribute]
    namespaces: Mapping[str, Namespace] = {}


class Scope(Struct, frozen=True):
    """The names an expression may use, by dotted path, and the time zone (a zoneinfo key) its dates are taken in."""

    attributes: Mapping[str, Attribute]
    namespaces: Mapping[str, Namespace] = {}
    items: Mapping[str, Items] = {}
    time_zone: str = "UTC"

    def attribute(self, path: str) -> Attribute | None:
        return find_attribute(path, self.attributes, self.namespaces)

    def list_of_items(self, path: str) -> tuple[str, Items] | None:
        """The list at `path` and its full name; `items` alone is the transaction's."""
        for name in (path, f"transaction.{path}") if path == "items" else (path,):
            if name in self.items:
                return name, self.items[name]
        return None


def find_attribute(
    path: str, attributes: Mapping[str, Attribute], namespaces: Mapping[str, Namespace]
) -> Attribute | None:
    known = attributes.get(path)
    if known is not None:
        return known
    end = path.find(".")
    while end > 0:
        namespace = namespaces.get(path[:end])
        if namespace is not None and end + 1 < len(path):
            return Attribute(Type.ANY, _reader(namespace.read, path[end + 1 :]))
        end = path.find(".", end + 1)
    return None


def _reader(read: Callable[[Any, str], object], name: str) -> Read:
    return lambda environment: read(environment, name)


def resembling(name: str, known: Iterable[str]) -> str:
    """The hint for a name that is not among the known ones: what it may have meant, else those beside it, or nothing.

    Names are alike by their last part: by the whole, all attributes of one thing resemble each other.
    """
    candidates = list(known)
    prefix, _, last = name.rpartition(".")
    alike = difflib.get_close_matches(last, {candidate.rpartition(".")[2] for candidate in candidates}, n=1, cutoff=0.7)
    if alike:
        named = [candidate for candidate in candidates if candidate.rpartition(".")[2] == alike[0]]
        best = max(named, key=lambda candidate: difflib.SequenceMatcher(None, name, candidate).ratio())
        return f"did you mean `{best}`?"
    beside = [f"`{candidate}`" for candidate in candidates if candidate.rpartition(".")[0] in (prefix, name)]
    return f"there are {', '.join(beside)}" if 0 < len(beside) <= MOST_NAMED else ""
