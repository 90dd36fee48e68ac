from tests.api.reads.program import ReadProgram
from tests.api.routes.program import transaction_body


async def test_a_transaction_is_shown_with_all_that_became_of_it(program: ReadProgram) -> None:
    campaign = await program.campaign()
    await program.post("/transactions", transaction_body())
    await program.post("/transactions/T-1001/accept")
    refunded = await program.post(
        "/transactions/T-1001/refund", {"refund_id": "R-1", "items": [{"product": "SKU-1", "quantity": "1"}]}
    )
    assert refunded.status_code == 200, refunded.text
    await program.follow()
    shown = await program.shown("/transactions/T-1001")
    assert {**shown, "position": ""} == {
        "kind": "transaction",
        "position": "",
        "id": "T-1001",
        "member": "M-7",
        "status": "accepted",
        "purchased_at": "2026-09-03T08:15:00Z",
        "checkout_at": None,
        "auto_accept_at": "2026-09-16T22:00:00Z",
        "accepted_at": None,
        "total": "49.9",
        "refunded": "20",
        "currency": "EUR",
        "items": [
            {"product": "SKU-1", "quantity": "2", "price": "20", "subtotal": "40", "attributes": {}},
            {"product": "SKU-2", "quantity": "1", "price": "9.9", "subtotal": "9.9", "attributes": {}},
        ],
        "attributes": {"channel": "web"},
        "refunds": [
            {
                "refund_id": "R-1",
                "amount": "20",
                "items": [{"product": "SKU-1", "quantity": "1"}],
                "attributes": {},
            }
        ],
        "contributions": [{"tiered_campaign": campaign, "occurrence": 1, "amount": "29.9", "confirmed": True}],
        "memberships": [],
        "outcomes": refunded.json()["outcomes"],
        "recorded_at": "2026-09-10T12:00:00Z",
        "updated_at": "2026-09-10T12:00:00Z",
    }
    assert await program.listed("/transactions") == [shown]


async def test_a_transaction_that_came_accepted_shows_when_it_was(program: ReadProgram) -> None:
    body = transaction_body(status="accepted", auto_accept_at=..., accepted_at="2026-09-03T10:20:00+02:00")
    answered = await program.post("/transactions", body)
    assert answered.status_code == 201, answered.text
    assert (await program.post("/transactions", body)).json() == answered.json()
    other = await program.post("/transactions", {**body, "accepted_at": "2026-09-03T10:21:00+02:00"})
    assert (other.status_code, other.json()["code"]) == (409, "repeated_with_another_body")
    await program.follow()
    shown = await program.shown("/transactions/T-1001")
    assert (shown["status"], shown["accepted_at"]) == ("accepted", "2026-09-03T08:20:00Z")


async def test_an_event_is_shown_with_what_it_did(program: ReadProgram) -> None:
    await program.put("/event-types/workout", {"attributes": {"minutes": "number"}})
    event = {"id": "E-1", "type": "workout", "member": "M-7", "occurred_at": "2026-09-03T10:15:00Z"}
    answered = await program.post("/events", {**event, "attributes": {"minutes": 35}})
    await program.follow()
    shown = await program.shown("/events/E-1")
    assert {**shown, "position": ""} == {
        **event,
        "position": "",
        "kind": "event",
        "status": "accepted",
        "date": None,
        "expires_at": None,
        "attributes": {"minutes": "35"},
        "contributions": [],
        "memberships": [],
        "outcomes": answered.json()["outcomes"],
        "recorded_at": "2026-09-10T12:00:00Z",
    }
    assert await program.listed("/events", type="workout") == [shown]
    assert await program.listed("/events", type="swim") == []


async def test_facts_come_in_the_order_they_were_recorded(program: ReadProgram) -> None:
    await program.put("/event-types/workout", {"attributes": {}})
    await program.buy("T-1", "M-1", "5", purchased_at="2026-09-09T00:00:00Z")
    await program.buy("T-2", "M-2", "15.5")
    await program.post(
        "/events", {"id": "T-1", "type": "workout", "member": "M-1", "occurred_at": "2026-09-03T10:15:00Z"}
    )
    await program.buy("T-3", "M-1", "25")
    await program.post("/transactions/T-3/reject")
    await program.follow()

    async def ids(path: str, **asked: str) -> list[str]:
        return [row["id"] for row in await program.listed(path, limit="1", **asked)]

    assert await ids("/transactions") == ["T-3", "T-2", "T-1"]
    assert await ids("/transactions", sort="recorded_at") == ["T-1", "T-2", "T-3"]
    assert await ids("/transactions", member="M-1") == ["T-3", "T-1"]
    assert await ids("/transactions", status="rejected") == ["T-3"]
    assert await ids("/transactions", **{"total[gte]": "15.50"}) == ["T-3", "T-2"]
    assert await ids("/transactions", **{"purchased_at[gte]": "2026-09-09T02:00:00+02:00"}) == ["T-1"]
    assert await ids("/transactions", **{"recorded_at[gt]": "2026-09-10T12:00:00Z"}) == []
    facts = await program.listed("/members/M-1/facts", limit="2")
    assert [(row["kind"], row["id"]) for row in facts] == [
        ("transaction", "T-3"),
        ("event", "T-1"),
        ("transaction", "T-1"),
    ]
    assert [row["kind"] for row in await program.listed("/members/M-1/facts", kind="event")] == ["event"]
    for status in ("pending", "accepted", "refunded"):
        expected = [fact for fact in facts if fact["status"] == status]
        assert await program.listed("/members/M-1/facts", status=status) == expected


async def test_a_fact_that_never_came_is_not_found(program: ReadProgram) -> None:
    for path in ("/transactions/T-9", "/events/E-9"):
        answered = await program.get(path)
        assert (answered.status_code, answered.json()["type"]) == (404, "/problems/not-found")


async def test_the_order_is_that_of_numbers_and_not_of_their_digits(program: ReadProgram) -> None:
    ids = [f"T-{number}" for number in range(15)]
    for each in ids:
        await program.buy(each, each, "1")
    await program.follow()
    listed = await program.listed("/transactions", sort="recorded_at", limit="4")
    assert [row["id"] for row in listed] == ids
    members = await program.listed("/members", sort="-registered_at", limit="4")
    assert [row["id"] for row in members] == ids[::-1]
