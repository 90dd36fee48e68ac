"""Bodies read exactly: decimals without floats, instants with offset, every fault with its place.

`Amount`, `Instant`, `DefinitionId`, `AttributeValue` and `Formula` are what a body's fields are annotated with wherever
one of them is taken in. To type checkers they are `Decimal`, `datetime`, `UUID`, `str | bool` and `str`; to msgspec
they are types that only `reading` can make, so there is no field of theirs that goes unchecked.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from difflib import get_close_matches
from enum import Enum
from functools import cache
from itertools import chain
from types import MappingProxyType, NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Generic,
    Literal,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
)
from uuid import UUID

import msgspec
from msgspec import Meta, Struct, structs

from application.bodies.wording import LONGEST_QUOTE, in_words, shortened
from domain.expressions.tokens import MOST_CHARACTERS
from domain.values.amounts import NUMBER, WHOLE_DIGITS, amount_in, fault, plain
from domain.values.attributes import TEXT_LENGTH
from domain.values.problems import Invalid, Problem

T = TypeVar("T")

Kind: TypeAlias = Any
"""Whatever may annotate a field: a class, a union, an annotated or generic type."""

REPORTED_PROBLEMS = 50
STREAM_UUID = 5
"""The version of the UUIDs that identify streams; a definition's id of that version could be another's stream."""

_WRITTEN_UUID = 36

LONGEST_INTEGER = 4_000
"""Digits of what is read as an integer: beyond, that takes long, and Python refuses to."""

_NUMBERS = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
"""Reads every number, whatever its exponent: what is beyond all bounds is infinite or next to nothing, which `fault`
finds."""
DEEPEST_FAULT = 60

_ESCAPED_NUL = b"\\u0000"
_MARK = b"\xef\xbb\xbf"
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_NOT_CONVERTED = (msgspec.ValidationError, RecursionError, UnicodeEncodeError)
_BYTE = re.compile(r"\(byte (\d+)\)")

if TYPE_CHECKING:
    Amount: TypeAlias = Decimal
    Instant: TypeAlias = datetime
    DefinitionId: TypeAlias = UUID
    AttributeValue: TypeAlias = str | bool
    Formula: TypeAlias = str
else:

    class _Accepts(type):
        """A type whose instances are those of `accepted`, so that msgspec takes them from `reading`."""

        accepted: tuple[type, ...]

        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, cls.accepted)

    class Amount(metaclass=_Accepts):
        """A JSON string or number that writes a finite decimal within the digits kept for amounts."""

        accepted = (Decimal,)

    class Instant(metaclass=_Accepts):
        """An RFC 3339 instant with offset; read as UTC."""

        accepted = (datetime,)

    class DefinitionId(metaclass=_Accepts):
        """The UUID that a caller gives a definition; of no version that another's stream could have."""

        accepted = (UUID,)

    class AttributeValue(metaclass=_Accepts):
        """A string, number or boolean; numbers are kept as the text that writes them."""

        accepted = (str, bool)

    class Formula(metaclass=_Accepts):
        """A number or an expression; numbers are kept as the text that writes them."""

        accepted = (str,)


_UNSEEN = r"\s\x00\x1c-\x1f\x85\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
"""White space, and what else formats text and can't be seen. What dialects of patterns don't agree on to be white space
is named.
"""

Identifier = Annotated[
    str,
    Meta(
        pattern=rf"^[^{_UNSEEN}](?:[^\x00]*[^{_UNSEEN}])?(?![\s\S])",
        min_length=1,
        max_length=100,
        description="1 to 100 characters, with no white space at either end",
    ),
]
"""An id or sku the caller chose. What can't be seen at its ends would make two of what people see as one."""

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
    """The base of what is taken in: frozen, and a field it does not have is refused.

    `depends` names, by field, those that can't be judged where that one can't be read.
    """

    depends: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType({})


class Misread(Invalid, Generic[T]):
    """`data` is no `kind`: every fault of it, and both, so that what is right in it can be judged."""

    def __init__(self, kind: type[T], data: object, problems: list[Problem]) -> None:
        super().__init__(problems)
        self.kind = kind
        self.data = data


