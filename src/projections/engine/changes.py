"""What a fold wants of a projection's tables: row changes, merged by key as they come.

A batch of events becomes a few statements: rows of one table that change in the same columns are written at once.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from domain.values.amounts import EXACT
from projections.engine.columns import ColumnType

Key = tuple[Any, ...]
Row = dict[str, Any]


class Table(Struct, frozen=True, eq=False):
    """A table as folds see it; its `.sql` file says the same and more. The columns of `key` are its primary key."""

    name: str
    key: tuple[str, ...]
    columns: Mapping[str, ColumnType]

    @property
    def values(self) -> tuple[str, ...]:
        """The columns that are not in the key."""
        return tuple(column for column in self.columns if column not in self.key)


class RowExists(Exception):  # noqa: N818  says what is so
    """A fold inserts a row a second time: the log is not what it takes it for."""

    def __init__(self, table: Table, key: Key) -> None:
        super().__init__(f"{table.name} has a row {key} already")


class TableStatement(Struct, frozen=True):
    """A statement kept in a `.sql` file, for what row changes can't say; `{schema}` in it is the projection's."""

    sql: str
    parameters: Mapping[str, Any]


class TableChanges:
    """Changes of one table by key, to be written in the order drops, inserts, puts, updates, sums."""

    __slots__ = ("drops", "inserts", "puts", "sums", "updates")

    def __init__(self) -> None:
        self.drops: dict[Key, None] = {}
        self.inserts: dict[Key, Row] = {}
        self.puts: dict[Key, Row] = {}
        self.updates: dict[Key, Row] = {}
        self.sums: dict[Key, Row] = {}


class Changes:
    """What one batch of events does to one projection.

    `steps` are in order: tables' changes, with the statements that had to see what came before them in between. A row
    is a dict by column, without its key.
    """

    __slots__ = ("_open", "steps")

    def __init__(self) -> None:
        self.steps: list[dict[Table, TableChanges] | TableStatement] = []
        self._open: dict[Table, TableChanges] | None = None

    def insert(self, table: Table, key: Key, row: Row) -> None:
        """A whole row that is not there yet; what it does must not hang on where a batch ends."""
        inserts = self._of(table).inserts
        if key in inserts:
            raise RowExists(table, key)
        inserts[key] = row

    def put(self, table: Table, key: Key, row: Row) -> None:
        """A whole row, whether it is there or not."""
        changes = self._of(table)
        if key in changes.inserts:
            changes.inserts[key] = row
        else:
            changes.updates.pop(key, None)
            changes.puts[key] = row

    def update(self, table: Table, key: Key, row: Row) -> None:
        """Some columns of a row that is there."""
        changes = self._of(table)
        for rows in (changes.updates, changes.inserts, changes.puts):
            pending = rows.get(key)
            if pending is not None:
                pending.update(row)
                return
        changes.updates[key] = row

    def add(self, table: Table, key: Key, row: Row) -> None:
        """Amounts to add to every column of a row, which starts from zeros when it is not there."""
        sums = self._of(table).sums
        pending = sums.get(key)
        if pending is None:
            sums[key] = row
        else:
            for column, amount in row.items():
                if amount:
                    was = pending[column]
                    pending[column] = was + amount if type(amount) is int else EXACT.add(was, amount)

    def drop(self, table: Table, key: Key) -> None:
        changes = self._of(table)
        for pending in (changes.inserts, changes.puts, changes.updates):
            pending.pop(key, None)
        changes.drops[key] = None

    def run(self, statement: TableStatement) -> None:
        """What was changed before is written before it runs."""
        self.steps.append(statement)
        self._open = None

    def __bool__(self) -> bool:
        return bool(self.steps)

    def _of(self, table: Table) -> TableChanges:
        if self._open is None:
            self._open = {}
            self.steps.append(self._open)
        changes = self._open.get(table)
        if changes is None:
            changes = self._open[table] = TableChanges()
        return changes
