"""Ids in paths: an id may hold a slash, which comes escaped and must not split the path when it is unescaped."""

from urllib.parse import unquote

_SLASH = "\udc2f"
"""Stands for an escaped slash while a path is routed. No path that is UTF-8 can hold it."""


def routed(raw_path: bytes) -> str:
    """A path as it was sent, unescaped but for the slashes of ids."""
    kept = raw_path.partition(b"?")[0].decode("ascii", "replace")
    return unquote(kept.replace("%2f", _SLASH).replace("%2F", _SLASH))


def id_of(part: str) -> str:
    """The id that a part of a routed path writes."""
    return part.replace(_SLASH, "/")
