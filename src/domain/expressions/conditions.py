"""Structured conditions, as forms make them: attribute, operator and value, joined by `all` and `any`.

They become the tree that the same condition becomes when it is written, so there is one way to check and to evaluate.

The value of a comparison is JSON, where decimals are text, so it is read by the attribute's type. For an attribute
whose type is known only at run time, `eq`, `ne`, `in` and `not_in` keep the value's own type ("20" equals the text
"20" and the number 20); the four operators of order read text as the number or the RFC 3339 instant it writes.
"""

from decimal import Decimal
from itertools import takewhile

from msgspec import Struct

from domain.expressions.compiling import CompiledExpression, compile_tree
from domain.expressions.faults import ExpressionProblem, SourcePlace
from domain.expressions.parsing import MOST_VALUES, parsed
from domain.expressions.scope import Scope, resembling
from domain.expressions.tokens import LONGEST_NAME, MOST_CHARACTERS, Unreadable, unfit
from domain.expressions.tree import Call, Comparison, Junction, Literal, Name, Node, Not, Values, is_identifier, text_of
from domain.expressions.values import NAMES, Type, instant, plain_number
from domain.values.amounts import fault
from domain.values.problems import Problem

MOST_DEPTH = 10
MOST_LEAVES = 200
MOST_WRITTEN = 20_000

Scalar = str | bool | int | Decimal


class AllOf(Struct, frozen=True, tag="all"):
    conditions: tuple["Condition", ...]


class AnyOf(Struct, frozen=True, tag="any"):
    conditions: tuple["Condition", ...]


class Compared(Struct, frozen=True, tag="compared"):
    """One attribute compared; `value` is None for `exists` and `not_exists`, a tuple for `in` and `not_in`."""

    attribute: str
    operator: str
    value: Scalar | tuple[Scalar, ...] | None = None


class Written(Struct, frozen=True, tag="expression"):
    expression: str


Condition = AllOf | AnyOf | Compared | Written

