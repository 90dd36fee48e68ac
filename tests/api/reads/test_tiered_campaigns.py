from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest

from application.tiered import commands as tiered_campaigns
from tests.api.reads.program import UNKNOWN, ReadProgram, instant
from tests.api.routes.program import campaign_body
from tests.domain.values.test_picture import PNG


async def test_a_campaign_is_read_as_it_was_answered(program: ReadProgram) -> None:
    made = await program.post("/tiered-campaigns", campaign_body())
    campaign = made.json()["id"]
    activated = await program.post(f"/tiered-campaigns/{campaign}/activate")
    await program.follow()
    read = await program.get(f"/tiered-campaigns/{campaign}")
    assert read.status_code == 200, read.text
    assert {**read.json(), "position": ""} == {**activated.json(), "position": ""}
    assert read.headers["etag"] == '"2"'
    (listed,) = await program.listed("/tiered-campaigns")
    assert listed == read.json()


async def test_a_campaign_stands_where_time_has_brought_it(program: ReadProgram) -> None:
    campaign = await program.campaign()
    await program.follow()
    path = f"/tiered-campaigns/{campaign}"
    for at, status, ends_at, remaining in [
        ("2026-08-01T00:00:00+00:00", "scheduled", None, 3),
        ("2026-09-01T00:00:00+02:00", "active", "2026-09-30T22:00:00Z", 3),
        ("2026-10-01T00:00:00+02:00", "active", "2026-10-31T23:00:00Z", 2),
        ("2026-12-24T00:00:00+02:00", "active", None, 0),
    ]:
        program.clock.at = instant(at)
        shown = await program.shown(path)
        assert (shown["status"], shown["current_occurrence_ends_at"], shown["occurrences_remaining"]) == (
            status,
            ends_at,
            remaining,
        )
        assert shown["next_evaluation_at"] == "2026-10-07T22:00:00Z"
        assert shown["ends_at"] == "2026-11-30T23:00:00Z"


async def test_campaigns_are_searched_filtered_and_sorted(program: ReadProgram) -> None:
    draft = await program.post("/tiered-campaigns", {"name": "A 100% draft"})
    await program.put("/event-types/workout", {"attributes": {"minutes": "number"}})
    sporty = await program.campaign(
        name="Sport", entity="event", event_type="workout", aggregate={"attribute": "minutes"}, date="occurred_at"
    )
    autumn = await program.campaign(starts_at="2026-08-01T00:00:00Z")
    paused = await program.post("/tiered-campaigns", campaign_body(name="Paused"))
    await program.follow()

    async def ids(**asked: str) -> list[str]:
        return [row["id"] for row in await program.listed("/tiered-campaigns", limit="1", **asked)]

    of_draft, of_paused = draft.json()["id"], paused.json()["id"]
    assert await ids(sort="name") == [of_draft, autumn, of_paused, sporty]
    assert await ids(sort="-name") == [sporty, of_paused, autumn, of_draft]
    assert await ids() == [of_paused, autumn, sporty, of_draft]
    assert (await ids(sort="starts_at"))[0] == autumn
    assert (await ids(sort="starts_at"))[-1] == of_draft
    assert (await ids(sort="next_evaluation_at"))[0] == autumn
    assert await ids(sort="status") == [*sorted([sporty, autumn]), of_draft, of_paused]
    assert await ids(q="100%") == [of_draft]
    assert await ids(q="_") == []
    assert await ids(status="draft") == [of_draft]
    assert await ids(**{"status[in]": "draft,inactive"}) == [of_paused, of_draft]
    assert await ids(event_type="workout") == [sporty]
    assert await ids(entity="transaction") == [of_paused, autumn]


async def test_statistics_have_a_row_an_occurrence(program: ReadProgram) -> None:
    campaign = await program.campaign()
    await program.buy("T-1", "M-1", "20")
    await program.buy("T-2", "M-2", "60.5")
    await program.follow()
    first, second, third = (await program.shown(f"/tiered-campaigns/{campaign}/statistics"))["data"]
    assert first == {
        "number": 1,
        "starts_at": "2026-08-31T22:00:00Z",
        "ends_at": "2026-09-30T22:00:00Z",
        "evaluation_at": "2026-10-07T22:00:00Z",
        "status": "active",
        "pending_points": "1410",
        "awarded_points": "0",
        "members": 2,
        "participants": 2,
        "revision": 1,
    }
    assert (second["status"], second["pending_points"], second["members"]) == ("scheduled", "0", 0)
    assert third["number"] == 3


