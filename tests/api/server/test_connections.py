"""What a client may take of the service: sizes, times and numbers of what it sends; and that nobody else waits."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from uvicorn.server import ServerState

from api.http.metrics import Metrics
from api.server.app import create_app
from api.server.connections import HEAD_BYTES, LONGEST_URL, MOST_HEADERS, Connections, Wait
from tests.api.http.frame import ROUTES, services, stored
from tests.api.server.serving import Served, serving

LIVE = b"GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n"
BEGUN = b"GET /health/live HTTP/1.1\r\nhost: a\r\n"
PUT = b"PUT /v1/boxes/a HTTP/1.1\r\nhost: a\r\nauthorization: Bearer admin\r\ncontent-type: application/json\r\n"
BOX = b'{"name":"A box","size":"1"}'
HELD = b"GET /held HTTP/1.1\r\nhost: a\r\n\r\n"
BOXES = b"GET /v1/boxes HTTP/1.1\r\nhost: a\r\nauthorization: Bearer admin\r\n\r\n"
LARGE = 32 << 20
PATIENCE_SECONDS = 30


class Client:
    """A client that says what it likes, when it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def say(self, *parts: bytes) -> None:
        for part in parts:
            self._writer.write(part)
            await self._writer.drain()

    async def hear(self) -> tuple[int, bytes]:
        """One answer: its status and body."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            head = await self._reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            return int(head.split()[1]), await self._reader.readexactly(size)

    async def hears_the_end(self) -> bool:
        """Whether nothing more comes, because the connection was ended."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._reader.read(1) == b""
        except ConnectionResetError:
            return True

    @property
    def has_ended(self) -> bool:
        return self._reader.at_eof()

    async def is_open(self) -> bool:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await self._reader.read(1)
        return True

    async def leave(self) -> None:
        self._writer.transport.abort()


