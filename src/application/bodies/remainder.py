"""What is left of a body once what is wrong in it is left out: it is judged too, so that one answer says all.

A field that may be absent is left out. Of one that may not, a text, an amount or an instant is stood in for; otherwise
what holds it is left out. What is then found wrong is told, but for what may follow from what was left out: it is above
or below that, or a body says (`Body.depends`) that it is judged by it. Nothing of a remainder is ever recorded.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final, Generic, TypeVar, get_args

import msgspec
from msgspec import Struct, structs

from application.bodies.exact import (
    REPORTED_PROBLEMS,
    Amount,
    Body,
    Instant,
    Kind,
    Misread,
    origin_of,
    pointer_to,
    reading,
    struct_in,
    unwrapped,
)
from application.log.errors import LogError
from application.log.working import Command, Working
from domain.values.problems import Invalid, Problem

T = TypeVar("T")

STAND_IN = "0.stands-in-for-what-is-wrong"
"""An id, a code or a name that nothing has."""

_STAND_INS: Final[dict[Kind, object]] = {str: STAND_IN, Amount: "1", Instant: "2000-01-01T00:00:00Z"}
_GONE: Final = object()


class Judgement(Invalid):
    """All that is wrong with a body of which a part was judged."""


class Remainder(Struct, Generic[T], frozen=True):
    """`problems` are what was wrong in the whole; `moved` says which elements are left of lists that lost some."""

    body: T
    problems: tuple[Problem, ...]
    silent: tuple[str, ...]
    moved: dict[str, tuple[int, ...]]

    def refusal(self, error: Exception, within: str = "") -> Judgement:
        """All that is wrong; `error` is what was found in the remainder, where the body has it `within`."""
        if isinstance(error, Judgement):
            return error
        found = [problem.under(within) for problem in error.problems] if isinstance(error, Invalid) else []
        placed = [structs.replace(problem, pointer=self._place(problem.pointer)) for problem in found]
        told = [problem for problem in placed if not any(_related(problem.pointer, each) for each in self.silent)]
        return Judgement([*self.problems, *told][:REPORTED_PROBLEMS])

    def judging(self, command: Command, within: str = "") -> Command:
        """The command, refused whatever it would do, with what it finds wrong."""

        def decide(working: Working) -> None:
            try:
                command(working)
            except LogError:
                raise
            except Exception as error:  # noqa: BLE001  what else is in the way does not matter any more
                raise self.refusal(error, within) from None
            raise self.refusal(Invalid([]))

        return decide

    def _place(self, pointer: str) -> str:
        """Where it is in the whole."""
        place = ""
        for part in pointer.split("/")[1:]:
            left = self.moved.get(place)
            place += f"/{left[int(part)]}" if left and part.isdigit() and int(part) < len(left) else f"/{part}"
        return place


def remainder_of(misread: Misread[T]) -> Remainder[T] | None:
    """None where nothing is left that could be judged, or not all that is wrong is known."""
    problems = misread.problems
    if len(problems) >= REPORTED_PROBLEMS:
        return None
    pruning = _Pruning({problem.pointer for problem in problems})
    left = pruning.value(misread.kind, misread.data, "")
    if left is _GONE:
        return None
    try:
        body = msgspec.convert(left, misread.kind, strict=True, dec_hook=reading)
    except (msgspec.ValidationError, RecursionError, UnicodeEncodeError):
        return None
    silent = (*(problem.pointer for problem in problems), *pruning.silent)
    return Remainder(body, tuple(problems), silent, pruning.moved)


class _Pruning:
    def __init__(self, faults: set[str]) -> None:
        self._faults = sorted(faults)
        self.silent: list[str] = []
        self.moved: dict[str, tuple[int, ...]] = {}

    def value(self, kind: Kind, data: object, pointer: str) -> object:
        """What is left of the data, or that nothing is."""
        if not self._touched(pointer):
            return data
        if pointer in self._faults:
            return _GONE
        known, _ = unwrapped(kind)
        struct = struct_in(known, data)
        if struct is not None and isinstance(data, dict):
            return self._struct(struct, data, pointer)
        if origin_of(known) in (list, tuple) and isinstance(data, list):
            return self._elements(get_args(known)[0], data, pointer)
        if origin_of(known) is dict and isinstance(data, dict):
            return self._entries(get_args(known)[1], data, pointer)
        return _GONE

    def _touched(self, pointer: str) -> bool:
        """Whether something is wrong there or below."""
        if not pointer:
            return True
        at = bisect_left(self._faults, pointer)
        return any(_is_below(fault, pointer) for fault in self._faults[at:]) if at < len(self._faults) else False

    def _struct(self, struct: type[Struct], data: dict[str, object], pointer: str) -> object:
        config = struct.__struct_config__
        left: dict[str, object] = {}
        if config.tag_field in data:
            left[config.tag_field] = data[config.tag_field]
        for field in structs.fields(struct):
            place = pointer_to(pointer, field.encode_name)
            given = field.encode_name in data
            value = self.value(field.type, data[field.encode_name], place) if given else _GONE
            if self._touched(place):
                self.silent += [f"{pointer}/{name}" for name in _depending(struct, field.encode_name)]
            if value is _GONE and field.required:
                value = _STAND_INS.get(unwrapped(field.type)[0], _GONE)
                if value is _GONE:
                    return _GONE
            if value is not _GONE:
                left[field.encode_name] = value
        return left

    def _elements(self, kind: Kind, data: list[object], pointer: str) -> list[object]:
        left = [self.value(kind, each, f"{pointer}/{number}") for number, each in enumerate(data)]
        self.moved[pointer] = tuple(number for number, each in enumerate(left) if each is not _GONE)
        return [each for each in left if each is not _GONE]

    def _entries(self, kind: Kind, data: dict[str, object], pointer: str) -> dict[str, object]:
        left = {name: self.value(kind, each, pointer_to(pointer, name)) for name, each in data.items()}
        return {name: each for name, each in left.items() if each is not _GONE}


def _depending(struct: type[Struct], name: str) -> Sequence[str]:
    return struct.depends.get(name, ()) if issubclass(struct, Body) else ()


def _is_below(pointer: str, above: str) -> bool:
    return pointer == above or pointer.startswith(f"{above}/")


def _related(pointer: str, other: str) -> bool:
    return _is_below(pointer, other) or _is_below(other, pointer)
