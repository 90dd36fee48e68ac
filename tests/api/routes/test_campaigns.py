import asyncio
from json import dumps
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest

from application.streams import ACHIEVEMENT
from domain.achievements import achievement as achievements
from domain.facts.fact import FactKind
from tests.api.routes.program import Program, days, pointers, running
from tests.support.achievements import definition, rule

GOAL = UUID("018f0000-0000-7000-8000-0000000000a1")
OLD_GOAL = UUID("018f0000-0000-7000-8000-0000000000a2")


@pytest.fixture
async def program(program: Program) -> Program:
    """With an achievement by purchases and workouts, an archived one, and one of each that a campaign refers to."""
    await program.put("/event-types/workout", {"attributes": {"minutes": "number"}})
    await program.put("/segments/vip", {"expression": 'member.tier == "gold"'})
    await program.put("/accounts/miles", {"decimals": 2})
    await program.put("/badges/medal", {})
    await program.put("/coupons/SALE", {"generator": {}})
    await program.put("/rewards/mug", {})
    await define(program, GOAL)
    await define(program, OLD_GOAL)
    await program.writer.submit(
        lambda working: working.record(ACHIEVEMENT.of(OLD_GOAL), achievements.Archived(OLD_GOAL))
    )
    return program


async def define(program: Program, achievement: UUID, *triggers: FactKind, revision: int = 1) -> None:
    rules = [
        rule(trigger=trigger, event_type="workout" if trigger is FactKind.EVENT else None)
        for trigger in triggers or (FactKind.TRANSACTION, FactKind.EVENT)
    ]
    defined = achievements.Defined(achievement, revision, definition(*rules))
    await program.writer.submit(lambda working: working.record(ACHIEVEMENT.of(achievement), defined))


UNITS = {"kind": "give_units", "account": "points", "units": "100", "to": "member"}
FAR = {"attribute": "transaction.total", "operator": "gte", "value": "20"}


def campaign_body(**fields: Any) -> dict[str, Any]:
    return {
        "type": "direct",
        "trigger": "achievement_completed",
        "achievement": str(GOAL),
        "name": "Summer prize",
        "description": "A hundred points",
        "translations": {"de": {"name": "Sommerpreis", "description": "Hundert Punkte"}, "fr": {"name": "Prix d'été"}},
        "starts_at": "2026-06-01T00:00:00Z",
        "ends_at": None,
        "time_zone": None,
        "display_order": 1,
        "labels": {"season": "summer", "a/b~c": ""},
        "visibility": {"everyone": True, "segments": [], "tiers": []},
        "audience": {"everyone": False, "segments": ["vip"], "tiers": ["gold"]},
        "rules": [{"name": "Prize", "conditions": {"all": [FAR]}, "effects": [UNITS]}],
        "limits": {
            "member_executions": {"value": 1, "interval": {"unit": "month", "n": 1}},
            "member_units": None,
            "referrer_executions": None,
            "referrer_units": None,
            "total_units": {"value": "10000", "interval": None},
            "on_exhausted": "refuse",
        },
        **fields,
    }


async def saved(program: Program, **fields: Any) -> str:
    """The path of a draft that lacks nothing."""
    made = await program.post("/campaigns", campaign_body(**fields))
    assert made.status_code == 201, made.text
    return f"/campaigns/{made.json()['id']}"


async def delete(program: Program, path: str, **headers: str) -> Any:
    return await program._send("DELETE", path, None, headers)


async def test_a_campaign_is_answered_as_it_was_sent(program: Program) -> None:
    sent = campaign_body()
    made = await program.post("/campaigns", sent)
    assert (made.status_code, made.headers["etag"]) == (201, '"1"'), made.text
    answered = made.json()
    assert UUID(answered["id"]).version == 7
    assert {name: answered[name] for name in sent} == sent
    own = {name: answered[name] for name in answered if name not in sent and name != "id"}
    assert own == {
        "position": str(program.head()),
        "version": 1,
        "revision": 1,
        "status": "draft",
        "missing": [],
        "warnings": [],
        "activated_at": None,
    }


