from typing import Any

import pytest

from tests.api.reads.program import ReadProgram

ENTRIES: list[tuple[str, str, dict[str, Any]]] = [
    ("/event-types", "workout", {"label": "Workout", "attributes": {"minutes": "number"}, "active": False}),
    ("/accounts", "miles", {"name": "Miles", "unit": "mi", "decimals": 2}),
    ("/segments", "vip", {"name": "VIP", "expression": 'member.tier == "gold"'}),
    ("/lists", "friends", {"name": "Friends"}),
    ("/badges", "star", {"name": "Star"}),
    ("/coupons", "summer", {"name": "Summer", "generator": {"prefix": "SUN-"}, "value": "5", "valid_for": "30 days"}),
    ("/coupons", "welcome", {"name": "Welcome", "stock": 10, "valid_until": "2026-12-31T23:00:00+01:00"}),
    ("/rewards", "mug", {"name": "Mug", "stock": 10}),
    ("/products", "SKU-1", {"name": "Tea", "category": "drinks", "price": "9.90"}),
]


@pytest.mark.parametrize(("path", "code", "body"), ENTRIES)
async def test_an_entry_is_read_as_it_was_put(program: ReadProgram, path: str, code: str, body: dict[str, Any]) -> None:
    put = await program.put(f"{path}/{code}", body)
    assert put.status_code in (200, 201), put.text
    await program.follow()
    read = await program.get(f"{path}/{code}")
    assert {**read.json(), "position": ""} == {**put.json(), "position": ""}
    assert read.headers["etag"] == put.headers["etag"] == '"1"'
    assert read.json() in await program.listed(path, limit="1")
    again = await program.put(f"{path}/{code}", {**body, "name": "Another"} if path != "/event-types" else body)
    assert again.status_code in (200, 428), again.text
    missing = await program.get(f"{path}/nothing")
    assert (missing.status_code, missing.json()["type"]) == (404, "/problems/not-found")


async def test_a_catalogue_is_searched_and_filtered(program: ReadProgram) -> None:
    for sku, category, price in [("A", "tea", "1.50"), ("B", "tea", "20"), ("C", None, None)]:
        await program.put(f"/products/{sku}", {"name": f"Product {sku}", "category": category, "price": price})
    await program.put("/accounts/old", {"name": "Old", "active": False})
    await program.follow()

    async def skus(**asked: str) -> list[str]:
        return [row["sku"] for row in await program.listed("/products", limit="1", **asked)]

    assert await skus() == ["A", "B", "C"]
    assert await skus(sort="-sku") == ["C", "B", "A"]
    assert await skus(q="product b") == ["B"]
    assert await skus(category="tea", **{"price[gt]": "1.5"}) == ["B"]
    assert [row["code"] for row in await program.listed("/accounts")] == ["old", "points"]
    assert [row["code"] for row in await program.listed("/accounts", active="false")] == ["old"]
    assert [row["code"] for row in await program.listed("/accounts", q="OLD")] == ["old"]
