"""The feed: documented events in order, filtered, and of what a role may read elsewhere only."""

from typing import Any

import jsonschema_rs
import pytest

from api.documentation.openapi import describe
from api.routes.service.feed import FEED_ROUTES
from application.log.mapper import Mapper
from application.service.keys import Role
from application.streams import KINDS
from projections.feed.feed import TYPES, tags_of, types_for
from projections.history import log
from tests.api.reads.program import ReadProgram
from tests.api.reads.rewarding import UNITS, Rewarding, prize
from tests.domain.values.test_picture import PNG

DOCUMENT = describe(FEED_ROUTES)
PAGE = DOCUMENT["paths"]["/v1/feed"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
VALIDATOR = jsonschema_rs.Draft202012Validator(PAGE | {"components": DOCUMENT["components"]})

KEPT_BACK = {
    "transaction.recounted", "event.recounted", "tiered_campaign.recounted", "tiered_campaign.icon_put",
    "preview.requested", "preview.finished", "preview.failed", "progress.carried", "progress.referee_counted",
    "progress.referee_released", "participation.cancellation_requested", "participation.referral_counted",
    "participation.referral_released", "budget.reserved", "budget.returned", "stock.supplied", "stock.taken",
    "stock.returned", "coupon_code.imported", "coupon_code.issued", "coupon_code.voided", "coupon_code.numbered",
    "award_policy.decided", "request.answered", "key.made", "key.revoked", "clock.moved", "clock.returned",
    "rebuild.started",
}  # fmt: skip
"""What is told to nobody, or with the event that it comes with."""

SECRETS = ("UNUSED-1", "SECRET NAME", "secret.rule", "12345")


@pytest.fixture
async def lively(program: ReadProgram) -> ReadProgram:
    """Something of everything has happened, and unused codes, names, rules and budgets are there to be kept back."""
    rewarding = Rewarding(program)
    await program.put("/badges/star", {"name": "SECRET NAME"})
    await program.put("/coupons/welcome", {"name": "SECRET NAME"})
    await program.post("/coupons/welcome/codes", {"codes": ["GIVEN-1", "UNUSED-1"]})
    await program.put("/lists/friends", {"name": "SECRET NAME"})
    await program.put("/products/SKU-1", {"name": "SECRET NAME", "price": "12345"})
    await program.put("/members/M-1", {"tier": "gold", "attributes": {"city": "Paris"}, "referrer": "M-0"})
    await program.post("/lists/friends/members", {"add": ["M-1"]})
    await program.post("/lists/friends/members", {"remove": ["M-1"]})
    campaign = await program.campaign(name="SECRET NAME")
    await program.put(f"/tiered-campaigns/{campaign}/icon", PNG, content_type="image/png")
    await rewarding.achievement()
    effects = [UNITS, {"kind": "issue_coupon", "coupon": "welcome", "to": "referrer"}]
    rules = prize()["rules"]
    limits = {"total_units": {"value": "12345"}}
    await rewarding.campaign(
        type="referral",
        name="SECRET NAME",
        limits=limits,
        rules=[rules[0] | {"name": "secret.rule", "effects": effects}],
    )
    for name, total in (("T-1", "20"), ("T-2", "30"), ("T-3", "1"), ("T-4", "2")):
        await rewarding.buy(name, "M-1", total)
    await rewarding.decide()
    await program.buy("T-5", "M-2", "20", status="pending")
    await program.post("/transactions/T-5/accept")
    await program.post("/transactions/T-5/refund", {"amount": "1"})
    await program.buy("T-6", "M-2", "20", status="pending")
    await program.post("/transactions/T-6/reject")
    await program.follow()
    return program


async def read(program: ReadProgram, role: str = "admin", **asked: str) -> list[dict[str, Any]]:
    """The whole feed, page by page, each of which is as it is described and goes on from the one before."""
    events: list[dict[str, Any]] = []
    after = 0
    while True:
        answered = await program.client.get(
            "/v1/feed", params={"after": str(after), **asked}, headers={"authorization": f"Bearer {role}"}
        )
        assert answered.status_code == 200, answered.text
        page = answered.json()
        VALIDATOR.validate(page)
        events += page["data"]
        if page["next"] is None:
            assert page["position"] == answered.headers["laurel-position"] == str(program.head())
            return events
        assert page["next"] == page["position"]
        assert int(page["position"]) > after
        after = int(page["position"])


def kinds(events: list[dict[str, Any]]) -> set[str]:
    return {event["type"] for event in events}


async def test_what_happened_is_told_in_order_in_shapes_of_its_own(lively: ReadProgram) -> None:
    events = await read(lively, limit="3")
    assert events == await read(lively)
    positions = [int(event["position"]) for event in events]
    assert positions == sorted(set(positions))
    told = {event["type"]: event["data"] for event in reversed(events)}
    assert told["transaction.received"] == {
        "id": "T-1", "member": "M-1", "status": "accepted", "purchased_at": "2026-09-03T08:15:00Z", "checkout_at": None,
        "auto_accept_at": None, "total": "20", "currency": "EUR", "items": [], "attributes": {"channel": "web"},
    }  # fmt: skip
    assert told["member.changed"] == {"member": "M-1", "tier": "gold", "attributes": {"city": "Paris"}}
    assert told["member.referrer_set"] == {"member": "M-1", "referrer": "M-0"}
    assert told["member.list_joined"] == told["member.list_left"] == {"member": "M-1", "list": "friends"}
    assert told["standing.changed"]["fact"] == {"kind": "transaction", "id": "T-1"}
    assert (told["progress.advanced"]["value"], told["progress.advanced"]["goal"]) == ("1", "2")
    assert (told["achievement.completed"]["completions"], told["achievement.completed"]["fact"]["id"]) == (1, "T-2")
    assert told["transaction.refunded"]["amount"] == "1"
    assert told["transaction.rejected"]["id"] == "T-6"
    granted, refused = told["decision.granted"], told["decision.refused"]
    assert granted["gifts"] == [
        {"kind": "give_units", "to": "member", "member": "M-1", "account": "points", "units": "300"},
        {"kind": "issue_coupon", "to": "referrer", "member": "M-0", "given": "welcome", "code": "GIVEN-1"},
    ]
    assert refused["reasons"] == ["condition_not_met"]
    for told_of, outcome in ((granted, "granted"), (refused, "refused")):
        shown = await lively.shown(f"/decisions/{told_of['decision']}")
        assert (shown["outcome"], shown["member"]) == (outcome, told_of["member"])
    changes = [event["data"] for event in events if event["type"] == "definition.changed"]
    assert {"kind": "coupon", "id": "welcome", "change": "put", "revision": None} in changes
    assert {(each["kind"], each["change"]) for each in changes} >= {
        ("tiered_campaign", "revised"), ("tiered_campaign", "activated"), ("achievement", "defined"),
        ("campaign", "defined"), ("product", "put"),
    }  # fmt: skip


async def test_an_award_a_correction_and_an_evaluation_are_told(lively: ReadProgram) -> None:
    campaign = (await lively.listed("/tiered-campaigns"))[0]["id"]
    await lively.evaluate(campaign, 1, "M-1", points="0")
    told = {event["type"]: event["data"] for event in await read(lively)}
    assert told["evaluation.started"]["members"] is None
    assert told["evaluation.finished"]["members"] == 1
    shown = await lively.shown(f"/decisions/{told['points.awarded']['decision']}")
    assert (shown["kind"], shown["member"]) == ("tiered_award", "M-1")


async def test_an_integration_is_told_nothing_that_it_may_not_read(lively: ReadProgram) -> None:
    everything = await read(lively)
    events = await read(lively, "integration")
    assert kinds(everything) - kinds(events) == {"definition.changed"}
    assert events == [event for event in everything if event["type"] != "definition.changed"]
    for secret in SECRETS:
        assert secret not in str(everything), "of a definition it is told that it changed, not what it says"
    assert "GIVEN-1" in str(events)
    refused = await lively.client.get(
        "/v1/feed", params={"type[in]": "definition.changed"}, headers={"authorization": "Bearer integration"}
    )
    assert (refused.status_code, refused.json()["code"]) == (403, "role")


@pytest.mark.parametrize("role", Role)
def test_who_may_read_definitions_is_told_of_them(role: Role) -> None:
    kept = {"definition.changed", "evaluation.started", "evaluation.finished"}
    assert set(TYPES) - types_for(role) == (kept if role is Role.INTEGRATION else set())


async def test_events_are_asked_for_by_type_and_member(lively: ReadProgram) -> None:
    everything = await read(lively)
    asked = {"decision.granted", "transaction.received"}
    assert await read(lively, **{"type[in]": ",".join(asked), "limit": "2"}) == [
        event for event in everything if event["type"] in asked
    ]
    assert kinds(await read(lively, member="M-2")) == {
        "member.registered", "transaction.received", "transaction.accepted", "transaction.refunded",
        "transaction.rejected", "standing.changed", "progress.advanced",
    }  # fmt: skip
    assert kinds(await read(lively, member="M-0")) == {"member.registered", "decision.granted"}
    assert await read(lively, member="M") == []
    assert await read(lively, member="EUR") == []


async def test_a_page_goes_on_where_nothing_fits(lively: ReadProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    events = await read(lively, member="M-2")
    monkeypatch.setattr(log, "PASSED_EVENTS", 4)
    page = await lively.shown("/feed", member="M-2")
    assert (page["data"], page["next"], page["position"]) == ([], "4", "4")
    assert await read(lively, member="M-2") == events
    assert await read(lively, member="nobody") == []


async def test_the_feed_waits_for_nothing(lively: ReadProgram) -> None:
    at = lively.head()
    for after in (at, at + 100):
        page = await lively.shown("/feed", after=str(after))
        assert (page["data"], page["next"], page["position"]) == ([], None, str(after))


@pytest.mark.parametrize(
    "asked",
    [
        {"after": "x"},
        {"limit": "0"},
        {"limit": "201"},
        {"type[in]": "no.such"},
        {"type[in]": ""},
        {"type[in]": "coupon_code.imported"},
        {"sort": "position"},
        {"member[ne]": "M-1"},
        {"member": "\0"},
    ],
)
async def test_a_bad_question_is_told_what_is_wrong(program: ReadProgram, asked: dict[str, str]) -> None:
    refused = await program.client.get("/v1/feed", params=asked)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["parameter"] == next(iter(asked))


def test_every_event_of_the_log_is_told_or_kept_back() -> None:
    assert set(Mapper(KINDS).types) == tags_of(TYPES) | KEPT_BACK
    assert not tags_of(TYPES) & KEPT_BACK
