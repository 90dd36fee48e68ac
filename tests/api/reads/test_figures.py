"""Decimals have no trailing zeros, and units of an account have the account's decimals: in whatever is answered."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import jsonschema_rs
import pytest

from api.http.routing import terms_of
from api.routes import ROUTES
from domain.values.amounts import nothing_in, written, written_in
from tests.api.reads.program import ReadProgram
from tests.api.routes.program import achievement_body, goal_body
from tests.api.test_every_route import DESCRIBED, DOCUMENT

TIERED = "01990000-0000-7000-8000-000000000001"
ACHIEVEMENT = "01990000-0000-7000-8000-0000000000a1"
CAMPAIGN = "01990000-0000-7000-8000-0000000000c1"
AT = "2026-09-03T10:15:00Z"
UNITS = {"pending_points", "awarded_points", "points", "units", "pending", "awarded", "award_points"}
UNITS |= {"live_pending_points", "pending_points_change"}
"""Fields that hold units of an account; every account here is kept in 2 decimals, but for the program's own. What the
limits of a campaign count, and leave, may be of several.
"""
AS_GIVEN = {"attributes", "filter", "conditions", "expression", "saw", "event"}
"""Texts of callers: what is within these is written as it was sent."""


@pytest.mark.parametrize(
    ("amount", "plain", "of_two"),
    [("0.00", "0", "0.00"), ("2.50", "2.5", "2.50"), ("1E+2", "100", "100.00"), ("-10", "-10", "-10.00")],
)
def test_figures_and_units_are_written_in_one_way(amount: str, plain: str, of_two: str) -> None:
    assert (written(Decimal(amount)), written_in(Decimal(amount), 2)) == (plain, of_two)
    assert f"{nothing_in(2):f}" == "0.00"


def decimals(value: Any, name: str = "", within: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Every text that writes a number: the fields that lead to it, its own name, and itself."""
    if isinstance(value, dict) and value.get("account") != "points":
        for key, part in value.items():
            of_no_account = key == "units" and (value.get("account", "money") is None or "units_left" in value)
            if key not in AS_GIVEN and not of_no_account:
                yield from decimals(part, key, (*within, key))
    elif isinstance(value, list):
        for part in value:
            yield from decimals(part, name, within)
    elif isinstance(value, str) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
        yield within, name, value


def wrong(answer: Any) -> list[tuple[tuple[str, ...], str]]:
    """The figures and units that are not written as they are to be."""
    return [
        (within, text)
        for within, name, text in decimals(answer)
        if not (re.search(r"\.[0-9]{2}$", text) if _is_units(within, name) else not re.search(r"\.[0-9]*0$", text))
    ]


def _is_units(within: tuple[str, ...], name: str) -> bool:
    of_something_else = "rules" in within and "effects" not in within
    return name in UNITS and "lines" not in within and not of_something_else


async def lively(program: ReadProgram) -> dict[str, str]:
    """A program in which everything happened, in amounts with trailing zeros; answers what ids there are."""
    types = {"minutes": "number"}
    for path, body in (
        ("/accounts/money", {"unit": "EUR", "decimals": 2}),
        ("/event-types/workout", {"attributes": types}),
        ("/coupons/welcome", {"generator": {}, "value": "7.25 + 0.25"}),
        ("/products/SKU-1", {"price": "20.00"}),
    ):
        answer = await program.put(path, body)
        assert answer.status_code == 200, answer.text
    tiers = [{"from": "0.0", "to": "50.0", "reward": "1.50"}, {"from": "50.0", "to": "100.0", "reward": "2.0"}]
    await program.campaign(id=TIERED, account="money", tiers=tiers, filter=None, late="correct")
    rules = [
        goal_body(count={"kind": "sum", "expression": "transaction.total"}, goal="10.00", conditions=None),
        goal_body(
            trigger="event",
            event_type="workout",
            count={"kind": "sum", "expression": "event.attributes.minutes"},
            goal="2.50",
            conditions=None,
        ),
    ]
    await program.post("/achievements", achievement_body(id=ACHIEVEMENT, active=True, limit=None, rules=rules))
    effects = [
        {"kind": "give_units", "account": "money", "units": "0.10 * achievement.completions"},
        {"kind": "issue_coupon", "coupon": "welcome"},
    ]
    prize = {"id": CAMPAIGN, "name": "Prize", "achievement": ACHIEVEMENT, "starts_at": "2026-06-01T00:00:00Z"}
    limits = {"member_units": {"value": "0.20"}, "total_units": {"value": "1000.00"}}
    made = await program.post("/campaigns", prize | {"rules": [{"name": "Pay", "effects": effects}], "limits": limits})
    assert made.status_code == 201, made.text
    await program.post(f"/campaigns/{CAMPAIGN}/activate")
    for number in range(8):
        await program.buy(f"T-{number}", "M-1", "5.00", status="accepted", attributes={"net": "4.00"})
        event = {"id": f"E-{number}", "type": "workout", "member": "M-1", "occurred_at": AT}
        await program.post("/events", event | {"attributes": {"minutes": "1.50"}})
    await program.buy("T-P", "M-2", "10.00")
    first = await program.preview(TIERED)
    refunded = await program.post("/transactions/T-0/refund", {"amount": "2.50", "refund_id": "R"})
    assert refunded.status_code == 200, refunded.text
    await program.buy("T-Q", "M-2", "0.50", status="accepted")
    second = await program.preview(TIERED)
    by_hand = {"reason": "lost", "rules": [{"rule": 2, "value": "1.50", "at": AT}]}
    patched = await program.client.patch(f"/v1/members/M-1/achievements/{ACHIEVEMENT}", json=by_hand)
    assert wrong(patched.json()) == []
    await program.decide()
    await program.evaluate(TIERED, 1, "M-1", "M-2", points="105.00")
    await program.buy("T-R", "M-1", "0.10", status="accepted", purchased_at=AT)
    await program.decide()
    await program.follow()
    decided = await program.listed("/decisions")
    assert {row["kind"] for row in decided} == {"campaign", "tiered_award", "correction"}
    granted = next(row for row in decided if row["kind"] == "campaign" and row["outcome"] == "granted")
    assert any(effect.get("reason") for row in decided for rule in row["rules"] for effect in rule["effects"])
    async with program.deciding():
        cancelled = await program.post(f"/decisions/{granted['id']}/cancel", {"reason": "by mistake"})
    assert cancelled.status_code == 200, cancelled.text
    await program.follow()
    return {"preview": first, "other": second, "decision": decided[0]["id"]}


