"""Waking those who follow the log. Never in the append's own transaction: NOTIFY makes commits wait for one another."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial

from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier

from application.postgres.connection import TROUBLE, connect, connect_async

CHANNEL = "laurel_log"
POLL_SECONDS = 1.0
"""How long those who follow wait at most, as a wake-up may be missed."""
SPACING_SECONDS = 0.005
RETRY_SECONDS = 1.0
TURN_SECONDS = 0.5
STOP_SECONDS = 10.0


async def woken(awake: asyncio.Event, seconds: float = POLL_SECONDS) -> None:
    """Waits until someone wakes, at most so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await awake.wait()


async def keep_connected(conninfo: str, name: str, use: Callable[[AsyncConnection], Awaitable[None]]) -> None:
    """For ever: uses a connection, and the next one once that is lost."""
    while True:
        with suppress(*TROUBLE):
            async with await connect_async(conninfo, name) as connection:
                await use(connection)
        await asyncio.sleep(RETRY_SECONDS)


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
        await keep_connected(self._conninfo, "laurel notifier", self._notify)

    async def _notify(self, connection: AsyncConnection) -> None:
        await connection.execute("set synchronous_commit to off")
        while True:
            await self._due.wait()
            self._due.clear()
            await connection.execute(f"notify {CHANNEL}", prepare=True)
            await asyncio.sleep(SPACING_SECONDS)


class Listener:
    """Hears what is notified, for all who wait for it in this process, in a thread of its own.

    `wakes` has a function for each channel; it is called in that thread, and must return at once. Waking early or for
    nothing is allowed, as those who are woken look for themselves; whoever misses a NOTIFY polls. All are woken when
    the listening begins (anew): what was notified before was not heard.
    """

    def __init__(self, conninfo: str, wakes: Mapping[str, Callable[[], object]]) -> None:
        self._conninfo = conninfo
        self._wakes = wakes
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="laurel listener", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while not self._stopped.is_set():
            with suppress(*TROUBLE):
                self._listen()
            self._stopped.wait(RETRY_SECONDS)

    def _listen(self) -> None:
        with connect(self._conninfo, "laurel listener") as connection:
            for channel in self._wakes:
                connection.execute(SQL("listen {}").format(Identifier(channel)))
            for wake in self._wakes.values():
                wake()
            while not self._stopped.is_set():
                for channel in {notify.channel for notify in connection.notifies(timeout=TURN_SECONDS, stop_after=1)}:
                    self._wakes[channel]()


@asynccontextmanager
async def listening(conninfo: str, wakes: Mapping[str, Callable[[], object]]) -> AsyncIterator[None]:
    """A listener whose functions are called in this event loop."""
    loop = asyncio.get_running_loop()
    listener = Listener(
        conninfo, {channel: partial(loop.call_soon_threadsafe, wake) for channel, wake in wakes.items()}
    )
    listener.start()
    try:
        yield
    finally:
        await asyncio.to_thread(listener.stop)
