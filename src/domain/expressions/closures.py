"""Closures that evaluate: each takes the environment and gives a value, None for what is absent, or fails.

Operands are looked at by `type(value) is ...` first, which holds for nearly every value; whatever else is found
(an int, a subclass of str, a number as text) takes the slow way through `domain.expressions.values`.
"""

import operator
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from msgspec import Struct

from domain.expressions.faults import ExpressionFailure, SourcePlace
from domain.expressions.values import (
    ARITHMETIC,
    AS,
    NAMES,
    Type,
    canonical,
    described,
    equality_key,
    in_order,
    same,
)
from domain.values.amounts import ZERO

Evaluate = Callable[[Any], object]
Holds = Callable[[Any], bool]
Test = Callable[[object, object], bool]


class Operand(Struct, frozen=True):
    """A checked part of an expression.

    `certain`: it is never absent and always of its type. `constant`: its value, when that is known beforehand.
    `attribute`: the name of what it reads, when it only reads. `equalities`: (attribute, literal) pairs that hold
    whenever it is true.
    """

    type: Type
    evaluate: Evaluate
    place: SourcePlace
    certain: bool = False
    constant: object = None
    attribute: str = ""
    equalities: tuple[tuple[str, Decimal | str | bool], ...] = ()


def constant(value: object, type_: Type, place: SourcePlace) -> Operand:
    return Operand(type_, lambda _environment: value, place, certain=True, constant=value)


def failure(operand: Operand, value: object, wanted: Type) -> ExpressionFailure:
    """The failure of an operand that is absent or of the wrong kind."""
    subject = f"`{operand.attribute}`" if operand.attribute else "the value"
    if value is None:
        return ExpressionFailure(f"{subject} is absent", operand.place)
    return ExpressionFailure(f"{subject} is {described(value)}, {NAMES[wanted]} is needed", operand.place)


def needed(operand: Operand, value: object, wanted: Type) -> Any:  # noqa: ANN401  of the type that `wanted` names
    known = AS[wanted](value)
    if known is None:
        raise failure(operand, value, wanted)
    return known


def number(operand: Operand) -> Callable[[Any], Decimal]:
    evaluate: Callable[[Any], Any] = operand.evaluate
    if operand.certain and operand.type is Type.NUMBER:
        return evaluate

    def read(environment: object) -> Decimal:
        value = evaluate(environment)
        return value if type(value) is Decimal else needed(operand, value, Type.NUMBER)

    return read


def condition(operand: Operand) -> Holds:
    """True or false; what is absent is false."""
    evaluate: Callable[[Any], Any] = operand.evaluate
    if operand.certain and operand.type is Type.BOOLEAN:
        return evaluate

    def read(environment: object) -> bool:
        value = evaluate(environment)
        if value is None:
            return False
        return value if type(value) is bool else needed(operand, value, Type.BOOLEAN)

    return read


def result(operand: Operand, expected: Type | None) -> Evaluate:
    """What the whole expression gives: of the expected type, or a failure. None only when nothing is expected."""
    if expected is Type.NUMBER:
        return number(operand)
    if expected is Type.BOOLEAN:
        return condition(operand)
    evaluate = operand.evaluate
    if expected is None or expected is Type.ANY:
        return lambda environment: canonical(evaluate(environment))
    return lambda environment: needed(operand, evaluate(environment), expected)


def floored_remainder(left: Decimal, right: Decimal) -> Decimal:
    """The remainder with the sign of the divisor, as Python's integers have it."""
    remainder = ARITHMETIC.remainder(left, right)
    if remainder and remainder.is_signed() is not right.is_signed():
        return ARITHMETIC.add(remainder, right)
    return remainder


_OPERATIONS: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": ARITHMETIC.add,
    "-": ARITHMETIC.subtract,
    "*": ARITHMETIC.multiply,
    "/": ARITHMETIC.divide,
    "%": floored_remainder,
}


