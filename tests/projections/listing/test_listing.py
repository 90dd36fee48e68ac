from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from msgspec import Struct

from projections.listing.columns import Column, ColumnKind
from projections.listing.request import BadQuery, Listing
from projections.listing.sql import statement

BOXES = Listing(
    name="boxes",
    columns=(
        Column("code", sortable=True),
        Column("size", ColumnKind.NUMBER, sortable=True),
        Column("made_at", ColumnKind.INSTANT, sortable=True, nullable=True),
        Column("open", ColumnKind.BOOLEAN),
        Column("tags", ColumnKind.TEXTS, "ARRAY['t' || size, 'all', 'a,b\"c']", values=("t0", "t1", "all", "none")),
        Column("status", expression="CASE WHEN open THEN 'open' ELSE 'shut' END", values=("open", "shut")),
        Column(
            "age",
            ColumnKind.INTEGER,
            expression="extract(day FROM %(now)s - made_at)::bigint",
            sortable=True,
            nullable=True,
        ),
    ),
    key="code",
    sort="-size",
    search=("code",),
)
FIRST = datetime(2026, 9, 1, tzinfo=UTC)
NOW = FIRST + timedelta(days=30)


class Box(Struct, frozen=True):
    code: str
    made_at: datetime | None


@pytest.fixture
def boxes(empty_database: str) -> Any:
    with psycopg.connect(empty_database) as connection:
        connection.execute("SET TIME ZONE 'America/New_York'")
        connection.execute("CREATE TABLE boxes (code text, size numeric, made_at timestamptz, open boolean)")
        for number in range(11):
            made_at = None if number % 4 == 3 else FIRST + timedelta(days=number // 2, microseconds=number // 4)
            connection.execute(
                "INSERT INTO boxes VALUES (%s, %s, %s, %s)", (f"b{number:02}%_", number // 3, made_at, number % 2 == 0)
            )
        yield connection


def page(connection: Any, query: dict[str, str]) -> tuple[list[Box], str | None]:
    selection = BOXES.read(query)
    asked = statement(selection, "code, made_at", "boxes", parameters={"now": NOW})
    return selection.page(connection.execute(asked.query, asked.parameters).fetchall(), Box)


def walk(connection: Any, query: dict[str, str]) -> list[str]:
    codes: list[str] = []
    following: str | None = None
    while True:
        found, following = page(connection, query | ({"cursor": following} if following else {}))
        codes += [box.code for box in found]
        if following is None:
            return codes
        assert len(found) == int(query["limit"])


@pytest.mark.parametrize("sort", BOXES.sorts())
@pytest.mark.parametrize("limit", ["1", "3", "11"])
def test_pages_together_are_the_whole_list_in_order(boxes: Any, sort: str, limit: str) -> None:
    whole, following = page(boxes, {"sort": sort})
    assert following is None
    assert len(whole) == 11
    assert walk(boxes, {"sort": sort, "limit": limit}) == [box.code for box in whole]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"size": "1"}, 3),
        ({"size[gte]": "1", "size[lt]": "3.0"}, 6),
        ({"size[in]": "0,2"}, 6),
        ({"size[ne]": "0"}, 8),
        ({"made_at[gt]": "2026-09-03T02:00:00+02:00"}, 6),
        ({"made_at[ne]": "2026-09-01T00:00:00Z"}, 9),
        ({"open": "true"}, 6),
        ({"status": "shut", "age[gte]": "27"}, 2),
        ({"tags": "t1"}, 3),
        ({"tags": "all"}, 11),
        ({"tags[ne]": "t1"}, 8),
        ({"tags[in]": "t0,t1,none"}, 6),
        ({"q": "%_"}, 11),
        ({"q": "0%"}, 2),
        ({"q": "B1"}, 1),
        ({"code": "'; DROP TABLE boxes; --"}, 0),
        ({"code[in]": "b00%_,b01%_,none"}, 2),
    ],
)
def test_filters_and_search(boxes: Any, query: dict[str, str], count: int) -> None:
    assert len(walk(boxes, {"limit": "2", **query})) == count


@pytest.mark.parametrize(
    ("query", "parameter", "hint"),
    [
        ({"limit": "0"}, "limit", "from 1 to 200"),
        ({"limit": "201"}, "limit", "from 1 to 200"),
        ({"limit": "٣"}, "limit", "from 1 to 200"),
        ({"sort": "sise"}, "sort", "did you mean size?"),
        ({"sort": "open"}, "sort", "there are"),
        ({"size[gte]": "NaN"}, "size[gte]", "decimal"),
        ({"made_at": "2026-09-01"}, "made_at", "offset"),
        ({"made_at": "2026-09-01T00:00:00 02:00"}, "made_at", "%2B"),
        ({"status": "opne"}, "status", "did you mean open?"),
        ({"age": "9" * 30}, "age", "whole number"),
        ({"tags[in]": "all,t2"}, "tags[in]", "no such value"),
        ({"open": "1"}, "open", "true or false"),
        ({"code[in]": "," * 200}, "code[in]", "at most 100"),
        ({"q": ""}, "q", "1 to 100"),
        ({"cursor": "zzz"}, "cursor", "`next`"),
        ({"cursor": "é"}, "cursor", "`next`"),
        ({"cursor": "x" * 100_000}, "cursor", "`next`"),
    ],
)
def test_what_can_not_be_asked(query: dict[str, str], parameter: str, hint: str) -> None:
    with pytest.raises(BadQuery) as caught:
        BOXES.read(query)
    assert [fault.parameter for fault in caught.value.faults] == [parameter]
    assert hint in caught.value.faults[0].detail


def test_a_cursor_belongs_to_its_query(boxes: Any) -> None:
    _, cursor = page(boxes, {"limit": "1", "sort": "made_at"})
    assert cursor is not None
    with pytest.raises(BadQuery, match="another query"):
        BOXES.read({"cursor": cursor, "sort": "-made_at"})
    with pytest.raises(BadQuery, match="another query"):
        BOXES.read({"cursor": cursor, "sort": "made_at", "open": "true"})
    assert BOXES.read({"cursor": cursor, "sort": "made_at", "limit": "2"}).limit == 2
