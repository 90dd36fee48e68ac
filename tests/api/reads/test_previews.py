from functools import partial
from uuid import UUID

from application.tiered import commands as tiered_campaigns
from tests.api.reads.program import UNKNOWN, ReadProgram


async def test_a_preview_freezes_what_goes_on_beside_it(program: ReadProgram) -> None:
    campaign = await program.campaign()
    await program.buy("T-1", "M-1", "20")
    await program.buy("T-2", "M-2", "60.5", status="accepted", auto_accept_at=...)
    asked = await program.post(f"/tiered-campaigns/{campaign}/previews")
    preview, frozen_at = asked.json()["id"], str(program.head())
    await program.buy("T-3", "M-3", "1")
    await program.follow()
    path = f"/tiered-campaigns/{campaign}/previews/{preview}"
    running = await program.shown(path)
    assert running == {
        "id": preview,
        "tiered_campaign": campaign,
        "status": "running",
        "reason": None,
        "position": frozen_at,
        "requested_at": "2026-09-10T12:00:00Z",
        "scheduled_for": None,
        "finished_at": None,
        "progress": {"done": 0, "total": 2},
        "occurrences": [
            {
                "occurrence": 1,
                "members": 2,
                "participants": 2,
                "pending_points": "1410",
                "award_points": "1210",
                "live_members": 3,
                "live_pending_points": "1420",
            }
        ],
    }
    await program.writer.submit(partial(tiered_campaigns.finish_preview, preview_id=UUID(preview), figures=()))
    await program.follow()
    finished = await program.shown(path)
    assert (finished["status"], finished["progress"]) == ("finished", {"done": 2, "total": 2})
    assert await program.listed(f"/tiered-campaigns/{campaign}/previews") == [finished]


async def test_a_failed_preview_says_why(program: ReadProgram) -> None:
    campaign = await program.campaign()
    asked = await program.post(f"/tiered-campaigns/{campaign}/previews")
    preview = asked.json()["id"]
    fail = partial(tiered_campaigns.fail_preview, preview_id=UUID(preview), reason="the disk is full")
    await program.writer.submit(fail)
    await program.follow()
    (listed,) = await program.listed(f"/tiered-campaigns/{campaign}/previews", status="failed")
    assert (listed["id"], listed["reason"]) == (preview, "the disk is full")


async def test_previews_come_newest_first(program: ReadProgram) -> None:
    campaign = await program.campaign()
    made = [await program.preview(campaign) for _ in range(3)]
    path = f"/tiered-campaigns/{campaign}/previews"
    assert [row["id"] for row in await program.listed(path, limit="1")] == made[::-1]
    assert [row["id"] for row in await program.listed(path, limit="2", sort="requested_at")] == made


async def test_members_of_a_preview_have_their_breakdown(program: ReadProgram) -> None:
    campaign = await program.campaign(bracketed=True)
    await program.buy("T-1", "M-1", "20")
    await program.buy("T-2", "M-2", "60.5")
    preview = await program.preview(campaign)
    await program.buy("T-3", "M-2", "1")
    await program.follow()
    first, second = await program.listed(f"/tiered-campaigns/{campaign}/previews/{preview}/members", limit="1")
    assert (first["member"], first["pending_points"]) == ("M-1", "200")
    assert second == {
        "member": "M-2",
        "occurrence": 1,
        "total": "60.5",
        "confirmed": "0",
        "pending_points": "710",
        "award_points": "0",
        "breakdown": {
            "aggregate": "60.5",
            "lines": [
                {"tier": 1, "basis": "50", "rate": "10", "points": "500"},
                {"tier": 2, "basis": "10.5", "rate": "20", "points": "210"},
            ],
            "unrounded": "710",
            "points": "710",
        },
    }


async def test_two_previews_are_compared_down_to_the_facts(program: ReadProgram) -> None:
    campaign = await program.campaign()
    await program.buy("T-1", "M-1", "20")
    await program.buy("T-2", "M-2", "10")
    earlier = await program.preview(campaign)
    await program.buy("T-3", "M-1", "5")
    await program.post("/transactions/T-1/reject")
    rejected = str(program.head())
    await program.buy("T-4", "M-3", "7")
    later = await program.preview(campaign)
    await program.buy("T-5", "M-1", "1000")
    await program.follow()
    path = f"/tiered-campaigns/{campaign}/previews/{earlier}/compare/{later}"
    one, same, new = await program.listed(path, limit="1")
    assert one["preview"] == {"total": "20", "pending_points": "200", "award_points": "0"}
    assert one["other"] == {"total": "5", "pending_points": "50", "award_points": "0"}
    assert one["difference"] == {"total": "-15", "pending_points": "-150", "award_points": "0"}
    assert [(fact["id"], fact["amount"], fact["total"], fact["pending_points_change"]) for fact in one["facts"]] == [
        ("T-3", "5", "25", "50"),
        ("T-1", "0", "5", "-200"),
    ]
    assert int(one["facts"][1]["position"]) <= int(rejected)
    assert (same["difference"]["total"], same["facts"], same["more_facts"]) == ("0", [], False)
    assert (new["member"], new["preview"], new["difference"]["pending_points"]) == ("M-3", None, "70")
    changed = await program.listed(path, changed="true")
    assert [row["member"] for row in changed] == ["M-1", "M-3"]
    back = await program.listed(f"/tiered-campaigns/{campaign}/previews/{later}/compare/{earlier}", member="M-1")
    assert [(row["difference"]["total"], len(row["facts"])) for row in back] == [("15", 2)]


async def test_a_preview_belongs_to_its_campaign(program: ReadProgram) -> None:
    campaign, another = await program.campaign(), await program.campaign(name="Another")
    preview = await program.preview(campaign)
    for path in ("", "/members", f"/compare/{preview}"):
        assert (await program.get(f"/tiered-campaigns/{another}/previews/{preview}{path}")).status_code == 404
    assert (await program.get(f"/tiered-campaigns/{campaign}/previews/{preview}/compare/{UNKNOWN}")).status_code == 404
