from pathlib import Path
from typing import ClassVar

import pytest
from msgspec import Struct

from application.log.mapper import Mapper
from application.log.streams import StreamKind
from application.streams import KINDS
from tests.application.log import golden
from tests.application.log.shop import COUNTERS, MAPPER, NOTES, RULES, SHELVES, Counted, Counter, count


def test_every_event_of_the_log_has_its_golden_file_and_is_still_read_from_it() -> None:
    golden.check(Mapper(KINDS))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAUREL_GOLDEN", "write")
    golden.check(MAPPER, tmp_path)
    monkeypatch.delenv("LAUREL_GOLDEN")
    return tmp_path


def counters(event_type: type) -> Mapper:
    return Mapper((StreamKind("counter", Counter, count, (event_type,)), RULES, NOTES, SHELVES))


def test_what_has_not_changed_passes(folder: Path) -> None:
    golden.check(MAPPER, folder)


def test_a_tag_without_a_file_fails(folder: Path) -> None:
    (folder / "rule.ruled.json").unlink()
    with pytest.raises(AssertionError, match=r"rule\.ruled"):
        golden.check(MAPPER, folder)


def test_a_field_added_with_a_default_passes(folder: Path) -> None:
    class More(Struct, frozen=True, gc=False):
        tag: ClassVar[str] = "counter.counted"
        by: int
        note: str = ""
        where: str = "here"

    golden.check(counters(More), folder)


def test_a_field_renamed_fails(folder: Path) -> None:
    class Renamed(Struct, frozen=True, gc=False):
        tag: ClassVar[str] = "counter.counted"
        by: int
        remark: str = ""

    with pytest.raises(AssertionError, match="is now read as"):
        golden.check(counters(Renamed), folder)


def test_a_field_written_otherwise_fails(folder: Path) -> None:
    class Reordered(Struct, frozen=True, gc=False):
        tag: ClassVar[str] = "counter.counted"
        note: str
        by: int

    with pytest.raises(AssertionError, match="written differently"):
        golden.check(counters(Reordered), folder)


def test_a_new_version_still_reads_the_old_file(folder: Path) -> None:
    class Added(Struct, frozen=True, gc=False):
        tag: ClassVar[str] = "counter.counted"
        by: int
        note: str

    kinds = (StreamKind("counter", Counter, count, (Added,)), RULES, NOTES, SHELVES)
    mapper = Mapper(kinds, {("counter.counted", 1): lambda content: {**content, "by": content["by"]}})
    with pytest.raises(AssertionError, match=r"counter\.counted@2"):
        golden.check(mapper, folder)
    (folder / "counter.counted@2.json").write_text((folder / "counter.counted.json").read_text("utf-8"), "utf-8")
    golden.check(mapper, folder)


def test_samples_fill_every_field() -> None:
    assert golden.sample(Counted) == Counted(7, "Ő-1")
    assert COUNTERS.events == (Counted,)
