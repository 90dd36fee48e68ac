from collections.abc import Iterator

import psycopg
import pytest

from application.migrate import PARTS, migrate
from projections import store
from tests.projections.history import Log


@pytest.fixture
def conninfo(database: str) -> str:
    """A database in which projections can follow."""
    migrate(database, (*(part for part in PARTS if part != store.PART), store.PART))
    return database


@pytest.fixture
def log(conninfo: str) -> Log:
    return Log(conninfo)


@pytest.fixture
def connection(conninfo: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        yield connection
