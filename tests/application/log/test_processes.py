"""Several processes write at once, stall and die, and readers still see every event once and in order."""

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from application.log.check import check
from application.log.reader import head, read_page
from tests.application.log.shop import COUNTERS, MAPPER

ROOT = Path(__file__).parents[3]


class Process:
    def __init__(self, database: str, name: str) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "tests.application.log.process", database, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.answers: list[tuple[int, str]] = []
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _read(self) -> None:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            if line.endswith("\n"):
                position, counter = line.split()
                self.answers.append((int(position), counter))

    def send(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def finish(self) -> int:
        """The exit code, after it has been asked to end, unless it is dead."""
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._popen.stdin.close()
        code = self._popen.wait(120)
        self._reading.join(120)
        self._popen.stdout.close()
        return code


class Reader:
    """Follows the log while it grows."""

    def __init__(self, database: str) -> None:
        self.seen: list[tuple[int, UUID, int]] = []
        self.failure: Exception | None = None
        self._database = database
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def _follow(self) -> None:
        try:
            with psycopg.connect(self._database, autocommit=True) as connection:
                last = 0
                while True:
                    over = self._over.is_set()
                    page = read_page(connection, MAPPER, last, limit=100)
                    self.seen += [(event.position, event.stream, event.version) for event in page.events]
                    last = page.last
                    if over and not page.events:
                        return
                    if not page.events:
                        time.sleep(0.002)
        except Exception as error:  # noqa: BLE001  the test says what it was
            self.failure = error

    def finish(self) -> None:
        self._over.set()
        self._thread.join(120)
        assert self.failure is None


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


@pytest.fixture
def reader(database: str) -> Iterator[Reader]:
    reader = Reader(database)
    yield reader
    reader.finish()


@pytest.fixture
def processes(database: str) -> Iterator[list[Process]]:
    processes = [Process(database, f"p{number}") for number in range(3)]
    yield processes
    for process in processes:
        process.send(signal.SIGKILL)
        process.finish()


def test_nothing_is_missed_or_moved_while_writers_stall_and_die(
    reader: Reader, processes: list[Process], connection: psycopg.Connection
) -> None:
    stalled, killed, other = processes
    until(lambda: all(len(process.answers) > 50 for process in processes))
    for _ in range(5):
        stalled.send(signal.SIGSTOP)
        before = head(connection)
        until(lambda before=before: head(connection) > before + 50)  # type: ignore[misc]
        stalled.send(signal.SIGCONT)
        time.sleep(0.05)
    killed.send(signal.SIGKILL)
    before = head(connection)
    until(lambda: head(connection) > before + 100)
    assert killed.finish() == -signal.SIGKILL
    assert [process.finish() for process in (stalled, other)] == [0, 0]
    reader.finish()

    last = head(connection)
    assert [position for position, _, _ in reader.seen] == list(range(1, last + 1))
    assert list(check(connection, MAPPER)) == []

    stream_at = {position: stream for position, stream, _ in reader.seen}
    answered = [answer for process in processes for answer in process.answers]
    assert len({position for position, _ in answered}) == len(answered)
    assert all(stream_at[position] == COUNTERS.at(counter).id for position, counter in answered)

    of_the_living = Counter(counter for process in (stalled, other) for _, counter in process.answers)
    versions = Counter(stream for _, stream, _ in reader.seen)
    own = {counter: count for counter, count in of_the_living.items() if not counter.startswith("shared")}
    assert {counter: versions[COUNTERS.at(counter).id] for counter in own} == own
