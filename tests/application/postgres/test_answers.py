"""Connections whose server does not answer, or has gone while nobody looked."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest
import uvloop

from application.postgres.connection import connect, connect_async, pool_of, within
from application.postgres.errors import NoAnswer
from tests.support.sessions import end_sessions, sessions, stopped

NAME = "laurel test"
SOON_SECONDS = 10.0

Run = Callable[[Awaitable[Any]], Any]

runners = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])


def test_an_answer_that_is_owed_is_given_up(tcp_database: str) -> None:
    with connect(tcp_database, NAME) as connection:
        connection.answer_seconds = 0.5
        begun = time.monotonic()
        with stopped(*sessions(tcp_database, NAME)), pytest.raises(NoAnswer, match=r"within 0\.5 seconds"):
            connection.execute("select 1")
        assert time.monotonic() - begun < SOON_SECONDS
        assert connection.closed


def test_without_a_bound_an_answer_may_take_its_time(tcp_database: str) -> None:
    with connect(tcp_database, NAME) as connection:
        connection.answer_seconds = None
        connection.execute("select pg_sleep(0.5)")


@runners
def test_an_asynchronous_answer_that_is_owed_is_given_up(tcp_database: str, run: Run) -> None:
    async def main() -> None:
        async with await connect_async(tcp_database, NAME) as connection:
            with stopped(*sessions(tcp_database, NAME)):
                begun = time.monotonic()
                with within(connection, 0.5), pytest.raises(NoAnswer):
                    await connection.execute("select 1")
                assert time.monotonic() - begun < SOON_SECONDS
            assert connection.closed

    run(main())


@runners
def test_who_only_listens_is_owed_nothing(tcp_database: str, run: Run) -> None:
    async def main() -> None:
        async with await connect_async(tcp_database, NAME) as connection:
            connection.answer_seconds = 0.2
            await connection.execute("listen something")
            assert [notify async for notify in connection.notifies(timeout=1.0)] == []
            await connection.execute("notify something")
            assert [notify.channel async for notify in connection.notifies(timeout=10, stop_after=1)] == ["something"]

    run(main())


@runners
def test_a_pool_hands_out_no_session_that_was_ended(tcp_database: str, run: Run) -> None:
    async def main() -> None:
        async with pool_of(tcp_database, NAME, 2) as pool:
            for _ in range(3):
                async with pool.connection() as one, pool.connection() as other:
                    await one.execute("select 1")
                    await other.execute("select 1")
                assert await asyncio.to_thread(end_sessions, tcp_database, NAME)

    run(main())


async def test_a_pool_keeps_a_session_to_which_something_was_said(tcp_database: str) -> None:
    """Only that the server speaks to an idle session does not mean that it has ended it."""
    async with pool_of(tcp_database, NAME, 1) as pool:
        async with pool.connection() as connection:
            await connection.execute("listen something")
            await connection.commit()
            before = connection.info.backend_pid
        with psycopg.connect(tcp_database, autocommit=True) as other:
            other.execute("notify something")
        async with pool.connection() as connection:
            assert connection.info.backend_pid == before
