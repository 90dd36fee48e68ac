import json
import math
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.tiered.points import (
    HitType,
    Tier,
    TierShare,
    TierTable,
    check_tiers,
    next_tier,
    points,
    tier_reached,
    total_points,
)
from domain.values.amounts import Rounding

CASES = json.loads((Path(__file__).parent / "vectors" / "tiers.json").read_text())

WHOLE = [("0", "50", "10"), ("51", "100", "20"), ("101", "200", "30")]
TABLES = {
    "whole numbers": WHOLE,
    "touching": [("0", "50", "10"), ("50", "100", "20"), ("100", "200", "5")],
    "cents": [("0", "49.99", "1.5"), ("50.00", "99.99", "2.25"), ("100.00", "199.99", "0.125")],
    "thousandths": [("0.5", "0.999", "0.1"), ("1", "1.001", "7"), ("1.002", "1.003", "3.3333")],
    "starts above zero": [("10", "50", "10"), ("51", "100", "20")],
    "one row": [("5", "20", "3")],
    "rows of one step": [("0", "1", "5"), ("2", "2", "6"), ("3", "3", "7"), ("4", "9", "1")],
    "mixed steps": [("0", "10", "1"), ("11", "20.5", "2"), ("20.6", "30", "3"), ("30", "40", "4")],
    "parts of a set": [("0", "1", "10"), ("1", "1.75", "20"), ("1.75", "4", "30")],
    "free rows": [("0", "10", "0"), ("11", "20", "2"), ("21", "30", "0")],
    "falling rates": [("0", "10", "100"), ("10", "20", "10"), ("20", "30", "0.01")],
    "smallest and largest": [("0", "1E-30", "1E-30"), ("2E-30", "99999999999999999999", "99999999999999999999")],
}
INFINITE = Fraction(10**100)
COMBINATIONS = list(product(HitType, [False, True], [False, True]))


def tiers(rows: list[tuple[str, str, str]], *, unlimited: bool = False) -> tuple[Tier, ...]:
    made = [Tier(start=Decimal(start), to=Decimal(to), reward=Decimal(reward)) for start, to, reward in rows]
    if unlimited:
        made[-1] = msgspec.structs.replace(made[-1], to=None)
    return tuple(made)


def table(
    rows: list[tuple[str, str, str]],
    hit_type: HitType = HitType.AMOUNT,
    *,
    bracketed: bool = False,
    unlimited: bool = False,
    decimals: int = 6,
    rounding: Rounding = Rounding.HALF_UP,
) -> TierTable:
    return TierTable(hit_type, bracketed, unlimited, tiers(rows, unlimited=unlimited), decimals, rounding)


def reference(terms: TierTable, aggregate: Decimal) -> Fraction:
    """The table of formulas, read out slowly."""
    v = Fraction(aggregate)
    starts = [Fraction(tier.start) for tier in terms.tiers]
    ends = [INFINITE if tier.to is None else Fraction(tier.to) for tier in terms.tiers]
    rewards = [Fraction(tier.reward) for tier in terms.tiers]
    rows = range(len(rewards))
    if v < starts[0] or v < 0:
        return Fraction(0)
    if terms.hit_type == "hit_limit":
        limits = [starts[i] if ends[i] == INFINITE else ends[i] for i in rows]
        hit = [rewards[i] for i in rows if v >= limits[i]]
        return sum(hit, Fraction(0)) if terms.bracketed else (hit or [Fraction(0)])[-1]
    x = min(v, ends[-1])
    if terms.bracketed:
        floors = [starts[0], *ends[:-1]]
        paid = sum((max(Fraction(0), min(x, ends[i]) - floors[i]) * rewards[i] for i in rows), Fraction(0))
    else:
        paid = x * next(rewards[i] for i in rows if x <= ends[i])
    return paid / 100 if terms.hit_type == "percentage" else paid


