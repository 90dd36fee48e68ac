"""Readiness: true, in time, and with what is wrong, whatever hangs."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic
from typing import Any

import psycopg
import pytest

from api.server import readiness
from api.server.readiness import ProjectionsLook, Readiness
from application.postgres.connection import connect_async
from projections.engine import store
from projections.engine.session import connect
from projections.registry import PROJECTIONS
from tests.support.sessions import end_sessions, sessions, stopped
from tests.support.tcp import TcpServer

SOON_SECONDS = 5.0


async def fine(_: Any) -> str:
    return ""


@pytest.fixture
async def ready(tcp_database: str) -> AsyncIterator[Readiness]:
    ready = Readiness(tcp_database, {"other": fine})
    yield ready
    await ready.close()


async def said(ready: Readiness) -> dict[str, str]:
    begun = monotonic()
    checks = await ready.checks()
    assert monotonic() - begun < SOON_SECONDS
    assert all(check.ok == (check.detail == "") for check in checks)
    return {check.name: check.detail for check in checks}


ALL_WELL = {"database": "", "other": ""}


async def test_all_is_well(ready: Readiness) -> None:
    assert await said(ready) == ALL_WELL


async def test_a_session_that_was_ended_is_made_anew(ready: Readiness, tcp_database: str) -> None:
    await said(ready)
    assert end_sessions(tcp_database, "laurel readiness") == 1
    await said(ready)
    assert await said(ready) == ALL_WELL


async def test_a_database_that_hangs_is_told_in_time(
    ready: Readiness, tcp_server: TcpServer, tcp_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "ANSWER_SECONDS", 0.5)
    await said(ready)
    with stopped(tcp_server.pid, *sessions(tcp_database, "laurel readiness")):
        for _ in range(8):
            answer = await said(ready)
            assert answer["database"]
            assert answer["other"] == "not known without the database"
    async with asyncio.timeout(SOON_SECONDS):
        while await said(ready) != ALL_WELL:  # noqa: ASYNC110  the server goes on in its own time
            await asyncio.sleep(0.1)


async def test_a_fault_of_one_look_is_its_own(tcp_database: str) -> None:
    async def broken(connection: psycopg.AsyncConnection[Any]) -> str:
        await connection.execute("select from nowhere")
        return ""

    ready = Readiness(tcp_database, {"broken": broken, "other": fine})
    answer = await said(ready)
    assert answer.pop("broken").startswith("UndefinedTable: ")
    assert answer == ALL_WELL
    await ready.close()


async def test_projections_that_stand_still_are_told(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "STANDSTILL_SECONDS", 0.5)
    look = ProjectionsLook()
    with connect(database, "test") as connection:
        for projection in PROJECTIONS:
            store.begin(connection, projection)
    async with await connect_async(database, "test") as connection:
        await connection.execute(
            "insert into laurel.leases values ('projections', gen_random_uuid(), now(), now() + interval '1 day', null)"
        )
        assert await look(connection) == ""
        await connection.execute(
            "insert into laurel.events"
            " select gen_random_uuid(), 1, 0, position, 'x', '', '' from generate_series(1, 7) position"
        )
        assert await look(connection) == ""
        await asyncio.sleep(0.6)
        await connection.execute("update laurel.projections set position = 3 where name = 'facts'")
        stuck = await look(connection)
        assert "members stands at 0 of 7 (for " in stuck
        assert "facts" not in stuck
        await connection.execute("update laurel.projections set position = 7")
        assert await look(connection) == ""
        await connection.execute("update laurel.projections set error = 'a fault' where name = 'facts'")
        assert await look(connection) == "facts has stopped"
        await connection.execute("delete from laurel.projections where name = 'facts'")
        assert await look(connection) == "facts is not there yet"
