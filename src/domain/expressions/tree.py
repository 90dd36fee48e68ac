"""The tree of an expression, the same for what was written and for structured conditions, and its text."""

import re
from decimal import Decimal

from msgspec import Struct

from domain.expressions.faults import SourcePlace
from domain.values.amounts import written


class Node(Struct, frozen=True):
    place: SourcePlace


class Literal(Node, frozen=True):
    value: Decimal | str | bool


class Values(Node, frozen=True):
    """A written list, for `in`."""

    entries: tuple[Node, ...]


class Name(Node, frozen=True):
    """A dotted path; with `key`, an attribute of a namespace whose name is not an identifier."""

    path: str
    key: str = ""

    @property
    def full(self) -> str:
        return f"{self.path}.{self.key}" if self.key else self.path


class Negative(Node, frozen=True):
    operand: Node


class Not(Node, frozen=True):
    operand: Node


class Arithmetic(Node, frozen=True):
    operator: str
    left: Node
    right: Node


class Comparison(Node, frozen=True):
    """`operands[0] operators[0] operands[1] operators[1] ...`"""

    operands: tuple[Node, ...]
    operators: tuple[str, ...]


class Junction(Node, frozen=True):
    """Operands joined by `and` or by `or`."""

    word: str
    operands: tuple[Node, ...]


class Choice(Node, frozen=True):
    then: Node
    condition: Node
    otherwise: Node


class Call(Node, frozen=True):
    function: str
    arguments: tuple[Node, ...]


_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"})
_BINDING = {"or": 1, "and": 2, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6}
_NOT, _COMPARISON, _NEGATIVE, _ATOM = 3, 4, 7, 8


def is_identifier(name: str) -> bool:
    return _IDENTIFIER.fullmatch(name) is not None


def text_of(node: Node) -> str:
    """The expression as text; reading it gives an equal tree, places aside."""
    return _bound(node)[0]


def quoted(text: str) -> str:
    return '"' + text.translate(_ESCAPES) + '"'


def _inside(node: Node, least: int) -> str:
    text, binding = _bound(node)
    return text if binding >= least else f"({text})"


def _joined(nodes: tuple[Node, ...]) -> str:
    return ", ".join(text_of(node) for node in nodes)


def _bound(node: Node) -> tuple[str, int]:  # noqa: PLR0911  one return a kind of node
    """The text of a node, and how tightly it binds: an operand that binds less needs brackets."""
    match node:
        case Literal(value=bool(value)):
            return ("true" if value else "false"), _ATOM
        case Literal(value=Decimal() as number):
            return written(number), _NEGATIVE if number.is_signed() else _ATOM
        case Literal(value=str(text)):
            return quoted(text), _ATOM
        case Values(entries=entries):
            return f"[{_joined(entries)}]", _ATOM
        case Name(path=path, key=key):
            return (f"{path}[{quoted(key)}]" if key else path), _ATOM
        case Call(function=function, arguments=arguments):
            return f"{function}({_joined(arguments)})", _ATOM
        case Negative(operand=operand):
            return f"-{_inside(operand, _NEGATIVE)}", _NEGATIVE
        case Not(operand=operand):
            return f"not {_inside(operand, _NOT)}", _NOT
    return _bound_operators(node)


def _bound_operators(node: Node) -> tuple[str, int]:
    match node:
        case Arithmetic(operator=operator, left=left, right=right):
            binding = _BINDING[operator]
            return f"{_inside(left, binding)} {operator} {_inside(right, binding + 1)}", binding
        case Comparison(operands=operands, operators=operators):
            first, *others = (_inside(operand, _COMPARISON + 1) for operand in operands)
            pairs = zip(operators, others, strict=True)
            return " ".join([first, *(f"{operator} {operand}" for operator, operand in pairs)]), _COMPARISON
        case Junction(word=word, operands=operands):
            binding = _BINDING[word]
            return f" {word} ".join(_inside(operand, binding + 1) for operand in operands), binding
        case Choice(then=then, condition=condition, otherwise=otherwise):
            return f"{_inside(then, 1)} if {_inside(condition, 1)} else {_inside(otherwise, 0)}", 0
    raise TypeError(type(node))
