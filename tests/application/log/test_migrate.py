import importlib
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from application.service.migrate import PARTS, DatabaseIsNewer, MigrationPart, StepFailed, migrate


@pytest.fixture
def part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MigrationPart]:
    """A part with one step, in a package of its own."""
    steps = tmp_path / "extra_part" / "steps"
    steps.mkdir(parents=True)
    (tmp_path / "extra_part" / "__init__.py").touch()
    (steps / "001_first.sql").write_text("create table first (n int); insert into first values (1);", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield MigrationPart("extra", "extra_part", "steps")
    sys.modules.pop("extra_part", None)


def count(database: str, table: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute(f"select count(*) from {table}").fetchone()  # noqa: S608  a name from the tests below
    assert row is not None
    return int(row[0])


def test_steps_are_applied_once_in_order(empty_database: str, part: MigrationPart, tmp_path: Path) -> None:
    assert migrate(empty_database, (*PARTS, part))[-1] == "extra/001_first"
    (tmp_path / "extra_part" / "steps" / "002_second.sql").write_text("insert into first values (2)", "utf-8")
    assert migrate(empty_database, (*PARTS, part)) == ["extra/002_second"]
    assert migrate(empty_database, (*PARTS, part)) == []
    assert count(empty_database, "first") == 2


def test_processes_that_start_at_once_apply_every_step_once(empty_database: str, part: MigrationPart) -> None:
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(lambda _: migrate(empty_database, (*PARTS, part)), range(4)))
    assert sorted(map(len, applied))[:3] == [0, 0, 0]
    assert count(empty_database, "first") == 1


def test_a_failed_step_leaves_nothing_of_itself(empty_database: str, part: MigrationPart, tmp_path: Path) -> None:
    step = tmp_path / "extra_part" / "steps" / "002_broken.sql"
    step.write_text("insert into first values (2); insert into nowhere values (3);", "utf-8")
    with pytest.raises(StepFailed, match=r"extra/002_broken.*nowhere"):
        migrate(empty_database, (part,))
    assert count(empty_database, "first") == 1
    step.write_text("insert into first values (2)", "utf-8")
    assert migrate(empty_database, (part,)) == ["extra/002_broken"]


def test_a_database_of_a_newer_version_is_refused(empty_database: str, part: MigrationPart, tmp_path: Path) -> None:
    later = tmp_path / "extra_part" / "steps" / "002_later.sql"
    later.write_text("insert into first values (2)", "utf-8")
    migrate(empty_database, (part,))
    later.unlink()
    with pytest.raises(DatabaseIsNewer, match="extra/002_later"):
        migrate(empty_database, (part,))


def columns(database: str, schema: str) -> list[tuple[str, str, str]]:
    query = "select table_name, column_name, data_type from information_schema.columns where table_schema = %s"
    with psycopg.connect(database) as connection:
        return sorted(connection.execute(query, [schema]).fetchall())


def test_a_librarys_part_is_made_at_once_and_is_what_its_steps_come_to(empty_database: str) -> None:
    whole = next(part for part in PARTS if part.whole)
    assert whole.schema
    by_steps = MigrationPart("steps", whole.package, whole.folder, schema="by_steps")
    assert len(migrate(empty_database, (whole, by_steps))) == 2 * len(migrated_steps(empty_database, whole))
    assert columns(empty_database, whole.schema) == columns(empty_database, "by_steps") != []
    assert migrate(empty_database, (whole, by_steps)) == []


def migrated_steps(database: str, part: MigrationPart) -> list[str]:
    with psycopg.connect(database) as connection:
        return [
            step for (step,) in connection.execute("select step from laurel.migrations where part = %s", [part.name])
        ]
