"""Bad input to the real server: what was wrong, where, what is allowed; nothing of it is stored and nobody waits."""

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.routes.program import campaign_body, transaction_body
from tests.api.server.processes import KEY, Service, until
from tests.support.database import fresh_database

TWINS = 20
FORM = "content-type: application/x-www-form-urlencoded"
UNKNOWN = "01a20089-08cf-73e0-80fc-783aebd0ffff"


@pytest.fixture(scope="module")
def service(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with fresh_database(server) as database:
        service = Service(database, tmp_path_factory.mktemp("service"), "--sandbox")
        try:
            yield service.ready()
        finally:
            service.close()
            service.stop()


def ask(service: Service, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
    """`body` is sent as it is where it is bytes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(body, bytes):
        named.setdefault("content-type", "application/json")
        return service.client.request(method, f"/v1{path}", content=body, headers=named)
    return service.client.request(method, f"/v1{path}", json=body, headers=named)


def head(service: Service) -> str:
    """The last position in the log."""
    return str(
        service.send("POST", "/expressions/check", {"context": {"entity": "member"}, "expression": "1"})["position"]
    )


def faults(response: httpx.Response) -> dict[str, str]:
    """What is said, by pointer or parameter."""
    assert response.status_code == 422, response.text
    return {fault.get("pointer", fault.get("parameter")): fault["detail"] for fault in response.json()["errors"]}


def twins(send: Callable[[int], httpx.Response]) -> list[httpx.Response]:
    """What `send` is answered for the numbers of as many twins, sent at once."""
    gate = Barrier(TWINS)

    def one(number: int) -> httpx.Response:
        gate.wait(30)
        return send(number)

    with ThreadPoolExecutor(TWINS) as threads:
        return list(threads.map(one, range(TWINS)))


def row(start: str, to: str | None, reward: str = "1") -> dict[str, Any]:
    return {"from": start, "to": to, "reward": reward}


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/transactions", transaction_body(status="refunded"), {"/status": "must be `pending` or `accepted`"}),
        (
            "/transactions",
            transaction_body(currency="eur"),
            {"/currency": "must be three capital letters, such as EUR"},
        ),
        ("/transactions", transaction_body(total="NaN"), {"/total": 'must be a decimal number, such as "49.90"'}),
        (
            "/transactions",
            transaction_body(total="9" * 100_000),
            {"/total": 'must be a decimal number, such as "49.90"'},
        ),
        (
            "/transactions",
            transaction_body(purchased_at="2026-09-01T10:00:00"),
            {"/purchased_at": "must have an offset, such as Z or +02:00"},
        ),
        (
            "/transactions",
            transaction_body(purchased_at="9999-12-31T23:59:59-05:00"),
            {"/purchased_at": "must lie in the years 1 to 9999 in UTC"},
        ),
        ("/tiered-campaigns", campaign_body(name="  "), {"/name": "must have 1 to 200 characters, not only spaces"}),
        ("/tiered-campaigns", campaign_body(duration="0 days"), {"/duration": "must be more than zero"}),
        ("/tiered-campaigns", campaign_body(occurrences=1001), {"/occurrences": "must be at most 1000"}),
        (
            "/tiered-campaigns",
            campaign_body(hit_type="any"),
            {"/hit_type": "must be `amount` or `hit_limit` or `percentage`"},
        ),
        (
            "/tiered-campaigns",
            campaign_body(aggregate={"attribute": "attributes.a b"}),
            {"/aggregate/attribute": "must be total, quantity, or attributes.NAME of a transaction"},
        ),
        (
            "/tiered-campaigns",
            campaign_body(time_zone="localtime"),
            {"/time_zone": "no time zone `localtime`; use a name such as Europe/Budapest"},
        ),
        (
            "/tiered-campaigns",
            campaign_body(starts_at="9999-12-01T00:00:00Z"),
            {"/starts_at": "the occurrences with their grace periods must stay between the years 1 and 9999"},
        ),
        (
            "/tiered-campaigns",
            campaign_body(tiers=[row("0", "50"), row("60", "100")]),
            {"/tiers/1/from": "leaves a hole after the row before, which ends at 50: must be 50 or 51"},
        ),
        (
            "/tiered-campaigns",
            campaign_body(tiers=[row("0", "50"), row("40", "100")]),
            {"/tiers/1/from": "overlaps the row before, which ends at 50: must be 50 or 51"},
        ),
        (
            "/tiered-campaigns",
            campaign_body(tiers=[row(str(n), str(n + 1)) for n in range(10_000)]),
            {"/tiers": "must have at most 50 elements"},
        ),
        (
            "/tiered-campaigns",
            campaign_body(filter={"expression": "transaction.totl > 1"}),
            {
                "/filter/expression": "line 1, column 1: no attribute `transaction.totl`; "
                "did you mean `transaction.total`?"
            },
        ),
        ("/batch", {"facts": [{}] * 1001}, {"/facts": "must have at most 1000 elements"}),
        ("/rebuilds", {"projections": "al"}, {"/projections": "must be `all`"}),
        (
            "/rebuilds",
            {"projections": "all", "as_of": "x"},
            {
                "/as_of": "must be a position, or an instant: "
                "must be an instant with offset, such as 2026-09-01T10:00:00+02:00"
            },
        ),
        (f"/tiered-campaigns/{UNKNOWN}/activate", {"x": 1}, {"/x": "no such field; there are none"}),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_what_is_allowed(
    service: Service, path: str, body: Any, expected: dict[str, str]
) -> None:
    before = head(service)
    assert faults(ask(service, "POST", path, body)) == expected
    assert head(service) == before


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "The body is empty; it must be JSON"),
        (b'{\n "id": "a",\n  member: 3}', "The body is not JSON: object keys must be strings (line 3, column 3)"),
        (b'{"total": NaN}', "The body is not JSON: invalid character (line 1, column 11)"),
        (b'\xef\xbb\xbf{"id":"a"}', "The body is not JSON: begins with a byte order mark; send it without"),
        (b'{"id":"\xff"}', "The body is not JSON: not UTF-8"),
        (b'{"attributes":' * 100_000, "The body is not JSON: nested too deeply"),
    ],
)
def test_what_is_no_json_is_said_where(service: Service, body: bytes, detail: str) -> None:
    answer = ask(service, "POST", "/transactions", body)
    assert (answer.status_code, answer.json()["detail"]) == (400, detail)


@pytest.mark.parametrize(
    "body",
    [
        b'{"id":"a","items":[' + b'{"product":"a"},' * 500_000 + b"1]}",
        b'{"' + b"x" * 8_000_000 + b'":1}',
        b'{"facts":[' + b"{}," * 2_000_000 + b"{}]}",
    ],
    ids=["items", "name", "facts"],
)
def test_a_huge_body_holds_up_nobody_and_is_answered_in_few_words(service: Service, body: bytes) -> None:
    began = time.monotonic()
    answer = ask(service, "POST", "/batch" if b"facts" in body else "/transactions", body)
    assert answer.status_code == 422
    assert len(answer.content) < 5_000
    assert time.monotonic() - began < 5


def test_a_condition_with_many_faults_is_answered_in_few_words(service: Service) -> None:
    body = {"context": {"entity": "member"}, "condition": {"any": [{"x": 1}] * 100_000}}
    answer = ask(service, "POST", "/expressions/check", body)
    assert answer.json()["errors"][0]["pointer"] == "/condition/any/0"
    assert len(answer.content) < 50_000


def test_a_bad_query_is_told_what_is_allowed(service: Service) -> None:
    said = faults(ask(service, "POST", "/imports?kind=zz", b"{}", content_type="application/x-ndjson"))
    assert said == {
        "kind": "must be `facts` or `members` or `list_members` or `products` or `coupon_codes` or `progress`"
    }
    assert "must be a position, or an instant" in faults(ask(service, "GET", "/decisions?as_of=x"))["as_of"]
    assert list(faults(ask(service, "GET", "/members?after=x"))) == ["after"]


def test_ids_in_paths_are_never_taken_for_another(service: Service) -> None:
    for path, member in (("a%2Fb", "a/b"), ("a%252Fb", "a%2Fb"), ("%EE%80%80", "\ue000"), ("%EF%BF%BD", "\ufffd")):
        assert ask(service, "PUT", f"/members/{path}", {}).json()["id"] == member
        assert ask(service, "GET", f"/members/{path}").json()["id"] == member
    before = head(service)
    for path in ("%ff", "a%fe", "%ed%a0%80"):
        assert faults(ask(service, "PUT", f"/members/{path}", {})) == {"member": "must be UTF-8, escaped byte by byte"}
    assert list(faults(ask(service, "PUT", "/members/a%00b", {}))) == ["member"]
    assert ask(service, "GET", "/nothing%2Fhere").status_code == 404
    assert head(service) == before


PATHS = (
    "/",
    "/sign-in",
    "/sign-out",
    "/members",
    "/members/a",
    "/members/a%2Fb",
    "/decisions",
    "/achievements",
    "/campaigns",
    "/static/laurel.css",
    "/health/ready",
    "/metrics",
    "/schema",
    "/problems/x",
    "/nothing",
    "/v1/members",
    "/v1/members/a",
    "/v1/transactions",
    "/v1/decisions",
    "/v1/feed",
    "/v1/clock",
    "/v1/nothing",
    f"/v1/tiered-campaigns/{UNKNOWN}/icon",
)
QUERIES = (
    "%ff",
    "a=%zz",
    "a=%",
    "&".join(f"q{number}=1" for number in range(3_000)),
    "next=%0d%0aX:%20y",
    "next=/%ff",
    "=",
    "&&&=&",
    "q=%00",
    "q=%ED%A0%80",
    "q[]=1",
    "cursor=%E2%80%A8",
    "limit=" + "9" * 40,
    "after=%D9%A3",
    "as_of=0001-01-01T00:00:00Z",
)
HEADERS = (
    "host: a:b:c",
    "host: [::1",
    "host: x:99999",
    "host: \xff",
    "host:",
    "cookie: =;=;;;\xff=\xff",
    "cookie: " + "a=b; " * 9_000,
    "cookie: laurel_session=\xff",
    "content-type: multipart/form-data",
    "content-type: multipart/form-data; boundary=x",
    "content-type: application/x-www-form-urlencoded; charset=klingon",
    "content-type: \xff",
    "accept: \xff",
    "accept: " + "a/b," * 3_000,
    "x-forwarded-for: \xff, a\r\nx-forwarded-proto: \xff",
    "range: bytes=0-" + "9" * 40,
    "if-match: x\r\nif-none-match: x",
    "if-modified-since: x",
    "prefer: wait=" + "9" * 40,
    "idempotency-key: \xff",
    "authorization: Bearer \xff",
    "authorization: Basic ///",
    "upgrade: websocket\r\nconnection: upgrade",
    "origin: \xff",
    "hx-request: true\r\nhx-current-url: \xff",
    "accept-encoding: gzip;q=zz, br;;;",
    "content-encoding: gzip",
)
BODIES = (b"a=1&" * 11, b"=&" * 2_000, b"a=%ff", b"\xff\xfe\x00", b"--x\r\n" * 1_000, b"{}")


@pytest.mark.parametrize("path", PATHS)
def test_no_odd_request_is_a_failure_of_ours(service: Service, path: str) -> None:
    signed_in = service.client.post("/sign-in", data={"key": KEY}).headers["set-cookie"].partition(";")[0]
    for odd in (
        *(("GET", f"{path}?{query}", "", b"") for query in QUERIES),
        *((method, path, header, b"") for header in HEADERS for method in ("GET", "POST")),
        *((method, path, FORM, body) for body in BODIES for method in ("POST", "PUT", "HEAD")),
        *((method, path, "", b"") for method in ("OPTIONS", "TRACE", "CONNECT", "PROPFIND", "DELETE", "PATCH")),
    ):
        for own in (f"cookie: {signed_in}", f"authorization: Bearer {KEY}"):
            status = asked_raw(service, *odd[:2], f"{odd[2]}\r\n{own}" if odd[2] else own, odd[3])
            assert 200 <= status < 500, (odd, own)


def asked_raw(service: Service, method: str, path: str, headers: str, body: bytes) -> int:
    """The status of the answer to a request that no client would send."""
    url = service.client.base_url
    host = "" if headers.startswith("host") else "host: a\r\n"
    head = f"{method} {path} HTTP/1.1\r\n{host}{headers}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    with socket.create_connection((url.host, url.port), timeout=30) as connection:
        connection.sendall(head.encode("latin-1") + body)
        answer = connection.makefile("rb").readline()
    return int(answer.split()[1])


def test_twins_of_a_fact_are_one(service: Service) -> None:
    name = uuid4().hex
    same = twins(lambda _: ask(service, "POST", "/transactions", transaction_body(id=name)))
    assert Counter(answer.status_code for answer in same) == {201: 1, 200: TWINS - 1}
    assert len({answer.json()["position"] for answer in same}) == 1
    name = uuid4().hex
    other = twins(lambda n: ask(service, "POST", "/transactions", transaction_body(id=name, total=f"{n + 100}")))
    assert Counter(answer.status_code for answer in other) == {201: 1, 409: TWINS - 1}


def test_twins_of_a_key_are_one(service: Service) -> None:
    same = twins(lambda _: ask(service, "POST", "/tiered-campaigns", campaign_body(), idempotency_key="same"))
    assert {answer.status_code for answer in same} == {201}
    assert len({answer.json()["id"] for answer in same}) == 1
    other = twins(
        lambda n: ask(service, "POST", "/tiered-campaigns", campaign_body(name=f"{n}"), idempotency_key="other"),
    )
    assert Counter(answer.status_code for answer in other) == {201: 1, 409: TWINS - 1}


def test_twins_of_an_import_are_one_and_a_broken_row_holds_up_no_other(service: Service) -> None:
    prefix = uuid4().hex
    lines = [b'{"event":{}}' if n == 399 else _line(f"{prefix}{n}") for n in range(1_000)]

    def send(body: bytes) -> httpx.Response:
        return ask(service, "POST", "/imports", body, content_type="application/x-ndjson", idempotency_key=prefix)

    found = twins(lambda _: send(b"\n".join(lines)))
    assert {answer.status_code for answer in found} == {202}
    (job,) = {answer.json()["id"] for answer in found}
    assert found[0].json()["position"] != "0"
    assert send(b"\n".join(lines[1:])).json()["code"] == "idempotency_key_reused"

    until(lambda: service.send("GET", f"/jobs/{job}")["status"] == "finished", service.said)
    assert service.send("GET", f"/jobs/{job}")["result"]["recorded"] == 999
    refused = [line for line in ask(service, "GET", f"/imports/{job}/errors").text.splitlines() if line]
    assert len(refused) == 1
    assert '"row":400' in refused[0]
    assert '"pointer":"/event/id"' in refused[0]


def _line(name: str) -> bytes:
    body = b'{"transaction":{"id":"%s","member":"M","purchased_at":"2026-09-01T00:00:00Z","total":"1"}}'
    return body % name.encode()
