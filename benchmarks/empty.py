"""The reference of requests: a handler of the same server that reads JSON and does nothing."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import urlopen

from litestar import Litestar, get, post

START_SECONDS = 30


@post("/")
async def nothing(data: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001  it is read and that is all
    return {}


@get("/")
async def ready() -> None:
    """Answers once the server does."""


app = Litestar([nothing, ready], openapi_config=None, logging_config=None)


@contextmanager
def serving_nothing() -> Iterator[str]:
    """The address of a process that serves it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [
        "--port",
        str(port),
        "--http",
        "httptools",
        "--loop",
        "uvloop",
        "--no-access-log",
        "--log-level",
        "error",
    ]
    command = [sys.executable, "-m", "uvicorn", "benchmarks.empty:app", *options]
    process = subprocess.Popen(command)  # noqa: S603  ourselves
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url)
        yield url
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def _wait(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            with urlopen(url, timeout=1):  # noqa: S310  on this machine
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"the empty server was not ready within {START_SECONDS} s")