async def test_whatever_is_read_is_written_so(program: ReadProgram) -> None:
    ids = await lively(program)
    ids |= {"campaign": TIERED, "achievement": ACHIEVEMENT, "member": "M-1", "number": "1", "sku": "SKU-1"}
    ids |= {"transaction": "T-0", "event": "E-0"}
    codes = {"accounts": "money", "event-types": "workout", "coupons": "welcome"}
    seen: set[str] = set()
    for route in ROUTES:
        for path in route.paths:
            terms = terms_of(route)
            if "GET" not in route.http_methods or terms is None or terms.answers != "application/json":
                continue
            own = {"campaign": CAMPAIGN} if path.startswith("/campaigns") else {}
            known = ids | own | {"code": codes.get(path.split("/")[1], "none")}
            asked = {"limit": "200"} if terms.listing or path == "/feed" else {}
            answer = await program.get(_filled(path, known), **asked)
            if answer.status_code == 200:
                seen.add(path)
                assert wrong(answer.json()) == [], path
                described = DESCRIBED["GET", "/v1" + re.sub(r":\w+}", "}", path)]
                schema = described["responses"]["200"]["content"]["application/json"]["schema"]
                whole = schema | {"components": DOCUMENT["components"]}
                jsonschema_rs.Draft202012Validator(whole).validate(answer.json())
    assert {path for path in seen if "previews" in path or "occurrences" in path or "decisions" in path} >= {
        "/tiered-campaigns/{campaign:uuid}/previews/{preview:uuid}/compare/{other:uuid}",
        "/tiered-campaigns/{campaign:uuid}/occurrences/{number:int}/evaluation",
        "/decisions/{decision:uuid}",
        "/members/{member:str}/decisions",
    }
    for decision in await program.listed("/decisions"):
        assert wrong(await program.shown(f"/decisions/{decision['id']}")) == []


def _filled(path: str, ids: dict[str, str]) -> str:
    return re.sub(r"{(\w+):\w+}", lambda part: ids.get(part[1], "none"), path)


async def test_whatever_a_command_answers_is_written_so(program: ReadProgram) -> None:
    await lively(program)
    fact = {"id": "T-20", "member": "M-3", "purchased_at": AT, "total": "60.00"}
    late = await program.post("/transactions", fact | {"purchased_at": "2026-09-04T10:15:00Z"})
    running = await program.post("/transactions", fact | {"id": "T-21", "purchased_at": "2026-10-04T10:15:00Z"})
    nothing = await program.post("/transactions", fact | {"id": "T-22", "purchased_at": AT, "total": "0.00"})
    for answer in (late, running, nothing):
        assert answer.status_code == 201, answer.text
        assert answer.json()["outcomes"]
        assert wrong(answer.json()) == []
    (contributed,) = [each for each in running.json()["outcomes"] if each["kind"] == "contribution"]
    assert (contributed["amount"], contributed["pending_points"]) == ("60", "120.00")
    batch = await program.post("/batch", {"facts": [{"transaction": fact | {"id": "T-23", "total": "1.10"}}]})
    simulated = await program.post(
        "/simulations",
        {"member": "M-1", "facts": [{"transaction": {"id": "T-24", "purchased_at": AT, "total": "45.00"}}]},
    )
    assert simulated.json()["decisions"]
    for answer in (batch, simulated):
        assert wrong(answer.json()) == []
