from collections.abc import Iterator

import psycopg
import pytest

from tests.projections.history import Log


@pytest.fixture
def conninfo(database: str) -> str:
    return database


@pytest.fixture
def log(conninfo: str) -> Log:
    return Log(conninfo)


@pytest.fixture
def connection(conninfo: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        yield connection
