"""From text to tokens, with everything that is not part of the language refused where it stands.

What passes here is well formed but for precedence: brackets match, values and operators alternate, nesting is bounded.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from domain.expressions.faults import ExpressionProblem, SourcePlace, problem
from domain.expressions.values import plain_number

MOST_CHARACTERS = 4000
MOST_DEPTH = 50
LONGEST_TEXT = 500
LONGEST_NAME = 200

_LEXEME = re.compile(
    r"""
    (?P<space>[ \t\r\n]+)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
  | (?P<number>[0-9][0-9A-Za-z_.]*)
  | (?P<text>"(?:[^"\\\r\n]|\\[^\r\n])*"|'(?:[^'\\\r\n]|\\[^\r\n])*')
  | (?P<foreign>\*\*|//|&&|\|\||<>|=>|=<|:=|<<|>>|===)
  | (?P<operator><=|>=|==|!=|[-+*/%<>(),\[\]])
    """,
    re.VERBOSE,
)
_FOREIGN_HINTS = {
    "**": "powers are not offered; multiply instead",
    "//": "use `floor(a / b)`",
    "&&": "use `and`",
    "||": "use `or`",
    "!": "use `not`, or `!=` for unequal",
    "<>": "use `!=`",
    "=>": "use `>=`",
    "=<": "use `<=`",
    "=": "use `==` to compare",
    "===": "use `==`",
    ":=": "use `==` to compare",
    ".": "a number has a digit before its point, a name no space around it",
    "#": "comments are not offered",
    "{": "lists are written in `[` and `]`",
    "\u201c": 'write text in straight quotes, "like this"',
    "\u201d": 'write text in straight quotes, "like this"',
    "\u2018": 'write text in straight quotes, "like this"',
    "\u2019": 'write text in straight quotes, "like this"',
}
_WORD_HINTS = {
    "is": "use `==`",
    "not": "write `not in`",
    "AND": "use `and`",
    "OR": "use `or`",
    "IN": "use `in`",
    "contains": "write `contains(text, part)`",
    "then": "write `a if condition else b`",
    "between": "write `low <= value <= high`",
}
_WORDS = frozenset({"and", "or", "not", "in", "if", "else"})
_BOOLEANS = {"true": True, "True": True, "false": False, "False": False}
_NOTHING = frozenset({"None", "null", "nil", "undefined"})
_ESCAPES = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "t": "\t", "r": "\r"}
_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_BEFORE_NOT = frozenset({"(", "[", ",", "and", "or", "not", "if", "else"})


class TokenKind(StrEnum):
    NAME = "name"
    LITERAL = "literal"
    SIGN = "sign"
    END = "end"


class Token(Struct, frozen=True, gc=False):
    """`text` is as written; `value` is the literal's."""

    kind: TokenKind
    text: str
    place: SourcePlace
    value: Decimal | str | bool = False


class Unreadable(Exception):  # noqa: N818  internal: ends the reading at the first thing that can't be read
    def __init__(self, found: ExpressionProblem) -> None:
        super().__init__(found.message)
        self.problem = found


def tokens_of(source: str, pointer: str = "") -> list[Token]:
    """The tokens of a well-formed expression; raises `Unreadable`."""
    start = SourcePlace(1, 1, pointer)
    if len(source) > MOST_CHARACTERS:
        raise Unreadable(problem(start, f"is {len(source)} characters long", f"at most {MOST_CHARACTERS} are allowed"))
    tokens = list(_lexemes(source, pointer))
    if len(tokens) == 1:
        raise Unreadable(problem(start, "is empty", "write an expression"))
    _Shape().read(tokens)
    return tokens


def unfit(text: str) -> str | None:
    """Why `text` can't be a text literal, or None."""
    if len(text) > LONGEST_TEXT:
        return f"text of {len(text)} characters; at most {LONGEST_TEXT} are allowed"
    if _UNFIT.search(text):
        return "text with a control character"
    return None


def _lexemes(source: str, pointer: str) -> Iterator[Token]:
    line, line_start, at = 1, 0, 0
    while at < len(source):
        place = SourcePlace(line, at - line_start + 1, pointer)
        found = _LEXEME.match(source, at)
        if found is None or found.lastgroup is None or found.lastgroup == "foreign":
            raise _foreign(found.group() if found else source[at], place)
        text = found.group()
        if found.lastgroup == "space":
            line += text.count("\n")
            line_start = at + text.rindex("\n") + 1 if "\n" in text else line_start
        else:
            yield _token(found.lastgroup, text, place)
        at = found.end()
    yield Token(TokenKind.END, "", SourcePlace(line, at - line_start + 1, pointer))


def _foreign(text: str, place: SourcePlace) -> Unreadable:
    if text in "\"'":
        return Unreadable(problem(place, "the text is not closed on its line", f"end it with {text}"))
    shown = text if text.isprintable() else f"U+{ord(text[0]):04X}"
    return Unreadable(problem(place, f"`{shown}` is not part of the language", _FOREIGN_HINTS.get(text, "")))


def _token(group: str, text: str, place: SourcePlace) -> Token:
    if group == "number":
        return Token(TokenKind.LITERAL, text, place, _number(text, place))
    if group == "text":
        return Token(TokenKind.LITERAL, text, place, _text(text, place))
    if group == "name":
        return _name(text, place)
    return Token(TokenKind.SIGN, text, place)


def _number(text: str, place: SourcePlace) -> Decimal:
    number = plain_number(text)
    if number is None:
        shown = text if len(text) <= 40 else text[:40] + "..."
        hint = "write digits with at most one point, such as 1000.50; at most 20 before it and 30 after it"
        raise Unreadable(problem(place, f"`{shown}` is not a plain number", hint))
    return number


def _text(text: str, place: SourcePlace) -> str:
    parts = re.split(r"\\(.)", text[1:-1])
    for index, escape in enumerate(parts[1::2]):
        if escape not in _ESCAPES:
            raise Unreadable(problem(place, f"`\\{escape}` means nothing in text", "write `\\\\` for a backslash"))
        parts[2 * index + 1] = _ESCAPES[escape]
    value = "".join(parts)
    fault = unfit(value)
    if fault is not None:
        raise Unreadable(problem(place, fault))
    return value


def _name(text: str, place: SourcePlace) -> Token:
    if text in _WORDS:
        return Token(TokenKind.SIGN, text, place)
    if text in _BOOLEANS:
        return Token(TokenKind.LITERAL, text, place, _BOOLEANS[text])
    if text in _NOTHING:
        raise Unreadable(
            problem(place, f"`{text}` is not part of the language", "use `has(attribute)`, `not has(...)`")
        )
    if len(text) > LONGEST_NAME:
        raise Unreadable(problem(place, f"a name of {len(text)} characters", f"at most {LONGEST_NAME} are allowed"))
    return Token(TokenKind.NAME, text, place)


class _Open(Struct):
    """An open bracket (none for the whole expression), and the `if`s in it that wait for their `else`."""

    token: Token | None
    call: bool = False
    waiting: list[Token] = []


class _Shape:
    """Checks that values and operators alternate and that brackets and `if` ... `else` match."""

    def __init__(self) -> None:
        self.open = [_Open(None)]
        self.value_is_next = True
        self.previous: Token | None = None

    def read(self, tokens: list[Token]) -> None:
        for index, token in enumerate(tokens):
            if token.kind is TokenKind.END:
                self._end(token)
            elif token.kind is not TokenKind.SIGN:
                self._value(token)
            elif token.text in "([":
                self._opening(token)
            elif token.text in ")]":
                self._closing(token)
            elif token.text == "not":
                self._not(token, tokens[index + 1])
            else:
                self._operator(token)
            self.previous = token

    def _value(self, token: Token) -> None:
        if not self.value_is_next:
            hint = _WORD_HINTS.get(token.text, "")
            raise Unreadable(problem(token.place, f"an operator is missing before `{_shown(token)}`", hint))
        self.value_is_next = False

    def _opening(self, token: Token) -> None:
        call = not self.value_is_next
        if call and (self.previous is None or self.previous.kind is not TokenKind.NAME):
            raise Unreadable(problem(token.place, f"an operator is missing before `{token.text}`"))
        if len(self.open) > MOST_DEPTH:
            raise Unreadable(too_deep(token.place))
        self.open.append(_Open(token, call))
        self.value_is_next = True

    def _closing(self, token: Token) -> None:
        opened = self.open[-1].token
        if opened is None or opened.text + token.text not in ("()", "[]"):
            raise Unreadable(problem(token.place, f"`{token.text}` closes nothing"))
        self._no_if_waits()
        empty = self.previous is opened and self.open[-1].call is (token.text == ")")
        if self.value_is_next and not empty and not (self.previous is not None and self.previous.text == ","):
            raise Unreadable(problem(token.place, f"a value is missing before `{token.text}`"))
        self.open.pop()
        self.value_is_next = False

    def _not(self, token: Token, following: Token) -> None:
        if not self.value_is_next:
            if following.kind is not TokenKind.SIGN or following.text != "in":
                raise Unreadable(problem(token.place, "an operator is missing before `not`", _WORD_HINTS["not"]))
        elif self.previous is not None and self.previous.text not in _BEFORE_NOT:
            raise Unreadable(problem(token.place, "`not` can't stand here", "put it in brackets: `(not ...)`"))

    def _operator(self, token: Token) -> None:
        if self.value_is_next:
            if token.text == "-":
                return
            raise Unreadable(problem(token.place, f"a value is missing before `{token.text}`"))
        self.value_is_next = True
        if token.text == "if":
            self.open[-1].waiting.append(token)
        elif token.text == "else":
            if not self.open[-1].waiting:
                raise Unreadable(problem(token.place, "`else` without `if`", "write `a if condition else b`"))
            self.open[-1].waiting.pop()
        elif token.text == ",":
            if self.open[-1].token is None:
                raise Unreadable(problem(token.place, "a comma can't stand here", "lists are written in `[` and `]`"))
            self._no_if_waits()

    def _end(self, token: Token) -> None:
        if self.value_is_next:
            raise Unreadable(problem(token.place, "a value is missing at the end"))
        opened = self.open[-1].token
        if opened is not None:
            raise Unreadable(problem(opened.place, f"`{opened.text}` is never closed"))
        self._no_if_waits()

    def _no_if_waits(self) -> None:
        if self.open[-1].waiting:
            place = self.open[-1].waiting[-1].place
            raise Unreadable(problem(place, "`if` without `else`", "write `a if condition else b`"))


def too_deep(place: SourcePlace) -> ExpressionProblem:
    return problem(place, f"is nested more than {MOST_DEPTH} levels deep", "split it into simpler parts")


def _shown(token: Token) -> str:
    return token.text if len(token.text) <= 40 else token.text[:40] + "..."
