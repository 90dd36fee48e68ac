"""Every route is walked at least once, and answers with a status and a body that its description has."""

import re
from collections.abc import AsyncIterator
from typing import Any

import jsonschema_rs
import pytest

from api.documentation.openapi import describe
from api.routes import ROUTES
from api.routes.service.clock import CLOCK_ROUTES
from tests.api.reads.program import ReadProgram, reading
from tests.api.routes.program import achievement_body, campaign_body, goal_body, transaction_body
from tests.domain.values.test_picture import PNG

DOCUMENT = describe([*CLOCK_ROUTES, *ROUTES])
DESCRIBED = {
    (method.upper(), path): operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}
UNKNOWN_BODY = re.compile(r"^(?!application/(problem\+)?json$)")
"""A media type whose body no schema describes."""


class Walk:
    def __init__(self, program: ReadProgram) -> None:
        self.program = program
        self.walked: set[tuple[str, str]] = set()

    async def get(self, path: str) -> Any:
        return await self(200, "GET", path)

    async def put(self, path: str, body: Any, **headers: str) -> Any:
        return await self(200, "PUT", path, body, headers)

    async def post(self, path: str, body: Any = None, *, status: int = 200, **headers: str) -> Any:
        return await self(status, "POST", path, body, headers)

    async def __call__(
        self, status: int, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Any:
        answer = await self.program._send(method, path, body, headers or {})
        assert answer.status_code == status, f"{method} {path}: {answer.text}"
        route = described(method, path.partition("?")[0])
        self.walked.add(route)
        response = DESCRIBED[route]["responses"][str(status)]
        named = response.get("$ref", "").rpartition("/")[2]
        content = (DOCUMENT["components"]["responses"][named] if named else response).get("content", {})
        media_type = answer.headers["content-type"].partition(";")[0]
        if UNKNOWN_BODY.match(media_type):
            return answer.content
        schema = content[media_type]["schema"] | {"components": DOCUMENT["components"]}
        jsonschema_rs.Draft202012Validator(schema).validate(answer.json())
        return answer.json()


def described(method: str, path: str) -> tuple[str, str]:
    """The route of the document that a path leads to; one that names a part goes before one that takes any."""
    fitting = [
        route
        for verb, route in DESCRIBED
        if verb == method and re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", route), f"/v1{path}")
    ]
    assert fitting, f"{method} {path} is not described"
    return method, min(fitting, key=lambda route: route.count("{"))


@pytest.fixture
async def walk(database: str) -> AsyncIterator[Walk]:
    async with reading(database) as program:
        yield Walk(program)


async def test_every_route_is_walked(walk: Walk) -> None:
    await catalogue(walk)
    campaign = await facts(walk)
    await previews(walk, campaign)
    await achievements(walk)
    await campaigns(walk)
    await awards(walk)
    await members(walk)
    await evaluation(walk, campaign)
    await operation(walk)
    assert sorted(DESCRIBED.keys() - walk.walked) == []


async def catalogue(walk: Walk) -> None:
    for collection, code, body in [
        ("event-types", "workout", {"attributes": {"minutes": "number"}}),
        ("accounts", "stars", {"decimals": 2}),
        ("segments", "vip", {"expression": 'member.tier == "gold"'}),
        ("lists", "friends", {}),
        ("badges", "star", {}),
        ("coupons", "welcome", {"stock": 10, "value": "5"}),
        ("rewards", "mug", {"stock": 10}),
        ("products", "SKU-1", {"price": "1.50"}),
    ]:
        await walk.put(f"/{collection}/{code}", body)
        await walk.program.follow()
        await walk.get(f"/{collection}/{code}")
        assert (await walk.get(f"/{collection}"))["data"]
    await walk.post("/lists/friends/members", {"add": ["M-1"]})
    await walk.post("/coupons/welcome/codes", {"codes": ["A"]})
    await walk.program.follow()
    assert (await walk.get("/lists/friends/members"))["data"]
    assert (await walk.get("/coupons/welcome/codes"))["data"]
    checked = {"context": {"entity": "transaction"}, "expression": "transaction.total > 20"}
    assert (await walk.post("/expressions/check", checked))["valid"]


async def facts(walk: Walk) -> str:
    """The campaign that counts them."""
    made = await walk.post("/tiered-campaigns", campaign_body(), status=201)
    campaign = f"/tiered-campaigns/{made['id']}"
    await walk.put(campaign, campaign_body(name="Winter"), if_match="*")
    await walk.post(f"{campaign}/activate")
    await walk.put(f"{campaign}/icon", PNG, content_type="image/png")
    for name in ("T-1", "T-2", "T-3"):
        await walk.post("/transactions", transaction_body(id=name, member="M-1"), status=201)
    await walk.post("/transactions/T-1/update", transaction_body(id=..., member="M-1", total="60", status=...))
    await walk.post("/transactions/T-1/accept")
    await walk.post("/transactions/T-2/reject")
    await walk.post("/transactions/T-3/accept")
    await walk.post("/transactions/T-3/refund", {"amount": "1"})
    happened = {"id": "E-1", "type": "workout", "member": "M-1", "occurred_at": "2026-09-03T10:15:00Z"}
    await walk.post("/events", happened, status=201)
    batch = {"facts": [{"event": happened | {"id": "E-2"}}, {"accept": {"id": "T-9"}}]}
    await walk.post("/batch", batch)
    assert (await walk.post("/simulations", {"member": "M-1", **batch}))["facts"]
    await walk.program.follow()
    for path in ("/transactions", "/events", "/tiered-campaigns"):
        assert (await walk.get(path))["data"]
    for path in ("/transactions/T-1", "/events/E-1", campaign, f"{campaign}/icon", f"{campaign}/statistics"):
        assert await walk.get(path)
    return campaign


async def previews(walk: Walk, campaign: str) -> None:
    one, other = [(await walk.post(f"{campaign}/previews", status=201))["id"] for _ in range(2)]
    await walk.program.follow()
    for path in ("", f"/{one}", f"/{one}/members", f"/{one}/compare/{other}"):
        await walk.get(f"{campaign}/previews{path}")


async def achievements(walk: Walk) -> None:
    made = await walk.post("/achievements", achievement_body(), status=201)
    achievement = f"/achievements/{made['id']}"
    for change in ("activate", "deactivate"):
        await walk.post(f"{achievement}/{change}")
    await walk.program.follow()
    edited = achievement_body(rules=[goal_body(goal="6")])
    assert (await walk.put(f"{achievement}?dry_run=true", edited, if_match="*"))["resets_progress"]
    assert (await walk.put(achievement, edited, if_match="*"))["revision"] == 2
    await walk(200, "PATCH", f"/members/M-1{achievement}", {"reason": "lost receipt", "completed": 1})
    copy = await walk.post(f"{achievement}/duplicate", status=201)
    await walk.post(f"/achievements/{copy['id']}/archive")
    await walk.program.follow()
    await walk.get(achievement)
    for path in ("/achievements", "/members/M-1/achievements"):
        assert (await walk.get(path))["data"]
    await walk.get(f"/members/M-1{achievement}")


async def campaigns(walk: Walk) -> None:
    goal = await walk.post("/achievements", achievement_body(), status=201)
    effects = [{"kind": "give_units", "account": "points", "units": "1 * transaction.total"}]
    body = {
        "name": "Prize",
        "achievement": goal["id"],
        "starts_at": "2026-06-01T00:00:00Z",
        "translations": {"de": {"name": "Preis"}},
        "rules": [{"name": "Pay", "effects": effects}],
        "limits": {"member_executions": {"value": 1, "interval": {"unit": "month"}}, "total_units": {"value": "9.5"}},
    }
    made = await walk.post("/campaigns", body, status=201)
    campaign = f"/campaigns/{made['id']}"
    await walk.put(campaign, body | {"name": "Winter prize"}, if_match="*")
    for change in ("activate", "pause"):
        await walk.post(f"{campaign}/{change}")
    copy = await walk.post(f"{campaign}/duplicate", status=201)
    await walk(200, "DELETE", f"/campaigns/{copy['id']}")
    await walk.program.follow()
    assert [row["id"] for row in (await walk.get("/campaigns"))["data"]] == [made["id"]]
    assert (await walk.get(campaign))["status"] == "paused"


async def awards(walk: Walk) -> None:
    goal = await walk.post("/achievements", achievement_body(active=True), status=201)
    effects = [{"kind": "give_units", "account": "points", "units": "10 * achievement.completions"}]
    rules = [{"name": "Pay", "effects": effects}]
    body = {"name": "Prize", "achievement": goal["id"], "starts_at": "2026-06-01T00:00:00Z", "rules": rules}
    made = await walk.post("/campaigns", body, status=201)
    await walk.post(f"/campaigns/{made['id']}/activate")
    raised = {"reason": "lost receipt", "completed": 1}
    await walk(200, "PATCH", f"/members/M-1/achievements/{goal['id']}", raised)
    await walk.program.decide()
    await walk.program.follow()
    (decision,) = (await walk.get("/decisions?kind=campaign"))["data"]
    await walk.get(f"/decisions/{decision['id']}")
    async with walk.program.deciding():
        cancelled = await walk.post(f"/decisions/{decision['id']}/cancel", {"reason": "by mistake"})
    await walk.program.follow()
    await walk.get(f"/decisions/{cancelled['id']}")


async def members(walk: Walk) -> None:
    await walk.put("/members/M-1", {"tier": "gold", "attributes": {"age": "35"}})
    await walk.program.follow()
    for path in ("", "/M-1", "/M-1/accounts", "/M-1/tiered-campaigns", "/M-1/decisions", "/M-1/facts"):
        await walk.get(f"/members{path}")
    for path in ("badges", "campaigns", "coupons", "rewards"):
        await walk.get(f"/members/M-1/{path}")


async def evaluation(walk: Walk, campaign: str) -> None:
    await walk.program.evaluate(campaign.rpartition("/")[2], 1, "M-1", points="0")
    assert (await walk.get(f"{campaign}/occurrences/1/members"))["data"]
    assert (await walk.get(f"{campaign}/occurrences/1/evaluation"))["status"] == "finished"
    decisions = (await walk.get("/decisions"))["data"]
    await walk.get(f"/decisions/{decisions[0]['id']}")
    await walk.post(f"{campaign}/deactivate")
    await walk.post(f"{campaign}/archive")


async def operation(walk: Walk) -> None:
    row = '{"event": {"id": "E-3", "type": "none", "member": "M-1", "occurred_at": "2026-09-03T10:15:00Z"}}\n'
    job = (await walk.post("/imports", row, status=202, content_type="application/x-ndjson"))["id"]
    await walk.get(f"/imports/{job}/errors")
    await walk.get(f"/jobs/{job}")
    assert (await walk.get("/jobs"))["data"]
    audit = {"projections": ["members"], "switch": False}
    rebuild = (await walk.post("/rebuilds", audit, status=202))["id"]
    await walk.get(f"/rebuilds/{rebuild}")
    assert (await walk.get("/rebuilds"))["data"]
    assert (await walk.get("/projections"))["data"]
    assert (await walk.get("/feed"))["data"]
    await walk.get("/clock")
    later = {"now": "2030-01-01T00:00:00Z"}
    for method, body in (("PUT", later), ("DELETE", None)):
        assert "sandbox" in (await walk(403, method, "/clock", body))["detail"]
