from collections.abc import AsyncIterator

import pytest

from tests.api.reads.program import ReadProgram, reading


@pytest.fixture
async def program(database: str) -> AsyncIterator[ReadProgram]:
    async with reading(database) as program:
        yield program
