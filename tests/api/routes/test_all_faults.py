"""Whatever is wrong in a body is said in one answer: what can't be read, and what the rest of it says that can't be."""

import json
from typing import Any

import pytest

from tests.api.routes.program import (
    Program,
    achievement_body,
    campaign_body,
    goal_body,
    pointers,
    transaction_body,
)

UNKNOWN = "01990000-0000-7000-8000-0000000000ff"
AT = "2026-09-03T10:15:00Z"


async def test_a_tiered_campaign_with_twelve_faults_is_told_all(program: Program) -> None:
    body = campaign_body(
        nmae="Autumn",
        starts_at="2026-09-01",
        duration="soon",
        occurrences=0,
        grace_period="-1 days",
        preview_every="never",
        audience={"segments": ["nobody"], "lists": ["none"]},
        time_zone="Mars/Olympus",
        bracketed="yes",
        tiers=[{"from": "0", "to": "50", "reward": "-1"}, {"from": "60", "to": "100", "reward": "20"}],
        products=["SKU-404"],
        filter={"all": [{"attribute": "transaction.totl", "operator": "gt", "value": "1"}]},
        account="nowhere",
    )
    head = program.head()
    expected = {
        "/nmae",
        "/starts_at",
        "/duration",
        "/occurrences",
        "/grace_period",
        "/preview_every",
        "/audience/segments/0",
        "/audience/lists/0",
        "/time_zone",
        "/bracketed",
        "/tiers/0/reward",
        "/tiers/1/from",
        "/products/0",
        "/account",
        "/filter/all/0/attribute",
    }
    assert set(pointers(await program.post("/tiered-campaigns", body))) == expected
    made = await program.campaign(filter=None)
    edited = await program.put(f"/tiered-campaigns/{made}", body, if_match="*")
    assert set(pointers(edited)) == expected
    zoned = campaign_body(starts_at=5, account="nowhere", filter=body["filter"])
    assert set(pointers(await program.post("/tiered-campaigns", zoned))) == {
        "/starts_at",
        "/account",
        "/filter/all/0/attribute",
    }
    assert program.head() > head


async def test_rules_of_an_achievement_are_judged_each_by_itself(program: Program) -> None:
    wrong = {"all": [{"attribute": "transaction.totl", "operator": "gt", "value": "1"}]}
    rules = [
        goal_body(trigger="nothing", conditions=wrong),
        goal_body(conditions=wrong, goal="-1"),
        goal_body(goal="many", count={"kind": "sum"}),
        goal_body(period={"kind": "overall"}, consecutive=3, frequency={"value": 0}),
    ]
    body = achievement_body(rules=rules, badge="none", limit={"value": "1.5", "interval": {"unit": "age"}}, name=None)
    found = set(pointers(await program.post("/achievements", body)))
    assert found == {
        "/name",
        "/badge",
        "/limit/value",
        "/limit/interval/unit",
        "/rules/0/trigger",
        "/rules/1/conditions/all/0/attribute",
        "/rules/1/goal",
        "/rules/2/goal",
        "/rules/2/count/expression",
        "/rules/3/consecutive",
        "/rules/3/frequency/value",
    }


async def test_a_campaign_is_told_all(program: Program) -> None:
    effects = [
        {"kind": "give_units", "account": "nowhere", "units": "10"},
        {"kind": "give_gold"},
        {"kind": "give_badge", "badge": "none"},
    ]
    body = {
        "id": "b5a4b1c6-7d0e-5c11-8c3f-111111111111",
        "name": "",
        "achievement": UNKNOWN,
        "starts_at": "2026-10-01T00:00:00Z",
        "ends_at": "2026-09-01T00:00:00Z",
        "time_zone": "Mars/Olympus",
        "display_order": -1,
        "audience": {"segments": ["nobody"]},
        "rules": [{"name": "Pay", "conditions": {"all": 5}, "effects": effects}],
        "limits": {"total_units": {"value": "-1"}},
        "colour": "red",
    }
    assert set(pointers(await program.post("/campaigns", body))) == {
        "/id",
        "/name",
        "/achievement",
        "/ends_at",
        "/time_zone",
        "/display_order",
        "/audience/segments/0",
        "/rules/0/conditions/all",
        "/rules/0/effects/0/account",
        "/rules/0/effects/1/kind",
        "/rules/0/effects/2/badge",
        "/limits/total_units/value",
        "/colour",
    }


