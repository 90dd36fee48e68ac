"""What a fact costs at 1,000,000 stored facts beside at 10,000, and what memory the service has taken by then.

python -m benchmarks.growth
"""

import json
from itertools import islice
from pathlib import Path
from time import sleep

from benchmarks.facts import batches, settle
from benchmarks.figures import Figure, show
from benchmarks.service import campaign, transactions
from examples.service import Service, serving

FEW, MANY = 10_000, 1_000_000
MEMBERS = 100_000
MOST_MEBIBYTES = 400
POLL_SECONDS = 0.2


def fill(service: Service, prefix: str, count: int) -> None:
    file = service.folder / f"{prefix}.ndjson"
    with file.open("w") as out:
        for fact in islice(transactions(prefix, MEMBERS), count):
            out.write(json.dumps({"transaction": fact}) + "\n")
    with file.open("rb") as body:
        job = service.post("/v1/imports", body.read(), content_type="application/x-ndjson")["id"]
    while (state := service.get(f"/v1/jobs/{job}"))["status"] in ("queued", "running"):
        sleep(POLL_SECONDS)
    assert state["status"] == "finished", state
    file.unlink()


def mebibytes(process: int) -> float:
    """Resident memory of one process; Postgres has processes of its own."""
    status = Path(f"/proc/{process}/status").read_text()
    kibibytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(kibibytes) / 1024


def run() -> list[Figure]:
    with serving() as service:
        made = service.post("/v1/tiered-campaigns", campaign("All purchases"))["id"]
        service.post(f"/v1/tiered-campaigns/{made}/activate")
        fill(service, "few", FEW)
        settle(service)
        batches(service, "warm at few")
        few = batches(service, "at few")
        fill(service, "many", MANY - FEW)
        settle(service)
        batches(service, "warm at many")
        many = batches(service, "at many")
        memory = mebibytes(service.process)
    return [
        Figure(
            f"cost of a fact at {MANY:,} stored",
            f"{1e6 / many:,.0f} µs",
            f"at {FEW:,}: {1e6 / few:,.0f} µs",
            few / many,
            1.3,
            most=True,
        ),
        Figure(
            f"memory of `laurel serve` after importing {MANY:,} facts, at its peak",
            f"{memory:,.0f} MiB",
            f"{MOST_MEBIBYTES} MiB",
            memory / MOST_MEBIBYTES,
            1,
            most=True,
        ),
    ]


if __name__ == "__main__":
    show(run())
