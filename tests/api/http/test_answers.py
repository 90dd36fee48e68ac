"""Whatever is read: HEAD answers with the headers of GET and no body, and what is long is compressed when asked for."""

import gzip
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from litestar import Response, get
from litestar.response import Stream

from api.http.compression import AT_ONCE_BYTES, SHORTEST_BYTES, _admits_gzip
from api.routes import ROUTES
from api.server.app import create_app
from tests.api.http.frame import framed, services
from tests.api.reads.program import ReadProgram, reading
from tests.api.routes.program import campaign_body
from tests.application.schedule.jobs.program import running
from tests.backoffice.pages import sign_in, visitor
from tests.domain.values.test_picture import PNG

TIERED = "01990000-0000-7000-8000-000000000001"
OURS = ("/schema", "/schema/openapi.json", "/health/live", "/health/ready", "/metrics", "/problems/stale", "/nothing")
PAGES = (
    "/",
    "/achievements",
    "/campaigns",
    "/decisions",
    "/members",
    "/members/M-none",
    "/sign-in",
    "/static/laurel.css",
)
OF_EACH = ("x-request-id",)
PACKED = gzip.compress(b"x" * 9_000_000)
LONG = {f"name-{number}": "text" for number in range(200)}


@pytest.fixture
async def program(database: str) -> AsyncIterator[ReadProgram]:
    async with reading(database) as program:
        yield program


async def head_is_get(client: httpx.AsyncClient, path: str) -> httpx.Response:
    shown, headed = await client.get(path), await client.head(path)
    assert headed.status_code == shown.status_code, path
    assert headed.content == b""
    if path == "/metrics":
        # the HEAD has been counted by then
        del headed.headers["content-length"], shown.headers["content-length"]
    assert _told(headed) == _told(shown), path
    return headed


def _told(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(name, value) for name, value in answer.headers.multi_items() if name not in OF_EACH]


async def test_head_works_wherever_get_does(program: ReadProgram) -> None:
    await program.put("/members/M-1", {})
    await program.post("/tiered-campaigns", campaign_body(id=TIERED, filter=None))
    await program.put(f"/tiered-campaigns/{TIERED}/icon", PNG, content_type="image/png")
    await program.follow()
    answered = {}
    for route in ROUTES:
        if "GET" in route.http_methods:
            for path in route.paths:
                answered[path] = (await head_is_get(program.client, f"/v1{_filled(path)}")).status_code
    assert len(answered) > 50
    assert answered["/tiered-campaigns/{campaign:uuid}"] == answered["/tiered-campaigns/{campaign:uuid}/icon"] == 200
    for path in OURS:
        program.client.headers.pop("authorization", None)
        assert (await head_is_get(program.client, path)).status_code == (404 if path == "/nothing" else 200)


def _filled(path: str) -> str:
    ids = {"member": "M-1", "campaign": TIERED, "number": "1"}
    return re.sub(r"{(\w+):(\w+)}", lambda part: ids.get(part[1], TIERED if part[2] == "uuid" else "none"), path)


async def test_head_works_for_pages(database: str) -> None:
    async with running(database, sandbox=True) as program, visitor(program) as client:
        await program.caught_up()
        client.headers["accept-encoding"] = "identity"  # they show the time, which is always as long
        assert (await head_is_get(client, "/")).status_code == 303
        await sign_in(client)
        for path in PAGES:
            assert (await head_is_get(client, path)).status_code == (404 if "none" in path else 200), path


async def test_what_has_no_get_has_no_head(program: ReadProgram) -> None:
    answer = await program.client.head("/v1/batch")
    assert (answer.status_code, answer.headers["allow"], answer.content) == (405, "OPTIONS, POST", b"")
    for answer in (await program.client.patch("/v1/members/M"), await program.client.options("/v1/members/M")):
        assert answer.headers["allow"] == "GET, HEAD, OPTIONS, PUT"
    unauthenticated = await program.client.head("/v1/members", headers={"authorization": ""})
    assert (unauthenticated.status_code, unauthenticated.content) == (401, b"")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Of an application with a long answer, a short one, a picture, one in many parts, and the frame's own."""

    @get("/long")
    async def long() -> dict[str, str]:
        return LONG

    @get("/huge")
    async def huge() -> Response[bytes]:
        return Response(b'"' + b"x" * AT_ONCE_BYTES + b'"', media_type="application/json", headers={"ETag": '"7"'})

    @get("/short")
    async def short() -> dict[str, str]:
        return {"a": "x" * (SHORTEST_BYTES - 20)}

    @get("/picture")
    async def picture() -> Response[bytes]:
        return Response(PNG + bytes(SHORTEST_BYTES), media_type="image/png")

    @get("/packed")
    async def packed() -> Response[bytes]:
        return Response(PACKED, media_type="text/csv", headers={"Content-Encoding": "gzip"})

    @get("/parts", sync_to_thread=False)
    def parts() -> Stream:
        def lines() -> Iterator[bytes]:
            for number in range(1_000):
                yield b"line %d\n" % number

        return Stream(lines(), media_type="text/csv")

    app = create_app(services(), (), [long, huge, short, picture, packed, parts])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://laurel") as client:
        client.headers.pop("accept-encoding")
        yield client