def arithmetic(sign: str, left: Operand, right: Operand, place: SourcePlace) -> Evaluate:
    operate = _OPERATIONS[sign]
    first, second = left.evaluate, right.evaluate

    def evaluate(environment: object) -> Decimal:
        one, other = first(environment), second(environment)
        if type(one) is not Decimal:
            one = needed(left, one, Type.NUMBER)
        if type(other) is not Decimal:
            other = needed(right, other, Type.NUMBER)
        try:
            return operate(one, other)
        except ArithmeticError:
            if sign in "/%" and other == 0:
                raise ExpressionFailure("division by zero", right.place) from None
            raise overflow(place) from None

    return evaluate


def overflow(place: SourcePlace) -> ExpressionFailure:
    return ExpressionFailure("overflow: the result has more than 60 digits before the point", place)


def negative(operand: Operand) -> Evaluate:
    read = number(operand)
    return lambda environment: read(environment).copy_negate()


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def comparison(sign: str, left: Operand, right: Operand) -> Holds:
    """One comparison of two values; against a literal it is specialised."""
    if left.constant is not None and right.constant is None:
        return comparison(_MIRRORED[sign], right, left)
    if right.constant is not None:
        return _against_literal(sign, left, right)
    test = test_of(sign, left)
    first, second = left.evaluate, right.evaluate
    return lambda environment: test(first(environment), second(environment))


def test_of(sign: str, left: Operand) -> Test:
    """The comparison of two values; a failure names where the left one stands."""
    if sign == "==":
        return same
    if sign == "!=":
        return lambda one, other: not same(one, other)
    holds = _ORDERS[sign]
    return lambda one, other: _ordered(holds, one, other, left)


def chain(signs: Sequence[str], operands: Sequence[Operand]) -> Holds:
    """`a < b < c`: each operand is evaluated at most once."""
    first = operands[0].evaluate
    steps = tuple(
        (test_of(sign, left), right.evaluate)
        for sign, left, right in zip(signs, operands[:-1], operands[1:], strict=True)
    )

    def evaluate(environment: object) -> bool:
        value = first(environment)
        for test, following in steps:
            other = following(environment)
            if not test(value, other):
                return False
            value = other
        return True

    return evaluate


def _ordered(holds: Callable[[Any, Any], bool], one: object, other: object, left: Operand) -> bool:
    if one is None or other is None:
        return False
    found = in_order(holds, one, other)
    if found is None:
        detail = f"{described(one)} and {described(other)} have no order"
        raise ExpressionFailure(f"`{left.attribute}`: {detail}" if left.attribute else detail, left.place)
    return found


def _against_literal(sign: str, left: Operand, right: Operand) -> Holds:
    read, literal = left.evaluate, right.constant
    kind = type(literal)
    if sign == "==":
        return _equals(read, literal, kind)
    if sign == "!=":
        equals = _equals(read, literal, kind)
        return lambda environment: not equals(environment)
    holds = _ORDERS[sign]

    def evaluate(environment: object) -> bool:
        value = read(environment)
        if type(value) is kind:
            try:
                return holds(value, literal)
            except (InvalidOperation, TypeError):
                # Not a number, or a naive timestamp: no order, which the slow way says.
                pass
        return _ordered(holds, value, literal, left)

    return evaluate


def _equals(read: Evaluate, literal: object, kind: type) -> Holds:
    def evaluate(environment: object) -> bool:
        value = read(environment)
        if type(value) is kind:
            try:
                return value == literal
            except InvalidOperation:
                return False
        return value is not None and same(value, literal)

    return evaluate


def membership(left: Operand, values: Sequence[object]) -> Holds:
    """Whether a value equals one of the literals; by hash when it is of the one kind that they are."""
    kinds = {type(value) for value in values}
    kind = kinds.pop() if len(kinds) == 1 else None
    members = frozenset(values)
    keys = frozenset(equality_key(value) for value in values)
    read = left.evaluate

    def evaluate(environment: object) -> bool:
        value = read(environment)
        if type(value) is kind:
            try:
                return value in members
            except TypeError:
                return False
        return equality_key(value) in keys and any(same(value, literal) for literal in values)

    return evaluate


