"""Coupons: codes at random, how long one is good, what is left, and what no coupon may be."""

from datetime import UTC, datetime
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from domain.catalogue.coupon import (
    MOST_STOCK,
    code_fault,
    coupon_problems,
    generated_code,
    left,
    possible_codes,
    reward_problems,
    valid_until,
)
from domain.catalogue.entries import Coupon, Generator, Reward
from domain.catalogue.stock import Returned, Stock, Supplied, Taken, evolve
from domain.values.duration import LATEST

PARIS = ZoneInfo("Europe/Paris")
POOL = Coupon("welcome", "Welcome")
GENERATED = Coupon("summer", "Summer", Generator(8, "0123456789", "SUN-"))


def stock(*events: Supplied | Taken | Returned) -> Stock | None:
    state: Stock | None = None
    for event in events:
        state = evolve(state, event)
    return state


def supplied(number: int) -> Supplied:
    return Supplied("coupon", "welcome", number)


def taken(number: int) -> Taken:
    return Taken("coupon", "welcome", number)


def pointers(coupon: Coupon) -> list[str]:
    return [problem.pointer for problem in coupon_problems(coupon, None, None)]


def with_generator(length: int = 8, alphabet: str = "0123456789", prefix: str = "") -> Coupon:
    return replace(GENERATED, generator=Generator(length, alphabet, prefix))


def test_a_code_is_the_prefix_and_characters_at_random() -> None:
    asked: list[int] = []
    numbers = count()

    def random(below: int) -> int:
        asked.append(below)
        return next(numbers) % below

    assert generated_code(Generator(12, "0123456789", "SUN-"), random) == "SUN-012345678901"
    assert asked == [10] * 12


def test_every_character_of_the_alphabet_can_come() -> None:
    generator = Generator(4, "ABC")
    codes = {generated_code(generator, lambda _, number=number: number) for number in range(3)}  # type: ignore[misc]
    assert codes == {"AAAA", "BBBB", "CCCC"}
    assert possible_codes(generator) == 81


class TestValidity:
    given = datetime(2026, 3, 28, 12, tzinfo=UTC)

    def test_without_either_it_is_good_for_ever(self) -> None:
        assert valid_until(POOL, self.given, PARIS) is None

    def test_days_are_civil_in_the_zone(self) -> None:
        coupon = replace(POOL, valid_for="1 day")
        assert valid_until(coupon, self.given, PARIS) == datetime(2026, 3, 29, 11, tzinfo=UTC)

    def test_what_ends_first_holds(self) -> None:
        end = datetime(2026, 4, 1, tzinfo=UTC)
        coupon = Coupon("welcome", "Welcome", valid_for="1 month", valid_until=end)
        assert valid_until(coupon, self.given, PARIS) == end
        assert valid_until(replace(coupon, valid_for="1 hour"), self.given, PARIS) == datetime(
            2026, 3, 28, 13, tzinfo=UTC
        )

    def test_at_the_end_of_the_calendar_it_is_the_last_instant(self) -> None:
        coupon = replace(POOL, valid_for="100 days")
        assert valid_until(coupon, datetime(9999, 12, 1, tzinfo=UTC), PARIS) == LATEST


class TestLeft:
    def test_of_a_reward_without_a_limit_there_is_no_end(self) -> None:
        assert left(Reward("mug", "Mug"), None) is None
        assert left(GENERATED, stock(taken(7))) is None

    def test_a_limit_counts_what_was_given(self) -> None:
        mug = Reward("mug", "Mug", stock=10)
        assert left(mug, None) == 10
        assert left(mug, Stock(given=4)) == 6
        assert left(replace(GENERATED, stock=10), stock(taken(10))) == 0

    def test_what_was_cancelled_can_be_given_again(self) -> None:
        back = Returned("reward", "mug", 1)
        assert left(Reward("mug", "Mug", stock=2), stock(taken(2), back)) == 1

    def test_a_limit_below_what_is_given_leaves_nothing(self) -> None:
        assert left(Reward("mug", "Mug", stock=3), Stock(given=4)) == 0

    def test_of_a_pool_there_are_the_codes_that_are_not_taken(self) -> None:
        assert left(POOL, None) == 0
        assert left(POOL, stock(supplied(5), taken(2))) == 3

    def test_a_code_that_was_cancelled_does_not_come_back_to_the_pool(self) -> None:
        assert left(POOL, stock(supplied(5), taken(5), Returned("coupon", "welcome", 1))) == 0

    def test_of_pool_and_limit_the_smaller_holds(self) -> None:
        limited = replace(POOL, stock=3)
        assert left(limited, stock(supplied(5), taken(2))) == 1
        assert left(limited, stock(supplied(1))) == 1


