"""Campaigns as they are listed, shown, and seen by a member."""

from typing import Any

import pytest

from domain.campaigns.participation import Granted
from tests.api.reads.program import UNKNOWN, ReadProgram
from tests.api.reads.rewarding import GOAL, Rewarding, prize
from tests.api.routes.program import days

TEN = {"kind": "give_units", "account": "points", "units": "10"}
ALWAYS = [{"name": "Any", "effects": [TEN]}]


@pytest.fixture
async def rewarding(program: ReadProgram) -> Rewarding:
    rewarding = Rewarding(program)
    await rewarding.achievement()
    return rewarding


async def test_a_campaign_is_listed_with_its_figures(program: ReadProgram, rewarding: Rewarding) -> None:
    limits = {"total_units": {"value": "25", "interval": None}}
    campaign = await rewarding.campaign(rules=ALWAYS, limits=limits, labels={"season": "summer"}, display_order=3)
    for number in range(6):
        await rewarding.buy(f"T-{number}", f"M-{number % 3}", "20")
    first, second, third = await rewarding.decide()
    assert isinstance(first.decision, Granted)
    (row,) = await program.listed("/campaigns")
    assert row == {
        "id": campaign,
        "name": "Prize",
        "type": "direct",
        "trigger": "achievement_completed",
        "achievement": str(GOAL),
        "status": "active",
        "starts_at": "2026-09-01T00:00:00Z",
        "ends_at": None,
        "display_order": 3,
        "labels": {"season": "summer"},
        "executions": 2,
        "refusals": 1,
        "units_given": "20",
        "budget": "25",
        "budget_interval": None,
        "budget_left": "5",
        "revision": 1,
    }
    await rewarding.cancel(first.decision, 1)
    shown = await program.shown(f"/campaigns/{campaign}")
    figures = ("executions", "cancellations", "refusals", "units_given", "budget_left", "members")
    assert [shown[name] for name in figures] == [1, 1, 1, "10", "15", 1]
    assert (await program.shown(f"/decisions/{shown['last_decision']}"))["kind"] == "cancellation"
    assert second.id != third.id


async def test_a_campaign_is_shown_as_put_with_its_etag(program: ReadProgram, rewarding: Rewarding) -> None:
    assert rewarding
    made = await program.post("/campaigns", prize(translations={"de": {"name": "Preis"}}))
    await program.follow()
    campaign = made.json()["id"]
    answered = await program.get(f"/campaigns/{campaign}")
    assert answered.headers["etag"] == made.headers["etag"]
    shown = answered.json()
    assert {name: shown[name] for name in made.json() if name != "position"} == {
        name: value for name, value in made.json().items() if name != "position"
    }
    assert (shown["status"], shown["members"], shown["last_decision"], shown["last_decided_at"]) == (
        "draft",
        0,
        None,
        None,
    )
    assert (await program.get(f"/campaigns/{UNKNOWN}")).status_code == 404


async def test_a_deleted_campaign_is_found_by_its_id_or_when_asked_for(
    program: ReadProgram, rewarding: Rewarding
) -> None:
    campaign = await rewarding.campaign()
    await program.put("/members/M-1", {})
    deleted = await program.client.delete(f"/v1/campaigns/{campaign}", headers={"if-match": "*"})
    assert deleted.status_code == 200, deleted.text
    await program.follow()
    assert await program.listed("/campaigns") == []
    assert [row["id"] for row in await program.listed("/campaigns", status="deleted")] == [campaign]
    assert (await program.shown(f"/campaigns/{campaign}"))["status"] == "deleted"
    assert await program.listed("/members/M-1/campaigns") == []


