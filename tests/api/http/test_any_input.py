"""Whatever stands in any place of any body, it is answered: taken or refused with its place, never a failure of ours.

What is taken is also followed by every projection, and shown by every list.
"""

import json
import random
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from api.http.routing import terms_of
from api.routes import ROUTES
from tests.api.reads.program import ReadProgram, reading
from tests.api.routes.program import achievement_body, campaign_body, goal_body, transaction_body

SEED = 7
MOST = 200
"""Bodies sent for each command, drawn from all."""

AT = "2026-09-03T10:15:00Z"
TIERED = "01990000-0000-7000-8000-000000000001"
ACHIEVEMENT = "01990000-0000-7000-8000-0000000000a1"
CAMPAIGN = "01990000-0000-7000-8000-0000000000c1"


class Written(str):
    """A value as it stands in JSON."""

    __slots__ = ()


NASTY: tuple[Any, ...] = (
    *(Written(number) for number in ("1e999999999999999999999", "-1e-999999999999999999999", "1e400", "-0", "0e30")),
    *(
        Written(number)
        for number in ("9" * 30, "9" * 5_000, "-" + "9" * 25, "1e19", "0.1", "1.5e-30", "NaN", "Infinity")
    ),
    *(
        Written(text)
        for text in (r'"\u0000"', r'"\ud800"', r'"a\udc00"', r'"\x"', '{"a":1,"a":2}', "[" * 900 + "]" * 900)
    ),
    *(
        "",
        " ",
        " x",
        "x" * 101,
        "x" * 5_000,
        "\u2028",
        "\U0001f600",
        "\ufffe",
        "%00",
        "a/b~c",
        "null",
        "\u017f",
        "İ" * 100,
    ),
    *("1e2", "1E+05", "NaN", "-0", "٣", "1_0", "0x1", "99999999999999999999", "0." + "0" * 29 + "1", "-5"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"),
    *("2026-06-30T23:59:60Z", "2026-02-30T00:00:00Z", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "2026-09-03"),
    *("2026-09-03T10:15:00+24:00", "2026-09-03T24:00:00Z", "2026-09-03T10:15:00.123456789Z", "-2026-09-03T10:15:00Z"),
    *("00000000-0000-0000-0000-000000000000", "points", "member.tier", "transaction.total / 0", "(" * 60, "1 month"),
    *(
        None,
        True,
        False,
        0,
        -1,
        2**31,
        2**63,
        2**64,
        [],
        {},
        [[]],
        [None],
        {"": None},
        {"x" * 300: 1},
        [1] * 3,
        {"a": {}},
    ),
)

Place = tuple[str | int, ...]


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    yield place
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from places(part, (*place, name))


def written(value: Any, place: Place, nasty: Any) -> str:
    """The JSON of `value`, but for what stands in a place."""
    if not place:
        return nasty if isinstance(nasty, Written) else json.dumps(nasty)
    if isinstance(value, dict):
        parts = (
            f"{json.dumps(name)}:{written(part, place[1:] if name == place[0] else NOWHERE, nasty)}"
            for name, part in value.items()
        )
        return f"{{{','.join(parts)}}}"
    if isinstance(value, list):
        parts = (
            written(part, place[1:] if number == place[0] else NOWHERE, nasty) for number, part in enumerate(value)
        )
        return f"[{','.join(parts)}]"
    return json.dumps(value)


NOWHERE: Place = ("nowhere",)

EVENT = {
    "id": "E-1",
    "type": "workout",
    "member": "M-1",
    "occurred_at": AT,
    "date": AT,
    "expires_at": AT,
    "attributes": {"minutes": "35", "at": AT, "indoor": True, "place": "Paris"},
}
PURCHASE = transaction_body(
    checkout_at=AT,
    attributes={"channel": "web", "net": "40"},
    items=[{"product": "SKU-1", "quantity": "2", "price": "20"}],
)
FIGURES = {name: PURCHASE[name] for name in ("purchased_at", "checkout_at", "total", "currency", "items", "attributes")}
GOALS = [
    goal_body(
        count={"kind": "sum", "expression": "transaction.total"},
        period={"kind": "day"},
        consecutive=2,
        frequency={"value": 5, "interval": {"unit": "month", "n": 2}},
    ),
    goal_body(
        trigger="event",
        event_type="workout",
        conditions={"all": [{"attribute": "event.attributes.at", "operator": "lt", "value": "2030-01-01T00:00:00Z"}]},
        count={"kind": "distinct", "attribute": "place"},
        period={"kind": "last_days", "n": 30},
    ),
]
ACHIEVED = achievement_body(rules=GOALS, active=True, limit={"value": 1000, "interval": {"unit": "day"}})
PRIZE = {
    "type": "referral",
    "trigger": "achievement_progressed",
    "achievement": ACHIEVEMENT,
    "name": "Prize",
    "description": "",
    "translations": {"de": {"name": "Preis"}},
    "starts_at": "2026-01-01T00:00:00Z",
    "ends_at": None,
    "time_zone": "Europe/Budapest",
    "display_order": 1,
    "labels": {"a": "b"},
    "visibility": {"everyone": True},
    "audience": {"everyone": False, "segments": ["vip"], "tiers": ["gold"]},
    "rules": [
        {
            "name": "Pay",
            "conditions": {"any": [{"attribute": "member.tier", "operator": "in", "value": ["gold", "silver"]}]},
            "effects": [
                {"kind": "give_units", "account": "points", "units": "1.5 * progress.value", "to": "member"},
                {"kind": "issue_coupon", "coupon": "welcome", "to": "referrer"},
            ],
        }
    ],
    "limits": {
        "member_executions": {"value": 1000, "interval": {"unit": "month", "n": 1}},
        "member_units": {"value": "100000.5"},
        "total_units": {"value": "1000000", "interval": None},
        "on_exhausted": "clamp",
    },
}
RUN = campaign_body(
    audience={"segments": ["vip"], "lists": ["friends"]},
    products=["SKU-1"],
    filter={"all": [{"attribute": "transaction.attributes.channel", "operator": "eq", "value": "web"}]},
    late="correct",
)
RUN_OF_EVENTS = campaign_body(
    entity="event",
    event_type="workout",
    aggregate={"attribute": "minutes"},
    date="at",
    filter={"expression": "days_between(event.attributes.at, event.occurred_at) < 10000 and year(event.date) > 0"},
)
COUPON = {
    "name": "Welcome",
    "generator": {"length": 10, "alphabet": "23456789ABCDEFGHJKLMNPQRSTUVWXYZ", "prefix": "W-"},
    "stock": 1000,
    "value": "0.1 * 5",
    "valid_for": "30 days",
    "valid_until": "2027-01-01T00:00:00Z",
}
CHECK = {"context": {"entity": "event", "event_type": "workout"}, "expression": "event.attributes.minutes > 20"}
DRAFTED = {
    "member": {"id": "M-1", "tier": "gold", "attributes": {"age": "35"}, "referrer": "M-2", "lists": ["friends"]},
    "facts": [{"transaction": PURCHASE}, {"event": EVENT}],
    "now": AT,
    "achievements": [ACHIEVED],
    "campaigns": [PRIZE],
    "tiered_campaigns": [RUN],
}

COMMANDS: tuple[tuple[str, str, Any], ...] = (
    ("PUT", "/event-types/workout", {"label": "Workout", "attributes": {"minutes": "number"}, "active": True}),
    ("PUT", "/accounts/points", {"name": "Points", "unit": "points", "decimals": 0, "active": True}),
    ("PUT", "/segments/vip", {"name": "VIP", "expression": 'member.tier == "gold"'}),
    ("PUT", "/lists/friends", {"name": "Friends"}),
    ("PUT", "/badges/star", {"name": "Star"}),
    ("PUT", "/coupons/welcome", COUPON),
    ("PUT", "/rewards/mug", {"name": "Mug", "stock": 10}),
    ("PUT", "/products/SKU-1", {"name": "Pen", "category": "office", "brand": "B", "price": "1.50"}),
    ("PUT", "/members/M-1", {"tier": "gold", "attributes": {"age": "35"}, "referrer": "M-2"}),
    ("POST", "/lists/friends/members", {"add": ["M-1"], "remove": ["M-2"]}),
    ("POST", "/coupons/pool/codes", {"codes": ["A", "B"]}),
    ("POST", "/transactions", PURCHASE),
    ("POST", "/events", EVENT),
    ("POST", "/transactions/T-0/update", FIGURES),
    ("POST", "/transactions/T-0/accept", {}),
    ("POST", "/transactions/T-0/reject", {"reason": "fraud"}),
    (
        "POST",
        "/transactions/T-0/refund",
        {"refund_id": "R", "amount": "1", "items": [{"product": "SKU-1", "quantity": "1"}]},
    ),
    ("POST", "/batch", {"facts": [{"transaction": PURCHASE}, {"refund": {"id": "T-0", "amount": "0.01"}}]}),
    ("POST", "/simulations", DRAFTED),
    ("POST", "/expressions/check", CHECK),
    ("POST", "/tiered-campaigns", RUN),
    ("PUT", f"/tiered-campaigns/{TIERED}", RUN),
    ("POST", "/tiered-campaigns", RUN_OF_EVENTS),
    ("POST", "/achievements", ACHIEVED),
    ("PUT", f"/achievements/{ACHIEVEMENT}?dry_run=true", ACHIEVED),
    ("PUT", f"/achievements/{ACHIEVEMENT}", ACHIEVED),
    (
        "PATCH",
        f"/members/M-1/achievements/{ACHIEVEMENT}",
        {"reason": "lost", "completed": 1, "rules": [{"rule": 1, "value": "1", "at": AT}]},
    ),
    ("POST", "/campaigns", PRIZE),
    ("PUT", f"/campaigns/{CAMPAIGN}", PRIZE),
    ("POST", f"/decisions/{CAMPAIGN}/cancel", {"reason": "by mistake"}),
    ("PUT", "/clock", {"now": AT}),
)
"""Good bodies, with something in every field."""


@pytest.fixture
async def program(database: str) -> AsyncIterator[ReadProgram]:
    async with reading(database) as program:
        types = {"minutes": "number", "at": "timestamp", "indoor": "boolean", "place": "string"}
        for path, body in (
            ("/event-types/workout", {"attributes": types}),
            ("/segments/vip", {"expression": 'member.tier == "gold" or not has(member.tier)'}),
            ("/lists/friends", {}),
            ("/coupons/welcome", {"generator": {}}),
            ("/coupons/pool", {}),
            ("/products/SKU-1", {"price": "20"}),
            ("/members/M-1", {"tier": "gold"}),
        ):
            assert (await program.put(path, body)).status_code == 200
        await program.campaign(id=TIERED, **{name: RUN[name] for name in ("filter", "late", "products")})
        counted = {name: RUN_OF_EVENTS[name] for name in ("entity", "event_type", "aggregate", "date", "filter")}
        await program.campaign(**counted, starts_at="0002-01-01T00:00:00Z", duration="2900 days", occurrences=1000)
        for path, made in (("achievements", ACHIEVED | {"id": ACHIEVEMENT}), ("campaigns", PRIZE | {"id": CAMPAIGN})):
            answer = await program.post(f"/{path}", made)
            assert answer.status_code == 201, answer.text
        assert (await program.post(f"/campaigns/{CAMPAIGN}/activate")).status_code == 200
        yield program


def numbered(body: Any, number: int) -> Any:
    """The body with ids of its own, so that it is not taken for one that came before."""
    if isinstance(body, dict):
        return {
            name: f"{part}-{number}" if name == "id" and part in ("T-1001", "E-1") else numbered(part, number)
            for name, part in body.items()
        }
    return [numbered(part, number) for part in body] if isinstance(body, list) else body


@pytest.mark.parametrize(("method", "path", "body"), COMMANDS, ids=[f"{m} {path}"[:60] for m, path, _ in COMMANDS])
async def test_whatever_stands_in_a_body_is_answered(program: ReadProgram, method: str, path: str, body: Any) -> None:
    drawn = random.Random(SEED)  # noqa: S311  the same ones each time
    found = list(places(body))
    every = [(place, nasty) for place in found for nasty in NASTY]
    tried = every if len(every) < MOST else drawn.sample(every, MOST)
    failures = []
    for number, (place, nasty) in enumerate(tried):
        content = written(numbered(body, number), place, nasty).encode()
        head = program.head()
        answer = await program._send(method, path, content, {"if-match": "*"})
        if answer.status_code == 500:
            failures.append(f"{place} {nasty!r}: {answer.text}")
        if answer.status_code >= 400:
            assert program.head() == head, f"{place} {nasty!r}: {answer.text}"
    assert failures == []
    await program.decide()
    await program.follow()
    for listing in listings():
        answer = await program.get(listing, limit="200")
        assert answer.status_code == 200, f"{listing}: {answer.text}"


def listings() -> list[str]:
    """Every list, those of a member for one, but for those of things that are not there."""
    paths = [path for route in ROUTES if (terms := terms_of(route)) and terms.listing for path in route.paths]
    filled = [
        path.replace("{member:str}", "M-1")
        .replace("{campaign:uuid}", TIERED)
        .replace("{achievement:uuid}", ACHIEVEMENT)
        .replace("{number:int}", "1")
        .replace("{code:str}", "friends" if "/lists/" in path else "welcome")
        for path in paths
    ]
    return [path for path in filled if "{" not in path]
