from typing import Any

import pytest

from tests.api.routes.program import Program, pointers

ENTRIES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (
        "/event-types/workout",
        {"label": "Workout", "attributes": {"minutes": "number"}},
        {"code": "workout", "label": "Workout", "attributes": {"minutes": "number"}, "active": True},
        {"active": False},
    ),
    (
        "/accounts/miles",
        {"name": "Miles", "unit": "mi", "decimals": 2},
        {"code": "miles", "name": "Miles", "unit": "mi", "decimals": 2, "active": True},
        {"name": "Air miles", "decimals": 2},
    ),
    (
        "/segments/gold",
        {"name": "Gold", "expression": 'member.tier == "gold"'},
        {"code": "gold", "name": "Gold", "expression": 'member.tier == "gold"'},
        {"expression": 'member.tier != "none"'},
    ),
    ("/lists/vip", {"name": "VIP"}, {"code": "vip", "name": "VIP"}, {"name": "Very important"}),
    (
        "/products/SKU 1%2F2",
        {"name": "Shoe", "category": "shoes", "price": "20.50"},
        {"sku": "SKU 1/2", "name": "Shoe", "category": "shoes", "brand": None, "price": "20.50"},
        {"brand": "Acme"},
    ),
]


@pytest.mark.parametrize(("path", "body", "shown", "changed"), ENTRIES)
async def test_an_entry_is_made_and_changed_by_who_saw_it(
    program: Program, path: str, body: dict[str, Any], shown: dict[str, Any], changed: dict[str, Any]
) -> None:
    made = await program.put(path, body)
    assert (made.status_code, made.headers["etag"]) == (200, '"1"'), made.text
    assert made.json() == {"position": str(program.head()), **shown}
    head = program.head()
    assert (await program.put(path, changed)).status_code == 428
    assert (await program.put(path, changed, if_match='"7"')).status_code == 412
    assert (await program.put(path, changed, if_none_match="*")).status_code == 412
    assert (await program.put(path, body, if_match='"1"')).headers["etag"] == '"1"'
    assert program.head() == head
    second = await program.put(path, changed, if_match='"1"')
    assert (second.status_code, second.headers["etag"]) == (200, '"2"')
    assert (await program.put(path, body, if_match='"1"')).status_code == 412


async def test_an_etag_of_nothing_is_stale(program: Program) -> None:
    assert (await program.put("/lists/vip", {}, if_match='"1"')).status_code == 412
    assert (await program.put("/lists/vip", {}, if_none_match="*")).status_code == 200


BAD_ENTRIES: list[tuple[str, dict[str, Any], str]] = [
    ("/event-types/workout", {"attributes": {"minutes": "duration"}}, "/attributes/minutes"),
    ("/event-types/workout", {"attributes": {"": "number"}}, "/attributes/"),
    ("/event-types/workout", {"attributes": {f"a{number}": "number" for number in range(101)}}, "/attributes"),
    ("/event-types/workout", {"active": "yes"}, "/active"),
    ("/event-types/workout", {"label": ""}, "/label"),
    ("/event-types/workout", {"code": "workout"}, "/code"),
    ("/accounts/miles", {"decimals": 7}, "/decimals"),
    ("/accounts/miles", {"decimals": -1}, "/decimals"),
    ("/accounts/miles", {"decimals": 1.5}, "/decimals"),
    ("/accounts/miles", {"decimals": 10**30}, "/decimals"),
    ("/segments/gold", {"expression": "member.tier ="}, "/expression"),
    ("/segments/gold", {"expression": "transaction.total > 1"}, "/expression"),
    ("/segments/gold", {"expression": "1 + 1"}, "/expression"),
    ("/segments/gold", {"expression": "(" * 4000}, "/expression"),
    ("/segments/gold", {"expression": "1" * 4001}, "/expression"),
    ("/segments/gold", {}, "/expression"),
    ("/lists/vip", {"name": 7}, "/name"),
    ("/products/SKU", {"price": "-1"}, "/price"),
    ("/products/SKU", {"price": "Infinity"}, "/price"),
    ("/products/SKU", {"price": "1" * 100_000}, "/price"),
    ("/products/SKU", {"colour": "red"}, "/colour"),
]


async def test_a_bad_entry_is_refused_with_its_place(program: Program) -> None:
    head = program.head()
    for path, body, pointer in BAD_ENTRIES:
        assert list(pointers(await program.put(path, body))) == [pointer], body
    assert program.head() == head


async def test_a_bad_code_is_refused(program: Program) -> None:
    for code in ("-a", "a b", "a%0A", "a%2Fb", "x" * 101, "ü"):
        answered = await program.put(f"/lists/{code}", {})
        assert (answered.status_code, answered.json()["errors"][0]["parameter"]) == (422, "code")


async def test_what_is_used_stays(program: Program) -> None:
    workout = {"attributes": {"minutes": "number", "city": "string"}}
    await program.put("/event-types/workout", workout)
    await program.campaign(
        entity="event", event_type="workout", aggregate={"attribute": "minutes"}, date=None, filter=None
    )
    refused = await program.put("/event-types/workout", {"attributes": {"city": "string"}}, if_match='"1"')
    assert list(pointers(refused)) == ["/attributes/minutes"]
    assert (await program.put("/accounts/points", {"decimals": 2}, if_match='"1"')).status_code == 422


async def test_only_those_who_may_change_definitions(program: Program) -> None:
    for role, status in (("integration", 403), ("analyst", 403), ("operator", 200)):
        answered = await program.put("/lists/vip", {}, authorization=f"Bearer {role}")
        assert answered.status_code == status
