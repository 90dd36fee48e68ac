"""What was saved and can't work as meant is answered with the definition, by commands and reads alike."""

from typing import Any

import pytest

from tests.api.reads.program import ReadProgram
from tests.api.routes.program import achievement_body, campaign_body, goal_body

NEVER = {
    "hit_type": "hit_limit",
    "unlimited": True,
    "tiers": [
        {"from": "0", "to": "1000", "reward": "10"},
        {"from": "1000", "to": "5000", "reward": "50"},
        {"from": "5000", "reward": "100"},
    ],
}
SHORT = {
    "timeframe": {"kind": "between", "from": "2026-06-01", "to": "2026-06-05"},
    "rules": [goal_body(period={"kind": "day"}, consecutive=6)],
}
TO_REFERRER = {"kind": "give_units", "account": "points", "units": "10", "to": "referrer"}


def prize(achievement: str, **fields: Any) -> dict[str, Any]:
    rules = [{"name": "Pay", "effects": [TO_REFERRER]}]
    return {
        "type": "referral",
        "name": "Prize",
        "achievement": achievement,
        "starts_at": "2026-06-01T00:00:00Z",
        "rules": rules,
        **fields,
    }


def told(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(warning["pointer"], warning["code"]) for warning in answer["warnings"]]


async def everywhere(program: ReadProgram, path: str, body: dict[str, Any], *, harmless: dict[str, Any]) -> Any:
    """The warnings of a definition, which are the same wherever it is answered, and go with what they are about."""
    made = await program.post(path, body)
    assert made.status_code == 201, made.text
    one = f"{path}/{made.json()['id']}"
    await program.follow()
    assert (await program.shown(one))["warnings"] == made.json()["warnings"]
    active = await program.post(f"{one}/activate")
    assert active.json()["warnings"] == made.json()["warnings"]
    edited = await program.put(one, {**body, **harmless}, if_match=active.headers["etag"])
    assert (edited.status_code, edited.json()["warnings"]) == (200, []), edited.text
    await program.follow()
    assert (await program.shown(one))["warnings"] == []
    return made.json()


async def test_a_tiered_campaign_warns(program: ReadProgram) -> None:
    body = campaign_body(**NEVER, confirmation="occurrence_end", late="correct")
    harmless = {"bracketed": True, "late": "ignore"}
    answer = await everywhere(program, "/tiered-campaigns", body, harmless=harmless)
    assert told(answer) == [("/tiers/1", "tier_never_pays"), ("/late", "acceptance_too_late")]
    await program.post("/tiered-campaigns", body)
    await program.follow()
    listed = await program.listed("/tiered-campaigns")
    assert sorted(len(row["warnings"]) for row in listed) == [0, 2]


async def test_an_achievement_warns(program: ReadProgram) -> None:
    body = achievement_body(**SHORT)
    answer = await everywhere(program, "/achievements", body, harmless={"timeframe": None})
    assert answer["warnings"] == [
        {
            "pointer": "/rules/0/consecutive",
            "code": "streak_too_long",
            "detail": "Rule 1 can never be complete: the timeframe holds 5 days, and 6 in a row are asked for",
        }
    ]


@pytest.mark.parametrize("decimals", [0, 2])
async def test_a_campaign_warns(program: ReadProgram, decimals: int) -> None:
    await program.put("/accounts/miles", {"decimals": decimals})
    made = await program.post("/achievements", achievement_body(rules=[goal_body(subject="referrer")]))
    miles = {**TO_REFERRER, "account": "miles", "units": "10.5"}
    body = prize(
        made.json()["id"],
        rules=[{"name": "Pay", "effects": [miles]}],
        limits={"referrer_units": {"value": "10.5"}, "total_units": {"value": "5"}},
    )
    answer = await everywhere(
        program,
        "/campaigns",
        body,
        harmless={"limits": {}, "rules": [{"name": "Pay", "effects": [{**miles, "to": "member"}]}]},
    )
    below = ["/limits/referrer_units/value", "/limits/total_units/value"][decimals // 2 :]
    assert told(answer) == [
        ("/rules/0/effects/0/to", "referrer_of_referrer"),
        *((pointer, "limit_below_execution") for pointer in below),
    ]


async def test_a_campaign_warns_by_what_its_achievement_has_become(program: ReadProgram) -> None:
    made = await program.post("/achievements", achievement_body(rules=[goal_body()]))
    campaign = await program.post("/campaigns", prize(made.json()["id"]))
    assert campaign.json()["warnings"] == []
    edited = achievement_body(rules=[goal_body(subject="referrer")])
    path = f"/achievements/{made.json()['id']}"
    assert (await program.put(path, edited, if_match=made.headers["etag"])).status_code == 200
    await program.follow()
    shown = await program.shown(f"/campaigns/{campaign.json()['id']}")
    assert told(shown) == [("/rules/0/effects/0/to", "referrer_of_referrer")]


async def test_a_draft_warns_too(program: ReadProgram) -> None:
    answered = await program.post("/tiered-campaigns", {"name": "Draft", **NEVER})
    assert (answered.json()["status"], told(answered.json())) == ("draft", [("/tiers/1", "tier_never_pays")])
