"""What msgspec says about a value that it does not take, in the words of JSON and with what is allowed."""

import re
from collections.abc import Sequence

from domain.values.amounts import WHOLE_DIGITS

LONGEST_QUOTE = 100
"""Characters of a caller's own text that an error repeats."""

_TYPES = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "decimal": "a decimal number",
    "bool": "true or false",
    "object": "an object",
    "array": "an array",
    "null": "null",
    "uuid": "a UUID",
}
_COUNTED = {"str": "character", "array": "element", "object": "field"}

_TYPE = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_LENGTH = re.compile(r"Expected `(\w+)` of length (>=|<=|==) ([0-9]+)")
_BOUND = re.compile(r"Expected `\w+` (>=|<=) (\S+)")
_WHOLE = {
    "Integer value out of range": f"must have at most {WHOLE_DIGITS} digits before the decimal point",
    "Invalid UUID": "must be a UUID",
}
_ENDS = {">=": "at least", "<=": "at most", "==": "exactly"}


def in_words(detail: str, allowed: Sequence[object] = (), form: str | None = None) -> str:
    """`allowed` are the values that the field takes, where they can be listed; `form` describes its pattern."""
    if match := _TYPE.match(detail):
        return f"must be {_either(match[1].split(' | '), allowed)}, not {_type(match[2])}"
    if match := _LENGTH.match(detail):
        counted = _COUNTED.get(match[1], match[1])
        return f"must have {_ENDS[match[2]]} {match[3]} {counted}{'' if match[3] == '1' else 's'}"
    if match := _BOUND.match(detail):
        return f"must be {_ENDS[match[1]]} {match[2]}"
    if detail.startswith("Invalid enum value"):
        return f"must be {_listed(allowed)}" if allowed else "must be one of the values that are allowed"
    if form and " matching regex " in detail:
        return f"must be {form}"
    return _WHOLE.get(detail, detail[:1].lower() + detail[1:])


def shortened(text: str) -> str:
    """A caller's own text as an error repeats it."""
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…"


def _either(types: list[str], allowed: Sequence[object]) -> str:
    if allowed and "str" in types:
        return " or ".join([_listed(allowed), *(_type(name) for name in types if name != "str")])
    return " or ".join(_type(name) for name in types)


def _type(name: str) -> str:
    return _TYPES.get(name, name)


def _listed(values: Sequence[object]) -> str:
    return " or ".join(f"`{value}`" for value in values)
