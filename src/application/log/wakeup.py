"""Waking those who follow the log. Never in the append's own transaction: NOTIFY makes commits wait for one another."""

import asyncio
import threading
from contextlib import suppress

import psycopg

CHANNEL = "laurel_log"
SPACING_SECONDS = 0.005
RETRY_SECONDS = 1.0

_LOST = (psycopg.Error, OSError, TimeoutError)


class Notifier:
    """Tells other processes that the log has grown: one NOTIFY for whatever was committed since the last.

    A lost connection loses the wake-up and nothing else, as followers poll.
    """

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._due = asyncio.Event()

    def due(self) -> None:
        self._due.set()

    async def run(self) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._conninfo, autocommit=True, connect_timeout=10, application_name="laurel notifier"
                ) as connection:
                    await connection.execute("set synchronous_commit to off")
                    while True:
                        await self._due.wait()
                        self._due.clear()
                        await connection.execute(f"notify {CHANNEL}", prepare=True)
                        await asyncio.sleep(SPACING_SECONDS)
            except _LOST:
                await asyncio.sleep(RETRY_SECONDS)


class Wakeup:
    """For one follower in a thread of its own: waits until the log may have grown, or a time has passed.

    `wake` may be called from any thread. The position it waits on is the follower's own to look up: waking early or
    for nothing is allowed, missing a NOTIFY costs no more than the time-out.
    """

    def __init__(self, conninfo: str, timeout_seconds: float = 1.0) -> None:
        self._conninfo = conninfo
        self._timeout_seconds = timeout_seconds
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="laurel wakeup", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def wake(self) -> None:
        self._woken.set()

    def wait(self) -> bool:
        """Returns whether something woke it before the time was over. Clears before the caller reads, so that what
        comes during the read wakes the next wait.
        """
        woken = self._woken.wait(self._timeout_seconds)
        self._woken.clear()
        return woken

    def _listen(self) -> None:
        while not self._stopped.is_set():
            with (
                suppress(*_LOST),
                psycopg.connect(
                    self._conninfo, autocommit=True, connect_timeout=10, application_name="laurel listener"
                ) as connection,
            ):
                connection.execute(f"listen {CHANNEL}")
                self._woken.set()
                while not self._stopped.is_set():
                    for _ in connection.notifies(timeout=0.5, stop_after=1):
                        self._woken.set()
            self._stopped.wait(RETRY_SECONDS)
