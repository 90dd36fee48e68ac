"""A whole program has campaigns decide by itself, and says how far they are."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from api.routes import ROUTES
from api.server.app import create_app
from api.server.wiring import running
from application.service.settings import load

GOAL = {"name": "Buy", "trigger": "transaction", "count": {"kind": "occurrences"}, "goal": "2"}
EFFECT = {"kind": "give_units", "account": "points", "units": "transaction.total + progress.value"}


@asynccontextmanager
async def serving(database: str, *, works: bool, **values: str) -> AsyncIterator[httpx.AsyncClient]:
    settings = load({"database_url": database, "admin_key": "secret" * 6, **values}, {}).settings
    async with running(settings, works=works) as program:
        transport = httpx.ASGITransport(create_app(program, ROUTES))
        headers = {"authorization": f"Bearer {settings.admin_key}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://laurel", headers=headers) as client:
            yield client


async def rewarding(client: httpx.AsyncClient) -> str:
    achievement = (
        await client.post("/v1/achievements", json={"name": "Buyer", "rules": [GOAL], "active": True})
    ).json()
    body = {
        "name": "Prize",
        "achievement": achievement["id"],
        "starts_at": "2026-01-01T00:00:00Z",
        "rules": [{"name": "Pay", "effects": [EFFECT]}],
    }
    made = await client.post("/v1/campaigns", json=body)
    assert made.status_code == 201, made.text
    assert (await client.post(f"/v1/campaigns/{made.json()['id']}/activate")).status_code == 200
    return str(made.json()["id"])


def purchase(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": f"T-{number}", "member": "M-1", "total": "10", "purchased_at": "2026-09-01T10:00:00Z", **fields}


@pytest.mark.parametrize("works", [True, False])
async def test_a_fact_waits_for_its_awards_in_any_process(database: str, works: bool) -> None:  # noqa: FBT001  a parameter
    async with serving(database, works=True) as working, serving(database, works=works) as client:
        await rewarding(client)
        preferring = {"prefer": "wait=10"}
        first = await client.post("/v1/transactions", json=purchase(1), headers=preferring)
        second = await client.post("/v1/transactions", json=purchase(2), headers=preferring)
        assert first.json()["awards"] == []
        (award,) = second.json()["awards"]
        assert (award["outcome"], award["rules"][0]["effects"][0]["units"]) == ("granted", "12")
        ready = (await working.get("/health/ready")).json()
        assert {"name": "awards", "ok": True, "detail": ""} in ready["checks"]
        metrics = (await working.get("/metrics")).text
        assert "laurel_awards_lag 0.0" in metrics
        assert "laurel_awards_failing 0.0" in metrics
        assert 'laurel_projection_stopped{projection="decisions"} 0.0' in metrics


async def test_a_clock_that_moved_leaves_nothing_undecided(database: str) -> None:
    async with serving(database, works=True, sandbox="true") as client:
        assert (await client.put("/v1/clock", json={"now": "2026-09-02T00:00:00Z"})).status_code == 200
        await rewarding(client)
        for number in (1, 2):
            by_itself = purchase(number, status="pending", auto_accept_at=f"2026-09-0{number + 3}T00:00:00Z")
            assert (await client.post("/v1/transactions", json=by_itself)).status_code == 201
        assert (await client.put("/v1/clock", json={"now": "2026-09-20T00:00:00Z"})).status_code == 200
        (award,) = (await client.get("/v1/decisions")).json()["data"]
        assert award["recorded_at"] == "2026-09-05T00:00:00Z"
        accounts = (await client.get("/v1/members/M-1/accounts")).json()["data"]
        assert [account["awarded"] for account in accounts] == ["12"]
