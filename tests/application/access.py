"""A pool on a database with the tables of API keys and the sandbox."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg_pool import AsyncConnectionPool

from application.migrate import PARTS, Part, migrate

ACCESS = Part("access", "application", "migrations")


@asynccontextmanager
async def pool_on(database: str) -> AsyncIterator[AsyncConnectionPool]:
    migrate(database, tuple(dict.fromkeys([*PARTS, ACCESS])))
    async with AsyncConnectionPool(database, min_size=1, max_size=4, open=False) as pool:
        yield pool
