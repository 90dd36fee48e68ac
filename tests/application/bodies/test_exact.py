import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

import msgspec
import pytest
from msgspec import Meta

from api.routes.facts.batch import BatchBody
from application.bodies.base import EmptyBody
from application.bodies.exact import (
    Amount,
    AttributeValue,
    Body,
    Code,
    Formula,
    Identifier,
    Instant,
    Malformed,
    convert,
    decode,
)
from application.catalogue.bodies import EventTypeBody
from application.facts.bodies import AcceptFact, EventBody, TransactionBody
from application.tiered.bodies import AudienceBody
from domain.values.problems import Invalid


class Tier(Body, frozen=True):
    start: Amount = msgspec.field(name="from")
    reward: Amount | None = None


class Order(Body, frozen=True):
    id: Identifier
    total: Amount
    at: Instant | None = None
    tiers: Annotated[tuple[Tier, ...], Meta(max_length=4)] = ()
    attributes: dict[Code, AttributeValue] = msgspec.field(default_factory=dict)
    count: Annotated[int, Meta(ge=1)] = 1
    nested: "Order | None" = None


def order(rest: str) -> bytes:
    return b'{"id":"a","total":"1"' + rest.encode() + b"}"


def problems(body: bytes) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        decode(Order, body)
    return {problem.pointer: problem.detail for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("1.0000000000000000000000001", "1.0000000000000000000000001"),
        ('"49.90"', "49.90"),
        ("12", "12"),
        ("1e2", "100"),
        ('"-0.00"', "0.00"),
        ("99999999999999999999", "99999999999999999999"),
        ("1e-7", "0.0000001"),
    ],
)
def test_amounts_are_read_exactly(written: str, amount: str) -> None:
    total = decode(Order, b'{"id":"a","total":' + written.encode() + b"}").total
    assert format(total, "f") == amount
    assert total.as_tuple() == Decimal(amount).as_tuple()


@pytest.mark.parametrize(
    "written",
    [
        '"NaN"',
        '"Infinity"',
        '"-inf"',
        "1e999999",
        "1e999999999999999999999",
        "-1e999999999999999999999",
        "1e-999999999999999999999",
        "0e999999999999999999999",
        "9" * 5_000,
        '"1e2"',
        '"1E+05"',
        '"+1"',
        '"1."',
        "true",
        "null",
        '""',
        '" 1"',
        '"1_000"',
        '"٣"',
        "[]",
        "{}",
    ],
)
def test_what_is_no_amount_is_refused_in_its_place(written: str) -> None:
    assert list(problems(b'{"id":"a","total":' + written.encode() + b"}")) == ["/total"]


@pytest.mark.parametrize("written", ["9" * 100_000, "1." + "9" * 100_000, '"' + "9" * 100_000 + '"'])
def test_a_hundred_thousand_digits_are_refused(written: str) -> None:
    assert list(problems(b'{"id":"a","total":' + written.encode() + b"}")) == ["/total"]


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_instants_beyond_the_calendar_in_utc_are_refused(text: str) -> None:
    assert "years 1 to 9999" in problems(order(f',"at":"{text}"'))["/at"]


def test_instants_are_read_as_utc() -> None:
    assert decode(Order, order(',"at":"2026-09-01T10:00:00+02:00"')).at == datetime(2026, 9, 1, 8, tzinfo=UTC)
    assert decode(Order, order(',"at":"0001-01-01T00:00:00Z"')).at == datetime(1, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "written", ['"2026-09-01T10:00:00"', '"2026-09-01"', "1756000000", '"soon"', '"2026-02-30T00:00:00Z"']
)
def test_instants_need_an_offset(written: str) -> None:
    assert "offset" in problems(order(f',"at":{written}'))["/at"]


def test_every_fault_is_named_with_its_place() -> None:
    found = problems(
        b'{"totle":1,"at":"x","tiers":[{"from":"1"},{},{"from":"1","rewart":2},{"from":true}],"attributes":{"a/b":"1","c":null},'
        b'"count":true,"nested":{"id":"","total":"1"}}'
    )
    assert set(found) == {
        "/totle",
        "/id",
        "/total",
        "/at",
        "/tiers/1/from",
        "/tiers/2/rewart",
        "/tiers/3/from",
        "/attributes/a~1b",
        "/attributes/c",
        "/count",
        "/nested/id",
    }
    assert "did you mean `total`?" in found["/totle"]
    assert "did you mean `reward`?" in found["/tiers/2/rewart"]


