"""What every request goes through: keys, roles, bodies, queries, versions, positions, errors."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from litestar import get
from litestar.testing import AsyncTestClient

from api.documentation.openapi import Inexact
from api.http.request import Request
from api.http.routing import READERS, read
from api.server.app import Laurel, create_app
from application.service.settings import load
from tests.api.http.frame import NOW, framed, services, stored

BOX = {"name": "A box", "size": "49.90"}


@pytest.fixture
async def client() -> AsyncIterator[AsyncTestClient[Laurel]]:
    stored.clear()
    settings = load({"read_wait_seconds": 0, "body_limit": 2048}, {}).settings
    async with AsyncTestClient(framed(settings=settings)) as client:
        client.headers["authorization"] = "Bearer admin"
        yield client


def assert_problem(answer: Any, status: int, name: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["type"] == f"/problems/{name}"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert "laurel-position" not in answer.headers
    return body


async def test_a_command_states_its_position_and_version(client: AsyncTestClient[Laurel]) -> None:
    answer = await client.put("/v1/boxes/a", json=BOX)
    assert answer.status_code == 200
    assert answer.json() == {"position": "8", "box": {"code": "a", "name": "A box", "size": "49.9", "made_at": None}}
    assert answer.headers["laurel-position"] == "8"
    assert answer.headers["etag"] == '"1"'
    assert len(answer.headers["x-request-id"]) == 36


async def test_a_read_states_the_position_it_has_reached(client: AsyncTestClient[Laurel]) -> None:
    answer = await client.get("/v1/boxes?after=7")
    assert answer.json() == {"data": [], "next": None, "position": "7"}
    assert answer.headers["laurel-position"] == "7"


async def test_a_read_that_has_not_come_so_far_says_when_to_try_again(client: AsyncTestClient[Laurel]) -> None:
    answer = await client.get("/v1/boxes?after=8")
    assert assert_problem(answer, 503, "unavailable")["code"] == "behind"
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("position", ["", "x", "-1", "1.0", "9" * 19, "٣", "1 "])
async def test_what_is_no_position_is_refused(client: AsyncTestClient[Laurel], position: str) -> None:
    answer = await client.get("/v1/boxes", params={"after": position})
    body = assert_problem(answer, 422, "validation")
    assert body["errors"][0]["parameter"] == "after"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer nobody", "Basic admin", "admin"])
async def test_a_key_is_needed(client: AsyncTestClient[Laurel], header: str | None) -> None:
    del client.headers["authorization"]
    answer = await client.get("/v1/boxes", headers={} if header is None else {"authorization": header})
    assert_problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("role", "status"), [("operator", 200), ("analyst", 403), ("auditor", 403), ("integration", 403)]
)
async def test_a_role_is_needed(client: AsyncTestClient[Laurel], role: str, status: int) -> None:
    answer = await client.put("/v1/boxes/a", json=BOX, headers={"authorization": f"Bearer {role}"})
    assert answer.status_code == status
    if status == 403:
        assert "admin, operator" in assert_problem(answer, 403, "forbidden")["detail"]


async def test_the_key_is_asked_for_before_the_body_is_read(client: AsyncTestClient[Laurel]) -> None:
    answer = await client.put("/v1/boxes/a", content=b"{", headers={"authorization": "Bearer nobody"})
    assert_problem(answer, 401, "unauthenticated")


async def test_every_bad_field_has_its_pointer(client: AsyncTestClient[Laurel]) -> None:
    body = {"name": 5, "sise": "1", "labels": ["ok", "not ok", True], "made_at": "2026-01-01T00:00:00"}
    answer = await client.put("/v1/boxes/a", json=body)
    errors = assert_problem(answer, 422, "validation")["errors"]
    assert {error["pointer"] for error in errors} == {
        "/name", "/sise", "/size", "/labels/1", "/labels/2", "/made_at",
    }  # fmt: skip


async def test_what_is_no_json_says_where(client: AsyncTestClient[Laurel]) -> None:
    answer = await client.put("/v1/boxes/a", content=b'{"name":\n nope}', headers={"content-type": "application/json"})
    assert "line 2, column 6" in assert_problem(answer, 400, "malformed")["detail"]


@pytest.mark.parametrize("body", [b"", b"   "])
async def test_an_empty_body_is_malformed(client: AsyncTestClient[Laurel], body: bytes) -> None:
    answer = await client.put("/v1/boxes/a", content=body, headers={"content-type": "application/json"})
    assert_problem(answer, 400, "malformed")


async def test_nesting_has_a_bottom(client: AsyncTestClient[Laurel]) -> None:
    for piece in (b"[", b'{"a":'):
        content = b'{"a":' + piece * 400
        answer = await client.post("/v1/deep", content=content, headers={"content-type": "application/json"})
        assert_problem(answer, 400, "malformed")


async def test_a_body_over_the_limit_is_refused(client: AsyncTestClient[Laurel]) -> None:
    answer = await client.put("/v1/boxes/a", content=b" " * 2049, headers={"content-type": "application/json"})
    assert "2048" in assert_problem(answer, 413, "too-large")["detail"]


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ('Application/JSON; charset="UTF-8"', 200),
        ("application/json; charset=latin-1", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
    ],
)
async def test_the_media_type_of_a_body(client: AsyncTestClient[Laurel], content_type: str, status: int) -> None:
    content = b'{"name":"A box","size":"1"}'
    answer = await client.put("/v1/boxes/a", content=content, headers={"content-type": content_type})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 200),
        ("text/html, application/*;q=0.1", 200),
        ("application/json", 200),
        ("text/html", 406),
        ("*/*;q=0", 406),
    ],
)
async def test_what_is_accepted(client: AsyncTestClient[Laurel], accept: str, status: int) -> None:
    answer = await client.get("/v1/boxes", headers={"accept": accept})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limt=1", "limt"),
        ("limit=1&limit=2", "limit"),
        ("limit=none", "limit"),
        ("q=%00", "q"),
        ("size[gte]=x", "size[gte]"),
        ("size%5Bgte%5D=x", "size[gte]"),
        ("cursor=zzz", "cursor"),
        ("code[gte]=x", "code[gte]"),
    ],
)
async def test_a_bad_parameter_is_named(client: AsyncTestClient[Laurel], query: str, parameter: str) -> None:
    body = assert_problem(await client.get(f"/v1/boxes?{query}"), 422, "validation")
    assert [error["parameter"] for error in body["errors"]] == [parameter]


@pytest.mark.parametrize("query", ["q=%ff", "&".join(f"q{number}=1" for number in range(60))])
async def test_a_query_that_can_not_be_read(client: AsyncTestClient[Laurel], query: str) -> None:
    assert_problem(await client.get(f"/v1/boxes?{query}"), 400, "malformed")


async def test_a_typed_parameter_of_a_signature(client: AsyncTestClient[Laurel]) -> None:
    await client.put("/v1/boxes/a", json=BOX)
    assert (await client.get("/v1/boxes/a?deep=true")).status_code == 200
    body = assert_problem(await client.get("/v1/boxes/a?deep=perhaps"), 422, "validation")
    assert body["errors"][0]["parameter"] == "deep"


async def test_an_id_may_hold_a_slash_and_a_space(client: AsyncTestClient[Laurel]) -> None:
    assert (await client.put("/v1/boxes/a%2Fb%20%2525", json=BOX)).json()["box"]["code"] == "a/b %25"
    assert (await client.get("/v1/boxes/a%2fb%20%2525")).json()["code"] == "a/b %25"


@pytest.mark.parametrize("code", ["%00", "x" * 101])
async def test_an_id_that_can_not_be(client: AsyncTestClient[Laurel], code: str) -> None:
    body = assert_problem(await client.get(f"/v1/boxes/{code}"), 422, "validation")
    assert body["errors"][0]["parameter"] == "code"


async def test_versions(client: AsyncTestClient[Laurel]) -> None:
    async def put(**headers: str) -> Any:
        return await client.put("/v1/boxes/a", json=BOX, headers={k.replace("_", "-"): v for k, v in headers.items()})

    assert_problem(await put(if_match='"1"'), 412, "stale")
    assert (await put(if_none_match="*")).status_code == 200
    assert_problem(await put(if_none_match="*"), 412, "stale")
    assert_problem(await put(), 428, "version-required")
    assert (await put(if_match='"1"')).headers["etag"] == '"2"'
    assert_problem(await put(if_match='"1"'), 412, "stale")
    assert (await put(if_match='"1", "2"')).headers["etag"] == '"3"'
    assert (await put(if_match="*")).headers["etag"] == '"4"'
    assert_problem(await put(if_match="4"), 422, "validation")
    assert_problem(await put(if_match='W/"4"'), 422, "validation")
    assert_problem(await put(if_none_match='"4"'), 422, "validation")


async def test_an_idempotency_key_comes_with_what_was_asked(client: AsyncTestClient[Laurel]) -> None:
    async def digest(path: str, key: str, role: str = "admin", content: bytes = b"") -> str:
        headers = {"idempotency-key": key, "authorization": f"Bearer {role}"}
        answer = await client.post(path, headers=headers, content=content)
        return str(answer.json()["box"]["name"])

    first = await digest("/v1/boxes/a/open", "k")
    assert await digest("/v1/boxes/a/open", "k") == first
    others = {
        await digest("/v1/boxes/b/open", "k"),
        await digest("/v1/boxes/a/open", "k", "operator"),
        await digest("/v1/boxes/a/open", "k", content=b"1"),
    }
    assert len(others | {first}) == 4
    for key in ("", "x" * 201, "a b"):
        answer = await client.post("/v1/boxes/a/open", headers={"idempotency-key": key})
        assert_problem(answer, 422, "validation")
    assert (await client.post("/v1/boxes/a/open")).json()["box"]["name"] == "none"


async def test_paths_and_methods_that_are_not_there(client: AsyncTestClient[Laurel]) -> None:
    assert_problem(await client.get("/v1/nothing"), 404, "not-found")
    assert_problem(await client.get("/v1/boxes/none"), 404, "not-found")
    answer = await client.patch("/v1/boxes/a")
    assert_problem(answer, 405, "method-not-allowed")
    assert "PUT" in answer.headers["allow"]


async def test_a_failure_of_ours_leaks_nothing(
    client: AsyncTestClient[Laurel], capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await client.post("/v1/broken")
    body = assert_problem(answer, 500, "internal")
    assert body["instance"] == f"urn:uuid:{answer.headers['x-request-id']}"
    written = capsys.readouterr()
    assert answer.headers["x-request-id"] in written.out + written.err
    assert "M-7" not in answer.text + written.out + written.err


async def test_log_lines_name_routes_and_not_members(
    client: AsyncTestClient[Laurel], capsys: pytest.CaptureFixture[str]
) -> None:
    await client.put("/v1/boxes/M-secret", json={"name": "secret", "size": "1"})
    written = capsys.readouterr()
    assert "/v1/boxes/{code}" in written.out + written.err
    assert "secret" not in written.out + written.err


async def test_the_clock_without_a_sandbox(client: AsyncTestClient[Laurel]) -> None:
    answer = await client.get("/v1/clock")
    assert answer.json() == {
        "now": NOW.isoformat().replace("+00:00", "Z"),
        "sandbox": False,
        "moved": False,
        "position": "7",
    }
    for method, body in (("PUT", {"now": "2030-01-01T00:00:00Z"}), ("DELETE", None)):
        answer = await client.request(method, "/v1/clock", json=body)
        assert assert_problem(answer, 403, "forbidden")["code"] == "sandbox_only"


def test_a_route_without_roles_does_not_start() -> None:
    @get("/open")
    async def open_to_all() -> str:
        return ""

    with pytest.raises(TypeError, match="without `read` or `command`"):
        create_app(services(), [open_to_all])


def test_a_route_that_answers_plain_decimals_does_not_start() -> None:
    @read("/inexact", roles=READERS)
    async def inexact(request: Request) -> list[Decimal]:
        """Inexact."""
        return [Decimal(request.position)]

    with pytest.raises(Inexact):
        create_app(services(), [inexact])
