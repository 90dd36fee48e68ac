import asyncio
from collections.abc import AsyncIterator

import pytest

from application.log.catalogue import NoCatalogue
from application.log.writer import Writer
from tests.application.log.shop import MAPPER, Counter, Refused, counting, creating, moving, reading


@pytest.fixture
async def writer(database: str) -> AsyncIterator[Writer]:
    writer = Writer(database, MAPPER, NoCatalogue())
    await writer.start()
    yield writer
    await writer.stop()


async def test_a_command_is_recorded_and_answered(writer: Writer) -> None:
    assert await writer.submit(counting("a", 5)) == (1, 5)
    assert await writer.submit(counting("a", 2)) == (2, 7)
    assert await writer.submit(reading("a")) == (2, Counter(7, 2))


async def test_commands_of_one_batch_build_on_each_other(writer: Writer) -> None:
    answers = await asyncio.gather(*[writer.submit(counting("a")) for _ in range(100)])
    assert [answer for _, answer in answers] == list(range(1, 101))
    assert sorted(position for position, _ in answers) == list(range(1, 101))


async def test_what_a_command_raises_reaches_its_caller_and_leaves_nothing(writer: Writer) -> None:
    outcomes = await writer.submit_many([counting("a"), moving("empty", "a"), moving("a", "b"), reading("empty")])
    assert outcomes[0] == (1, 1)
    assert isinstance(outcomes[1], Refused)
    assert outcomes[2] == (3, (0, 1))
    assert outcomes[3] == (3, None)
    with pytest.raises(Refused):
        await writer.submit(moving("a", "b"))


async def test_a_repeated_fact_meets_itself(writer: Writer, database: str) -> None:
    assert (await writer.submit(creating("a"))).answer is True
    other = Writer(database, MAPPER, NoCatalogue())
    await other.start()
    assert await other.submit(creating("a")) == (1, False)
    await other.stop()
