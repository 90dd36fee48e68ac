"""How rows are asked for: a page of a listing, one row, several."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, LiteralString, TypeVar

from msgspec import Meta
from psycopg import AsyncConnection, sql

from projections.listing.request import Selection
from projections.listing.sql import statement

T = TypeVar("T")

Figure = Annotated[str, Meta(pattern=r"^-?[0-9]+(\.[0-9]*[1-9])?$", examples=["49.9"])]
"""An exact decimal as text, without trailing zeros: as `amounts.written` or, in a query, `trim_scale` has it."""

Units = Annotated[str, Meta(pattern=r"^-?[0-9]+(\.[0-9]{1,6})?$", examples=["49.90"])]
"""Units of an account as text, with the account's decimals (`amounts.written_in`)."""


async def fetch_page(
    connection: AsyncConnection[Any],
    selection: Selection,
    build: Callable[..., T],
    columns: LiteralString,
    source: LiteralString,
    *,
    where: tuple[LiteralString, ...] = (),
    parameters: Mapping[str, Any] | None = None,
) -> tuple[list[T], str | None]:
    """A page, each row built from its columns, and the cursor of the next one.

    The listing's expressions must be qualified: ORDER BY takes a bare name for a column of the answer, where the sort
    column stands as text.
    """
    asked = statement(selection, columns, source, where=where, parameters=parameters)
    cursor = await connection.execute(asked.query, asked.parameters, prepare=False)
    return selection.page(await cursor.fetchall(), build)


async def fetch_one(
    connection: AsyncConnection[Any],
    build: Callable[..., T],
    columns: LiteralString,
    source: LiteralString,
    *,
    where: LiteralString,
    parameters: Mapping[str, Any],
) -> T | None:
    """The first row there is, or None."""
    query = sql.SQL("SELECT {} FROM {} WHERE {} LIMIT 1").format(sql.SQL(columns), sql.SQL(source), sql.SQL(where))
    cursor = await connection.execute(query, parameters, prepare=False)
    row = await cursor.fetchone()
    return None if row is None else build(*row)


async def fetch_all(
    connection: AsyncConnection[Any], build: Callable[..., T], query: LiteralString, parameters: Mapping[str, Any]
) -> list[T]:
    """All rows; the query itself is bounded."""
    cursor = await connection.execute(query, parameters, prepare=False)
    return [build(*row) for row in await cursor.fetchall()]
