"""Writes row changes to a projection's tables, in a few statements a batch."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, cast

import psycopg
from psycopg.sql import SQL, Composed, Identifier

from projections.engine.changes import Changes, Key, Row, Table, TableChanges, TableStatement

ROWS = 5_000
"""The most rows that one statement writes."""


def write(connection: psycopg.Connection[Any], schema: str, changes: Changes) -> None:
    """In the transaction under way. The connection has been prepared by `session.connect`."""
    for step in changes.steps:
        if isinstance(step, TableStatement):
            text = SQL(cast(Any, step.sql)).format(schema=Identifier(schema))
            connection.execute(text, step.parameters)
        else:
            for table, changed in step.items():
                _write_table(connection, schema, table, changed)


def _write_table(connection: psycopg.Connection[Any], schema: str, table: Table, changed: TableChanges) -> None:
    if changed.drops:
        _send(connection, drop_statement(schema, table), table, (), [(key, {}) for key in changed.drops])
    if changed.inserts:
        rows = list(changed.inserts.items())
        _send(connection, insert_statement(schema, table), table, table.values, rows)
    if changed.puts:
        _send(connection, put_statement(schema, table), table, table.values, list(changed.puts.items()))
    for shape, rows in _by_shape(changed.updates).items():
        _send(connection, update_statement(schema, table, shape), table, shape, rows)
    if changed.sums:
        # In order of their keys, so that no two writers ever wait for each other.
        rows = sorted(changed.sums.items())
        _send(connection, add_statement(schema, table), table, table.values, rows)


def _by_shape(updates: dict[Key, Row]) -> dict[tuple[str, ...], list[tuple[Key, Row]]]:
    """Updates by the columns they change."""
    shapes: dict[tuple[str, ...], list[tuple[Key, Row]]] = {}
    for item in updates.items():
        shape = tuple(item[1])
        if shape in shapes:
            shapes[shape].append(item)
        else:
            shapes[shape] = [item]
    return shapes


def _send(
    connection: psycopg.Connection[Any],
    statement: Composed,
    table: Table,
    values: Sequence[str],
    rows: Sequence[tuple[Key, Row]],
) -> None:
    for start in range(0, len(rows), ROWS):
        part = rows[start : start + ROWS]
        keys = zip(*(key for key, _ in part), strict=True)
        columns = [table.columns[name].values(items) for name, items in zip(table.key, keys, strict=True)]
        columns += [table.columns[name].values([row[name] for _, row in part]) for name in values]
        connection.execute(statement, columns, prepare=True)


@lru_cache(maxsize=1024)
def insert_statement(schema: str, table: Table) -> Composed:
    return SQL("insert into {table} ({columns}) select {values} from unnest({arrays}) c ({columns})").format(
        table=_name(schema, table), **_parts(table, (*table.key, *table.values))
    )


@lru_cache(maxsize=1024)
def put_statement(schema: str, table: Table) -> Composed:
    replaced = _joined(SQL("{0} = excluded.{0}").format(Identifier(name)) for name in table.values)
    return insert_statement(schema, table) + _on_conflict(table, replaced)


@lru_cache(maxsize=1024)
def add_statement(schema: str, table: Table) -> Composed:
    added = _joined(
        SQL("{0} = {1}.{0} + excluded.{0}").format(Identifier(name), Identifier(table.name)) for name in table.values
    )
    return insert_statement(schema, table) + _on_conflict(table, added)


@lru_cache(maxsize=1024)
def update_statement(schema: str, table: Table, shape: tuple[str, ...]) -> Composed:
    changed = _joined(SQL("{} = {}").format(Identifier(name), _value(table, name)) for name in shape)
    parts = _parts(table, (*table.key, *shape))
    return SQL("update {table} t set {changed} from unnest({arrays}) c ({columns}) where {same}").format(
        table=_name(schema, table), changed=changed, same=_same(table), **parts
    )


@lru_cache(maxsize=1024)
def drop_statement(schema: str, table: Table) -> Composed:
    return SQL("delete from {table} t using unnest({arrays}) c ({columns}) where {same}").format(
        table=_name(schema, table), same=_same(table), **_parts(table, table.key)
    )


def _name(schema: str, table: Table) -> Identifier:
    return Identifier(schema, table.name)


def _parts(table: Table, names: Sequence[str]) -> dict[str, Composed]:
    return {
        "columns": _joined(Identifier(name) for name in names),
        "values": _joined(_value(table, name) for name in names),
        "arrays": _joined(SQL("%s") for _ in names),
    }


def _value(table: Table, name: str) -> Composed:
    cast_to = table.columns[name].cast
    suffix = SQL(cast(Any, f"::{cast_to}")) if cast_to else SQL("")
    return SQL("c.{}{}").format(Identifier(name), suffix)


def _same(table: Table) -> Composed:
    return SQL(" and ").join([SQL("t.{0} = c.{0}").format(Identifier(name)) for name in table.key])


def _on_conflict(table: Table, change: Composed) -> Composed:
    keys = _joined(Identifier(name) for name in table.key)
    return SQL(" on conflict ({}) do update set {}").format(keys, change)


def _joined(parts: Iterable[SQL | Composed | Identifier]) -> Composed:
    return SQL(", ").join(list(parts))
