"""The fixtures that every other test of the store stands on."""

import psycopg
import pytest


@pytest.mark.parametrize("attempt", range(2))
def test_each_test_has_a_database_of_its_own(database: str, attempt: int) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE only_here AS SELECT %s::int AS attempt", [attempt])


def test_the_server_of_a_run_works_in_the_folder_of_the_run(server: str, empty_database: str) -> None:
    with psycopg.connect(server) as one, psycopg.connect(empty_database) as other:
        assert one.execute("SHOW cluster_name").fetchone() == other.execute("SHOW cluster_name").fetchone()
        assert one.info.dbname != other.info.dbname
