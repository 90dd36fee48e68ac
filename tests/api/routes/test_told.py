"""What a fact is told: of which definitions, and why it counted less than somebody may expect."""

from typing import Any

from tests.api.routes.program import Program, campaign_body, days, transaction_body

ACCEPTED = {"status": "accepted", "auto_accept_at": ...}


async def told(program: Program, number: int, **fields: Any) -> list[dict[str, Any]]:
    answered = await program.post("/transactions", transaction_body(id=f"T-{number}", **{**ACCEPTED, **fields}))
    assert answered.status_code == 201, answered.text
    outcomes: list[dict[str, Any]] = answered.json()["outcomes"]
    return outcomes


async def test_a_fact_is_not_told_of_campaigns_that_were_never_activated(program: Program) -> None:
    for number in range(40):
        assert (await program.post("/tiered-campaigns", campaign_body(name=f"Saved {number}"))).status_code == 201
    assert await told(program, 1) == []


async def test_a_line_without_price_is_told(program: Program) -> None:
    await program.put("/products/SKU-1", {})
    campaign = await program.campaign(products=["SKU-1"])
    line = {"tiered_campaign": campaign, "occurrence": 1, "kind": "not_counted", "reason": "no_price"}
    assert await told(program, 1, items=[{"product": "SKU-1", "quantity": "2"}]) == [line]
    priced = {"product": "SKU-1", "price": "7"}
    counted, beside = await told(program, 2, items=[priced, {"product": "SKU-1"}])
    assert (counted["kind"], counted["amount"]) == ("contribution", "7")
    assert beside == {**line, "detail": "1 of 2 lines have neither price nor subtotal, the first is line 2"}


async def test_a_late_file_corrects_upwards(program: Program) -> None:
    """Also at the end of an occurrence: what it holds was accepted in time."""
    await program.campaign(confirmation="occurrence_end", late="correct")
    program.clock.at += days(21)
    (counted,) = await told(program, 1, total="20")
    assert (counted["kind"], counted["pending_points"]) == ("contribution", "200")
    (refused,) = await told(program, 2, accepted_at="2026-10-01T00:00:00+02:00")
    assert (refused["kind"], refused["reason"]) == ("not_counted", "confirmed_too_late")
    (in_time,) = await told(program, 3, total="1", accepted_at="2026-09-30T23:59:59+02:00")
    assert (in_time["kind"], in_time["total"]) == ("contribution", "21")