class Malformed(Exception):  # noqa: N818  an expected refusal
    """Not JSON: `detail` says why, `line` and `column` (from 1) say where, where that is known."""

    def __init__(self, detail: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.line = line
        self.column = column

    def problem(self) -> Problem:
        """As a fault of what holds it: a row of a file, or a fact of a batch."""
        where = f" in column {self.column}" if self.column else ""
        return Problem("", f"is no JSON{where}: {self.detail}", "malformed")


def decode(kind: type[T], body: bytes, ignored: Collection[str] = ()) -> T:
    """`body` as a `kind`; `Malformed` when it is no JSON, `Invalid` with every fault when it is another thing.

    Of a name that an object holds twice the last one counts, as in most readers of JSON. Fields that are `ignored` may
    be there, and are not looked at.
    """
    try:
        decoded: T = _decoder(cast(Any, kind)).decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return _decode_anew(kind, body, ignored, error)
    if _ESCAPED_NUL in body and (problems := list(_text_faults(decoded, ""))):
        raise Invalid(problems)
    return decoded


def convert(kind: type[T], data: object) -> T:
    """`data`, which is what JSON can hold, as a `kind`; `Invalid` with every fault when it is another thing."""
    problems = list(_text_faults(data, ""))
    try:
        converted = msgspec.convert(data, kind, strict=True, dec_hook=reading)
    except _NOT_CONVERTED as error:
        raise Misread(kind, data, _all_faults(kind, data, error)) from None
    if problems:
        raise Misread(kind, data, problems)
    return converted


def untyped(body: bytes) -> object:
    """What a body holds, its numbers exact: as far as it can be told, also where `decode` refuses the whole.

    Raises ValueError where it is no JSON, and RecursionError.
    """
    return json.loads(body.decode(), parse_float=_NUMBERS.create_decimal, parse_int=_integer, parse_constant=_constant)


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= LONGEST_INTEGER else _NUMBERS.create_decimal(text)


def _constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON")


@cache
def _decoder(kind: Kind) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, strict=True, dec_hook=reading, float_hook=_NUMBERS.create_decimal)


def reading(kind: Kind, value: object) -> object:
    """What a field of one of our types holds; `ValueError` says what is allowed."""
    if kind is Amount:
        return read_amount(value)
    if kind is Instant:
        return read_instant(value)
    if kind is DefinitionId:
        return _read_definition_id(value)
    if kind is AttributeValue:
        return _read_attribute(value)
    if kind is Formula:
        return _read_formula(value)
    raise NotImplementedError(kind)


def read_amount(value: object) -> Decimal:
    """The amount that a text or a number of JSON writes, without negative zero; `ValueError` says what is allowed."""
    if isinstance(value, str):
        written = amount_in(value)
        if written is None:
            raise ValueError('must be a decimal number, such as "49.90"')
        return written
    if isinstance(value, Decimal):
        amount = value
    elif isinstance(value, int) and not isinstance(value, bool):
        amount = Decimal(value)
    else:
        raise ValueError('must be a decimal number, such as "49.90"')  # noqa: TRY004  msgspec adds the place to ValueError
    if detail := fault(amount):
        raise ValueError(detail)
    return plain(amount)


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


def _read_definition_id(value: object) -> UUID:
    try:
        given = UUID(value) if isinstance(value, str) and len(value) == _WRITTEN_UUID else None
    except ValueError:
        given = None
    if given is None:
        raise ValueError("must be a UUID")
    if given.version == STREAM_UUID:
        raise ValueError("must be a UUID of another version than 5, best of version 7")
    return given


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


def _decode_anew(kind: type[T], body: bytes, ignored: Collection[str], error: Exception) -> T:
    """What is left of `body` without what is ignored. Raises why it is not taken: every fault, where `error`, which is
    what msgspec says, stops at the first.
    """
    try:
        data = untyped(body)
    except UnicodeDecodeError:
        raise Malformed("not UTF-8") from None
    except RecursionError:
        if isinstance(error, msgspec.ValidationError):
            raise Invalid([_first_fault(str(error))]) from None
        raise Malformed("nested too deeply") from None
    except ValueError as malformed:
        raise _malformed(body, malformed) from None
    if ignored and isinstance(data, dict):
        return convert(kind, {name: value for name, value in data.items() if name not in ignored})
    raise Misread(kind, data, _all_faults(kind, data, error))


