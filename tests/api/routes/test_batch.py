import json
from typing import Any

import pytest

from tests.api.routes.program import Program, pointers, transaction_body


def transactions(count: int) -> list[dict[str, Any]]:
    return [{"transaction": transaction_body(id=f"T-{number}")} for number in range(count)]


async def test_facts_are_recorded_in_order_and_answered_each(program: Program) -> None:
    campaign = await program.campaign()
    await program.put("/event-types/workout", {})
    event = {"id": "E-1", "type": "workout", "member": "M-7", "occurred_at": "2026-09-03T10:15:00Z"}
    facts = [
        {"transaction": transaction_body()},
        {"update": {"id": "T-1001", "total": "30", "items": []}},
        {"accept": {"id": "T-1001"}},
        {"event": event},
        {"refund": {"id": "T-1001", "amount": "10"}},
        {"transaction": transaction_body(id="T-2")},
        {"reject": {"id": "T-2", "reason": "fraud"}},
    ]
    answered = await program.post("/batch", {"facts": facts})
    assert answered.status_code == 200, answered.text
    results = answered.json()["results"]
    assert [result["status"] for result in results] == [201, 200, 200, 201, 200, 201, 200]
    statuses = ["pending", "pending", "accepted", "accepted", "accepted", "pending", "rejected"]
    assert [result["answer"]["status"] for result in results] == statuses
    assert results[4]["answer"]["outcomes"][0]["tiered_campaign"] == campaign
    assert results[4]["answer"]["outcomes"][0]["total"] == "20"
    positions = [int(result["answer"]["position"]) for result in results]
    assert positions == sorted(set(positions))
    assert answered.json()["position"] == answered.headers["laurel-position"] == str(program.head())


async def test_a_bad_fact_does_not_hold_up_the_others(program: Program) -> None:
    facts = [
        {"transaction": transaction_body(id="T-0")},
        {"transaction": transaction_body(id="T-1", total="NaN", purchased_at="now")},
        {"event": {"id": "E-1", "type": "none", "member": "M", "occurred_at": "2026-09-03T10:15:00Z"}},
        {"refund": {"id": "T-0"}},
        {"accept": {"id": "T-404"}},
        {"transaction": transaction_body(id="T-0", total="1")},
        {"transaction": transaction_body(id="T-5", total="-1")},
        {"shout": {}},
        {},
        {"accept": {"id": "T-0"}, "reject": {"id": "T-0"}},
        7,
        None,
        {"transaction": transaction_body(id="T-0")},
        {"transaction": transaction_body(id="T-13")},
    ]
    answered = await program.post("/batch", {"facts": facts})
    results = answered.json()["results"]
    statuses = [201, 422, 422, 409, 404, 409, 422, 422, 422, 422, 422, 422, 200, 201]
    assert [result["status"] for result in results] == statuses
    places = [[error["pointer"] for error in result.get("problem", {}).get("errors", [])] for result in results]
    assert places == [
        [],
        ["/facts/1/transaction/purchased_at", "/facts/1/transaction/total"],
        ["/facts/2/event/type"],
        [],
        [],
        [],
        ["/facts/6/transaction/total"],
        ["/facts/7/shout"],
        ["/facts/8"],
        ["/facts/9"],
        ["/facts/10"],
        ["/facts/11"],
        [],
        [],
    ]
    assert results[12]["answer"] == results[0]["answer"]
    assert all(("answer" in result) != ("problem" in result) for result in results)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ('"total":1e999999999999999999999', "/transaction/total"),
        ('"total":-1e-999999999999999999999', "/transaction/total"),
        ('"total":"1E+05"', "/transaction/total"),
        ('"total":1,"attributes":{"a":1e999999999999999999999}', "/transaction/attributes/a"),
        (f'"total":{"9" * 5_000}', "/transaction/total"),
        ('"total":1,"currency":"\\u0000"', "/transaction/currency"),
        ('"total":1,"attributes":{"a":"\xff"}', ""),
        (f'"total":1,"attributes":{"[" * 900}{"]" * 900}', "/transaction/attributes"),
        ('"total":1,"member":" M"', "/transaction/member"),
    ],
)
async def test_whatever_a_fact_holds_the_others_are_recorded(program: Program, fields: str, pointer: str) -> None:
    bad = f'{{"transaction":{{"id":"B","member":"M","purchased_at":"2026-09-03T10:15:00Z",{fields}}}}}'
    good = [json.dumps(fact) for fact in transactions(2)]
    answered = await program.post("/batch", f'{{"facts":[{good[0]},{bad},{good[1]}]}}'.encode("latin-1"))
    results = answered.json()["results"]
    assert [result["status"] for result in results] == [201, 422, 201]
    assert [error["pointer"] for error in results[1]["problem"]["errors"]] == [f"/facts/1{pointer}"]


async def test_a_batch_again_is_answered_the_same(program: Program) -> None:
    await program.campaign()
    first = await program.post("/batch", {"facts": transactions(200)})
    head = program.head()
    again = await program.post("/batch", {"facts": transactions(200)})
    assert program.head() == head
    assert {result["status"] for result in again.json()["results"]} == {200}
    assert [result["answer"] for result in again.json()["results"]] == [
        result["answer"] for result in first.json()["results"]
    ]
    assert again.json()["position"] == first.json()["position"]


async def test_with_a_key_changes_are_carried_out_once_too(program: Program) -> None:
    facts = [
        {"transaction": transaction_body(status="accepted")},
        {"refund": {"id": "T-1001", "amount": "10"}},
        {"refund": {"id": "T-1001", "amount": "10"}},
        {"refund": {"id": "T-1001", "amount": "100"}},
    ]
    first = await program.post("/batch", {"facts": facts}, idempotency_key="k")
    assert [result["status"] for result in first.json()["results"]] == [201, 200, 200, 409]
    head = program.head()
    again = await program.post("/batch", {"facts": facts}, idempotency_key="k")
    assert program.head() == head
    assert [result["status"] for result in again.json()["results"]] == [200, 200, 200, 409]
    assert [result.get("answer") for result in again.json()["results"]] == [
        result.get("answer") for result in first.json()["results"]
    ]
    other = await program.post("/batch", {"facts": facts[1:]}, idempotency_key="k")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert program.head() == head


async def test_no_facts_at_all(program: Program) -> None:
    answered = await program.post("/batch", {"facts": []})
    assert (answered.status_code, answered.json()["results"]) == (200, [])


async def test_a_batch_that_is_none_is_refused_whole(program: Program) -> None:
    head = program.head()
    assert "/facts" in pointers(await program.post("/batch", {"facts": transactions(1) * 1001}))
    assert list(pointers(await program.post("/batch", {"facts": {}}))) == ["/facts"]
    assert list(pointers(await program.post("/batch", {}))) == ["/facts"]
    assert list(pointers(await program.post("/batch", {"facts": [], "atomic": True}))) == ["/atomic"]
    broken = '{"facts": [{"accept": {"id": "T-1"}},\n {"accept": {"id": "T-2", }}]}'
    for body in (
        broken,
        '{"facts": [{"accept": {"id": "T-1"}}',
        '{"facts": [{"transaction": {"total": 01}}]}',
        "",
        "x",
    ):
        answered = await program.post("/batch", body)
        assert answered.status_code == 400, body
    located = (await program.post("/batch", broken)).json()["detail"]
    assert "line 2" in located
    assert program.head() == head
