"""A load of HTTP requests over many connections, from one process that costs little beside the server it measures."""

import asyncio
import statistics
from collections.abc import Iterator
from time import perf_counter
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import uvloop


class Load(NamedTuple):
    """`refused` are answers that were not 200 or 201."""

    requests: int
    seconds: float
    refused: int
    latencies: list[float]

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    @property
    def median_milliseconds(self) -> float:
        return statistics.median(self.latencies) * 1000


def request(method: str, path: str, key: str, body: bytes) -> bytes:
    """A whole request, ready to be sent."""
    return (
        f"{method} {path} HTTP/1.1\r\nHost: laurel\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


class _Connection(asyncio.Protocol):
    """Sends the next request when the answer to the last has come."""

    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._done = done
        self._received = b""
        self._sent_at = 0.0
        self.latencies: list[float] = []
        self.refused = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        following = next(self._requests, None)
        if following is None:
            self._transport.close()
            self._done.set_result(None)
            return
        self._sent_at = perf_counter()
        self._transport.write(following)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self.latencies.append(perf_counter() - self._sent_at)
        self.refused += head[9:12] not in (b"200", b"201")
        self._received = b""
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the server closed the connection"))


async def _run(url: str, requests: Iterator[bytes], connections: int) -> Load:
    loop = asyncio.get_running_loop()
    address = urlsplit(url)
    assert address.hostname
    assert address.port
    ends = [loop.create_future() for _ in range(connections)]
    began = perf_counter()
    made = [
        await loop.create_connection(
            lambda end=end: _Connection(requests, end),  # type: ignore[misc]
            address.hostname,
            address.port,
        )
        for end in ends
    ]
    await asyncio.gather(*ends)
    seconds = perf_counter() - began
    protocols = [protocol for _, protocol in made]
    latencies = [latency for protocol in protocols for latency in protocol.latencies]
    return Load(len(latencies), seconds, sum(protocol.refused for protocol in protocols), latencies)


def run(url: str, requests: Iterator[bytes], connections: int) -> Load:
    """Sends all requests, each connection one at a time; ends when the last is answered."""
    return uvloop.run(_run(url, requests, connections))
