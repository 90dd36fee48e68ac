import asyncio
from base64 import b64decode
from json import dumps
from typing import Any
from uuid import UUID, uuid4, uuid5

from application.tiered import commands as tiered_campaigns
from domain.tiered.occurrence import Phase
from tests.api.routes.program import Program, campaign_body, days, pointers, running

PIXEL = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
TIER = {"from": "0", "to": "50", "reward": "10"}


async def test_a_campaign_is_answered_as_it_was_sent(program: Program) -> None:
    sent = campaign_body(filter={"expression": "transaction.total > 20"})
    made = await program.post("/tiered-campaigns", sent)
    assert (made.status_code, made.headers["etag"]) == (201, '"1"'), made.text
    answered = made.json()
    assert UUID(answered["id"]).version == 7
    assert {name: answered[name] for name in sent} == {
        **sent,
        "starts_at": "2026-08-31T22:00:00Z",
        "aggregate": {"attribute": "total"},
    }
    own = {name: answered[name] for name in answered if name not in sent and name != "id"}
    assert own == {
        "position": str(program.head()),
        "version": 1,
        "revision": 1,
        "status": "inactive",
        "missing": [],
        "warnings": [],
        "current_occurrence_ends_at": "2026-09-30T22:00:00Z",
        "ends_at": "2026-11-30T23:00:00Z",
        "next_evaluation_at": "2026-10-07T22:00:00Z",
        "recurring": True,
        "occurrences_remaining": 3,
    }


async def test_a_combination_is_answered_as_it_was_sent(program: Program) -> None:
    for sku in ("SKU-1", "SKU-2"):
        await program.put(f"/products/{sku}", {})
    aggregate = {
        "combination": [{"product": "SKU-1", "quantity": 2}, {"product": "SKU-2", "quantity": "1"}],
        "scope": "occurrence",
    }
    made = await program.post("/tiered-campaigns", campaign_body(aggregate=aggregate))
    assert made.json()["aggregate"] == {
        "combination": [{"product": "SKU-1", "quantity": "2"}, {"product": "SKU-2", "quantity": "1"}],
        "scope": "occurrence",
    }


async def test_a_draft_may_lack_what_it_takes_to_run(program: Program) -> None:
    made = await program.post("/tiered-campaigns", {"name": "Autumn"})
    assert made.status_code == 201
    answered = made.json()
    assert (answered["status"], answered["ends_at"], answered["occurrences_remaining"]) == ("draft", None, 0)
    required = ["starts_at", "duration", "occurrences", "entity", "aggregate", "hit_type", "tiers"]
    assert answered["missing"] == required
    refused = await program.post(f"/tiered-campaigns/{answered['id']}/activate")
    assert (refused.status_code, refused.json()["code"]) == (409, "incomplete")
    completed = await program.put(f"/tiered-campaigns/{answered['id']}", campaign_body(), if_match='"1"')
    assert (completed.json()["status"], completed.json()["missing"]) == ("inactive", [])


async def test_an_id_can_be_chosen_once(program: Program) -> None:
    chosen = str(uuid4())
    assert (await program.post("/tiered-campaigns", campaign_body(id=chosen))).json()["id"] == chosen
    head = program.head()
    again = await program.post("/tiered-campaigns", campaign_body(id=chosen))
    assert (again.status_code, again.json()["code"]) == (409, "exists")
    derived = str(uuid5(uuid4(), "a"))
    assert list(pointers(await program.post("/tiered-campaigns", campaign_body(id=derived)))) == ["/id"]
    assert list(pointers(await program.post("/tiered-campaigns", campaign_body(id="7")))) == ["/id"]
    assert program.head() == head


def rows(*edges: tuple[str, str | None]) -> list[dict[str, Any]]:
    return [{"from": start, "to": to, "reward": "1"} for start, to in edges]


