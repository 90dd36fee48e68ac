from typing import Any

import pytest

from tests.api.reads.program import UNKNOWN, ReadProgram, instant

RULE = {
    "name": "Two purchases",
    "trigger": "transaction",
    "event_type": None,
    "subject": "member",
    "conditions": {"all": [{"attribute": "transaction.total", "operator": "gte", "value": "20"}]},
    "count": {"kind": "occurrences"},
    "goal": "2",
    "period": {"kind": "overall"},
    "consecutive": 1,
    "frequency": None,
}
ACCEPTED = {"status": "accepted", "auto_accept_at": ...}


def rule(**fields: Any) -> dict[str, Any]:
    return {**RULE, **fields}


async def achieve(program: ReadProgram, *rules: dict[str, Any], **fields: Any) -> str:
    """The id of an achievement that is made and active."""
    body = {"name": "Buyer", "active": True, "rules": list(rules) or [RULE], **fields}
    made = await program.post("/achievements", body)
    assert made.status_code == 201, made.text
    identity: str = made.json()["id"]
    return identity


async def buy(program: ReadProgram, transaction: str, at: str = "2026-09-03T10:15:00Z", total: str = "20") -> None:
    await program.buy(transaction, "M-1", total, purchased_at=at, **ACCEPTED)


async def of_member(program: ReadProgram, achievement: str, **asked: str) -> Any:
    await program.follow()
    return await program.shown(f"/members/M-1/achievements/{achievement}", **asked)


async def test_an_achievement_is_read_as_it_was_answered(program: ReadProgram) -> None:
    made = await program.post("/achievements", {"name": "Buyer", "rules": [RULE], "limit": {"value": 3}})
    assert made.status_code == 201, made.text
    activated = await program.post(f"/achievements/{made.json()['id']}/activate")
    await program.follow()
    read = await program.get(f"/achievements/{made.json()['id']}")
    figures = {"members_in_progress": 0, "completions": 0, "members_completed": 0}
    assert {**read.json(), "position": ""} == {**activated.json(), "position": "", **figures}
    assert read.headers["etag"] == activated.headers["etag"] == '"2"'
    put = {name: value for name, value in read.json().items() if name in {"name", "rules", "limit", "active"}}
    edited = await program.put(f"/achievements/{made.json()['id']}", put, if_match='"2"')
    assert (edited.status_code, edited.json()["revision"]) == (200, 1), edited.text


async def test_achievements_have_figures(program: ReadProgram) -> None:
    achievement = await achieve(program, limit={"value": 2})
    for number, member in enumerate(["M-1", "M-1", "M-2", "M-3", "M-3", "M-3"]):
        await program.buy(f"T-{number}", member, "20", **ACCEPTED)
    await program.follow()
    (row,) = await program.listed("/achievements")
    assert row == {
        "id": achievement,
        "name": "Buyer",
        "status": "active",
        "active": True,
        "revision": 1,
        "rules": 1,
        "badge": None,
        "members_in_progress": 2,
        "completions": 2,
        "members_completed": 2,
    }
    shown = await program.shown(f"/achievements/{achievement}")
    edited = await program.put(
        f"/achievements/{achievement}", {"name": "Buyer", "rules": [rule(goal="3")]}, if_match='"2"'
    )
    assert edited.status_code == 200, edited.text
    await program.follow()
    after = await program.shown(f"/achievements/{achievement}")
    figures = ("revision", "members_in_progress", "completions", "members_completed")
    assert [shown[name] for name in figures] == [1, 2, 2, 2]
    assert [after[name] for name in figures] == [2, 0, 2, 2]


