"""The log as it stands at one position, to decide by without recording."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, AsyncRawCursor
from psycopg.rows import TupleRow, tuple_row
from psycopg_pool import AsyncConnectionPool

from application.log.catalogue import Entry, entries
from application.log.errors import Damaged, LogError
from application.log.fold import Stored, unstored
from application.log.mapper import Mapper
from application.log.queries import query, text
from application.log.reader import read_past
from application.log.streams import KEY_BYTES, Past
from application.log.uuids import uuid_of
from application.log.working import Seen

_ISOLATION = "set transaction isolation level repeatable read, read only"
_LOAD: Any = text("load")
_STREAM = query("stream")
_CATALOGUE = query("catalogue")
_HEAD = query("head")


class Snapshot:
    """What is recorded up to `position`, whatever is recorded meanwhile: on its `connection` nothing else is seen.

    Not safe for concurrent use.
    """

    def __init__(self, connection: AsyncConnection[Any], mapper: Mapper, position: int, bucket: int) -> None:
        self.position = position
        self.connection = connection
        self._mapper = mapper
        self._bucket = bucket

    async def load(self, keys: Sequence[bytes]) -> dict[bytes, Seen]:
        """Version and state of each of the streams, as it is or was. Raises LogError."""
        seen: dict[bytes, Seen] = dict.fromkeys(keys, (0, None))
        if past := [key for key in keys if len(key) > KEY_BYTES]:
            keys = [key for key in keys if len(key) == KEY_BYTES]
            seen |= await self._load_past(past)
        async with AsyncRawCursor(self.connection, row_factory=tuple_row) as cursor:
            await cursor.execute(_LOAD, [[uuid_of(key) for key in keys]], binary=True, prepare=False)
            rows = await cursor.fetchall()
        for stream, kind, version, state, tag, payload in rows:
            if state:
                decoded = self._mapper.decode_state(kind, state)
            else:
                decoded = await unstored(self._mapper, stream, version, tag, payload, self._events)
            seen[stream.bytes] = (version, decoded)
        return seen

    async def _load_past(self, keys: Sequence[bytes]) -> dict[bytes, Seen]:
        places = [Past.of(key).at for key in keys]
        states = await read_past(self.connection, self._mapper, places)
        for state in states.values():
            if isinstance(state, LogError):
                raise state
        return {key: (place[1], states[place]) for key, place in zip(keys, places, strict=True)}

    async def catalogue(self, after: int) -> list[Entry]:
        """The states of the catalogue's streams that changed after a position."""
        return entries(self._mapper, await self._rows(_CATALOGUE, [self._bucket, after]))

    async def _events(self, key: UUID, after: int, limit: int) -> list[Stored]:
        return await self._rows(_STREAM, [key, after, limit])

    async def _rows(self, statement: Any, parameters: list[Any]) -> list[TupleRow]:  # noqa: ANN401  psycopg's own are as wide
        return await _rows(self.connection, statement, parameters)


@asynccontextmanager
async def snapshot(pool: AsyncConnectionPool, mapper: Mapper, bucket: int = 0) -> AsyncIterator[Snapshot]:
    """Holds a connection for as long as it is open."""
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(_ISOLATION)
        found = await _rows(connection, _HEAD, [bucket])
        if not found:
            raise Damaged(f"bucket {bucket} has no head")
        yield Snapshot(connection, mapper, found[0][0], bucket)


async def _rows(connection: AsyncConnection[Any], statement: Any, parameters: list[Any]) -> list[TupleRow]:  # noqa: ANN401  as above
    async with connection.cursor(binary=True, row_factory=tuple_row) as cursor:
        # Planned anew each time: a plan kept from when the tables were young would read them whole.
        await cursor.execute(statement, parameters, prepare=False)
        return await cursor.fetchall()
