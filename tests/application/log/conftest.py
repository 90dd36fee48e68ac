from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg
import pytest

from application.log import writer as writers
from application.log.catalogue import DefinitionStore, NoCatalogue
from application.log.writer import Writer
from tests.application.log.shop import MAPPER

Start = Callable[..., Awaitable[Writer]]


@pytest.fixture(params=[writers.AHEAD_COMMANDS, 1], ids=["long batches ahead", "all ahead"])
def ahead(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which batches are decided while another one is being written."""
    monkeypatch.setattr(writers, "AHEAD_COMMANDS", request.param)


@asynccontextmanager
async def running(writer: Writer) -> AsyncIterator[Writer]:
    await writer.start()
    try:
        yield writer
    finally:
        await writer.stop()


@pytest.fixture
async def start(database: str) -> AsyncIterator[Start]:
    """Starts further writers on the test's database, and stops them when it is over."""
    async with AsyncExitStack() as stack:

        async def start(catalogue: DefinitionStore | None = None, **options: object) -> Writer:
            writer = Writer(database, MAPPER, catalogue or NoCatalogue(), **options)  # type: ignore[arg-type]
            return await stack.enter_async_context(running(writer))

        yield start


@pytest.fixture
async def writer(start: Start) -> Writer:
    return await start()


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection
