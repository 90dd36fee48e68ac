"""Imports of a file at hand, as `laurel import` runs them. One that was killed is run again from the beginning: what it
had recorded is met again.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import msgspec
from uuid_utils.compat import uuid7

from application.imports.importing import Contents, ImportIntake, ImportTally, RowFault
from application.imports.rows import Format
from application.imports.storage import fault_line

PIECE_BYTES = 512 * 1024

Told = Callable[[int, ImportTally], None]
"""Told after each chunk how many bytes have been read, and what came of them."""


async def import_file(
    intake: ImportIntake, path: Path, errors: Path, contents: Contents, actor: str, told: Told
) -> ImportTally:
    """Writes the rows that were refused to `errors`, which is only there afterwards when there are some.

    Files of one content are one import, whatever they are called. Raises OSError, Invalid for a header that can't be
    read by, and LogError.
    """
    identity = await asyncio.to_thread(_digest, path)
    await asyncio.to_thread(errors.unlink, missing_ok=True)
    source = _Pieces(path)

    async def save(tally: ImportTally, faults: Sequence[RowFault]) -> None:
        if faults:
            await asyncio.to_thread(_append, errors, faults)
        told(source.read, tally)

    return await intake.reading(contents, identity, actor, uuid7()).run(source.pieces(), save)


def format_of(path: Path) -> Format:
    """By the file's name: CSV for `.csv` and `.tsv`, else NDJSON."""
    return Format.CSV if path.suffix.lower() in (".csv", ".tsv") else Format.NDJSON


class _Pieces:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.read = 0

    async def pieces(self) -> AsyncIterator[bytes]:
        with self._path.open("rb") as file:
            while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
                self.read += len(piece)
                yield piece


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _append(errors: Path, faults: Sequence[RowFault]) -> None:
    with errors.open("ab") as file:
        for fault in faults:
            file.write(fault_line(fault.row, msgspec.to_builtins(fault.problems), fault.content))
