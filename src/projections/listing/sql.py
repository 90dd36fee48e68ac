"""Lists as SQL: one page of a list, after the cursor.

What a caller sends reaches SQL as parameters only; expressions come from the declaration.
"""

from collections.abc import Mapping
from typing import Any, LiteralString

import msgspec
from msgspec import Struct
from psycopg import sql

from projections.listing.columns import Column, ColumnKind
from projections.listing.request import Filter, Selection

_COMPARISONS = {"": "=", "ne": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class ListingStatement(Struct, frozen=True):
    """A query and its named parameters."""

    query: sql.Composed
    parameters: dict[str, Any]


def statement(
    selection: Selection,
    columns: LiteralString,
    source: LiteralString,
    *,
    where: tuple[LiteralString, ...] = (),
    parameters: Mapping[str, Any] | None = None,
) -> ListingStatement:
    """The SELECT of `columns` from `source` (what follows FROM), with one row and two columns more than asked for.

    `where` are further conditions; `parameters` what they and the listing's expressions name as `%(name)s`.
    """
    values: dict[str, Any] = dict(parameters or {})
    conditions: list[sql.Composable] = [sql.SQL(condition) for condition in where]
    conditions += [_condition(values, condition) for condition in selection.filters]
    conditions += _searched(selection, values) + _beyond(selection, values)
    direction = sql.SQL(" DESC" if selection.descending else " ASC")
    order = [selection.key] if selection.column == selection.key else [selection.column, selection.key]
    query = sql.SQL("SELECT {}, {}, {} FROM {}{} ORDER BY {} LIMIT {}").format(
        sql.SQL(columns),
        _as_text(selection.column),
        _as_text(selection.key),
        sql.SQL(source),
        sql.SQL(" WHERE ") + sql.SQL(" AND ").join(conditions) if conditions else sql.SQL(""),
        sql.SQL(", ").join(_fragment(column) + direction for column in order),
        sql.Literal(selection.limit + 1),
    )
    return ListingStatement(query, values)


def _fragment(column: Column) -> sql.Composable:
    return sql.SQL(column.expression) if column.expression else sql.Identifier(column.name)


def _as_text(column: Column) -> sql.Composable:
    """Its value as the text that `Column.read` reads, whatever the session's time zone."""
    if column.kind is ColumnKind.INSTANT:
        return sql.SQL("to_char(({}) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')").format(
            _fragment(column)
        )
    return sql.SQL("({})::text").format(_fragment(column))


def _searched(selection: Selection, values: dict[str, Any]) -> list[sql.Composable]:
    if selection.search is None:
        return []
    escaped = selection.search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    values["_search"] = f"%{escaped}%"
    matches = [
        sql.SQL("({}) ILIKE {}").format(sql.SQL(e), sql.Placeholder("_search")) for e in selection.listing.search
    ]
    return [sql.SQL("({})").format(sql.SQL(" OR ").join(matches))]


def _beyond(selection: Selection, values: dict[str, Any]) -> list[sql.Composable]:
    """The rows after the cursor's: nulls come last ascending and first descending, as Postgres orders them."""
    if selection.after is None:
        return []
    value, key = selection.after
    sign = sql.SQL("<" if selection.descending else ">")
    parts = {
        "sort": _fragment(selection.column),
        "key": _fragment(selection.key),
        "sign": sign,
        "after_key": _parameter(values, "_after_key", selection.key.kind, selection.key.read(key)),
    }
    if selection.column == selection.key:
        return [sql.SQL("{key} {sign} {after_key}").format(**parts)]
    if value is None:
        form = "({sort} IS NULL AND {key} {sign} {after_key})"
        return [sql.SQL(f"({form} OR {{sort}} IS NOT NULL)" if selection.descending else form).format(**parts)]
    parts["after"] = _parameter(values, "_after", selection.column.kind, selection.column.read(value))
    form = "({sort}, {key}) {sign} ({after}, {after_key})"
    nulls_follow = selection.column.nullable and not selection.descending
    return [sql.SQL(f"({form} OR {{sort}} IS NULL)" if nulls_follow else form).format(**parts)]


def _condition(values: dict[str, Any], condition: Filter) -> sql.Composable:
    among, cases = condition.column.among, dict(condition.column.cases)
    lacks = condition.operator == "ne"
    if among is not None:
        one = _compared(values, msgspec.structs.replace(condition, operator="") if lacks else condition)
        found: sql.Composable = sql.SQL(among).format(one)
    elif cases:
        found = sql.SQL(" OR ").join(sql.SQL("({})").format(sql.SQL(cases[value])) for value in condition.values)
    else:
        return _compared(values, condition)
    return sql.SQL("({}) IS NOT TRUE" if lacks else "({})").format(found)


def _compared(values: dict[str, Any], condition: Filter) -> sql.Composable:
    name = f"_filter_{len(values)}"
    column = condition.column
    if column.kind is ColumnKind.TEXTS:
        shares = sql.SQL("{} && {}").format(
            _fragment(column), _parameter(values, name, column.kind, list(condition.values))
        )
        return sql.SQL("NOT ({})").format(shares) if condition.operator == "ne" else shares
    if condition.operator == "in":
        values[name] = list(condition.values)
        return sql.SQL("{} = ANY({}::{}[])").format(
            _fragment(column), sql.Placeholder(name), sql.SQL(column.kind.value)
        )
    comparison = "IS DISTINCT FROM" if condition.operator == "ne" else _COMPARISONS[condition.operator]
    value = _parameter(values, name, column.kind, condition.values[0])
    return sql.SQL("{} {} {}").format(_fragment(column), sql.SQL(comparison), value)


def _parameter(values: dict[str, Any], name: str, kind: ColumnKind, value: object) -> sql.Composable:
    values[name] = value
    return sql.SQL("{}::{}").format(sql.Placeholder(name), sql.SQL(kind.value))
