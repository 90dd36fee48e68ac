"""What facts cost by batch with 1,000 active achievements of which 3 match, beside what they cost with those 3 alone.

python -m benchmarks.achievements
"""

from typing import Any

from benchmarks.facts import batches, settle
from benchmarks.figures import Figure, show
from examples.service import serving

MATCHING, ALL = 3, 1_000


def achievement(number: int, channel: str) -> dict[str, Any]:
    """So many purchases by one channel: enough that progress is what is measured, and completions happen too."""
    return {
        "name": f"Achievement {number}",
        "active": True,
        "rules": [
            {
                "name": "Buy",
                "trigger": "transaction",
                "conditions": {
                    "all": [{"attribute": "transaction.attributes.channel", "operator": "eq", "value": channel}]
                },
                "count": {"kind": "occurrences"},
                "goal": "20",
            }
        ],
    }


def facts_a_second(achievements: int) -> float:
    with serving() as service:
        for number in range(achievements):
            channel = "web" if number < MATCHING else f"channel {number}"
            service.post("/v1/achievements", achievement(number, channel))
        batches(service, "warm")
        settle(service)
        return batches(service)


def run() -> list[Figure]:
    few, many = facts_a_second(MATCHING), facts_a_second(ALL)
    return [
        Figure(
            f"facts by `/batch` with {MATCHING} matching achievements of {ALL:,} active",
            f"{many:,.0f}/s",
            f"with {MATCHING} of {MATCHING}: {few:,.0f}/s",
            many / few,
            0.7,
        )
    ]


if __name__ == "__main__":
    show(run())