BAD_PURCHASE = transaction_body(
    id="T-bad",
    currency="eur",
    totl="1",
    total="-1",
    items=[{"product": " A"}, {"product": "A", "quantity": "0"}, {"product": "A", "price": "-1", "color": "red"}],
)
IN_PURCHASE = {
    "/currency",
    "/totl",
    "/total",
    "/items/0/product",
    "/items/1/quantity",
    "/items/2/price",
    "/items/2/color",
}
BAD_EVENT = {
    "id": "E-bad",
    "type": "workout",
    "member": "M-7 ",
    "occurred_at": "2026-09-03",
    "attributes": {"minutes": "many", "place": "Paris", "at": None},
}
IN_EVENT = {"/member", "/occurred_at", "/attributes/minutes", "/attributes/place", "/attributes/at"}


@pytest.mark.parametrize(
    ("path", "name", "body", "expected"),
    [("/transactions", "transaction", BAD_PURCHASE, IN_PURCHASE), ("/events", "event", BAD_EVENT, IN_EVENT)],
)
async def test_a_fact_is_told_all_however_it_comes(
    program: Program, path: str, name: str, body: dict[str, Any], expected: set[str]
) -> None:
    await program.put("/event-types/workout", {"attributes": {"minutes": "number"}})
    head = program.head()
    assert set(pointers(await program.post(path, body))) == expected
    assert program.head() == head
    good = {"transaction": transaction_body()}
    batch = await program.post("/batch", {"facts": [{name: body}, good]})
    refused, taken = batch.json()["results"]
    assert (refused["status"], taken["status"]) == (422, 201)
    found = {error["pointer"] for error in refused["problem"]["errors"]}
    assert found == {f"/facts/0/{name}{pointer}" for pointer in expected}


async def test_entries_members_and_progress_are_told_all(program: Program) -> None:
    coupon = {"stock": -1, "valid_for": "soon", "value": "member.tier", "x": 1, "generator": {"length": 4, "y": 2}}
    assert set(pointers(await program.put("/coupons/c", coupon))) == {
        "/stock",
        "/valid_for",
        "/value",
        "/x",
        "/generator/y",
    }
    segment = {"expression": "member.tier =", "name": 5}
    assert set(pointers(await program.put("/segments/s", segment))) == {"/expression", "/name"}
    member = {"referrer": "M-1", "attributes": {"a": None}, "x": 1}
    assert set(pointers(await program.put("/members/M-1", member))) == {"/referrer", "/attributes/a", "/x"}
    product = {"price": "-1", "brand": 5}
    assert set(pointers(await program.put("/products/P", product))) == {"/price", "/brand"}


async def test_what_is_right_otherwise_is_not_recorded(program: Program) -> None:
    """A body with one fault is refused, though the rest of it could be carried out."""
    path = "/tiered-campaigns"
    made = await program.campaign(filter=None)
    head = program.head()
    for method, where, body in (
        ("POST", "/transactions", transaction_body(x=1)),
        ("POST", path, campaign_body(x=1)),
        ("PUT", f"{path}/{made}", campaign_body(name="B", x=1)),
        ("PUT", "/accounts/new", {"x": 1}),
        ("PUT", "/members/M-9", {"x": 1}),
        ("PUT", "/clock", {"now": "2030-01-01T00:00:00Z", "x": 1}),
        ("POST", "/achievements", achievement_body(x=1)),
    ):
        for key in (None, "k"):
            headers = {"if-match": "*"} | ({"idempotency-key": key} if key else {})
            answer = await program._send(method, where, body, headers)
            assert (answer.status_code, list(pointers(answer))) == (422, ["/x"]), where
    batch = await program.post("/batch", {"facts": [{"transaction": transaction_body(x=1)}]}, idempotency_key="k")
    assert batch.json()["results"][0]["status"] == 422
    assert program.head() == head + 1  # that the batch came with its key
    assert (await program.post("/transactions", transaction_body())).status_code == 201
    again = await program.post("/transactions", transaction_body(x=1))
    assert (again.status_code, list(pointers(again))) == (422, ["/x"])
    gone = await program.put(f"{path}/{UNKNOWN}", campaign_body(x=1), if_match="*")
    assert list(pointers(gone)) == ["/x"]
    assert json.loads(gone.content)["type"] == "/problems/validation"
