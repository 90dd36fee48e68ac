"""What the routes that read share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar

from psycopg import AsyncConnection

from api.positions import position_in
from api.request import Request
from application.exact import read_instant
from application.refusals import Unknown

T = TypeVar("T")

AS_OF: dict[str, Any] = {
    "type": "string",
    "maxLength": 100,
    "description": "The history as it was recorded up to a position, or to an instant with offset.",
}


@asynccontextmanager
async def asking(request: Request) -> AsyncIterator[AsyncConnection[Any]]:
    """A connection to ask on."""
    async with request.program.reads.pool.connection() as connection:
        yield connection


def there(found: T | None, what: str) -> T:
    """Raises Unknown when it is not there."""
    if found is None:
        raise Unknown(f"no {what}")
    return found


def read_as_of(text: str) -> int | datetime:
    """The position or instant that `text` writes; `ValueError` says what is allowed."""
    position = position_in(text)
    if position is not None:
        return position
    try:
        return read_instant(text)
    except ValueError as error:
        raise ValueError(f"must be a position, or an instant: {error}") from None