async def test_achievements_are_searched_filtered_and_sorted(program: ReadProgram) -> None:
    await program.put("/event-types/workout", {"attributes": {"minutes": "number"}})
    trained = rule(trigger="event", event_type="workout", conditions=None)
    first = await achieve(program, name="A 100% buyer", active=False)
    second = await achieve(program, trained, name="Runner")
    third = await achieve(program, RULE, trained, name="Both")
    await program.post(f"/achievements/{third}/deactivate")
    await program.post(f"/achievements/{third}/archive")
    happening = {"id": "E-1", "type": "workout", "member": "M-1", "occurred_at": "2026-09-03T10:15:00Z"}
    for number in (1, 2):
        assert (await program.post("/events", {**happening, "id": f"E-{number}"})).status_code == 201
    await program.follow()

    async def ids(**asked: str) -> list[str]:
        return [row["id"] for row in await program.listed("/achievements", limit="1", **asked)]

    assert await ids() == [third, second, first]
    assert await ids(sort="name") == [first, third, second]
    assert await ids(sort="-completions") == [second, third, first]
    assert await ids(sort="status") == [second, third, first]
    assert await ids(q="100%") == [first]
    assert await ids(status="inactive") == [first]
    assert await ids(trigger="event") == [third, second]
    assert await ids(event_type="workout") == [third, second]
    assert await ids(**{"trigger[ne]": "transaction"}) == [second]
    assert await ids(**{"completions[gt]": "0"}) == [second]


async def test_a_streak_of_working_days_goes_on_over_the_weekend(program: ReadProgram) -> None:
    daily = rule(name="Daily", conditions=None, goal="1", period={"kind": "day"}, consecutive=6)
    work = {"kind": "days_of_week", "days": [1, 2, 3, 4, 5]}
    achievement = await achieve(program, daily, timeframe=work)
    program.clock.at = instant("2026-09-07T09:00:00Z")  # a Monday
    for day in (2, 3, 4):
        await buy(program, f"T-{day}", f"2026-09-0{day}T10:00:00Z")

    async def streak() -> tuple[int, int]:
        shown = await of_member(program, achievement)
        return shown["rules"][0]["consecutive_completed"], shown["completed"]

    assert await streak() == (3, 0)
    for day in (7, 8):
        await buy(program, f"T-{day}", f"2026-09-0{day}T10:00:00Z")
    program.clock.at = instant("2026-09-09T09:00:00Z")
    assert await streak() == (5, 0)
    await buy(program, "T-9", "2026-09-09T10:00:00Z")
    assert await streak() == (0, 1)


async def test_a_member_sees_what_remains(program: ReadProgram) -> None:
    monthly = rule(name="Spend", count={"kind": "sum", "expression": "transaction.total"}, goal="100")
    monthly |= {"conditions": None, "period": {"kind": "month"}, "consecutive": 2}
    limit = {"value": 1, "interval": {"unit": "week", "n": 2}}
    achievement = await achieve(program, RULE, monthly, limit=limit, badge=None)
    await buy(program, "T-1", "2026-08-31T21:59:59Z", "100.50")
    await buy(program, "T-2", "2026-09-03T10:15:00Z", "7.5")
    await program.follow()
    (row,) = await program.listed("/members/M-1/achievements")
    assert row == {
        "achievement": achievement,
        "name": "Buyer",
        "status": "active",
        "active": True,
        "revision": 1,
        "badge": None,
        "completed": 0,
        "limit": limit,
        "limit_reached": False,
        "last_completed_at": None,
        "last_advanced_at": "2026-09-03T10:15:00Z",
        "rules": [
            {
                "rule": 1,
                "name": "Two purchases",
                "goal": "2",
                "value": "1",
                "remaining": "1",
                "period": {"kind": "overall"},
                "consecutive_required": 1,
                "consecutive_completed": 0,
                "complete": False,
            },
            {
                "rule": 2,
                "name": "Spend",
                "goal": "100",
                "value": "7.5",
                "remaining": "92.5",
                "period": {"kind": "month"},
                "consecutive_required": 2,
                "consecutive_completed": 1,
                "complete": False,
            },
        ],
    }
    await buy(program, "T-3", "2026-09-04T10:15:00Z", "92.50")
    shown = await of_member(program, achievement)
    assert (shown["completed"], shown["limit_reached"]) == (1, True)
    assert shown["last_completed_at"] == "2026-09-04T10:15:00Z"
    assert [(each["value"], each["remaining"]) for each in shown["rules"]] == [("0", "2"), ("0", "100")]
    program.clock.at = instant("2026-09-14T00:00:00Z")
    assert (await of_member(program, achievement))["limit_reached"] is False