async def test_every_kind_of_effect_is_answered_with_what_it_has(program: Program) -> None:
    effects = [
        {"kind": "give_units", "to": "referrer", "account": "miles", "units": "0.1 * transaction.total"},
        {"kind": "issue_coupon", "to": "member", "coupon": "SALE"},
        {"kind": "give_reward", "to": "member", "reward": "mug"},
        {"kind": "give_badge", "to": "referrer", "badge": "medal"},
    ]
    rules = [{"name": "All", "conditions": None, "effects": effects}]
    made = await program.post("/campaigns", campaign_body(type="referral", rules=rules))
    assert made.status_code == 201, made.text
    assert made.json()["rules"] == rules


async def test_numbers_are_taken_as_numbers_and_as_text(program: Program) -> None:
    limits = {
        "member_executions": {"value": "2"},
        "member_units": {"value": 12.5, "interval": {"unit": "day"}},
        "referrer_executions": {"value": 1, "interval": {"unit": "hour"}},
        "referrer_units": {"value": "9.5"},
        "total_units": {"value": 10000},
    }
    effects = [UNITS | {"units": 12}, UNITS | {"units": "1 * transaction.total"}]
    raw = dumps(campaign_body(type="referral", limits=limits, rules=[{"name": "Prize", "effects": effects}]))
    made = await program.post("/campaigns", raw)
    assert made.status_code == 201, made.text
    answered = made.json()
    assert answered["limits"] == {
        "member_executions": {"value": 2, "interval": None},
        "member_units": {"value": "12.5", "interval": {"unit": "day", "n": 1}},
        "referrer_executions": {"value": 1, "interval": {"unit": "hour", "n": 1}},
        "referrer_units": {"value": "9.5", "interval": None},
        "total_units": {"value": "10000", "interval": None},
        "on_exhausted": "refuse",
    }
    assert [effect["units"] for effect in answered["rules"][0]["effects"]] == ["12", "1 * transaction.total"]
    assert (await program.put(f"/campaigns/{answered['id']}", raw, if_match='"1"')).headers["etag"] == '"1"'


async def test_a_draft_may_lack_what_it_takes_to_run(program: Program) -> None:
    made = await program.post("/campaigns", {"name": "Summer prize"})
    assert made.status_code == 201, made.text
    answered = made.json()
    assert (answered["status"], answered["missing"]) == ("draft", ["achievement", "starts_at", "rules"])
    assert answered["visibility"] == answered["audience"] == {"everyone": True, "segments": [], "tiers": []}
    path = f"/campaigns/{answered['id']}"
    refused = await program.post(f"{path}/activate")
    assert (refused.status_code, refused.json()["code"]) == (409, "incomplete")
    assert "achievement, starts_at, rules" in refused.json()["detail"]
    assert (await program.put(path, campaign_body(), if_match='"1"')).json()["missing"] == []
    assert (await program.post(f"{path}/activate")).json()["status"] == "active"


async def test_without_an_achievement_only_the_shape_of_rules_is_known(program: Program) -> None:
    unknown = {"name": "Prize", "effects": [UNITS | {"units": "transaction.totl"}]}
    made = await program.post("/campaigns", campaign_body(achievement=None, rules=[unknown]))
    assert made.status_code == 201, made.text
    path = f"/campaigns/{made.json()['id']}"
    named = await program.put(path, campaign_body(rules=[unknown]), if_match='"1"')
    assert list(pointers(named)) == ["/rules/0/effects/0/units"]
    shapeless = {"name": "Prize", "conditions": {"none": []}, "effects": [UNITS]}
    refused = await program.post("/campaigns", campaign_body(achievement=None, rules=[shapeless]))
    assert list(pointers(refused)) == ["/rules/0/conditions"]


