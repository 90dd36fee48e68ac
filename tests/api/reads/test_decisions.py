from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.api.reads.program import UNKNOWN, ReadProgram
from tests.api.routes.program import days

ACCEPTED = {"status": "accepted", "auto_accept_at": ...}


@pytest.fixture
async def decided(program: ReadProgram) -> str:
    """A campaign that awarded M-1 and refused M-2, and then corrected M-1 two days later."""
    campaign = await program.campaign(late="correct")
    await program.buy("T-1", "M-1", "20", **ACCEPTED)
    await program.buy("T-2", "M-1", "10.5", **ACCEPTED)
    await program.buy("T-3", "M-2", "7")
    await program.evaluate(campaign, 1, "M-1", "M-2", points="305")
    program.clock.at += days(2)
    await program.buy("T-4", "M-1", "5", **ACCEPTED)
    await program.follow()
    return campaign


async def test_an_award_is_explained_down_to_the_facts(program: ReadProgram, decided: str) -> None:
    (listed,) = await program.listed("/decisions", kind="tiered_award", member="M-1")
    award = await program.shown(f"/decisions/{listed['id']}")
    assert award["rules"] == [
        {
            "rule": 1,
            "conditions": [],
            "effects": [
                {
                    "kind": "give_units",
                    "to": "member",
                    "account": "points",
                    "units": "305",
                    "breakdown": {
                        "aggregate": "30.5",
                        "lines": [{"tier": 1, "basis": "30.5", "rate": "10", "points": "305"}],
                        "unrounded": "305",
                        "points": "305",
                    },
                }
            ],
        }
    ]
    assert award["counters"] == {"before": {"awarded_points": "0"}, "after": {"awarded_points": "305"}}
    assert award["trigger"] == {"kind": "evaluation", "id": None, "tiered_campaign": decided, "occurrence": 1}
    (cause,) = award["caused_by"]
    assert (cause["kind"], cause["occurrence"], cause["more_facts"]) == ("evaluation", 1, False)
    assert [(fact["kind"], fact["id"], fact["amount"], fact["total"]) for fact in cause["facts"]] == [
        ("transaction", "T-1", "20", "20"),
        ("transaction", "T-2", "10.5", "30.5"),
    ]
    assert (award["outcome"], award["reasons"], award["revision"], award["campaign"]) == ("granted", [], 1, decided)
    assert listed["caused_by"] == [{**cause, "facts": None}]
    assert {**listed, "caused_by": []} == {**award, "caused_by": []}


async def test_a_correction_names_the_fact_that_came_late(program: ReadProgram, decided: str) -> None:
    (listed,) = await program.listed("/decisions", kind="correction")
    correction = await program.shown(f"/decisions/{listed['id']}")
    assert correction["trigger"] == {"kind": "transaction", "id": "T-4", "tiered_campaign": decided, "occurrence": 1}
    assert correction["counters"] == {"before": {"awarded_points": "305"}, "after": {"awarded_points": "355"}}
    assert correction["rules"][0]["effects"][0]["units"] == "50"
    assert [fact["id"] for fact in correction["caused_by"][0]["facts"]] == ["T-1", "T-2", "T-4"]


async def test_a_correction_and_its_award_are_linked(program: ReadProgram, decided: str) -> None:
    await program.buy("T-5", "M-1", "2", **ACCEPTED)
    await program.buy("T-6", "M-9", "1", **ACCEPTED)
    await program.follow()
    of_another, second, first = await program.listed("/decisions", kind="correction")
    (award,) = await program.listed("/decisions", kind="tiered_award", member="M-1", campaign=decided)
    assert [each["corrects"] for each in (first, second, of_another)] == [award["id"], award["id"], None]
    assert award["corrected_by"] == [second["id"], first["id"]]
    assert (await program.shown(f"/decisions/{award['id']}"))["corrected_by"] == award["corrected_by"]
    assert (await program.shown(f"/decisions/{first['id']}"))["corrects"] == award["id"]
    (refused,) = await program.listed("/decisions", member="M-2")
    assert refused["corrected_by"] == []


async def test_each_fact_behind_an_award_says_whether_it_was_confirmed(program: ReadProgram) -> None:
    campaign = await program.campaign()
    await program.buy("T-1", "M-1", "10", **ACCEPTED)
    await program.buy("T-2", "M-1", "7")
    await program.buy("T-3", "M-1", "2")
    await program.post("/transactions/T-3/accept")
    await program.buy("T-4", "M-1", "1", **ACCEPTED)
    await program.post("/transactions/T-4/refund")
    await program.evaluate(campaign, 1, "M-1", points="120")
    (listed,) = await program.listed("/decisions")
    award = await program.shown(f"/decisions/{listed['id']}")
    assert award["rules"][0]["effects"][0]["breakdown"]["aggregate"] == "12"
    facts = award["caused_by"][0]["facts"]
    assert [(fact["id"], fact["amount"], fact["total"], fact["confirmed"]) for fact in facts] == [
        ("T-1", "10", "10", True),
        ("T-2", "7", "17", False),
        ("T-3", "2", "19", False),
        ("T-3", "2", "19", True),
        ("T-4", "1", "20", True),
        ("T-4", "0", "19", False),
    ]
    assert {fact["occurrence"] for fact in facts} == {1}


async def test_a_refusal_says_what_was_missing(program: ReadProgram, decided: str) -> None:
    (refused,) = await program.listed("/decisions", outcome="refused")
    assert (refused["member"], refused["campaign"]) == ("M-2", decided)
    assert refused["reasons"] == [{"code": "nothing_confirmed", "detail": "of 7 nothing was confirmed"}]
    assert await program.listed("/decisions", reason="nothing_confirmed") == [refused]
    assert await program.listed("/decisions", reason="no_tier_reached") == []


