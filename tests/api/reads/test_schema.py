"""What the reads answer is what the OpenAPI document says they do."""

import re
from typing import Any

import jsonschema_rs
import pytest

from api.documentation.openapi import describe
from api.http.routing import terms_of
from api.routes import ROUTES
from domain.campaigns.participation import Granted
from tests.api.reads.program import ReadProgram
from tests.api.reads.rewarding import Rewarding
from tests.api.routes.program import achievement_body, goal_body
from tests.domain.values.test_picture import PNG
from tests.support.gifts import gifts, recording

ACCEPTED = {"status": "accepted", "auto_accept_at": ...}

DECLARED = {
    "/v1" + re.sub(r":[a-z]+}", "}", path): terms.projections
    for route in ROUTES
    if (terms := terms_of(route)) and route.http_methods == {"GET"}
    for path in route.paths
}
"""The projections that each route says it reads; none stands for all."""


@pytest.fixture
async def ids(program: ReadProgram) -> dict[str, str]:
    """A little of everything, and the ids of it by path parameter."""
    await program.put("/event-types/workout", {"attributes": {"minutes": "number"}})
    await program.put("/segments/vip", {"expression": 'member.tier == "gold"'})
    await program.put("/lists/friends", {})
    await program.put("/products/SKU-1", {"price": "1.50"})
    for code in ("badges/star", "coupons/welcome", "rewards/mug"):
        await program.put(f"/{code}", {})
    await program.put("/coupons/summer", {"generator": {}, "valid_for": "30 days"})
    await program.post("/lists/friends/members", {"add": ["M-1"]})
    campaign = await program.campaign(late="correct", filter={"expression": "transaction.total < 1000"})
    await program.put(f"/tiered-campaigns/{campaign}/icon", PNG, content_type="image/png")
    await program.campaign(
        name="Sets",
        aggregate={"combination": [{"product": "SKU-1", "quantity": 2}]},
        unlimited=True,
        tiers=[{"from": "0", "reward": "1"}],
    )
    achieved = achievement_body(active=True, limit={"value": 1}, rules=[goal_body(goal="1")])
    achievement = (await program.post("/achievements", achieved)).json()["id"]
    await program.buy("T-1", "M-1", "20", **ACCEPTED)
    await program.buy("T-2", "M-2", "30")
    await program.buy("T-3", "M-2", "3000")
    preview = await program.preview(campaign)
    await program.buy("T-4", "M-1", "1.5", **ACCEPTED)
    await program.post(
        "/events", {"id": "E-1", "type": "workout", "member": "M-1", "occurred_at": "2026-09-03T10:15:00Z"}
    )
    await program.post("/transactions/T-4/refund", {"amount": "0.5"})
    other = await program.preview(campaign)
    await program.evaluate(campaign, 1, "M-1", "M-2", points="210")
    await program.buy("T-5", "M-1", "5", **ACCEPTED)
    rewarding = Rewarding(program)
    await rewarding.achievement()
    prize = await rewarding.campaign()
    for number in range(6, 10):
        await rewarding.buy(f"T-{number}", "M-1", str(number - 3))
    grant = (await rewarding.decide())[-1].decision
    assert isinstance(grant, Granted)
    await rewarding.cancel(grant, 2)
    await program.writer.submit(recording(*gifts(["M-1", "M-2"])))
    await program.follow()
    decisions = await program.listed("/decisions")
    return {
        "/campaigns/{campaign}": f"/campaigns/{prize}",
        "{campaign}": campaign,
        "{achievement}": achievement,
        "{preview}": preview,
        "{other}": other,
        "{member}": "M-1",
        "{transaction}": "T-4",
        "{event}": "E-1",
        "{sku}": "SKU-1",
        "{number}": "1",
        "{decision}": decisions[0]["id"],
        "/event-types/{code}": "/event-types/workout",
        "/accounts/{code}": "/accounts/points",
        "/segments/{code}": "/segments/vip",
        "/lists/{code}": "/lists/friends",
        "/badges/{code}": "/badges/star",
        "/coupons/{code}": "/coupons/welcome",
        "/rewards/{code}": "/rewards/mug",
    }


async def test_answers_are_as_described(program: ReadProgram, ids: dict[str, str]) -> None:
    document = describe(list(ROUTES))
    empty = []
    for path, operations in document["paths"].items():
        filled = path.removeprefix("/v1")
        for name, value in ids.items():
            filled = filled.replace(name, value)
        content = operations.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        if "{" in filled or "application/json" not in content:
            continue
        program.asked.clear()
        answer = await program.shown(filled)
        asked = _projections_asked(program)
        assert asked <= set(DECLARED[path] or asked), path
        schema: dict[str, Any] = {**content["application/json"]["schema"], "components": document["components"]}
        jsonschema_rs.Draft202012Validator(schema).validate(answer)
        if answer.get("data") == []:
            empty.append(path)
    assert empty == ["/v1/jobs", "/v1/rebuilds"]


async def test_every_kind_of_decision_is_as_described(program: ReadProgram, ids: dict[str, str]) -> None:
    assert ids
    document = describe(list(ROUTES))
    described = document["paths"]["/v1/decisions/{decision}"]["get"]["responses"]["200"]["content"]["application/json"]
    schema: dict[str, Any] = {**described["schema"], "components": document["components"]}
    validator = jsonschema_rs.Draft202012Validator(schema)
    seen = set()
    for row in await program.listed("/decisions"):
        decision = await program.shown(f"/decisions/{row['id']}")
        validator.validate(decision)
        seen.add((decision["kind"], decision["outcome"]))
    assert seen == {
        ("tiered_award", "granted"),
        ("tiered_award", "refused"),
        ("correction", "granted"),
        ("campaign", "granted"),
        ("campaign", "refused"),
        ("cancellation", "granted"),
    }


def _projections_asked(program: ReadProgram) -> set[str]:
    return set(re.findall(r"\bp_([a-z_]+)\.", " ".join(program.asked)))
