import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from application.service.settings import load
from application.tiered import commands as tiered_campaigns
from tests.api.routes.program import Program, days, pointers, running, transaction_body

BAD_TRANSACTIONS: list[tuple[dict[str, Any], str]] = [
    ({"total": "NaN"}, "/total"),
    ({"total": "Infinity"}, "/total"),
    ({"total": "-1"}, "/total"),
    ({"total": "9" * 100_000}, "/total"),
    ({"total": "0." + "0" * 40 + "1"}, "/total"),
    ({"total": True}, "/total"),
    ({"total": None}, "/total"),
    ({"total": ...}, "/total"),
    ({"id": ""}, "/id"),
    ({"id": "x" * 101}, "/id"),
    ({"id": 7}, "/id"),
    ({"id": "a\u0000b"}, "/id"),
    ({"member": ...}, "/member"),
    ({"status": "rejected"}, "/status"),
    ({"purchased_at": "2026-09-03T10:15:00"}, "/purchased_at"),
    ({"purchased_at": "yesterday"}, "/purchased_at"),
    ({"purchased_at": "0001-01-01T00:00:00+14:00"}, "/purchased_at"),
    ({"purchased_at": "9999-12-31T23:59:59-12:00"}, "/purchased_at"),
    ({"currency": "euro"}, "/currency"),
    ({"currency": "eur"}, "/currency"),
    ({"items": {}}, "/items"),
    ({"items": [{"product": "A"}] * 1001}, "/items"),
    ({"items": [{"product": "A", "quantity": "0"}]}, "/items/0/quantity"),
    ({"items": [{"product": "A"}, {"product": "B", "price": "-1"}]}, "/items/1/price"),
    ({"items": [{"product": "A", "subtotal": "-0.01"}]}, "/items/0/subtotal"),
    ({"items": [{"product": "A", "color": "red"}]}, "/items/0/color"),
    ({"attributes": {"a": {"b": "c"}}}, "/attributes/a"),
    ({"attributes": {"a b": "c"}}, "/attributes/a b"),
    ({"attributes": {"a": None}}, "/attributes/a"),
    ({"attributes": {"a": "x" * 1001}}, "/attributes/a"),
    ({"attributes": {f"a{number}": "x" for number in range(101)}}, "/attributes"),
    ({"totl": "1"}, "/totl"),
    ({"accepted_at": "2026-09-03T10:20:00+02:00"}, "/accepted_at"),
    ({"status": "accepted", "accepted_at": "2026-09-03T10:20:00"}, "/accepted_at"),
]


async def test_a_transaction_is_recorded_with_what_it_causes(program: Program) -> None:
    campaign = await program.campaign()
    answered = await program.post("/transactions", transaction_body())
    assert answered.status_code == 201, answered.text
    assert answered.json() == {
        "position": str(program.head()),
        "id": "T-1001",
        "status": "pending",
        "member": "M-7",
        "outcomes": [
            {
                "kind": "contribution",
                "tiered_campaign": campaign,
                "occurrence": 1,
                "amount": "49.9",
                "total": "49.9",
                "pending_points": "499",
            }
        ],
    }
    assert answered.headers["laurel-position"] == answered.json()["position"]


async def test_what_did_not_count_says_why(program: Program) -> None:
    campaign = await program.campaign(filter={"expression": "transaction.total > 100"})
    answered = await program.post("/transactions", transaction_body())
    assert answered.json()["outcomes"] == [
        {"kind": "not_counted", "tiered_campaign": campaign, "reason": "filter_not_met", "occurrence": 1}
    ]


async def test_a_bad_transaction_is_refused_with_its_place(program: Program) -> None:
    head = program.head()
    for fields, pointer in BAD_TRANSACTIONS:
        assert list(pointers(await program.post("/transactions", transaction_body(**fields)))) == [pointer]
    assert program.head() == head


async def test_the_first_and_last_years_are_taken(program: Program) -> None:
    await program.campaign(filter={"expression": "month(transaction.purchased_at) == 1"}, time_zone="Pacific/Apia")
    for instant in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        body = transaction_body(id=instant, purchased_at=instant, checkout_at=instant, auto_accept_at=instant)
        assert (await program.post("/transactions", body)).status_code == 201


async def test_a_repeat_is_answered_what_it_was_answered_first(program: Program) -> None:
    await program.campaign()
    await program.campaign(name="Another")
    first = await program.post("/transactions", transaction_body())
    await program.post("/transactions", transaction_body(id="T-2"))
    await program.post("/transactions/T-1001/accept")
    head = program.head()
    same = transaction_body(total="49.9", purchased_at="2026-09-03T08:15:00Z")
    again = await program.post("/transactions", same)
    assert (again.status_code, again.json()) == (200, first.json())
    assert again.headers["laurel-position"] == first.json()["position"]
    assert program.head() == head


