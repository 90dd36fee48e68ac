"""Lists that are filtered, sorted and paged by key: declared once, read from a query string, written as SQL.

    ACCOUNTS = Listing(
        name="accounts",
        columns=(Column("code", sortable=True), Column("made_at", Kind.INSTANT, sortable=True)),
        key="code",
        sort="code",
    )
    selection = ACCOUNTS.read({"sort": "-made_at", "limit": "20", "made_at[gte]": "2026-01-01T00:00:00Z"})
    statement = selection.statement("code, name", "laurel.accounts", parameters={})
    cursor = await connection.execute(statement.query, statement.parameters)
    page, following = selection.page(await cursor.fetchall(), AccountRow)

What a caller sends reaches SQL as parameters only; expressions come from the declaration.
"""

import difflib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from hashlib import blake2s
from typing import Any, LiteralString, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct
from psycopg import sql

from application.bodies.exact import read_amount, read_instant

T = TypeVar("T")

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 200
LONGEST_VALUE = 1000
LONGEST_CURSOR = 4000
MOST_VALUES = 100
LONGEST_SEARCH = 100


class ColumnKind(StrEnum):
    """What a column holds; its values are the Postgres types its parameters are cast to.

    `TEXTS` are several, of which a filter asks for one: `ne` finds rows that lack it.
    """

    TEXT = "text"
    TEXTS = "text[]"
    NUMBER = "numeric"
    INTEGER = "bigint"
    INSTANT = "timestamptz"
    BOOLEAN = "boolean"
    UUID = "uuid"


class QueryFault(Struct, frozen=True):
    """What is wrong with one query parameter."""

    parameter: str
    detail: str


class BadQuery(Exception):  # noqa: N818  an expected refusal
    """A list was asked for in a way it can't be; `faults` has an entry for each parameter."""

    def __init__(self, faults: list[QueryFault]) -> None:
        super().__init__("; ".join(f"{fault.parameter}: {fault.detail}" for fault in faults))
        self.faults = faults


