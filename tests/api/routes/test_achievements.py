import asyncio
from json import dumps
from typing import Any
from uuid import UUID, uuid4, uuid5

from tests.api.routes.program import Program, achievement_body, days, goal_body, pointers

PATH = "/achievements"


async def made(program: Program, **fields: Any) -> str:
    """The path of an achievement that is made."""
    answered = await program.post(PATH, achievement_body(**fields))
    assert answered.status_code == 201, answered.text
    return f"{PATH}/{answered.json()['id']}"


async def test_an_achievement_is_answered_as_it_was_sent(program: Program) -> None:
    await program.put("/badges/medal", {"name": "Medal"})
    limited = {"value": 3, "interval": {"unit": "week", "n": 2}}
    sent = achievement_body(
        badge="medal",
        rules=[
            goal_body(frequency=limited, period={"kind": "month"}, consecutive=3),
            goal_body(count={"kind": "sum", "expression": "transaction.total"}, goal="100.5"),
            goal_body(subject="referrer", unique_referee=True, period={"kind": "last_days", "n": 7}, conditions=None),
        ],
        limit=limited,
    )
    answer = await program.post(PATH, sent)
    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"'), answer.text
    answered = answer.json()
    assert UUID(answered["id"]).version == 7
    assert {name: answered[name] for name in sent} == sent
    own = {name: answered[name] for name in answered if name not in sent and name != "id"}
    position = str(program.head())
    assert own == {
        "position": position,
        "version": 1,
        "revision": 1,
        "status": "inactive",
        "active": False,
        "warnings": [],
    }


async def test_little_has_to_be_said(program: Program) -> None:
    rule = {"name": "A", "trigger": "transaction", "count": {"kind": "occurrences"}, "goal": 1}
    answered = (await program.post(PATH, {"name": "A", "rules": [rule], "active": True})).json()
    assert (answered["status"], answered["active"], answered["version"]) == ("active", True, 2)
    assert answered["rules"] == [goal_body(name="A", conditions=None, goal="1")]
    assert (answered["limit"], answered["timeframe"], answered["translations"]) == (None, None, {})


async def test_an_id_can_be_chosen_once(program: Program) -> None:
    chosen = str(uuid4())
    assert (await program.post(PATH, achievement_body(id=chosen))).json()["id"] == chosen
    head = program.head()
    again = await program.post(PATH, achievement_body(id=chosen))
    assert (again.status_code, again.json()["code"]) == (409, "exists")
    derived = str(uuid5(uuid4(), "a"))
    assert list(pointers(await program.post(PATH, achievement_body(id=derived)))) == ["/id"]
    assert list(pointers(await program.post(PATH, achievement_body(id="7")))) == ["/id"]
    assert program.head() == head


def ruled(**fields: Any) -> dict[str, Any]:
    return {"rules": [goal_body(), goal_body(**fields)]}


def worked(**fields: Any) -> dict[str, Any]:
    return ruled(**{"trigger": "event", "event_type": "workout", "conditions": None} | fields)