def reference_rounding(exact: Fraction, decimals: int, rounding: Rounding) -> Fraction:
    scaled = exact * 10**decimals
    whole = {
        Rounding.DOWN: math.floor(scaled),
        Rounding.UP: math.ceil(scaled),
        Rounding.HALF_UP: math.floor(scaled + Fraction(1, 2)),
    }
    return Fraction(whole[rounding], 10**decimals)


def edges(terms: TierTable) -> set[Decimal]:
    """Each end of each row and one step of several sizes to either side."""
    ends = {Decimal(0), *(end for tier in terms.tiers for end in (tier.start, tier.to) if end is not None)}
    steps = [Decimal(step) for step in ("0", "1E-31", "0.001", "0.01", "0.5", "1", "1E+25")]
    with localcontext(prec=200):
        return {end + sign * step for end in ends for step in steps for sign in (1, -1)}


def check_against_reference(terms: TierTable, aggregate: Decimal) -> None:
    exact = reference(terms, aggregate)
    result = points(terms, aggregate)
    assert Fraction(result.unrounded) == exact
    assert Fraction(result.total) == reference_rounding(exact, terms.decimals, terms.rounding)
    assert total_points(terms, aggregate) == result.total
    assert result.total.as_tuple().exponent == -terms.decimals
    divisor = 100 if terms.hit_type is HitType.PERCENTAGE else 1
    for line in result.lines:
        assert line.basis > 0
        assert line.rate == terms.tiers[line.tier - 1].reward
        assert Fraction(line.points) == Fraction(line.basis) * Fraction(line.rate) / divisor
    assert sum((Fraction(line.points) for line in result.lines), Fraction(0)) == exact
    assert [line.tier for line in result.lines] == sorted({line.tier for line in result.lines})


@pytest.mark.parametrize("case", CASES["cases"])
def test_worked_cases(case: dict[str, Any]) -> None:
    rows = msgspec.convert(case["tiers"], tuple[Tier, ...])
    terms = TierTable(
        HitType(case["hit_type"]),
        case["bracketed"],
        case["unlimited"],
        rows,
        CASES["decimals"],
        Rounding(CASES["rounding"]),
    )
    assert check_tiers(rows, unlimited=case["unlimited"]) == []
    assert points(terms, Decimal(case["aggregate"])).total == Decimal(case["points"])
    assert total_points(terms, Decimal(case["aggregate"])) == Decimal(case["points"])


@pytest.mark.parametrize(("hit_type", "bracketed", "unlimited"), COMBINATIONS)
@pytest.mark.parametrize("rows", TABLES.values(), ids=TABLES)
def test_each_edge_and_a_step_to_either_side(
    rows: list[tuple[str, str, str]], hit_type: HitType, *, bracketed: bool, unlimited: bool
) -> None:
    terms = table(rows, hit_type, bracketed=bracketed, unlimited=unlimited)
    assert check_tiers(terms.tiers, unlimited=unlimited) == []
    for aggregate in edges(terms):
        check_against_reference(terms, aggregate)


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("decimals", range(7))
def test_rounds_once_on_the_final_figure(decimals: int, rounding: Rounding) -> None:
    for rows in TABLES.values():
        terms = table(rows, HitType.PERCENTAGE, bracketed=True, decimals=decimals, rounding=rounding)
        for aggregate in edges(terms):
            check_against_reference(terms, aggregate)


def test_two_halves_are_not_rounded_apart() -> None:
    terms = table([("0", "1", "0.5"), ("2", "2", "0.5")], bracketed=True, decimals=0)
    assert total_points(terms, Decimal(2)) == 1


def test_a_context_of_few_digits_changes_nothing() -> None:
    terms = table(TABLES["smallest and largest"], HitType.PERCENTAGE, bracketed=True)
    expected = points(terms, Decimal("12345678901234567890.123456789"))
    with localcontext(prec=3):
        assert points(terms, Decimal("12345678901234567890.123456789")) == expected


