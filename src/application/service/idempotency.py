"""What is carried out once, however often it is asked for: requests with a key of the caller's, and rows of imports.

The answer is recorded in the same command as what it is about, so that neither twins that come at once nor a lost
connection can carry out a request twice or lose its answer. What was refused changed nothing and is not remembered: it
is decided anew.
"""

from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any, NamedTuple, TypeVar, cast
from uuid import UUID

import msgspec
from msgspec import Struct
from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from application.log.mapper import Mapper
from application.log.streams import Stream
from application.log.working import Working
from application.service.refusals import Conflict
from application.streams import REQUEST
from domain.service.request import Answered

T = TypeVar("T")

POSITION = b'{"position":"",'
"""What the JSON of every answer to a command begins with, its position not yet known."""


class RequestKey(Struct, frozen=True, gc=False):
    """`key` is the caller's and `digest` covers all that was sent with it; `part` numbers the commands of a batch."""

    caller: str
    key: str
    digest: bytes
    part: int | None = None

    def stream(self) -> Stream[Answered, Answered]:
        parts = () if self.part is None else (self.part,)
        return REQUEST.at(self.caller, self.key, *parts)


class KeptAnswer(NamedTuple):
    """An answer as JSON less its position; `first` is the stream of the request that it first answered, if any."""

    status: int
    body: bytes
    first: Stream[Answered, Answered] | None = None

    def at(self, position: str) -> bytes:
        """The whole answer."""
        return b'{"position":"%s",%s' % (position.encode(), self.body[1:])


class KeyConflict(Conflict):
    """The idempotency key came before with another request."""

    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("the idempotency key came before with another request")


def first_time(
    stream: Stream[Answered, Answered],
    command: Callable[[Working], T],
    answered: Callable[[T], Answered],
    again: Callable[[Answered], T],
) -> Callable[[Working], T]:
    """The command, carried out once for the stream that remembers it: what was `answered` is what it tells `again`."""

    def decide(working: Working) -> T:
        before = working.state_if_known(stream)
        if before is not None:
            return again(before)
        answer = command(working)
        working.record(stream, answered(answer))
        return answer

    return decide


def once(key: RequestKey | None, status: int, decide: Callable[[Working], Struct]) -> Callable[[Working], KeptAnswer]:
    """The command `decide`, carried out once for `key`; without one it is carried out each time.

    What `decide` answers has `position` as its first field, left empty. The command raises what `decide` raises, and
    KeyConflict when the key came with another request before.
    """

    def command(working: Working) -> KeptAnswer:
        return KeptAnswer(status, _less_position(decide(working)))

    if key is None:
        return command
    stream, digest = key.stream(), key.digest

    def again(before: Answered) -> KeptAnswer:
        if before.digest != digest:
            raise KeyConflict
        return KeptAnswer(before.status, before.body, stream)

    return first_time(stream, command, lambda kept: Answered(digest, kept.status, kept.body), again)


def _less_position(answer: Struct) -> bytes:
    encoded = msgspec.json.encode(answer)
    if not encoded.startswith(POSITION):
        raise TypeError(f"{type(answer).__qualname__} must begin with an empty position")
    return b"{" + encoded[len(POSITION) :]


class First(NamedTuple):
    """An event that a command was first answered by, and the position that the command was answered with."""

    stream: UUID
    event: Any
    position: int


class Answers:
    """Looks up what was answered before."""

    def __init__(self, pool: AsyncConnectionPool, mapper: Mapper) -> None:
        self._pool = pool
        self._mapper = mapper
        self._query = sql.SQL(cast(Any, files("application.service").joinpath("answered.sql").read_text("utf-8")))

    async def find(self, streams: Sequence[UUID], events: Sequence[type]) -> list[First]:
        """The events of these types on these streams, in order."""
        tags = [cast(Any, event).tag for event in events]
        async with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
            # Planned anew each time: a plan kept from when the table was young would read it whole.
            await cursor.execute(self._query, [list(streams), tags], prepare=False)
            rows = await cursor.fetchall()
        return [First(stream, self._mapper.decode(tag, payload), position) for stream, tag, payload, position in rows]

    async def position(self, stream: Stream[Answered, Answered]) -> int:
        """Where the request that this stream remembers was answered."""
        (first,) = await self.find([stream.id], [Answered])
        return first.position