async def test_an_id_can_be_chosen_once(program: Program) -> None:
    chosen = str(uuid4())
    assert (await program.post("/campaigns", campaign_body(id=chosen))).json()["id"] == chosen
    head = program.head()
    again = await program.post("/campaigns", campaign_body(id=chosen))
    assert (again.status_code, again.json()["code"]) == (409, "exists")
    taken = await program.post("/campaigns", campaign_body(id=str(GOAL)))
    assert (taken.status_code, taken.json()["code"]) == (409, "exists")
    for bad in (str(uuid5(uuid4(), "a")), "7", 7):
        assert list(pointers(await program.post("/campaigns", campaign_body(id=bad)))) == ["/id"]
    assert program.head() == head


def prize(*effects: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"rules": [{"name": "Prize", "effects": list(effects) or [UNITS], **fields}]}


def units(expression: Any) -> dict[str, Any]:
    return prize(UNITS | {"units": expression})


def budget(**interval: Any) -> dict[str, Any]:
    return {"limits": {"total_units": {"value": 1, "interval": interval}}}


BAD_CAMPAIGNS: list[tuple[dict[str, Any], str]] = [
    ({"type": "loyal"}, "/type"),
    ({"trigger": "transaction"}, "/trigger"),
    ({"achievement": "7"}, "/achievement"),
    ({"achievement": str(uuid4())}, "/achievement"),
    ({"achievement": str(OLD_GOAL)}, "/achievement"),
    ({"name": ""}, "/name"),
    ({"name": "  "}, "/name"),
    ({"name": "x" * 201}, "/name"),
    ({"name": None}, "/name"),
    ({"description": "x" * 4001}, "/description"),
    ({"description": None}, "/description"),
    ({"translations": {"de": "Sommer"}}, "/translations/de"),
    ({"translations": {"de": {}}}, "/translations/de"),
    ({"translations": {"de": {"title": "x"}}}, "/translations/de/title"),
    ({"translations": {"not a locale": {"name": "x"}}}, "/translations/not a locale"),
    ({"starts_at": "2026-06-01"}, "/starts_at"),
    ({"starts_at": "0001-01-01T00:00:00Z"}, "/starts_at"),
    ({"ends_at": "2026-06-01T00:00:00Z"}, "/ends_at"),
    ({"ends_at": "9999-12-31T23:59:59Z"}, "/ends_at"),
    ({"time_zone": "Mars/Olympus"}, "/time_zone"),
    ({"time_zone": "../../etc/passwd"}, "/time_zone"),
    ({"display_order": -1}, "/display_order"),
    ({"display_order": 1.5}, "/display_order"),
    ({"display_order": 10**30}, "/display_order"),
    ({"labels": {"a": 1}}, "/labels/a"),
    ({"labels": {"a": "x" * 101}}, "/labels/a"),
    ({"labels": {" ": "x"}}, "/labels/ "),
    ({"labels": {str(number): "x" for number in range(51)}}, "/labels"),
    ({"labels": ["summer"]}, "/labels"),
    ({"visibility": {}}, "/visibility"),
    ({"visibility": None}, "/visibility"),
    ({"visibility": {"everyone": True, "tiers": ["gold"]}}, "/visibility/everyone"),
    ({"audience": {"segments": ["gold"]}}, "/audience/segments/0"),
    ({"audience": {"segments": ["vip"] * 1001}}, "/audience/segments"),
    ({"audience": {"tiers": [""]}}, "/audience/tiers/0"),
    ({"audience": {"tiers": [" "]}}, "/audience/tiers/0"),
    ({"audience": {"tiers": "gold"}}, "/audience/tiers"),
    ({"audience": {"lists": ["vip"]}}, "/audience/lists"),
    ({"rules": [{"name": "Prize", "effects": []}]}, "/rules/0/effects"),
    ({"rules": [{"name": "Prize"}]}, "/rules/0/effects"),
    (prize(name=""), "/rules/0/name"),
    (prize(*[UNITS] * 11), "/rules/0/effects"),
    ({"rules": prize()["rules"] * 21}, "/rules"),
    ({"rules": prize(UNITS | {"units": "1" * 10 + "0" * 3980 + "* 1"})["rules"] * 18}, "/rules"),
    (prize({"kind": "give_cash"}), "/rules/0/effects/0/kind"),
    (prize(UNITS | {"account": "gems"}), "/rules/0/effects/0/account"),
    (prize({"kind": "give_units", "account": "points"}), "/rules/0/effects/0/units"),
    (prize({"kind": "give_units", "units": "1"}), "/rules/0/effects/0/account"),
    (prize(UNITS | {"badge": "medal"}), "/rules/0/effects/0/badge"),
    (prize({"kind": "issue_coupon", "coupon": "FREE"}), "/rules/0/effects/0/coupon"),
    (prize({"kind": "give_reward", "reward": "car"}), "/rules/0/effects/0/reward"),
    (prize({"kind": "give_badge", "badge": "crown"}), "/rules/0/effects/0/badge"),
    (prize({"kind": "give_badge"}), "/rules/0/effects/0/badge"),
    (prize(UNITS | {"to": "referrer"}), "/rules/0/effects/0/to"),
    (prize(UNITS | {"to": "everyone"}), "/rules/0/effects/0/to"),
    (units(""), "/rules/0/effects/0/units"),
    (units(0), "/rules/0/effects/0/units"),
    (units("-5"), "/rules/0/effects/0/units"),
    (units("0.4"), "/rules/0/effects/0/units"),
    (units(True), "/rules/0/effects/0/units"),
    (units("NaN"), "/rules/0/effects/0/units"),
    (units("1e999999999"), "/rules/0/effects/0/units"),
    (units("9" * 100_000), "/rules/0/effects/0/units"),
    (units("1 / 0"), "/rules/0/effects/0/units"),
    (units("transaction.total > 2"), "/rules/0/effects/0/units"),
    (units("transaction.totl"), "/rules/0/effects/0/units"),
    (units("event.attributes.reps"), "/rules/0/effects/0/units"),
    (units("__import__('os')"), "/rules/0/effects/0/units"),
    (units("(" * 3000), "/rules/0/effects/0/units"),
    (prize(conditions={}), "/rules/0/conditions"),
    (prize(conditions=[]), "/rules/0/conditions"),
    (prize(conditions={"expression": "transaction.total"}), "/rules/0/conditions/expression"),
    (prize(conditions={"all": [{"any": []}]}), "/rules/0/conditions/all/0/any"),
    (prize(conditions={"all": [FAR | {"value": "much"}]}), "/rules/0/conditions/all/0/value"),
    (prize(conditions={"all": [FAR | {"attribute": "basket.total"}]}), "/rules/0/conditions/all/0/attribute"),
    ({"limits": {"member_executions": {"value": 0}}}, "/limits/member_executions/value"),
    ({"limits": {"member_executions": {"value": "1.5"}}}, "/limits/member_executions/value"),
    ({"limits": {"member_executions": {"value": True}}}, "/limits/member_executions/value"),
    ({"limits": {"member_executions": 1}}, "/limits/member_executions"),
    ({"limits": {"member_units": {"value": "-1"}}}, "/limits/member_units/value"),
    ({"limits": {"referrer_units": {"value": 5}}}, "/limits/referrer_units"),
    ({"type": "referral", "limits": {"referrer_executions": {"value": 0}}}, "/limits/referrer_executions/value"),
    ({"limits": {"total_units": {"value": "Infinity"}}}, "/limits/total_units/value"),
    ({"limits": {"total_units": {"interval": None}}}, "/limits/total_units/value"),
    (budget(unit="minute"), "/limits/total_units/interval/unit"),
    (budget(unit="day", n=0), "/limits/total_units/interval/n"),
    (budget(unit="week", n=54), "/limits/total_units/interval/n"),
    (budget(unit="year", n="1"), "/limits/total_units/interval/n"),
    ({"limits": {"on_exhausted": "borrow"}}, "/limits/on_exhausted"),
    ({"limits": None}, "/limits"),
    ({"state": "active"}, "/state"),
    ({"budget": 7}, "/budget"),
]  # fmt: skip


