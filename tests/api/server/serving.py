"""Serves the frame's own program on a free port, as a process of its own, until it is told to stop."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import uvloop

from api.http.metrics import configure_logs
from api.server.serve import answer_requests
from api.server.socket import address_of, listen
from application.service.settings import LogFormat, LogLevel
from tests.api.http.frame import framed


class Served(NamedTuple):
    """Where it is served, by which process, and the file that its log goes to."""

    address: str
    process: subprocess.Popen[str]
    log: Path


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    log = folder / "serving.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.api.server.serving"],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=Path(__file__, "../../../..").resolve(),
        )
    assert process.stdout is not None
    try:
        yield Served(process.stdout.readline().strip(), process, log)
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    configure_logs(LogFormat.JSON, LogLevel.INFO)
    with listen("127.0.0.1", 0) as listener:
        print(address_of(listener), flush=True)  # noqa: T201  the test reads it
        uvloop.run(answer_requests(framed(), listener, 5))
