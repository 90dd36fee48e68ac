"""Bodies read exactly: decimals without floats, instants with offset, every fault with its place.

`Amount`, `Instant`, `AttributeValue` and `Formula` are what a body's fields are annotated with wherever one of them is
taken in. To type checkers they are `Decimal`, `datetime`, `str | bool` and `str`; to msgspec they are types that only
`_read` can make, so there is no field of theirs that goes unchecked.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum
from functools import cache
from itertools import islice
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, TypeVar, Union, cast, get_args, get_origin

import msgspec
from msgspec import Meta, Struct, structs

from application.wording import LONGEST_QUOTE, in_words, shortened
from domain.amounts import WHOLE_DIGITS, fault
from domain.attributes import TEXT_LENGTH
from domain.expressions.tokens import MOST_CHARACTERS
from domain.problems import Invalid, Problem

T = TypeVar("T")

Kind: TypeAlias = Any
"""Whatever may annotate a field: a class, a union, an annotated or generic type."""

REPORTED_PROBLEMS = 50
LONGEST_NUMBER = 100
DEEPEST_FAULT = 60

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?", re.ASCII)
_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,30})?", re.ASCII)
_ESCAPED_NUL = b"\\u0000"
_MARK = b"\xef\xbb\xbf"
_BYTE = re.compile(r"\(byte (\d+)\)")

if TYPE_CHECKING:
    Amount: TypeAlias = Decimal
    Instant: TypeAlias = datetime
    AttributeValue: TypeAlias = str | bool
    Formula: TypeAlias = str
else:

    class _Accepts(type):
        """A type whose instances are those of `accepted`, so that msgspec takes them from `_read`."""

        accepted: tuple[type, ...]

        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, cls.accepted)

    class Amount(metaclass=_Accepts):
        """A JSON string or number that writes a finite decimal within the digits kept for amounts."""

        accepted = (Decimal,)

    class Instant(metaclass=_Accepts):
        """An RFC 3339 instant with offset; read as UTC."""

        accepted = (datetime,)

    class AttributeValue(metaclass=_Accepts):
        """A string, number or boolean; numbers are kept as the text that writes them."""

        accepted = (str, bool)

    class Formula(metaclass=_Accepts):
        """A number or an expression; numbers are kept as the text that writes them."""

        accepted = (str,)


Identifier = Annotated[str, Meta(min_length=1, max_length=100)]
"""An id or sku the caller chose."""

Code = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}(?![\s\S])",
        max_length=100,
        description="1 to 100 letters, digits, `_`, `.` or `-`, a letter or digit first",
    ),
]
"""The code of a catalogue entry: it appears in paths, expressions and listings.

Its pattern ends where nothing follows: `$` would let a line's end follow.
"""

Name = Annotated[str, Meta(min_length=1, max_length=200)]
"""What people call something."""

Text = Annotated[str, Meta(max_length=4000)]
"""A description or a reason."""


class Body(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The base of what is taken in: frozen, and a field it does not have is refused."""


class Malformed(Exception):  # noqa: N818  an expected refusal
    """Not JSON: `detail` says why, `line` and `column` (from 1) say where, where that is known."""

    def __init__(self, detail: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.line = line
        self.column = column


def decode(kind: type[T], body: bytes) -> T:
    """`body` as a `kind`; `Malformed` when it is no JSON, `Invalid` with every fault when it is another thing.

    Of a name that an object holds twice the last one counts, as in most readers of JSON.
    """
    try:
        decoded = _decoder(cast(Any, kind)).decode(body)
    except msgspec.ValidationError as error:
        raise Invalid(_all_faults(kind, body, error)) from None
    except msgspec.DecodeError as error:
        raise _malformed(body, str(error)) from None
    except UnicodeDecodeError:
        raise Malformed("not UTF-8") from None
    except RecursionError:
        raise Malformed("nested too deeply") from None
    if _ESCAPED_NUL in body and (problems := list(_nul_faults(_untyped(body), ""))):
        raise Invalid(problems)
    return cast(T, decoded)


@cache
def _decoder(kind: Kind) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, strict=True, dec_hook=_read, float_hook=Decimal)


@cache
def _untyped_decoder() -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(strict=True, float_hook=Decimal)


def _untyped(body: bytes) -> object:
    return _untyped_decoder().decode(body)


def _read(kind: Kind, value: object) -> object:
    """What a field of one of our types holds; `ValueError` says what is allowed."""
    if kind is Amount:
        return read_amount(value)
    if kind is Instant:
        return read_instant(value)
    if kind is AttributeValue:
        return _read_attribute(value)
    if kind is Formula:
        return _read_formula(value)
    raise NotImplementedError(kind)


