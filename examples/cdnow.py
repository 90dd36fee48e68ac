"""69,659 real purchases through a monthly tiered campaign, achievements and campaigns, checked independently.

    .venv/bin/python -m examples.cdnow

The purchases are CDNOW's: 23,570 customers from January 1997 to June 1998, inside the wheel of `lifetimes` 0.11.3,
which pip fetches by name. They go into a sandbox of their own, month by month on the program's own clock: half of
the months by `/batch`, half as an import; every tenth purchase is pending and accepted in the grace period. Then
members, totals and points of every occurrence, completions of every achievement and decisions of every campaign are
compared with what plain fractions say they are.
"""

import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from examples import cdnow_goals
from examples.cdnow_goals import Purchase
from examples.service import Service, sandbox

WHEEL = "lifetimes==0.11.3"
FILE = "lifetimes/datasets/CDNOW_master.txt"
PURCHASES, CUSTOMERS, MONTHS = 69_659, 23_570, 18
BATCH = 1_000
PATIENCE_SECONDS = 300
TIERS = [("0", "50", "1"), ("50", "200", "2"), ("200", None, "3")]
"""Bracketed points for each dollar: 1 up to 50 in a month, 2 up to 200, 3 beyond."""

CAMPAIGN = {
    "name": "CDNOW monthly",
    "starts_at": "1997-01-01T00:00:00Z",
    "duration": "1 month",
    "occurrences": MONTHS,
    "grace_period": "7 days",
    "entity": "transaction",
    "aggregate": {"attribute": "total"},
    "hit_type": "amount",
    "bracketed": True,
    "unlimited": True,
    "tiers": [{"from": start, "to": to, "reward": reward} for start, to, reward in TIERS],
}


class Bought(NamedTuple):
    number: int
    customer: str
    day: datetime
    dollars: str

    @property
    def month(self) -> int:
        """From 1, January 1997."""
        return (self.day.year - 1997) * 12 + self.day.month

    @property
    def is_pending(self) -> bool:
        return self.number % 10 == 0

    @property
    def transaction(self) -> dict[str, Any]:
        return {
            "id": f"CDNOW-{self.number}",
            "member": self.customer,
            "purchased_at": self.day.isoformat(),
            "total": self.dollars,
            "currency": "USD",
            "status": "pending" if self.is_pending else "accepted",
        }


