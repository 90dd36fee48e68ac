"""Simulations over HTTP: they answer what is then read of what is done, and leave nothing behind."""

import asyncio
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import pytest

from application.campaigns.award_policy import AwardPolicy
from application.simulation import simulation
from tests.api.reads.program import UNKNOWN, ReadProgram, reading
from tests.api.routes.program import NOW, campaign_body, pointers

GOAL = "018f0000-0000-7000-8000-0000000000a1"
SPENT = "018f0000-0000-7000-8000-0000000000a2"
AT = "2026-09-05T10:00:00Z"
BY_PLACE = ("position", "recorded_at")
"""What is so because of when it was recorded, and what was recorded beside it."""


def achievement(**fields: Any) -> dict[str, Any]:
    """Two purchases."""
    return {
        "id": GOAL,
        "name": "Buyer",
        "active": True,
        "rules": [{"name": "Buy", "trigger": "transaction", "count": {"kind": "occurrences"}, "goal": "2"}],
        **fields,
    }


def spent(goal: str = "60", **fields: Any) -> dict[str, Any]:
    """So much spent in a month."""
    rule = {
        "name": "Spend",
        "trigger": "transaction",
        "count": {"kind": "sum", "expression": "transaction.total"},
        "goal": goal,
        "period": {"kind": "month"},
    }
    return achievement(id=SPENT, name="Spender", rules=[rule], **fields)


def prize(units: str = "transaction.total * 0.25", **fields: Any) -> dict[str, Any]:
    effect = {"kind": "give_units", "account": "points", "units": units}
    return {
        "achievement": GOAL,
        "name": "Prize",
        "starts_at": "2026-09-01T00:00:00Z",
        "rules": [{"name": "Prize", "effects": [effect]}],
        **fields,
    }


def buying(number: int | str, total: str = "20", **fields: Any) -> dict[str, Any]:
    return {"transaction": {"id": f"T-{number}", "purchased_at": AT, "total": total, **fields}}


async def made(program: ReadProgram, path: str, body: dict[str, Any], *, activate: bool = True) -> str:
    answered = await program.post(path, body)
    assert answered.status_code == 201, answered.text
    identity = str(answered.json()["id"])
    if activate:
        activated = await program.post(f"{path}/{identity}/activate")
        assert activated.status_code == 200, activated.text
    return identity


async def simulated(program: ReadProgram, *facts: dict[str, Any], member: Any = "M-1", **fields: Any) -> Any:
    """The answer; nothing is recorded."""
    before = program.head()
    answered = await program.post("/simulations", {"member": member, "facts": list(facts), **fields})
    assert answered.status_code == 200, answered.text
    assert program.head() == before
    assert answered.json()["position"] == answered.headers["laurel-position"] == str(before)
    return answered.json()


async def settled(program: ReadProgram) -> None:
    """Everything that was triggered is decided, by the policy itself, and shown."""
    reads = program.services.reads
    policy = AwardPolicy(program.conninfo, reads.mapper, program.writer, reads.pool)
    async with await psycopg.AsyncConnection.connect(program.conninfo, autocommit=True) as connection:
        while await policy.step(connection):
            pass
    await program.follow()


def lasting(shown: Any) -> Any:
    """What is shown, less where and when it was recorded."""
    if isinstance(shown, dict):
        return {name: lasting(value) for name, value in shown.items() if name not in BY_PLACE}
    return [lasting(value) for value in shown] if isinstance(shown, list) else shown


@pytest.fixture
async def world(program: ReadProgram) -> ReadProgram:
    """Achievements, campaigns that pay for them within budgets, and a tiered campaign."""
    await program.put("/segments/vip", {"expression": 'member.tier == "gold"'})
    await program.put("/event-types/workout", {"attributes": {"minutes": "number"}})
    await program.put("/badges/medal", {})
    await program.put("/coupons/pool", {})
    await program.post("/coupons/pool/codes", {"codes": [f"C-{number}" for number in range(8)]})
    await program.put("/members/M-1", {"tier": "gold", "referrer": "M-2"})
    await made(program, "/achievements", achievement(badge="medal"), activate=False)
    await made(program, "/achievements", spent(), activate=False)
    limits = {"total_units": {"value": "60"}, "on_exhausted": "clamp"}
    conditions = {"expression": "transaction.total > 15 and progress.value >= 2"}
    rich = {"name": "Rich", "conditions": conditions, "effects": [{"kind": "issue_coupon", "coupon": "pool"}]}
    await made(program, "/campaigns", prize(limits=limits, name="A"))
    await made(program, "/campaigns", prize(rules=[rich, prize("7")["rules"][0]], name="B"))
    vips = {"audience": {"segments": ["vip"]}, "limits": {"member_executions": {"value": "3"}}}
    await made(
        program, "/campaigns", prize("progress.value", achievement=SPENT, trigger="achievement_progressed", **vips)
    )
    await program.campaign()
    await settled(program)
    return program


