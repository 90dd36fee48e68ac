import psycopg

from application.streams import KINDS
from projections.registry import PROJECTIONS
from tests.projections.following import followed
from tests.projections.history import Program

_COLUMNS = """
    select column_name::text from information_schema.columns where table_schema = %s and table_name = %s
    order by ordinal_position
"""
_KEY = """
    select a.attname::text from pg_index i
    join unnest(i.indkey) with ordinality k (number, place) on true
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
    where i.indisprimary and i.indrelid = %s::regclass order by k.place
"""


def test_the_tables_are_as_the_folds_see_them(conninfo: str, connection: psycopg.Connection) -> None:
    followed(conninfo)
    for projection in PROJECTIONS:
        made = connection.execute(
            "select table_name::text from information_schema.tables where table_schema = %s", [projection.schema]
        )
        assert sorted(row[0] for row in made) == sorted(table.name for table in projection.tables)
        for table in projection.tables:
            columns = [row[0] for row in connection.execute(_COLUMNS, [projection.schema, table.name])]
            key = [row[0] for row in connection.execute(_KEY, [f"{projection.schema}.{table.name}"])]
            assert (columns, key) == (list(table.columns), list(table.key))


def test_every_fold_is_of_an_event_there_is() -> None:
    known = {event.tag for kind in KINDS for event in kind.events}
    for projection in PROJECTIONS:
        assert set(projection.folds) <= known


def test_the_history_of_these_tests_has_every_event_that_a_projection_folds() -> None:
    told = {recording.event.tag for recording in Program(1).whole()}
    for projection in PROJECTIONS:
        assert set(projection.folds) <= told, projection.name
