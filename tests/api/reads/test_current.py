"""A GET of one thing shows what the last command that was answered left: with projections behind, in any process."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.tiered.campaign import Status
from tests.api.reads.program import ReadProgram, reading
from tests.api.reads.test_put_back import ACHIEVEMENT, DEFINITIONS, PREPARED, made
from tests.api.routes.program import achievement_body, campaign_body, days, transaction_body


@pytest.fixture
async def other(database: str) -> AsyncIterator[ReadProgram]:
    """Another process over the same database."""
    async with reading(database) as other:
        yield other


async def seen(program: ReadProgram, path: str, answered: Any, etag: str | None = None) -> None:
    """That a path shows what a command answered."""
    read = await program.get(path)
    assert read.status_code == 200, f"{path}: {read.text}"
    shown = read.json()
    assert {name: shown[name] for name in answered if name != "position"} == {
        name: value for name, value in answered.items() if name != "position"
    }
    assert read.headers.get("etag") == etag
    assert shown["position"] == read.headers["laurel-position"]


async def test_a_definition_is_read_as_the_last_command_left_it(program: ReadProgram, other: ReadProgram) -> None:
    for path, body in PREPARED:
        await made(program, path, body)
    await program.post("/achievements", achievement_body(id=ACHIEVEMENT, active=True, limit=None))
    for path, body in DEFINITIONS:
        has_code = path.count("/") == 2
        answer = await program.put(path, body) if has_code else await program.post(path, body)
        there = path if has_code else f"{path}/{answer.json()['id']}"
        for reader in (program, other):
            await seen(reader, there, answer.json(), answer.headers["etag"])
        field = "label" if path.startswith("/event-types") else "name"
        answer = await other.put(there, body | {field: "Another"}, if_match=answer.headers["etag"])
        assert answer.status_code == 200, answer.text
        for reader in (program, other):
            await seen(reader, there, answer.json(), answer.headers["etag"])


async def test_each_step_of_a_definition_s_life_is_read_at_once(program: ReadProgram, other: ReadProgram) -> None:
    await made(program, "/badges/star", {})
    achievement = f"/achievements/{ACHIEVEMENT}"
    await program.post("/achievements", achievement_body(id=ACHIEVEMENT, badge="star"))
    prize = {"name": "Prize", "achievement": ACHIEVEMENT, "starts_at": "2026-06-01T00:00:00Z"}
    rules = [{"name": "Pay", "effects": [{"kind": "give_badge", "badge": "star"}]}]
    campaign = await made(program, "/campaigns", prize | {"rules": rules})
    tiered = await made(program, "/tiered-campaigns", campaign_body(filter=None))
    steps = [
        (achievement, "activate"),
        (campaign, "activate"),
        (campaign, "pause"),
        (achievement, "deactivate"),
        (achievement, "archive"),
        (tiered, "activate"),
        (tiered, "deactivate"),
        (tiered, "archive"),
    ]
    for path, step in steps:
        answer = await program.post(f"{path}/{step}")
        assert answer.status_code == 200, answer.text
        await seen(other, path, answer.json(), answer.headers["etag"])
    answer = await program.client.delete(f"/v1{campaign}")
    await seen(other, campaign, answer.json(), answer.headers["etag"])


async def test_members_and_facts_are_read_at_once(program: ReadProgram, other: ReadProgram) -> None:
    await program.put("/event-types/workout", {})
    member = await program.put("/members/M-1", {"tier": "gold"})
    await seen(other, "/members/M-1", member.json())
    body = {"id": "E-1", "type": "workout", "member": "M-1", "occurred_at": "2026-09-03T10:15:00Z"}
    event = await program.post("/events", body)
    await seen(other, "/events/E-1", {name: event.json()[name] for name in ("id", "member", "status")})
    await program.post("/transactions", transaction_body(id="T-1", member="M-1"))
    await seen(other, "/transactions/T-1", {"id": "T-1", "status": "pending"})
    await program.post("/transactions/T-1/accept")
    await seen(other, "/transactions/T-1", {"status": "accepted"})


async def test_stock_is_read_at_once(program: ReadProgram, other: ReadProgram) -> None:
    await program.put("/coupons/welcome", {})
    await program.post("/coupons/welcome/codes", {"codes": ["A", "B"]})
    await seen(other, "/coupons/welcome", {"codes": 2, "left": 2}, '"1"')


async def test_the_position_covers_what_is_shown_and_later_ones_are_not_waited_for(program: ReadProgram) -> None:
    put = await program.put("/accounts/miles", {})
    position = put.json()["position"]
    read = await program.get("/accounts/miles", after=position)
    assert (read.status_code, read.json()["position"]) == (200, position)
    ahead = await program.get("/accounts/miles", after=str(int(position) + 1))
    assert (ahead.status_code, ahead.json()["code"], ahead.headers["retry-after"]) == (503, "behind", "1")
    assert (await program.get("/accounts/miles", after="soon")).status_code == 422
    assert (await program.get("/accounts", after=position)).status_code == 503


async def test_what_belongs_to_something_new_is_an_empty_list(program: ReadProgram) -> None:
    await program.put("/members/M-1", {})
    await program.put("/lists/friends", {})
    await program.put("/coupons/welcome", {})
    tiered = await made(program, "/tiered-campaigns", campaign_body(filter=None))
    for path in ("/members/M-1/decisions", "/lists/friends/members", "/coupons/welcome/codes", f"{tiered}/previews"):
        assert (await program.shown(path))["data"] == []
    for path in ("/members/M-2/decisions", "/lists/none/members", "/coupons/none/codes"):
        assert (await program.get(path)).status_code == 404


async def test_an_id_of_another_kind_is_not_found(program: ReadProgram) -> None:
    await program.post("/achievements", achievement_body(id=ACHIEVEMENT))
    for collection in ("tiered-campaigns", "campaigns"):
        assert (await program.get(f"/{collection}/{ACHIEVEMENT}")).status_code == 404
    assert (await program.get(f"/tiered-campaigns/{ACHIEVEMENT}/statistics")).status_code == 404


async def test_a_tiered_campaign_is_listed_as_it_is_shown(program: ReadProgram) -> None:
    """The list's SQL says the same as the rules that a single one is shown by, at every step of its life."""
    tiered = await made(program, "/tiered-campaigns", campaign_body(filter=None))
    await made(program, "/tiered-campaigns", {"name": "Draft"})
    paused = await made(program, "/tiered-campaigns", campaign_body(filter=None))
    await program.post(f"{paused}/archive")

    async def listed_as_shown() -> str:
        await program.follow()
        rows = await program.listed("/tiered-campaigns", **{"status[in]": ",".join(Status)})
        assert len(rows) == 3
        for row in rows:
            assert row == await program.shown(f"/tiered-campaigns/{row['id']}", after=row["position"])
        return next(str(row["status"]) for row in rows if tiered.endswith(row["id"]))

    campaign = tiered.rpartition("/")[2]
    program.clock.at -= days(30)
    found = [await listed_as_shown()]
    await program.post(f"{tiered}/activate")
    found.append(await listed_as_shown())
    await program.buy("T-1", "M-1", "20", status="accepted", purchased_at="2026-09-03T10:15:00Z")
    program.clock.at += days(30)
    found.append(await listed_as_shown())
    program.clock.at += days(23)
    found.append(await listed_as_shown())
    for number in (1, 2, 3):
        await program.fence(campaign, number)
        found.append(await listed_as_shown())
        await program.evaluate(campaign, number, "M-1")
        found.append(await listed_as_shown())
    assert found[:3] == ["inactive", "scheduled", "active"]
    assert found[-1] == "completed"