def test_attribute_numbers_keep_their_text() -> None:
    attributes = decode(Order, order(',"attributes":{"a":1.50,"b":true,"c":"x","d":12}')).attributes
    assert attributes == {"a": "1.50", "b": True, "c": "x", "d": "12"}


@pytest.mark.parametrize("escape", ["\\u0000", "\\ud800", "\\udfff", "\\ud800\\u0041"])
def test_what_no_database_stores_is_refused_where_it_stands(escape: str) -> None:
    body = f'{{"id":"a{escape}","total":"1","attributes":{{"x":"{escape}"}}}}'
    assert list(problems(body.encode())) == ["/id", "/attributes/x"]
    named = problems(f'{{"id":"a","total":"x","b{escape}":1,"attributes":{{"b{escape}":true}}}}'.encode())
    assert {pointer.removesuffix("A") for pointer in named} == {"/total", "/b\ufffd", "/attributes/b\ufffd"}


def test_escapes_of_what_can_be_stored_are_read() -> None:
    assert decode(Order, b'{"id":"a\\\\u0000","total":"1"}').id == "a\\u0000"
    assert decode(Order, b'{"id":"\\ud83d\\ude00","total":"1"}').id == "\U0001f600"


@pytest.mark.parametrize("number", ["1e999999999999999999999", "9" * 5_000])
def test_a_number_beyond_all_bounds_hides_no_other_fault(number: str) -> None:
    body = f'{{"id":{number},"total":{number},"count":{number},"more":{number},"tiers":[{{"from":"x"}}]}}'
    assert set(problems(body.encode())) == {"/id", "/total", "/count", "/more", "/tiers/0/from"}


@pytest.mark.parametrize(
    "written", ["", " ", " jane@x", "jane@x ", "\tjane", "jane\n", "\u00a0jane", "a\u2003", "a\x1f", "\x85a", "\ufeffa"]
)
def test_ids_have_no_white_space_at_their_ends(written: str) -> None:
    assert list(problems(msgspec.json.encode({"id": written, "total": "1"}))) == ["/id"]


@pytest.mark.parametrize(
    "invisible", list("\u200b\u200c\u200d\u200e\u200f\u202e\u2060\u2069\u00ad\u061c\u180e\ufeff\ufffb")
)
@pytest.mark.parametrize("written", ["{}", "{}jane", "jane{}", "jane{} ", "jane {}"])
def test_nor_anything_else_that_cant_be_seen(written: str, invisible: str) -> None:
    sent = {"id": written.format(invisible), "total": "1"}
    assert problems(msgspec.json.encode(sent)) == problems(b'{"id":" ","total":"1"}')


@pytest.mark.parametrize(
    "written",
    [
        "a",
        "jane doe",
        "a\nb",
        "ja\u200bne",
        "\U0001f600",
        "\U0001f468\u200d\U0001f469",
        "\u0646\u0645\u200c\u0627",
        "x" * 100,
    ],
)
def test_what_is_within_an_id_is_the_callers(written: str) -> None:
    assert decode(Order, msgspec.json.encode({"id": written, "total": "1"})).id == written


def test_what_is_no_json_any_more_is_read_by_the_same_rules() -> None:
    assert convert(Order, {"id": "a", "total": Decimal("1E+2")}) == decode(Order, b'{"id":"a","total":1e2}')
    with pytest.raises(Invalid) as caught:
        convert(Order, {"id": "a\x00", "total": "1e2", "tiers": [{"to": 1}]})
    assert [problem.pointer for problem in caught.value.problems] == [
        "/id",
        "/total",
        "/tiers/0/to",
        "/tiers/0/from",
    ]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"id":"a",\n "total": }', (2, 11)),
        (b'{"id":"a","total":NaN}', (1, 19)),
        (b"", (None, None)),
        (b'{"id":"a"', (1, 10)),
        (b'{"id":1,"x"', (1, 12)),
        (b'{"id":"\\x","total":"1"}', (1, 10)),
        (b'{"id":1,"total":Infinity}', (1, 17)),
        (b'{"id":"\xff","total":"1"}', (None, None)),
        (b'{"nested":' * 100_000, (None, None)),
    ],
)
def test_what_is_no_json_is_malformed(body: bytes, where: tuple[int | None, int | None]) -> None:
    with pytest.raises(Malformed) as caught:
        decode(Order, body)
    assert (caught.value.line, caught.value.column) == where


