"""A writer whose server is reached over TCP, where a connection that the server ends is reset."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

import psycopg
import pytest
import uvloop

from application.log.catalogue import NoCatalogue
from application.log.check import check
from application.log.writer import Writer
from tests.application.log.conftest import running
from tests.application.log.shop import MAPPER, Counter, counting, reading
from tests.support.sessions import end_sessions

SOON_SECONDS = 5.0
"""Where the fault took thirty."""

Run = Callable[[Awaitable[Any]], Any]


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("name", ["laurel writer", "laurel writer's reads", "laurel %"])
def test_a_session_that_the_server_has_ended_is_made_anew_at_once(tcp_database: str, run: Run, name: str) -> None:
    async def main() -> None:
        async with running(Writer(tcp_database, MAPPER, NoCatalogue())) as writer:
            await writer.submit(counting("a"))
            for number in range(3):
                assert await asyncio.to_thread(end_sessions, tcp_database, name)
                begun = monotonic()
                assert (await writer.submit(counting("a"))).answer == number + 2
                assert (await writer.submit(counting(f"cold {number}"))).answer == 1
                assert monotonic() - begun < SOON_SECONDS
            assert (await writer.submit(reading("a"))).answer == Counter(4, 4)

    run(main())
    with psycopg.connect(tcp_database) as connection:
        assert list(check(connection, MAPPER)) == []