def _malformed(body: bytes, error: ValueError) -> Malformed:
    """Where something is wrong, msgspec names it by its byte, but for a body that ends too early."""
    if not body:
        return Malformed("the body is empty; it must be JSON")
    if body.startswith(_MARK):
        return Malformed("begins with a byte order mark; send it without")
    try:
        msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError) as found:
        if match := _BYTE.search(str(found)):
            reason = str(found)[: match.start()].removeprefix("JSON is malformed: ").strip()
            return Malformed(reason, *_line_and_column(body, int(match[1])))
        if isinstance(found, msgspec.ValidationError | RecursionError):
            return Malformed(str(error))
    return Malformed("ends too early", *_line_and_column(body, len(body)))


def _line_and_column(body: bytes, offset: int) -> tuple[int, int]:
    before = body[:offset]
    return before.count(b"\n") + 1, offset - before.rfind(b"\n")


def _text_faults(data: object, pointer: str) -> Iterator[Problem]:
    """The texts that can't be stored: JSON can write NUL and half a surrogate pair, and a database has neither."""
    if isinstance(data, str):
        if found := _UNSTORABLE.search(data):
            yield _unstorable(pointer, found.group(), "must not hold")
    elif isinstance(data, Mapping):
        for name, value in data.items():
            below = pointer_to(pointer, shortened(name))
            if found := _UNSTORABLE.search(name):
                yield _unstorable(below, found.group(), "its name must not hold")
            yield from _text_faults(value, below)
    elif isinstance(data, Struct):
        for field in structs.fields(data):
            yield from _text_faults(getattr(data, field.name), pointer_to(pointer, field.encode_name))
    elif isinstance(data, Sequence) and not isinstance(data, bytes):
        for number, value in enumerate(data):
            yield from _text_faults(value, f"{pointer}/{number}")


def _unstorable(pointer: str, character: str, what: str) -> Problem:
    if character == "\x00":
        return Problem(pointer, f"{what} the character NUL", "nul")
    return Problem(pointer, f"{what} half of a surrogate pair", "surrogate")


def _all_faults(kind: Kind, data: object, error: Exception) -> list[Problem]:
    """Every fault, found by walking the data beside its type."""
    found: dict[str, Problem] = {}
    for problem in chain(_text_faults(data, ""), _faults(kind, data, "", 0)):
        found.setdefault(problem.pointer, problem)
        if len(found) == REPORTED_PROBLEMS:
            break
    return list(found.values()) or [_first_fault(str(error))]


def _first_fault(message: str, kind: Kind = Any) -> Problem:
    """What msgspec says about a value of `kind`, with the place within it."""
    detail, _, path = message.partition(" - at `$")
    parts = re.findall(r"\.([^.\[\]`]+)|\[(\d+)\]", path)
    form = next((meta.description for meta in unwrapped(kind)[1] if meta.description), None)
    return Problem(
        "".join(pointer_to("", name or number) for name, number in parts),
        in_words(detail, allowed_values(kind), form),
        "type",
    )


def _faults(kind: Kind, data: object, pointer: str, depth: int) -> Iterator[Problem]:
    """Looks into what holds other values only as far as something is wrong there, so that most are passed over fast."""
    bare, metas = unwrapped(kind)
    struct = struct_in(bare, data)
    origin = origin_of(bare)
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
        msgspec.convert(data, kind, strict=True, dec_hook=reading)
    except _NOT_CONVERTED:
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
        below = pointer_to(pointer, shortened(name))
        for found in _leaf_faults(name_kind, name, below):
            yield Problem(below, f"its name {found.detail}", found.code)
        yield from _faults(value_kind, value, below, depth + 1)