BAD_ACHIEVEMENTS: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "/name"),
    ({"name": "  "}, "/name"),
    ({"name": "x" * 201}, "/name"),
    ({"name": None}, "/name"),
    ({"name": "\x00"}, "/name"),
    ({"description": "x" * 4001}, "/description"),
    ({"translations": {"de": "Sommer"}}, "/translations/de"),
    ({"translations": {"de": {}}}, "/translations/de"),
    ({"translations": {"de": {"title": "x"}}}, "/translations/de/title"),
    ({"translations": {"x": {"name": "y"}}}, "/translations/x"),
    ({"translations": {"x" * 36: {"name": "y"}}}, f"/translations/{'x' * 36}"),
    ({"translations": {f"x{number}": {"name": "y"} for number in range(101)}}, "/translations"),
    ({"active": "yes"}, "/active"),
    ({"state": "active"}, "/state"),
    ({"level": 7}, "/level"),
    ({"timeframe": {}}, "/timeframe/kind"),
    ({"timeframe": {"kind": "sometimes"}}, "/timeframe/kind"),
    ({"timeframe": {"kind": "before"}}, "/timeframe/at"),
    ({"timeframe": {"kind": "before", "at": "soon"}}, "/timeframe/at"),
    ({"timeframe": {"kind": "before", "at": "2026-06-01T10:00:00"}}, "/timeframe/at"),
    ({"timeframe": {"kind": "between", "from": "2026-06-02", "to": "2026-06-01"}}, "/timeframe/to"),
    ({"timeframe": {"kind": "days_of_week", "days": [0]}}, "/timeframe/days/0"),
    ({"timeframe": {"kind": "days_of_week", "days": [8]}}, "/timeframe/days/0"),
    ({"timeframe": {"kind": "days_of_week", "days": [10**30]}}, "/timeframe/days/0"),
    ({"timeframe": {"kind": "days_of_month", "days": [1] * 32}}, "/timeframe/days"),
    ({"timeframe": {"kind": "months", "months": ["June"]}}, "/timeframe/months/0"),
    ({"timeframe": {"kind": "time_of_day", "from": "8", "to": "09:00"}}, "/timeframe/from"),
    ({"limit": 1}, "/limit"),
    ({"limit": {"value": 0}}, "/limit/value"),
    ({"limit": {"value": "1.5"}}, "/limit/value"),
    ({"limit": {"value": "NaN"}}, "/limit/value"),
    ({"limit": {"value": 10**18}}, "/limit/value"),
    ({"limit": {"value": 1, "interval": {"unit": "minute"}}}, "/limit/interval/unit"),
    ({"limit": {"value": 1, "interval": {"unit": "year", "n": 11}}}, "/limit/interval/n"),
    ({"badge": "medal"}, "/badge"),
    ({"badge": "no code"}, "/badge"),
    ({"rules": []}, "/rules"),
    ({"rules": [goal_body()] * 7}, "/rules"),
    ({"rules": None}, "/rules"),
    ({"rules": [{}]}, "/rules/0/name"),
    (ruled(name=""), "/rules/1/name"),
    (ruled(trigger="member"), "/rules/1/trigger"),
    (ruled(trigger="event", conditions=None), "/rules/1/event_type"),
    (ruled(trigger="event", event_type="swim", conditions=None), "/rules/1/event_type"),
    (ruled(event_type="swim"), "/rules/1/event_type"),
    (ruled(subject="nobody"), "/rules/1/subject"),
    (ruled(unique_referee=True), "/rules/1/unique_referee"),
    (ruled(conditions={}), "/rules/1/conditions"),
    (ruled(conditions={"expression": "transaction.totl > 20"}), "/rules/1/conditions/expression"),
    (ruled(conditions={"expression": "transaction.total"}), "/rules/1/conditions/expression"),
    (ruled(conditions={"expression": "a" * 100_000}), "/rules/1/conditions/expression"),
    (ruled(count={}), "/rules/1/count/kind"),
    (ruled(count={"kind": "sum"}), "/rules/1/count/expression"),
    (ruled(count={"kind": "sum", "expression": "transaction.totl"}), "/rules/1/count/expression"),
    (ruled(count={"kind": "sum", "expression": "transaction.total > 1"}), "/rules/1/count/expression"),
    (ruled(count={"kind": "sum", "expression": "(" * 5_000}), "/rules/1/count/expression"),
    (worked(count={"kind": "distinct", "attribute": "colour"}), "/rules/1/count/attribute"),
    (worked(count={"kind": "sum", "expression": "transaction.total"}), "/rules/1/count/expression"),
    (worked(count={"kind": "matching_quantity"}), "/rules/1/count/kind"),
    (ruled(count={"kind": "distinct", "attribute": ""}), "/rules/1/count/attribute"),
    (ruled(count={"kind": "distinct", "attribute": "transaction.totl"}), "/rules/1/count/attribute"),
    (worked(count={"kind": "distinct", "attribute": "transaction.total"}), "/rules/1/count/attribute"),
    (
        ruled(count={"kind": "matching_value", "items": {"expression": "item.colour > 1"}}),
        "/rules/1/count/items/expression",
    ),
    (ruled(count={"kind": "occurrences", "items": {"expression": "true"}}), "/rules/1/count/items"),
    (ruled(goal="0"), "/rules/1/goal"),
    (ruled(goal="-1"), "/rules/1/goal"),
    (ruled(goal="Infinity"), "/rules/1/goal"),
    (ruled(goal="1" * 100_000), "/rules/1/goal"),
    (ruled(count={"kind": "distinct", "attribute": "transaction.currency"}, goal=1001), "/rules/1/goal"),
    (ruled(period={"kind": "fortnight"}), "/rules/1/period/kind"),
    (ruled(period={"kind": "last_days"}), "/rules/1/period/n"),
    (ruled(period={"kind": "last_days", "n": 367}), "/rules/1/period/n"),
    (ruled(period={"kind": "day", "n": 2}), "/rules/1/period/n"),
    (ruled(consecutive=2), "/rules/1/consecutive"),
    (ruled(consecutive=0), "/rules/1/consecutive"),
    (ruled(consecutive=10**30), "/rules/1/consecutive"),
    (ruled(frequency={"value": 1, "interval": {"unit": "hour", "n": 169}}), "/rules/1/frequency/interval/n"),
]


