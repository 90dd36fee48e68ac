from tests.api.reads.program import ReadProgram

ACCEPTED = {"status": "accepted", "auto_accept_at": ...}


async def test_a_member_is_read_as_put(program: ReadProgram) -> None:
    await program.put("/lists/friends", {"name": "Friends"})
    await program.put("/lists/vip", {"name": "VIP"})
    await program.put("/members/M-2", {})
    put = await program.put("/members/M-1", {"tier": "gold", "attributes": {"age": 31.50}, "referrer": "M-2"})
    assert put.status_code == 200, put.text
    for code in ("vip", "friends"):
        await program.post(f"/lists/{code}/members", {"add": ["M-1"]})
    await program.follow()
    shown = await program.shown("/members/M-1")
    assert {**shown, "position": ""} == {
        "position": "",
        "id": "M-1",
        "tier": "gold",
        "attributes": {"age": "31.5"},
        "lists": ["vip", "friends"],
        "referrer": "M-2",
    }
    assert shown["position"] == str(program.positions.at)
    assert [row["id"] for row in await program.listed("/members", limit="1")] == ["M-1", "M-2"]
    assert [row["id"] for row in await program.listed("/members", limit="1", sort="registered_at")] == ["M-2", "M-1"]
    assert [row["id"] for row in await program.listed("/members", tier="gold")] == ["M-1"]
    assert [row["id"] for row in await program.listed("/members", referrer="M-2")] == ["M-1"]
    assert [row["id"] for row in await program.listed("/members", q="-2")] == ["M-2"]
    assert await program.listed("/members", **{"registered_at[gt]": "2026-09-10T12:00:00Z"}) == []


async def test_an_id_may_hold_a_slash(program: ReadProgram) -> None:
    await program.put("/members/a%2Fb", {})
    await program.follow()
    answered = await program.client.get("/v1/members/a%2Fb")
    assert (answered.status_code, answered.json()["id"]) == (200, "a/b")


async def test_who_is_on_a_list(program: ReadProgram) -> None:
    await program.put("/lists/friends", {"name": "Friends"})
    await program.post("/lists/friends/members", {"add": [f"M-{number}" for number in range(5)]})
    await program.post("/lists/friends/members", {"remove": ["M-3"]})
    await program.follow()
    rows = await program.listed("/lists/friends/members", limit="2")
    assert [row["member"] for row in rows] == ["M-0", "M-1", "M-2", "M-4"]
    assert rows[0]["joined_at"] == "2026-09-10T12:00:00Z"
    assert (await program.get("/lists/nobody/members")).status_code == 404


async def test_accounts_show_what_is_pending_and_awarded_and_why(program: ReadProgram) -> None:
    await program.put("/accounts/miles", {"name": "Miles", "unit": "mi", "decimals": 2})
    campaign = await program.campaign(late="correct")
    await program.buy("T-1", "M-1", "20", **ACCEPTED)
    await program.buy("T-2", "M-1", "3", purchased_at="2026-10-03T10:15:00Z")
    await program.evaluate(campaign, 1, "M-1", points="200")
    await program.buy("T-3", "M-1", "5", **ACCEPTED)
    await program.follow()
    miles, points = await program.listed("/members/M-1/accounts", limit="1")
    assert miles == {
        "account": "miles",
        "name": "Miles",
        "unit": "mi",
        "decimals": 2,
        "pending": "0.00",
        "awarded": "0.00",
        "pending_entries": [],
        "entries": [],
        "entries_total": 0,
    }
    assert (points["pending"], points["awarded"], points["entries_total"]) == ("30", "250", 2)
    assert points["pending_entries"] == [
        {"points": "30", "tiered_campaign": campaign, "occurrence": 2, "evaluation_at": "2026-11-07T23:00:00Z"}
    ]
    corrected, awarded = points["entries"]
    assert (corrected["kind"], corrected["points"], corrected["cause"], corrected["cause_id"]) == (
        "correction",
        "50",
        "transaction",
        "T-3",
    )
    assert (awarded["kind"], awarded["points"], awarded["cause"], awarded["occurrence"]) == (
        "tiered_award",
        "200",
        "evaluation",
        1,
    )
    decision = await program.shown(f"/decisions/{awarded['decision']}")
    assert decision["position"] == awarded["position"]


async def test_where_a_member_stands(program: ReadProgram) -> None:
    campaign = await program.campaign()
    await program.buy("T-1", "M-1", "20", **ACCEPTED)
    await program.buy("T-2", "M-1", "30.25")
    await program.buy("T-3", "M-1", "51", purchased_at="2026-10-03T10:15:00Z")
    await program.follow()
    later, first = await program.listed("/members/M-1/tiered-campaigns", limit="1")
    assert first == {
        "tiered_campaign": campaign,
        "name": "Autumn",
        "account": "points",
        "occurrence": 1,
        "starts_at": "2026-08-31T22:00:00Z",
        "ends_at": "2026-09-30T22:00:00Z",
        "evaluation_at": "2026-10-07T22:00:00Z",
        "status": "active",
        "total": "50.25",
        "confirmed": "20",
        "tier": 2,
        "next_tier": None,
        "points": "1005",
        "pending_points": "1005",
        "awarded_points": None,
        "late": False,
    }
    assert (later["occurrence"], later["status"], later["tier"]) == (2, "scheduled", 2)
    await program.evaluate(campaign, 1, "M-1", points="200")
    (row,) = await program.listed("/members/M-1/tiered-campaigns", status="completed")
    assert (row["points"], row["pending_points"], row["awarded_points"]) == ("200", "0", "200")
    assert (row["tier"], row["next_tier"]) == (1, {"tier": 2, "missing": "30.01"})


async def test_a_stranger_is_not_found(program: ReadProgram) -> None:
    for path in ("", "/accounts", "/tiered-campaigns", "/decisions", "/facts"):
        answered = await program.get(f"/members/nobody{path}")
        assert (answered.status_code, answered.json()["code"]) == (404, "not_found")