def random_fact(chosen: Random, number: int) -> dict[str, Any]:
    member = chosen.choice(["M-1", "M-1", "M-1", "M-2", "M-3"])
    total = chosen.choice(["5", "20", "35.50"])
    earlier = f"T-{chosen.randrange(max(1, number - 3), number + 1)}"
    return chosen.choice(
        [
            *[buying(number, total, member=member)] * 4,
            buying(number, total, member=member, status=chosen.choice(["pending", "accepted"])),
            {"event": {"id": f"E-{number}", "type": "workout", "member": member, "occurred_at": AT}},
            {"accept": {"id": earlier}},
            {"refund": {"id": earlier}},
            {"update": {"id": earlier, "total": total}},
        ]
    )


@pytest.mark.parametrize("seed", range(3))
async def test_what_is_simulated_is_what_is_read_of_what_is_done(world: ReadProgram, seed: int) -> None:
    chosen = Random(seed)  # noqa: S311  facts, not secrets
    number, decided = 0, 0
    for _ in range(4):
        facts = [random_fact(chosen, number := number + 1) for _ in range(5)]
        foretold = await simulated(world, *facts)
        before = await accounts(world)
        for fact, foretold_result in zip(facts, foretold["facts"], strict=True):
            (result,) = (await world.post("/batch", {"facts": [fact]})).json()["results"]
            assert lasting(at_home(foretold_result)) == lasting(at_home(result))
            await settled(world)
        await same_as_read(world, foretold)
        after = await accounts(world)
        gained = {(row["member"], row["account"]): (row["units"], row["pending"]) for row in foretold["accounts"]}
        for key in after:
            units, pending = gained.get(key, ("0", "0"))
            awarded, waiting = before.get(key, (0.0, 0.0))
            assert after[key] == (awarded + float(units), waiting + float(pending))
        decided += len(foretold["decisions"])
    assert decided > 5


def at_home(result: dict[str, Any]) -> dict[str, Any]:
    """Pointers lead into what was sent, which was not the same."""
    errors = [error | {"pointer": ""} for error in result.get("problem", {}).get("errors", [])]
    return result | {"problem": result["problem"] | {"errors": errors, "detail": ""}} if errors else result


async def same_as_read(program: ReadProgram, foretold: Any) -> None:
    """Decisions, progress and standings by field."""
    for decision in foretold["decisions"]:
        assert lasting(decision) == lasting(await program.shown(f"/decisions/{decision['id']}"))
    for moved in foretold["achievements"]:
        rows = await program.listed(f"/members/{moved.pop('member')}/achievements", limit=200)
        assert moved in rows
    for standing in foretold["standings"]:
        rows = await program.listed(f"/members/{standing['member']}/tiered-campaigns", limit=200)
        (row,) = [row for row in rows if row["occurrence"] == standing["occurrence"]]
        assert {name: row[name] for name in standing.keys() & row.keys()} == {
            name: standing[name] for name in standing.keys() & row.keys()
        }
        assert standing["breakdown"]["points"] == standing["pending_points"]
    for completion in foretold["completions"]:
        row = await program.shown(f"/members/{completion['member']}/achievements/{completion['achievement']}")
        assert row["completed"] >= completion["completions"]


async def accounts(program: ReadProgram) -> dict[tuple[str, str], tuple[float, float]]:
    found = {}
    for member in ("M-1", "M-2", "M-3"):
        answered = await program.get(f"/members/{member}/accounts")
        for row in answered.json().get("data", ()):
            found[member, row["account"]] = float(row["awarded"]), float(row["pending"])
    return found