COMPARISONS = {"eq": "==", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
MEMBERSHIPS = {"in": "in", "not_in": "not in"}
TEXT_TESTS = ("contains", "starts_with", "ends_with")
PRESENCES = ("exists", "not_exists")
OPERATORS = (*COMPARISONS, *MEMBERSHIPS, *TEXT_TESTS, *PRESENCES)
_ORDERS = frozenset({"gt", "gte", "lt", "lte"})


def condition_from(builtins: object, pointer: str = "") -> Condition | list[Problem]:
    """The condition that decoded JSON describes, or what is wrong with its shape."""
    reader = _Reader()
    condition = reader.condition(builtins, pointer, 1)
    return reader.problems or condition


def compile_condition(condition: Condition, scope: Scope, pointer: str = "") -> CompiledExpression | list[Problem]:
    """The condition checked against a scope, or what is wrong with it, as pointers into its JSON."""
    planter = _Planter(scope)
    tree = planter.tree(condition, pointer)
    if planter.problems:
        return planter.problems
    compiled = compile_tree(tree, text_of(tree), scope, Type.BOOLEAN)
    return compiled if isinstance(compiled, CompiledExpression) else [_located(found) for found in compiled]


def compile_described(builtins: object, scope: Scope, pointer: str) -> CompiledExpression | list[Problem]:
    """The condition that decoded JSON describes, checked against a scope, or what is wrong with it."""
    condition = condition_from(builtins, pointer)
    return condition if isinstance(condition, list) else compile_condition(condition, scope, pointer)


def source_of(condition: Condition, scope: Scope) -> str:
    """The condition as an expression, for display. A value that does not fit its attribute is shown as it is."""
    return text_of(_Planter(scope).tree(condition, ""))


def _located(found: ExpressionProblem) -> Problem:
    if found.pointer.endswith("/expression"):
        return found.at(found.pointer)
    return Problem(found.pointer, found.message)


class _Reader:
    """Reads decoded JSON into conditions."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.leaves = 0

    def condition(self, given: object, pointer: str, depth: int) -> Condition:
        if depth > MOST_DEPTH:
            return self._wrong(pointer, f"is nested more than {MOST_DEPTH} levels deep")
        if not isinstance(given, dict):
            return self._wrong(pointer, "must be an object with `all`, `any`, `attribute` or `expression`")
        forms: tuple[set[str], ...] = ({"all"}, {"any"}, {"expression"}, {"attribute", "operator", "value"})
        form = next((form for form in forms if form & given.keys()), None)
        if form is None:
            return self._wrong(pointer, "must have `all`, `any`, `attribute` or `expression`")
        unknown = sorted(str(key) for key in given if key not in form)
        if unknown:
            return self._wrong(f"{pointer}/{_escaped(unknown[0])}", f"can't stand beside `{min(form & given.keys())}`")
        for word, type_ in (("all", AllOf), ("any", AnyOf)):
            if word in form:
                return type_(self._joined(given[word], f"{pointer}/{word}", depth))
        return self._leaf(given, pointer)

    def _wrong(self, pointer: str, detail: str) -> Condition:
        self.problems.append(Problem(pointer, detail))
        return AllOf(())

    def _joined(self, given: object, pointer: str, depth: int) -> tuple[Condition, ...]:
        if not isinstance(given, list | tuple):
            self._wrong(pointer, "must be a list of conditions")
            return ()
        if not given and pointer.endswith("/any"):
            self._wrong(pointer, "must hold at least one condition, because an empty one is never true")
        conditions = []
        for index, part in enumerate(given):
            if self.leaves > MOST_LEAVES or len(self.problems) > MOST_LEAVES:
                break
            conditions.append(self.condition(part, f"{pointer}/{index}", depth + 1))
        return tuple(conditions)

    def _leaf(self, given: dict[str, object], pointer: str) -> Condition:
        self.leaves += 1
        if self.leaves == MOST_LEAVES + 1:
            return self._wrong(pointer, f"is one condition too many; at most {MOST_LEAVES} are allowed")
        if "expression" not in given:
            return self._test(given, pointer)
        source = given["expression"]
        if not isinstance(source, str) or not 0 < len(source) <= MOST_CHARACTERS:
            return self._wrong(f"{pointer}/expression", f"must be text of 1 to {MOST_CHARACTERS} characters")
        return Written(source)

    def _test(self, given: dict[str, object], pointer: str) -> Condition:
        attribute, operator = given.get("attribute"), given.get("operator")
        if not isinstance(attribute, str) or not 0 < len(attribute) <= LONGEST_NAME or unfit(attribute):
            return self._wrong(f"{pointer}/attribute", f"must be the name of an attribute, at most {LONGEST_NAME} long")
        if not isinstance(operator, str) or operator not in OPERATORS:
            return self._wrong(f"{pointer}/operator", f"must be one of {', '.join(OPERATORS)}")
        value = given.get("value")
        if operator in PRESENCES:
            if value is not None:
                return self._wrong(f"{pointer}/value", f"must be left out with `{operator}`")
            return Compared(attribute, operator)
        if operator in MEMBERSHIPS:
            return Compared(attribute, operator, self._values(value, f"{pointer}/value"))
        return Compared(attribute, operator, self._scalar(value, f"{pointer}/value"))

    def _values(self, given: object, pointer: str) -> tuple[Scalar, ...]:
        if not isinstance(given, list | tuple) or not 1 <= len(given) <= MOST_VALUES:
            self._wrong(pointer, f"must be a list of 1 to {MOST_VALUES} values")
            return ()
        return tuple(self._scalar(value, f"{pointer}/{index}") for index, value in enumerate(given))

    def _scalar(self, given: object, pointer: str) -> Scalar:
        if isinstance(given, str):
            wrong = unfit(given)
        elif isinstance(given, bool):
            wrong = None
        elif isinstance(given, int | Decimal):
            wrong = fault(Decimal(given)) if not isinstance(given, int) or abs(given) < 10**30 else "is too large"
        else:
            wrong = "must be text, a number or true or false; decimals are best written as text"
        if wrong is None and isinstance(given, Scalar):
            return given
        self._wrong(pointer, wrong or "")
        return False


class _Planter:
    """Grows the tree of a condition; every node's place carries the pointer it came from."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.problems: list[Problem] = []
        self.written = 0

    def tree(self, condition: Condition, pointer: str) -> Node:
        place = SourcePlace(pointer=pointer)
        match condition:
            case Compared():
                return self._test(condition, pointer)
            case Written():
                return self._expression(condition.expression, f"{pointer}/expression")
            case AllOf(conditions=conditions):
                word, name = "and", "all"
            case AnyOf(conditions=conditions):
                word, name = "or", "any"
        operands = [self.tree(part, f"{pointer}/{name}/{index}") for index, part in enumerate(conditions)]
        if len(operands) == 1:
            return operands[0]
        return Junction(place, word, tuple(operands)) if operands else Literal(place, word == "and")

    def _expression(self, source: str, pointer: str) -> Node:
        self.written += len(source)
        try:
            if self.written > MOST_WRITTEN:
                self.problems.append(Problem(pointer, f"all expressions together exceed {MOST_WRITTEN} characters"))
            else:
                return parsed(source, pointer)
        except Unreadable as refused:
            self.problems.append(_located(refused.problem))
        return Literal(SourcePlace(pointer=pointer), value=True)

    def _test(self, test: Compared, pointer: str) -> Node:
        place = SourcePlace(pointer=pointer)
        name = _name_of(test.attribute, SourcePlace(pointer=f"{pointer}/attribute"))
        known = self.scope.attribute(test.attribute)
        if known is None:
            hint = resembling(test.attribute, self.scope.attributes)
            detail = f"no attribute `{test.attribute}`" + (f"; {hint}" if hint else "")
            self.problems.append(Problem(f"{pointer}/attribute", detail))
        if test.operator in PRESENCES:
            has = Call(place, "has", (name,))
            return has if test.operator == "exists" else Not(place, has)
        wanted = Type.ANY if known is None else self._wanted(test, known.type, f"{pointer}/operator")
        value = self._value(test.value, wanted, f"{pointer}/value")
        if test.operator in TEXT_TESTS:
            return Call(place, test.operator, (name, value))
        return Comparison(place, (name, value), ({**COMPARISONS, **MEMBERSHIPS}[test.operator],))

    def _wanted(self, test: Compared, type_: Type, pointer: str) -> Type:
        """The type that the value of a comparison must be of; any, when this type can't be compared so."""
        fitting = (Type.NUMBER, Type.TIMESTAMP, Type.ANY) if test.operator in _ORDERS else tuple(Type)
        if test.operator in TEXT_TESTS:
            fitting = (Type.TEXT, Type.ANY)
        if type_ not in fitting:
            detail = f"`{test.operator}` can't be asked of `{test.attribute}`, which is {NAMES[type_]}"
            self.problems.append(Problem(pointer, detail))
            return Type.ANY
        if test.operator in TEXT_TESTS:
            return Type.TEXT
        if test.operator in _ORDERS and type_ is Type.ANY:
            is_instant = isinstance(test.value, str) and instant(test.value) is not None
            return Type.TIMESTAMP if is_instant else Type.NUMBER
        return type_

    def _value(self, given: Scalar | tuple[Scalar, ...] | None, wanted: Type, pointer: str) -> Node:
        if isinstance(given, tuple):
            entries = [self._literal(value, wanted, f"{pointer}/{index}") for index, value in enumerate(given)]
            return Values(SourcePlace(pointer=pointer), tuple(entries))
        if given is None:
            self.problems.append(Problem(pointer, "is missing"))
            return Literal(SourcePlace(pointer=pointer), value=False)
        return self._literal(given, wanted, pointer)

    def _literal(self, given: Scalar, type_: Type, pointer: str) -> Node:
        place = SourcePlace(pointer=pointer)
        node = _literal_of(given, type_, place)
        if node is not None:
            return node
        wanted = {
            Type.NUMBER: 'must be a number, such as "49.90"',
            Type.TEXT: "must be text",
            Type.BOOLEAN: "must be true or false",
            Type.TIMESTAMP: "must be an instant as RFC 3339 writes it, offset included",
        }
        self.problems.append(Problem(pointer, wanted[type_]))
        return _shown(given, place)


def _name_of(attribute: str, place: SourcePlace) -> Name:
    """The dotted path, with what follows from its first part that is no identifier as a key."""
    parts = attribute.split(".")
    plain = list(takewhile(is_identifier, parts))
    if not plain or len(plain) == len(parts):
        return Name(place, attribute)
    return Name(place, ".".join(plain), ".".join(parts[len(plain) :]))


def _literal_of(given: Scalar, type_: Type, place: SourcePlace) -> Node | None:
    """The literal that `given` is for an attribute of a type, or None when it is none."""
    match type_, given:
        case Type.TIMESTAMP, str():
            literal = Literal(place, given)
            return Call(place, "timestamp", (literal,)) if instant(given) is not None else None
        case Type.NUMBER, str():
            number = plain_number(given)
            return None if number is None else Literal(place, number)
        case ((Type.NUMBER | Type.ANY), (int() | Decimal())) if not isinstance(given, bool):
            return _shown(given, place)
        case (Type.TEXT, str()) | (Type.BOOLEAN, bool()) | (Type.ANY, _):
            return _shown(given, place)
    return None


def _shown(given: Scalar, place: SourcePlace) -> Literal:
    if isinstance(given, int) and not isinstance(given, bool):
        return Literal(place, Decimal(given))
    return Literal(place, given)


def _escaped(token: str) -> str:
    return token.replace("~", "~0").replace("/", "~1")
