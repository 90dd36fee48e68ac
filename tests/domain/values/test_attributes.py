from decimal import Decimal

import pytest

from domain.values.attributes import number_in


@pytest.mark.parametrize(
    ("text", "plain"),
    [("35", "35"), ("1e2", "100"), ("-0", "0"), ("-0.00", "0.00"), ("1.50", "1.50"), ("-2E+1", "-20")],
)
def test_a_number_is_read_plainly(text: str, plain: str) -> None:
    assert str(number_in(text)) == plain


@pytest.mark.parametrize("value", [None, True, "", " 1", "1_0", "NaN", "Infinity", "1e999999999", "9" * 21, "٣"])
def test_what_writes_no_amount_is_none(value: object) -> None:
    assert number_in(value) is None


def test_digits_are_kept() -> None:
    assert number_in("0." + "1" * 30) == Decimal("0." + "1" * 30)
