"""Instants and positions: an instant means one position, the same for everybody and for ever.

Nothing is recorded before what is in the log already, whatever the clocks of those who record say.
"""

from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow, tuple_row

from application.log.errors import Damaged
from application.log.mapper import Mapper
from application.log.queries import query

_JUST_AFTER = timedelta(microseconds=1)
_RECORDED = query("recorded")
_PASS = query("pass")
_ENVELOPE = query("envelope")
_BEGIN = query("begin")


async def position_at(
    connection: AsyncConnection[Any], mapper: Mapper, instant: datetime, now: datetime, bucket: int = 0
) -> int | None:
    """The last position recorded at or before an instant, 0 when there is none; None for an instant to come.

    Whatever comes is recorded after an instant that was asked about. The position is found by steps that halve, at
    places that are the same however far the log has grown since.
    """
    head, began, recorded_at = await _row(connection, _RECORDED, [bucket])
    if recorded_at is None or recorded_at <= instant:
        if instant > now:
            return None
        after = instant + _JUST_AFTER
        head, began = await _row(connection, _PASS, [after, mapper.encode_instant(after), bucket])
    position: int = began
    for bit in reversed(range(head.bit_length())):
        place = position + (1 << bit)
        if place <= head:
            (envelope,) = await _row(connection, _ENVELOPE, [bucket, place])
            if mapper.decode_envelope(envelope).recorded_at <= instant:
                position = place
    return position


async def begin_again(connection: AsyncConnection[Any], instant: datetime, bucket: int = 0) -> None:
    """Lets what comes be recorded from an instant on that what is there lies after.

    For a sandbox, whose history begins when its clock is first moved; what was recorded before is there from the start.
    """
    # An instant that was asked about may have put the end of the log that much after it.
    await connection.execute(_BEGIN, [bucket, instant + _JUST_AFTER])


async def _row(connection: AsyncConnection[Any], text: Any, parameters: list[Any]) -> TupleRow:  # noqa: ANN401  psycopg's own are as wide
    async with connection.cursor(binary=True, row_factory=tuple_row) as cursor:
        # Planned anew each time: a plan kept from when the table was young would read it whole.
        await cursor.execute(text, parameters, prepare=False)
        row = await cursor.fetchone()
    if row is None:
        raise Damaged(f"nothing is there at {parameters}")
    return row