async def test_a_bad_achievement_is_refused_with_its_place(program: Program) -> None:
    await program.put("/event-types/workout", {"attributes": {"minutes": "number"}})
    path = await made(program)
    head = program.head()
    for fields, pointer in BAD_ACHIEVEMENTS:
        body = achievement_body(**fields)
        found = list(pointers(await program.post(PATH, body)))
        assert found[0] == pointer, fields
        assert len(found) == 1 or fields == {"rules": [{}]}, fields
        for query in ("", "?dry_run=true"):
            changed = await program.put(path + query, body, if_match='"1"')
            assert list(pointers(changed)) == found, fields
    assert program.head() == head


async def test_a_body_beyond_measure_is_refused(program: Program) -> None:
    head = program.head()
    nested: Any = {"expression": "true"}
    for _ in range(200):
        nested = {"all": [nested]}
    assert (await program.post(PATH, achievement_body(rules=[goal_body(conditions=nested)]))).status_code == 422
    for value in ("1e999999999", "9" * 100_000, "-1e-999999999", "NaN"):
        raw = dumps(achievement_body(rules=[goal_body(goal=7)])).replace('"goal": 7', f'"goal": {value}')
        assert (await program.post(PATH, raw)).status_code in (400, 422), value
    for raw in ("", "[]", "null", '{"rules": ' + "[" * 100_000):
        assert (await program.post(PATH, raw)).status_code in (400, 422), raw[:20]
    assert program.head() == head


async def test_an_edit_is_of_the_version_that_was_seen(program: Program) -> None:
    path = await made(program)
    head = program.head()
    for query in ("", "?dry_run=true"):
        assert (await program.put(path + query, achievement_body(name="B"))).status_code == 428
        assert (await program.put(path + query, achievement_body(name="B"), if_match='"2"')).status_code == 412
        assert (await program.put(path + query, achievement_body(name="B"), if_match="2")).status_code == 422
    assert program.head() == head
    edited = await program.put(path, achievement_body(name="B"), if_match='"1"')
    assert (edited.status_code, edited.headers["etag"], edited.json()["revision"]) == (200, '"2"', 1)
    twins = await asyncio.gather(
        *[program.put(path, achievement_body(name=f"Twin {number}"), if_match='"2"') for number in range(5)]
    )
    assert sorted(twin.status_code for twin in twins) == [200, 412, 412, 412, 412]


async def test_what_gives_progress_its_meaning_makes_a_new_revision(program: Program) -> None:
    path = await made(program)
    same = await program.put(path, achievement_body(), if_match='"1"')
    assert (same.headers["etag"], same.json()["revision"]) == ('"1"', 1)
    edited = await program.put(path, achievement_body(rules=[goal_body(goal="6")]), if_match='"1"')
    assert (edited.headers["etag"], edited.json()["revision"]) == ('"2"', 2)
    edited = await program.put(path, achievement_body(rules=[goal_body(goal="6.0")], limit=None), if_match='"2"')
    assert (edited.headers["etag"], edited.json()["revision"]) == ('"3"', 2)


async def test_the_life_of_an_achievement(program: Program) -> None:
    path = await made(program)
    active = await program.post(f"{path}/activate")
    assert (active.json()["status"], active.headers["etag"]) == ("active", '"2"')
    assert (await program.post(f"{path}/activate")).headers["etag"] == '"2"'
    refused = await program.post(f"{path}/archive")
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_status")
    assert (await program.post(f"{path}/deactivate")).json()["status"] == "inactive"
    assert (await program.post(f"{path}/archive")).json()["status"] == "archived"
    assert (await program.post(f"{path}/archive")).headers["etag"] == '"4"'
    head = program.head()
    for change in ("activate", "deactivate"):
        assert (await program.post(f"{path}/{change}")).status_code == 409
    for query in ("", "?dry_run=true"):
        assert (await program.put(path + query, achievement_body(name="B"), if_match='"4"')).status_code == 409
    for change in ("activate", "deactivate", "archive", "duplicate"):
        assert (await program.post(f"{path}/{change}", {"now": True})).status_code == 422
    assert program.head() == head


async def test_an_edit_may_activate_and_pause(program: Program) -> None:
    path = await made(program)
    edited = await program.put(path, achievement_body(name="B", active=True), if_match='"1"')
    assert (edited.json()["status"], edited.json()["name"], edited.headers["etag"]) == ("active", "B", '"3"')
    edited = await program.put(path, achievement_body(name="C"), if_match='"3"')
    assert (edited.json()["status"], edited.headers["etag"]) == ("active", '"4"')
    edited = await program.put(path, achievement_body(name="C", active=False), if_match='"4"')
    assert (edited.json()["status"], edited.headers["etag"]) == ("inactive", '"5"')


