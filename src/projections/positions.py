"""How far the projections have come, as every process may wait for it."""

import asyncio

import psycopg

from projections.store import STORED, Stored

CHANNEL = "laurel_projections"
POLL_SECONDS = 1.0
RETRY_SECONDS = 1.0

_LOST = (psycopg.Error, OSError, TimeoutError)


class Positions:
    """Keeps up with the projections' positions, whichever process moves them; `run` is a task of its owner's.

    A NOTIFY that is lost costs no more than a poll.
    """

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._stored: dict[str, Stored] = {}
        self._moved = asyncio.Condition()

    @property
    def stored(self) -> dict[str, Stored]:
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
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._conninfo, autocommit=True, connect_timeout=10, application_name="laurel positions"
                ) as connection:
                    await connection.execute(f"listen {CHANNEL}")
                    while True:
                        await self._read(connection)
                        async for _ in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
                            pass
            except _LOST:
                await asyncio.sleep(RETRY_SECONDS)

    async def _read(self, connection: psycopg.AsyncConnection) -> None:
        cursor = await connection.execute(STORED, prepare=True)
        stored = {row[0]: Stored(*row) for row in await cursor.fetchall()}
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
