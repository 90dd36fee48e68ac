"""Takes a file in: read in pieces, decided in chunks by the log's writer, with an outcome for each row."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from application.definitions.catalogue import Catalogue
from application.facts.commands import FactIntake, FactReceipt
from application.imports.kinds import UNCHANGED, ImportKind, Reader, RowCommand, reader_of
from application.imports.rows import Format, Row, rows_of
from application.log.batch import Commit
from application.log.envelope import Origin
from application.log.errors import LogError, Overloaded, Stopped, TooLarge, Unavailable
from application.log.writer import Writer
from application.reads import nothing
from application.service.refusals import Refusal
from domain.values.problems import Invalid, Problem

CHUNK_ROWS = 1_000
CHUNKS_IN_FLIGHT = 2
ROWS_AT_A_TIME = 100
"""Rows read before whoever else uses the loop has a turn."""

OVERLOADED_SECONDS = 0.25
MOST_CONTENT = 4_000
"""Characters kept of a row that was refused."""

_log = logging.getLogger("laurel.imports")


class ImportTally(Struct, frozen=True, gc=False):
    """Up to `row`: rows `recorded`, `repeated` (they were recorded before, or change nothing) and `failed`."""

    row: int = 0
    recorded: int = 0
    repeated: int = 0
    failed: int = 0

    @property
    def rows(self) -> int:
        return self.recorded + self.repeated + self.failed


class RowFault(Struct, frozen=True, gc=False):
    """A row that was refused, as it is written into the error file."""

    row: int
    problems: tuple[Problem, ...]
    content: str


Save = Callable[[ImportTally, Sequence[RowFault]], Awaitable[None]]
"""Told after each chunk how far the import is, and what was wrong since it was told last."""


class _Chunk(NamedTuple):
    """`last` is the number of the last row in it."""

    last: int
    prepared: list[RowCommand]
    faults: list[RowFault]


class Contents(Struct, frozen=True):
    """What a file holds. `list` is the one that list members are of, where they do not say it themselves."""

    kind: ImportKind
    format: Format
    list: str | None = None


class ImportIntake(Struct, frozen=True):
    """What every import needs."""

    writer: Writer
    facts: FactIntake
    catalogue: Catalogue

    def reading(self, contents: Contents, identity: str, actor: str, chain: UUID) -> "Import":
        """An import of such a file. Rows that change a transaction are carried out once for one `identity`."""
        reader = reader_of(contents.kind, self.catalogue, self.facts.rules, identity, contents.list)
        return Import(self, reader, contents.format, actor, Origin(correlation=chain))


class Import:
    """`actor` is who the rows are recorded by, in the chain that `origin` names."""

    def __init__(self, intake: ImportIntake, reader: Reader, format_: Format, actor: str, origin: Origin) -> None:
        self._writer = intake.writer
        self._facts = intake.facts
        self._reader = reader
        self._format = format_
        self._actor = actor
        self._origin = origin

    async def run(self, source: AsyncIterator[bytes], save: Save, start: ImportTally | None = None) -> ImportTally:
        """Goes on after `start`. Raises Invalid for a header that can't be read by, and LogError when the log can't
        take more now; what was saved by then is done.
        """
        await self._writer.submit(nothing)
        tally = start or ImportTally()
        under_way: list[tuple[_Chunk, asyncio.Task[list[Any]]]] = []
        try:
            async for chunk in self._chunks(source, tally.row):
                under_way.append((chunk, await self._submitted(chunk.prepared)))
                if len(under_way) >= CHUNKS_IN_FLIGHT:
                    tally = await self._settled(*under_way.pop(0), tally, save)
            while under_way:
                tally = await self._settled(*under_way.pop(0), tally, save)
        finally:
            for _, task in under_way:
                task.cancel()
            await asyncio.gather(*(task for _, task in under_way), return_exceptions=True)
        return tally

    async def _chunks(self, source: AsyncIterator[bytes], after: int) -> AsyncIterator[_Chunk]:
        chunk = _Chunk(after, [], [])
        read = 0
        async for row in self._rows(source):
            if row.number <= after:
                continue
            self._add(chunk, row)
            read += 1
            if read % ROWS_AT_A_TIME == 0:
                await asyncio.sleep(0)
            if read == CHUNK_ROWS:
                yield chunk._replace(last=row.number)
                chunk, read = _Chunk(row.number, [], []), 0
            else:
                chunk = chunk._replace(last=row.number)
        if read:
            yield chunk

    async def _rows(self, source: AsyncIterator[bytes]) -> AsyncIterator[Row]:
        rows = rows_of(self._format)
        checked = False
        async for piece in source:
            for row in rows.feed(piece):
                if not checked:
                    checked = True
                    self._reader.check_header(rows.columns)
                yield row
        for row in rows.end():
            if not checked:
                checked = True
                self._reader.check_header(rows.columns)
            yield row

    def _add(self, chunk: _Chunk, row: Row) -> None:
        try:
            chunk.prepared.append(self._reader.prepare(row))
        except Exception as error:  # noqa: BLE001  one row's, whatever it is
            chunk.faults.append(_refused(row, error))

    async def _submitted(self, prepared: list[RowCommand]) -> asyncio.Task[list[Any]]:
        """Waits until the commands are queued, so that those of the next chunk come after them."""
        while True:
            task = asyncio.create_task(self._take(prepared))
            await asyncio.sleep(0)
            if not task.done() or not isinstance(task.exception(), Overloaded):
                return task
            await asyncio.sleep(OVERLOADED_SECONDS)

    async def _take(self, prepared: list[RowCommand]) -> list[Any]:
        commands = [each.command for each in prepared]
        sent = [each.sent for each in prepared if each.sent is not None]
        if len(sent) < len(commands) or not sent:
            found = await self._writer.submit_many(commands, actor=self._actor, origin=self._origin, bulk=True)
            return list(found)
        return list(await self._facts.take_many(sent, commands, self._actor, self._origin, bulk=True))

    async def _settled(
        self, chunk: _Chunk, task: asyncio.Task[list[Any]], tally: ImportTally, save: Save
    ) -> ImportTally:
        recorded = repeated = 0
        faults = chunk.faults
        for prepared, outcome in zip(chunk.prepared, await task, strict=True):
            if isinstance(outcome, Exception):
                faults.append(_refused(prepared.row, outcome, prepared.within))
            elif _repeats(outcome):
                repeated += 1
            else:
                recorded += 1
        faults.sort(key=lambda fault: fault.row)
        tally = ImportTally(
            chunk.last, tally.recorded + recorded, tally.repeated + repeated, tally.failed + len(faults)
        )
        await save(tally, faults)
        return tally


def _repeats(outcome: FactReceipt | Commit) -> bool:
    return outcome.answer is UNCHANGED or (isinstance(outcome, FactReceipt) and outcome.repeated)


def _refused(row: Row, error: Exception, within: str = "") -> RowFault:
    """Raises `error` when it is not the row's fault."""
    match error:
        case Invalid():
            problems = [problem.under(within) for problem in error.problems]
        case Refusal():
            problems = [Problem(within, error.detail, error.code)]
        case TooLarge():
            problems = [Problem(within, str(error), "too_large")]
        case Unavailable() | Stopped() | Overloaded():
            raise error
        case LogError():
            problems = [Problem(within, str(error), "not_recorded")]
        case _:
            _log.error("row %d of an import failed", row.number, exc_info=error)
            problems = [Problem(within, "was not expected; the service's log says more", "internal")]
    return fault_of(row, problems)


def fault_of(row: Row, problems: Sequence[Problem]) -> RowFault:
    placed = problems if row.cells is None else [_by_column(problem) for problem in problems]
    return RowFault(row.number, tuple(placed), row.content[: 4 * MOST_CONTENT].decode(errors="replace")[:MOST_CONTENT])


def _by_column(problem: Problem) -> Problem:
    """In a CSV the place is a column: `/transaction/attributes/channel` is `/attributes.channel`."""
    parts = problem.pointer.split("/")[1:]
    if parts and parts[0] in ("transaction", "event", "accept", "reject", "update", "refund"):
        parts = parts[1:]
    return replace(problem, pointer=f"/{'.'.join(parts)}" if parts else "")
