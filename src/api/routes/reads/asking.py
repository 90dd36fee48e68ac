"""What the routes that read share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar

from psycopg import AsyncConnection

from api.admission import behind
from api.positions import position_in
from api.request import Request
from application.exact import read_instant
from application.log.streams import Stream
from application.refusals import Unknown
from application.streams import MEMBER
from projections.queries.log import Versioned, exists, head, latest

S = TypeVar("S")
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


@asynccontextmanager
async def current(request: Request) -> AsyncIterator[AsyncConnection[Any]]:
    """A connection to ask on what streams are as the last command left them, whichever process answered it."""
    async with asking(request) as connection:
        position = await head(connection)
        if request.exchange.after > position:
            raise behind(f"ends at position {position}, before {request.exchange.after}")
        request.exchange.position = position
        yield connection


async def shown_now(request: Request, stream: Stream[S, Any], what: str) -> Versioned[S]:
    """The state of a stream that a route which is `current` shows; raises Unknown when it is not there."""
    async with current(request) as connection:
        return there(await latest(connection, request.program.reads.mapper, stream), what)


async def known(connection: AsyncConnection[Any], stream: Stream[Any, Any], what: str) -> None:
    """Raises Unknown when it is not there: a list of what it has would be empty."""
    there(await exists(connection, stream) or None, what)


async def known_member(connection: AsyncConnection[Any], member: str) -> None:
    await known(connection, MEMBER.at(member), f"member `{member}`")


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
