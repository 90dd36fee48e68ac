"""The catalogue and the products, as they are now."""

import msgspec

from application.log.events import Recorded
from domain.catalogue import entries as catalogue
from domain.catalogue import product
from projections.engine.changes import Changes, Table
from projections.engine.columns import BIGINT, INSTANT, INT, JSON, NUMERIC, TEXT
from projections.engine.projection import Projection

ENTRIES = Table(
    "entries",
    ("kind", "code"),
    {"kind": TEXT, "code": TEXT, "body": JSON, "version": INT, "updated_at": INSTANT, "position": BIGINT},
)

PRODUCTS = Table(
    "products",
    ("sku",),
    {
        "sku": TEXT,
        "name": TEXT,
        "category": TEXT,
        "brand": TEXT,
        "price": NUMERIC,
        "version": INT,
        "updated_at": INSTANT,
        "position": BIGINT,
    },
)


def entry_put(changes: Changes, recorded: Recorded) -> None:
    entry: catalogue.Entry = recorded.event.entry
    row = {
        "body": msgspec.json.encode(entry),
        "version": recorded.version,
        "updated_at": recorded.envelope.recorded_at,
        "position": recorded.position,
    }
    changes.put(ENTRIES, (catalogue.kind_of(type(entry)), entry.code), row)


def product_put(changes: Changes, recorded: Recorded) -> None:
    put: product.Product = recorded.event.product
    row = {
        "name": put.name,
        "category": put.category,
        "brand": put.brand,
        "price": put.price,
        "version": recorded.version,
        "updated_at": recorded.envelope.recorded_at,
        "position": recorded.position,
    }
    changes.put(PRODUCTS, (put.sku,), row)


PROJECTION = Projection(
    name="catalogue",
    version=1,
    tables=(ENTRIES, PRODUCTS),
    folds={catalogue.EntryPut.tag: entry_put, product.Put.tag: product_put},
)
