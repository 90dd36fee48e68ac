"""Readiness: what must hold for the service to do its work, and what is wrong where it does not.

What is asked may hang, as the database may: the answer comes in time, and says so.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from time import monotonic
from typing import Any

import psycopg

from api.http.services import ReadinessCheck
from application.campaigns import award_policy
from application.log.check import find_head_faults
from application.log.errors import LogError
from application.log.writer import Writer
from application.postgres.connection import AsyncConnection, connect_async
from application.reads import nothing
from application.service.leadership import STANDSTILL_SECONDS, standstill
from projections.engine import follower
from projections.engine.faults import find_faults_async
from projections.engine.store import STORED, StoredProjection
from projections.history.log import last_position
from projections.registry import PROJECTIONS

ANSWER_SECONDS = 1.5
"""How long the whole answer is waited for."""
WRITER_SECONDS = 1.0
QUESTION_SECONDS = 2
"""How long the database has for each question, before it is asked over a new connection."""

_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, OSError, TimeoutError)

Look = Callable[[psycopg.AsyncConnection[Any]], Awaitable[str]]
"""Looks at one thing that must hold, and says what is wrong; nothing while it holds."""


class Readiness:
    """Looks at everything over a connection of its own; who asks during a look is answered by it."""

    def __init__(self, conninfo: str, looks: Mapping[str, Look]) -> None:
        self._conninfo = conninfo
        self._looks = {"database": look_at_database, **looks}
        self._connection: AsyncConnection | None = None
        self._looking: asyncio.Task[list[ReadinessCheck]] | None = None

    async def checks(self) -> list[ReadinessCheck]:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="laurel readiness")
        looking = self._looking
        await asyncio.wait({looking}, timeout=ANSWER_SECONDS)
        return looking.result() if looking.done() else self._unknown(f"no answer within {ANSWER_SECONDS:g} seconds")

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})
        await self._hang_up()

    async def _look(self) -> list[ReadinessCheck]:
        try:
            connection = await self._connected()
            said = {name: await _said(look, connection) for name, look in self._looks.items()}
        except _AWAY as error:
            await self._hang_up()
            return self._unknown(f"not reached ({type(error).__name__})")
        return [ReadinessCheck(name, ok=not wrong, detail=wrong) for name, wrong in said.items()]

    async def _connected(self) -> AsyncConnection:
        if self._connection is None or self._connection.closed:
            self._connection = await connect_async(self._conninfo, "laurel readiness", connect_timeout=QUESTION_SECONDS)
            self._connection.answer_seconds = QUESTION_SECONDS
        return self._connection

    async def _hang_up(self) -> None:
        if self._connection is not None:
            with suppress(*_AWAY):
                await self._connection.close()
        self._connection = None

    def _unknown(self, why: str) -> list[ReadinessCheck]:
        database, *others = self._looks
        unknown = [ReadinessCheck(name, ok=False, detail="not known without the database") for name in others]
        return [ReadinessCheck(database, ok=False, detail=why), *unknown]


async def _said(look: Look, connection: AsyncConnection) -> str:
    try:
        return await look(connection)
    except _AWAY:
        raise
    except psycopg.Error as error:
        return f"{type(error).__name__}: {error}"


async def look_at_database(connection: psycopg.AsyncConnection[Any]) -> str:
    row = await (await connection.execute("select pg_is_in_recovery()")).fetchone()
    return "in recovery: it can be read and not written" if row and row[0] else ""


async def look_at_log(connection: psycopg.AsyncConnection[Any]) -> str:
    """Whether its head is where it ends; all of it is looked at by an audit."""
    return "; ".join(map(str, await find_head_faults(connection)))


async def look_at_awards(connection: psycopg.AsyncConnection[Any]) -> str:
    """Whether campaigns decide, in whichever process."""
    return await standstill(connection, award_policy.LEASE) or ""


class WriterLook:
    """Whether what this process records is recorded.

    A command that records nothing is waited for, as one that stands in a long queue may take its time.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._asking: asyncio.Task[str] | None = None

    async def __call__(self, _: psycopg.AsyncConnection[Any]) -> str:
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(), name="laurel readiness of the writer")
        asking = self._asking
        await asyncio.wait({asking}, timeout=WRITER_SECONDS)
        said = asking.result() if asking.done() else ""
        if not said and self._writer.waiting > WRITER_SECONDS / 2:
            said = f"the database has not answered it for {self._writer.waiting:.1f} seconds"
        return said or self._writer.failure or ""

    async def _ask(self) -> str:
        try:
            await self._writer.submit(nothing)
        except LogError as error:
            return str(error)
        return ""


class ProjectionsLook:
    """Whether all of them are there, as this program knows them, and follow the log, in whichever process.

    One that stands behind the log's end is told once it has been seen at the same place for too long.
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float]] = {}

    async def __call__(self, connection: psycopg.AsyncConnection[Any]) -> str:
        rows = await (await connection.execute(STORED)).fetchall()
        stored = {row[0]: StoredProjection(*row) for row in rows}
        end = await last_position(connection)
        return "; ".join(
            [
                *[why for why in [await standstill(connection, follower.LEASE)] if why],
                *map(str, await find_faults_async(connection, PROJECTIONS)),
                *self._stuck(stored, end),
            ]
        )

    def _stuck(self, stored: Mapping[str, StoredProjection], end: int) -> Iterator[str]:
        now = monotonic()
        for projection in PROJECTIONS:
            found = stored.get(projection.name)
            if found is None or found.error or found.version != projection.version or found.position >= end:
                self._seen.pop(projection.name, None)
                continue
            position, since = self._seen.get(projection.name, (-1, now))
            if position != found.position:
                self._seen[projection.name] = found.position, now
            elif now - since > STANDSTILL_SECONDS:
                yield f"{projection.name} stands at {position} of {end} (for {now - since:.0f} seconds)"