async def test_campaigns_are_found_sorted_and_searched(program: ReadProgram, rewarding: Rewarding) -> None:
    await rewarding.campaign(name="Autumn", display_order=2, labels={"season": "autumn", "new": ""})
    await rewarding.campaign(
        name="Summer", display_order=1, ends_at="2026-09-11T00:00:00Z", labels={"season": "summer"}
    )
    await program.post("/campaigns", prize(name="Draft", display_order=3, type="referral", starts_at=None))
    await program.follow()

    async def names(**asked: str) -> list[str]:
        return [row["name"] for row in await program.listed("/campaigns", limit="1", **asked)]

    assert await names() == ["Summer", "Autumn", "Draft"]
    assert await names(sort="name") == ["Autumn", "Draft", "Summer"]
    assert (await names(sort="starts_at"))[-1] == "Draft"
    assert await names(q="umm") == ["Summer"]
    assert await names(label="season") == ["Summer", "Autumn"]
    assert await names(label="season:autumn") == ["Autumn"]
    assert await names(type="referral") == ["Draft"]
    assert await names(status="draft", achievement=str(GOAL)) == ["Draft"]
    assert await names(status="active") == ["Summer", "Autumn"]
    program.clock.at += days(1)
    assert await names(status="ended") == ["Summer"]
    assert await names(trigger="achievement_progressed") == []


async def test_a_budget_for_an_interval_is_full_again_in_the_next(program: ReadProgram, rewarding: Rewarding) -> None:
    limits = {"total_units": {"value": "25", "interval": {"unit": "month", "n": 1}}}
    campaign = await rewarding.campaign(rules=ALWAYS, limits=limits, starts_at="2026-08-01T00:00:00Z")
    for number, month in enumerate(("08", "08", "09", "09")):
        await rewarding.buy(f"T-{number}", "M-1", "20", purchased_at=f"2026-{month}-03T12:00:00Z")
    await rewarding.decide()

    async def left() -> list[str]:
        (row,) = await program.listed("/campaigns")
        return [row["units_given"], row["budget_left"]]

    assert await left() == ["20", "15"]
    program.clock.at += days(30)
    assert await left() == ["20", "25"]
    assert (await program.shown(f"/campaigns/{campaign}"))["budget_left"] == "25"


async def test_a_member_sees_what_is_for_them_and_what_is_missing(program: ReadProgram, rewarding: Rewarding) -> None:
    await program.put("/segments/paris", {"expression": 'member.attributes.city == "Paris"'})
    await program.put("/segments/broken", {"expression": "1 / (length(member.id) - 3) > 0"})
    await program.put("/members/M-1", {"tier": "gold", "attributes": {"city": "Paris"}})
    await program.put("/members/M-2", {"tier": "silver", "attributes": {"city": "Rome"}})
    gold = {"everyone": False, "tiers": ["gold"]}
    paris = {"everyone": False, "segments": ["paris"]}
    await rewarding.campaign(name="All", display_order=1)
    await rewarding.campaign(name="Broken", display_order=1, visibility={"everyone": False, "segments": ["broken"]})
    await rewarding.campaign(name="Gold see", display_order=2, visibility=gold)
    await rewarding.campaign(name="Paris see", display_order=3, visibility=paris)
    await rewarding.campaign(name="Gold get", display_order=4, audience=gold)
    await rewarding.campaign(name="Soon", display_order=5, starts_at="2026-10-01T00:00:00Z", audience=paris)
    await rewarding.campaign(name="Over", display_order=6, ends_at="2026-09-11T00:00:00Z")
    paused = await rewarding.campaign(name="Paused", display_order=7)
    await program.post(f"/campaigns/{paused}/pause")
    await program.post("/campaigns", prize(name="Draft"))
    program.clock.at += days(2)
    await program.follow()

    async def seen(member: str, **asked: str) -> dict[str, list[str]]:
        rows = await program.listed(f"/members/{member}/campaigns", limit="2", **asked)
        assert all(row["available"] == (not row["missing"]) for row in rows)
        return {row["name"]: row["missing"] for row in rows}

    assert await seen("M-1") == {
        "All": [],
        "Gold see": [],
        "Paris see": [],
        "Gold get": [],
        "Soon": ["not_started"],
        "Over": ["ended"],
        "Paused": ["paused"],
    }
    assert await seen("M-2") == {
        "All": [],
        "Gold get": ["not_in_audience"],
        "Soon": ["not_started", "not_in_audience"],
        "Over": ["ended"],
        "Paused": ["paused"],
    }
    assert await seen("M-2", status="active") == {
        "All": [],
        "Gold get": ["not_in_audience"],
        "Soon": ["not_started", "not_in_audience"],
    }
    assert (await program.get("/members/nobody/campaigns")).status_code == 404