BAD_CAMPAIGNS: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "/name"),
    ({"name": "x" * 201}, "/name"),
    ({"name": None}, "/name"),
    ({"translations": {"de": 7}}, "/translations/de"),
    ({"translations": {"not a locale": "x"}}, "/translations/not a locale"),
    ({"starts_at": "2026-09-01"}, "/starts_at"),
    ({"starts_at": "9999-12-31T00:00:00Z"}, "/starts_at"),
    ({"starts_at": "0001-01-01T00:00:00Z", "time_zone": "Pacific/Apia", "duration": "1 day"}, "/starts_at"),
    ({"duration": "0 minutes"}, "/duration"),
    ({"duration": "a while"}, "/duration"),
    ({"duration": "1000000000000 months"}, "/duration"),
    ({"grace_period": "-1 days"}, "/grace_period"),
    ({"preview_every": "0 days"}, "/preview_every"),
    ({"occurrences": 0}, "/occurrences"),
    ({"occurrences": 1001}, "/occurrences"),
    ({"occurrences": "3"}, "/occurrences"),
    ({"occurrences": 10**30}, "/occurrences"),
    ({"audience": {"segments": ["gold"]}}, "/audience/segments/0"),
    ({"audience": {"lists": ["vip"]}}, "/audience/lists/0"),
    ({"audience": {"tiers": ["gold"]}}, "/audience/tiers"),
    ({"time_zone": "Mars/Olympus"}, "/time_zone"),
    ({"time_zone": "../../etc/passwd"}, "/time_zone"),
    ({"entity": "member"}, "/entity"),
    ({"entity": "event", "event_type": "swim", "aggregate": None, "date": None}, "/event_type"),
    ({"event_type": "swim"}, "/event_type"),
    ({"aggregate": {"attribute": "colour"}}, "/aggregate/attribute"),
    ({"aggregate": {}}, "/aggregate"),
    ({"aggregate": {"combination": []}}, "/aggregate/combination"),
    ({"aggregate": {"combination": [{"product": "X", "quantity": 1}]}}, "/aggregate/combination/0/product"),
    ({"date": "occurred_at"}, "/date"),
    ({"hit_type": "points"}, "/hit_type"),
    ({"bracketed": "no"}, "/bracketed"),
    ({"tiers": rows(("0", "50"), ("52", "100"))}, "/tiers/1/from"),
    ({"tiers": rows(("0", "50"), ("40", "100"))}, "/tiers/1/from"),
    ({"tiers": rows(("0", "50"), ("51", None))}, "/tiers/1/to"),
    ({"tiers": rows(("0", "50"), ("51", "100")), "unlimited": True}, "/tiers/1/to"),
    ({"tiers": rows(("50", "0"))}, "/tiers/0/to"),
    ({"tiers": [TIER] * 10_000}, "/tiers"),
    ({"tiers": [{**TIER, "reward": "-1"}]}, "/tiers/0/reward"),
    ({"tiers": [{**TIER, "reward": "NaN"}]}, "/tiers/0/reward"),
    ({"tiers": [{**TIER, "to": "1" * 100_000}]}, "/tiers/0/to"),
    ({"tiers": [{"from": "0", "to": "1"}]}, "/tiers/0/reward"),
    ({"products": ["SKU-404"]}, "/products/0"),
    ({"filter": {"expression": "transaction.totl > 20"}}, "/filter/expression"),
    ({"filter": {"expression": "transaction.total"}}, "/filter/expression"),
    ({"filter": {"expression": "a" * 100_000}}, "/filter/expression"),
    ({"filter": {}}, "/filter"),
    ({"filter": {"none": []}}, "/filter"),
    ({"filter": {"all": [{"attribute": "transaction.total", "operator": "gte"}]}}, "/filter/all/0/value"),
    (
        {"filter": {"all": [{"attribute": "transaction.total", "operator": "like", "value": 1}]}},
        "/filter/all/0/operator",
    ),
    ({"account": "miles"}, "/account"),
    ({"rounding": "banker"}, "/rounding"),
    ({"confirmation": "never"}, "/confirmation"),
    ({"late": "maybe"}, "/late"),
    ({"state": "active"}, "/state"),
]


async def test_a_bad_campaign_is_refused_with_its_place(program: Program) -> None:
    made = await program.post("/tiered-campaigns", campaign_body())
    head = program.head()
    for fields, pointer in BAD_CAMPAIGNS:
        body = campaign_body(**fields)
        assert list(pointers(await program.post("/tiered-campaigns", body))) == [pointer], fields
        changed = await program.put(f"/tiered-campaigns/{made.json()['id']}", body, if_match='"1"')
        assert list(pointers(changed)) == [pointer], fields
    assert program.head() == head


