"""Warnings as they are shown: what a definition can be saved with and can't work as meant."""

from collections.abc import Iterable

from msgspec import Struct

from domain.values.problems import Problem


class WarningView(Struct, frozen=True, gc=False):
    """What was saved and can't work as meant: where in the definition (a JSON pointer), of which kind, and why."""

    pointer: str
    code: str
    detail: str


def warnings_shown(warnings: Iterable[Problem]) -> list[WarningView]:
    return [WarningView(warning.pointer, warning.code, warning.detail) for warning in warnings]