async def test_facts_that_counted_and_those_that_did_not_say_so(program: ReadProgram) -> None:
    achievement = await achieve(program, timeframe={"kind": "after", "at": "2026-08-31"})
    await buy(program, "T-1")
    await buy(program, "T-2", total="19.99")
    await buy(program, "T-3", "2026-08-01T00:00:00Z")
    assert (await program.post("/transactions/T-1/refund", {})).status_code == 200
    shown = await of_member(program, achievement, limit="2")
    back, outside = shown["facts"]
    assert (back["outcome"], back["id"], back["amount"], back["value"]) == ("taken_back", "T-1", "1", None)
    assert (outside["outcome"], outside["reason"], outside["rule"]) == ("not_counted", "outside_timeframe", None)
    assert outside["occurred_at"] == "2026-08-01T00:00:00Z"
    unmet, counted = (await of_member(program, achievement, limit="2", cursor=shown["next"]))["facts"]
    assert (unmet["reason"], unmet["rule"]) == ("condition_not_met", 1)
    assert counted == {
        "kind": "transaction",
        "id": "T-1",
        "member": "M-1",
        "outcome": "counted",
        "rule": 1,
        "revision": 1,
        "amount": "1",
        "value": "1",
        "goal": "2",
        "reason": None,
        "detail": None,
        "occurred_at": "2026-09-03T10:15:00Z",
        "recorded_at": "2026-09-10T12:00:00Z",
        "position": counted["position"],
    }
    reasons = await of_member(program, achievement, reason="condition_not_met")
    assert [fact["id"] for fact in reasons["facts"]] == ["T-2"]
    oldest = await of_member(program, achievement, sort="recorded_at", outcome="not_counted")
    assert [fact["id"] for fact in oldest["facts"]] == ["T-2", "T-3"]


async def test_a_fact_that_several_rules_count_is_there_for_each(program: ReadProgram) -> None:
    achievement = await achieve(program, RULE, rule(name="Big", goal="9", frequency={"value": 1, "interval": None}))
    await buy(program, "T-1")
    await buy(program, "T-2", total="1")
    found, asked = [], {"limit": "1"}
    while shown := await of_member(program, achievement, **asked):
        found += [(fact["id"], fact["rule"], fact["outcome"]) for fact in shown["facts"]]
        if shown["next"] is None:
            break
        asked["cursor"] = shown["next"]
    assert found == [
        ("T-2", 2, "not_counted"),
        ("T-2", 1, "not_counted"),
        ("T-1", 2, "counted"),
        ("T-1", 1, "counted"),
    ]


async def test_a_referrer_sees_who_acted(program: ReadProgram) -> None:
    achievement = await achieve(program, rule(subject="referrer"))
    await program.put("/members/M-2", {"referrer": "M-1"})
    await program.buy("T-1", "M-2", "20", **ACCEPTED)
    await buy(program, "T-2")
    shown = await of_member(program, achievement)
    assert [(fact["id"], fact["member"], fact["reason"]) for fact in shown["facts"]] == [
        ("T-2", "M-1", "no_referrer"),
        ("T-1", "M-2", None),
    ]
    assert shown["rules"][0]["value"] == "1"