async def test_members_have_points_and_participants_a_contribution(program: ReadProgram) -> None:
    tiers = [{"from": "100", "to": "200", "reward": "1"}]
    campaign = await program.campaign(tiers=tiers, late="correct")

    async def people() -> tuple[int, int]:
        await program.follow()
        (row,) = await program.listed(f"/tiered-campaigns/{campaign}/statistics", number="1")
        return row["members"], row["participants"]

    accepted = {"status": "accepted", "auto_accept_at": ...}
    for number, total in enumerate(["5", "5", "5", "0"], 1):
        await program.buy(f"T-{number}", f"M-{number}", total, **accepted)
    assert await people() == (0, 4)
    await program.buy("T-5", "M-1", "100", **accepted)
    await program.buy("T-6", "M-2", "100")
    assert await people() == (2, 4)
    await program.preview(campaign)
    await program.evaluate(campaign, 1, "M-1", "M-2", "M-3", "M-4", points="105")
    assert await people() == (1, 4)
    await program.buy("T-7", "M-3", "100", **accepted)
    await program.buy("T-8", "M-9", "1", **accepted)
    assert await people() == (2, 5)
    await program.post("/transactions/T-5/refund")
    assert await people() == (1, 5)
    (preview,) = (await program.listed(f"/tiered-campaigns/{campaign}/previews"))[0]["occurrences"]
    assert (preview["members"], preview["participants"], preview["live_members"]) == (2, 4, 1)


async def test_a_listing_filters_by_the_start_that_it_shows(program: ReadProgram) -> None:
    draft = await program.post("/tiered-campaigns", campaign_body(tiers=[]))
    await program.follow()
    (row,) = await program.listed("/tiered-campaigns", **{"starts_at[gte]": "2026-08-31T22:00:00Z"})
    assert (row["id"], row["status"], row["starts_at"]) == (draft.json()["id"], "draft", "2026-08-31T22:00:00Z")


async def test_an_occurrence_goes_through_its_life(program: ReadProgram) -> None:
    campaign = await program.campaign(occurrences=2)
    await program.buy("T-1", "M-1", "20", status="accepted", auto_accept_at=...)
    await program.follow()

    async def statuses() -> list[str]:
        return [row["status"] for row in await program.listed(f"/tiered-campaigns/{campaign}/statistics", limit="1")]

    assert await statuses() == ["active", "scheduled"]
    program.clock.at = instant("2026-10-01T00:00:00+02:00")
    assert await statuses() == ["grace_period", "active"]
    await program.fence(campaign, 1)
    await program.follow()
    assert await statuses() == ["evaluating", "active"]
    await program.evaluate(campaign, 1, "M-1", points="200")
    assert await statuses() == ["completed", "active"]
    (row,) = await program.listed(f"/tiered-campaigns/{campaign}/statistics", status="completed")
    assert (row["pending_points"], row["awarded_points"]) == ("0", "200")
    await program.evaluate(campaign, 2)
    assert await statuses() == ["completed", "completed"]
    shown = await program.shown(f"/tiered-campaigns/{campaign}")
    assert (shown["status"], shown["next_evaluation_at"], shown["occurrences_remaining"]) == ("completed", None, 0)


async def test_a_campaign_is_completed_once_the_last_of_its_occurrences_is_whichever_that_is(
    program: ReadProgram,
) -> None:
    campaign = await program.campaign(occurrences=2, grace_period="90 days")
    path = f"/tiered-campaigns/{campaign}"
    edited = campaign_body(occurrences=2, grace_period="0 days")
    assert (await program.put(path, edited, if_match='"2"')).status_code == 200
    await program.writer.submit(partial(tiered_campaigns.finish_recount, campaign_id=UUID(campaign), revision=2))
    for number, status in ((2, "active"), (1, "completed")):
        await program.evaluate(campaign, number)
        shown = await program.shown(path)
        assert shown["status"] == status
        assert [row["id"] for row in await program.listed("/tiered-campaigns", status=status)] == [campaign]
    refused = await program.put(path, edited | {"name": "Late"}, if_match='"3"')
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_status")


async def test_archiving_cancels_and_voids_what_is_pending(program: ReadProgram) -> None:
    campaign = await program.campaign()
    await program.buy("T-1", "M-1", "20")
    await program.preview(campaign)
    await program.post(f"/tiered-campaigns/{campaign}/deactivate")
    archived = await program.post(f"/tiered-campaigns/{campaign}/archive")
    assert archived.status_code == 200, archived.text
    await program.follow()
    rows = await program.listed(f"/tiered-campaigns/{campaign}/statistics")
    assert {(row["status"], row["pending_points"]) for row in rows} == {("cancelled", "0")}
    assert [(row["members"], row["participants"]) for row in rows] == [(0, 1), (0, 0), (0, 0)]
    members = f"/tiered-campaigns/{campaign}/occurrences/1/members"
    (row,) = await program.listed(members)
    assert (row["total"], row["points"], row["pending_points"]) == ("20", "0", "0")
    (row,) = await program.listed("/members/M-1/tiered-campaigns")
    assert (row["status"], row["points"], row["pending_points"]) == ("cancelled", "0", "0")
    for listing in (members, "/members/M-1/tiered-campaigns"):
        assert await program.listed(listing, **{"points[gte]": "1"}) == []
        assert len(await program.listed(listing, points="0", sort="-points")) == 1
    (preview,) = (await program.listed(f"/tiered-campaigns/{campaign}/previews"))[0]["occurrences"]
    assert (preview["pending_points"], preview["live_members"], preview["live_pending_points"]) == ("200", 0, "0")
    accounts = await program.listed("/members/M-1/accounts")
    assert [(row["pending"], row["pending_entries"]) for row in accounts] == [("0", [])]
    shown = await program.shown(f"/tiered-campaigns/{campaign}")
    assert {**shown, "position": ""} == {**archived.json(), "position": ""}


