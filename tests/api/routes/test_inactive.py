"""What is not active can't be named anew, and goes on where it is named."""

from typing import Any

import pytest

from tests.api.routes.program import Program, achievement_body, campaign_body, goal_body, pointers

WORKOUT = {"attributes": {"minutes": "number"}}
OF_EVENTS = {"entity": "event", "event_type": "workout", "aggregate": {"attribute": "minutes"}, "date": "occurred_at"}
GOAL = goal_body(trigger="event", event_type="workout", conditions=None)


def prize(account: str) -> dict[str, Any]:
    units = {"kind": "give_units", "account": account, "units": "10"}
    mug = {"kind": "give_units", "account": "points", "units": "1"}
    return {"name": "Prize", "rules": [{"name": "Pay", "effects": [mug, units]}]}


DEFINITIONS = [
    ("/tiered-campaigns", campaign_body(account="miles"), "/account"),
    ("/tiered-campaigns", campaign_body(**OF_EVENTS), "/event_type"),
    ("/achievements", achievement_body(rules=[goal_body(), GOAL]), "/rules/1/event_type"),
    ("/campaigns", prize("miles"), "/rules/0/effects/1/account"),
]


async def put(program: Program, *, active: bool) -> None:
    for path, body in (("/accounts/miles", {}), ("/event-types/workout", WORKOUT)):
        answered = await program.put(path, {**body, "active": active}, **({} if active else {"if_match": "*"}))
        assert answered.status_code == 200, answered.text


@pytest.mark.parametrize(("path", "body", "pointer"), DEFINITIONS)
async def test_no_definition_names_it_anew(program: Program, path: str, body: dict[str, Any], pointer: str) -> None:
    await put(program, active=True)
    made = await program.post(path, body)
    assert made.status_code == 201, made.text
    await put(program, active=False)
    head = program.head()
    refused = await program.post(path, body)
    assert list(pointers(refused)) == [pointer]
    assert refused.json()["errors"][0]["code"] == "inactive"
    assert program.head() == head
    edited = await program.put(
        f"{path}/{made.json()['id']}", {**body, "name": "Another"}, if_match=made.headers["etag"]
    )
    assert (edited.status_code, edited.json()["name"]) == (200, "Another"), edited.text


@pytest.mark.parametrize(("path", "body", "pointer"), DEFINITIONS)
async def test_nothing_that_names_it_is_activated(
    program: Program, path: str, body: dict[str, Any], pointer: str
) -> None:
    await put(program, active=True)
    goal = await program.post("/achievements", achievement_body())
    complete = {"starts_at": "2026-09-01T00:00:00Z", "achievement": goal.json()["id"]} if path == "/campaigns" else {}
    made = await program.post(path, {**body, **complete})
    at = f"{path}/{made.json()['id']}"
    await put(program, active=False)
    head = program.head()
    refused = await program.post(f"{at}/activate")
    assert (refused.status_code, refused.json()["code"]) == (409, "inactive"), refused.text
    assert refused.json()["detail"].startswith(f"{pointer}: ")
    assert program.head() == head
    await program.put("/accounts/miles", {"active": True}, if_match="*")
    await program.put("/event-types/workout", {**WORKOUT, "active": True}, if_match="*")
    assert (await program.post(f"{at}/activate")).status_code == 200
    await put(program, active=False)
    assert (await program.post(f"{at}/activate")).status_code == 200


async def test_an_edit_does_not_name_it_anew_either(program: Program) -> None:
    await put(program, active=True)
    await put(program, active=False)
    made = await program.post("/tiered-campaigns", campaign_body())
    edited = await program.put(
        f"/tiered-campaigns/{made.json()['id']}", campaign_body(account="miles"), if_match=made.headers["etag"]
    )
    assert list(pointers(edited)) == ["/account"]


async def test_what_names_an_account_goes_on_paying_into_it(program: Program) -> None:
    await put(program, active=True)
    await program.campaign(account="miles")
    await put(program, active=False)
    answered = await program.post(
        "/transactions", {"id": "T-1", "member": "M-1", "purchased_at": "2026-09-03T10:15:00Z", "total": "20"}
    )
    assert answered.json()["outcomes"][0]["pending_points"] == "200"
