"""What the routes that read share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from psycopg import AsyncConnection

from api.http.admission import behind, reach
from api.http.positions import position_in
from api.http.problems import bad_parameter
from api.http.request import Request
from api.http.routing import terms_of
from application.bodies.exact import read_instant
from application.log.instants import position_at
from application.log.streams import Stream
from application.service.refusals import Unknown
from application.streams import MEMBER
from projections.history.log import VersionedState, exists, head, latest

S = TypeVar("S")
T = TypeVar("T")

AS_OF: dict[str, Any] = {
    "type": "string",
    "maxLength": 100,
    "description": "The history as it was recorded up to a position, or to an instant with offset that is not to come: "
    "it means one position. That is waited for as `after` is, and the same question has the same answer for ever.",
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


async def shown_now(request: Request, stream: Stream[S, Any], what: str) -> VersionedState[S]:
    """The state of a stream that a route which is `current` shows; raises Unknown when it is not there."""
    async with current(request) as connection:
        return there(await latest(connection, request.program.reads.mapper, stream), what)


async def known(
    connection: AsyncConnection[Any], stream: Stream[Any, Any], what: str, as_of: int | None = None
) -> None:
    """Raises Unknown when it is not there, or was not by `as_of`: a list of what it has would be empty."""
    there(await exists(connection, stream, as_of) or None, what)


async def known_member(connection: AsyncConnection[Any], member: str, as_of: int | None = None) -> None:
    await known(connection, MEMBER.at(member), f"member `{member}`", as_of)


def there(found: T | None, what: str) -> T:
    """Raises Unknown when it is not there."""
    if found is None:
        raise Unknown(f"no {what}")
    return found


async def asked_as_of(request: Request) -> int | None:
    """The position up to which a query asks for the history, which what is read then shows; None for all of it."""
    text = request.exchange.query.get("as_of")
    if text is None:
        return None
    try:
        async with asking(request) as connection:
            position = await position_as_of(request, connection, text)
    except ValueError as error:
        raise bad_parameter("as_of", str(error)) from None
    terms = terms_of(request.route_handler)
    assert terms is not None  # noqa: S101  it is a read that was admitted
    await reach(request, position, terms)
    return position


async def position_as_of(request: Request, connection: AsyncConnection[Any], text: str) -> int:
    """The position that `text` writes, or that the instant it writes means; `ValueError` says what is allowed."""
    position = position_in(text)
    if position is None:
        try:
            instant = read_instant(text)
        except ValueError as error:
            raise ValueError(f"must be a position, or an instant: {error}") from None
        now = await request.services.clock.read()
        position = await position_at(connection, request.program.mapper, instant, now)
        if position is None:
            raise ValueError(f"must not lie in the future: it is {now.isoformat()}")
        return position
    if position > (last := await head(connection)):
        raise ValueError(f"must be in the log, which ends at {last}")
    return position