async def test_a_bad_campaign_is_refused_with_its_place(program: Program) -> None:
    path = await saved(program)
    head = program.head()
    for fields, pointer in BAD_CAMPAIGNS:
        body = campaign_body(**fields)
        assert list(pointers(await program.post("/campaigns", body))) == [pointer], fields
        assert list(pointers(await program.put(path, body, if_match='"1"'))) == [pointer], fields
    assert program.head() == head


async def test_all_faults_are_told_at_once(program: Program) -> None:
    found = pointers(
        await program.post(
            "/campaigns",
            campaign_body(
                name=" ",
                achievement=str(GOAL),
                rules=[
                    {"name": "A", "conditions": {"expression": "memer.tier == 'gold'"}, "effects": [UNITS]},
                    {"name": "B", "effects": [UNITS | {"units": "1 *\n  transaction.amonut"}, {"kind": "give_badge"}]},
                ],
            ),
        )
    )
    assert list(found) == [
        "/name",
        "/rules/1/effects/1/badge",
        "/rules/0/conditions/expression",
        "/rules/1/effects/0/units",
    ]
    assert "line 1, column 1" in found["/rules/0/conditions/expression"]
    assert "line 2, column 3: no attribute `transaction.amonut`" in found["/rules/1/effects/0/units"]