_COMPARISONS = {"": "=", "ne": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_ORDERED = ("", "ne", "gt", "gte", "lt", "lte", "in")
_OPERATORS = {
    ColumnKind.TEXT: ("", "ne", "in"),
    ColumnKind.TEXTS: ("", "ne", "in"),
    ColumnKind.NUMBER: _ORDERED,
    ColumnKind.INTEGER: _ORDERED,
    ColumnKind.INSTANT: _ORDERED,
    ColumnKind.BOOLEAN: ("",),
    ColumnKind.UUID: ("", "ne", "in"),
}


class Column(Struct, frozen=True):
    """A column as callers name it. `expression` is its SQL, its own name if absent; `values` are all it may hold.

    Where a row has several, in a table of their own, `among` is what is so of the row when `{}` is of one of them.
    Where the value follows from others, `cases` has for each value the condition, fit for an index.
    """

    name: str
    kind: ColumnKind = ColumnKind.TEXT
    expression: LiteralString | None = None
    among: LiteralString | None = None
    cases: tuple[tuple[str, LiteralString], ...] = ()
    sortable: bool = False
    filterable: bool = True
    nullable: bool = False
    values: tuple[str, ...] = ()

    @property
    def fragment(self) -> sql.Composable:
        return sql.SQL(self.expression) if self.expression else sql.Identifier(self.name)

    @property
    def as_text(self) -> sql.Composable:
        """Its value as the text that `_read` reads, whatever the session's time zone."""
        if self.kind is ColumnKind.INSTANT:
            return sql.SQL("to_char(({}) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')").format(
                self.fragment
            )
        return sql.SQL("({})::text").format(self.fragment)

    def parameters(self) -> dict[str, str]:
        """The query parameters that filter it, with the operator of each."""
        if not self.filterable:
            return {}
        return {f"{self.name}[{operator}]" if operator else self.name: operator for operator in _OPERATORS[self.kind]}


class Filter(Struct, frozen=True):
    """One condition: `values` has one value, except for the operator `in`."""

    column: Column
    operator: str
    values: tuple[Any, ...]


class ListingStatement(Struct, frozen=True):
    """A query and its named parameters."""

    query: sql.Composed
    parameters: dict[str, Any]


class Listing(Struct, frozen=True):
    """`key` names a unique column, which breaks ties; `sort` is the default; `search` are expressions `q` looks in."""

    name: str
    columns: tuple[Column, ...]
    key: str
    sort: str
    search: tuple[LiteralString, ...] = ()

    def parameters(self) -> list[str]:
        """Every query parameter it takes."""
        filters = [name for column in self.columns for name in column.parameters()]
        return ["limit", "cursor", "sort", *(["q"] if self.search else []), *filters]

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def sorts(self) -> list[str]:
        """Every value that `sort` may have."""
        return [sign + column.name for column in self.columns if column.sortable for sign in ("", "-")]

    def read(self, query: Mapping[str, str]) -> "Selection":
        """What `query` asks for; `BadQuery` says all that is wrong with it. Names it does not know are ignored."""
        faults: list[QueryFault] = []
        sort = self._read_sort(query.get("sort", self.sort), faults)
        filters = self._read_filters(query, faults)
        search = self._read_search(query.get("q"), faults)
        limit = _read_limit(query.get("limit"), faults)
        selection = Selection(self, limit, self.column(sort.lstrip("-")), sort.startswith("-"), filters, search)
        after = _read_cursor(selection, query.get("cursor"), faults)
        if faults:
            raise BadQuery(faults)
        return msgspec.structs.replace(selection, after=after)

    def _read_sort(self, text: str, faults: list[QueryFault]) -> str:
        if text in self.sorts():
            return text
        faults.append(QueryFault("sort", f"can't be sorted by that{suggestion(text, self.sorts())}"))
        return self.sort

    def _read_filters(self, query: Mapping[str, str], faults: list[QueryFault]) -> tuple[Filter, ...]:
        filters = []
        for column in self.columns:
            for name, operator in column.parameters().items():
                text = query.get(name)
                if text is None:
                    continue
                try:
                    filters.append(Filter(column, operator, _read_values(column, operator, text)))
                except ValueError as error:
                    faults.append(QueryFault(name, str(error)))
        return tuple(filters)

    def _read_search(self, text: str | None, faults: list[QueryFault]) -> str | None:
        if text is not None and not 1 <= len(text) <= LONGEST_SEARCH:
            faults.append(QueryFault("q", f"must have 1 to {LONGEST_SEARCH} characters"))
        return text if self.search else None


class Selection(Struct, frozen=True):
    """One page of a listing. `after` is the sort value (None for null) and the key of the row before it, as text."""

    listing: Listing
    limit: int
    column: Column
    descending: bool
    filters: tuple[Filter, ...] = ()
    search: str | None = None
    after: tuple[str | None, str] | None = None

    @property
    def key(self) -> Column:
        return self.listing.column(self.listing.key)

    def statement(
        self,
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
        conditions += [_condition(values, condition) for condition in self.filters]
        conditions += self._searched(values) + self._beyond(values)
        direction = sql.SQL(" DESC" if self.descending else " ASC")
        order = [self.key] if self.column == self.key else [self.column, self.key]
        query = sql.SQL("SELECT {}, {}, {} FROM {}{} ORDER BY {} LIMIT {}").format(
            sql.SQL(columns),
            self.column.as_text,
            self.key.as_text,
            sql.SQL(source),
            sql.SQL(" WHERE ") + sql.SQL(" AND ").join(conditions) if conditions else sql.SQL(""),
            sql.SQL(", ").join(column.fragment + direction for column in order),
            sql.Literal(self.limit + 1),
        )
        return ListingStatement(query, values)

    def page(self, rows: Sequence[tuple[Any, ...]], build: Callable[..., T]) -> tuple[list[T], str | None]:
        """The page that the statement's `rows` make, each built from its columns, and the cursor of the next one."""
        shown = [build(*row[:-2]) for row in rows[: self.limit]]
        if len(rows) <= self.limit:
            return shown, None
        value, key = rows[self.limit - 1][-2:]
        return shown, self._cursor(value, key)

    def _cursor(self, value: str | None, key: str) -> str:
        return urlsafe_b64encode(msgspec.json.encode([self.digest(), value, key])).decode().rstrip("=")

    def digest(self) -> str:
        """Tells queries apart, so that a cursor can't be used with another one than it came from."""
        asked = [
            self.listing.name,
            self.column.name,
            self.descending,
            [[condition.column.name, condition.operator, list(condition.values)] for condition in self.filters],
            self.search,
        ]
        return blake2s(msgspec.json.encode(asked), digest_size=6).hexdigest()

    def _searched(self, values: dict[str, Any]) -> list[sql.Composable]:
        if self.search is None:
            return []
        escaped = self.search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        values["_search"] = f"%{escaped}%"
        matches = [sql.SQL("({}) ILIKE {}").format(sql.SQL(e), sql.Placeholder("_search")) for e in self.listing.search]
        return [sql.SQL("({})").format(sql.SQL(" OR ").join(matches))]

    def _beyond(self, values: dict[str, Any]) -> list[sql.Composable]:
        """The rows after the cursor's: nulls come last ascending and first descending, as Postgres orders them."""
        if self.after is None:
            return []
        value, key = self.after
        sign = sql.SQL("<" if self.descending else ">")
        parts = {
            "sort": self.column.fragment,
            "key": self.key.fragment,
            "sign": sign,
            "after_key": _parameter(values, "_after_key", self.key.kind, _read(self.key, key)),
        }
        if self.column == self.key:
            return [sql.SQL("{key} {sign} {after_key}").format(**parts)]
        if value is None:
            form = "({sort} IS NULL AND {key} {sign} {after_key})"
            return [sql.SQL(f"({form} OR {{sort}} IS NOT NULL)" if self.descending else form).format(**parts)]
        parts["after"] = _parameter(values, "_after", self.column.kind, _read(self.column, value))
        form = "({sort}, {key}) {sign} ({after}, {after_key})"
        nulls_follow = self.column.nullable and not self.descending
        return [sql.SQL(f"({form} OR {{sort}} IS NULL)" if nulls_follow else form).format(**parts)]


def suggestion(text: str, known: Sequence[str]) -> str:
    """The end of a sentence about an unknown name: the nearest known one, or all of them."""
    close = difflib.get_close_matches(text, known, 1)
    return f"; did you mean {close[0]}?" if close else f"; there are: {', '.join(known) or 'none'}"


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
            column.fragment, _parameter(values, name, column.kind, list(condition.values))
        )
        return sql.SQL("NOT ({})").format(shares) if condition.operator == "ne" else shares
    if condition.operator == "in":
        values[name] = list(condition.values)
        return sql.SQL("{} = ANY({}::{}[])").format(column.fragment, sql.Placeholder(name), sql.SQL(column.kind.value))
    comparison = "IS DISTINCT FROM" if condition.operator == "ne" else _COMPARISONS[condition.operator]
    value = _parameter(values, name, column.kind, condition.values[0])
    return sql.SQL("{} {} {}").format(column.fragment, sql.SQL(comparison), value)


def _parameter(values: dict[str, Any], name: str, kind: ColumnKind, value: object) -> sql.Composable:
    values[name] = value
    return sql.SQL("{}::{}").format(sql.Placeholder(name), sql.SQL(kind.value))


def _read_limit(text: str | None, faults: list[QueryFault]) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= LARGEST_LIMIT:
        return int(text)
    faults.append(QueryFault("limit", f"must be a whole number from 1 to {LARGEST_LIMIT}"))
    return DEFAULT_LIMIT


def _read_values(column: Column, operator: str, text: str) -> tuple[Any, ...]:
    texts = text.split(",") if operator == "in" else [text]
    if len(texts) > MOST_VALUES:
        raise ValueError(f"must be at most {MOST_VALUES} values, separated by commas")
    return tuple(_read(column, each) for each in texts)


def _read(column: Column, text: str) -> object:
    """The value that `text` writes; `ValueError` says what is allowed."""
    if len(text) > LONGEST_VALUE:
        raise ValueError(f"must have at most {LONGEST_VALUE} characters")
    if column.values and text not in column.values:
        raise ValueError(f"no such value{suggestion(text, column.values)}")
    return _READERS[column.kind](text)


def _read_integer(text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        raise ValueError("must be a whole number")
    return int(text)


def _read_boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def _read_uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ValueError("must be a UUID") from None


def _read_moment(text: str) -> object:
    if " " in text and "+" not in text:
        raise ValueError("must be an instant with offset; in a URL, write + as %2B")
    return read_instant(text)


_READERS: dict[ColumnKind, Callable[[str], object]] = {
    ColumnKind.TEXT: str,
    ColumnKind.TEXTS: str,
    ColumnKind.NUMBER: read_amount,
    ColumnKind.INTEGER: _read_integer,
    ColumnKind.INSTANT: _read_moment,
    ColumnKind.BOOLEAN: _read_boolean,
    ColumnKind.UUID: _read_uuid,
}


def _read_cursor(selection: Selection, text: str | None, faults: list[QueryFault]) -> tuple[str | None, str] | None:
    if text is None:
        return None
    try:
        decoded = urlsafe_b64decode(text[:LONGEST_CURSOR] + "=" * (-len(text) % 4))
        digest, value, key = msgspec.json.decode(decoded, type=tuple[str, str | None, str])
        if value is not None:
            _read(msgspec.structs.replace(selection.column, values=()), value)
        _read(selection.key, key)
    except (ValueError, msgspec.DecodeError):
        faults.append(QueryFault("cursor", "must be the `next` of an answer of this list"))
        return None
    if digest != selection.digest():
        faults.append(QueryFault("cursor", "belongs to another query: sort and filters must stay the same"))
        return None
    return value, key