async def test_facts_that_are_there_are_answered_as_they_were(world: ReadProgram) -> None:
    first = (await world.post("/transactions", buying(1, member="M-1")["transaction"])).json()
    found = await simulated(world, buying(1), buying(1, "30"), buying(2), buying(2), {"accept": {"id": "T-9"}})
    assert [result["status"] for result in found["facts"]] == [200, 409, 201, 200, 404]
    assert found["facts"][0]["answer"] == first
    assert found["facts"][3]["answer"] == found["facts"][2]["answer"]
    assert len(found["completions"]) == 1


async def test_what_would_be_wrong_with_a_fact_is_told_in_its_place(world: ReadProgram) -> None:
    workout = {"id": "E-1", "type": "workout", "occurred_at": AT, "attributes": {"minutes": "many"}}
    found = await simulated(world, buying(1), {"event": workout}, {"event": workout | {"type": "rest"}})
    assert [result["status"] for result in found["facts"]] == [201, 422, 422]
    wrong = [error["pointer"] for result in found["facts"][1:] for error in result["problem"]["errors"]]
    assert wrong == ["/facts/1/event/attributes/minutes", "/facts/2/event/type"]


async def test_facts_may_be_of_other_members(world: ReadProgram) -> None:
    found = await simulated(world, buying(1), buying(2), buying(3, member="M-3"))
    assert [result["answer"]["member"] for result in found["facts"]] == ["M-1", "M-1", "M-3"]
    assert {row["member"] for row in found["achievements"]} == {"M-1", "M-3"}


async def test_drafts_count_as_saved_and_active(program: ReadProgram) -> None:
    found = await simulated(
        program,
        buying(1),
        buying(2, "60"),
        achievements=[achievement(active=False)],
        campaigns=[prize("100"), prize("progress.value", trigger="achievement_progressed", name="Steps")],
        tiered_campaigns=[campaign_body(id=UNKNOWN)],
    )
    assert [completion["completions"] for completion in found["completions"]] == [1]
    assert [row["name"] for row in found["achievements"]] == ["Buyer"]
    granted = [decision["rules"][0]["effects"][0]["units"] for decision in found["decisions"]]
    assert sorted(granted) == ["1", "100", "2"]
    (standing,) = found["standings"]
    assert (standing["tiered_campaign"], standing["total"], standing["pending_points"]) == (UNKNOWN, "80", "1600")
    assert standing["breakdown"]["lines"] == [{"tier": 2, "basis": "80", "rate": "20", "points": "1600"}]
    assert found["accounts"] == [{"member": "M-1", "account": "points", "units": "103", "pending": "1600"}]
    for path in ("/achievements", "/campaigns", "/tiered-campaigns"):
        await program.follow()
        assert await program.listed(path) == []


async def test_a_draft_of_what_is_there_is_an_edit_of_it(world: ReadProgram) -> None:
    await world.post("/transactions", buying(1, member="M-1")["transaction"])
    await settled(world)

    async def after(draft: dict[str, Any]) -> Any:
        found = await simulated(world, buying(2, "25"), achievements=[draft])
        (row,) = [row for row in found["achievements"] if row["achievement"] == draft["id"]]
        return row

    goal = await after(achievement(name="Kept"))
    assert (goal["name"], goal["revision"], goal["completed"]) == ("Kept", 1, 1)
    new = achievement(rules=[achievement()["rules"][0] | {"goal": "3"}])
    goal = await after(new)
    assert (goal["revision"], goal["completed"], goal["rules"][0]["value"]) == (2, 0, "1")
    money = await after(spent())
    assert money["rules"][0]["value"] == "45"
    campaign = await made(world, "/campaigns", prize("1", name="Small"), activate=False)
    nothing = await simulated(world, buying(2))
    drafted = await simulated(world, buying(2), campaigns=[prize("1000", id=campaign)])
    assert campaign not in {decision["campaign"] for decision in nothing["decisions"]}
    (decision,) = [decision for decision in drafted["decisions"] if decision["campaign"] == campaign]
    assert (decision["revision"], decision["rules"][0]["effects"][0]["units"]) == (2, "1000")


