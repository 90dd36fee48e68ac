"""The commands that need no service: settings, keys, migrations."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from api.cli import main
from application.definitions.catalogue import Catalogue
from application.facts.ingest import Rules
from application.imports.kinds import ImportKind, reader_of
from application.service.settings import PREFIX


def run(*arguments: str, **variables: str) -> Result:
    environment: dict[str, str | None] = {name: None for name in os.environ if name.startswith(PREFIX)}
    return CliRunner().invoke(main, list(arguments), env=environment | variables, catch_exceptions=False)


def test_config_shows_where_settings_come_from() -> None:
    result = run("config", "--port", "9000", LAUREL_ADMIN_KEY="a key hard to guess", LAUREL_TIME_ZONE="Europe/Budapest")
    assert result.exit_code == 0
    lines = {line.split()[0]: line for line in result.output.splitlines()}
    assert re.search(r"9000 +flag", lines["LAUREL_PORT"])
    assert re.search(r"Europe/Budapest +environment", lines["LAUREL_TIME_ZONE"])
    assert re.search(r"\*+ +environment", lines["LAUREL_ADMIN_KEY"])
    assert re.search(r"\.laurel +default", lines["LAUREL_DATA"])
    assert "guess" not in result.output


@pytest.mark.parametrize("command", [("config",), ("serve",), ("work",), ("migrate",), ("keys", "list")])
def test_bad_settings_are_said_before_anything_happens(command: tuple[str, ...]) -> None:
    result = run(*command, LAUREL_PROT="1", LAUREL_PORT="http")
    assert result.exit_code == 2
    assert "did you mean LAUREL_PORT?" in result.output
    assert "LAUREL_PORT must be a whole number" in result.output


def test_keys_are_made_listed_and_revoked(database: str) -> None:
    where = ("--database-url", database)
    made = run("keys", "make", "till 1", "--role", "integration", *where)
    assert made.exit_code == 0
    key_id = made.output.split("_")[1]
    listed = run("keys", "list", *where).output
    assert "till 1" in listed
    assert "integration" in listed
    assert made.output.strip().split("_", 2)[2] not in listed
    assert run("keys", "revoke", key_id, *where).exit_code == 0
    again = run("keys", "revoke", key_id, *where)
    assert again.exit_code == 1
    assert again.output == f"Error: there is no active key {key_id}\n"


@pytest.mark.parametrize("name", ["", "x" * 101, "a\nb"])
def test_a_key_has_a_name(name: str) -> None:
    assert run("keys", "make", name, "--role", "admin").exit_code == 2


def test_migrate_sets_up_and_then_has_nothing_to_do(empty_database: str) -> None:
    first = run("migrate", LAUREL_DATABASE_URL=empty_database)
    assert "applied application/0001_api_keys" in first.output
    assert run("migrate", LAUREL_DATABASE_URL=empty_database).output == "The database is at this version.\n"


def test_a_database_that_is_not_there_is_said_in_a_line() -> None:
    result = run("migrate", "--database-url", "host=/nowhere dbname=none connect_timeout=1")
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert result.output.startswith("Error: ")


def test_an_import_takes_a_sandbox_for_what_it_is(database: str, tmp_path: Path) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO laurel.sandbox (now) VALUES ('2026-09-01T08:00:00Z')")
    file = tmp_path / "facts.csv"
    file.write_text("id,member,total,purchased_at\nT-1,M-1,5,2026-08-30\nT-2,M-1,none,2026-08-30\n")
    command = [sys.executable, "-m", "api", "import", str(file), "--database-url", database]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1, ran.stderr
    assert ran.stdout == "2 rows: 1 recorded, 0 repeated, 1 refused\n"
    assert "facts.csv.errors.ndjson" in ran.stderr
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT now = '2026-09-01T08:00:00Z' FROM laurel.sandbox").fetchone()
    assert row == (True,)


def test_an_import_of_another_kind_is_said_in_a_line(database: str, tmp_path: Path) -> None:
    file = tmp_path / "codes.csv"
    file.write_text("coupon,code\ncoffee,A-1\n")
    command = [sys.executable, "-m", "api", "import", str(file), "--database-url", database]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert f"Error: {file} is not taken as facts (see --kind); column `coupon`: no such column; there are" in ran.stderr


def test_help_names_the_fields_of_every_kind_of_rows() -> None:
    shown = run("import", "--help").output
    for kind in set(ImportKind) - {ImportKind.FACTS}:
        found = re.search(rf"^ +{kind} +(\S.*)$", shown, re.MULTILINE)
        assert found, kind
        reader = reader_of(kind, Catalogue("UTC"), Rules(), "")
        named = set(re.sub(r" \(.*?\)", "", found[1]).split(", "))
        assert named == reader.columns | ({"attributes"} if reader.attributes else set())