async def test_a_segment_is_read_as_it_is_now(program: ReadProgram, rewarding: Rewarding) -> None:
    await program.put("/members/M-1", {"attributes": {"city": "Paris"}})
    await program.put("/segments/lively", {"expression": 'member.attributes.city == "Paris"'})
    await rewarding.campaign(visibility={"everyone": False, "segments": ["lively"]})
    await program.follow()
    assert len(await program.listed("/members/M-1/campaigns")) == 1
    await program.put("/segments/lively", {"expression": 'member.attributes.city == "Rome"'}, if_match='"1"')
    await program.follow()
    assert await program.listed("/members/M-1/campaigns") == []


async def test_a_member_has_what_the_limits_leave(program: ReadProgram, rewarding: Rewarding) -> None:
    month: dict[str, Any] = {"unit": "month", "n": 1}
    limits = {
        "member_executions": {"value": 2, "interval": month},
        "member_units": {"value": "15", "interval": None},
        "total_units": {"value": "100", "interval": None},
        "on_exhausted": "clamp",
    }
    await rewarding.campaign(rules=ALWAYS, limits=limits)
    await program.put("/members/M-2", {})

    async def left(member: str = "M-1") -> tuple[Any, ...]:
        (row,) = await program.listed(f"/members/{member}/campaigns")
        return row["executions"], row["executions_left"], row["units"], row["units_left"], row["missing"]

    await rewarding.buy("T-1", "M-1", "20")
    await rewarding.buy("T-2", "M-1", "20")
    await rewarding.decide()
    assert await left() == (1, 1, "10", "5", [])
    assert await left("M-2") == (0, 2, "0", "15", [])
    await rewarding.buy("T-3", "M-1", "20")
    await rewarding.buy("T-4", "M-1", "20")
    (_, grant) = (await rewarding.decide())[0]
    assert isinstance(grant, Granted)
    assert await left() == (2, 0, "15", "0", ["member_limit_reached", "member_units_exhausted"])
    program.clock.at += days(30)
    assert await left() == (2, 2, "15", "0", ["member_units_exhausted"])
    await rewarding.cancel(grant, 2)
    assert await left() == (1, 2, "10", "5", [])


async def test_a_referrer_has_what_their_limits_leave(program: ReadProgram, rewarding: Rewarding) -> None:
    limits = {
        "member_executions": {"value": 1},
        "referrer_executions": {"value": 3},
        "referrer_units": {"value": "30"},
        "total_units": {"value": "45"},
    }
    effects = [TEN | {"units": "5"}, TEN | {"to": "referrer"}]
    campaign = await rewarding.campaign(type="referral", rules=[{"name": "Both", "effects": effects}], limits=limits)
    for member in ("M-1", "M-2"):
        await program.put(f"/members/{member}", {"referrer": "R-1"})
        for number in (1, 2):
            await rewarding.buy(f"T-{member}-{number}", member, "20")
    (_, grant), *_ = await rewarding.decide()
    assert isinstance(grant, Granted)

    async def shown(member: str) -> tuple[Any, ...]:
        (row,) = await program.listed(f"/members/{member}/campaigns")
        own = row["executions"], row["executions_left"], row["units"], row["units_left"]
        as_referrer = tuple(
            row[f"referrer_{name}"] for name in ("executions", "executions_left", "units", "units_left")
        )
        return own, as_referrer, row["missing"]

    assert await shown("M-1") == ((1, 0, "5", "15"), (0, 3, "0", "15"), ["member_limit_reached"])
    assert await shown("R-1") == ((0, 1, "0", "15"), (2, 1, "20", "10"), [])
    assert (await program.shown(f"/campaigns/{campaign}"))["members"] == 3
    await rewarding.cancel(grant, 1)
    assert await shown("R-1") == ((0, 1, "0", "30"), (1, 2, "10", "20"), [])
