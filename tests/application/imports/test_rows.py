import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.imports import rows
from application.imports.rows import Format, Row, rows_of


def cut(kind: Format, content: bytes, size: int = 7) -> list[Row]:
    """The rows of a file that comes in pieces of `size` bytes."""
    reading = rows_of(kind)
    found: list[Row] = []
    for start in range(0, len(content), size):
        found += reading.feed(content[start : start + size])
    return [*found, *reading.end()]


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_ndjson_rows_are_lines_that_are_not_blank(size: int) -> None:
    found = cut(Format.NDJSON, b'\xef\xbb\xbf{"a":1}\r\n\n  \n{"b":2}\nlast', size)
    assert [(row.number, row.content) for row in found] == [(1, b'{"a":1}'), (4, b'{"b":2}'), (5, b"last")]


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_csv_rows_have_the_cells_that_are_not_empty(size: int) -> None:
    content = b'\xef\xbb\xbfid;member;note\r\nT-1;M-1;"a;b\r\nc ""d"""\n\n;;\nT-2;;ok'
    found = cut(Format.CSV, content, size)
    assert [(row.number, row.cells) for row in found] == [
        (2, {"id": "T-1", "member": "M-1", "note": 'a;b\nc "d"'}),
        (5, {"id": "T-2", "note": "ok"}),
    ]


def test_a_broken_row_of_a_csv_does_not_take_the_next_ones_along() -> None:
    content = b'id,member\nT-1,"M-1\nT-2,M-2\nT-3\nT-4,M-4,x\nT-5,"M\xff"\nT-6,M-6\n'
    found = cut(Format.CSV, content)
    assert [(row.number, row.cells, row.problem and row.problem.code) for row in found] == [
        (2, None, "quote"),
        (3, {"id": "T-2", "member": "M-2"}, None),
        (4, None, "columns"),
        (5, None, "columns"),
        (6, None, "encoding"),
        (7, {"id": "T-6", "member": "M-6"}, None),
    ]


def test_two_stray_quotes_do_not_make_one_row_of_what_is_between_them() -> None:
    content = b'id,member\nT-1,5" pipe\nT-2,M-2\nT-3,6" pipe\nT-4,M-4\n'
    found = cut(Format.CSV, content)
    assert [row.number for row in found if row.cells and row.cells["member"].startswith("M")] == [3, 5]


@pytest.mark.parametrize("kind", Format)
def test_a_row_that_is_too_long_is_left_out(kind: Format, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "LONGEST_ROW", 20)
    header = b"id\n" if kind is Format.CSV else b"{}\n"
    found = cut(kind, header + b"x" * 21 + b"\nT-2\n" + b"y" * 50, 6)
    assert [(row.number, row.problem and row.problem.code) for row in found if row.number > 1] == [
        (2, "too_long"),
        (3, None),
        (4, "too_long"),
    ]


@given(st.binary(max_size=200), st.sampled_from(Format), st.integers(1, 50))
def test_whatever_comes_is_cut_the_same_however_it_comes(content: bytes, kind: Format, size: int) -> None:
    found = cut(kind, content, size)
    assert found == cut(kind, content, 1000)
    assert [row.number for row in found] == sorted({row.number for row in found})
