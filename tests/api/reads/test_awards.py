"""What campaigns decide is answered with the fact that led to it, where that is asked for, and can be cancelled."""

import asyncio
from contextlib import suppress
from typing import Any

import httpx
import pytest
from msgspec import structs

from api.server.wiring import in_background
from tests.api.reads.program import UNKNOWN, ReadProgram
from tests.api.routes.program import achievement_body, goal_body, transaction_body

ANY_PURCHASE = goal_body(conditions=None, goal="1")


async def rewarding(program: ReadProgram, units: str = "100", *, effects: Any = (), **fields: Any) -> str:
    """The id of an active campaign on an achievement that each purchase completes."""
    goal = await program.post("/achievements", achievement_body(rules=[ANY_PURCHASE], limit=None, active=True))
    assert goal.status_code == 201, goal.text
    body = {
        "name": "Prize",
        "achievement": goal.json()["id"],
        "starts_at": "2026-06-01T00:00:00Z",
        "rules": [{"name": "Pay", "effects": [{"kind": "give_units", "account": "points", "units": units}, *effects]}],
        **fields,
    }
    made = await program.post("/campaigns", body)
    assert made.status_code == 201, made.text
    activated = await program.post(f"/campaigns/{made.json()['id']}/activate")
    assert activated.status_code == 200, activated.text
    return str(made.json()["id"])


def bought(number: int, **fields: Any) -> dict[str, Any]:
    return transaction_body(**{"id": f"T-{number}", "status": "accepted", "auto_accept_at": ..., **fields})


async def granted(program: ReadProgram, number: int = 1) -> Any:
    """The decision that a purchase led to."""
    assert (await program.post("/transactions", bought(number))).status_code == 201
    await program.decide()
    await program.follow()
    return (await program.shown("/decisions"))["data"][0]


async def meanwhile(program: ReadProgram, asked: Any) -> httpx.Response:
    """What is asked for, while campaigns decide and projections follow."""

    async def following() -> None:
        while True:
            await program.follow()
            await asyncio.sleep(0.01)

    async with program.deciding(), in_background(following(), "following"):
        answer: httpx.Response = await asked
        return answer


class Patient:
    """Positions that are waited for."""

    def __init__(self, program: ReadProgram) -> None:
        self._program = program

    def reached(self, *_: str) -> int:
        return self._program.positions.at

    async def wait_for(self, position: int, seconds: float, /, *_: str) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.reached() < position:  # noqa: ASYNC110  a task beside it follows
                    await asyncio.sleep(0.01)
        return self.reached() >= position


@pytest.fixture
def patient(program: ReadProgram) -> ReadProgram:
    program.services.positions = Patient(program)
    return program


async def test_a_fact_answers_its_awards_when_that_is_preferred(patient: ReadProgram) -> None:
    at = await rewarding(patient, "2 * transaction.total")
    answer = await meanwhile(patient, patient.post("/transactions", bought(1), prefer="wait=9"))
    assert answer.status_code == 201
    assert answer.headers["preference-applied"] == "wait=9"
    (award,) = answer.json()["awards"]
    assert (award["campaign"], award["outcome"], award["member"]) == (at, "granted", "M-7")
    assert award["rules"][0]["effects"][0]["units"] == "100"
    (shown,) = await patient.listed("/decisions")
    assert shown == award
    again = await meanwhile(patient, patient.post("/transactions", bought(1), prefer="respond-async, wait=99"))
    assert (again.status_code, again.json()["awards"]) == (200, [award])
    assert again.headers["preference-applied"] == "wait=10"
    without = await patient.post("/transactions", bought(1))
    assert "awards" not in without.json()
    assert "preference-applied" not in without.headers


