"""Answers compressed for whoever asks for it: pages, JSON and other text of some length.

What commands answer is mostly shorter, and is sent on as it is.
"""

import asyncio
import gzip
import zlib
from functools import lru_cache
from typing import Any

from litestar.types import Message, Send

SHORTEST_BYTES = 1_024
LEVEL = 4
AT_ONCE_BYTES = 65_536
"""What is longer is compressed in a thread, so that nobody else waits for it."""

_TEXTS = (b"text/", b"application/json", b"application/problem+json", b"application/x-ndjson", b"image/svg+xml")
_VARY = (b"vary", b"Accept-Encoding")
_GZIP = (b"content-encoding", b"gzip")


class Compression:
    """Sends one answer of some length. Its ETag stays: it is the version of what is shown, however that is written."""

    def __init__(self, scope: Any, send: Send) -> None:  # noqa: ANN401  a typed dict of Litestar's
        self._scope = scope
        self._send = send
        self._start: Any = None
        self._compressor: Any = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], _VARY]
            if _accepts_gzip(self._scope):
                self._start = message
                return
        if message["type"] == "http.response.body" and (self._start or self._compressor):
            message = await self._compressed(message)
        await self._send(message)

    async def _compressed(self, message: Any) -> Message:  # noqa: ANN401  as above
        """The part, compressed. The headers wait for the first one, when it is known how long the body is."""
        body, more = message.get("body", b""), message.get("more_body", False)
        start, self._start = self._start, None
        if start and not more:
            body = await _gzipped(body)
            await self._send(_headed(start, len(body)))
        elif start:
            self._compressor = zlib.compressobj(LEVEL, wbits=zlib.MAX_WBITS | 16)
            await self._send(_headed(start))
        if self._compressor:
            body = self._compressor.compress(body) + (b"" if more else self._compressor.flush())
        return {"type": "http.response.body", "body": body, "more_body": more}


def is_long_text(start: Any) -> bool:  # noqa: ANN401  as above
    """Whether it is worth it; of an answer that does not say how long it is, it is."""
    kind, length = b"", SHORTEST_BYTES
    for name, value in start["headers"]:
        if name == b"content-type":
            kind = value
        elif name == b"content-length":
            length = int(value)
        elif name == b"content-encoding":
            return False
    return length >= SHORTEST_BYTES and kind.startswith(_TEXTS)


def _accepts_gzip(scope: Any) -> bool:  # noqa: ANN401  as above
    return _admits_gzip(b",".join(value for name, value in scope["headers"] if name == b"accept-encoding"))


@lru_cache(256)
def _admits_gzip(accepted: bytes) -> bool:
    admitted = {}
    for each in accepted.lower().replace(b" ", b"").split(b","):
        coding, _, parameters = each.partition(b";")
        admitted[coding] = parameters.removeprefix(b"q=").strip(b"0.") != b"" or not parameters
    return admitted.get(b"gzip", admitted.get(b"*", False))


async def _gzipped(body: bytes) -> bytes:
    if len(body) <= AT_ONCE_BYTES:
        return gzip.compress(body, LEVEL, mtime=0)
    return await asyncio.to_thread(gzip.compress, body, LEVEL, mtime=0)


def _headed(start: Any, length: int | None = None) -> Message:  # noqa: ANN401  as above
    headers = [(name, value) for name, value in start["headers"] if name != b"content-length"]
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    return {"type": "http.response.start", "status": start["status"], "headers": [*headers, _GZIP]}
