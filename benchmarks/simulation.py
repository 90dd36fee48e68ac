"""How long it takes to say what one fact would do where 100 campaigns would decide about it.

python -m benchmarks.simulation
"""

import statistics
from datetime import UTC, datetime, timedelta
from itertools import islice
from time import perf_counter
from typing import Any

from benchmarks.figures import Figure, show
from benchmarks.service import transactions
from examples.service import Service, serving

CAMPAIGNS = 100
PROBES = 200
MOST_MILLISECONDS = 50

ACHIEVEMENT = {
    "name": "Buyer",
    "active": True,
    "rules": [{"name": "Buy", "trigger": "transaction", "count": {"kind": "occurrences"}, "goal": "1"}],
}
LIMITS = {
    "member_executions": {"value": "1", "interval": {"unit": "day"}},
    "total_units": {"value": "1000000"},
}


def campaign(achievement: str, number: int) -> dict[str, Any]:
    """One that pays by the purchase which completed the achievement, within limits."""
    conditions = {"all": [{"attribute": "transaction.attributes.channel", "operator": "eq", "value": "web"}]}
    effect = {"kind": "give_units", "account": "points", "units": "transaction.total * 2"}
    return {
        "name": f"Campaign {number}",
        "achievement": achievement,
        "starts_at": (datetime.now(UTC) - timedelta(days=1)).isoformat(),
        "rules": [{"name": "Prize", "conditions": conditions, "effects": [effect]}],
        "limits": LIMITS,
    }


def probe(service: Service, prefix: str) -> list[float]:
    """Milliseconds until a simulation of one fact is answered, every campaign's decision in it."""
    found = []
    for fact in islice(transactions(prefix), PROBES):
        began = perf_counter()
        answer = service.post("/v1/simulations", {"member": fact["member"], "facts": [{"transaction": fact}]})
        found.append((perf_counter() - began) * 1000)
        if len(answer["decisions"]) != CAMPAIGNS:
            raise RuntimeError(f"{len(answer['decisions'])} decisions of {CAMPAIGNS} campaigns")
    return found


def run() -> list[Figure]:
    with serving() as service:
        achievement = service.post("/v1/achievements", ACHIEVEMENT)["id"]
        for number in range(CAMPAIGNS):
            made = service.post("/v1/campaigns", campaign(achievement, number))["id"]
            service.post(f"/v1/campaigns/{made}/activate")
        probe(service, "warm")
        found = probe(service, "probe")
    slow = statistics.quantiles(found, n=20)[-1]
    return [
        Figure(
            f"simulation of a fact that {CAMPAIGNS} campaigns decide about",
            f"p95 {slow:,.0f} ms (median {statistics.median(found):,.0f} ms)",
            f"{MOST_MILLISECONDS} ms",
            slow / MOST_MILLISECONDS,
            1,
            most=True,
        )
    ]


if __name__ == "__main__":
    show(run())
