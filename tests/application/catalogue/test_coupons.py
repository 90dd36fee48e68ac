"""Badges, coupons and rewards as they are put, and the codes of a coupon's pool."""

from functools import partial

import pytest
from msgspec.structs import replace

from application.catalogue.commands import put_entry
from application.catalogue.coupons import PoolAddition, add_codes, next_codes
from application.service.preconditions import Precondition
from application.service.refusals import Conflict, Stale, Unknown, VersionRequired
from application.streams import COUPON_CODE, COUPON_SLOT, STOCK
from domain.catalogue.coupon_code import CouponCode, Imported, Slot
from domain.catalogue.entries import Badge, Coupon, Entry, EntryPut, EventType, Generator, Reward
from domain.catalogue.stock import Stock, Supplied, Taken
from domain.values.attributes import AttributeType
from domain.values.problems import Invalid
from tests.support.program import Program

NEW = Precondition(absent=True)
ANY = Precondition(exists=True)
POOL = Coupon("welcome", "Welcome")
GENERATED = Coupon("summer", "Summer", Generator())


@pytest.fixture
def program() -> Program:
    return Program()


def put(program: Program, entry: Entry, precondition: Precondition = NEW) -> None:
    program.do(partial(put_entry, entry=entry, precondition=precondition))


def add(program: Program, *codes: str) -> PoolAddition:
    return program.do(partial(add_codes, coupon="welcome", codes=codes))


def take(program: Program, count: int) -> None:
    program.do(lambda working: working.record(STOCK.at("coupon", "welcome"), Taken("coupon", "welcome", count)))


def stock(program: Program) -> Stock | None:
    found: Stock | None = program.state(STOCK.at("coupon", "welcome"))
    return found


class TestEntries:
    @pytest.mark.parametrize("entry", [Badge("star", "Star"), POOL, GENERATED, Reward("mug", "Mug", 10)])
    def test_an_entry_is_put_once_and_held_by_its_kind(self, program: Program, entry: Entry) -> None:
        assert program.recorded_by(lambda working: put_entry(working, entry, NEW)) == [EntryPut(entry)]
        assert program.recorded_by(lambda working: put_entry(working, entry, ANY)) == []
        held = (program.catalogue.badge, program.catalogue.coupon, program.catalogue.reward)
        assert [find(entry.code) for find in held if find(entry.code)] == [entry]

    def test_one_code_may_stand_for_one_of_each(self, program: Program) -> None:
        for entry in (Badge("x", "Badge"), Coupon("x", "Coupon"), Reward("x", "Reward")):
            put(program, entry)
        assert program.catalogue.badge("x") == Badge("x", "Badge")
        assert program.catalogue.reward("x") == Reward("x", "Reward")

    def test_a_change_must_have_seen_what_is_there(self, program: Program) -> None:
        put(program, POOL)
        with pytest.raises(VersionRequired):
            put(program, replace(POOL, name="Other"), Precondition())
        with pytest.raises(Stale):
            put(program, replace(POOL, name="Other"), Precondition(frozenset({2})))

    @pytest.mark.parametrize(
        "value",
        [
            "5",
            "0.1 * transaction.total",
            "progress.value",
            "achievement.completions * 2",
            'sum(transaction.items, "subtotal")',
            "member.attributes.bonus",
            "event.attributes.minutes / 10",
        ],
    )
    def test_a_value_is_a_number_over_what_triggered(self, program: Program, value: str) -> None:
        put(program, EventType("workout", "Workout", {"minutes": AttributeType.NUMBER, "place": AttributeType.STRING}))
        put(program, replace(POOL, value=value))

    @pytest.mark.parametrize(
        "value",
        [
            "-1",
            "member.tier",
            "1 > 0",
            "1 / 0",
            "transaction.amonut",
            "event.attributes.place",
            "",
            "(" * 4000,
            "9" * 99,
        ],
    )
    def test_what_is_no_number_is_no_value(self, program: Program, value: str) -> None:
        put(program, EventType("visit", "Visit", {"place": AttributeType.STRING}))
        with pytest.raises(Invalid) as refused:
            put(program, replace(POOL, value=value))
        assert [problem.pointer for problem in refused.value.problems] == ["/value"]
        assert program.catalogue.coupon("welcome") is None

    def test_a_pool_that_has_codes_stays_one(self, program: Program) -> None:
        put(program, POOL)
        put(program, replace(POOL, generator=Generator()), ANY)
        put(program, POOL, ANY)
        add(program, "A")
        with pytest.raises(Invalid, match="/generator"):
            put(program, replace(POOL, generator=Generator()), ANY)
        put(program, replace(POOL, stock=0, value="7"), ANY)

    def test_a_reward_has_a_stock_within_bounds(self, program: Program) -> None:
        with pytest.raises(Invalid, match="/stock"):
            put(program, Reward("mug", "Mug", -1))


