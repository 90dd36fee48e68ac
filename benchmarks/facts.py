"""Facts over HTTP: singly, by `/batch` and by `laurel import`, each beside an empty handler.

python -m benchmarks.facts
"""

import json
import os
import subprocess
import sys
from itertools import islice
from time import perf_counter, sleep

from benchmarks import load
from benchmarks.empty import serving_nothing
from benchmarks.figures import Figure, show
from benchmarks.service import campaign, encode, transactions
from examples.service import Service, serving

CONNECTIONS = 64
SINGLE = 20_000
BATCHES, BATCH = 60, 1_000
BATCH_CONNECTIONS = 2
IMPORTED = 60_000
SETTLE_SECONDS = 300
POLL_SECONDS = 0.05


def singly(url: str, key: str, path: str, count: int, prefix: str) -> load.Load:
    requests = [load.request("POST", path, key, encode(fact)) for fact in islice(transactions(prefix), count)]
    done = load.run(url, iter(requests), CONNECTIONS)
    assert not done.refused, f"{done.refused} of {done.requests} were refused"
    return done


def batches(service: Service, prefix: str = "batch") -> float:
    """New facts a second."""
    facts = transactions(prefix)
    requests = [
        load.request(
            "POST", "/v1/batch", service.key, encode({"facts": [{"transaction": next(facts)} for _ in range(BATCH)]})
        )
        for _ in range(BATCHES)
    ]
    done = load.run(service.url, iter(requests), BATCH_CONNECTIONS)
    assert not done.refused, f"{done.refused} batches were refused"
    return done.per_second * BATCH


def imported(service: Service) -> float:
    """Facts a second, from the start of the command to its end."""
    file = service.folder / "facts.ndjson"
    file.write_text(
        "".join(json.dumps({"transaction": fact}) + "\n" for fact in islice(transactions("import"), IMPORTED))
    )
    command = [sys.executable, "-m", "api", "import", "--data", str(service.folder), str(file)]
    began = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603  ourselves
    return IMPORTED / (perf_counter() - began)


def settle(service: Service) -> None:
    """Waits until the projections have caught up, and the disk too, so that no run pays for the one before it."""
    deadline = perf_counter() + SETTLE_SECONDS
    while any(row["lag"] for row in service.get("/v1/projections")["data"]):
        assert perf_counter() < deadline, "the projections do not catch up"
        sleep(POLL_SECONDS)
    os.sync()


def run() -> list[Figure]:
    with serving_nothing() as url:
        singly(url, "none", "/", 2_000, "warm")
        empty = singly(url, "none", "/", SINGLE, "empty")
    with serving() as service:
        made = service.post("/v1/tiered-campaigns", campaign("All purchases"))["id"]
        service.post(f"/v1/tiered-campaigns/{made}/activate")
        singly(service.url, service.key, "/v1/transactions", 2_000, "warm")
        settle(service)
        single = singly(service.url, service.key, "/v1/transactions", SINGLE, "single")
        settle(service)
        by_batch = batches(service)
        settle(service)
        by_import = imported(service)
    nothing, per_second = f"empty JSON handler: {empty.per_second:,.0f}/s", empty.per_second
    return [
        Figure(
            f"facts posted singly, {CONNECTIONS} connections",
            f"{single.per_second:,.0f}/s (median {single.median_milliseconds:.0f} ms)",
            nothing,
            single.per_second / per_second,
            0.2,
        ),
        Figure("facts by `/batch` of 1,000", f"{by_batch:,.0f}/s", nothing, by_batch / per_second, 0.8),
        Figure("facts by `laurel import`", f"{by_import:,.0f}/s", nothing, by_import / per_second, 0.8),
    ]


if __name__ == "__main__":
    show(run())
