"""What an edit would reset, as it is said before: the members are those in progress."""

from typing import Any

from tests.api.reads.program import ReadProgram
from tests.api.routes.program import achievement_body, goal_body

ACCEPTED: dict[str, Any] = {"status": "accepted", "auto_accept_at": ...}


async def achieve(program: ReadProgram) -> str:
    """The path of an active achievement that two members are in progress with, and a third has just completed."""
    rule = goal_body(goal="2", conditions=None)
    made = await program.post("/achievements", achievement_body(active=True, rules=[rule]))
    for number, member in enumerate(("M-1", "M-2", "M-3", "M-3")):
        await program.buy(f"T-{number}", member, "20", **ACCEPTED)
    await program.follow()
    return f"/achievements/{made.json()['id']}"


async def would(program: ReadProgram, path: str, **fields: Any) -> Any:
    answer = await program.put(f"{path}?dry_run=true", achievement_body(**fields), if_match="*")
    assert answer.status_code == 200, answer.text
    assert "etag" not in answer.headers
    return answer.json()


async def test_an_edit_is_tried_and_not_made(program: ReadProgram) -> None:
    path = await achieve(program)
    head = program.head()
    rules = [goal_body(goal="3", period={"kind": "week"})]
    assert await would(program, path, rules=rules) == {
        "position": str(head),
        "dry_run": True,
        "revision": 2,
        "resets_progress": True,
        "members": 2,
        "fields": ["/rules/0/goal", "/rules/0/period"],
    }
    assert program.head() == head
    assert (await program.get(path)).json()["revision"] == 1


async def test_an_edit_that_resets_nothing_says_so(program: ReadProgram) -> None:
    path = await achieve(program)
    kept = await would(program, path, name="B", rules=[goal_body(goal="2")], limit=None)
    assert (kept["revision"], kept["resets_progress"], kept["members"], kept["fields"]) == (1, False, 0, [])


async def test_what_was_said_comes_true(program: ReadProgram) -> None:
    path = await achieve(program)
    rules = [goal_body(goal="2"), goal_body()]
    said = await would(program, path, rules=rules)
    edited = await program.put(path, achievement_body(rules=rules), if_match="*")
    assert (said["fields"], edited.json()["revision"]) == (["/rules"], said["revision"])
    await program.follow()
    assert (await program.get(path)).json()["members_in_progress"] == 0
    assert (await would(program, path, rules=rules[:1]))["members"] == 0


async def test_it_does_not_speak_before_it_knows(program: ReadProgram) -> None:
    path = await achieve(program)
    await program.put("/members/M-9", {})
    behind = await program.put(f"{path}?dry_run=true", achievement_body(), if_match="*")
    assert (behind.status_code, behind.json()["code"]) == (503, "behind")


async def test_dry_run_is_true_or_false(program: ReadProgram) -> None:
    path = await achieve(program)
    head = program.head()
    for query in ("dry_run=maybe", "dry_run=", "dry_run=true&dry_run=false", "dry-run=true"):
        answer = await program.put(f"{path}?{query}", achievement_body(name="B"), if_match="*")
        assert answer.status_code == 422, query
    assert program.head() == head