async def test_decisions_come_newest_first_and_are_filtered(program: ReadProgram, decided: str) -> None:
    async def kinds(path: str = "/decisions", **asked: Any) -> list[tuple[str, str]]:
        return [(row["kind"], row["member"]) for row in await program.listed(path, limit="1", **asked)]

    award, refusal, correction = ("tiered_award", "M-1"), ("tiered_award", "M-2"), ("correction", "M-1")
    assert await kinds() == [correction, refusal, award]
    assert await kinds(sort="recorded_at") == [award, refusal, correction]
    assert await kinds("/members/M-1/decisions") == [correction, award]
    assert await kinds("/members/M-1/decisions", member="M-2") == []
    assert await kinds(campaign=UNKNOWN) == []
    assert await kinds(campaign=decided, occurrence="1", outcome="granted") == [correction, award]
    assert await kinds(**{"recorded_at[gte]": "2026-10-08T00:00:00Z"}) == [correction]


async def test_history_is_shown_as_recorded_at_a_position_or_an_instant(program: ReadProgram, decided: str) -> None:
    correction, refusal, corrected = await program.listed("/decisions", campaign=decided)
    assert corrected["corrected_by"] == [correction["id"]]
    award = {**corrected, "corrected_by": []}
    assert await program.listed("/decisions", as_of=corrected["position"]) == [award]
    assert await program.listed("/decisions", as_of="0") == []
    assert await program.listed("/decisions", as_of=correction["recorded_at"]) == [correction, refusal, corrected]
    assert await program.listed("/decisions", as_of="2026-10-08T00:00:00Z") == [refusal, award]
    assert await program.listed("/members/M-1/decisions", as_of="2026-10-08T00:00:00Z") == [award]
    for wrong in ("yesterday", "2026-10-08T00:00:00", "1" * 30):
        answered = await program.get("/decisions", as_of=wrong)
        assert (answered.status_code, answered.json()["errors"][0]["parameter"]) == (422, "as_of")


async def test_the_history_up_to_a_place_is_waited_for(program: ReadProgram, decided: str) -> None:
    correction = (await program.listed("/decisions", campaign=decided))[0]
    position = correction["position"]
    program.positions.at = int(position) - 1
    for path in ("/decisions", "/members/M-1/decisions"):
        for as_of in (position, correction["recorded_at"]):
            behind = await program.get(path, as_of=as_of)
            assert (behind.status_code, behind.json()["code"]) == (503, "behind")
            assert behind.headers["retry-after"] == "1"
    await program.follow()
    answered = await program.get("/decisions", as_of=correction["recorded_at"])
    assert answered.json()["data"][0] == correction
    assert int(answered.json()["position"]) >= int(position)


@pytest.mark.usefixtures("decided")
async def test_what_is_not_in_the_log_yet_is_refused(program: ReadProgram) -> None:
    now = program.clock.at
    beyond = str(program.head() + 1)
    to_come = (now + timedelta(microseconds=1)).isoformat()
    for path in ("/decisions", "/members/M-1/decisions"):
        for as_of, detail in ((beyond, "must be in the log"), (to_come, "must not lie in the future")):
            refused = await program.get(path, as_of=as_of)
            (error,) = refused.json()["errors"]
            assert (refused.status_code, error["parameter"]) == (422, "as_of")
            assert error["detail"].startswith(detail)
    for as_of, detail in ((beyond, "must be in the log"), (to_come, "must not lie in the future")):
        rebuild = await program.post("/rebuilds", {"projections": "all", "as_of": as_of})
        (error,) = rebuild.json()["errors"]
        assert (rebuild.status_code, error["pointer"]) == (422, "/as_of")
        assert error["detail"].startswith(detail)


@pytest.mark.usefixtures("decided")
async def test_the_same_question_is_answered_the_same_for_ever(program: ReadProgram) -> None:
    """Also at the very instant that it was first asked at, and with a clock that goes back."""
    now = program.clock.at.isoformat()
    asked = {path: await program.listed(path, as_of=now) for path in ("/decisions", "/members/M-1/decisions")}
    assert (await program.get("/members/M-8/decisions", as_of=now)).status_code == 404
    await program.buy("T-8", "M-8", "1", **ACCEPTED)
    program.clock.at -= days(1)
    await program.buy("T-9", "M-1", "1", **ACCEPTED)
    await program.follow()
    assert len(await program.listed("/decisions")) == len(asked["/decisions"]) + 2
    assert {path: await program.listed(path, as_of=now) for path in asked} == asked
    assert (await program.get("/members/M-8/decisions", as_of=now)).status_code == 404
    earlier = (program.clock.at + days(1) - timedelta(microseconds=1)).isoformat()
    assert await program.listed("/decisions", as_of=earlier) != asked["/decisions"]
    times = [datetime.fromisoformat(row["recorded_at"]) for row in await program.listed("/decisions")]
    assert times == sorted(times, reverse=True)


async def test_a_decision_that_was_never_made_is_not_found(program: ReadProgram) -> None:
    assert (await program.get(f"/decisions/{UNKNOWN}")).status_code == 404
    assert (await program.get("/decisions/7")).status_code == 404
    answered = await program.get("/decisions", reason="no_such_reason")
    assert (answered.status_code, answered.json()["errors"][0]["parameter"]) == (422, "reason")
