"""A client of the API, and a sandbox of its own to talk to."""

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

START_SECONDS = 60
PAGE = 200
IDLE_SECONDS = 10
"""Less than what the service keeps an idle connection for."""


class Service:
    """Speaks JSON to a running service, and reads what it has just written.

    `folder` and `process` are the data folder and the process id of one that was started here.
    """

    def __init__(self, host: str, port: int, key: str) -> None:
        self.url = f"http://{host}:{port}"
        self.key = key
        self._connection = HTTPConnection(host, port, timeout=600)
        self.folder = Path()
        self.process = 0
        self._position = ""
        self._used_at = time.monotonic()

    def close(self) -> None:
        self._connection.close()

    def get(self, path: str) -> dict[str, Any]:
        return self._expect("GET", path)

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """All rows of a list."""
        cursor = ""
        while True:
            asked = f"{path}{'&' if '?' in path else '?'}limit={PAGE}"
            page = self.get(asked + (f"&cursor={quote(cursor)}" if cursor else ""))
            yield from page["data"]
            cursor = page["next"]
            if not cursor:
                return

    def put(self, path: str, body: Any) -> dict[str, Any]:
        return self._expect("PUT", path, body)

    def post(self, path: str, body: Any = None, content_type: str = "application/json") -> dict[str, Any]:
        return self._expect("POST", path, body, content_type)

    def exchange(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
    ) -> tuple[int, dict[str, Any]]:
        """The status and the answer; what is read is at least as new as what was last written here."""
        headers = {"Authorization": f"Bearer {self.key}"}
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        if content is not None:
            headers["Content-Type"] = content_type
        if method == "GET" and self._position:
            path += f"{'&' if '?' in path else '?'}after={self._position}"
        if time.monotonic() - self._used_at > IDLE_SECONDS:
            self._connection.close()  # the next request opens it anew
        self._connection.request(method, path, content, headers)
        response = self._connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read() or b"{}")
        self._used_at = time.monotonic()
        if method != "GET":
            self._position = response.headers.get("Laurel-Position") or self._position
        return response.status, answer

    def _expect(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        status, answer = self.exchange(method, path, body, content_type)
        if status >= 400:
            raise RuntimeError(f"{method} {path}: {status} {answer}")
        return answer


def sandbox() -> AbstractContextManager[Service]:
    """A service with a clock of its own."""
    return serving("--sandbox")


@contextmanager
def serving(*flags: str, **settings: str) -> Iterator[Service]:
    """A service on an embedded Postgres in a temporary folder, gone afterwards; `settings` are LAUREL_ variables."""
    key = secrets.token_urlsafe(24)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="laurel-") as folder:
        environment = os.environ | {"LAUREL_ADMIN_KEY": key, "LAUREL_DATA": folder, "LAUREL_LOG_LEVEL": "warning"}
        command = [sys.executable, "-m", "api", "serve", "--port", str(port), *flags]
        process = subprocess.Popen(command, env=environment | settings, stdout=subprocess.DEVNULL)  # noqa: S603  ourselves
        try:
            _wait(process, port)
            service = Service("127.0.0.1", port, key)
            service.folder, service.process = Path(folder), process.pid
            with closing(service):
                yield service
        finally:
            process.terminate()
            process.wait(START_SECONDS)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the service ended with code {process.returncode}")
        connection = HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            connection.request("GET", "/health/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise RuntimeError(f"the service was not ready within {START_SECONDS} s")
