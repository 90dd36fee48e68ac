"""What an expression may name: attributes, open namespaces of attributes, and lists of items."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from domain.expressions.values import Type

Read = Callable[[Any], object]


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
    """The hint "did you mean ...?" for a name that is not among the known ones, or nothing."""
    candidates = list(known)
    by_last_part = {candidate.rpartition(".")[2]: candidate for candidate in reversed(candidates)}
    for wanted, choices in ((name, candidates), (name.rpartition(".")[2], list(by_last_part))):
        close = difflib.get_close_matches(wanted, choices, n=1, cutoff=0.7)
        if close:
            return f"did you mean `{by_last_part.get(close[0], close[0]) if choices is not candidates else close[0]}`?"
    return ""
