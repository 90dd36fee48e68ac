from typing import Any

from tests.api.routes.program import Program, pointers

TRANSACTION = {"entity": "transaction"}
NOBODY = "018f0000-0000-7000-8000-00000000dead"


async def check(program: Program, **body: Any) -> dict[str, Any]:
    answered = await program.post("/expressions/check", {"context": TRANSACTION, **body})
    assert answered.status_code == 200, answered.text
    found: dict[str, Any] = answered.json()
    assert found.pop("position") == str(program.head())
    return found


async def test_a_good_expression_has_a_type_and_reads_attributes(program: Program) -> None:
    found = await check(program, expression="transaction.total * 2", expected="number")
    assert found == {"valid": True, "type": "number", "attributes": ["transaction.total"], "errors": []}


async def test_a_bad_expression_says_where_and_what_would_be_right(program: Program) -> None:
    found = await check(program, expression="transaction.totl > 1\n and 1", expected="boolean")
    assert (found["valid"], found["type"], found["attributes"]) == (False, None, [])
    assert [(error["line"], error["column"]) for error in found["errors"]] == [(1, 1), (2, 6)]
    assert found["errors"][0]["hint"] == "did you mean `transaction.total`?"


async def test_the_context_decides_what_can_be_named(program: Program) -> None:
    await program.put("/event-types/workout", {"attributes": {"minutes": "number"}})
    workout = {"entity": "event", "event_type": "workout"}
    assert (await check(program, context=workout, expression="event.attributes.minutes"))["type"] == "number"
    assert not (await check(program, context={"entity": "member"}, expression="transaction.total"))["valid"]
    assert (await check(program, context={"entity": "member"}, expression="member.tier"))["type"] == "text"


async def test_item_lines_and_campaigns_have_names_of_their_own(program: Program) -> None:
    assert (await check(program, context={"entity": "item"}, expression="item.category"))["type"] == "text"
    rule = {"name": "Buy", "trigger": "transaction", "count": {"kind": "occurrences"}, "goal": "1"}
    made = (await program.post("/achievements", {"name": "Buyer", "rules": [rule]})).json()["id"]
    campaign = {"entity": "campaign", "achievement": made}
    fired = await check(program, context=campaign, expression="transaction.total * achievement.completions")
    assert fired["type"] == "number"
    assert not (await check(program, context=campaign, expression="event.id == 1"))["valid"]


async def test_a_condition(program: Program) -> None:
    condition = {"all": [{"attribute": "transaction.attributes.channel", "operator": "eq", "value": "web"}]}
    found = await check(program, condition=condition)
    assert (found["valid"], found["type"], found["attributes"]) == (
        True,
        "boolean",
        ["transaction.attributes.channel"],
    )
    wrong = await check(program, condition={"any": [{"attribute": "transaction.totl", "operator": "is"}]})
    assert [error["pointer"] for error in wrong["errors"]] == ["/condition/any/0/operator"]


async def test_hostile_expressions_are_answered(program: Program) -> None:
    for expression in ("(" * 100_000, "a." * 50_000, "9" * 100_000, "1 ** 9 ** 9", "__import__('os')", "", "\n"):
        assert not (await check(program, expression=expression))["valid"]


async def test_what_is_no_question_is_refused(program: Program) -> None:
    for body, pointer in (
        ({}, ""),
        ({"expression": "1", "condition": {}}, ""),
        ({"condition": {}, "expected": "number"}, "/expected"),
        ({"expression": "1", "expected": "decimal"}, "/expected"),
        ({"expression": "1", "context": {"entity": "order"}}, "/context/entity"),
        ({"expression": "1", "context": {"entity": "event"}}, "/context/event_type"),
        ({"expression": "1", "context": {"entity": "event", "event_type": "swim"}}, "/context/event_type"),
        ({"expression": "1", "context": {"entity": "member", "event_type": "swim"}}, "/context/event_type"),
        ({"expression": "1", "context": {}}, "/context/entity"),
        ({"expression": "1", "context": {"entity": "campaign"}}, "/context/achievement"),
        ({"expression": "1", "context": {"entity": "campaign", "achievement": NOBODY}}, "/context/achievement"),
        ({"expression": "1", "context": {"entity": "item", "achievement": NOBODY}}, "/context/achievement"),
        ({"expression": "x" * 100_001}, "/expression"),
        ({"expression": 1}, "/expression"),
        ({"expression": "1", "strict": True}, "/strict"),
    ):
        answered = await program.post("/expressions/check", {"context": TRANSACTION, **body})
        assert list(pointers(answered)) == [pointer], body
