"""Processes of one program on one Postgres, that live and die one by one."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

KEY = "a-key-for-the-tests"
READY_SECONDS = 60.0
PATIENCE_SECONDS = 60.0
"""How long a fact is sent again and again while what it is sent to is dying."""
LAST_WORDS = 4_000

_ADDRESS = re.compile(r"at (http://\S+)")


class Process:
    """`laurel COMMAND`, with its log in a file."""

    def __init__(self, database: str, folder: Path, *command: str) -> None:
        self.command = command
        self._environment = os.environ | {
            "LAUREL_DATABASE_URL": database,
            "LAUREL_ADMIN_KEY": KEY,
            "LAUREL_LOG_LEVEL": "warning",
        }
        self._folder = folder
        self._starts = 0
        self.start()

    def start(self) -> None:
        self._starts += 1
        self.log = self._folder / f"{id(self)}.{self._starts}.log"
        with self.log.open("wb") as log:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "api", *self.command], env=self._environment, stdout=log, stderr=log
            )

    def said(self) -> str:
        """What it wrote so far; it must be alive."""
        said = self.log.read_text()
        assert self.popen.poll() is None, said[-LAST_WORDS:]
        return said

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait(10)

    def stop(self) -> int:
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(READY_SECONDS)


class Service(Process):
    """`laurel serve`, and what is said to it."""

    def __init__(self, database: str, folder: Path, *flags: str) -> None:
        self._client: httpx.Client | None = None
        self._clients: list[httpx.Client] = []
        super().__init__(database, folder, "serve", "--port", "0", *flags)

    def start(self) -> None:
        super().start()
        self._client = None

    @property
    def client(self) -> httpx.Client:
        if self._client is None:
            found = until(lambda: _ADDRESS.search(self.said()), self.said)
            headers = {"authorization": f"Bearer {KEY}"}
            self._client = httpx.Client(base_url=found[1], headers=headers, timeout=PATIENCE_SECONDS)
            self._clients.append(self._client)
        return self._client

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def ready(self) -> "Service":
        until(self._answers_ready, self.said)
        return self

    def _answers_ready(self) -> bool:
        try:
            return self.client.get("/health/ready").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
        """The answer, which must be a good one."""
        response = self.client.request(method, f"/v1{path}", json=body, headers=headers)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        return response.json()  # type: ignore[no-any-return]

    def get(self, path: str, after: str) -> dict[str, Any]:
        return self.send("GET", f"{path}?after={after}")


def until(holds: Callable[[], Any], said: Callable[[], str] = lambda: "", seconds: float = READY_SECONDS) -> Any:
    """What `holds` answers once that is true."""
    deadline = time.monotonic() + seconds
    while not (answer := holds()):
        assert time.monotonic() < deadline, f"it took too long: {said()[-LAST_WORDS:]}"
        time.sleep(0.02)
    return answer