class TestProblems:
    @pytest.mark.parametrize(
        "coupon", [POOL, GENERATED, with_generator(4, "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"), replace(POOL, stock=0)]
    )
    def test_what_is_right_is_taken(self, coupon: Coupon) -> None:
        assert coupon_problems(coupon, None, None) == []

    @pytest.mark.parametrize(
        ("coupon", "pointer"),
        [
            (with_generator(3), "/generator/length"),
            (with_generator(33), "/generator/length"),
            (with_generator(32, "0"), "/generator/alphabet"),
            (with_generator(32, ""), "/generator/alphabet"),
            (with_generator(8, "".join(chr(0x4E00 + number) for number in range(65))), "/generator/alphabet"),
            (with_generator(8, "01234567890"), "/generator/alphabet"),
            (with_generator(8, "0123456 89"), "/generator/alphabet"),
            (with_generator(8, "012345678\n"), "/generator/alphabet"),
            (with_generator(prefix="P" * 21), "/generator/prefix"),
            (with_generator(prefix="A B"), "/generator/prefix"),
            (with_generator(prefix="\u202e"), "/generator/prefix"),
            (with_generator(5), "/generator"),
            (replace(GENERATED, stock=50_000_001), "/generator"),
            (replace(POOL, stock=-1), "/stock"),
            (replace(POOL, stock=MOST_STOCK + 1), "/stock"),
            (replace(POOL, valid_for="soon"), "/valid_for"),
            (replace(POOL, valid_for="0 days"), "/valid_for"),
        ],
    )
    def test_what_is_wrong_is_told_where(self, coupon: Coupon, pointer: str) -> None:
        assert pointers(coupon) == [pointer]

    def test_the_edges_are_in(self) -> None:
        assert pointers(with_generator(6)) == []
        assert pointers(with_generator(32, "01", "P" * 20)) == []
        assert pointers(replace(GENERATED, stock=50_000_000)) == []

    def test_all_is_told_at_once(self) -> None:
        coupon = Coupon("summer", "Summer", Generator(1, "AA", "P" * 21), -1, None, "soon")
        assert pointers(coupon) == [
            "/stock",
            "/generator/alphabet",
            "/generator/length",
            "/generator/prefix",
            "/valid_for",
        ]

    def test_a_pool_and_a_generator_do_not_change_places_once_there_are_codes(self) -> None:
        made = replace(POOL, generator=Generator())
        assert coupon_problems(made, None, POOL) == []
        (problem,) = coupon_problems(made, stock(supplied(1)), POOL)
        assert (problem.pointer, problem.code) == ("/generator", "unchangeable")
        (problem,) = coupon_problems(POOL, stock(taken(1)), made)
        assert (problem.pointer, problem.code) == ("/generator", "unchangeable")

    def test_a_generator_may_become_another(self) -> None:
        assert coupon_problems(with_generator(10), stock(taken(1)), GENERATED) == []

    def test_a_reward_has_a_stock_within_bounds(self) -> None:
        assert reward_problems(Reward("mug", "Mug")) == []
        assert reward_problems(Reward("mug", "Mug", MOST_STOCK)) == []
        assert [found.pointer for found in reward_problems(Reward("mug", "Mug", -1))] == ["/stock"]


@pytest.mark.parametrize("code", ["A", "A" * 100, "SUN-2026/7", "two words", "é", "券"])
def test_codes_may_be_any_visible_text(code: str) -> None:
    assert code_fault(code) is None


@pytest.mark.parametrize("code", ["", "A" * 101, " A", "A ", "A\n", "A\tB", "A\0", "\u202eA"])
def test_codes_that_people_could_not_tell_apart_are_none(code: str) -> None:
    assert code_fault(code)