def negation(holds: Holds) -> Holds:
    return lambda environment: not holds(environment)


def conjunction(parts: Sequence[Holds]) -> Holds:
    if len(parts) == 2:
        first, second = parts
        return lambda environment: first(environment) and second(environment)

    def evaluate(environment: object) -> bool:
        for part in parts:  # noqa: SIM110  a loop is faster than a generator here
            if not part(environment):
                return False
        return True

    return evaluate


def disjunction(parts: Sequence[Holds]) -> Holds:
    if len(parts) == 2:
        first, second = parts
        return lambda environment: first(environment) or second(environment)

    def evaluate(environment: object) -> bool:
        for part in parts:  # noqa: SIM110  a loop is faster than a generator here
            if part(environment):
                return True
        return False

    return evaluate


def choice(holds: Holds, then: Operand, otherwise: Operand) -> Evaluate:
    first, second = then.evaluate, otherwise.evaluate
    return lambda environment: first(environment) if holds(environment) else second(environment)


def presence(operand: Operand) -> Holds:
    read = operand.evaluate
    return lambda environment: read(environment) is not None


def application(
    apply: Callable[..., object],
    arguments: Sequence[Operand],
    kinds: Sequence[Type],
    place: SourcePlace,
    absent: object,
) -> Evaluate:
    """A function of values. An absent argument fails when `absent` is `NotImplemented`, else it gives `absent`."""
    takes = tuple((argument, argument.evaluate, kind) for argument, kind in zip(arguments, kinds, strict=True))

    def evaluate(environment: object) -> object:
        values = []
        for argument, read, kind in takes:
            value = read(environment)
            if value is None and absent is not NotImplemented:
                return absent
            values.append(needed(argument, value, kind))
        try:
            return apply(*values)
        except (ArithmeticError, ValueError):
            raise ExpressionFailure("the result is out of range", place) from None

    return evaluate


Lines = Callable[[Any], Sequence[object]]
"""The lines of a list of items, each paired with the environment: what closures over a line take."""


def lines(read: Evaluate, holds: Holds | None) -> Lines:
    """The pairs (environment, line) of a list, all or those for which `holds`."""

    def every(environment: object) -> Sequence[object]:
        found: Any = read(environment)
        return [(environment, line) for line in found or ()]

    if holds is None:
        return every
    return lambda environment: [pair for pair in every(environment) if holds(pair)]


def count(pairs: Lines) -> Evaluate:
    return lambda environment: Decimal(len(pairs(environment)))


def total(pairs: Lines, operand: Operand, place: SourcePlace) -> Evaluate:
    """The sum over lines; a line without the value adds nothing."""
    read = operand.evaluate

    def evaluate(environment: object) -> Decimal:
        sum_ = ZERO
        for pair in pairs(environment):
            value = read(pair)
            if value is None:
                continue
            if type(value) is not Decimal:
                value = needed(operand, value, Type.NUMBER)
            try:
                sum_ = ARITHMETIC.add(sum_, value)
            except ArithmeticError:
                raise overflow(place) from None
        return sum_

    return evaluate


def distinct(pairs: Lines, operand: Operand) -> Evaluate:
    read = operand.evaluate

    def evaluate(environment: object) -> Decimal:
        found = set()
        for pair in pairs(environment):
            value = read(pair)
            key = equality_key(value)
            if key is not None:
                found.add((type(key), key))
            elif value is not None:
                raise failure(operand, value, Type.TEXT)
        return Decimal(len(found))

    return evaluate


def any_line(pairs: Lines, holds: Holds) -> Holds:
    return lambda environment: any(holds(pair) for pair in pairs(environment))


def all_lines(pairs: Lines, holds: Holds) -> Holds:
    return lambda environment: all(holds(pair) for pair in pairs(environment))
