"""Finding the few of many conditions that a fact may meet."""

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from domain.expressions import CompiledExpression, Scope
from domain.facts.scope import FactContext

EXPLAINED = 64
"""The most tiered campaigns, and achievements, that one fact is told it did not count for."""

T = TypeVar("T")


class Likely(Generic[T]):
    """What facts of one entity and event type concern.

    Where those that `is_told` are more than a fact is told about, and conditions ask for one value of an attribute
    (`transaction.attributes.channel == "web"`), the fact's own value finds the few that can hold: the others cost
    nothing and are not spoken of. Those that a fact is not told about are always found so.
    """

    def __init__(
        self,
        concerns: Sequence[T] = (),
        condition_of: Callable[[T], CompiledExpression | None] = lambda _: None,
        scope: Scope | None = None,
        is_told: Callable[[T], bool] = lambda _: True,
    ) -> None:
        few = sum(map(is_told, concerns)) <= EXPLAINED
        self._always: list[T] = []
        self._by_value: dict[str, dict[str, list[T]]] = {}
        for concern in concerns:
            equality = _text_equality(condition_of(concern))
            if equality is None or (few and is_told(concern)):
                self._always.append(concern)
            else:
                attribute, value = equality
                self._by_value.setdefault(attribute, {}).setdefault(value, []).append(concern)
        self._readers = {attribute: _reader(scope, attribute) for attribute in self._by_value}

    def likely(self, seen: FactContext) -> Iterator[T]:
        """Those whose condition may hold."""
        yield from self._always
        for attribute, by_value in self._by_value.items():
            value = self._readers[attribute](seen)
            if isinstance(value, str) and value in by_value:
                yield from by_value[value]


def _reader(scope: Scope | None, name: str) -> Callable[[FactContext], object]:
    attribute = scope.attribute(name) if scope else None
    assert attribute  # noqa: S101  the condition that names it was compiled in this scope
    return attribute.read


def _text_equality(compiled: CompiledExpression | None) -> tuple[str, str] | None:
    if compiled is None:
        return None
    return next(((attribute, value) for attribute, value in compiled.equalities if isinstance(value, str)), None)