async def test_a_duplicate_is_an_inactive_copy(program: Program) -> None:
    path = await made(program, active=True, name="x" * 200)
    await program.put(path, achievement_body(active=True, rules=[goal_body(goal="6")]), if_match='"2"')
    one, other = [(await program.post(f"{path}/duplicate", Idempotency_Key=key)).json() for key in ("a", "b")]
    assert one["id"] != other["id"] != path.rpartition("/")[2]
    assert (one["name"], one["status"], one["version"], one["revision"]) == ("Summer buyer (copy)", "inactive", 1, 1)
    assert one["rules"] == [goal_body(goal="6")]
    again = await program.post(f"{path}/duplicate", Idempotency_Key="a")
    assert (again.status_code, again.json()) == (201, one)


async def test_a_copys_name_is_no_longer_than_names_are(program: Program) -> None:
    path = await made(program, name="x" * 200)
    assert (await program.post(f"{path}/duplicate")).json()["name"] == "x" * 193 + " (copy)"


async def test_a_request_that_repeats_is_carried_out_once(program: Program) -> None:
    body = achievement_body()
    first = await program.post(PATH, body, Idempotency_Key="k")
    head = program.head()
    again = await program.post(PATH, body, Idempotency_Key="k")
    assert (again.status_code, again.json(), again.headers["etag"]) == (201, first.json(), '"1"')
    other = await program.post(PATH, achievement_body(name="B"), Idempotency_Key="k")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert program.head() == head


async def test_an_unknown_achievement_is_not_found(program: Program) -> None:
    campaign = await program.campaign()
    head = program.head()
    for unknown in (uuid4(), "7", campaign):
        for change in ("activate", "deactivate", "archive", "duplicate"):
            assert (await program.post(f"{PATH}/{unknown}/{change}")).status_code == 404
        for query in ("", "?dry_run=true"):
            answered = await program.put(f"{PATH}/{unknown}{query}", achievement_body(), if_match='"1"')
            assert answered.status_code == 404
    assert program.head() == head


async def test_attributes_that_are_read_stay(program: Program) -> None:
    types = {"minutes": "number", "place": "string", "planned": "timestamp", "other": "number"}
    await program.put("/event-types/workout", {"attributes": types})
    rules = [
        {"count": {"kind": "sum", "expression": "event.attributes.minutes"}},
        {"count": {"kind": "distinct", "attribute": "place"}},
        {"conditions": {"attribute": "event.attributes.planned", "operator": "exists"}},
    ]
    path = await made(
        program,
        rules=[goal_body(**{"trigger": "event", "event_type": "workout", "conditions": None} | rule) for rule in rules],
    )
    changed = await program.put("/event-types/workout", {"attributes": {"place": "number"}}, if_match="*")
    assert list(pointers(changed)) == ["/attributes/minutes", "/attributes/place", "/attributes/planned"]
    kept = {name: kind for name, kind in types.items() if name != "other"}
    assert (await program.put("/event-types/workout", {"attributes": kept}, if_match="*")).status_code == 200
    await program.post(f"{path}/archive")
    assert (await program.put("/event-types/workout", {}, if_match="*")).status_code == 200
    refused = await program.post(f"{path}/duplicate")
    assert (refused.status_code, refused.json()["code"]) == (409, "outdated")


async def test_one_that_an_active_campaign_is_on_is_not_archived(program: Program) -> None:
    path = await made(program)
    effects = [{"kind": "give_units", "account": "points", "units": "100", "to": "member"}]
    body = {
        "name": "Prize",
        "achievement": path.rpartition("/")[2],
        "starts_at": "2026-09-01T00:00:00Z",
        "ends_at": "2026-09-20T00:00:00Z",
        "rules": [{"name": "A", "effects": effects}],
    }
    campaign = f"/campaigns/{(await program.post('/campaigns', body)).json()['id']}"
    assert (await program.post(f"{campaign}/activate")).status_code == 200
    head = program.head()
    refused = await program.post(f"{path}/archive")
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    assert program.head() == head
    await program.post(f"{campaign}/pause")
    other = await made(program)
    moved = await program.put(campaign, body | {"achievement": other.rpartition("/")[2]}, if_match="*")
    assert (moved.status_code, (await program.post(f"{path}/archive")).status_code) == (200, 200)
    await program.post(f"{campaign}/activate")
    assert (await program.post(f"{other}/archive")).status_code == 409
    program.clock.at += days(30)
    assert (await program.post(f"{other}/archive")).status_code == 200