async def test_a_misspelt_attribute_is_answered_with_a_hint(program: Program) -> None:
    refused = await program.post("/campaigns", campaign_body(**units("event.attributes.minuts * 2")))
    (error,) = refused.json()["errors"]
    assert error["code"] == "expression"
    assert error["detail"].endswith("did you mean `event.attributes.minutes`?")


async def test_an_expression_names_what_the_achievement_takes(program: Program) -> None:
    await define(program, GOAL, FactKind.EVENT, revision=2)
    for name in ("transaction.total", "count(items)"):
        refused = await program.post("/campaigns", campaign_body(**units(name)))
        assert list(pointers(refused)) == ["/rules/0/effects/0/units"]
    for name in ("event.attributes.minutes", "achievement.completions", "progress.value", "1 * member.attributes.age"):
        assert (await program.post("/campaigns", campaign_body(**units(name)))).status_code == 201, name


async def test_what_a_coupon_is_worth_must_be_known_when_it_is_issued(program: Program) -> None:
    await program.put("/coupons/TENTH", {"generator": {}, "value": "0.1 * transaction.total"})
    issued = prize({"kind": "issue_coupon", "coupon": "TENTH"})
    assert (await program.post("/campaigns", campaign_body(**issued))).status_code == 201
    await define(program, GOAL, FactKind.EVENT, revision=2)
    refused = pointers(await program.post("/campaigns", campaign_body(**issued)))
    assert "transaction.total" in refused["/rules/0/effects/0/coupon"]


async def test_a_condition_beyond_measure_is_refused(program: Program) -> None:
    head = program.head()
    for depth in (11, 200, 400, 450, 490, 10_000):
        nested = '{"all": [' * depth + "]}" * depth
        raw = dumps(campaign_body(**prize(conditions="here"))).replace('"here"', nested)
        assert (await program.post("/campaigns", raw)).status_code in (400, 422), depth
    assert (await program.post("/campaigns", "[" * 100_000)).status_code in (400, 422)
    assert (await program.post("/campaigns", "")).status_code == 400
    for value in ("1e999999999", "9" * 100_000):
        raw = dumps(campaign_body(**prize(conditions=FAR | {"value": 7}))).replace('"value": 7', f'"value": {value}')
        assert (await program.post("/campaigns", raw)).status_code in (400, 422)
    assert program.head() == head