def read_amount(value: object) -> Decimal:
    """The amount that a string or number writes, plain and without negative zero; `ValueError` says what is allowed."""
    if isinstance(value, str):
        if _PLAIN_NUMBER.fullmatch(value):
            plain = Decimal(value)
            return plain or plain.copy_abs()
        if len(value) > LONGEST_NUMBER or not _NUMBER.fullmatch(value):
            raise ValueError('must be a decimal number, such as "49.90"')
        amount = Decimal(value)
    elif isinstance(value, Decimal):
        amount = value
    elif isinstance(value, int) and not isinstance(value, bool):
        amount = Decimal(value)
    else:
        raise ValueError('must be a decimal number, such as "49.90"')  # noqa: TRY004  msgspec adds the place to ValueError
    if detail := fault(amount):
        raise ValueError(detail)
    if not amount:
        return amount.copy_abs()
    return amount if cast(int, amount.as_tuple().exponent) <= 0 else Decimal(format(amount, "f"))


def read_instant(value: object) -> datetime:
    """The instant in UTC that an RFC 3339 text with offset writes; `ValueError` says what is allowed."""
    if not isinstance(value, str):
        raise ValueError("must be an instant with offset, such as 2026-09-01T10:00:00+02:00")  # noqa: TRY004  as above
    try:
        instant = msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        raise ValueError("must be an instant with offset, such as 2026-09-01T10:00:00+02:00") from None
    if instant.tzinfo is None:
        raise ValueError("must have an offset, such as Z or +02:00")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie in the years 1 to 9999 in UTC") from None


def _read_attribute(value: object) -> str | bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, Decimal)):
        return format(read_amount(value), "f")
    if not isinstance(value, str):
        raise ValueError("must be a string, a number or a boolean")  # noqa: TRY004  as above
    if len(value) > TEXT_LENGTH:
        raise ValueError(f"must have at most {TEXT_LENGTH} characters")
    return value


def _read_formula(value: object) -> str:
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return format(read_amount(value), "f")
    if not isinstance(value, str) or not 1 <= len(value) <= MOST_CHARACTERS:
        raise ValueError(f"must be a number, or an expression of 1 to {MOST_CHARACTERS} characters")
    return value


def _malformed(body: bytes, message: str) -> Malformed:
    match = _BYTE.search(message)
    if match is None:
        if not body:
            return Malformed("the body is empty; it must be JSON")
        if b"\\u" in body and b"\\ud" in body.lower():
            return Malformed("ends too early, or holds half of a surrogate pair")
        return Malformed("ends too early", *_line_and_column(body, len(body)))
    if body.startswith(_MARK):
        return Malformed("begins with a byte order mark; send it without")
    reason = message[: match.start()].removeprefix("JSON is malformed: ").strip()
    return Malformed(reason, *_line_and_column(body, int(match[1])))


def _line_and_column(body: bytes, offset: int) -> tuple[int, int]:
    before = body[:offset]
    return before.count(b"\n") + 1, offset - before.rfind(b"\n")


def _nul_faults(data: object, pointer: str) -> Iterator[Problem]:
    if isinstance(data, str):
        if "\x00" in data:
            yield Problem(pointer, "must not hold the character NUL", "nul")
    elif isinstance(data, dict):
        for name, value in data.items():
            if "\x00" in name:
                yield Problem(pointer, "a field's name must not hold the character NUL", "nul")
            yield from _nul_faults(value, _below(pointer, name))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from _nul_faults(value, f"{pointer}/{number}")


def _all_faults(kind: Kind, body: bytes, error: msgspec.ValidationError) -> list[Problem]:
    """Every fault, found by walking the data beside its type: msgspec itself stops at the first."""
    try:
        data = _untyped(body)
    except (msgspec.ValidationError, RecursionError):
        return [_first_fault(str(error))]
    except msgspec.DecodeError as malformed:
        raise _malformed(body, str(malformed)) from None
    return list(islice(_faults(kind, data, "", 0), REPORTED_PROBLEMS)) or [_first_fault(str(error))]


def _first_fault(message: str, kind: Kind = Any) -> Problem:
    """What msgspec says about a value of `kind`, with the place within it."""
    detail, _, path = message.partition(" - at `$")
    parts = re.findall(r"\.([^.\[\]`]+)|\[(\d+)\]", path)
    form = next((meta.description for meta in _bare(kind)[1] if meta.description), None)
    return Problem(
        "".join(_below("", name or number) for name, number in parts),
        in_words(detail, allowed_values(kind), form),
        "type",
    )


def _faults(kind: Kind, data: object, pointer: str, depth: int) -> Iterator[Problem]:
    """Looks into what holds other values only as far as something is wrong there, so that most are passed over fast."""
    bare, metas = _bare(kind)
    struct = _struct_in(bare, data)
    origin = _origin(bare)
    if depth >= DEEPEST_FAULT:
        yield from _leaf_faults(kind, data, pointer)
    elif struct is not None and isinstance(data, dict):
        if depth and _fits(struct, data):
            return
        yield from _struct_faults(struct, data, pointer, depth)
    elif origin in (list, tuple) and isinstance(data, list):
        bounds: Kind = Annotated[list[Any], *metas] if metas else list[Any]
        yield from list(_leaf_faults(bounds, data, pointer)) or _element_faults(get_args(bare)[0], data, pointer, depth)
    elif origin is dict and isinstance(data, dict):
        bounds = Annotated[dict[str, Any], *metas] if metas else dict[str, Any]
        yield from list(_leaf_faults(bounds, data, pointer)) or _entry_faults(bare, data, pointer, depth)
    elif bare is not msgspec.Raw:
        yield from _leaf_faults(kind, data, pointer)