async def test_the_last_fact_of_the_log_repeats_too(program: Program) -> None:
    first = await program.post("/transactions", transaction_body())
    again = await program.post("/transactions", transaction_body())
    assert (again.status_code, again.json()) == (200, first.json())


async def test_another_body_under_the_same_id_is_a_conflict(program: Program) -> None:
    await program.post("/transactions", transaction_body())
    head = program.head()
    others: list[dict[str, Any]] = [{"total": "50"}, {"status": "accepted"}, {"member": "M-8"}, {"items": []}]
    for fields in others:
        answered = await program.post("/transactions", transaction_body(**fields))
        assert (answered.status_code, answered.json()["code"]) == (409, "repeated_with_another_body")
    assert program.head() == head


async def test_twins_are_recorded_once(program: Program) -> None:
    await program.campaign()
    async with running(program.conninfo) as other:
        answers = await asyncio.gather(
            *[each.post("/transactions", transaction_body()) for each in (program, other) for _ in range(10)]
        )
    assert sorted(answered.status_code for answered in answers) == [200] * 19 + [201]
    assert len({answered.text for answered in answers}) == 1


async def test_an_event_is_checked_against_its_type(program: Program) -> None:
    workout = {"label": "Workout", "attributes": {"minutes": "number", "indoors": "boolean", "ended": "timestamp"}}
    assert (await program.put("/event-types/workout", workout)).status_code == 200
    body = {"id": "E-1", "type": "workout", "member": "M-7", "occurred_at": "2026-09-03T10:15:00Z"}
    bad = {"minutes": "many", "indoors": "yes", "ended": "now", "pace": "5"}
    head = program.head()
    refused = pointers(await program.post("/events", {**body, "attributes": bad}))
    assert list(refused) == [f"/attributes/{name}" for name in bad]
    assert list(pointers(await program.post("/events", {**body, "type": "swim"}))) == ["/type"]
    assert program.head() == head
    attributes = {"minutes": 35.5, "indoors": True, "ended": "2026-09-03T11:15:00Z"}
    good = {**body, "attributes": attributes}
    first = await program.post("/events", good)
    assert (first.status_code, first.json()["status"]) == (201, "accepted")
    again = await program.post("/events", {**good, "attributes": {**attributes, "minutes": "35.5"}})
    assert (again.status_code, again.json()) == (200, first.json())
    other = await program.post("/events", {**good, "date": "2026-09-04T10:15:00Z"})
    assert (other.status_code, other.json()["code"]) == (409, "repeated_with_another_body")


async def test_an_inactive_event_type_takes_no_events(program: Program) -> None:
    await program.put("/event-types/workout", {"active": False})
    body = {"id": "E-1", "type": "workout", "member": "M-7", "occurred_at": "2026-09-03T10:15:00Z"}
    answered = await program.post("/events", body)
    assert (answered.status_code, answered.json()["code"]) == (409, "event_type_inactive")


async def test_unknown_members_can_be_refused(database: str) -> None:
    settings = load({"register_unknown_members": "no"}, {}).settings
    async with running(database, settings) as program:
        answered = await program.post("/transactions", transaction_body())
        assert (answered.status_code, answered.json()["code"]) == (404, "unknown_member")
        await program.put("/members/M-7", {})
        assert (await program.post("/transactions", transaction_body())).status_code == 201


async def test_the_lifecycle(program: Program) -> None:
    await program.campaign()
    await program.post("/transactions", transaction_body())
    updated = await program.post("/transactions/T-1001/update", {"total": "30", "items": []})
    assert (updated.status_code, updated.json()["status"]) == (200, "pending")
    assert updated.json()["outcomes"][0]["total"] == "30"
    accepted = await program.post("/transactions/T-1001/accept")
    assert (accepted.status_code, accepted.json()["status"]) == (200, "accepted")
    assert accepted.json()["position"] == str(program.head())
    part = await program.post("/transactions/T-1001/refund", {"amount": "10"})
    assert (part.json()["status"], part.json()["outcomes"][0]["pending_points"]) == ("accepted", "200")
    rest = await program.post("/transactions/T-1001/refund")
    assert (rest.json()["status"], rest.json()["outcomes"][0]["total"]) == ("refunded", "0")


async def test_a_rejection(program: Program) -> None:
    await program.post("/transactions", transaction_body())
    rejected = await program.post("/transactions/T-1001/reject", {"reason": "fraud"})
    assert (rejected.status_code, rejected.json()["status"]) == (200, "rejected")


