import secrets
from functools import partial
from pathlib import Path
from traceback import format_exception

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier, Literal

from application.postgres import connection
from application.postgres.connection import (
    address_fault,
    check_version,
    connect,
    connect_async,
    named,
    reach_database,
)
from application.postgres.errors import DatabaseUnreachable, PostgresUnavailable, ServerVersionRefused


def test_a_connection_says_whose_it_is(database: str) -> None:
    with connect(database, "laurel test") as opened:
        assert opened.execute("SHOW application_name").fetchone() == ("laurel test",)
        assert opened.autocommit


async def test_an_asynchronous_connection_says_whose_it_is(database: str) -> None:
    async with await connect_async(database, "laurel test") as opened:
        cursor = await opened.execute("SHOW application_name")
        assert await cursor.fetchone() == ("laurel test",)


def test_what_an_address_says_itself_stands_but_for_the_name() -> None:
    """By the name one leader ends what is left of another's sessions."""
    parts = conninfo_to_dict(named("postgresql://host/database?connect_timeout=3&application_name=mine", "laurel"))
    assert (parts["connect_timeout"], parts["application_name"], parts["keepalives_idle"]) == ("3", "laurel", "30")


HIDDEN = "s3cr3t"
WRONG = [
    "postgresql://host:port:8/?nonsense",
    f"postgres://u:p@ss/{HIDDEN}%rd@h:1/d",
    f"postgres://u:{HIDDEN}%zz@h:1/d",
    f"postgres://u:a {HIDDEN}@h:1/d",
    f"postgres://u:a/{HIDDEN}@h:1/d",
    f"postgres://u:a@{HIDDEN}@h:1/d",
    f"postgres://u:{HIDDEN}",
    f"postgres://u@h/d?pasword={HIDDEN}",
    f"postgres://u@h/d?pass word={HIDDEN}",
    f"mysql://u:{HIDDEN}@h/d",
    HIDDEN,
    f"host=h password=a {HIDDEN}",
    f"host=h password='{HIDDEN}",
]


@pytest.mark.parametrize("address", WRONG)
async def test_an_address_that_makes_no_sense_is_explained_and_not_quoted(address: str, tmp_path: Path) -> None:
    for reach in (
        partial(named, address, "laurel"),
        partial(connect, address, "laurel"),
        partial(check_version, address),
    ):
        with pytest.raises(DatabaseUnreachable, match=r"can't be understood.*postgresql://user") as refusal:
            reach()
        assert isinstance(refusal.value, PostgresUnavailable)
        assert HIDDEN not in "".join(format_exception(refusal.value))
    with pytest.raises(DatabaseUnreachable):
        await connect_async(address, "laurel")
    with pytest.raises(DatabaseUnreachable), reach_database(address, tmp_path):
        pass


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://u:p%40ss%2Fw%25rd@h:5432/d",
        "postgresql://u:p!$#?:word@h1:1,h2:2/d?target_session_attrs=any",
        "postgresql:///d?host=/run/postgresql",
        "postgresql://u@/d?host=%2Ftmp",
        "host=h dbname=d password='p@ss/word'",
        "",
    ],
)
def test_an_address_that_can_be_understood_is_taken(address: str) -> None:
    assert address_fault(address) is None


def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    word = secrets.token_hex()
    nowhere = make_conninfo(host=str(tmp_path), dbname="laurel", password=word)
    with pytest.raises(DatabaseUnreachable, match=str(tmp_path)) as refusal:
        check_version(nowhere)
    assert word not in str(refusal.value)


async def test_an_asynchronous_connection_to_nowhere_is_explained(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnreachable, match="LAUREL_DATABASE_URL"):
        await connect_async(make_conninfo(host=str(tmp_path)), "laurel")


def test_an_old_server_is_refused(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "OLDEST_VERSION", 99)
    with pytest.raises(ServerVersionRefused, match="PostgreSQL 18; Laurel needs 99"):
        check_version(database)


def test_a_given_database_is_used(database: str, tmp_path: Path) -> None:
    with reach_database(database, tmp_path) as conninfo:
        assert conninfo == database
    assert not list(tmp_path.iterdir())


def test_without_one_a_server_is_started_under_the_data_folder(tmp_path: Path) -> None:
    with reach_database(None, tmp_path) as conninfo, psycopg.connect(conninfo) as opened:
        assert opened.execute("SELECT 1").fetchone() == (1,)
    assert (tmp_path / "postgres" / "cluster" / "PG_VERSION").read_text() == "18\n"


def test_values_are_written_alike_whatever_the_server_has_for_a_default(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as opened:
        for name, value in {"datestyle": "German", "timezone": "Asia/Kathmandu", "bytea_output": "escape"}.items():
            opened.execute(
                SQL("alter database {} set {} to {}").format(
                    Identifier(opened.info.dbname), Identifier(name), Literal(value)
                )
            )
    written = "select timestamptz '2026-09-01 12:00Z' || ' ' || bytea '\\x00ff'"
    with connect(f"{database} options='-c datestyle=SQL -c work_mem=8MB'", "laurel") as opened:
        assert opened.execute(written).fetchone() == ("2026-09-01 12:00:00+00 \\x00ff",)
        assert opened.execute("show work_mem").fetchone() == ("8MB",)
    with psycopg.connect(named(database, "laurel", statement_timeout="7s")) as opened:
        assert opened.execute(written).fetchone() == ("2026-09-01 12:00:00+00 \\x00ff",)
        assert opened.execute("show statement_timeout").fetchone() == ("7s",)