def _fits(kind: Kind, data: object) -> bool:
    try:
        msgspec.convert(data, kind, strict=True, dec_hook=_read)
    except (msgspec.ValidationError, RecursionError):
        return False
    return True


def _element_faults(kind: Kind, data: list[object], pointer: str, depth: int) -> Iterator[Problem]:
    for number, value in enumerate(data):
        yield from _faults(kind, value, f"{pointer}/{number}", depth + 1)


def _entry_faults(kind: Kind, data: dict[str, object], pointer: str, depth: int) -> Iterator[Problem]:
    if _fits(kind, data):
        return
    name_kind, value_kind = get_args(kind)
    for name, value in data.items():
        below = _below(pointer, shortened(name))
        for found in _leaf_faults(name_kind, name, below):
            yield Problem(below, f"its name {found.detail}", found.code)
        yield from _faults(value_kind, value, below, depth + 1)


def _struct_faults(struct: type[Struct], data: dict[str, object], pointer: str, depth: int) -> Iterator[Problem]:
    config = struct.__struct_config__
    fields = {field.encode_name: field for field in structs.fields(struct)}
    for name, value in data.items():
        if name in fields:
            yield from _faults(fields[name].type, value, _below(pointer, name), depth + 1)
        elif config.forbid_unknown_fields and name != config.tag_field:
            yield Problem(_below(pointer, shortened(name)), _unknown_field(name, fields), "unknown_field")
    for name, field in fields.items():
        if field.required and name not in data:
            yield Problem(_below(pointer, name), "is required", "required")


def _unknown_field(name: str, fields: dict[str, Any]) -> str:
    close = get_close_matches(name, fields, 1) if len(name) <= LONGEST_QUOTE else []
    return f"no such field; did you mean `{close[0]}`?" if close else f"no such field; there are {_listed(fields)}"


def _listed(names: dict[str, Any]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _leaf_faults(kind: Kind, data: object, pointer: str) -> Iterator[Problem]:
    try:
        msgspec.convert(data, kind, strict=True, dec_hook=_read)
    except msgspec.ValidationError as error:
        first = _first_fault(str(error), kind)
        yield Problem(pointer + first.pointer, first.detail, "type")
    except RecursionError:
        yield Problem(pointer, "is nested too deeply", "depth")


def _bare(kind: Kind) -> tuple[Kind, tuple[Any, ...]]:
    """`kind` without alias, annotation and `None`, and the bounds it was annotated with."""
    kind = getattr(kind, "__value__", kind)
    if _origin(kind) is Annotated:
        return get_args(kind)[0], kind.__metadata__
    if _origin(kind) in (Union, UnionType):
        members = [member for member in get_args(kind) if member is not NoneType]
        if len(members) == 1:
            return _bare(members[0])
    return kind, ()


def allowed_values(kind: Kind) -> list[object]:
    """The values that `kind` takes, where they can be listed."""
    bare, _ = _bare(kind)
    if isinstance(bare, type) and issubclass(bare, Enum):
        return [member.value for member in bare]
    if _origin(bare) is Literal:
        return list(get_args(bare))
    if _origin(bare) in (Union, UnionType):
        return [value for member in get_args(bare) for value in allowed_values(member)]
    return []


def _origin(kind: Kind) -> object:
    return get_origin(kind)


def _struct_in(kind: Kind, data: object) -> type[Struct] | None:
    """The struct that `data` is meant to be: `kind` itself, or the one of a union that its tag names."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        return kind
    if _origin(kind) not in (Union, UnionType):
        return None
    members = [kind for kind in get_args(kind) if isinstance(kind, type) and issubclass(kind, Struct)]
    if len(members) == 1:
        return members[0]
    for member in members:
        config = member.__struct_config__
        if isinstance(data, dict) and config.tag_field and data.get(config.tag_field) == config.tag:
            return member
    return None


def _below(pointer: str, name: str) -> str:
    return f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"


def schema_of(kind: Kind) -> dict[str, Any]:
    """The JSON Schema of one of our types, for `msgspec.json.schema`."""
    if kind is Amount:
        bound = 10**WHOLE_DIGITS - 1
        text: dict[str, Any] = {"type": "string", "pattern": f"^{_PLAIN_NUMBER.pattern}$", "examples": ["49.90"]}
        # within both bounds on digits; more decimals than these can only be described for text
        number = {"type": "number", "minimum": -bound, "maximum": bound, "multipleOf": 0.01}
        return {"anyOf": [text, number]}
    if kind is Instant:
        return {"type": "string", "format": "date-time", "examples": ["2026-09-01T10:00:00+02:00"]}
    if kind is AttributeValue:
        return {"anyOf": [{"type": "string", "maxLength": TEXT_LENGTH}, {"type": "number"}, {"type": "boolean"}]}
    if kind is Formula:
        return {"anyOf": [{"type": "string", "minLength": 1, "maxLength": MOST_CHARACTERS}, {"type": "number"}]}
    raise NotImplementedError(kind)