async def test_items_are_refunded_at_what_they_cost(program: Program) -> None:
    await program.campaign()
    await program.post("/transactions", transaction_body(status="accepted"))
    items = [{"product": "SKU-1", "quantity": "1"}]
    answered = await program.post("/transactions/T-1001/refund", {"items": items})
    assert answered.json()["outcomes"][0]["amount"] == "29.9"
    too_many = await program.post("/transactions/T-1001/refund", {"items": [{"product": "SKU-1", "quantity": "2"}]})
    assert list(pointers(too_many)) == ["/items/0/quantity"]


async def test_every_item_of_a_discounted_order_can_be_returned(program: Program) -> None:
    await program.campaign()
    lines = [{"product": sku, "quantity": "1", "price": "30"} for sku in ("A", "B")]
    await program.post("/transactions", transaction_body(status="accepted", total="45", items=lines))
    for sku, status, left in (("A", "accepted", "22.5"), ("B", "refunded", "0")):
        items = [{"product": sku, "quantity": "1"}]
        answered = await program.post("/transactions/T-1001/refund", {"items": items})
        assert answered.status_code == 200, answered.text
        total = Decimal(answered.json()["outcomes"][0]["total"])
        assert (answered.json()["status"], total) == (status, Decimal(left))


async def test_an_attribute_falls_with_the_total_or_as_the_refund_says(program: Program) -> None:
    await program.campaign(aggregate={"attribute": "attributes.net"})
    body = transaction_body(status="accepted", total="121", attributes={"net": "100"})
    await program.post("/transactions", body)
    stated = {"refund_id": "R-1", "amount": "60.5", "attributes": {"net": 60}}
    answers = [await program.post("/transactions/T-1001/refund", refund) for refund in (stated, {"amount": "30.25"})]
    assert [Decimal(answer.json()["outcomes"][0]["amount"]) for answer in answers] == [60, 30]
    again = await program.post("/transactions/T-1001/refund", stated)
    assert (again.status_code, again.json()) == (200, answers[0].json())
    other = await program.post("/transactions/T-1001/refund", {**stated, "attributes": {"net": "61"}})
    assert (other.status_code, other.json()["code"]) == (409, "repeated_with_another_body")
    bad = {"amount": "1", "attributes": {"net": "60.01", "tax": "1"}}
    assert pointers(await program.post("/transactions/T-1001/refund", bad)) == {
        "/attributes/net": "must be a number from 0 to 60",
        "/attributes/tax": "the transaction has no numeric attribute `tax`",
    }


CHANGES = {"pending": ("update", "accept", "reject"), "accepted": ("refund",), "rejected": (), "refunded": ()}


@pytest.mark.parametrize("joins", [True, False])
async def test_a_fact_that_changes_asks_about_the_member_there_was(program: Program, *, joins: bool) -> None:
    await program.put("/lists/vip", {"name": "VIP"})
    await program.put("/members/M-7", {"tier": "gold"})
    now, then = ("add", "remove") if joins else ("remove", "add")
    await program.post("/lists/vip/members", {then: ["M-7"]})
    campaign = await program.campaign(audience={"segments": [], "lists": ["vip"]})
    await program.post("/transactions", transaction_body())
    await program.post("/lists/vip/members", {now: ["M-7"]})
    updated = await program.post("/transactions/T-1001/update", {"total": "30"})
    (outcome,) = updated.json()["outcomes"]
    assert outcome["tiered_campaign"] == campaign
    assert outcome.get("reason", outcome.get("amount")) == ("not_in_audience" if joins else "30")
    accepted = await program.post("/transactions/T-1001/accept")
    assert [outcome["amount"] for outcome in accepted.json()["outcomes"]] == ([] if joins else ["30"])


async def test_what_came_while_a_campaign_was_paused_never_counts(program: Program) -> None:
    campaign = await program.campaign()
    await program.post(f"/tiered-campaigns/{campaign}/deactivate")
    await program.post("/transactions", transaction_body())
    await program.post(f"/tiered-campaigns/{campaign}/activate")
    updated = await program.post("/transactions/T-1001/update", {})
    assert [outcome["reason"] for outcome in updated.json()["outcomes"]] == ["campaign_inactive"]
    accepted = await program.post("/transactions/T-1001/accept")
    assert accepted.json()["outcomes"] == []