async def test_an_edit_is_of_the_version_that_was_seen(program: Program) -> None:
    path = await saved(program)
    head = program.head()
    assert (await program.put(path, campaign_body(name="B"))).status_code == 428
    assert (await program.put(path, campaign_body(name="B"), if_match='"2"')).status_code == 412
    assert (await program.put(path, campaign_body(name="B"), if_match="2")).status_code == 422
    same = await program.put(path, campaign_body(), if_match='"1"')
    assert (same.status_code, same.headers["etag"], same.json()["revision"]) == (200, '"1"', 1)
    assert program.head() == head
    edited = await program.put(path, campaign_body(name="B"), if_match='"1"')
    assert (edited.status_code, edited.headers["etag"], edited.json()["revision"]) == (200, '"2"', 2)
    async with running(program.conninfo) as other:
        twins = await asyncio.gather(
            *[
                each.put(path, campaign_body(name=f"Twin {number}"), if_match='"2"')
                for each in (program, other)
                for number in range(3)
            ]
        )
    assert sorted(twin.status_code for twin in twins) == [200, 412, 412, 412, 412, 412]


async def test_the_life_of_a_campaign(program: Program) -> None:
    path = await saved(program)
    assert (await refusal(program, f"{path}/pause")) == (409, "wrong_status")
    active = await program.post(f"{path}/activate")
    assert (active.json()["status"], active.headers["etag"]) == ("active", '"2"')
    assert active.json()["activated_at"] == "2026-09-10T12:00:00Z"
    assert (await program.post(f"{path}/activate")).headers["etag"] == '"2"'
    paused = (await program.post(f"{path}/pause")).json()
    assert (paused["status"], paused["revision"]) == ("paused", 1)
    assert (await program.post(f"{path}/pause")).json()["version"] == paused["version"]
    program.clock.at += days(1)
    again = (await program.post(f"{path}/activate")).json()
    assert (again["status"], again["activated_at"]) == ("active", "2026-09-11T12:00:00Z")
    assert list(pointers(await program.put(path, campaign_body(rules=[]), if_match="*"))) == ["/rules"]
    assert (await program.post(f"{path}/activate", {"now": True})).status_code == 422
    deleted = await delete(program, path)
    assert (deleted.status_code, deleted.json()["status"], deleted.headers["etag"]) == (200, "deleted", '"5"')
    assert deleted.json()["position"] == deleted.headers["laurel-position"] == str(program.head())
    head = program.head()
    assert (await delete(program, path)).json()["status"] == "deleted"
    for change in ("activate", "pause"):
        assert (await refusal(program, f"{path}/{change}")) == (409, "wrong_status")
    edited = await program.put(path, campaign_body(name="B"), if_match='"5"')
    assert (edited.status_code, edited.json()["code"]) == (409, "wrong_status")
    assert program.head() == head


async def refusal(program: Program, path: str) -> tuple[int, str]:
    answered = await program.post(path)
    return answered.status_code, answered.json()["code"]


async def test_a_campaign_ends_by_itself_and_can_be_extended(program: Program) -> None:
    path = await saved(program, ends_at="2026-09-20T00:00:00Z")
    await program.post(f"{path}/activate")
    program.clock.at += days(20)
    for change in ("activate", "pause"):
        assert (await refusal(program, f"{path}/{change}")) == (409, "wrong_status")
    renamed = campaign_body(name="B", ends_at="2026-09-20T00:00:00Z")
    assert (await program.put(path, renamed, if_match="*")).json()["status"] == "ended"
    extended = campaign_body(ends_at="2026-12-01T00:00:00Z")
    assert (await program.put(path, extended, if_match="*")).json()["status"] == "active"
    assert (await program.post(f"{path}/pause")).json()["status"] == "paused"


async def test_a_draft_of_the_past_is_for_facts_that_come_late(program: Program) -> None:
    path = await saved(program, starts_at="1997-01-01T00:00:00Z", ends_at="1998-01-01T00:00:00Z")
    activated = await program.post(f"{path}/activate")
    assert (activated.status_code, activated.json()["status"]) == (200, "ended")


