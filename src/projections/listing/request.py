"""Requests for lists: a list is declared once, and what a caller asks of it is read from a query string.

ACCOUNTS = Listing(
name="accounts",
columns=(Column("code", sortable=True), Column("made_at", ColumnKind.INSTANT, sortable=True)),
key="code",
sort="code",
)
selection = ACCOUNTS.read({"sort": "-made_at", "limit": "20", "made_at[gte]": "2026-01-01T00:00:00Z"})
asked = statement(selection, "code, name", "laurel.accounts", parameters={})
cursor = await connection.execute(asked.query, asked.parameters)
page, following = selection.page(await cursor.fetchall(), AccountRow)
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2s
from typing import Any, LiteralString, TypeVar

import msgspec
from msgspec import Struct

from projections.listing.columns import Column, suggestion

T = TypeVar("T")

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 200
LONGEST_CURSOR = 4000
MOST_VALUES = 100
LONGEST_SEARCH = 100


class QueryFault(Struct, frozen=True):
    """What is wrong with one query parameter."""

    parameter: str
    detail: str


class BadQuery(Exception):  # noqa: N818  an expected refusal
    """A list was asked for in a way it can't be; `faults` has an entry for each parameter."""

    def __init__(self, faults: list[QueryFault]) -> None:
        super().__init__("; ".join(f"{fault.parameter}: {fault.detail}" for fault in faults))
        self.faults = faults


class Filter(Struct, frozen=True):
    """One condition: `values` has one value, except for the operator `in`."""

    column: Column
    operator: str
    values: tuple[Any, ...]


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
    return tuple(column.read(each) for each in texts)


def _read_cursor(selection: Selection, text: str | None, faults: list[QueryFault]) -> tuple[str | None, str] | None:
    if text is None:
        return None
    try:
        decoded = urlsafe_b64decode(text[:LONGEST_CURSOR] + "=" * (-len(text) % 4))
        digest, value, key = msgspec.json.decode(decoded, type=tuple[str, str | None, str])
        if value is not None:
            msgspec.structs.replace(selection.column, values=()).read(value)
        selection.key.read(key)
    except (ValueError, msgspec.DecodeError):
        faults.append(QueryFault("cursor", "must be the `next` of an answer of this list"))
        return None
    if digest != selection.digest():
        faults.append(QueryFault("cursor", "belongs to another query: sort and filters must stay the same"))
        return None
    return value, key
