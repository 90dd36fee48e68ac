"""From the tree to closures, with every name and type checked against a scope; all problems are found at once."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from domain.expressions import closures, functions
from domain.expressions.closures import Holds, Operand
from domain.expressions.faults import ExpressionFailure, ExpressionProblem, SourcePlace, problem
from domain.expressions.functions import FUNCTIONS, MOST_ARGUMENTS, OF_ITEMS, SPECIAL, Function
from domain.expressions.scope import Items, Read, Scope, find_attribute, resembling
from domain.expressions.tree import (
    Arithmetic,
    Call,
    Choice,
    Comparison,
    Junction,
    Literal,
    Name,
    Negative,
    Node,
    Not,
    Values,
    text_of,
)
from domain.expressions.values import NAMES, Type, canonical, instant, plain_number

MOST_PROBLEMS = 20

_TYPES: dict[type, Type] = {bool: Type.BOOLEAN, str: Type.TEXT, Decimal: Type.NUMBER, datetime: Type.TIMESTAMP}
_ORDERED = frozenset({Type.NUMBER, Type.TIMESTAMP, Type.ANY})


class Checker:
    """Checks one expression. A part that has a problem goes on as a value of any type, so that others are found."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.problems: list[ExpressionProblem] = []
        self.attributes: dict[str, None] = {}
        self.line: Items | None = None
        """The list whose lines are looked at, inside a function of items."""

    def check(self, node: Node, expected: Type | None) -> Operand:
        operand = self.operand(node)
        if expected is not None:
            self._expect(operand, expected)
        return operand

    def operand(self, node: Node) -> Operand:  # noqa: PLR0911  one return a kind of node
        match node:
            case Literal(value=value):
                return closures.constant(value, _TYPES[type(value)], node.place)
            case Name():
                return self._read(node)
            case Call():
                return self._call(node)
            case Comparison():
                return self._comparison(node)
            case Junction():
                return self._junction(node)
            case Choice():
                return self._choice(node)
            case Values():
                return self._wrong(node.place, "a list can't stand here", "lists stand after `in` and `not in`")
        return self._operation(node)

    def _operation(self, node: Node) -> Operand:
        match node:
            case Arithmetic(operator=sign, left=left, right=right):
                one, other = self._number(left, sign), self._number(right, sign)
                evaluate = closures.arithmetic(sign, one, other, node.place)
                return self._made(Type.NUMBER, evaluate, node.place, one, other)
            case Negative(operand=inner):
                number = self._number(inner, "-")
                return self._made(Type.NUMBER, closures.negative(number), node.place, number)
            case Not(operand=inner):
                operand = self.operand(inner)
                return self._made(Type.BOOLEAN, closures.negation(self._condition(operand)), node.place, operand)
        raise TypeError(type(node))

    def _wrong(self, place: SourcePlace, detail: str, hint: str = "") -> Operand:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem(place, detail, hint))
        return Operand(Type.ANY, _never, place)

    def _expect(self, operand: Operand, wanted: Type, hint: str = "") -> None:
        if operand.type not in (wanted, Type.ANY) and wanted is not Type.ANY:
            subject = f"`{operand.attribute}` is" if operand.attribute else "this is"
            hint = hint or _conversion_hint(operand, wanted)
            self._wrong(operand.place, f"{subject} {NAMES[operand.type]}, {NAMES[wanted]} is needed", hint)

    def _number(self, node: Node, sign: str) -> Operand:
        operand = self.operand(node)
        hint = ""
        if operand.type is Type.TIMESTAMP and sign == "-":
            hint = "use `days_between(start, end)`"
        elif operand.type is Type.TEXT and sign == "+":
            hint = "text can't be joined"
        self._expect(operand, Type.NUMBER, hint)
        return operand

    def _condition(self, operand: Operand) -> Holds:
        hint = "compare it, such as `... > 0`" if operand.type is Type.NUMBER else ""
        self._expect(operand, Type.BOOLEAN, hint)
        return closures.condition(operand)

    def _read(self, name: Name) -> Operand:
        path = name.full
        if self.line is not None and path.startswith("item."):
            found = find_attribute(path.removeprefix("item."), self.line.attributes, self.line.namespaces)
            part = 1
        else:
            found, part = self.scope.attribute(path), 0
        if found is None:
            return self._unknown(name)
        self.attributes[path] = None
        read = found.read if self.line is None else _of_pair(found.read, part)
        return Operand(found.type, read, name.place, attribute=path)

    def _unknown(self, name: Name) -> Operand:
        path = name.full
        if path in functions.ALL_NAMES:
            usage = _usage(path)
            return self._wrong(name.place, f"`{path}` is a function", f"write `{usage}`")
        if self.scope.list_of_items(path) is not None:
            hint = f'use a function of items, such as `count({path})` or `sum({path}, "subtotal")`'
            return self._wrong(name.place, f"`{path}` is a list of items", hint)
        if path.partition(".")[0] == "item" and self.line is None:
            hint = "`item.` stands for one line inside `count`, `sum`, `distinct`, `any` and `all`"
            return self._wrong(name.place, f"no attribute `{path}` here", hint)
        return self._wrong(name.place, f"no attribute `{path}`", resembling(path, self._known()))

    def _known(self) -> list[str]:
        names = list(self.scope.attributes)
        if self.line is not None:
            names += [f"item.{name}" for name in self.line.attributes]
        return names

    def _made(self, type_: Type, evaluate: closures.Evaluate, place: SourcePlace, *parts: Operand) -> Operand:
        """An operand that is never absent; when all its parts are constant, the constant it is."""
        made = Operand(type_, evaluate, place, certain=True)
        if self.problems or any(part.constant is None for part in parts):
            return made
        try:
            return closures.constant(evaluate(None), type_, place)
        except ExpressionFailure as failure:
            at = SourcePlace(failure.line, failure.column, failure.pointer)
            return self._wrong(at, f"this always fails: {failure.detail}")

    def _comparison(self, node: Comparison) -> Operand:
        if "in" in node.operators or "not in" in node.operators:
            return self._membership(node)
        operands = [self.operand(part) for part in node.operands]
        for sign, left, right in zip(node.operators, operands[:-1], operands[1:], strict=True):
            self._comparable(sign, left, right)
        if len(operands) > 2:
            holds = closures.chain(node.operators, operands)
            return self._made(Type.BOOLEAN, holds, node.place, *operands)
        (sign,), (left, right) = node.operators, operands
        compared = self._made(Type.BOOLEAN, closures.comparison(sign, left, right), node.place, left, right)
        if sign == "==":
            return _with_equality(compared, left, right)
        return compared

    def _comparable(self, sign: str, left: Operand, right: Operand) -> None:
        if left.type != right.type and Type.ANY not in (left.type, right.type):
            detail = f"{NAMES[left.type]} is compared with {NAMES[right.type]}"
            hint = _conversion_hint(right, left.type) or _conversion_hint(left, right.type)
            self._wrong(right.place, detail, hint)
            return
        unordered = next((operand for operand in (left, right) if operand.type not in _ORDERED), None)
        if sign not in ("==", "!=") and unordered is not None:
            hint = "use `==`, `!=` or `in`"
            if unordered.type is Type.TEXT:
                hint = _conversion_hint(unordered, Type.NUMBER) or _conversion_hint(unordered, Type.TIMESTAMP) or hint
            self._wrong(unordered.place, f"{NAMES[unordered.type]} has no order for `{sign}`", hint)

    def _membership(self, node: Comparison) -> Operand:
        if len(node.operators) > 1:
            return self._wrong(node.place, "`in` can't be chained", "join comparisons with `and`")
        left, right = node.operands
        operand = self.operand(left)
        if isinstance(right, Values):
            checked = self._among(operand, right, node.place)
        else:
            checked = self._within(operand, self.operand(right), node.place)
        if node.operators[0] == "in":
            return checked
        holds = closures.negation(closures.condition(checked))
        return self._made(Type.BOOLEAN, holds, node.place, checked)

    def _among(self, operand: Operand, values: Values, place: SourcePlace) -> Operand:
        if not values.entries:
            return self._wrong(values.place, "the list is empty", "name at least one value")
        constants = [known for entry in values.entries if (known := self._entry(operand, entry)) is not None]
        checked = self._made(Type.BOOLEAN, closures.membership(operand, constants), place, operand)
        if len(constants) == 1:
            return _with_equality(checked, operand, closures.constant(constants[0], operand.type, values.place))
        return checked

    def _entry(self, operand: Operand, entry: Node) -> object:
        """The literal in a list that `operand` is compared with, None when there is a problem with it."""
        before = len(self.problems)
        known = self.operand(entry) if isinstance(entry, Literal | Call) else None
        if known is not None and known.constant is not None:
            self._comparable("==", operand, known)
            return known.constant
        if len(self.problems) == before:
            self._wrong(entry.place, "a list holds only literals", "compare with `==` and `or`")
        return None

    def _within(self, part: Operand, text: Operand, place: SourcePlace) -> Operand:
        hint = 'after `in` stands a list, such as `["a", "b"]`, or a text to look in'
        self._expect(text, Type.TEXT, hint)
        self._expect(part, Type.TEXT)
        contains = FUNCTIONS["contains"]
        evaluate = closures.application(contains.apply, (text, part), contains.parameters, place, contains.absent)
        return self._made(Type.BOOLEAN, evaluate, place, part, text)

    def _junction(self, node: Junction) -> Operand:
        operands = [self.operand(part) for part in _flattened(node)]
        equalities: tuple[tuple[str, Decimal | str | bool], ...] = ()
        if node.word == "and":
            # Equalities can't fail, so looking at them first makes what they say true of every evaluation:
            # one that they rule out is false, whatever would have failed in it.
            operands.sort(key=lambda operand: not operand.equalities)
            equalities = tuple(pair for operand in operands for pair in operand.equalities)
        holds = [self._condition(operand) for operand in operands]
        join = closures.conjunction if node.word == "and" else closures.disjunction
        joined = self._made(Type.BOOLEAN, join(holds), node.place, *operands)
        return Operand(joined.type, joined.evaluate, joined.place, joined.certain, joined.constant, "", equalities)

    def _choice(self, node: Choice) -> Operand:
        decides = self.operand(node.condition)
        holds = self._condition(decides)
        then, otherwise = self.operand(node.then), self.operand(node.otherwise)
        type_ = then.type
        if then.type != otherwise.type:
            type_ = Type.ANY
            if Type.ANY not in (then.type, otherwise.type):
                detail = f"one way gives {NAMES[then.type]}, the other {NAMES[otherwise.type]}"
                self._wrong(otherwise.place, detail, "both must give the same type")
        if decides.constant is not None and not self.problems:
            return then if decides.constant else otherwise
        certain = then.certain and otherwise.certain
        return Operand(type_, closures.choice(holds, then, otherwise), node.place, certain)

    def _call(self, node: Call) -> Operand:
        name = node.function
        special = {"round": self._round, "has": self._has, "timestamp": self._date, "date": self._date}
        special |= dict.fromkeys(OF_ITEMS, self._of_items)
        if name in special:
            return special[name](node)
        if name in FUNCTIONS:
            return self._apply(node, FUNCTIONS[name])
        if self.scope.attribute(name) is not None:
            return self._wrong(node.place, f"`{name}` is an attribute, not a function")
        return self._wrong(node.place, f"no function `{name}`", resembling(name, functions.ALL_NAMES))

    def _apply(self, node: Call, function: Function) -> Operand:
        given, kinds = len(node.arguments), function.parameters
        if function.repeats and 1 <= given <= MOST_ARGUMENTS:
            kinds *= given
        if given != len(kinds):
            return self._misused(node, function.usage, most=MOST_ARGUMENTS if function.repeats else 0)
        operands = [self.operand(argument) for argument in node.arguments]
        for operand, kind in zip(operands, kinds, strict=True):
            self._expect(operand, kind)
        return self._applied(function, operands, kinds, node.place)

    def _applied(
        self, function: Function, operands: Sequence[Operand], kinds: Sequence[Type], place: SourcePlace
    ) -> Operand:
        apply = function.apply
        if function.zoned:
            zone, of_zone = ZoneInfo(self.scope.time_zone), function.apply

            def apply(*values: object) -> object:
                return of_zone(zone, *values)

        evaluate = closures.application(apply, operands, kinds, place, function.absent)
        checked = self._made(function.result, evaluate, place, *operands)
        if function.absent is None and not all(operand.certain for operand in operands):
            return Operand(function.result, evaluate, place)
        return checked

    def _misused(self, node: Call, usage: str, most: int = 0) -> Operand:
        count = len(node.arguments)
        values = "1 value" if count == 1 else f"{count} values"
        limit = f", with at most {most} values" if most else ""
        return self._wrong(node.place, f"`{node.function}` can't take {values}", f"write `{usage}`{limit}")

    def _round(self, node: Call) -> Operand:
        if not 1 <= len(node.arguments) <= 2:
            return self._misused(node, functions.ROUND.usage)
        operands = [self.operand(argument) for argument in node.arguments]
        for operand in operands:
            self._expect(operand, Type.NUMBER)
        if len(operands) == 2 and operands[1].constant not in range(31):
            return self._wrong(operands[1].place, "the digits must be a whole number from 0 to 30, written out")
        return self._applied(functions.ROUND, operands, functions.ROUND.parameters[: len(operands)], node.place)

    def _has(self, node: Call) -> Operand:
        if len(node.arguments) != 1:
            return self._misused(node, SPECIAL["has"])
        operand = self.operand(node.arguments[0])
        if not isinstance(node.arguments[0], Name):
            return self._wrong(operand.place, "`has` takes the name of an attribute", f"write `{SPECIAL['has']}`")
        return Operand(Type.BOOLEAN, closures.presence(operand), node.place, certain=True)

    def _date(self, node: Call) -> Operand:
        match node.arguments:
            case (Literal(value=str(text)),):
                moment = instant(text) if node.function == "timestamp" else self._midnight(text)
                if moment is not None:
                    return closures.constant(moment, Type.TIMESTAMP, node.place)
        detail = f"`{node.function}` takes one text, a date as RFC 3339 writes it"
        return self._wrong(node.place, detail, f"write `{SPECIAL[node.function]}`")

    def _midnight(self, text: str) -> datetime | None:
        """In UTC, because a civil time that a clock change repeats or leaves out equals no other zone's."""
        if len(text) != len("2026-01-31"):
            return None
        try:
            day = date.fromisoformat(text)
            return datetime.combine(day, time(), ZoneInfo(self.scope.time_zone)).astimezone(UTC)
        except (ValueError, OverflowError):
            return None

    def _of_items(self, node: Call) -> Operand:
        valued = node.function in ("sum", "distinct")
        least = 1 if node.function == "count" else 2
        if not least <= len(node.arguments) <= (3 if valued else 2):
            return self._misused(node, OF_ITEMS[node.function])
        found = self._list(node)
        if found is None:
            return Operand(Type.ANY, _never, node.place)
        name, items = found
        self.attributes[name] = None
        self.line = items
        try:
            return self._over_lines(node, items.read, valued=valued)
        finally:
            self.line = None

    def _list(self, node: Call) -> tuple[str, Items] | None:
        if self.line is not None:
            self._wrong(node.place, f"`{node.function}` can't stand inside another function of items")
            return None
        match node.arguments:
            case (Name() as name, *_):
                found = self.scope.list_of_items(name.full)
                if found is not None:
                    return found
                hint = resembling(name.full, self.scope.items)
                self._wrong(name.place, f"`{name.full}` is not a list of items", hint)
            case _:
                hint = f"write `{OF_ITEMS[node.function]}`"
                self._wrong(node.place, f"`{node.function}` takes a list of items first", hint)
        return None

    def _over_lines(self, node: Call, read: Read, *, valued: bool) -> Operand:
        value = self._line_value(node) if valued else None
        conditions = node.arguments[2 if valued else 1 :]
        holds = self._condition(self.operand(conditions[0])) if conditions else None
        every, pairs = closures.lines(read, None), closures.lines(read, holds)
        place = node.place
        if holds is not None and node.function in ("any", "all"):
            over = closures.any_line if node.function == "any" else closures.all_lines
            return Operand(Type.BOOLEAN, over(every, holds), place, certain=True)
        if value is None:
            return Operand(Type.NUMBER, closures.count(pairs), place, certain=True)
        if node.function == "sum":
            self._expect(value, Type.NUMBER)
            return Operand(Type.NUMBER, closures.total(pairs, value, place), place, certain=True)
        return Operand(Type.NUMBER, closures.distinct(pairs, value), place, certain=True)

    def _line_value(self, node: Call) -> Operand:
        """What is taken of each line: an attribute named by a text, or an expression over `item`."""
        argument = node.arguments[1]
        if isinstance(argument, Literal) and isinstance(argument.value, str):
            return self.operand(Name(argument.place, f"item.{argument.value}"))
        return self.operand(argument)