async def test_numbers_in_a_filter_keep_their_digits(program: Program) -> None:
    tests = [
        {"attribute": "transaction.total", "operator": "gt", "value": number}
        for number in ("1.0000000000000000000000001", "1e2", "18446744073709551616", "20")
    ]
    body = campaign_body(filter={"all": tests})
    raw = dumps(body)
    for number in ("1.0000000000000000000000001", "1e2", "18446744073709551616", "20"):
        raw = raw.replace(f'"value": "{number}"', f'"value": {number}')
    made = await program.post("/tiered-campaigns", raw)
    kept = [test["value"] for test in made.json()["filter"]["all"]]
    assert kept == ["1.0000000000000000000000001", 100, "18446744073709551616", 20]
    same = await program.put(f"/tiered-campaigns/{made.json()['id']}", raw, if_match='"1"')
    assert (same.status_code, same.headers["etag"]) == (200, '"1"')


async def test_a_filter_beyond_measure_is_refused(program: Program) -> None:
    head = program.head()
    nested: Any = {"expression": "true"}
    for _ in range(200):
        nested = {"all": [nested]}
    assert (await program.post("/tiered-campaigns", campaign_body(filter=nested))).status_code == 422
    for value in ("1e999999999", "9" * 100_000, "-1e-999999999"):
        raw = dumps(campaign_body(filter={"attribute": "transaction.total", "operator": "gt", "value": 7}))
        answered = await program.post("/tiered-campaigns", raw.replace('"value": 7', f'"value": {value}'))
        assert answered.status_code in (400, 422), value
    deep = '{"name": "a", "filter": ' + '{"all": [' * 100_000 + "]}" * 100_000 + "}"
    assert (await program.post("/tiered-campaigns", deep)).status_code == 400
    assert program.head() == head


async def test_a_thousand_occurrences_of_a_minute(program: Program) -> None:
    made = await program.post("/tiered-campaigns", campaign_body(duration="1 minute", occurrences=1000))
    assert (made.status_code, made.json()["occurrences_remaining"]) == (201, 0)
    assert made.json()["ends_at"] == "2026-09-01T14:40:00Z"


async def test_an_edit_is_of_the_version_that_was_seen(program: Program) -> None:
    made = await program.post("/tiered-campaigns", campaign_body())
    path = f"/tiered-campaigns/{made.json()['id']}"
    head = program.head()
    assert (await program.put(path, campaign_body(name="B"))).status_code == 428
    assert (await program.put(path, campaign_body(name="B"), if_match='"2"')).status_code == 412
    assert (await program.put(path, campaign_body(name="B"), if_match="2")).status_code == 422
    assert program.head() == head
    edited = await program.put(path, campaign_body(name="B"), if_match='"1"')
    assert (edited.status_code, edited.headers["etag"], edited.json()["revision"]) == (200, '"2"', 2)
    assert (await program.put(path, campaign_body(name="C"), if_match='"1"')).status_code == 412
    twins = await asyncio.gather(
        *[program.put(path, campaign_body(name=f"Twin {number}"), if_match='"2"') for number in range(5)]
    )
    assert sorted(twin.status_code for twin in twins) == [200, 412, 412, 412, 412]


async def test_what_has_started_stays(program: Program) -> None:
    made = await program.post("/tiered-campaigns", campaign_body())
    path = f"/tiered-campaigns/{made.json()['id']}"
    head = program.head()
    for fields, pointer in (
        ({"starts_at": "2026-09-02T00:00:00+02:00"}, "/starts_at"),
        ({"duration": "2 weeks"}, "/duration"),
        ({"time_zone": "UTC"}, "/time_zone"),
        ({"tiers": []}, "/tiers"),
    ):
        assert list(pointers(await program.put(path, campaign_body(**fields), if_match='"1"'))) == [pointer]
    assert program.head() == head
    raised = await program.put(path, campaign_body(occurrences=5), if_match='"1"')
    assert raised.json()["occurrences_remaining"] == 5


async def test_the_life_of_a_campaign(program: Program) -> None:
    path = f"/tiered-campaigns/{await program.campaign()}"
    active = await program.post(f"{path}/activate")
    assert (active.json()["status"], active.headers["etag"]) == ("active", '"2"')
    refused = await program.post(f"{path}/archive")
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_status")
    assert (await program.post(f"{path}/deactivate")).json()["status"] == "inactive"
    archived = (await program.post(f"{path}/archive")).json()
    assert (archived["status"], archived["next_evaluation_at"], archived["occurrences_remaining"]) == (
        "archived",
        None,
        0,
    )
    head = program.head()
    for change in ("activate", "deactivate"):
        assert (await program.post(f"{path}/{change}")).status_code == 409
    assert (await program.put(path, campaign_body(name="B"), if_match='"4"')).status_code == 409
    assert (await program.post(f"{path}/activate", {"now": True})).status_code == 422
    assert program.head() == head