def _struct_faults(struct: type[Struct], data: dict[str, object], pointer: str, depth: int) -> Iterator[Problem]:
    config = struct.__struct_config__
    fields = {field.encode_name: field for field in structs.fields(struct)}
    for name, value in data.items():
        if name in fields:
            yield from _faults(fields[name].type, value, pointer_to(pointer, name), depth + 1)
        elif config.forbid_unknown_fields and name != config.tag_field:
            yield Problem(pointer_to(pointer, shortened(name)), _unknown_field(name, fields), "unknown_field")
    for name, field in fields.items():
        if field.required and name not in data:
            yield Problem(pointer_to(pointer, name), "is required", "required")


def _unknown_field(name: str, fields: dict[str, Any]) -> str:
    close = get_close_matches(name, fields, 1) if len(name) <= LONGEST_QUOTE else []
    return f"no such field; did you mean `{close[0]}`?" if close else f"no such field; there are {_listed(fields)}"


def _listed(names: dict[str, Any]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _leaf_faults(kind: Kind, data: object, pointer: str) -> Iterator[Problem]:
    try:
        msgspec.convert(data, kind, strict=True, dec_hook=reading)
    except msgspec.ValidationError as error:
        first = _first_fault(str(error), kind)
        yield Problem(pointer + first.pointer, first.detail, "type")
    except UnicodeEncodeError:
        return  # half a surrogate pair, which `_text_faults` finds
    except RecursionError:
        yield Problem(pointer, "is nested too deeply", "depth")


def unwrapped(kind: Kind) -> tuple[Kind, tuple[Any, ...]]:
    """`kind` without alias, annotation and `None`, and the bounds it was annotated with."""
    kind = getattr(kind, "__value__", kind)
    if origin_of(kind) is Annotated:
        return get_args(kind)[0], kind.__metadata__
    if origin_of(kind) in (Union, UnionType):
        members = [member for member in get_args(kind) if member is not NoneType]
        if len(members) == 1:
            return unwrapped(members[0])
    return kind, ()


def allowed_values(kind: Kind) -> list[object]:
    """The values that `kind` takes, where they can be listed."""
    bare, _ = unwrapped(kind)
    if isinstance(bare, type) and issubclass(bare, Enum):
        return [member.value for member in bare]
    if origin_of(bare) is Literal:
        return list(get_args(bare))
    if origin_of(bare) in (Union, UnionType):
        return [value for member in get_args(bare) for value in allowed_values(member)]
    return []


def origin_of(kind: Kind) -> object:
    return get_origin(kind)


def struct_in(kind: Kind, data: object) -> type[Struct] | None:
    """The struct that `data` is meant to be: `kind` itself, or the one of a union that its tag names."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        return kind
    if origin_of(kind) not in (Union, UnionType):
        return None
    members = [kind for kind in get_args(kind) if isinstance(kind, type) and issubclass(kind, Struct)]
    if len(members) == 1:
        return members[0]
    for member in members:
        config = member.__struct_config__
        if isinstance(data, dict) and config.tag_field and data.get(config.tag_field) == config.tag:
            return member
    return None


def pointer_to(pointer: str, name: str) -> str:
    name = _UNSTORABLE.sub("\ufffd", name) if _UNSTORABLE.search(name) else name
    return f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"


def schema_of(kind: Kind) -> dict[str, Any]:
    """The JSON Schema of one of our types, for `msgspec.json.schema`."""
    if kind is Amount:
        bound = 10**WHOLE_DIGITS - 1
        text: dict[str, Any] = {"type": "string", "pattern": f"^{NUMBER.pattern}$", "examples": ["49.90"]}
        # within both bounds on digits; more decimals than these can only be described for text
        number = {"type": "number", "minimum": -bound, "maximum": bound, "multipleOf": 0.01}
        return {"anyOf": [text, number]}
    if kind is Instant:
        return {"type": "string", "format": "date-time", "examples": ["2026-09-01T10:00:00+02:00"]}
    if kind is DefinitionId:
        return {"type": "string", "format": "uuid"}
    if kind is AttributeValue:
        return {"anyOf": [{"type": "string", "maxLength": TEXT_LENGTH}, {"type": "number"}, {"type": "boolean"}]}
    if kind is Formula:
        return {"anyOf": [{"type": "string", "minLength": 1, "maxLength": MOST_CHARACTERS}, {"type": "number"}]}
    raise NotImplementedError(kind)