async def test_an_edit_of_an_occurrence_that_has_started_changes_nothing_for_it(program: ReadProgram) -> None:
    tiered = await program.campaign()
    later = {"purchased_at": "2026-10-05T10:00:00Z"}
    cheaper = [{"from": "0", "to": "100", "reward": "1"}]
    draft = campaign_body(id=tiered, tiers=cheaper)
    found = await simulated(program, buying(1), buying(2, **later), tiered_campaigns=[draft])
    assert [(row["occurrence"], row["pending_points"]) for row in found["standings"]] == [(1, "200"), (2, "20")]


async def test_a_member_may_be_described(world: ReadProgram) -> None:
    vip = await simulated(world, buying(1), member={"tier": "gold"})
    other = await simulated(world, buying(1), member={"tier": "blue", "attributes": {"age": "30"}})
    assert [decision["outcome"] for decision in vip["decisions"]] == ["granted"]
    assert [decision["reasons"][0]["code"] for decision in other["decisions"]] == ["not_in_audience"]
    assert vip["member"] == vip["facts"][0]["answer"]["member"]
    await world.post("/transactions", buying(1, member="M-1")["transaction"])
    known = await simulated(world, buying(2), member={"id": "M-1", "tier": "blue"})
    assert known["completions"][0]["member"] == "M-1"
    assert "not_in_audience" in [reason["code"] for each in known["decisions"] for reason in each["reasons"]]
    await world.follow()
    assert (await world.shown("/members/M-1"))["tier"] == "gold"


async def test_a_simulation_is_at_the_time_that_is_given(program: ReadProgram) -> None:
    late = campaign_body(confirmation="occurrence_end")
    for now, reasons in (("2026-09-20T00:00:00Z", []), ("2026-10-02T00:00:00Z", ["confirmed_too_late"])):
        found = await simulated(program, buying(1, status="pending"), now=now, tiered_campaigns=[late])
        outcomes = found["facts"][0]["answer"]["outcomes"]
        assert [outcome["reason"] for outcome in outcomes if outcome["kind"] == "not_counted"] == reasons


async def test_what_another_process_has_defined_is_seen(program: ReadProgram) -> None:
    async with reading(program.conninfo) as other:
        await made(other, "/achievements", achievement(), activate=False)
        await made(other, "/campaigns", prize("5"))
    found = await simulated(program, buying(1), buying(2))
    assert [decision["outcome"] for decision in found["decisions"]] == ["granted"]


async def test_simulations_at_once_do_not_meet(world: ReadProgram) -> None:
    alone = await simulated(world, buying(1), buying(2))
    body = {"member": "M-1", "facts": [buying(1), buying(2)]}
    drafted = body | {"achievements": [achievement(name="Draft")]}
    posted = asyncio.gather(*(world.post("/simulations", drafted if one % 2 else body) for one in range(6)))
    recording = asyncio.create_task(world.post("/transactions", buying(9, member="M-3")["transaction"]))
    answers = [answered.json() for answered in await posted]
    await recording
    names = [answer["completions"][0]["name"] for answer in answers]
    assert names == ["Buyer", "Draft"] * 3
    assert [lasting(each) for each in answers[0]["decisions"]] == [lasting(each) for each in alone["decisions"]]


