"""What the expressions of campaigns may name: an `Occasion`, which need not have come with a fact."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from domain.achievements.progress import Move
from domain.campaigns.occasion import Occasion
from domain.catalogue.entries import EventType
from domain.expressions import Attribute, Items, Namespace, Scope, Type
from domain.facts.purchase import Item
from domain.facts.scope import (
    EVENT,
    ITEM,
    ITEM_ATTRIBUTES,
    MEMBER,
    MEMBER_ATTRIBUTES,
    TRANSACTION,
    event_attribute,
)
from domain.values.attributes import AttributeType

ACHIEVEMENT: Mapping[str, Attribute] = {
    "achievement.id": Attribute(Type.TEXT, lambda occasion: str(occasion.achievement.id)),
    "achievement.name": Attribute(Type.TEXT, lambda occasion: occasion.achievement.name),
    "achievement.completions": Attribute(Type.NUMBER, lambda occasion: Decimal(occasion.achievement.completions)),
}


_MOVE: Mapping[str, Callable[[Move], Decimal]] = {
    "rule": lambda move: Decimal(move.rule),
    "value": lambda move: move.value,
    "goal": lambda move: move.goal,
}


def _of_last_move(read: Callable[[Move], Decimal]) -> Attribute:
    return Attribute(Type.NUMBER, lambda occasion: read(occasion.moves[-1]) if occasion.moves else None)


PROGRESS: Mapping[str, Attribute] = {f"progress.{name}": _of_last_move(read) for name, read in _MOVE.items()}
"""Of the rule that the fact moved last."""


MOVES: Mapping[str, Items] = {
    "progress.rules": Items(
        lambda occasion: occasion.moves, {name: Attribute(Type.NUMBER, read) for name, read in _MOVE.items()}
    )
}
"""Every rule of the achievement that the fact moved."""


def campaign_scope(event_types: Sequence[EventType], time_zone: str, *, with_transaction: bool) -> Scope:
    """For campaigns: the environment is an `Occasion`, and the fact behind it one that the achievement takes.

    That is a transaction or an event of one of the types; what belongs to another fact than the one there is, is
    absent. An attribute that two types have as different things is known only at run time.
    """
    attributes = {**MEMBER, **ACHIEVEMENT, **PROGRESS}
    namespaces = dict(MEMBER_ATTRIBUTES)
    items = dict(MOVES)
    if with_transaction:
        attributes |= {name: _of_transaction(attribute) for name, attribute in TRANSACTION.items()}
        namespaces |= {"transaction.attributes": Namespace(_transaction_attribute)}
        items |= {"transaction.items": Items(_transaction_items, ITEM, ITEM_ATTRIBUTES)}
    if event_types:
        attributes |= {name: _of_event(attribute) for name, attribute in EVENT.items()}
        attributes |= _event_attributes(event_types)
    return Scope(attributes, namespaces, items, time_zone)


def _of_transaction(attribute: Attribute) -> Attribute:
    read = attribute.read
    return Attribute(attribute.type, lambda occasion: read(occasion) if occasion.transaction else None)


def _of_event(attribute: Attribute) -> Attribute:
    read = attribute.read
    return Attribute(attribute.type, lambda occasion: read(occasion) if occasion.event else None)


def _transaction_attribute(occasion: Occasion, name: str) -> object:
    return occasion.transaction.attributes.get(name) if occasion.transaction else None


def _transaction_items(occasion: Occasion) -> tuple[Item, ...]:
    return occasion.transaction.items if occasion.transaction else ()


def _event_attributes(event_types: Sequence[EventType]) -> dict[str, Attribute]:
    kinds: dict[str, set[AttributeType]] = {}
    for event_type in event_types:
        for name, kind in event_type.attributes.items():
            kinds.setdefault(name, set()).add(kind)
    return {
        f"event.attributes.{name}": event_attribute(name, found.pop()) if len(found) == 1 else _untyped(name)
        for name, found in kinds.items()
    }


def _untyped(name: str) -> Attribute:
    return Attribute(Type.ANY, lambda occasion: occasion.event.attributes.get(name) if occasion.event else None)