@pytest.mark.parametrize(
    ("kind", "body", "detail"),
    [
        (Order, {"id": "", "total": "1"}, "must have at least 1 character"),
        (Order, {"id": "a" * 101, "total": "1"}, "must have at most 100 characters"),
        (Order, {"id": 5, "total": "1"}, "must be a string, not an integer"),
        (Order, {"id": "a", "total": "1", "count": 0}, "must be at least 1"),
        (Order, {"id": "a", "total": "1", "nested": []}, "must be an object or null, not an array"),
        (Order, {"id": "a", "total": "1", "tiers": [{}] * 5}, "must have at most 4 elements"),
        (EventTypeBody, {"active": "no"}, "must be true or false, not a string"),
        (EventTypeBody, {"attributes": {"a": "float"}}, "must be `number` or `string` or `boolean` or `timestamp`"),
        (
            AudienceBody,
            {"lists": ["a/b"]},
            "must be 1 to 100 letters, digits, `_`, `.` or `-`, a letter or digit first",
        ),
        (EmptyBody, {"x": 1}, "no such field; there are none"),
        (EmptyBody, {"x" * 10_000: 1}, "no such field; there are none"),
        (AcceptFact, [], "must be an object, not an array"),
    ],
)
def test_faults_say_what_is_allowed(kind: type[Body], body: object, detail: str) -> None:
    with pytest.raises(Invalid) as caught:
        decode(kind, msgspec.json.encode(body))
    (problem,) = caught.value.problems
    assert problem.detail == detail
    assert len(problem.pointer) < 200


@pytest.mark.parametrize(
    "body",
    [
        b'{"id":"a","total":"1","items":[' + b'{"product":"a"},' * 200_000 + b"1]}",
        b'{"id":"a","total":"1","tiers":[' + b'{"from":1},' * 200_000 + b"1]}",
        b'{"id":"a","total":"1","' + b"x" * 5_000_000 + b'":1}',
    ],
)
def test_what_is_far_too_much_is_refused_at_once(body: bytes) -> None:
    began = time.process_time()
    assert problems(body)
    assert time.process_time() - began < 20


def test_facts_of_a_batch_are_not_looked_into() -> None:
    with pytest.raises(Invalid) as caught:
        decode(BatchBody, b'{"facts":[{},{"bogus":1}],"x":1}')
    assert [problem.pointer for problem in caught.value.problems] == ["/x"]


def test_reported_problems_are_bounded() -> None:
    assert len(problems(b"{" + b",".join(b'"x%d":1' % number for number in range(1000)) + b"}")) == 50


def test_depth_of_the_wrong_type_is_a_fault() -> None:
    assert list(problems(b'{"id":' + b"[" * 100_000)) == ["/id"]


@pytest.mark.parametrize(
    ("kind", "body", "pointer"),
    [
        (EventBody, {"id": "E", "type": "workout\n", "member": "M", "occurred_at": "2026-09-01T10:00:00Z"}, "/type"),
        (EventTypeBody, {"attributes": {"minutes\n": "number"}}, "/attributes/minutes\n"),
        (
            TransactionBody,
            {"id": "T", "member": "M", "purchased_at": "2026-09-01T10:00:00Z", "total": "1", "currency": "EUR\n"},
            "/currency",
        ),
        (Order, {"id": "a", "total": "1\n"}, "/total"),
    ],
)
def test_a_line_end_is_no_part_of_what_has_a_form(kind: type[Body], body: dict[str, object], pointer: str) -> None:
    with pytest.raises(Invalid) as caught:
        decode(kind, msgspec.json.encode(body))
    assert [problem.pointer for problem in caught.value.problems] == [pointer]


class Priced(Body, frozen=True):
    value: Formula | None = None


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("5", "5"),
        ("0.10", "0.10"),
        ('"5"', "5"),
        ('"0.1 * transaction.total"', "0.1 * transaction.total"),
        ("1e2", "100"),
    ],
)
def test_a_formula_is_a_number_or_an_expression(written: str, kept: str) -> None:
    assert decode(Priced, b'{"value":' + written.encode() + b"}").value == kept


@pytest.mark.parametrize("written", ["true", "[]", "{}", '""', f'"{"1" * 4001}"', "1" * 200, "1e400"])
def test_what_is_neither_is_no_formula(written: str) -> None:
    with pytest.raises(Invalid) as caught:
        decode(Priced, b'{"value":' + written.encode() + b"}")
    assert [problem.pointer for problem in caught.value.problems] == ["/value"]