async def test_completions_survive_a_revision_and_progress_does_not(program: ReadProgram) -> None:
    achievement = await achieve(program, limit={"value": 5})
    for number in range(3):
        await buy(program, f"T-{number}")
    edited = await program.put(
        f"/achievements/{achievement}", {"name": "Buyer", "rules": [rule(goal="4")]}, if_match='"2"'
    )
    assert edited.status_code == 200, edited.text
    shown = await of_member(program, achievement)
    expected = ("completed", 1), ("revision", 2), ("last_completed_at", "2026-09-03T10:15:00Z")
    assert [(name, shown[name]) for name, _ in expected] == list(expected)
    assert [(each["goal"], each["value"]) for each in shown["rules"]] == [("4", "0")]
    await buy(program, "T-9")
    shown = await of_member(program, achievement)
    assert [(name, shown[name]) for name, _ in expected] == list(expected)
    assert shown["rules"][0]["value"] == "1"
    assert [fact["revision"] for fact in shown["facts"]] == [2, 1, 1, 1]


async def test_a_member_has_what_is_not_archived_and_what_they_have_a_history_with(program: ReadProgram) -> None:
    kept = await achieve(program, name="Kept")
    left = await achieve(program, name="Left", timeframe={"kind": "before", "at": "2026-01-01"})
    other = await achieve(program, name="Other")
    await buy(program, "T-1")
    for archived in (kept, left):
        for step in ("deactivate", "archive"):
            assert (await program.post(f"/achievements/{archived}/{step}")).status_code == 200
    await program.follow()

    async def names(**asked: str) -> list[str]:
        return [row["name"] for row in await program.listed("/members/M-1/achievements", limit="1", **asked)]

    assert await names() == ["Other", "Kept"]
    assert await names(sort="name") == ["Kept", "Other"]
    assert await names(in_progress="true", status="archived") == ["Kept"]
    assert await names(sort="last_advanced_at", q="e") == ["Kept", "Other"]
    assert await names(completed="1") == []
    shown = await program.shown(f"/members/M-1/achievements/{left}")
    assert (shown["active"], shown["completed"], shown["rules"][0]["value"]) == (False, 0, "0")
    assert (await program.shown(f"/members/M-1/achievements/{other}"))["active"] is True


async def test_what_is_not_there_is_not_found(program: ReadProgram) -> None:
    achievement = await achieve(program)
    await buy(program, "T-1")
    await program.follow()
    for path in (
        f"/achievements/{UNKNOWN}",
        "/members/nobody/achievements",
        f"/members/nobody/achievements/{achievement}",
        f"/members/M-1/achievements/{UNKNOWN}",
    ):
        answered = await program.get(path)
        assert (answered.status_code, answered.json()["code"]) == (404, "not_found"), path


@pytest.mark.parametrize("path", ["/achievements", "/members/M-1/achievements"])
async def test_an_integration_does_not_read_them(program: ReadProgram, path: str) -> None:
    answered = await program.client.get(f"/v1{path}", headers={"authorization": "Bearer integration"})
    assert answered.status_code == 403


async def test_changes_by_hand_say_why(program: ReadProgram) -> None:
    achievement = await achieve(program, rule(goal="9"))
    await buy(program, "T-1")
    changes = (
        {"reason": "lost receipt", "completed": 2, "rules": [{"rule": 1, "value": "3.0"}]},
        {"reason": "given twice", "completed": 1},
    )
    for change in changes:
        answer = await program._send("PATCH", f"/members/M-1/achievements/{achievement}", change, {})
        assert answer.status_code == 200
    newest, first = (await of_member(program, achievement))["changes"]
    assert (newest["reason"], newest["before"], newest["completed"], newest["rules"]) == ("given twice", 2, 1, [])
    assert first == {
        "reason": "lost receipt",
        "before": 0,
        "completed": 2,
        "rules": [{"rule": 1, "value": "3"}],
        "revision": 1,
        "changed_by": newest["changed_by"],
        "recorded_at": "2026-09-10T12:00:00Z",
        "position": first["position"],
    }
    assert newest["changed_by"]
