from collections.abc import AsyncIterator

import pytest

from tests.api.routes.program import Program, running


@pytest.fixture
async def program(database: str) -> AsyncIterator[Program]:
    async with running(database) as program:
        yield program