def _with_equality(checked: Operand, left: Operand, right: Operand) -> Operand:
    if left.constant is not None:
        left, right = right, left
    literal = canonical(right.constant)
    if not left.attribute or literal is None or isinstance(literal, datetime):
        return checked
    return Operand(checked.type, checked.evaluate, checked.place, True, None, "", ((left.attribute, literal),))


def _flattened(node: Junction) -> list[Node]:
    """The operands, and those of operands joined by the same word."""
    parts: list[Node] = []
    for operand in node.operands:
        if isinstance(operand, Junction) and operand.word == node.word:
            parts.extend(_flattened(operand))
        else:
            parts.append(operand)
    return parts


def _of_pair(read: Read, part: int) -> Read:
    """`read` applied to the environment (0) or to the line (1) of a pair of both."""
    return lambda pair: read(pair[part])


def _usage(name: str) -> str:
    function = FUNCTIONS.get(name)
    return function.usage if function is not None else {**SPECIAL, **OF_ITEMS}[name]


def _conversion_hint(operand: Operand, wanted: Type) -> str:
    """How a literal of the wrong type would be written."""
    value = operand.constant
    if isinstance(value, str):
        if wanted is Type.NUMBER and plain_number(value) is not None:
            return f"write {value} without quotes"
        if wanted is Type.TIMESTAMP and instant(value) is not None:
            return f'write `timestamp("{value}")`'
    if isinstance(value, Decimal) and wanted is Type.TEXT:
        return f'write `"{text_of(Literal(operand.place, value))}"`, in quotes'
    return ""


def _never(_environment: object) -> object:
    raise AssertionError("an expression with problems is never evaluated")