@pytest.mark.parametrize(
    ("hit_type", "bracketed", "aggregate", "lines"),
    [
        (HitType.AMOUNT, False, "70", [(2, "70", "20", "1400")]),
        (HitType.AMOUNT, True, "70", [(1, "50", "10", "500"), (2, "20", "20", "400")]),
        (HitType.PERCENTAGE, True, "70", [(1, "50", "10", "5"), (2, "20", "20", "4")]),
        (HitType.HIT_LIMIT, False, "154", [(2, "1", "20", "20")]),
        (HitType.HIT_LIMIT, True, "154", [(1, "1", "10", "10"), (2, "1", "20", "20")]),
        (HitType.HIT_LIMIT, False, "49", []),
        (HitType.AMOUNT, True, "50", [(1, "50", "10", "500")]),
        (HitType.AMOUNT, False, "300", [(3, "200", "30", "6000")]),
        (HitType.AMOUNT, False, "0", []),
        (HitType.AMOUNT, False, "-0", []),
        (HitType.AMOUNT, True, "-1", []),
    ],
)
def test_the_breakdown_names_the_tiers_that_paid(
    hit_type: HitType, aggregate: str, lines: list[tuple[int, str, str, str]], *, bracketed: bool
) -> None:
    expected = tuple(TierShare(tier, Decimal(basis), Decimal(rate), Decimal(paid)) for tier, basis, rate, paid in lines)
    assert points(table(WHOLE, hit_type, bracketed=bracketed), Decimal(aggregate)).lines == expected


def test_a_free_tier_that_was_reached_has_a_line() -> None:
    assert points(table(TABLES["free rows"]), Decimal(5)).lines == (TierShare(1, Decimal(5), Decimal(0), Decimal(0)),)


@pytest.mark.parametrize(
    ("name", "unlimited", "aggregate", "step", "reached", "following"),
    [
        ("whole numbers", False, "-5", "0.01", None, (1, "5.01")),
        ("whole numbers", False, "0", "0.01", 1, (2, "50.01")),
        ("whole numbers", False, "0", "1", 1, (2, "51")),
        ("whole numbers", False, "50", "0.01", 1, (2, "0.01")),
        ("whole numbers", False, "50", "1", 1, (2, "1")),
        ("whole numbers", False, "49.5", "1", 1, (2, "0.6")),
        ("whole numbers", False, "50.5", "0.01", 2, (3, "49.51")),
        ("whole numbers", False, "50.500", "0.01", 2, (3, "49.51")),
        ("whole numbers", False, "99.999", "0.01", 2, (3, "0.002")),
        ("whole numbers", False, "200", "0.01", 3, None),
        ("whole numbers", False, "1000", "0.01", 3, None),
        ("whole numbers", True, "1000", "0.01", 3, None),
        ("touching", False, "50", "0.01", 1, (2, "0.01")),
        ("touching", False, "50.01", "0.01", 2, (3, "50")),
        ("starts above zero", False, "9.99", "0.01", None, (1, "0.01")),
        ("starts above zero", False, "10", "0.01", 1, (2, "40.01")),
        ("parts of a set", False, "1", "1", 1, (3, "1")),
    ],
)
@pytest.mark.parametrize("hit_type", [HitType.AMOUNT, HitType.PERCENTAGE])
def test_the_tier_reached_and_the_way_to_the_next(
    name: str,
    aggregate: str,
    step: str,
    reached: int | None,
    following: tuple[int, str] | None,
    hit_type: HitType,
    *,
    unlimited: bool,
) -> None:
    terms = table(TABLES[name], hit_type, unlimited=unlimited)
    assert tier_reached(terms, Decimal(aggregate)) == reached
    found = next_tier(terms, Decimal(aggregate), Decimal(step))
    assert found == (following and (following[0], Decimal(following[1])))


def test_the_start_of_brackets_pays_nothing_yet() -> None:
    terms = table(TABLES["starts above zero"], bracketed=True)
    assert next_tier(terms, Decimal("9.99"), Decimal("0.01")) == (1, Decimal("0.02"))
    assert next_tier(terms, Decimal(50), Decimal("0.01")) == (2, Decimal("0.01"))


