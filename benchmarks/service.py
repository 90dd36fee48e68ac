"""A service to measure: the real command in a process of its own, on an embedded Postgres with durable commits."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import msgspec

MEMBERS = 20_000


def campaign(name: str, channel: str | None = None) -> dict[str, Any]:
    """A monthly campaign that has just begun, for one channel or all."""
    starts_at = datetime.now(UTC) - timedelta(days=1)
    return {
        "name": name,
        "starts_at": starts_at.isoformat(),
        "duration": "1 month",
        "occurrences": 12,
        "grace_period": "7 days",
        "entity": "transaction",
        "aggregate": {"attribute": "total"},
        "filter": {"expression": f'transaction.attributes.channel == "{channel}"'} if channel else None,
        "hit_type": "amount",
        "tiers": [{"from": "0", "to": "50", "reward": "1"}, {"from": "51", "to": "100", "reward": "2"}],
    }


def transactions(prefix: str, members: int = MEMBERS) -> Iterator[dict[str, Any]]:
    """Purchases nobody has sent before, by so many members in turn."""
    at = datetime.now(UTC).isoformat()
    for number in count():
        yield {
            "id": f"{prefix}-{number}",
            "member": f"M-{number * 7919 % members}",
            "purchased_at": at,
            "total": f"{number % 90 + 10}.{number % 100:02}",
            "currency": "EUR",
            "items": [{"product": "SKU-1", "quantity": "1", "price": "9.90"}],
            "attributes": {"channel": "web"},
        }


encode = msgspec.json.encode
