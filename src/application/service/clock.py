"""The program's time: the machine's clock or, in a sandbox, an instant that is moved by hand.

A moved sandbox clock stands still until it is moved again, so that what was recorded at an instant shows that instant.
It lives in the table `sandbox` of the database, where every process reads it before each decision and each read: what
comes after the clock was moved, through whichever process, sees the new time.
"""

import asyncio
from datetime import UTC, datetime
from typing import Protocol

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from application.log.instants import begin_again
from domain.service.administration import KeyMade, KeyRevoked

_BEFORE = [KeyMade.tag, KeyRevoked.tag]
_MOVE = "UPDATE laurel.sandbox SET now = %(to)s WHERE now IS NULL OR now <= %(to)s RETURNING now, returned"


class Clock(Protocol):
    """Says what time it is, in UTC."""

    def now(self) -> datetime:
        """As it was last read here."""

    async def read(self) -> datetime:
        """As it stands, whichever process moved it. Raises psycopg.Error when that can't be known."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def read(self) -> datetime:
        return self.now()


class SandboxRefusedError(Exception):
    """The database and the setting `sandbox` do not go together; the message says what to do."""


class BackwardsError(Exception):
    """The clock was asked to go back; `now` is where it stands."""

    def __init__(self, now: datetime) -> None:
        super().__init__(f"the program's time is {now.isoformat()} and only moves forward")
        self.now = now


class SandboxClock:
    """A clock that is moved by hand and kept in the database.

    Until it is first moved, and after `reset`, it shows real time, and may then be moved to any instant, also a past
    one: a program is set up now and played from whenever its history begins. After `reset` it can't record anything
    before what it has recorded: what happens then is recorded as of that until the clock has passed it.
    """

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool
        self._moved: datetime | None = None
        self._turn = asyncio.Lock()

    def now(self) -> datetime:
        return self._moved or datetime.now(UTC)

    @property
    def moved(self) -> bool:
        return self._moved is not None

    async def read(self) -> datetime:
        """One at a time, so that what an earlier read saw never takes the place of what a later one did."""
        async with self._turn:
            async with self._pool.connection() as connection:
                cursor = await connection.execute("SELECT now FROM laurel.sandbox")
                row = await cursor.fetchone()
            self._moved = row[0].astimezone(UTC) if row and row[0] else None
        return self.now()

    async def move(self, to: datetime) -> datetime:
        """Move to `to`; `BackwardsError` when the clock was moved to a later instant before."""
        async with self._turn:
            async with self._pool.connection() as connection, connection.transaction():
                cursor = await connection.execute(_MOVE, {"to": to})
                row = await cursor.fetchone()
                if row and not row[1]:
                    await begin_again(connection, to)
            if row:
                self._moved = row[0].astimezone(UTC)
        if not row:
            raise BackwardsError(await self.read())
        return self.now()

    async def reset(self) -> datetime:
        """Go back to real time."""
        async with self._pool.connection() as connection:
            await connection.execute("UPDATE laurel.sandbox SET now = NULL, returned = returned OR now IS NOT NULL")
        return await self.read()


async def settle_sandbox(connection: AsyncConnection, *, wanted: bool | None) -> bool:
    """Mark this database as a sandbox when that is wanted, once and for ever; None takes it as it is. Whether it is.

    `SandboxRefusedError` when a sandbox is to be served as if it were real, or a database with a real history as a
    sandbox.
    """
    cursor = await connection.execute("SELECT EXISTS (SELECT FROM laurel.sandbox)")
    row = await cursor.fetchone()
    marked = bool(row and row[0])
    if wanted is None or marked == wanted:
        return marked
    if marked:
        raise SandboxRefusedError(
            "this database is a sandbox, its times and points are not real: serve it with --sandbox"
        )
    if await _holds_events(connection):
        raise SandboxRefusedError("this database holds a real history and can't become a sandbox: use an empty one")
    await connection.execute("INSERT INTO laurel.sandbox DEFAULT VALUES ON CONFLICT DO NOTHING")
    return True


async def _holds_events(connection: AsyncConnection) -> bool:
    """But for keys that were made before it was first served."""
    cursor = await connection.execute("SELECT EXISTS (SELECT FROM laurel.events WHERE tag <> ALL (%s))", [_BEFORE])
    row = await cursor.fetchone()
    return bool(row and row[0])
