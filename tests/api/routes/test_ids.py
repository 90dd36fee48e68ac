"""Ids of callers are of one type: white space at their ends is refused wherever one is taken in."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from api.routes import ROUTES
from tests.api.routes.program import Program, achievement_body, campaign_body, pointers, transaction_body

AT_THE_ENDS = (" x", "x ", "\tx", "x\u00a0", "x\u2003", " ")
AT = "2026-09-03T10:15:00Z"


def bodies(member: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    """A body for each place that an id is taken in, with the pointer to it."""
    line = {"product": member}
    yield "/transactions", transaction_body(id=member), "/id"
    yield "/transactions", transaction_body(member=member), "/member"
    yield "/transactions", transaction_body(items=[line]), "/items/0/product"
    yield "/transactions/T-1/update", {"items": [line]}, "/items/0/product"
    yield "/transactions/T-1/refund", {"refund_id": member}, "/refund_id"
    yield "/transactions/T-1/refund", {"items": [line | {"quantity": "1"}]}, "/items/0/product"
    yield "/events", {"id": member, "type": "workout", "member": "M", "occurred_at": AT}, "/id"
    yield "/events", {"id": "E", "type": "workout", "member": member, "occurred_at": AT}, "/member"
    yield "/lists/vip/members", {"add": ["M", member]}, "/add/1"
    yield "/lists/vip/members", {"remove": [member]}, "/remove/0"
    yield "/coupons/welcome/codes", {"codes": [member]}, "/codes/0"
    yield "/tiered-campaigns", campaign_body(products=[member]), "/products/0"
    combination = {"combination": [{"product": member, "quantity": "1"}]}
    yield "/tiered-campaigns", campaign_body(aggregate=combination), "/aggregate/combination/0/product"
    yield "/achievements", achievement_body(badge=member), "/badge"
    yield "/simulations", {"member": member, "facts": [{"accept": {"id": "T"}}]}, "/member"
    yield "/simulations", {"member": {"referrer": member}, "facts": [{"accept": {"id": "T"}}]}, "/member/referrer"
    for change in ("accept", "reject", "update", "refund"):
        yield "/simulations", {"member": "M", "facts": [{change: {"id": member}}]}, f"/facts/0/{change}/id"


@pytest.mark.parametrize("written", AT_THE_ENDS)
async def test_white_space_at_the_ends_of_an_id_is_refused(program: Program, written: str) -> None:
    await program.put("/lists/vip", {})
    await program.put("/coupons/welcome", {})
    head = program.head()
    for path, body, pointer in bodies(written):
        assert pointer in pointers(await program.post(path, body)), path
    assert "/referrer" in pointers(await program.put("/members/M", {"referrer": written}))
    assert program.head() == head


@pytest.mark.parametrize("written", AT_THE_ENDS)
async def test_white_space_at_the_ends_of_a_path_s_id_is_refused(program: Program, written: str) -> None:
    found = [
        (method, path) for route in ROUTES for path in route.paths for method in route.http_methods if ":str}" in path
    ]
    assert len(found) > 30
    head = program.head()
    for method, path in found:
        filled = "/".join(_filled(part, quote(written)) for part in path.split("/"))
        answer = await program.client.request(method, f"/v1{filled}")
        assert answer.status_code == 422, f"{method} {path}: {answer.text}"
        assert answer.json()["errors"][0]["parameter"]
    assert program.head() == head


def _filled(part: str, written: str) -> str:
    if not part.startswith("{"):
        return part
    return {"str": written, "int": "1", "uuid": "01990000-0000-7000-8000-000000000001"}[part.strip("{}").split(":")[1]]


async def test_what_is_within_an_id_is_the_callers(program: Program) -> None:
    for member in ("jane doe", "a/b", "a\nb", "\U0001f600"):
        answer = await program.put(f"/members/{quote(member, safe='')}", {})
        assert answer.json()["id"] == member