def test_a_limit_that_never_pays_is_not_the_next() -> None:
    """The row before the last: who completes it has hit the last one too."""
    terms = table(
        [("0", "1000", "10"), ("1000", "5000", "50"), ("5000", "5000", "100")], HitType.HIT_LIMIT, unlimited=True
    )
    assert next_tier(terms, Decimal(1000), Decimal("0.01")) == (3, Decimal(4000))


@pytest.mark.parametrize(
    ("unlimited", "aggregate", "reached", "following"),
    [
        (False, "-5", None, (1, "55")),
        (False, "49", None, (1, "1")),
        (False, "50", 1, (2, "50")),
        (False, "199.5", 2, (3, "0.5")),
        (False, "199.995", 2, (3, "0.005")),
        (False, "200", 3, None),
        (True, "100", 2, (3, "1")),
        (True, "101", 3, None),
    ],
)
def test_a_limit_is_reached_when_its_tier_is_completed(
    aggregate: str, reached: int | None, following: tuple[int, str] | None, *, unlimited: bool
) -> None:
    terms = table(WHOLE, HitType.HIT_LIMIT, unlimited=unlimited)
    assert tier_reached(terms, Decimal(aggregate)) == reached
    found = next_tier(terms, Decimal(aggregate), Decimal(1))
    assert found == (following and (following[0], Decimal(following[1])))


@pytest.mark.parametrize(
    ("rows", "unlimited", "pointers"),
    [
        ([], False, ["/tiers"]),
        ([(str(n), str(n + 1), "1") for n in range(50)], False, []),
        ([(str(n), str(n + 1), "1") for n in range(51)], False, ["/tiers"]),
        ([(str(n), str(n + 1), "1") for n in range(10_000)], False, ["/tiers"]),
        ([("0", "50", "1"), ("50", "100", "1")], False, []),
        ([("0", "50", "1"), ("51", "100", "1")], False, []),
        ([("0", "50.5", "1"), ("50.6", "100", "1")], False, []),
        ([("0", "50.5", "1"), ("51.5", "100", "1")], False, []),
        ([("0", "50", "1"), ("50.01", "100", "1")], False, []),
        ([("0", "50", "1"), ("50.05", "100", "1")], False, ["/tiers/1/from"]),
        ([("0.00", "50.00", "1"), ("50.50", "100.00", "1")], False, ["/tiers/1/from"]),
        ([("0", "5E+1", "1"), ("51", "1E+2", "1")], False, []),
        ([("0", "50", "1"), ("52", "100", "1")], False, ["/tiers/1/from"]),
        ([("0", "50", "1"), ("49", "100", "1")], False, ["/tiers/1/from"]),
        ([("51", "100", "1"), ("0", "50", "1")], False, ["/tiers/1/from"]),
        ([("0", "50", "1"), ("0", "50", "1")], False, ["/tiers/1/from"]),
        ([("0", "50", "1"), ("51", "51", "1")], False, []),
        ([("0", "50", "1"), ("50", "50", "1")], False, ["/tiers/1/to"]),
        ([("0", "50", "1"), ("51", "50.5", "1")], False, ["/tiers/1/to"]),
        ([("5", "5", "1")], False, ["/tiers/0/to"]),
        ([("5", "4", "1")], False, ["/tiers/0/to"]),
        ([("-1", "4", "1")], False, ["/tiers/0/from"]),
        ([("0", "4", "-0.01")], False, ["/tiers/0/reward"]),
        ([("0", "4", "NaN")], False, ["/tiers/0/reward"]),
        ([("sNaN", "Infinity", "1E+99")], False, ["/tiers/0/from", "/tiers/0/to", "/tiers/0/reward"]),
        (
            [("0", "10", "1"), ("12", "11", "-1"), ("11", "20", "1")],
            False,
            ["/tiers/1/from", "/tiers/1/to", "/tiers/1/reward"],
        ),
        ([("0", None, "1")], True, []),
        ([("0", None, "1")], False, ["/tiers/0/to"]),
        ([("0", None, "1"), ("51", "100", "1")], False, ["/tiers/0/to"]),
        ([("0", "4", "1")], True, ["/tiers/0/to"]),
        ([("0", None, "1"), ("51", "100", "1")], True, ["/tiers/0/to", "/tiers/1/to"]),
    ],
)
def test_rows_that_are_no_table_are_named(
    rows: list[tuple[str, str | None, str]], pointers: list[str], *, unlimited: bool
) -> None:
    made = [
        Tier(start=Decimal(start), to=None if to is None else Decimal(to), reward=Decimal(reward))
        for start, to, reward in rows
    ]
    assert [problem.pointer for problem in check_tiers(made, unlimited=unlimited)] == pointers


