"""What a rebuild proves: for each table how many rows, a digest, and the rows in which live and rebuilt differ."""

from datetime import datetime
from typing import Any

import psycopg
from msgspec import Struct
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from application.log.check import Finding
from projections.engine.changes import Table

SAMPLE_ROWS = 100
"""The most differing rows that a certificate shows of one table, and the most contradictions of the log."""


class TableContents(Struct, frozen=True):
    """All rows of a table. The digest adds up the rows' SHA-256, so their order is nothing to it."""

    rows: int
    digest: str


class Difference(Struct, frozen=True):
    """A row by its key, as text by column; None where it is not there."""

    key: dict[str, str]
    live: dict[str, str | None] | None
    rebuilt: dict[str, str | None] | None


class TableCertificate(Struct, frozen=True):
    """`live` is None where there was nothing to compare with, or where what is there can't be, which `fault` then says;
    `differences` are the first ones by key.
    """

    table: str
    rebuilt: TableContents
    live: TableContents | None = None
    only_live: int = 0
    only_rebuilt: int = 0
    different: int = 0
    differences: tuple[Difference, ...] = ()
    fault: str | None = None

    @property
    def identical(self) -> bool | None:
        return None if self.live is None else self.live == self.rebuilt


class ProjectionCertificate(Struct, frozen=True):
    """`position` is where the tables were compared, `switched_at` where the rebuilt ones took over.

    Tables of another version (`live_version`, None where there are none) are replaced and not compared. `faults` are
    what was wrong with the live projection but for its rows; `failure` is why it could not be rebuilt past `position`.
    """

    projection: str
    version: int
    live_version: int | None
    position: int
    switched_at: int | None
    tables: tuple[TableCertificate, ...]
    faults: tuple[str, ...] = ()
    failure: str | None = None

    @property
    def sound(self) -> bool:
        """Whether it is there as it should be, down to every row."""
        return not self.faults and self.failure is None and all(table.identical for table in self.tables)


class LogCertificate(Struct, frozen=True):
    """What was looked at of the log up to the position `end`, and the first of the contradictions that were `found`."""

    end: int
    events: int
    streams: int
    found: int
    findings: tuple[Finding, ...]


class Certificate(Struct, frozen=True):
    """`code_version` is that of the program that rebuilt; `log` is there of an audit."""

    code_version: str
    as_of: int | None
    started_at: datetime
    finished_at: datetime
    projections: tuple[ProjectionCertificate, ...]
    log: LogCertificate | None = None

    @property
    def failures(self) -> list[str]:
        """What could not be rebuilt, and why."""
        return [f"{made.projection}: {made.failure}" for made in self.projections if made.failure]

    @property
    def identical(self) -> bool:
        """Whether every table that was compared was as it should be."""
        return all(table.identical is not False for projection in self.projections for table in projection.tables)

    @property
    def sound(self) -> bool:
        """Whether all is as it should be; of what was built up to a past position, whether it could be."""
        if self.log is not None and self.log.found:
            return False
        if self.as_of is not None:
            return not self.failures
        return all(projection.sound for projection in self.projections)


def contents(connection: psycopg.Connection[Any], schema: str, table: Table) -> TableContents:
    query = SQL(
        "select count(*), coalesce(sum(('x' || substr(hash, 1, 15))::bit(60)::bigint), 0),"
        " coalesce(sum(('x' || substr(hash, 16, 15))::bit(60)::bigint), 0)"
        " from (select encode(sha256(convert_to({row}::text, 'UTF8')), 'hex') hash from {table} t) hashes"
    ).format(row=_row("t", table), table=Identifier(schema, table.name))
    row = connection.execute(query).fetchone()
    assert row is not None  # noqa: S101  a count always has a row
    return TableContents(row[0], f"{int(row[1]):032x}{int(row[2]):032x}")


def compare(connection: psycopg.Connection[Any], live: str, rebuilt: str, table: Table) -> TableCertificate:
    """Of the schemas `live` and `rebuilt`, as the transaction under way sees them."""
    was, is_now = contents(connection, live, table), contents(connection, rebuilt, table)
    if was == is_now:
        return TableCertificate(table.name, is_now, was)
    first = Identifier(table.key[0])
    counted = connection.execute(
        SQL(
            "select count(*) filter (where r.{0} is null), count(*) filter (where l.{0} is null),"
            " count(*) filter (where l.{0} is not null and r.{0} is not null) {1}"
        ).format(first, _differing(live, rebuilt, table))
    ).fetchone()
    assert counted is not None  # noqa: S101  a count always has a row
    only_live, only_rebuilt, different = counted
    sample = _differences(connection, live, rebuilt, table)
    return TableCertificate(table.name, is_now, was, only_live, only_rebuilt, different, sample)


def _differences(connection: psycopg.Connection[Any], live: str, rebuilt: str, table: Table) -> tuple[Difference, ...]:
    names = tuple(table.columns)
    parts = [SQL("{}::text").format(Identifier(side, name)) for side in ("l", "r") for name in names]
    keys = SQL(", ").join([SQL("coalesce(l.{0}, r.{0})").format(Identifier(name)) for name in table.key])
    query = SQL("select {} {} order by {} limit {}").format(
        SQL(", ").join(parts), _differing(live, rebuilt, table), keys, Literal(SAMPLE_ROWS)
    )
    return tuple(_difference(table, row[: len(names)], row[len(names) :]) for row in connection.execute(query))


def _difference(table: Table, live: tuple[str | None, ...], rebuilt: tuple[str | None, ...]) -> Difference:
    was, is_now = _known(table, live), _known(table, rebuilt)
    row = was or is_now or {}
    return Difference({name: str(row[name]) for name in table.key}, was, is_now)


def _known(table: Table, values: tuple[str | None, ...]) -> dict[str, str | None] | None:
    row = dict(zip(table.columns, values, strict=True))
    return None if row[table.key[0]] is None else row


def _differing(live: str, rebuilt: str, table: Table) -> Composed:
    return SQL("from {} l full join {} r using ({}) where {}::text is distinct from {}::text").format(
        Identifier(live, table.name),
        Identifier(rebuilt, table.name),
        SQL(", ").join([Identifier(name) for name in table.key]),
        _row("l", table),
        _row("r", table),
    )


def _row(alias: str, table: Table) -> Composable:
    return SQL("row({})").format(SQL(", ").join([Identifier(alias, name) for name in table.columns]))
