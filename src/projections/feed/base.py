"""What the feed's events of every noun are made of."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from application.log.events import Recorded
from domain.campaigns.participation import decision_id
from domain.facts.fact import Fact, FactKind

Shapes = dict[str, tuple[Any, Callable[[Recorded], Any]]]
"""Events of the feed by the log's own tag: the class, and what makes its `data`."""


class FeedEventBase(Struct, frozen=True, gc=False, tag_field="type"):
    position: str
    recorded_at: datetime


class FactReference(Struct, frozen=True, gc=False):
    """A fact by its kind and the caller's id."""

    kind: FactKind
    id: str


def reference(fact: Fact) -> FactReference:
    return FactReference(fact.kind, fact.id)


def decision_of(recorded: Recorded) -> UUID:
    """The id of the decision that an event is."""
    return decision_id(recorded.stream, recorded.version)
