"""A connection that a writer owns: what it asks the database, and how it comes back when the connection is lost."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from sys import intern
from time import monotonic
from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import tuple_row

from application.log import arrays
from application.log.batch import APPEND_TYPES, Decision
from application.log.cache import NOTHING, Kept
from application.log.catalogue import Entry, entries
from application.log.errors import LogError, Unavailable
from application.log.fold import Stored, unstored
from application.log.mapper import Mapper
from application.log.queries import query, text
from application.log.reader import read_past
from application.log.statement import Statement
from application.log.streams import KEY_BYTES, Past
from application.log.uuids import uuid_of
from application.postgres.connection import AsyncConnection, connect_async

STATEMENT_SECONDS = 30.0

LOST = (psycopg.OperationalError, psycopg.InterfaceError, OSError, TimeoutError)

APPEND = Statement("laurel_append", text("append_call"), APPEND_TYPES)
LOAD = Statement("laurel_load", text("load"), [arrays.Uuids.oid])

_SETTINGS = """
    set default_transaction_isolation to 'read committed';
    set enable_seqscan to off;
    set enable_hashjoin to off;
    set enable_mergejoin to off;
"""
"""Each statement of a batch must see what was committed before it; and it reads by keys, also with a plan that was made
while the tables were young, and would otherwise read them whole ever after."""
_WHO = "select pid, backend_start::text from pg_stat_activity where pid = pg_backend_pid()"


class AppendResult(NamedTuple):
    """`head` is the position before the batch; units in `conflicts` are left out; `stale` means nothing was written."""

    head: int
    stale: bool
    conflicts: frozenset[int]


class Session:
    """Not safe for concurrent use: one statement at a time."""

    def __init__(self, conninfo: str, mapper: Mapper, bucket: int, name: str) -> None:
        self._name = name
        self._conninfo = conninfo
        self._mapper = mapper
        self._bucket = bucket
        self.waits_since: float | None = None
        """Since when its owner waits for the database (monotonic); None while nothing is asked of it."""
        self._connection: AsyncConnection | None = None
        self._who: tuple[int, str] | None = None
        self._catalogue = query("catalogue")
        self._stream = query("stream")
        self._fate = query("fate")
        self._end = query("end_session")

    @property
    def lost(self) -> bool:
        return self._connection is None or self._connection.closed

    async def ensure(self) -> None:
        """Connects where that is lost, as `connect` does."""
        if self.lost:
            await self.connect()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Around what is asked of the database, again and again where it has to be."""
        before = self.waits_since
        if before is None:
            self.waits_since = monotonic()
        try:
            yield
        finally:
            self.waits_since = before

    async def connect(self) -> None:
        """Connects anew, once the session before is certain to be over: what it was sent has landed or never will.

        Raises one of LOST, or Unavailable when the server could not end that session.
        """
        await self.close()
        connection = await connect_async(self._conninfo, self._name, row_factory=tuple_row)
        try:
            await self._prepare(connection)
        except BaseException:
            await connection.close()
            raise
        self._connection = connection

    async def _prepare(self, connection: psycopg.AsyncConnection) -> None:
        arrays.register(connection)
        await connection.execute(_SETTINGS)
        async with asyncio.timeout(STATEMENT_SECONDS):
            await APPEND.prepare(connection)
            await LOAD.prepare(connection)
        if self._who is not None:
            left = await (await connection.execute(self._end, self._who)).fetchone()
            if left and left[0]:
                raise Unavailable("an earlier session of this writer does not end")
        who = await (await connection.execute(_WHO)).fetchone()
        self._who = (who[0], who[1]) if who else None

    async def close(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error, OSError):
                await self._connection.close()
        self._connection = None

    async def append(self, parameters: Sequence[bytes]) -> AppendResult:
        """`parameters` are those of a Batch."""
        async with asyncio.timeout(STATEMENT_SECONDS):
            result = await APPEND.run(self._open(), parameters)
        head, stale, conflicts = (result.get_value(0, column) or b"" for column in range(3))
        return AppendResult(int.from_bytes(head, "big"), stale == b"\1", frozenset(arrays.read_ints(conflicts)))

    async def load(self, keys: Sequence[bytes]) -> dict[bytes, Kept | LogError]:
        """Each of the streams, as it is or was; one whose events can't be folded has that error."""
        found: dict[bytes, Kept | LogError] = dict.fromkeys(keys, NOTHING)
        if past := [key for key in keys if len(key) > KEY_BYTES]:
            keys = [key for key in keys if len(key) == KEY_BYTES]
            found |= await self._load_past(past)
        async with asyncio.timeout(STATEMENT_SECONDS):
            result = await LOAD.run(self._open(), [arrays.uuids(keys).content])
        for row in range(result.ntuples):
            key, kind, number, state, tag, payload = (result.get_value(row, column) or b"" for column in range(6))
            version = int.from_bytes(number, "big")
            try:
                if not state:
                    decoded = await unstored(self._mapper, uuid_of(key), version, tag.decode(), payload, self._events)
                    state = self._mapper.encode_state(decoded)
                found[key] = (version, intern(kind.decode()), state)
            except LogError as error:
                found[key] = error
        return found

    async def _load_past(self, keys: Sequence[bytes]) -> dict[bytes, Kept | LogError]:
        past = [Past.of(key) for key in keys]
        states = await read_past(self._open(), self._mapper, [place.at for place in past])
        found: dict[bytes, Kept | LogError] = {}
        for key, (at, kind) in zip(keys, past, strict=True):
            state = states[at]
            if isinstance(state, LogError):
                found[key] = state
                continue
            try:
                found[key] = (at[1], intern(kind), self._mapper.encode_state(state))
            except LogError as error:
                found[key] = error
        return found

    async def _events(self, key: UUID, after: int, limit: int) -> list[Stored]:
        cursor = await self._open().execute(self._stream, [key, after, limit], binary=True)
        return await cursor.fetchall()

    async def catalogue(self, after: int) -> list[Entry]:
        cursor = await self._open().execute(self._catalogue, [self._bucket, after], binary=True)
        return entries(self._mapper, await cursor.fetchall())

    async def fate(self, decisions: Sequence[Decision]) -> list[int | None]:
        """For each of the decisions, all of which recorded something, its position if that is in the log."""
        last = [decision.rows[-1] for decision in decisions]
        ids = arrays.uuids([held.key for held, *_ in last])
        versions = arrays.ints([version for _, version, *_ in last])
        rows = await (await self._open().execute(self._fate, [ids, versions], binary=True)).fetchall()
        landed = {number: (position, envelope) for number, position, envelope in rows}
        positions: list[int | None] = []
        for number, decision in enumerate(decisions, start=1):
            position, envelope = landed.get(number, (None, b""))
            positions.append(position if envelope and self._is_of(envelope, decision) else None)
        return positions

    def _is_of(self, envelope: bytes, decision: Decision) -> bool:
        """By the command, for when it was recorded may be later than when it was sent."""
        return self._mapper.decode_envelope(envelope).command.bytes == decision.job.command_id

    def _open(self) -> AsyncConnection:
        if self._connection is None:
            raise psycopg.OperationalError("not connected")
        return self._connection