@pytest.mark.parametrize("now", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
async def test_any_instant_may_be_now(world: ReadProgram, now: str) -> None:
    found = await simulated(world, buying(1, purchased_at=now), buying(2), buying(3, status="pending"), now=now)
    assert [result["status"] for result in found["facts"]] == [201] * 3


async def test_only_some_simulations_are_under_way_at_once(
    program: ReadProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation, "WAIT_SECONDS", 0.05)
    simulator = program.services.commands.simulator
    body = {"member": "M-1", "facts": [buying(1)]}
    async with simulator.simulate(NOW), simulator.simulate(NOW):
        refused = await program.post("/simulations", body)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert (await program.post("/simulations", body)).status_code == 200


async def test_what_takes_too_long_is_ended(program: ReadProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "OPEN_SECONDS", 0.0)
    body = {"member": "M-1", "facts": [buying(1)]}
    assert pointers(await program.post("/simulations", body)) == {"/facts": "take longer than 0 s; send fewer"}


HOSTILE: list[tuple[dict[str, Any], str]] = [
    ({"member": ""}, "/member"),
    ({"member": 7}, "/member"),
    ({"member": {"name": "Ann"}}, "/member/name"),
    ({"member": {"id": "M" * 101}}, "/member/id"),
    ({"member": {"lists": ["nobody"]}}, "/member/lists/0"),
    ({"member": {"id": "M-1", "referrer": "M-1"}}, "/member/referrer"),
    ({"member": {"attributes": {"age": ["30"]}}}, "/member/attributes/age"),
    ({"facts": []}, "/facts"),
    ({"facts": [buying(number) for number in range(101)]}, "/facts"),
    ({"facts": [{}]}, "/facts/0"),
    ({"facts": [buying(1) | {"accept": {"id": "T-1"}}]}, "/facts/0"),
    ({"facts": [{"refusal": {}}]}, "/facts/0/refusal"),
    ({"facts": [buying(1, "much")]}, "/facts/0/transaction/total"),
    ({"facts": [buying(1, "-1")]}, "/facts/0/transaction/total"),
    ({"facts": [buying(1, member="")]}, "/facts/0/transaction/member"),
    ({"now": "yesterday"}, "/now"),
    ({"store": True}, "/store"),
    ({"achievements": [achievement()] * 11}, "/achievements"),
    ({"achievements": [achievement()] * 2}, "/achievements/1/id"),
    ({"achievements": [achievement(badge="none")]}, "/achievements/0/badge"),
    ({"achievements": [spent("-1")]}, "/achievements/0/rules/0/goal"),
    ({"achievements": [achievement(goal="1")]}, "/achievements/0/goal"),
    ({"achievements": [achievement(id=str(UUID(int=5 << 76 | 2 << 62)))]}, "/achievements/0/id"),
    ({"campaigns": [prize(achievement=UNKNOWN)]}, "/campaigns/0/achievement"),
    ({"campaigns": [prize(rules=[])]}, "/campaigns/0"),
    ({"campaigns": [prize("1 +")]}, "/campaigns/0/rules/0/effects/0/units"),
    ({"tiered_campaigns": [campaign_body(account="none")]}, "/tiered_campaigns/0/account"),
    ({"tiered_campaigns": [campaign_body(tiers=[])]}, "/tiered_campaigns/0"),
]


async def test_what_can_t_be_simulated_is_told_by_place(world: ReadProgram) -> None:
    before = world.head()
    for wrong, pointer in HOSTILE:
        answered = await world.post("/simulations", {"member": "M-1", "facts": [buying(1)], **wrong})
        assert answered.status_code == 422, (wrong, answered.text)
        assert pointer in pointers(answered), (wrong, answered.text)
    assert (await world.post("/simulations", "{")).status_code == 400
    assert world.head() == before


async def test_an_archived_achievement_takes_no_draft(world: ReadProgram) -> None:
    gone = await made(world, "/achievements", achievement(id=UNKNOWN, active=False), activate=False)
    await world.post(f"/achievements/{gone}/archive")
    body = {"member": "M-1", "facts": [buying(1)], "achievements": [achievement(id=gone)]}
    answered = await world.post("/simulations", body)
    assert [(error["pointer"], error["code"]) for error in answered.json()["errors"]] == [
        ("/achievements/0", "wrong_status")
    ]


async def test_whoever_reads_definitions_may_simulate(program: ReadProgram) -> None:
    body = {"member": "M-1", "facts": [buying(1)]}
    for role, status in (("analyst", 200), ("operator", 200), ("auditor", 200), ("integration", 403)):
        answered = await program.post("/simulations", body, authorization=f"Bearer {role}")
        assert answered.status_code == status, role


async def test_a_hundred_campaigns_are_all_decided(program: ReadProgram) -> None:
    await made(program, "/achievements", achievement(), activate=False)
    await asyncio.gather(*(made(program, "/campaigns", prize("2", name=f"{number}")) for number in range(100)))
    found = await simulated(program, *map(buying, range(4)))
    assert len(found["decisions"]) == 200
    assert found["accounts"] == [{"member": "M-1", "account": "points", "units": "400", "pending": "0"}]
    many = {"member": "M-1", "facts": [buying(number) for number in range(100)]}
    assert pointers(await program.post("/simulations", many)) == {
        "/facts": "lead to more than 1000 decisions; send fewer"
    }
