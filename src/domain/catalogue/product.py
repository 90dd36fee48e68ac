"""A product. A fact may carry an sku that is not known; a campaign's criteria may not."""

from decimal import Decimal
from typing import ClassVar

from msgspec import Struct


class Product(Struct, frozen=True, gc=False):
    sku: str
    name: str
    category: str | None = None
    brand: str | None = None
    price: Decimal | None = None


class Put(Struct, frozen=True, gc=False):
    tag: ClassVar[str] = "product.put"
    product: Product


def evolve(_: Product | None, event: Put) -> Product:
    return event.product