async def raw(client: httpx.AsyncClient, path: str, accepted: str | None) -> tuple[httpx.Response, bytes]:
    """An answer with its body as it was sent."""
    headers = {} if accepted is None else {"accept-encoding": accepted}
    async with client.stream("GET", path, headers=headers) as answer:
        return answer, b"".join([piece async for piece in answer.aiter_raw()])


@pytest.mark.parametrize("path", ["/long", "/huge", "/schema", "/schema/openapi.json"])
async def test_what_is_long_is_compressed_for_whoever_asks(client: httpx.AsyncClient, path: str) -> None:
    plain, whole = await raw(client, path, None)
    packed, content = await raw(client, path, "br, gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["content-length"] == str(len(content))
    assert gzip.decompress(content) == whole
    assert len(content) < len(whole) / 2
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    assert packed.headers["content-type"] == plain.headers["content-type"]
    assert packed.headers.get("etag") == plain.headers.get("etag")


@pytest.mark.parametrize("path", ["/short", "/picture", "/packed", "/health/live"])
async def test_what_gains_nothing_is_sent_as_it_is(client: httpx.AsyncClient, path: str) -> None:
    plain, whole = await raw(client, path, None)
    asked, content = await raw(client, path, "gzip")
    assert content == whole
    assert _told(asked) == _told(plain)
    assert "vary" not in asked.headers


async def test_what_comes_in_parts_is_compressed_as_it_comes(client: httpx.AsyncClient) -> None:
    _, whole = await raw(client, "/parts", None)
    packed, content = await raw(client, "/parts", "gzip")
    assert whole.count(b"\n") == 1_000
    assert gzip.decompress(content) == whole
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-length" not in packed.headers


async def test_head_of_what_is_compressed_says_so(client: httpx.AsyncClient) -> None:
    client.headers["accept-encoding"] = "gzip"
    for path in ("/long", "/schema"):
        assert (await head_is_get(client, path)).headers["content-encoding"] == "gzip"
    headed = await client.head("/parts")
    assert (headed.status_code, headed.content, headed.headers["content-encoding"]) == (200, b"", "gzip")


@pytest.mark.parametrize(
    ("accepted", "admitted"),
    [
        (b"gzip", True),
        (b"deflate, GZIP;q=0.5", True),
        (b"*", True),
        (b"br;q=1.0, *;q=0.1", True),
        (b"gzip;q=1", True),
        (b"gzip; q=0.001", True),
        (b"", False),
        (b"identity", False),
        (b"br", False),
        (b"gzip;q=0", False),
        (b"gzip;q=0.000", False),
        (b"*;q=1, gzip;q=0", False),
        (b"gzipped", False),
        (b"gzip;level=9", True),
    ],
)
def test_who_asks_for_gzip(accepted: bytes, admitted: bool) -> None:  # noqa: FBT001  a parameter of the test
    assert _admits_gzip(accepted) is admitted


async def test_an_etag_of_a_compressed_answer_is_good_for_a_put(program: ReadProgram) -> None:
    attributes = {f"attribute-{number}": "number" for number in range(100)}
    await program.put("/event-types/long", {"attributes": attributes})
    read = await program.get("/event-types/long")
    assert read.headers["content-encoding"] == "gzip"
    put = await program.put("/event-types/long", read.json() | {"label": "Another"}, if_match=read.headers["etag"])
    assert (put.status_code, put.headers["etag"]) == (200, '"2"')


async def test_errors_are_compressed_too() -> None:
    transport: Any = httpx.ASGITransport(framed())
    async with httpx.AsyncClient(transport=transport, base_url="http://laurel") as client:
        body = {f"field-{number}": 1 for number in range(50)}
        answer = await client.put("/v1/boxes/a", json=body, headers={"authorization": "Bearer admin"})
        assert (answer.status_code, answer.headers["content-encoding"]) == (422, "gzip")
        assert len(answer.json()["errors"]) == 50
