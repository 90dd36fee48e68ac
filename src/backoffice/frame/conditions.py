"""Conditions of expressions, and lists of names, in words."""

import re
from collections.abc import Sequence
from typing import Any

_NAME = re.compile(r"[^\W\d]\w*(\.\w+)*")
"""What an expression is that only names something."""


_OPERATORS = {
    "eq": "is",
    "ne": "is not",
    "gt": "is more than",
    "gte": "is at least",
    "lt": "is less than",
    "lte": "is at most",
    "in": "is",
    "not_in": "is not",
    "contains": "contains",
    "starts_with": "starts with",
    "ends_with": "ends with",
    "exists": "is there",
    "not_exists": "is not there",
}


def condition(asked: Any, *, among_others: bool = False) -> str:  # noqa: ANN401  JSON, checked when it was saved
    """A filter or condition, as it was stated."""
    if "expression" in asked:
        return str(asked["expression"])
    for key, last in (("all", "and"), ("any", "or")):
        if key in asked:
            return _joined(asked[key], last, among_others=among_others)
    name = short_name(str(asked["attribute"]))
    value = asked.get("value")
    values = [str(each) for each in (value if isinstance(value, list) else [value]) if each is not None]
    return f"{name} {_OPERATORS[asked['operator']]} {listed(values, 'or')}".strip()


def _joined(parts: Sequence[Any], last: str, *, among_others: bool) -> str:
    if not parts:
        return "nothing is asked"
    if len(parts) == 1:
        return condition(parts[0], among_others=among_others)
    text = f" {last} ".join(condition(part, among_others=True) for part in parts)
    return f"({text})" if among_others else text


def short_name(source: str) -> str:
    """The last part of a name, `total` of `transaction.total`; an expression as it is."""
    return source.rpartition(".")[2] if _NAME.fullmatch(source) else source


def listed(names: Sequence[str], last: str) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"