class TestCodes:
    def test_codes_come_into_the_pool_in_order(self, program: Program) -> None:
        put(program, POOL)
        recorded = program.recorded_by(lambda working: add_codes(working, "welcome", ["B", "A"]))
        assert recorded == [
            Imported("welcome", "B", 1),
            Slot("welcome", 1, "B"),
            Imported("welcome", "A", 2),
            Slot("welcome", 2, "A"),
            Supplied("coupon", "welcome", 2),
        ]
        assert program.state(COUPON_CODE.at("welcome", "A")) == CouponCode(number=2)
        assert program.state(COUPON_SLOT.at("welcome", 1)).code == "B"

    def test_codes_known_already_are_not_added_again(self, program: Program) -> None:
        put(program, POOL)
        assert add(program, "A", "B") == PoolAddition(2, 0)
        assert add(program, "B", "C", "C", "A") == PoolAddition(1, 3)
        assert stock(program) == Stock(supplied=3)
        assert program.state(COUPON_SLOT.at("welcome", 3)).code == "C"

    def test_nothing_new_records_nothing(self, program: Program) -> None:
        put(program, POOL)
        add(program, "A")
        assert program.recorded_by(lambda working: add_codes(working, "welcome", ["A"])) == []

    def test_the_same_code_may_be_of_two_coupons(self, program: Program) -> None:
        put(program, POOL)
        put(program, Coupon("other", "Other"))
        add(program, "A")
        assert program.do(lambda working: add_codes(working, "other", ["A"])) == PoolAddition(1, 0)

    def test_a_coupon_that_makes_its_codes_takes_none(self, program: Program) -> None:
        put(program, GENERATED)
        with pytest.raises(Conflict, match="makes its own codes"):
            program.do(lambda working: add_codes(working, "summer", ["A"]))

    def test_there_must_be_such_a_coupon(self, program: Program) -> None:
        with pytest.raises(Unknown, match="no coupon `welcome`"):
            add(program, "A")

    def test_codes_that_are_none_are_told_by_their_place_and_none_is_added(self, program: Program) -> None:
        put(program, POOL)
        with pytest.raises(Invalid) as refused:
            add(program, "A", "B ", "", "C\n")
        assert [problem.pointer for problem in refused.value.problems] == ["/codes/1", "/codes/2", "/codes/3"]
        assert stock(program) is None

    def test_the_pool_gives_codes_in_the_order_they_came(self, program: Program) -> None:
        put(program, POOL)
        assert next_codes(program, "welcome", Stock(), 2) == []  # type: ignore[arg-type]
        add(program, "C", "A", "B")
        assert next_codes(program, "welcome", stock(program), 2) == ["C", "A"]  # type: ignore[arg-type]
        take(program, 2)
        assert next_codes(program, "welcome", stock(program), 2) == ["B"]  # type: ignore[arg-type]
        take(program, 1)
        assert next_codes(program, "welcome", stock(program), 2) == []  # type: ignore[arg-type]
        add(program, "D")
        assert next_codes(program, "welcome", stock(program), 1) == ["D"]  # type: ignore[arg-type]
        assert next_codes(program, "welcome", stock(program), 0) == []  # type: ignore[arg-type]