async def test_members_of_an_occurrence_know_their_tier_and_the_next(program: ReadProgram) -> None:
    campaign = await program.campaign()
    for number, total in enumerate(["20", "60", "100"], 1):
        await program.buy(f"T-{number}", f"M-{number}", total)
    await program.follow()
    path = f"/tiered-campaigns/{campaign}/occurrences/1/members"
    low, middle, high = await program.listed(path, limit="2")
    assert low == {
        "member": "M-1",
        "total": "20",
        "confirmed": "0",
        "tier": 1,
        "next_tier": {"tier": 2, "missing": "30.01"},
        "points": "200",
        "pending_points": "200",
        "awarded_points": None,
        "late": False,
    }
    assert (middle["tier"], middle["next_tier"], high["points"]) == (2, None, "2000")
    by_points = [row["member"] for row in await program.listed(path, sort="-points", limit="1")]
    assert by_points == ["M-3", "M-2", "M-1"]
    assert [row["member"] for row in await program.listed(path, **{"total[gt]": "20", "sort": "total"})] == [
        "M-2",
        "M-3",
    ]


async def test_an_evaluation_is_an_object(program: ReadProgram) -> None:
    campaign = await program.campaign(late="correct")
    await program.buy("T-1", "M-1", "20", status="accepted", auto_accept_at=...)
    await program.buy("T-2", "M-2", "30.5", status="accepted", auto_accept_at=...)
    await program.follow()
    path = f"/tiered-campaigns/{campaign}/occurrences/1/evaluation"
    assert await program.shown(path) == {
        "status": "not_started",
        "due_at": "2026-10-07T22:00:00Z",
        "started_at": None,
        "finished_at": None,
        "progress": {"done": 0, "total": 2},
        "inputs": None,
        "points": None,
    }
    await program.fence(campaign, 1)
    fence = str(program.head())
    await program.follow()
    running = await program.shown(path)
    assert (running["status"], running["progress"]) == ("running", {"done": 0, "total": 2})
    assert running["inputs"] == {"position": fence, "revision": 1, "members": 2, "total": "50.5"}
    await program.evaluate(campaign, 1, "M-1", "M-2", points="505")
    await program.buy("T-3", "M-1", "1", status="accepted", auto_accept_at=...)
    await program.buy("T-4", "M-9", "1", status="accepted", auto_accept_at=...)
    await program.follow()
    finished = await program.shown(path)
    assert (finished["status"], finished["progress"], finished["points"]) == (
        "finished",
        {"done": 2, "total": 2},
        "505",
    )
    assert finished["inputs"] == running["inputs"]
    assert instant(finished["finished_at"]) - instant(finished["started_at"]) == timedelta()


async def test_an_icon_is_served_as_what_it_is(program: ReadProgram) -> None:
    campaign = await program.campaign()
    path = f"/tiered-campaigns/{campaign}/icon"
    assert (await program.get(path)).status_code == 404
    put = await program.put(path, PNG, content_type="image/png")
    assert put.status_code == 200, put.text
    await program.follow()
    icon = await program.client.get(f"/v1{path}", headers={"accept": "image/png"})
    assert (icon.status_code, icon.content) == (200, PNG)
    assert icon.headers["content-type"] == "image/png"
    assert icon.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/icon",
        "/statistics",
        "/previews",
        f"/previews/{UNKNOWN}",
        f"/previews/{UNKNOWN}/members",
        f"/previews/{UNKNOWN}/compare/{UNKNOWN}",
        "/occurrences/1/members",
        "/occurrences/1/evaluation",
        "/occurrences/0/evaluation",
    ],
)
async def test_what_is_not_there_is_not_found(program: ReadProgram, path: str) -> None:
    campaign = await program.campaign()
    await program.follow()
    answered = await program.get(f"/tiered-campaigns/{UNKNOWN}{path}")
    assert (answered.status_code, answered.json()["type"]) == (404, "/problems/not-found")
    for wrong in ("/occurrences/0/members", "/occurrences/4/members", "/occurrences/99999999999/evaluation"):
        assert (await program.get(f"/tiered-campaigns/{campaign}{wrong}")).status_code == 404
