from typing import Any

from tests.api.routes.program import Program, pointers


async def test_a_member_is_put_whole(program: Program) -> None:
    body = {"tier": "gold", "attributes": {"city": "Paris", "age": 35, "vip": True}, "referrer": "M-1"}
    put = await program.put("/members/M-7", body)
    assert put.status_code == 200, put.text
    assert put.json() == {
        "position": str(program.head()),
        "id": "M-7",
        "tier": "gold",
        "attributes": {"city": "Paris", "age": "35", "vip": True},
        "lists": [],
        "referrer": "M-1",
    }
    head = program.head()
    again = await program.put("/members/M-7", body)
    assert (again.status_code, program.head()) == (200, head)
    replaced = await program.put("/members/M-7", {})
    assert (replaced.json()["tier"], replaced.json()["attributes"], replaced.json()["referrer"]) == (None, {}, "M-1")


async def test_a_referrer_is_set_once(program: Program) -> None:
    await program.put("/members/M-7", {"referrer": "M-1"})
    head = program.head()
    other = await program.put("/members/M-7", {"referrer": "M-2"})
    assert (other.status_code, other.json()["code"]) == (409, "referrer_fixed")
    assert list(pointers(await program.put("/members/M-8", {"referrer": "M-8"}))) == ["/referrer"]
    assert program.head() == head


async def test_referrers_do_not_go_in_a_circle(program: Program) -> None:
    for member, referrer in (("M-2", "M-1"), ("M-3", "M-2")):
        assert (await program.put(f"/members/{member}", {"referrer": referrer})).status_code == 200
    head = program.head()
    for last in ("M-2", "M-3"):
        refused = await program.put("/members/M-1", {"tier": "gold", "referrer": last})
        assert (refused.status_code, refused.json()["code"]) == (409, "referrer_cycle")
    assert program.head() == head
    assert (await program.put("/members/M-1", {"referrer": "M-0"})).status_code == 200


BAD_MEMBERS: list[tuple[dict[str, Any], str]] = [
    ({"tier": 7}, "/tier"),
    ({"tier": ""}, "/tier"),
    ({"attributes": []}, "/attributes"),
    ({"attributes": {"a": "x" * 1001}}, "/attributes/a"),
    ({"attributes": {"age": 10**30}}, "/attributes/age"),
    ({"referrer": ""}, "/referrer"),
    ({"lists": ["vip"]}, "/lists"),
]


async def test_a_bad_member_is_refused_with_its_place(program: Program) -> None:
    head = program.head()
    for body, pointer in BAD_MEMBERS:
        assert list(pointers(await program.put("/members/M-7", body))) == [pointer]
    assert program.head() == head


async def test_members_join_and_leave_a_list(program: Program) -> None:
    await program.put("/lists/vip", {})
    joined = await program.post("/lists/vip/members", {"add": ["M-1", "M-2", "M-1"]})
    assert (joined.status_code, joined.json()["added"], joined.json()["removed"]) == (200, 2, 0)
    head = program.head()
    same = await program.post("/lists/vip/members", {"add": ["M-1"], "remove": ["M-3"]})
    assert (same.json()["added"], same.json()["removed"], program.head()) == (0, 0, head)
    left = await program.post("/lists/vip/members", {"add": ["M-3"], "remove": ["M-1"]})
    assert (left.json()["added"], left.json()["removed"]) == (1, 1)
    assert (await program.put("/members/M-2", {})).json()["lists"] == ["vip"]
    assert (await program.put("/members/M-1", {})).json()["lists"] == []


async def test_a_thousand_members_join_and_leave_at_once(program: Program) -> None:
    await program.put("/lists/vip", {})
    first, second = [f"A-{n}" for n in range(1000)], [f"B-{n}" for n in range(1000)]
    assert (await program.post("/lists/vip/members", {"add": first})).json()["added"] == 1000
    moved = await program.post("/lists/vip/members", {"add": second, "remove": first})
    assert (moved.json()["added"], moved.json()["removed"]) == (1000, 1000)


async def test_a_bad_change_of_a_list_changes_nothing(program: Program) -> None:
    assert (await program.post("/lists/none/members", {})).status_code == 404
    assert (await program.post("/lists/none/members", {"add": ["M-1"]})).status_code == 404
    await program.put("/lists/vip", {})
    head = program.head()
    both = await program.post("/lists/vip/members", {"add": ["M-1", "M-2"], "remove": ["M-3", "M-2"]})
    assert list(pointers(both)) == ["/remove/1"]
    assert list(pointers(await program.post("/lists/vip/members", {"add": ["M-1"] * 1001}))) == ["/add"]
    assert list(pointers(await program.post("/lists/vip/members", {"add": ["M-1", ""]}))) == ["/add/1"]
    assert list(pointers(await program.post("/lists/vip/members", {"set": []}))) == ["/set"]
    assert program.head() == head
