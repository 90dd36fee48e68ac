"""How far the projections have come, as every process may wait for it."""

import asyncio

import psycopg

from application.log.wakeup import keep_connected, woken
from projections.engine.store import STORED, StoredProjection

CHANNEL = "laurel_projections"


class Positions:
    """Keeps up with the projections' positions, whichever process moves them; `run` is a task of its owner's."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._stored: dict[str, StoredProjection] = {}
        self._moved = asyncio.Condition()
        self._awake = asyncio.Event()

    def wake(self) -> None:
        """They may have moved. To be called in the event loop, and nobody has to."""
        self._awake.set()

    @property
    def stored(self) -> dict[str, StoredProjection]:
        """By name; empty until `run` has read them once."""
        return self._stored

    def reached(self, *names: str) -> int:
        """The position that all of the projections named (all there are, if none is) have come to."""
        asked = [self._stored.get(name) for name in names] if names else list(self._stored.values())
        return min((stored.position if stored else 0 for stored in asked), default=0)

    async def wait_for(self, position: int, timeout: float, *names: str) -> bool:  # noqa: ASYNC109  part of the answer
        """Whether the projections named reach the position within `timeout` seconds. One that has stopped does not."""
        try:
            async with asyncio.timeout(timeout), self._moved:
                await self._moved.wait_for(lambda: self.reached(*names) >= position or self._stuck(position, names))
        except TimeoutError:
            return False
        return self.reached(*names) >= position

    async def run(self) -> None:
        await keep_connected(self._conninfo, "laurel positions", self._follow)

    async def _follow(self, connection: psycopg.AsyncConnection) -> None:
        while True:
            self._awake.clear()
            await self._read(connection)
            await woken(self._awake)

    async def _read(self, connection: psycopg.AsyncConnection) -> None:
        cursor = await connection.execute(STORED, prepare=True)
        stored = {row[0]: StoredProjection(*row) for row in await cursor.fetchall()}
        if stored != self._stored:
            async with self._moved:
                self._stored = stored
                self._moved.notify_all()

    def _stuck(self, position: int, names: tuple[str, ...]) -> bool:
        return any(
            stored.error is not None and stored.position < position
            for name, stored in self._stored.items()
            if not names or name in names
        )
