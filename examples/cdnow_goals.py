"""Achievements and campaigns for the CDNOW purchases, and what plain fractions say must come of them.

Facts count in the order in which they arrive, and each in the month it was bought in: `completions` replays just that,
a customer at a time, with dictionaries of months.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from fractions import Fraction
from typing import Any, NamedTuple

from examples.service import Service

QUARTER = "01980000-0000-7000-8000-000000000001"
SPENDER = "01980000-0000-7000-8000-000000000002"
STREAK = "01980000-0000-7000-8000-000000000003"

GIFT, GIFTS = 200, 300
"""Points for three purchases in the quarter, and how many times the budget has them."""
BACK, BACK_A_MONTH = Fraction(1, 10), 25
"""Points back for each dollar of the purchase that made a hundred in its month, and the most in a month."""


def _rule(name: str, goal: str, period: str = "overall", **fields: Any) -> dict[str, Any]:
    counted = {"count": {"kind": "occurrences"}, "goal": goal, "period": {"kind": period}}
    return {"name": name, "trigger": "transaction", **counted, **fields}


ACHIEVEMENTS = [
    {
        "id": QUARTER,
        "name": "Three in the first quarter of 1997",
        "timeframe": {"kind": "between", "from": "1997-01-01", "to": "1997-03-31"},
        "limit": {"value": 1, "interval": None},
        "rules": [_rule("Three purchases", "3")],
        "active": True,
    },
    {
        "id": SPENDER,
        "name": "A hundred dollars in a month",
        "rules": [
            _rule("Spend 100", "100", "month", count={"kind": "sum", "expression": "transaction.total"}),
        ],
        "active": True,
    },
    {
        "id": STREAK,
        "name": "Three months in a row",
        "badge": "regular",
        "rules": [_rule("A purchase a month", "1", "month", consecutive=3)],
        "active": True,
    },
]

_TRIGGERED = {"type": "direct", "trigger": "achievement_completed", "starts_at": "1997-01-01T00:00:00Z"}

CAMPAIGNS = [
    {
        **_TRIGGERED,
        "name": "Gift",
        "achievement": QUARTER,
        "rules": [{"name": "Points", "effects": [{"kind": "give_units", "account": "points", "units": str(GIFT)}]}],
        "limits": {"total_units": {"value": str(GIFT * GIFTS), "interval": None}},
    },
    {
        **_TRIGGERED,
        "name": "Points back",
        "achievement": SPENDER,
        "rules": [
            {
                "name": "A tenth",
                "effects": [{"kind": "give_units", "account": "points", "units": "0.1 * transaction.total"}],
            }
        ],
        "limits": {
            "member_units": {"value": str(BACK_A_MONTH), "interval": {"unit": "month", "n": 1}},
            "on_exhausted": "clamp",
        },
    },
]


class Purchase(NamedTuple):
    """As it arrives and counts; `month` numbers the months it was bought in."""

    customer: str
    day: datetime
    dollars: Fraction

    @property
    def month(self) -> int:
        return self.day.year * 12 + self.day.month


class Decided(NamedTuple):
    """A decision of one of the campaigns: points, or none and why."""

    customer: str
    campaign: str
    points: Fraction
    reason: str | None


def set_up(service: Service) -> None:
    service.put("/v1/badges/regular", {"name": "Regular"})
    for achievement in ACHIEVEMENTS:
        service.post("/v1/achievements", achievement)
    for campaign in CAMPAIGNS:
        made = service.post("/v1/campaigns", campaign)["id"]
        service.post(f"/v1/campaigns/{made}/activate")


def completions(purchases: Iterable[Purchase]) -> Iterator[tuple[str, Purchase]]:
    """Each completion of an achievement with the purchase that brought it, in order of arrival."""
    in_quarter: dict[str, int] = defaultdict(int)
    spent: dict[str, dict[int, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    months: dict[str, set[int]] = defaultdict(set)
    for bought in purchases:
        customer, month = bought.customer, bought.month
        if (bought.day.year, (bought.day.month - 1) // 3) == (1997, 0):
            in_quarter[customer] += 1
            if in_quarter[customer] == 3:
                yield QUARTER, bought
        spent[customer][month] += bought.dollars
        if spent[customer][month] >= 100:
            del spent[customer]
            yield SPENDER, bought
        months[customer].add(month)
        if any({first, first + 1, first + 2} <= months[customer] for first in (month - 2, month - 1, month)):
            del months[customer]
            yield STREAK, bought


def decisions(completed: Iterable[tuple[str, Purchase]]) -> Iterator[Decided]:
    """What the campaigns decide, in the order of what triggers them."""
    gifts = 0
    back: dict[tuple[str, int], int] = defaultdict(int)
    for achievement, bought in completed:
        if achievement == QUARTER:
            gifts += 1
            given = gifts <= GIFTS
            yield Decided(bought.customer, "Gift", Fraction(GIFT * given), None if given else "budget_exhausted")
        elif achievement == SPENDER:
            month = bought.customer, bought.month
            points = min(int(bought.dollars * BACK + Fraction(1, 2)), BACK_A_MONTH - back[month])
            back[month] += points
            yield Decided(
                bought.customer, "Points back", Fraction(points), None if points else "member_units_exhausted"
            )


def differences(service: Service, purchases: list[Purchase]) -> Iterator[str]:
    """What the service says and the calculation does not, in words."""
    completed = list(completions(purchases))
    for achievement in ACHIEVEMENTS:
        found = service.get(f"/v1/achievements/{achievement['id']}")["completions"]
        count = sum(which == achievement["id"] for which, _ in completed)
        if found != count:
            yield f"{achievement['name']} was completed {found} times, not {count}"
    names = {row["id"]: row["name"] for row in service.pages("/v1/campaigns")}
    shown = [_shown(row, names) for row in service.pages("/v1/decisions?kind=campaign&sort=recorded_at")]
    wanted = list(decisions(completed))
    if len(shown) != len(wanted):
        yield f"{len(shown)} decisions, not {len(wanted)}"
    for number, (decided, expected) in enumerate(zip(shown, wanted, strict=False), 1):
        if decided != expected:
            yield f"decision {number} is {decided}, not {expected}"


def _shown(row: dict[str, Any], names: dict[str, str]) -> Decided:
    given = [effect["units"] for rule in row["rules"] for effect in rule["effects"] if not effect.get("reason")]
    reasons = [reason["code"] for reason in row["reasons"]]
    points = sum((Fraction(units) for units in given), Fraction(0))
    return Decided(row["member"], names[row["campaign"]], points, reasons[0] if reasons else None)
