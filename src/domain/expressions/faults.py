"""What can be wrong with an expression: as it is written, and as it is evaluated."""

from msgspec import Struct

from domain.values.problems import Problem


class SourcePlace(Struct, frozen=True, gc=False):
    """Where something was written: line and column from 1, and for a structured condition its JSON pointer."""

    line: int = 1
    column: int = 1
    pointer: str = ""


class ExpressionProblem(Struct, frozen=True, gc=False):
    """Why an expression can't be taken. `hint` says what would be right, or is empty.

    `pointer` is empty for a written expression; in a structured condition it leads to the part that is wrong.
    """

    line: int
    column: int
    detail: str
    hint: str = ""
    pointer: str = ""

    @property
    def message(self) -> str:
        return f"{self.detail}; {self.hint}" if self.hint else self.detail

    def at(self, pointer: str) -> Problem:
        """As a problem of the body that holds the expression at `pointer`."""
        return Problem(pointer, f"line {self.line}, column {self.column}: {self.message}", "expression")


def problem(place: SourcePlace, detail: str, hint: str = "") -> ExpressionProblem:
    return ExpressionProblem(place.line, place.column, detail, hint, place.pointer)


class ExpressionFailure(Exception):  # noqa: N818  an outcome to record, not an error of the program
    """An evaluation that has no result, such as a division by zero: the only exception `evaluate` raises itself."""

    def __init__(self, detail: str, place: SourcePlace) -> None:
        super().__init__(detail)
        self.detail = detail
        self.line = place.line
        self.column = place.column
        self.pointer = place.pointer
