from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import psycopg
import pytest
from psycopg.sql import SQL

from projections.engine import columns
from projections.engine.columns import ColumnType
from projections.engine.session import connect


@pytest.mark.parametrize(
    ("column", "name", "values"),
    [
        (columns.BOOLEAN, "bool", [True, None, False]),
        (columns.INT, "int", [0, None, -1, 2**31 - 1, -(2**31)]),
        (columns.BIGINT, "bigint", [0, None, -1, 2**63 - 1, -(2**63)]),
        (columns.TEXT, "text", ["", None, "Zoë {1,2} \\N \"quoted\" 'and' ,", "x" * 4095, "x" * 4096, "é" * 5000]),
        (columns.TEXTS, "text[]", [(), None, ("a",), ("", "NULL", 'x"y\\z', "{1,2}", " é ")]),
        (columns.UUIDS, "uuid", [UUID(int=0), None, UUID(int=2**128 - 1)]),
        (
            columns.NUMERIC,
            "numeric",
            [Decimal(0), None, Decimal("-1.50"), Decimal("1E+20"), Decimal("1E-30"), Decimal("9" * 60)],
        ),
        (
            columns.INSTANT,
            "timestamptz",
            [
                datetime(1, 1, 2, tzinfo=UTC),
                None,
                datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
                datetime(9999, 12, 30, 1, 2, 3, 4, tzinfo=UTC),
            ],
        ),
    ],
)
def test_values_arrive_as_they_are(database: str, column: ColumnType, name: str, values: list[Any]) -> None:
    with connect(database, "test") as connection:
        query = SQL(cast(Any, f"select c.v::{name} from unnest(%s) with ordinality c (v, n) order by n"))  # noqa: S608
        found = [row[0] for row in connection.execute(query, [column.values(values)])]
    assert [tuple(value) if isinstance(value, list) else value for value in found] == values


def test_documents_arrive_as_json(database: str) -> None:
    with connect(database, "test") as connection:
        values = columns.JSON.values([b'{"a": "1.0"}', None, b"[]"])
        found = [row[0] for row in connection.execute("select v::jsonb from unnest(%s) v", [values])]
    assert found == [{"a": "1.0"}, None, []]


def test_a_character_that_postgres_does_not_take_is_refused(database: str) -> None:
    with connect(database, "test") as connection, pytest.raises(psycopg.DataError):
        connection.execute("select v from unnest(%s) v", [columns.TEXT.values(["a\0b"])])
