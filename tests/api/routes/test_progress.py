"""Progress changed by hand, over HTTP."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx

from tests.api.routes.program import Program, achievement_body, goal_body, pointers

WHY = "lost receipt"


async def achievement(program: Program, **fields: Any) -> str:
    await program.put("/members/M-1", {})
    body = achievement_body(rules=[goal_body(), goal_body(period={"kind": "day"})], **fields)
    made = await program.post("/achievements", body)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def patch(program: Program, of: str, body: Any, member: str = "M-1", **headers: str) -> httpx.Response:
    return await program.patch(f"/members/{member}/achievements/{of}", body, **headers)


async def test_values_and_the_count_are_set(program: Program) -> None:
    of = await achievement(program, limit=None)
    rules = [{"rule": 1, "value": "4.50"}, {"rule": 2, "value": 3, "at": "2026-09-09T23:59:59Z"}]
    changed = await patch(program, of, {"reason": WHY, "completed": 2, "rules": rules})
    assert changed.status_code == 200, changed.text
    assert changed.json() == {
        "position": str(program.head()),
        "member": "M-1",
        "achievement": of,
        "completed": 2,
        "rules": [
            {"rule": 1, "value": "4.5", "goal": "5", "complete": False},
            {"rule": 2, "value": "0", "goal": "5", "complete": False},
        ],
    }
    head = program.head()
    again = await patch(program, of, {"reason": WHY, "completed": 2, "rules": rules})
    assert (again.status_code, program.head()) == (200, head)


async def test_the_rules_being_complete_completes(program: Program) -> None:
    of = await achievement(program)
    rules = [{"rule": 1, "value": 5}, {"rule": 2, "value": 5}]
    changed = (await patch(program, of, {"reason": WHY, "rules": rules})).json()
    assert (changed["completed"], [rule["value"] for rule in changed["rules"]]) == (1, ["0", "0"])


async def test_the_count_is_not_raised_above_the_limit(program: Program) -> None:
    of = await achievement(program, limit={"value": 2})
    refused = await patch(program, of, {"reason": WHY, "completed": 3})
    assert (refused.status_code, refused.json()["code"]) == (409, "limit_reached")
    answers = await asyncio.gather(*[patch(program, of, {"reason": WHY, "completed": 2 + n % 2}) for n in range(6)])
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 409, 409, 409]


async def test_a_request_that_repeats_is_carried_out_once(program: Program) -> None:
    of = await achievement(program, limit=None)
    first = await patch(program, of, {"reason": WHY, "completed": 1}, Idempotency_Key="k")
    await patch(program, of, {"reason": WHY, "completed": 5})
    head = program.head()
    again = await patch(program, of, {"reason": WHY, "completed": 1}, Idempotency_Key="k")
    assert (again.json(), program.head()) == (first.json(), head)


async def test_whoever_and_whatever_is_unknown_is_not_found(program: Program) -> None:
    of = await achievement(program)
    head = program.head()
    for member, unknown in (("M-2", of), ("M-1", str(uuid4())), ("M-1", "7"), ("%FF", of)):
        answer = await patch(program, unknown, {"reason": WHY, "completed": 1}, member)
        assert answer.status_code == (422 if member == "%FF" else 404), answer.text
    await program.post(f"/achievements/{of}/archive")
    archived = await patch(program, of, {"reason": WHY, "completed": 1})
    assert (archived.status_code, archived.json()["code"]) == (409, "wrong_status")
    assert program.head() == head + 1


BAD_CHANGES: list[tuple[Any, str]] = [
    ({}, "/reason"),
    ({"reason": WHY}, ""),
    ({"reason": WHY, "rules": []}, ""),
    ({"reason": "", "completed": 1}, "/reason"),
    ({"reason": "  ", "completed": 1}, "/reason"),
    ({"reason": "x" * 501, "completed": 1}, "/reason"),
    ({"reason": None, "completed": 1}, "/reason"),
    ({"reason": WHY, "completed": -1}, "/completed"),
    ({"reason": WHY, "completed": "1"}, "/completed"),
    ({"reason": WHY, "completed": 1.5}, "/completed"),
    ({"reason": WHY, "completed": 10**9 + 1}, "/completed"),
    ({"reason": WHY, "completed": 10**30}, "/completed"),
    ({"reason": WHY, "rules": {"rule": 1}}, "/rules"),
    ({"reason": WHY, "rules": [{"rule": 1, "value": 1}] * 101}, "/rules"),
    ({"reason": WHY, "rules": [{"rule": 1, "value": 1}] * 2}, "/rules/1"),
    ({"reason": WHY, "rules": [{"rule": 1}]}, "/rules/0/value"),
    ({"reason": WHY, "rules": [{"rule": 1, "value": "-1"}]}, "/rules/0/value"),
    ({"reason": WHY, "rules": [{"rule": 1, "value": "NaN"}]}, "/rules/0/value"),
    ({"reason": WHY, "rules": [{"rule": 1, "value": "1" * 21}]}, "/rules/0/value"),
    ({"reason": WHY, "rules": [{"rule": 1, "value": "1e99"}]}, "/rules/0/value"),
    ({"reason": WHY, "rules": [{"rule": 0, "value": 1}]}, "/rules/0/rule"),
    ({"reason": WHY, "rules": [{"rule": 3, "value": 1}]}, "/rules/0/rule"),
    ({"reason": WHY, "rules": [{"rule": 7, "value": 1}]}, "/rules/0/rule"),
    ({"reason": WHY, "rules": [{"rule": "1", "value": 1}]}, "/rules/0/rule"),
    ({"reason": WHY, "rules": [{"rule": 1, "value": 1, "at": "2026-09-10"}]}, "/rules/0/at"),
    ({"reason": WHY, "rules": [{"rule": 1, "value": 1, "at": "2026-09-10T10:00:00"}]}, "/rules/0/at"),
    ({"reason": WHY, "completed": 1, "by": "me"}, "/by"),
]


async def test_a_bad_change_is_refused_with_its_place(program: Program) -> None:
    of = await achievement(program)
    head = program.head()
    for body, pointer in BAD_CHANGES:
        assert list(pointers(await patch(program, of, body))) == [pointer], body
    assert program.head() == head


async def test_the_ends_of_time_are_periods_too(program: Program) -> None:
    of = await achievement(program)
    for at in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        changed = await patch(program, of, {"reason": WHY, "rules": [{"rule": 2, "value": 1, "at": at}]})
        assert changed.status_code == 200, changed.text


async def test_only_operators_change_progress(program: Program) -> None:
    of = await achievement(program)
    for role in ("analyst", "auditor", "integration"):
        refused = await patch(program, of, {"reason": WHY, "completed": 1}, authorization=f"Bearer {role}")
        assert refused.status_code == 403
    allowed = await patch(program, of, {"reason": WHY, "completed": 1}, authorization="Bearer operator")
    assert allowed.status_code == 200, allowed.text


async def test_only_operators_import_progress(program: Program) -> None:
    of = await achievement(program)
    row = f'{{"member": "M-1", "achievement": "{of}", "completed": 1}}\n'
    for role, status in (("integration", 403), ("operator", 202)):
        answer = await program.post(
            "/imports?kind=progress", row, content_type="application/x-ndjson", authorization=f"Bearer {role}"
        )
        assert answer.status_code == status, answer.text
