"""Waiting for what writers and their server come to."""

import asyncio
from collections.abc import Callable

import psycopg


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(6_000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it took too long")


async def until_waiting(connection: psycopg.Connection) -> None:
    """Until an append waits for the head's lock."""

    def waits() -> bool:
        row = connection.execute(
            "select count(*) from pg_stat_activity where application_name = 'laurel writer' "
            "and datname = current_database() and wait_event_type = 'Lock'"
        ).fetchone()
        return row is not None and row[0] > 0

    await until(waits)