@pytest.mark.parametrize(("status", "allowed"), CHANGES.items())
async def test_what_a_status_does_not_allow_is_refused(program: Program, status: str, allowed: tuple[str, ...]) -> None:
    arrives = "pending" if status in ("pending", "rejected") else "accepted"
    for change in ("update", "accept", "reject", "refund"):
        await program.post("/transactions", transaction_body(id=change, status=arrives))
        if status in ("rejected", "refunded"):
            await program.post(f"/transactions/{change}/{status.removesuffix('ed')}")
        head = program.head()
        answered = await program.post(f"/transactions/{change}/{change}", {})
        if change in allowed:
            assert answered.status_code == 200
        else:
            assert (answered.status_code, answered.json()["code"]) == (409, "wrong_status")
            assert program.head() == head


async def test_an_unknown_transaction_is_not_found(program: Program) -> None:
    for change in ("update", "accept", "reject", "refund"):
        assert (await program.post(f"/transactions/T-404/{change}", {})).status_code == 404


BAD_CHANGES: list[tuple[str, dict[str, Any], str]] = [
    ("update", {"total": "-1"}, "/total"),
    ("update", {"auto_accept_at": "2026-09-18T00:00:00Z"}, "/auto_accept_at"),
    ("update", {"member": "M-8"}, "/member"),
    ("update", {"status": "accepted"}, "/status"),
    ("update", {"items": [{"product": "A", "quantity": "-1"}]}, "/items/0/quantity"),
    ("accept", {"at": "now"}, "/at"),
    ("reject", {"reason": 7}, "/reason"),
    ("reject", {"reason": "x" * 4001}, "/reason"),
    ("refund", {"amount": "0"}, "/amount"),
    ("refund", {"amount": "NaN"}, "/amount"),
    ("refund", {"attributes": {"net": "1"}}, "/attributes"),
    ("refund", {"amount": "1", "attributes": {"net": {}}}, "/attributes/net"),
    ("refund", {"items": [{"product": "SKU-1", "quantity": "0"}]}, "/items/0/quantity"),
]


async def test_a_bad_change_is_refused_with_its_place(program: Program) -> None:
    await program.post("/transactions", transaction_body())
    head = program.head()
    for change, body, pointer in BAD_CHANGES:
        assert list(pointers(await program.post(f"/transactions/T-1001/{change}", body))) == [pointer]
    assert program.head() == head


async def test_a_refund_too_large_is_refused(program: Program) -> None:
    await program.post("/transactions", transaction_body(status="accepted"))
    await program.post("/transactions/T-1001/refund", {"amount": "40"})
    head = program.head()
    answered = await program.post("/transactions/T-1001/refund", {"amount": "9.91"})
    assert (answered.status_code, answered.json()["code"]) == (409, "refund_too_large")
    assert program.head() == head
    unknown = await program.post("/transactions/T-1001/refund", {"items": [{"product": "X", "quantity": "1"}]})
    assert list(pointers(unknown)) == ["/items/0/product"]


async def test_a_refund_with_an_id_is_carried_out_once(program: Program) -> None:
    await program.campaign()
    await program.post("/transactions", transaction_body(status="accepted"))
    first = await program.post("/transactions/T-1001/refund", {"refund_id": "R-1", "amount": "10"})
    await program.post("/transactions/T-1001/refund", {"refund_id": "R-2", "amount": "10"})
    again = await program.post("/transactions/T-1001/refund", {"refund_id": "R-1", "amount": "10.00"})
    assert (again.status_code, again.json()) == (200, first.json())
    other = await program.post("/transactions/T-1001/refund", {"refund_id": "R-1", "amount": "11"})
    assert (other.status_code, other.json()["code"]) == (409, "repeated_with_another_body")
    everything = await program.post("/transactions/T-1001/refund", {"refund_id": "R-1"})
    assert everything.status_code == 409


async def test_a_change_with_a_key_is_carried_out_once(program: Program) -> None:
    await program.campaign()
    await program.post("/transactions", transaction_body(status="accepted"))
    first = await program.post("/transactions/T-1001/refund", {"amount": "10"}, idempotency_key="k-1")
    head = program.head()
    again = await program.post("/transactions/T-1001/refund", {"amount": "10"}, idempotency_key="k-1")
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["laurel-position"] == first.json()["position"]
    other = await program.post("/transactions/T-1001/refund", {"amount": "11"}, idempotency_key="k-1")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert program.head() == head


async def test_a_fact_after_the_evaluation_began_says_so(program: Program) -> None:
    campaign = await program.campaign()
    program.clock.at += days(60)
    await program.writer.submit(lambda working: tiered_campaigns.start_evaluation(working, UUID(campaign), 1))
    answered = await program.post("/transactions", transaction_body())
    assert answered.json()["outcomes"][0]["reason"] == "occurrence_completed"
