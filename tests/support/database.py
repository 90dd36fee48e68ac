"""A server for the whole test run, and databases in it that are copies of a migrated template."""

import fcntl
import importlib
import importlib.util
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from application.postgres.embedded import EmbeddedPostgres

FOLDER_VARIABLE = "TESTS_OF_LAUREL_FOLDER"
"""Set by the process that began the test run, for the workers that it starts."""
TEMPLATE = "template_laurel"


def begin_run() -> Path | None:
    """A folder for the run, to be removed by the caller; None in a worker, which shares the one of its run."""
    if FOLDER_VARIABLE in os.environ:
        return None
    folder = Path(tempfile.mkdtemp(prefix="laurel-tests-"))
    os.environ[FOLDER_VARIABLE] = str(folder)
    return folder


@contextmanager
def run_server() -> Iterator[str]:
    """The address of the run's server, shared by its workers, with the template made."""
    data = Path(os.environ[FOLDER_VARIABLE], "postgres")
    with EmbeddedPostgres(data, durable=False) as conninfo:
        _prove(conninfo, _cluster())
        with Path(os.environ[FOLDER_VARIABLE], "template.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            make_template(conninfo)
        yield conninfo


def _cluster() -> Path:
    """Where the run's server works."""
    return Path(os.environ[FOLDER_VARIABLE], "postgres", "cluster")


def _prove(conninfo: str, cluster: Path) -> None:
    """That the server there is one of the run's own: it works in that folder."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute("SELECT system_identifier::text FROM pg_control_system()").fetchone()
    control = (cluster / "global" / "pg_control").read_bytes()
    assert row is not None
    assert int(row[0]) == int.from_bytes(control[:8], "little"), f"{conninfo} is not the server of this test run"


def make_template(conninfo: str) -> None:
    """Renamed when it is complete, so a run never copies half a template."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone():
            return
        connection.execute("DROP DATABASE IF EXISTS template_unfinished WITH (FORCE)")
        connection.execute("CREATE DATABASE template_unfinished")
        prepare(make_conninfo(conninfo, dbname="template_unfinished"))
        connection.execute(SQL("ALTER DATABASE template_unfinished RENAME TO {}").format(Identifier(TEMPLATE)))


def prepare(conninfo: str) -> None:
    if importlib.util.find_spec("application.service.migrate"):
        importlib.import_module("application.service.migrate").migrate(conninfo)


@contextmanager
def fresh_database(server: str, template: str = TEMPLATE, cluster: Path | None = None) -> Iterator[str]:
    """The address of a new database, gone afterwards with every connection to it."""
    _prove(server, cluster or _cluster())
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(Identifier(name), Identifier(template))
        )
    try:
        yield make_conninfo(server, dbname=name)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))
