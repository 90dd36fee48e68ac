"""Codes that come into a coupon's pool."""

import asyncio
from typing import Any

import msgspec
import psycopg
import pytest

from tests.api.routes.program import Program, pointers, running

POOL = "/coupons/welcome/codes"


@pytest.fixture
async def pool(program: Program) -> Program:
    assert (await program.put("/coupons/welcome", {"stock": 5})).status_code == 200
    return program


async def coupon(program: Program) -> dict[str, Any]:
    """As putting what is there already answers it."""
    answered = await program.put("/coupons/welcome", {"stock": 5}, if_match="*")
    shown: dict[str, Any] = answered.json()
    return shown


async def test_codes_come_in_once(pool: Program) -> None:
    added = await pool.post(POOL, {"codes": ["A-1", "A-2", "A-1"]})
    assert (added.status_code, added.json()) == (200, {"position": str(pool.head()), "added": 2, "known": 1})
    again = await pool.post(POOL, {"codes": ["A-2", "A-3"]})
    assert (again.json()["added"], again.json()["known"]) == (1, 1)
    head = pool.head()
    assert (await pool.post(POOL, {"codes": ["A-3"]})).json() == {"position": str(head), "added": 0, "known": 1}
    assert {name: (await coupon(pool))[name] for name in ("codes", "given", "left")} == {
        "codes": 3,
        "given": 0,
        "left": 3,
    }
    assert pool.head() == head


async def test_of_pool_and_stock_the_smaller_is_left(pool: Program) -> None:
    await pool.post(POOL, {"codes": [f"A-{number}" for number in range(1000)]})
    shown = await coupon(pool)
    assert (shown["codes"], shown["left"]) == (1000, 5)


async def test_a_pool_posted_twice_at_once_is_there_once(pool: Program) -> None:
    codes = [f"A-{number}" for number in range(300)]
    answers = await asyncio.gather(*(pool.post(POOL, {"codes": codes}) for _ in range(4)))
    assert sorted(answered.json()["added"] for answered in answers) == [0, 0, 0, 300]
    assert (await coupon(pool))["codes"] == 300


async def test_two_services_number_the_codes_of_one_pool_without_a_hole(pool: Program) -> None:
    async with running(pool.conninfo) as other:
        posted = [
            (program, [f"{number}-{index}" for index in range(50)]) for number in range(10) for program in (pool, other)
        ]
        answers = await asyncio.gather(*(program.post(POOL, {"codes": codes}) for program, codes in posted))
    assert sum(answered.json()["added"] for answered in answers) == 500
    with psycopg.connect(pool.conninfo) as connection:
        found = connection.execute("SELECT payload FROM laurel.events WHERE tag = 'coupon_code.numbered'").fetchall()
    numbered = [msgspec.msgpack.decode(payload) for (payload,) in found]
    assert sorted(number for _, number, _ in numbered) == list(range(1, 501))
    assert len({code for _, _, code in numbered}) == 500


async def test_a_repeat_with_its_key_is_answered_the_same(pool: Program) -> None:
    first = await pool.post(POOL, {"codes": ["A"]}, idempotency_key="once")
    again = await pool.post(POOL, {"codes": ["A"]}, idempotency_key="once")
    assert first.json() == again.json()
    assert first.json()["added"] == 1
    other = await pool.post(POOL, {"codes": ["B"]}, idempotency_key="once")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


BAD: list[tuple[Any, list[str]]] = [
    ({}, ["/codes"]),
    ({"codes": []}, ["/codes"]),
    ({"codes": [f"A-{number}" for number in range(1001)]}, ["/codes"]),
    ({"codes": "A"}, ["/codes"]),
    ({"codes": [""]}, ["/codes/0"]),
    ({"codes": ["A", 7, "C" * 101]}, ["/codes/1", "/codes/2"]),
    ({"codes": ["A", " B", "C\n"]}, ["/codes/1", "/codes/2"]),
    ({"codes": ["A\0"]}, ["/codes/0"]),
    ({"codes": ["A"], "more": 1}, ["/more"]),
]


async def test_bad_codes_are_refused_with_their_place(pool: Program) -> None:
    head = pool.head()
    for body, places in BAD:
        assert list(pointers(await pool.post(POOL, body))) == places, body
    assert pool.head() == head


async def test_a_coupon_that_makes_its_codes_takes_none(program: Program) -> None:
    await program.put("/coupons/summer", {"generator": {}})
    refused = await program.post("/coupons/summer/codes", {"codes": ["A"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "has_generator")


async def test_a_pool_that_has_codes_stays_one(pool: Program) -> None:
    await pool.post(POOL, {"codes": ["A"]})
    refused = await pool.put("/coupons/welcome", {"generator": {}}, if_match="*")
    assert list(pointers(refused)) == ["/generator"]


async def test_there_must_be_such_a_coupon(program: Program) -> None:
    for code in ("welcome", "a%20b"):
        refused = await program.post(f"/coupons/{code}/codes", {"codes": ["A"]})
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")


async def test_who_may_bring_codes_in(pool: Program) -> None:
    for role, status in (("analyst", 403), ("auditor", 403), ("integration", 200), ("operator", 200)):
        answered = await pool.post(POOL, {"codes": [role]}, authorization=f"Bearer {role}")
        assert answered.status_code == status
