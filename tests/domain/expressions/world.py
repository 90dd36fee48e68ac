"""A scope and an environment for the tests of the language: a member who bought three lines."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.expressions import (
    Attribute,
    CompiledExpression,
    ExpressionFailure,
    Items,
    Namespace,
    Scope,
    Type,
    compile_expression,
)
from domain.expressions.tree import quoted
from domain.values.amounts import written

Environment = Mapping[str, Any]


def attribute(type_: Type, name: str) -> Attribute:
    return Attribute(type_, lambda values: values.get(name))


def namespace(prefix: str) -> Namespace:
    return Namespace(lambda values, name: values.get(f"{prefix}.{name}"))


LINE = {
    "product": Type.TEXT,
    "quantity": Type.NUMBER,
    "price": Type.NUMBER,
    "subtotal": Type.NUMBER,
}
NAMES = {
    "member.tier": Type.TEXT,
    "member.referrer": Type.TEXT,
    "transaction.total": Type.NUMBER,
    "transaction.currency": Type.TEXT,
    "transaction.purchased_at": Type.TIMESTAMP,
    "transaction.auto_accept_at": Type.TIMESTAMP,
    "event.attributes.minutes": Type.NUMBER,
    "event.attributes.amount": Type.NUMBER,
    "event.attributes.indoor": Type.BOOLEAN,
    "event.attributes.heart-rate": Type.NUMBER,
    "event.attributes.class": Type.TEXT,
}
SCOPE = Scope(
    {name: attribute(type_, name) for name, type_ in NAMES.items()},
    {prefix: namespace(prefix) for prefix in ("member.attributes", "transaction.attributes")},
    {
        "transaction.items": Items(
            lambda values: values.get("transaction.items"),
            {name: attribute(type_, name) for name, type_ in LINE.items()},
            {"attributes": namespace("attributes")},
        )
    },
    "Europe/Budapest",
)

ENVIRONMENT: Environment = {
    "member.tier": "gold",
    "transaction.total": Decimal("49.90"),
    "transaction.currency": "EUR",
    "transaction.purchased_at": datetime.fromisoformat("2026-09-03T22:15:00+00:00"),
    "transaction.items": (
        {"product": "SKU-1", "quantity": Decimal(2), "price": Decimal(15), "subtotal": Decimal(30)},
        {"product": "SKU-2", "quantity": Decimal(1), "price": Decimal("9.90"), "subtotal": Decimal("9.90")},
        {"product": "SKU-1", "quantity": Decimal(1), "price": Decimal(10), "attributes.color": "red"},
    ),
    "event.attributes.minutes": Decimal(35),
    "event.attributes.amount": Decimal(0),
    "event.attributes.indoor": True,
    "event.attributes.heart-rate": Decimal(120),
    "event.attributes.class": "Yoga 2",
    "member.attributes.city": "Paris",
    "member.attributes.vip": True,
    "transaction.attributes.channel": "web",
    "transaction.attributes.weight": "12.50",
    "transaction.attributes.code": "007",
    "transaction.attributes.paid_at": "2026-09-04T00:15:00+02:00",
    "transaction.attributes.utm-source": "mail",
}


def shown(value: object) -> str:
    """A value as the tables of the tests and the documentation write it."""
    match value:
        case None:
            return "absent"
        case bool():
            return "true" if value else "false"
        case Decimal():
            return written(value)
        case str():
            return quoted(value)
        case datetime():
            return value.isoformat()
    raise TypeError(type(value))


def outcome(source: str, environment: Environment = ENVIRONMENT, scope: Scope = SCOPE) -> str:
    """`=> value`, `~> line:column failure` or `!! line:column problem | ...`."""
    compiled = compile_expression(source, scope)
    if not isinstance(compiled, CompiledExpression):
        return "!! " + " | ".join(f"{found.line}:{found.column} {found.message}" for found in compiled)
    try:
        return f"=> {shown(compiled.evaluate(environment))}"
    except ExpressionFailure as failure:
        return f"~> {failure.line}:{failure.column} {failure.detail}"
