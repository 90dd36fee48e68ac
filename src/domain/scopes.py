"""What expressions may name: the acting member, and the transaction or event that they decide about."""

from collections.abc import Callable, Mapping

from domain.attributes import AttributeType, number_in, timestamp_in
from domain.catalogue import EventType
from domain.contribution import Seen
from domain.expressions import Attribute, Items, Namespace, Scope, Type
from domain.transaction import Item

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
    "subtotal": Attribute(Type.NUMBER, lambda item: item.value),
}


def _item_attribute(item: object, name: str) -> object:
    return item.attributes.get(name) if isinstance(item, Item) else None


ITEMS: Mapping[str, Items] = {
    "transaction.items": Items(lambda seen: seen.transaction.items, ITEM, {"attributes": Namespace(_item_attribute)})
}

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
    own = {f"event.attributes.{name}": _event_attribute(name, kind) for name, kind in event_type.attributes.items()}
    return Scope({**MEMBER, **EVENT, **own}, MEMBER_ATTRIBUTES, time_zone=time_zone)


def _event_attribute(name: str, kind: AttributeType) -> Attribute:
    read = _READ.get(kind)

    def value(seen: Seen) -> object:
        stored = seen.event.attributes.get(name) if seen.event else None
        return read(stored) if read and stored is not None else stored

    return Attribute(_TYPES[kind], value)
