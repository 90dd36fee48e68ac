"""Where an import that runs as a job is kept: its file, how far it is, and the rows that were refused."""

from collections.abc import AsyncIterator, Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from psycopg_pool import AsyncConnectionPool
from uuid_utils.compat import uuid7

from application.imports.importing import ImportTally, RowFault

PIECE_BYTES = 512 * 1024
MOST_FAULTS = 10_000
"""Rows kept in an error file; those beyond are counted."""

PAGE_FAULTS = 500

_SAVE = "update laurel.jobs set done = %s, result = %s::jsonb where id = %s and status = 'running'"

_REFUSE = """
insert into laurel.import_errors (job, row, problems, content)
select %s, f.row, f.problems, f.content
from unnest(%s::bigint[], %s::jsonb[], %s::text[]) f (row, problems, content)
on conflict do nothing
"""

_FAULTS = """
select row, problems, content from laurel.import_errors where job = %s and row > %s order by row limit %s
"""


class ImportTooLarge(Exception):  # noqa: N818  an expected refusal
    """The file has more than the `limit` bytes that an import may have."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"an import may have at most {limit} bytes")
        self.limit = limit


class Upload(msgspec.Struct, frozen=True):
    """A file that was taken in. Its `lines` say about how many rows it has; `digest` is its SHA-256."""

    id: UUID
    size: int
    lines: int
    digest: str

    def detail(self) -> dict[str, str]:
        """What the job of its import remembers of it."""
        return {"upload": str(self.id), "digest": self.digest}


class ImportStorage:
    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool

    async def upload(self, source: AsyncIterator[bytes], limit: int) -> Upload:
        """Raises ImportTooLarge, and whatever `source` raises; then nothing of it is kept."""
        upload = uuid7()
        try:
            return await self._take_in(upload, source, limit)
        except Exception:
            await self.delete(upload)
            raise

    async def _take_in(self, upload: UUID, source: AsyncIterator[bytes], limit: int) -> Upload:
        number, size, lines = 0, 0, 0
        digest = sha256()
        waiting = bytearray()
        last = b"\n"
        async for piece in source:
            size += len(piece)
            if size > limit:
                raise ImportTooLarge(limit)
            digest.update(piece)
            lines += piece.count(b"\n")
            last = piece[-1:] or last
            waiting += piece
            if len(waiting) >= PIECE_BYTES:
                await self._store(upload, number, bytes(waiting))
                number += 1
                waiting.clear()
        if waiting:
            await self._store(upload, number, bytes(waiting))
        return Upload(upload, size, lines + (last != b"\n"), digest.hexdigest())

    async def _store(self, upload: UUID, number: int, content: bytes) -> None:
        await self._execute(
            "insert into laurel.import_chunks (upload, number, content) values (%s, %s, %s)", upload, number, content
        )

    async def pieces(self, upload: UUID) -> AsyncIterator[bytes]:
        number = 0
        while True:
            async with self._pool.connection() as connection:
                cursor = await connection.execute(
                    "select content from laurel.import_chunks where upload = %s and number = %s",
                    [upload, number],
                    binary=True,
                )
                row = await cursor.fetchone()
            if row is None:
                return
            yield row[0]
            number += 1

    async def delete(self, upload: UUID) -> None:
        await self._execute("delete from laurel.import_chunks where upload = %s", upload)

    async def save(self, job: UUID, tally: ImportTally, faults: Sequence[RowFault]) -> None:
        """Together, so that an import which is taken up again goes on where its counts and its errors end."""
        room = max(0, MOST_FAULTS - (tally.failed - len(faults)))
        kept = faults[:room]
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(_SAVE, [tally.row, msgspec.json.encode(tally).decode(), job])
            if kept:
                rows = [fault.row for fault in kept]
                problems = [_storable(msgspec.json.encode(fault.problems).decode()) for fault in kept]
                contents = [fault.content.replace("\0", "�") for fault in kept]
                await connection.execute(_REFUSE, [job, rows, problems, contents])

    async def faults(self, job: UUID) -> AsyncIterator[bytes]:
        """The error file: a JSON object a line, with the row's number, what was wrong with it, and the row."""
        after = 0
        while True:
            async with self._pool.connection() as connection:
                rows = await (await connection.execute(_FAULTS, [job, after, PAGE_FAULTS])).fetchall()
            if not rows:
                return
            yield b"".join([fault_line(row, problems, content) for row, problems, content in rows])
            after = rows[-1][0]

    async def _execute(self, query: Any, *parameters: object) -> None:  # noqa: ANN401  SQL of this module's own
        async with self._pool.connection() as connection:
            await connection.execute(query, parameters)


async def digest_of(source: AsyncIterator[bytes]) -> str:
    """Of a file that is not kept, the SHA-256."""
    digest = sha256()
    async for piece in source:
        digest.update(piece)
    return digest.hexdigest()


def fault_line(row: int, problems: object, content: str) -> bytes:
    """One line of an error file."""
    return msgspec.json.encode({"row": row, "problems": problems, "content": content}) + b"\n"


def _storable(text: str) -> str:
    """JSON as `jsonb` takes it: without the character NUL."""
    return text.replace("\\u0000", "\\ufffd")
