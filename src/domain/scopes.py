"""What expressions may name: the acting member, and the transaction or event that they decide about.

Those of campaigns see an `Occasion`: what fired the campaign, which need not have come with a fact.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from domain.attributes import AttributeType, number_in, timestamp_in
from domain.catalogue import EventType
from domain.contribution import Seen
from domain.expressions import Attribute, Items, Namespace, Scope, Type
from domain.occasion import Occasion
from domain.product import Product
from domain.progress import Move
from domain.purchase import Item

MEMBER: Mapping[str, Attribute] = {
    "member.id": Attribute(Type.TEXT, lambda seen: seen.member.id),
    "member.tier": Attribute(Type.TEXT, lambda seen: seen.member.tier),
    "member.referrer": Attribute(Type.TEXT, lambda seen: seen.member.referrer),
}
MEMBER_ATTRIBUTES: Mapping[str, Namespace] = {
    "member.attributes": Namespace(lambda seen, name: seen.member.attributes.get(name))
}

TRANSACTION: Mapping[str, Attribute] = {
    "transaction.id": Attribute(Type.TEXT, lambda seen: seen.transaction.id),
    "transaction.total": Attribute(Type.NUMBER, lambda seen: seen.transaction.total),
    "transaction.currency": Attribute(Type.TEXT, lambda seen: seen.transaction.currency),
    "transaction.purchased_at": Attribute(Type.TIMESTAMP, lambda seen: seen.transaction.purchased_at),
    "transaction.checkout_at": Attribute(
        Type.TIMESTAMP, lambda seen: seen.transaction.checkout_at or seen.transaction.purchased_at
    ),
    "transaction.auto_accept_at": Attribute(Type.TIMESTAMP, lambda seen: seen.transaction.auto_accept_at),
}
TRANSACTION_ATTRIBUTES: Mapping[str, Namespace] = {
    "transaction.attributes": Namespace(lambda seen, name: seen.transaction.attributes.get(name))
}

ITEM: Mapping[str, Attribute] = {
    "product": Attribute(Type.TEXT, lambda item: item.product),
    "quantity": Attribute(Type.NUMBER, lambda item: item.quantity),
    "price": Attribute(Type.NUMBER, lambda item: item.price),
    "subtotal": Attribute(Type.NUMBER, lambda item: item.value if item.has_worth else None),
}


def _item_attribute(item: object, name: str) -> object:
    return item.attributes.get(name) if isinstance(item, Item) else None


ITEM_ATTRIBUTES: Mapping[str, Namespace] = {"attributes": Namespace(_item_attribute)}
ITEMS: Mapping[str, Items] = {"transaction.items": Items(lambda seen: seen.transaction.items, ITEM, ITEM_ATTRIBUTES)}


class Line(Struct, frozen=True, gc=False):
    """An item line with what the catalogue knows of its product."""

    item: Item
    product: Product | None = None


LINE: Mapping[str, Attribute] = {
    "item.product": Attribute(Type.TEXT, lambda line: line.item.product),
    "item.quantity": Attribute(Type.NUMBER, lambda line: line.item.quantity),
    "item.price": Attribute(Type.NUMBER, lambda line: line.item.price),
    "item.subtotal": Attribute(Type.NUMBER, lambda line: line.item.value if line.item.has_worth else None),
    "item.category": Attribute(Type.TEXT, lambda line: line.product and line.product.category),
    "item.brand": Attribute(Type.TEXT, lambda line: line.product and line.product.brand),
}
LINE_OF_ITS_OWN: Mapping[str, Attribute] = {name.removeprefix("item."): read for name, read in LINE.items()}
"""Where a line is all there is, its attributes are also known by their own names."""

OF_PRODUCTS = frozenset({"item.category", "item.brand", "category", "brand"})
"""What only the catalogue knows of a line."""

EVENT: Mapping[str, Attribute] = {
    "event.id": Attribute(Type.TEXT, lambda seen: seen.event.id),
    "event.type": Attribute(Type.TEXT, lambda seen: seen.event.type),
    "event.occurred_at": Attribute(Type.TIMESTAMP, lambda seen: seen.event.occurred_at),
    "event.date": Attribute(Type.TIMESTAMP, lambda seen: seen.event.date),
    "event.expires_at": Attribute(Type.TIMESTAMP, lambda seen: seen.event.expires_at),
}

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

_TYPES = {
    AttributeType.NUMBER: Type.NUMBER,
    AttributeType.STRING: Type.TEXT,
    AttributeType.BOOLEAN: Type.BOOLEAN,
    AttributeType.TIMESTAMP: Type.TIMESTAMP,
}
_READ: Mapping[AttributeType, Callable[[object], object]] = {
    AttributeType.NUMBER: number_in,
    AttributeType.TIMESTAMP: timestamp_in,
}


def member_scope(time_zone: str) -> Scope:
    """For segments: the member alone."""
    return Scope(MEMBER, MEMBER_ATTRIBUTES, time_zone=time_zone)


def transaction_scope(time_zone: str) -> Scope:
    return Scope({**MEMBER, **TRANSACTION}, {**MEMBER_ATTRIBUTES, **TRANSACTION_ATTRIBUTES}, ITEMS, time_zone)


def event_scope(event_type: EventType, time_zone: str) -> Scope:
    """With the attributes that events of this type carry, each of its own type."""
    own = {f"event.attributes.{name}": _event_attribute(name, kind) for name, kind in event_type.attributes.items()}
    return Scope({**MEMBER, **EVENT, **own}, MEMBER_ATTRIBUTES, time_zone=time_zone)


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
        f"event.attributes.{name}": _event_attribute(name, found.pop()) if len(found) == 1 else _untyped(name)
        for name, found in kinds.items()
    }


def _untyped(name: str) -> Attribute:
    return Attribute(Type.ANY, lambda occasion: occasion.event.attributes.get(name) if occasion.event else None)


def line_scope(time_zone: str) -> Scope:
    """One item line, as the conditions of matching items see it."""
    attributes = Namespace(lambda line, name: line.item.attributes.get(name))
    namespaces = {"item.attributes": attributes, "attributes": attributes}
    return Scope({**LINE, **LINE_OF_ITS_OWN}, namespaces, time_zone=time_zone)


def _event_attribute(name: str, kind: AttributeType) -> Attribute:
    read = _READ.get(kind)

    def value(seen: Seen | Occasion) -> object:
        stored = seen.event.attributes.get(name) if seen.event else None
        return read(stored) if read and stored is not None else stored

    return Attribute(_TYPES[kind], value)