async def test_every_way_to_send_a_fact_can_wait(patient: ReadProgram) -> None:
    await rewarding(patient)
    for number in (1, 2, 3):
        await patient.post("/transactions", transaction_body(id=f"T-{number}"))
    accepted = await meanwhile(patient, patient.post("/transactions/T-1/accept", {}, prefer="wait=9"))
    assert [award["trigger"]["id"] for award in accepted.json()["awards"]] == ["T-1"]
    assert list(accepted.json())[:2] == ["position", "id"]
    for change, body in (("reject", {}), ("update", {"total": "1", "purchased_at": "2026-09-03T10:15:00Z"})):
        answer = await meanwhile(patient, patient.post("/transactions/T-2/" + change, body, prefer="wait=9"))
        if answer.status_code == 200:
            assert answer.json()["awards"] == []
    refunded = await meanwhile(
        patient, patient.post("/transactions/T-1/refund", {"refund_id": "R-1"}, prefer="wait=9", idempotency_key="k")
    )
    assert refunded.json()["awards"] == [], "the purchase's awards are not the refund's"
    same = {"refund_id": "R-1"}
    repeated = await meanwhile(patient, patient.post("/transactions/T-1/refund", same, prefer="wait=9"))
    assert repeated.json()["awards"] == []
    again = await meanwhile(patient, patient.post("/transactions", transaction_body(id="T-1"), prefer="wait=9"))
    assert (again.status_code, again.json()["awards"]) == (200, []), "it was pending, and led to nothing yet"
    batch = {"facts": [{"transaction": bought(8)}, {"accept": {"id": "T-3"}}, {"accept": {"id": "T-9"}}]}
    answer = await meanwhile(patient, patient.post("/batch", batch, prefer="wait=9"))
    assert [result["status"] for result in answer.json()["results"]] == [201, 200, 404]
    assert [award["trigger"]["id"] for award in answer.json()["awards"]] == ["T-8", "T-3"]


async def test_a_read_waits_for_decisions_where_that_is_asked_for(patient: ReadProgram) -> None:
    await rewarding(patient)
    position = (await patient.post("/transactions", bought(1))).json()["position"]
    bad = await patient.get("/decisions", after=position, decided="perhaps")
    assert (bad.status_code, bad.json()["errors"][0]["parameter"]) == (422, "decided")
    shown = await meanwhile(patient, patient.get("/decisions", after=position, decided="true"))
    assert [each["trigger"]["id"] for each in shown.json()["data"]] == ["T-1"]
    assert int(shown.json()["position"]) > int(position)


async def test_a_read_does_not_wait_for_ever_for_decisions(patient: ReadProgram) -> None:
    patient.services.settings = structs.replace(patient.services.settings, read_wait_seconds=0.05)
    await rewarding(patient)
    position = (await patient.post("/transactions", bought(1))).json()["position"]
    late = await patient.get("/decisions", after=position, decided="true")
    assert (late.status_code, late.json()["code"], late.headers["retry-after"]) == (503, "behind", "1")


async def test_awards_that_are_not_there_in_time_are_null(patient: ReadProgram) -> None:
    await rewarding(patient)
    answer = await patient.post("/transactions", bought(1), prefer="wait=0")
    assert (answer.status_code, answer.json()["awards"]) == (201, None)
    assert answer.headers["preference-applied"] == "wait=0"


async def test_waits_as_long_as_can_be_where_it_is_not_said_how_long(patient: ReadProgram) -> None:
    for number, preference in enumerate(("wait", "respond-async, Wait ; x=1")):
        answer = await meanwhile(patient, patient.post("/transactions", bought(number), prefer=preference))
        assert answer.headers["preference-applied"] == "wait=10"
        assert answer.json()["awards"] == []


async def test_preferences_that_make_no_sense_are_ignored(program: ReadProgram) -> None:
    for number, preference in enumerate(("waiting", "wait=x", "wait=", "wait=-1", "await=3", "wait=1.5", "")):
        answer = await program.post("/transactions", bought(number), prefer=preference)
        assert answer.status_code == 201
        assert "awards" not in answer.json()
        assert "preference-applied" not in answer.headers


async def test_cancelling_takes_back_what_was_granted(program: ReadProgram) -> None:
    await program.put("/rewards/mug", {"stock": 1})
    await program.put("/coupons/spring", {})
    await program.post("/coupons/spring/codes", {"codes": ["A"]})
    effects = [{"kind": "give_reward", "reward": "mug"}, {"kind": "issue_coupon", "coupon": "spring"}]
    at = await rewarding(program, effects=effects, limits={"total_units": {"value": "100"}})
    decision = await granted(program)
    answer = await cancel(program, decision["id"], idempotency_key="k")
    assert answer.status_code == 200, answer.text
    cancellation = answer.json()
    assert cancellation == {
        "position": answer.headers["laurel-position"],
        "id": cancellation["id"],
        "decision": decision["id"],
        "campaign": at,
        "member": "M-7",
        "units_returned": "100",
        "reason": "by mistake",
    }
    same = await cancel(program, decision["id"], idempotency_key="k")
    assert same.json() == cancellation
    await program.follow()
    shown = await program.shown(f"/decisions/{cancellation['id']}")
    assert (shown["kind"], shown["cancels"]) == ("cancellation", decision["id"])
    assert (await program.shown("/members/M-7/accounts"))["data"][0]["awarded"] == "0"
    again = await granted(program, 2)
    # the mug is there again, the code is not
    assert [(effect["kind"], effect["reason"]) for effect in again["rules"][0]["effects"]] == [
        ("give_units", None),
        ("give_reward", None),
        ("issue_coupon", "coupon_pool_empty"),
    ]


