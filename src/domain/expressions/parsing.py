"""From tokens to the tree. Python's own parser decides precedence and nothing else.

It is handed a skeleton of the tokens in which every name and literal is the letter `x`, so that no text of a
caller reaches it, and what it answers is read by the position of each `x`.
"""

import ast
from decimal import Decimal

from domain.expressions.faults import SourcePlace, problem
from domain.expressions.tokens import MOST_DEPTH, Token, TokenKind, Unreadable, tokens_of, too_deep
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
    is_identifier,
)

MOST_NODES = 500
MOST_VALUES = 500

_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Mod: "%",
}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}


def parsed(source: str, pointer: str = "") -> Node:
    """The tree of `source`, whose places carry `pointer`; raises `Unreadable`."""
    tokens = tokens_of(source, pointer)
    skeleton, by_offset = _skeleton(tokens)
    try:
        body = ast.parse(skeleton, mode="eval").body
    except (RecursionError, MemoryError):
        raise Unreadable(too_deep(tokens[0].place)) from None
    except SyntaxError as error:
        at = by_offset.get((error.offset or 1) - 1, tokens[0])
        raise Unreadable(problem(at.place, "can't be read here")) from None
    return _Reader(by_offset).node(body, 1)


def _skeleton(tokens: list[Token]) -> tuple[str, dict[int, Token]]:
    """The skeleton, and the token that begins at each of its offsets."""
    parts: list[str] = []
    by_offset: dict[int, Token] = {}
    offset = 0
    for token in tokens:
        part = token.text if token.kind is TokenKind.SIGN else "x"
        by_offset[offset] = token
        parts.append(part)
        offset += len(part) + 1
    return " ".join(parts[:-1]), by_offset


class _Reader:
    def __init__(self, by_offset: dict[int, Token]) -> None:
        self.by_offset = by_offset
        self.nodes = 0

    def node(self, syntax: ast.expr, depth: int) -> Node:
        token = self.by_offset[syntax.col_offset]
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise Unreadable(problem(token.place, f"has more than {MOST_NODES} parts", "split it into simpler ones"))
        if depth > MOST_DEPTH:
            raise Unreadable(too_deep(token.place))
        match syntax:
            case ast.Name():
                return self._operand(token)
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return self._values(elements, token.place, depth)
            case ast.Call() | ast.Subscript():
                return self._applied(syntax, token, depth)
        return self._operation(syntax, token.place, depth)

    def _operand(self, token: Token) -> Node:
        if token.kind is TokenKind.NAME:
            return Name(token.place, token.text)
        return Literal(token.place, token.value)

    def _operation(self, syntax: ast.expr, place: SourcePlace, depth: int) -> Node:
        below = depth + 1
        match syntax:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Not(place, self.node(operand, below))
            case ast.UnaryOp(operand=operand):
                return _negative(place, self.node(operand, below))
            case ast.BinOp(op=operator, left=left, right=right):
                return Arithmetic(place, _ARITHMETIC[type(operator)], self.node(left, below), self.node(right, below))
            case ast.BoolOp(op=operator, values=values):
                word = "and" if isinstance(operator, ast.And) else "or"
                return Junction(place, word, tuple(self.node(value, below) for value in values))
            case ast.Compare(left=left, ops=operators, comparators=others):
                operands = tuple(self.node(operand, below) for operand in (left, *others))
                return Comparison(place, operands, tuple(_COMPARISONS[type(operator)] for operator in operators))
            case ast.IfExp(test=test, body=then, orelse=otherwise):
                return Choice(place, self.node(then, below), self.node(test, below), self.node(otherwise, below))
        raise Unreadable(problem(place, "is not part of the language"))

    def _values(self, elements: list[ast.expr], place: SourcePlace, depth: int) -> Node:
        if len(elements) > MOST_VALUES:
            raise Unreadable(problem(place, f"a list of {len(elements)} values", f"at most {MOST_VALUES} are allowed"))
        before = self.nodes
        entries = []
        for element in elements:
            entries.append(self.node(element, depth + 1))
            # Values in a list have a bound of their own; they cost nothing when it is evaluated.
            self.nodes = before
        return Values(place, tuple(entries))

    def _applied(self, syntax: ast.Call | ast.Subscript, token: Token, depth: int) -> Node:
        if isinstance(syntax, ast.Call):
            arguments = tuple(self.node(argument, depth + 1) for argument in syntax.args)
            return Call(token.place, token.text, arguments)
        key = self.node(syntax.slice, depth + 1)
        if not isinstance(key, Literal) or not isinstance(key.value, str) or not key.value:
            raise Unreadable(problem(key.place, "only a text can stand in `[...]` here", 'such as `["utm-source"]`'))
        if is_identifier(key.value):
            return Name(token.place, f"{token.text}.{key.value}")
        return Name(token.place, token.text, key.value)


def _negative(place: SourcePlace, operand: Node) -> Node:
    if isinstance(operand, Literal) and isinstance(operand.value, Decimal):
        return Literal(place, operand.value.copy_negate())
    return Negative(place, operand)
