"""What a GET of a definition answers can be put back as it is: what is computed in it is ignored, there alone."""

import re
from typing import Any

import jsonschema_rs

from api.documentation.openapi import describe
from api.http.routing import terms_of
from api.routes import ROUTES
from api.server.app import create_app
from tests.api.http.frame import services
from tests.api.reads.program import ReadProgram
from tests.api.routes.program import achievement_body, campaign_body, goal_body, pointers

ACHIEVEMENT = "01990000-0000-7000-8000-0000000000a1"
PREPARED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/event-types/workout", {"attributes": {"minutes": "number", "at": "timestamp"}}),
    ("/accounts/stars", {"decimals": 2}),
    ("/segments/vip", {"expression": 'member.tier == "gold"'}),
    ("/lists/friends", {}),
    ("/badges/star", {}),
    ("/coupons/welcome", {}),
    ("/rewards/mug", {}),
    ("/products/SKU-1", {}),
)
EFFECTS = [
    {"kind": "give_units", "account": "stars", "units": "0.50 * transaction.total", "to": "referrer"},
    {"kind": "issue_coupon", "coupon": "welcome"},
    {"kind": "give_reward", "reward": "mug"},
    {"kind": "give_badge", "badge": "star"},
]
RULES = [
    goal_body(
        frequency={"value": 2, "interval": {"unit": "week", "n": 2}},
        goal="5.50",
        count={"kind": "sum", "expression": "transaction.total"},
    ),
    goal_body(period={"kind": "last_days", "n": 30}, count={"kind": "distinct", "attribute": "store"}),
    goal_body(
        count={
            "kind": "matching_quantity",
            "items": {"all": [{"attribute": "item.product", "operator": "eq", "value": "A"}]},
        }
    ),
    goal_body(period={"kind": "day"}, consecutive=3, subject="referrer", unique_referee=True),
    goal_body(trigger="event", event_type="workout", conditions={"expression": "event.attributes.minutes > 20"}),
]
DEFINITIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/event-types/other", {"label": "Other", "attributes": {"a": "number", "b": "boolean"}, "active": False}),
    ("/accounts/miles", {"name": "Miles", "unit": "mi", "decimals": 2, "active": False}),
    ("/segments/old", {"name": "Old", "expression": "member.attributes.age > 35.50"}),
    ("/lists/others", {"name": "Others"}),
    ("/badges/sun", {"name": "Sun"}),
    ("/coupons/plain", {}),
    (
        "/coupons/summer",
        {
            "name": "Summer",
            "generator": {"length": 12, "alphabet": "ABCDEFGHJK", "prefix": "SUN-"},
            "stock": 10,
            "value": 5.50,
            "valid_for": "30 days",
            "valid_until": "2027-01-01T00:00:00+02:00",
        },
    ),
    ("/rewards/cup", {"name": "Cup", "stock": 10}),
    ("/products/SKU-2", {"name": "Tea", "category": "drinks", "brand": "B", "price": "9.90"}),
    ("/tiered-campaigns", {"name": "Draft"}),
    (
        "/tiered-campaigns",
        campaign_body(filter={"all": [{"attribute": "transaction.total", "operator": "gt", "value": 1.50}]}),
    ),
    (
        "/tiered-campaigns",
        campaign_body(
            entity="event",
            event_type="workout",
            aggregate={"attribute": "minutes"},
            date="at",
            filter=None,
            unlimited=True,
            audience={"segments": ["vip"], "lists": ["friends"]},
            tiers=[{"from": "0.00", "to": "5.50", "reward": "1.50"}, {"from": "5.50", "to": None, "reward": "2"}],
        ),
    ),
    (
        "/tiered-campaigns",
        campaign_body(
            aggregate={"combination": [{"product": "SKU-1", "quantity": "2.0"}], "scope": "transaction"}, occurrences=1
        ),
    ),
    ("/achievements", achievement_body(rules=RULES, badge="star", limit={"value": 3, "interval": {"unit": "month"}})),
    *(
        ("/achievements", achievement_body(timeframe=timeframe, active=True, translations={"de": {"description": "x"}}))
        for timeframe in (
            None,
            {"kind": "before", "at": "2027-01-01"},
            {"kind": "days_of_week", "days": [1, 7]},
            {"kind": "months", "months": [6]},
            {"kind": "time_of_day", "from": "08:00", "to": "20:00"},
        )
    ),
    ("/campaigns", {"name": "Draft"}),
    (
        "/campaigns",
        {
            "type": "referral",
            "trigger": "achievement_progressed",
            "achievement": ACHIEVEMENT,
            "name": "Prize",
            "description": "All of it",
            "translations": {"de": {"name": "Preis", "description": "Alles"}},
            "starts_at": "2026-06-01T00:00:00+02:00",
            "ends_at": "2027-06-01T00:00:00Z",
            "time_zone": "Europe/Budapest",
            "display_order": 3,
            "labels": {"season": "autumn"},
            "visibility": {"segments": ["vip"], "tiers": ["gold"]},
            "audience": {"tiers": ["gold"]},
            "rules": [{"name": "Pay", "conditions": {"expression": "progress.value > 1"}, "effects": EFFECTS}],
            "limits": {
                "member_executions": {"value": 2, "interval": {"unit": "month", "n": 2}},
                "member_units": {"value": "10.50"},
                "total_units": {"value": "1000", "interval": {"unit": "year"}},
                "on_exhausted": "clamp",
            },
        },
    ),
)
DOCUMENT = describe(ROUTES)
PATHS = DOCUMENT["paths"]