async def cancel(program: ReadProgram, decision: str, **headers: Any) -> httpx.Response:
    asked = program.post(f"/decisions/{decision}/cancel", {"reason": "by mistake"}, **headers)
    return await meanwhile(program, asked)


async def test_a_cancellation_whose_turn_does_not_come_is_recorded_all_the_same(
    program: ReadProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rewarding(program)
    decision = await granted(program)
    with monkeypatch.context() as patched:
        patched.setattr("api.routes.decisions.commands.TURN_SECONDS", 0.05)
        path, reason = f"/decisions/{decision['id']}/cancel", {"reason": "by mistake"}
        late = await program.post(path, reason, idempotency_key="k")
        assert (late.status_code, "retry-after" in late.headers) == (503, True), late.text
    same = await cancel(program, decision["id"], idempotency_key="k")
    assert same.status_code == 200
    await program.follow()
    shown = await program.shown(f"/decisions/{same.json()['id']}")
    assert (shown["cancels"], shown["member"]) == (decision["id"], "M-7")


async def test_only_grants_can_be_cancelled_and_once(program: ReadProgram) -> None:
    reason = {"reason": "by mistake"}
    assert (await program.post(f"/decisions/{UNKNOWN}/cancel", reason)).status_code == 404
    await rewarding(program, limits={"member_executions": {"value": 1}})
    grant = await granted(program, 1)
    refusal = await granted(program, 2)
    assert (grant["outcome"], refusal["outcome"]) == ("granted", "refused")
    head = program.head()
    for bad in ({}, {"reason": ""}, {"reason": " \n"}, {"reason": "x" * 501}, {"reason": "x", "units": "1"}):
        assert (await program.post(f"/decisions/{grant['id']}/cancel", bad)).status_code == 422
    refused = await program.post(f"/decisions/{refusal['id']}/cancel", reason)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_cancellable")
    assert program.head() == head
    cancelled = await cancel(program, grant["id"])
    assert cancelled.status_code == 200
    twice = await program.post(f"/decisions/{grant['id']}/cancel", reason)
    assert (twice.status_code, twice.json()["code"]) == (409, "already_cancelled")
    await program.follow()
    of_one = await program.post(f"/decisions/{cancelled.json()['id']}/cancel", reason)
    assert (of_one.status_code, of_one.json()["code"]) == (409, "not_cancellable")


async def test_an_award_of_a_tiered_campaign_can_not_be_cancelled(program: ReadProgram) -> None:
    campaign = await program.campaign()
    await program.buy("T-1", "M-1", "20", status="accepted")
    await program.evaluate(campaign, 1, "M-1", points="0")
    (award,) = await program.listed("/decisions")
    answer = await program.post(f"/decisions/{award['id']}/cancel", {"reason": "by mistake"})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_cancellable")


async def test_who_may_cancel(program: ReadProgram) -> None:
    for role in ("analyst", "auditor", "integration"):
        answer = await program.post(f"/decisions/{UNKNOWN}/cancel", {"reason": "x"}, authorization=f"Bearer {role}")
        assert answer.status_code == 403


async def test_however_many_are_referred_their_referrer_receives_what_their_limits_allow(program: ReadProgram) -> None:
    for member in ("M-1", "M-2", "M-3", "M-4"):
        await program.put(f"/members/{member}", {"referrer": "R-1"})
    limits = {"referrer_units": {"value": "10"}, "referrer_executions": {"value": 1}}
    thanks = {"kind": "give_units", "account": "points", "units": "10", "to": "referrer"}
    await rewarding(program, effects=[thanks], type="referral", limits=limits)
    facts = [{"transaction": bought(number, member=f"M-{number}")} for number in (1, 2, 3)]
    assert (await program.post("/batch", {"facts": facts})).status_code == 200
    await program.decide()
    assert (await program.post("/transactions", bought(4, member="M-4"))).status_code == 201
    await program.decide()
    await program.follow()
    awarded = {
        member: (await program.listed(f"/members/{member}/accounts"))[0]["awarded"]
        for member in ("R-1", "M-1", "M-2", "M-3", "M-4")
    }
    assert awarded == {"R-1": "10", "M-1": "100", "M-2": "100", "M-3": "100", "M-4": "100"}
    decisions = await program.listed("/members/R-1/decisions", sort="recorded_at")
    assert [decision["rules"][0]["effects"][1].get("reason") for decision in decisions] == [
        None,
        *["referrer_units_exhausted"] * 3,
    ]