async def test_a_delete_names_the_version_only_if_it_wants_to(program: Program) -> None:
    path = await saved(program)
    assert (await delete(program, path, if_match='"2"')).status_code == 412
    assert (await delete(program, path, if_match="2")).status_code == 422
    assert (await delete(program, path, if_match='"1"')).json()["status"] == "deleted"
    other = await saved(program)
    assert (await delete(program, other, if_match="*")).status_code == 200


async def test_a_campaign_on_an_archived_achievement_is_not_activated(program: Program) -> None:
    path = await saved(program)
    await program.writer.submit(lambda working: working.record(ACHIEVEMENT.of(GOAL), achievements.Archived(GOAL)))
    assert (await refusal(program, f"{path}/activate")) == (409, "achievement_archived")
    edited = await program.put(path, campaign_body(name="B"), if_match='"1"')
    assert (edited.status_code, edited.json()["errors"][0]["code"]) == (422, "archived")
    copy = await program.post(f"{path}/duplicate")
    assert (copy.status_code, copy.json()["status"]) == (201, "draft")


async def test_rules_that_fit_their_achievement_no_more_are_not_activated(program: Program) -> None:
    path = await saved(program)
    await define(program, GOAL, FactKind.EVENT, revision=2)
    assert (await refusal(program, f"{path}/activate")) == (409, "rules_outdated")


async def test_a_limit_may_be_lowered_and_its_interval_changed(program: Program) -> None:
    path = await saved(program)
    await program.post(f"{path}/activate")
    limits = {"total_units": {"value": "1", "interval": {"unit": "hour", "n": 168}}, "on_exhausted": "clamp"}
    edited = await program.put(path, campaign_body(limits=limits), if_match='"2"')
    assert (edited.status_code, edited.json()["revision"]) == (200, 2), edited.text
    assert edited.json()["limits"]["on_exhausted"] == "clamp"


async def test_a_duplicate_is_a_draft_by_another_name(program: Program) -> None:
    path = await saved(program, name="x" * 200)
    await program.post(f"{path}/activate")
    copied = await program.post(f"{path}/duplicate", idempotency_key="k-1")
    assert (copied.status_code, copied.headers["etag"]) == (201, '"1"'), copied.text
    copy = copied.json()
    assert (copy["status"], copy["revision"], copy["name"]) == ("draft", 1, "x" * 193 + " (copy)")
    assert {name: copy[name] for name in campaign_body() if name != "name"} == {
        name: value for name, value in campaign_body().items() if name != "name"
    }
    assert (await program.post(f"{path}/duplicate", idempotency_key="k-1")).json() == copy
    assert (await program.post(f"{path}/duplicate")).json()["id"] != copy["id"]
    await delete(program, path)
    assert (await program.post(f"{path}/duplicate")).status_code == 201


async def test_what_is_no_campaign_is_not_found(program: Program) -> None:
    tiered = await program.campaign()
    head = program.head()
    for unknown in (str(uuid4()), str(GOAL), tiered):
        path = f"/campaigns/{unknown}"
        assert (await program.put(path, campaign_body(), if_match="*")).status_code == 404
        assert (await delete(program, path)).status_code == 404
        for change in ("activate", "pause", "duplicate"):
            assert (await program.post(f"{path}/{change}")).status_code == 404
    assert (await program.put("/campaigns/7", campaign_body(), if_match="*")).status_code in (404, 422)
    assert program.head() == head


async def test_with_a_key_twins_make_one_campaign(program: Program) -> None:
    async with running(program.conninfo) as other:
        made = await asyncio.gather(
            *[
                each.post("/campaigns", campaign_body(), idempotency_key="k-1")
                for each in (program, other)
                for _ in range(3)
            ]
        )
    assert {answered.status_code for answered in made} == {201}
    assert len({answered.text for answered in made}) == 1
    other_body = await program.post("/campaigns", campaign_body(name="B"), idempotency_key="k-1")
    assert (other_body.status_code, other_body.json()["code"]) == (409, "idempotency_key_reused")
