"""The table that freezes the language."""

import re
from pathlib import Path

import pytest

from tests.domain.expressions.world import outcome

LINE = re.compile(r"(?P<source>.+?)  (?P<outcome>(?:=>|~>|!!) .*)")


def table() -> list[tuple[str, str]]:
    lines = Path(__file__).with_name("golden.txt").read_text(encoding="utf-8").splitlines()
    cases = [LINE.fullmatch(line) for line in lines if line and not line.startswith("# ")]
    assert all(cases)
    return [(case["source"], case["outcome"]) for case in cases if case]


@pytest.mark.parametrize(("source", "expected"), table())
def test_an_expression_means_what_it_meant(source: str, expected: str) -> None:
    assert outcome(source) == expected


def test_the_table_holds_every_case() -> None:
    assert len(table()) >= 370


def test_lines_and_columns_count_from_one_over_several_lines() -> None:
    source = 'transaction.total > 20\n  and memer.tier == "gold"\r\n  or\ttransaction.totl > 5'
    assert outcome(source) == (
        "!! 2:7 no attribute `memer.tier`; did you mean `member.tier`?"
        " | 3:6 no attribute `transaction.totl`; did you mean `transaction.total`?"
    )


def test_a_failure_tells_its_line() -> None:
    assert outcome("transaction.total\n/ event.attributes.amount > 1") == "~> 2:3 division by zero"


def test_a_column_counts_characters_not_bytes() -> None:
    assert outcome('"é𝄞" == memer.tier').startswith("!! 1:9 no attribute")
