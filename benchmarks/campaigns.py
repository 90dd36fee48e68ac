"""What a fact costs with 200 active campaigns of which 2 match it, beside what it costs with those 2 alone.

python -m benchmarks.campaigns
"""

from benchmarks.facts import batches, settle
from benchmarks.figures import Figure, show
from benchmarks.service import campaign
from examples.service import serving

MATCHING, ALL = 2, 200


def facts_a_second(campaigns: int) -> float:
    with serving() as service:
        for number in range(campaigns):
            channel = "web" if number < MATCHING else f"channel {number}"
            made = service.post("/v1/tiered-campaigns", campaign(f"Campaign {number}", channel))["id"]
            service.post(f"/v1/tiered-campaigns/{made}/activate")
        settle(service)
        return batches(service)


def run() -> list[Figure]:
    few, many = facts_a_second(MATCHING), facts_a_second(ALL)
    return [
        Figure(
            f"cost of a fact with {ALL} active campaigns of which {MATCHING} match",
            f"{1e6 / many:,.0f} µs",
            f"with {MATCHING}: {1e6 / few:,.0f} µs",
            few / many,
            1.5,
            most=True,
        )
    ]


if __name__ == "__main__":
    show(run())
