"""How long a fact takes from being posted to being seen in statistics, while 300 a second arrive.

python -m benchmarks.latency
"""

import statistics
import threading
from contextlib import closing
from itertools import islice
from time import perf_counter, sleep

from benchmarks.figures import Figure, show
from benchmarks.service import campaign, transactions
from examples.service import Service, serving

FACTS_A_SECOND = 300
PROBES = 200
MOST_MILLISECONDS = 150
BACKGROUND_CONNECTIONS = 6


def background(service: Service, part: int, stopped: threading.Event) -> None:
    """Posts its share of the facts, evenly."""
    began, spacing = perf_counter(), BACKGROUND_CONNECTIONS / FACTS_A_SECOND
    with closing(Service("127.0.0.1", int(service.url.rpartition(":")[2]), service.key)) as client:
        for number, fact in enumerate(transactions(f"background-{part}")):
            if stopped.is_set():
                return
            client.post("/v1/transactions", fact)
            sleep(max(0.0, began + number * spacing - perf_counter()))


def probe(service: Service, path: str, prefix: str) -> list[float]:
    """Milliseconds from the post to a statistics answer that has it: one asked for at the fact's own position."""
    found = []
    for fact in islice(transactions(prefix), PROBES):
        began = perf_counter()
        service.post("/v1/transactions", fact)
        service.get(path)
        found.append((perf_counter() - began) * 1000)
    return found


def run() -> list[Figure]:
    with serving() as service:
        made = service.post("/v1/tiered-campaigns", campaign("All purchases"))["id"]
        service.post(f"/v1/tiered-campaigns/{made}/activate")
        stopped = threading.Event()
        posting = [
            threading.Thread(target=background, args=(service, part, stopped)) for part in range(BACKGROUND_CONNECTIONS)
        ]
        for thread in posting:
            thread.start()
        try:
            probe(service, f"/v1/tiered-campaigns/{made}/statistics", "warm")
            found = probe(service, f"/v1/tiered-campaigns/{made}/statistics", "probe")
        finally:
            stopped.set()
            for thread in posting:
                thread.join()
    slow = statistics.quantiles(found, n=20)[-1]
    return [
        Figure(
            f"fact posted until seen in statistics, at {FACTS_A_SECOND} facts a second",
            f"p95 {slow:,.0f} ms (median {statistics.median(found):,.0f} ms)",
            f"{MOST_MILLISECONDS} ms",
            slow / MOST_MILLISECONDS,
            1,
            most=True,
        )
    ]


if __name__ == "__main__":
    show(run())