def test_a_problem_says_what_is_allowed() -> None:
    (hole,) = check_tiers(tiers([("0", "50", "1"), ("50.05", "100", "1")]), unlimited=False, pointer="/rules/tiers")
    assert hole.pointer == "/rules/tiers/1/from"
    assert hole.detail == "leaves a hole after the row before, which ends at 50: must be 50 or 50.01 or 51"


def test_a_row_is_written_with_from_and_may_leave_out_to() -> None:
    assert msgspec.json.decode(b'{"from":"101","reward":"30"}', type=Tier) == tiers(WHOLE, unlimited=True)[-1]
    assert msgspec.json.encode(tiers(WHOLE)[0]) == b'{"from":"0","to":"50","reward":"10"}'


AMOUNTS = st.one_of(
    st.decimals(min_value=0, max_value=1000, places=2),
    st.decimals(min_value=0, max_value=10**19, places=30),
    st.integers(0, 10**19).map(Decimal),
)


@st.composite
def tables(draw: st.DrawFn) -> TierTable:
    ends = sorted(draw(st.sets(AMOUNTS, min_size=2, max_size=8)))
    rewards = [draw(AMOUNTS) for _ in ends[1:]]
    rows = [Tier(start=start, to=to, reward=reward) for start, to, reward in zip(ends, ends[1:], rewards, strict=False)]
    unlimited = draw(st.booleans())
    if unlimited:
        rows[-1] = msgspec.structs.replace(rows[-1], to=None)
    hit_type, bracketed = draw(st.sampled_from(HitType)), draw(st.booleans())
    decimals, rounding = draw(st.integers(0, 6)), draw(st.sampled_from(Rounding))
    return TierTable(hit_type, bracketed, unlimited, tuple(rows), decimals, rounding)


@settings(max_examples=60)
@given(tables(), st.lists(st.one_of(AMOUNTS, AMOUNTS.map(Decimal.copy_negate)), min_size=2, max_size=4))
def test_any_table_agrees_with_the_formulas(terms: TierTable, aggregates: list[Decimal]) -> None:
    assert check_tiers(terms.tiers, unlimited=terms.unlimited) == []
    for aggregate in aggregates:
        check_against_reference(terms, aggregate)
        assert total_points(terms, aggregate) >= 0
    if terms.bracketed:
        earned = [total_points(terms, aggregate) for aggregate in sorted(aggregates)]
        assert earned == sorted(earned)


@settings(max_examples=60)
@given(tables(), AMOUNTS, st.sampled_from(["1", "0.01"]).map(Decimal))
def test_the_way_to_the_next_tier_is_the_least_that_leads_there(
    terms: TierTable, aggregate: Decimal, step: Decimal
) -> None:
    following = next_tier(terms, aggregate, step)
    reached = tier_reached(terms, aggregate) or 0
    if following is None:
        assert reached == len(terms.tiers)
        return
    number, distance = following
    assert number > reached
    with localcontext(prec=200):
        there = aggregate + distance
        step = min(step, Decimal(1).scaleb(min(0, int(aggregate.normalize().as_tuple().exponent))))
        before = there - step
    assert distance > 0
    assert tier_reached(terms, there) == number
    assert terms.hit_type is HitType.HIT_LIMIT or any(line.tier == number for line in points(terms, there).lines)
    assert not any(line.tier > reached for line in points(terms, before).lines)