def versioned() -> set[str]:
    """The paths of definitions: a PUT of theirs takes `If-Match`."""
    return {
        path
        for route in ROUTES
        if (terms := terms_of(route)) and "If-Match" in terms.headers and "PUT" in route.http_methods
        for path in route.paths
    }


def test_every_definition_is_tried() -> None:
    collections = {f"/{path.split('/')[1]}" for path, _ in DEFINITIONS}
    assert {path[: path.index("/{")] for path in versioned()} == collections


async def made(program: ReadProgram, path: str, body: dict[str, Any]) -> str:
    """The path of what is made."""
    has_code = path.count("/") == 2
    answer = await program.put(path, body) if has_code else await program.post(path, body)
    assert answer.status_code in (200, 201), answer.text
    return path if has_code else f"{path}/{answer.json()['id']}"


async def test_what_is_read_is_put_back(program: ReadProgram) -> None:
    for path, entry in PREPARED:
        await made(program, path, entry)
    await program.post("/achievements", achievement_body(id=ACHIEVEMENT, active=True, limit=None))
    paths = [await made(program, path, body) for path, body in DEFINITIONS]
    await program.follow()
    for path in paths:
        await put_back(program, path)


async def put_back(program: ReadProgram, there: str) -> None:
    read = await program.get(there)
    head = program.head()
    assert jsonschema_rs.Draft202012Validator(put_schema(there)).is_valid(read.json())
    put = await program.put(there, read.json(), if_match=read.headers["etag"])
    assert put.status_code == 200, put.text
    assert program.head() == head
    assert put.headers["etag"] == read.headers["etag"]
    assert put.json().keys() <= read.json().keys()
    assert {name: read.json()[name] for name in put.json()} == put.json() | {"position": read.json()["position"]}
    stale = await program.put(there, read.json(), if_match='"999"')
    assert stale.status_code == 412
    misspelt = await program.put(there, read.json() | {"statsu": "active"}, if_match=read.headers["etag"])
    assert list(pointers(misspelt)) == ["/statsu"]


def put_schema(path: str) -> dict[str, Any]:
    """Of the body that a PUT of what is at a path takes."""
    collection = path.split("/")[1]
    (route,) = (route for route in versioned() if route.startswith(f"/{collection}/"))
    described = PATHS["/v1" + re.sub(r":\w+}", "}", route)]["put"]
    schema: dict[str, Any] = described["requestBody"]["content"]["application/json"]["schema"]
    return schema | {"components": DOCUMENT["components"]}


async def test_elsewhere_what_is_computed_is_refused(program: ReadProgram) -> None:
    assert list(pointers(await program.post("/campaigns", {"name": "A", "status": "draft"}))) == ["/status"]
    assert list(pointers(await program.put("/members/M", {"lists": []}))) == ["/lists"]
    simulated = {"member": "M", "facts": [{"accept": {"id": "T"}}], "campaigns": [{"name": "A", "version": 1}]}
    assert list(pointers(await program.post("/simulations", simulated))) == ["/campaigns/0/version"]


async def test_what_is_computed_hides_no_fault(program: ReadProgram) -> None:
    body = {"position": "x", "code": 5, "decimals": "two", "unknown": 1}
    assert set(pointers(await program.put("/accounts/a", body))) == {"/decimals", "/unknown"}


def test_what_is_ignored_is_told_from_the_answers_shape() -> None:
    app = create_app(services(), ROUTES)
    handlers = {
        (route.path, method): handler
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        for method in handler.http_methods
    }
    assert handlers["/v1/accounts/{code:str}", "PUT"].opt["computed"] == {"position", "code"}
    assert handlers["/v1/campaigns/{campaign:uuid}", "PUT"].opt["computed"] >= {"status", "missing", "executions"}
    assert handlers["/v1/members/{member:str}", "PUT"].opt["computed"] == frozenset()