def fetch() -> list[Bought]:
    """The purchases, in the file's order."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, WHEEL]
        subprocess.run(pip, check=True)  # noqa: S603  pip, for one wheel by name
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            lines = wheel.read(FILE).decode().splitlines()[1:]
    rows = (line.split() for line in lines)
    return [
        Bought(number, customer, datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC), dollars)
        for number, (customer, day, _, dollars) in enumerate(rows, 1)
    ]


def expected(purchases: list[Bought]) -> dict[int, dict[str, tuple[Fraction, Fraction]]]:
    """Each month's customers with their total and points, by fractions and the tiers written out."""
    totals: dict[int, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for bought in purchases:
        totals[bought.month][bought.customer] += Fraction(bought.dollars)
    return {
        month: {customer: (total, points(total)) for customer, total in of_month.items()}
        for month, of_month in totals.items()
    }


def points(total: Fraction) -> Fraction:
    earned = min(total, Fraction(50)) + max(Fraction(0), min(total, Fraction(200)) - 50) * 2
    earned += max(Fraction(0), total - 200) * 3
    return Fraction(int(earned + Fraction(1, 2)))


def play(service: Service, purchases: list[Bought]) -> str:
    """Lets the purchases happen; answers the campaign's id."""
    by_month: dict[int, list[Bought]] = defaultdict(list)
    for bought in purchases:
        by_month[bought.month].append(bought)
    service.put("/v1/clock", {"now": "1996-12-31T00:00:00Z"})
    campaign = str(service.post("/v1/tiered-campaigns", CAMPAIGN)["id"])
    service.post(f"/v1/tiered-campaigns/{campaign}/activate")
    cdnow_goals.set_up(service)
    for month in sorted(by_month):
        of_month = by_month[month]
        service.put("/v1/clock", {"now": of_month[-1].day.replace(day=28).isoformat()})
        receive = import_facts if month % 2 else post_batches
        receive(service, [{"transaction": bought.transaction} for bought in of_month])
        ends_at = datetime(1997 + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        service.put("/v1/clock", {"now": (ends_at + timedelta(days=1)).isoformat()})
        post_batches(
            service, [{"accept": {"id": bought.transaction["id"]}} for bought in of_month if bought.is_pending]
        )
        service.put("/v1/clock", {"now": (ends_at + timedelta(days=8)).isoformat()})
        print(f"  {ends_at - timedelta(days=1):%B %Y}: {len(of_month):,} purchases", flush=True)
    return campaign


def arriving(purchases: list[Bought]) -> Iterator[Purchase]:
    """In the order in which they count: month by month, the pending ones once they are accepted."""
    for bought in sorted(purchases, key=lambda bought: (bought.month, bought.is_pending)):
        yield Purchase(bought.customer, bought.day, Fraction(bought.dollars))


def post_batches(service: Service, facts: list[dict[str, Any]]) -> None:
    for start in range(0, len(facts), BATCH):
        answer = service.post("/v1/batch", {"facts": facts[start : start + BATCH]})
        refused = [result for result in answer["results"] if result["status"] not in (200, 201)]
        assert not refused, refused[:3]


def import_facts(service: Service, facts: list[dict[str, Any]]) -> None:
    body = "\n".join(json.dumps(fact) for fact in facts).encode()
    job = service.post("/v1/imports", body, content_type="application/x-ndjson")["id"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (state := service.get(f"/v1/jobs/{job}"))["status"] in ("queued", "running"):
        assert time.monotonic() < deadline, f"the import takes more than {PATIENCE_SECONDS} s: {state}"
        time.sleep(0.05)
    assert state["status"] == "finished", state


def differences(
    service: Service, campaign: str, months: dict[int, dict[str, tuple[Fraction, Fraction]]]
) -> Iterator[str]:
    """What the service says and the calculation does not, in words."""
    statistics = {row["number"]: row for row in service.pages(f"/v1/tiered-campaigns/{campaign}/statistics")}
    for month, customers in sorted(months.items()):
        row = statistics[month]
        paid = sum((customer_points for _, customer_points in customers.values()), Fraction(0))
        earning = sum(customer_points > 0 for _, customer_points in customers.values())
        people = (row["members"], row["participants"])
        if (
            row["status"] != "completed"
            or people != (earning, len(customers))
            or Fraction(row["awarded_points"]) != paid
        ):
            yield f"occurrence {month} is {row}; expected {earning} of {len(customers)} members and {paid} points"
        members = service.pages(f"/v1/tiered-campaigns/{campaign}/occurrences/{month}/members")
        shown = {
            member["member"]: (Fraction(member["total"]), Fraction(member["awarded_points"])) for member in members
        }
        for customer in customers.keys() | shown.keys():
            if shown.get(customer) != customers.get(customer):
                yield f"{customer} in occurrence {month}: {shown.get(customer)}, not {customers.get(customer)}"


def main() -> None:
    purchases = fetch()
    assert (len(purchases), len({bought.customer for bought in purchases})) == (PURCHASES, CUSTOMERS)
    months = expected(purchases)
    print(f"{PURCHASES:,} purchases by {CUSTOMERS:,} customers, {MONTHS} months")
    with sandbox() as service:
        began = time.monotonic()
        campaign = play(service, purchases)
        print(f"Played in {time.monotonic() - began:.0f} s; comparing every member of every occurrence")
        goals = list(arriving(purchases))
        found = [*differences(service, campaign, months), *cdnow_goals.differences(service, goals)]
    for difference in found[:20]:
        print(difference)
    if found:
        sys.exit(f"{len(found)} differences")
    standings = sum(len(customers) for customers in months.values())
    paid = sum(int(customer_points) for customers in months.values() for _, customer_points in customers.values())
    completed = list(cdnow_goals.completions(goals))
    decided = list(cdnow_goals.decisions(completed))
    given = sum(decision.points for decision in decided)
    print(f"{standings:,} standings and {paid:,} points in {MONTHS} occurrences,")
    print(f"{len(completed):,} completions, {len(decided):,} decisions and {int(given):,} points: all as calculated")


if __name__ == "__main__":
    main()
