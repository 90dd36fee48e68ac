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
    ("/badges/star", {"name": "Star"}, {"code": "star", "name": "Star"}, {"name": "Gold star"}),
    (
        "/coupons/summer",
        {
            "name": "Summer",
            "generator": {"length": 8, "alphabet": "0123456789", "prefix": "SUN-"},
            "stock": 100,
            "value": "0.1 * transaction.total",
            "valid_for": "30 days",
            "valid_until": "2026-12-31T23:00:00+01:00",
        },
        {
            "code": "summer",
            "name": "Summer",
            "generator": {"length": 8, "alphabet": "0123456789", "prefix": "SUN-"},
            "stock": 100,
            "value": "0.1 * transaction.total",
            "valid_for": "30 days",
            "valid_until": "2026-12-31T22:00:00Z",
            "codes": 0,
            "given": 0,
            "left": 100,
        },
        {"name": "Summer", "generator": {}, "value": 5.50},
    ),
    (
        "/coupons/welcome",
        {},
        {
            "code": "welcome",
            "name": "welcome",
            "generator": None,
            "stock": None,
            "value": None,
            "valid_for": None,
            "valid_until": None,
            "codes": 0,
            "given": 0,
            "left": 0,
        },
        {"value": 5},
    ),
    (
        "/rewards/mug",
        {"name": "Mug", "stock": 10},
        {"code": "mug", "name": "Mug", "stock": 10, "given": 0, "left": 10},
        {"name": "Mug", "stock": None},
    ),
    (
        "/products/SKU 1%2F2",
        {"name": "Shoe", "category": "shoes", "price": "20.50"},
        {"sku": "SKU 1/2", "name": "Shoe", "category": "shoes", "brand": None, "price": "20.5"},
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
    ("/event-types/workout", {"kode": "workout"}, "/kode"),
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
    ("/badges/star", {"name": ""}, "/name"),
    ("/badges/star", {"name": "a\0b"}, "/name"),
    ("/badges/star", {"kode": "star"}, "/kode"),
    ("/coupons/summer", {"generator": {"length": 3}}, "/generator/length"),
    ("/coupons/summer", {"generator": {"length": 33}}, "/generator/length"),
    ("/coupons/summer", {"generator": {"length": "8"}}, "/generator/length"),
    ("/coupons/summer", {"generator": {"alphabet": "A"}}, "/generator/alphabet"),
    ("/coupons/summer", {"generator": {"alphabet": "AA"}}, "/generator/alphabet"),
    ("/coupons/summer", {"generator": {"alphabet": "01 "}}, "/generator/alphabet"),
    ("/coupons/summer", {"generator": {"alphabet": "ab" * 33}}, "/generator/alphabet"),
    ("/coupons/summer", {"generator": {"prefix": "P" * 21}}, "/generator/prefix"),
    ("/coupons/summer", {"generator": {"length": 4, "alphabet": "0123456789"}}, "/generator"),
    ("/coupons/summer", {"generator": {"length": 6, "alphabet": "0123456789"}, "stock": 500_001}, "/generator"),
    ("/coupons/summer", {"generator": {"suffix": "A"}}, "/generator/suffix"),
    ("/coupons/summer", {"generator": []}, "/generator"),
    ("/coupons/summer", {"stock": -1}, "/stock"),
    ("/coupons/summer", {"stock": 10**9 + 1}, "/stock"),
    ("/coupons/summer", {"stock": 1.5}, "/stock"),
    ("/coupons/summer", {"value": "member.tier"}, "/value"),
    ("/coupons/summer", {"value": "transaction.totl"}, "/value"),
    ("/coupons/summer", {"value": "segment.vip"}, "/value"),
    ("/coupons/summer", {"value": -5}, "/value"),
    ("/coupons/summer", {"value": ""}, "/value"),
    ("/coupons/summer", {"value": True}, "/value"),
    ("/coupons/summer", {"value": "1" * 4001}, "/value"),
    ("/coupons/summer", {"valid_for": "soon"}, "/valid_for"),
    ("/coupons/summer", {"valid_for": "0 days"}, "/valid_for"),
    ("/coupons/summer", {"valid_for": "101 months" * 9}, "/valid_for"),
    ("/coupons/summer", {"valid_until": "2026-12-31"}, "/valid_until"),
    ("/coupons/summer", {"valid_until": "2026-12-31T00:00:00"}, "/valid_until"),
    ("/rewards/mug", {"stock": -1}, "/stock"),
    ("/rewards/mug", {"stock": 10**30}, "/stock"),
    ("/rewards/mug", {"stock": "10"}, "/stock"),
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
        for collection in ("lists", "badges", "coupons", "rewards"):
            answered = await program.put(f"/{collection}/{code}", {})
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
        for path in ("/lists/vip", "/badges/vip", "/coupons/vip", "/rewards/vip"):
            answered = await program.put(path, {}, authorization=f"Bearer {role}")
            assert answered.status_code == status