async def test_a_campaign_that_starts_later_is_scheduled(program: Program) -> None:
    made = await program.post("/tiered-campaigns", campaign_body(starts_at="2027-01-01T00:00:00Z", occurrences=1))
    answered = (await program.post(f"/tiered-campaigns/{made.json()['id']}/activate")).json()
    assert (answered["status"], answered["current_occurrence_ends_at"]) == ("scheduled", None)
    assert (answered["recurring"], answered["occurrences_remaining"]) == (False, 1)


async def test_what_is_evaluated_is_not_next(program: Program) -> None:
    campaign = await program.campaign()
    program.clock.at += days(40)
    started = await program.writer.submit(lambda working: tiered_campaigns.start_evaluation(working, UUID(campaign), 1))
    assert started.answer.phase is Phase.EVALUATING
    answered = (await program.post(f"/tiered-campaigns/{campaign}/activate")).json()
    assert (answered["next_evaluation_at"], answered["occurrences_remaining"]) == ("2026-11-07T23:00:00Z", 2)


async def test_an_unknown_campaign_is_not_found(program: Program) -> None:
    for change in ("activate", "deactivate", "archive", "previews"):
        for unknown in (uuid4(), "7"):
            assert (await program.post(f"/tiered-campaigns/{unknown}/{change}")).status_code == 404
    assert (await program.put(f"/tiered-campaigns/{uuid4()}", campaign_body(), if_match='"1"')).status_code == 404
    assert (await put_icon(program, str(uuid4()), PIXEL)).status_code == 404


async def test_an_icon_is_told_by_its_content(program: Program) -> None:
    campaign = await program.campaign()
    put = await put_icon(program, campaign, PIXEL)
    assert (put.status_code, put.json()["media_type"]) == (200, "image/png"), put.text
    assert put.json()["position"] == str(program.head())
    head = program.head()
    assert (await put_icon(program, campaign, PIXEL)).status_code == 200
    for content in (b"<svg/>", PIXEL[:-1], PIXEL + b"<script>", b"x" * 1_048_576):
        assert (await put_icon(program, campaign, content)).status_code == 422
    assert (await put_icon(program, campaign, b"x" * 1_048_577)).status_code == 413
    assert (await put_icon(program, campaign, PIXEL, "image/svg+xml")).status_code == 415
    assert program.head() == head


async def put_icon(program: Program, campaign: str, content: bytes, media_type: str = "image/png") -> Any:
    return await program.put(f"/tiered-campaigns/{campaign}/icon", content, content_type=media_type)


async def test_a_preview_is_frozen_and_its_calculation_started(program: Program) -> None:
    campaign = await program.campaign()
    asked = await program.post(f"/tiered-campaigns/{campaign}/previews")
    assert asked.status_code == 201, asked.text
    preview = asked.json()
    assert preview == {
        "position": str(program.head()),
        "id": preview["id"],
        "tiered_campaign": campaign,
        "status": "running",
        "occurrences": [1],
    }
    assert program.previews.started == [(UUID(campaign), UUID(preview["id"]))]


async def test_there_must_be_something_to_preview(program: Program) -> None:
    campaign = await program.campaign(starts_at="2027-01-01T00:00:00Z")
    head = program.head()
    asked = await program.post(f"/tiered-campaigns/{campaign}/previews")
    assert (asked.status_code, asked.json()["code"]) == (409, "nothing_to_preview")
    assert (program.head(), program.previews.started) == (head, [])


async def test_with_a_key_twins_make_one_campaign(program: Program) -> None:
    async with running(program.conninfo) as other:
        made = await asyncio.gather(
            *[
                each.post("/tiered-campaigns", campaign_body(), idempotency_key="k-1")
                for each in (program, other)
                for _ in range(5)
            ]
        )
    assert {answered.status_code for answered in made} == {201}
    assert len({answered.text for answered in made}) == 1
    assert {answered.headers["etag"] for answered in made} == {'"1"'}
    another = await program.post("/tiered-campaigns", campaign_body(), idempotency_key="k-2")
    assert another.json()["id"] != made[0].json()["id"]


async def test_with_a_key_one_preview_is_made(program: Program) -> None:
    path = f"/tiered-campaigns/{await program.campaign()}/previews"
    first = await program.post(path, idempotency_key="k-1")
    again = await program.post(path, idempotency_key="k-1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert len(set(program.previews.started)) == 1
