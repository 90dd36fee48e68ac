"""What expressions may name: the acting member, and the transaction or event that they decide about."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from domain.catalogue.entries import EventType
from domain.catalogue.product import Product
from domain.expressions import Attribute, Items, Namespace, Scope, Type
from domain.facts.event import Happening
from domain.facts.purchase import Item, Purchase
from domain.facts.refund import PurchaseBalance
from domain.members.member import Member
from domain.values.attributes import AttributeType, number_in, timestamp_in


class FactContext(Struct, frozen=True, gc=False):
    """What expressions see: the acting member as of the fact, and the fact.

    `left` is of a transaction what refunds have left, for what is made of its attributes; None where all of it is.
    """

    member: Member
    transaction: Purchase | None = None
    event: Happening | None = None
    left: PurchaseBalance | None = None


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


class ItemLine(Struct, frozen=True, gc=False):
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
    own = {f"event.attributes.{name}": event_attribute(name, kind) for name, kind in event_type.attributes.items()}
    return Scope({**MEMBER, **EVENT, **own}, MEMBER_ATTRIBUTES, time_zone=time_zone)


def line_scope(time_zone: str) -> Scope:
    """One item line, as the conditions of matching items see it."""
    attributes = Namespace(lambda line, name: line.item.attributes.get(name))
    namespaces = {"item.attributes": attributes, "attributes": attributes}
    return Scope({**LINE, **LINE_OF_ITS_OWN}, namespaces, time_zone=time_zone)


def event_attribute(name: str, kind: AttributeType) -> Attribute:
    read = _READ.get(kind)

    def value(stored: object) -> object:
        return read(stored) if read and stored is not None else stored

    return Attribute(_TYPES[kind], lambda seen: value(seen.event.attributes.get(name)) if seen.event else None)