class Door:
    """The server on a free port in this very loop, whose seconds pass when the test says so."""

    def __init__(self, connections: Connections, address: tuple[str, int]) -> None:
        self._connections = connections
        self.address = address
        self._clients: list[Client] = []
        self.gate = asyncio.Event()
        """What `/held` waits for."""

    @property
    def connections(self) -> set[Any]:
        return self._connections._open

    async def client(self, *parts: bytes) -> Client:
        client = Client(*await asyncio.open_connection(*self.address))
        self._clients.append(client)
        await client.say(*parts)
        await asyncio.sleep(0.02)
        return client

    async def seconds(self, count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(0.002)
            await self._connections.look()
        await asyncio.sleep(0.02)

    async def close(self) -> None:
        self.gate.set()
        for client in self._clients:
            await client.leave()


def held(gate: asyncio.Event) -> list[HTTPRouteHandler]:
    @get("/held")
    async def wait() -> str:
        await gate.wait()
        return "done"

    @get("/large")
    async def large() -> Response[bytes]:
        return Response(b" " * LARGE)

    return [wait, large]


@asynccontextmanager
async def opened(most: int) -> AsyncIterator[Door]:
    metrics = Metrics()
    connections = Connections(metrics, most)
    door = Door(connections, ("127.0.0.1", 0))
    app = create_app(services(), ROUTES, held(door.gate), metrics)
    config = uvicorn.Config(app, lifespan="off", ws="none", log_config=None, access_log=False, timeout_keep_alive=60)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: connections.open(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    door.address = server.sockets[0].getsockname()
    try:
        yield door
    finally:
        await door.close()
        server.close()
        await asyncio.sleep(0.02)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    stored.clear()
    async with opened(most=100) as door:
        yield door


def with_headers(count: int, size: int = 1) -> bytes:
    return BEGUN + b"".join(b"x-%d: %b\r\n" % (number, b"a" * size) for number in range(count - 1)) + b"\r\n"


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ((with_headers(MOST_HEADERS),), 200),
        ((with_headers(MOST_HEADERS + 1),), 431),
        ((with_headers(10, size=6_000),), 200),
        ((with_headers(12, size=6_000),), 431),
        ((BEGUN, *[b"x: %b\r\n" % (b"a" * 1_000)] * 70), 431),
        ((BEGUN, b"x: ", *[b"a" * 4_096] * 20), 431),
        ((BEGUN, *[b"x:\r\n"] * 200), 431),
        ((b"GET /health/live?" + b"a" * (LONGEST_URL - 13) + b" HTTP/1.1\r\n\r\n",), 200),
        ((b"GET /health/live?" + b"a" * LONGEST_URL + b" HTTP/1.1\r\n\r\n",), 414),
        ((b"GET /", *[b"a" * 4_096] * 20), 414),
        ((b"NONSENSE / HTTP/1.1\r\n\r\n",), 400),
        ((b"\x16\x03\x01\x02\x00\x01\x00\x01",), 400),
        ((b"GET /\xc3\xa9 HTTP/1.1\r\n\r\n",), 400),
        ((b"GET http://[ HTTP/1.1\r\n\r\n",), 400),
        ((b"CONNECT a:1 HTTP/1.1\r\n\r\n",), 400),
        ((b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",), 400),
        ((BEGUN + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",), 400),
        ((PUT + b"transfer-encoding: chunked\r\n\r\nzz\r\n",), 400),
        ((PUT + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n{\r\n", b"1;a=", *[b"a" * 4_096] * 200), 400),
        ((PUT + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n{\r\n0\r\nx: ", *[b"a" * 4_096] * 200), 400),
    ],
    ids=lambda value: None if isinstance(value, int) else repr(b"".join(value)[-30:]),
)
async def test_a_request_has_bounds(door: Door, parts: tuple[bytes, ...], status: int) -> None:
    client = await door.client(*parts)
    answered, body = await client.hear()
    assert answered == status, body
    if status != 200:
        assert b'"type":"/problems/' in body
        assert await client.hears_the_end()


async def test_a_body_in_many_small_chunks_is_read(door: Door) -> None:
    chunks = [b"1\r\n \r\n"] * (HEAD_BYTES // 2)
    client = await door.client(PUT + b"transfer-encoding: chunked\r\n\r\n", *[b"".join(chunks)] * 2)
    await client.say(b"%x\r\n%b\r\n0\r\n\r\n" % (len(BOX), BOX))
    assert (await client.hear())[0] == 200


async def test_a_refusal_is_read_by_a_client_that_goes_on_sending(door: Door) -> None:
    client = await door.client(BEGUN, *[b"x: %b\r\n" % (b"a" * 4_096)] * 500)
    assert (await client.hear())[0] == 431
    await door.seconds(Wait.FAREWELL.value + 2)
    assert await client.hears_the_end()


async def test_what_comes_after_a_request_does_not_take_its_answer_away(door: Door) -> None:
    client = await door.client(HELD + b"nonsense\r\n\r\n")
    await door.seconds(Wait.FAREWELL.value + 2)
    door.gate.set()
    assert await client.hear() == (200, b"done")
    assert await client.hears_the_end()


@pytest.mark.parametrize("offer", [b"websocket", b"h2c"])
async def test_a_client_that_offers_another_protocol_is_answered_in_this_one(door: Door, offer: bytes) -> None:
    upgrade = PUT + b"connection: upgrade, http2-settings\r\nupgrade: " + offer + b"\r\nif-none-match: *\r\n"
    whole = upgrade + b"content-length: %d\r\n\r\n%b" % (len(BOX), BOX)
    client = await door.client(whole + whole + LIVE)
    assert [(await client.hear())[0] for _ in range(3)] == [200, 412, 200]
    split = await door.client(upgrade[:100], upgrade[100:] + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n{")
    await split.say(b"\r\n1a\r\n%b\r\n0\r\n\r\n" % BOX[1:], LIVE)
    assert [(await split.hear())[0] for _ in range(2)] == [412, 200]


@pytest.mark.parametrize("part", [b"", b"G", BEGUN])
async def test_a_head_has_its_time(door: Door, part: bytes) -> None:
    new = await door.client(part)
    used = await door.client(LIVE)
    assert (await used.hear())[0] == 200
    await used.say(part)
    await door.seconds(Wait.HEAD.value)
    assert await new.is_open()
    assert await used.is_open()
    await door.seconds(2)
    for client in [new, used] if part else [new]:
        if part:
            status, body = await client.hear()
            assert (status, b"/problems/too-slow" in body) == (408, True)
        assert await client.hears_the_end()
    if not part:
        assert await used.is_open()


async def test_a_head_is_not_given_more_time_for_a_byte_now_and_then(door: Door) -> None:
    client = await door.client(BEGUN)
    for _ in range(Wait.HEAD.value + 2):
        await client.say(b"x")
        await door.seconds(1)
    assert (await client.hear())[0] == 408


async def test_a_body_comes_at_a_rate(door: Door) -> None:
    announced = PUT + b"content-length: 2000000\r\n\r\n"
    silent = await door.client(announced)
    slow = await door.client(announced)
    steady = await door.client(PUT + b"content-length: %d\r\n\r\n" % (60_000 + len(BOX)))
    for second in range(60):
        await steady.say(b" " * 1_000)
        if second <= Wait.BODY.value:
            await slow.say(b" " * 900)
        await door.seconds(1)
    for client in (silent, slow):
        status, body = await client.hear()
        assert (status, b"/problems/too-slow" in body) == (408, True)
        assert await client.hears_the_end()
    await steady.say(BOX)
    assert (await steady.hear())[0] == 200


async def test_what_is_slow_on_our_side_is_nobodys_fault(door: Door) -> None:
    client = await door.client(HELD)
    await door.seconds(200)
    door.gate.set()
    assert await client.hear() == (200, b"done")
    await door.seconds(50)
    assert await client.is_open()


async def test_the_rest_of_a_refused_body_is_not_waited_for(door: Door) -> None:
    begun = PUT.replace(b"admin", b"nobody") + b"content-length: 2000000\r\n\r\n"
    client = await door.client(begun)
    assert (await client.hear())[0] == 401
    for _ in range(Wait.HEAD.value + 1):
        await client.say(b" " * 9_000)
        await door.seconds(1)
    assert await client.hears_the_end()


async def test_an_answer_must_be_read(door: Door) -> None:
    large = b"GET /large HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    reading, silent = await door.client(large), await door.client(large)
    read = 0
    for _ in range(Wait.ANSWER.value * 2):
        read += len(await reading._reader.read(65_536))
        await door.seconds(1)
    while piece := await reading._reader.read(1 << 20):
        read += len(piece)
    assert read > LARGE
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await silent._reader.readexactly(LARGE)


async def test_who_is_silent_makes_room_for_who_asks() -> None:
    async with opened(most=40) as door:
        busy = [await door.client(HELD) for _ in range(5)]
        kept = await door.client(LIVE)
        assert (await kept.hear())[0] == 200
        silent = [await door.client(BEGUN) for _ in range(34)]
        await door.seconds(1)
        for _ in range(30):
            client = await door.client(LIVE)
            assert (await client.hear())[0] == 200
        assert sum(each.has_ended for each in silent) == 30
        door.gate.set()
        assert {await each.hear() for each in busy} == {(200, b"done")}
        assert await kept.is_open()


async def test_when_all_are_busy_who_asks_is_told_so_and_health_is_answered() -> None:
    async with opened(most=5) as door:
        busy = [await door.client(HELD) for _ in range(4)]
        for _ in range(3):
            refused = await door.client(BOXES)
            status, body = await refused.hear()
            assert (status, b'"code":"full"' in body) == (503, True)
            assert await refused.hears_the_end()
            live = await door.client(LIVE)
            assert await live.hear() == (200, b'{"live":true}')
        door.gate.set()
        assert {await each.hear() for each in busy} == {(200, b"done")}
        client = await door.client(BOXES)
        assert (await client.hear())[0] == 200


async def test_a_flood_leaves_as_many_connections_as_there_may_be() -> None:
    async with opened(most=50) as door:
        busy = [await door.client(HELD) for _ in range(10)]
        flood = await asyncio.gather(*[door.client(BEGUN) for _ in range(500)], return_exceptions=True)
        assert len(flood) == 500
        assert len(door.connections) <= 50
        door.gate.set()
        assert {await each.hear() for each in busy} == {(200, b"done")}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path) as served:
        yield served


def test_a_flood_of_silent_connections_ends_and_holds_up_nobody(served: Served) -> None:
    host, _, port = served.address.removeprefix("http://").rpartition(":")
    flood = [socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) for _ in range(1_500)]
    try:
        for each in flood:
            each.sendall(BEGUN)
        began = time.monotonic()
        with httpx.Client(base_url=served.address, headers={"authorization": "Bearer admin"}, timeout=5) as client:
            for path in ("/v1/boxes", "/health/live") * 10:
                assert client.get(path).status_code == 200
        for each in flood:
            assert each.recv(4_096).startswith(b"HTTP/1.1 408 ")
            assert each.recv(4_096) == b""
        assert time.monotonic() - began < 3 * Wait.HEAD.value
    finally:
        for each in flood:
            each.close()


def test_a_header_without_end_holds_up_nobody(served: Served) -> None:
    host, _, port = served.address.removeprefix("http://").rpartition(":")
    with (
        socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) as endless,
        httpx.Client(base_url=served.address, timeout=5) as client,
    ):
        endless.sendall(BEGUN + b"x: ")
        with suppress(ConnectionError):
            for _ in range(1_000):
                endless.sendall(b"a" * 65_536)
        assert endless.recv(4_096).startswith(b"HTTP/1.1 431 ")
        assert client.get("/health/live").elapsed.total_seconds() < 1
