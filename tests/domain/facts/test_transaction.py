"""Refunds of a transaction: what they take back, exactly, however they are cut."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import reduce
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.facts.purchase import Item, Purchase, ReturnedItem
from domain.facts.refund import part_left, stated_at
from domain.facts.transaction import (
    MOST_REFUNDS,
    Refunded,
    RefundTooLarge,
    Status,
    TooManyRefunds,
    Transaction,
    evolve,
    left_of,
    refund,
    refunded_so_far,
)
from domain.values.amounts import EXACT, FRACTION_DIGITS, fault


def bought(total: str, *items: Item, currency: str | None = None, **attributes: str) -> Transaction:
    at = datetime(2026, 9, 5, tzinfo=UTC)
    purchase = Purchase("T-1", "M-1", at, Decimal(total), currency=currency, items=items, attributes={**attributes})
    return Transaction(purchase, Status.ACCEPTED)


def line(product: str, value: str, quantity: int = 1) -> Item:
    return Item(product, Decimal(quantity), subtotal=Decimal(value))


def pieces(product: str, quantity: str = "1") -> ReturnedItem:
    return ReturnedItem(product, Decimal(quantity))


def decided(
    transaction: Transaction, *items: ReturnedItem, amount: str | Decimal | None = None, **attributes: str
) -> Any:
    return refund(transaction, None if amount is None else Decimal(amount), items, {**attributes}, None)


def refunded(
    transaction: Transaction, *items: ReturnedItem, amount: str | Decimal | None = None, **attributes: str
) -> Transaction:
    """The transaction after a refund that is taken."""
    event = decided(transaction, *items, amount=amount, **attributes)
    assert isinstance(event, Refunded), event
    return evolve(transaction, event)


def amounts(transaction: Transaction) -> list[str]:
    return [f"{each.amount:f}" for each in transaction.refunds]


def values(transaction: Transaction) -> list[str]:
    return [f"{item.value:f}" for item in left_of(transaction).purchase.items]


def figure(transaction: Transaction, name: str) -> Decimal:
    """What an attribute that is added up comes to."""
    left = left_of(transaction)
    value = left.purchase.attributes[name]
    assert isinstance(value, str)
    return part_left(Decimal(value), left, stated_at(left, (name,)))


class TestItems:
    def test_thirds_of_a_price_add_up_to_it(self) -> None:
        transaction = bought("10", line("A", "10", 3))
        for _ in range(3):
            transaction = refunded(transaction, pieces("A"))
        assert transaction.status is Status.REFUNDED
        assert [len(str(each.amount)) - 2 for each in transaction.refunds] == [FRACTION_DIGITS] * 3

    @pytest.mark.parametrize(
        ("currency", "expected"),
        [
            ("EUR", ["3.33", "3.34", "3.33"]),
            ("JPY", ["3", "4", "3"]),
            ("KWD", ["3.333", "3.334", "3.333"]),
            ("CLF", ["3.3333", "3.3334", "3.3333"]),
        ],
    )
    def test_thirds_are_rounded_to_what_the_currency_can_hold(self, currency: str, expected: list[str]) -> None:
        transaction = bought("10", line("A", "10", 3), currency=currency)
        for _ in range(3):
            transaction = refunded(transaction, pieces("A"))
        assert (transaction.status, amounts(transaction)) == (Status.REFUNDED, expected)

    @pytest.mark.parametrize("currency", [None, "EUR"])
    def test_under_a_discount_a_line_is_worth_its_share(self, currency: str | None) -> None:
        transaction = bought("45", line("A", "30"), line("B", "30"), currency=currency)
        transaction = refunded(transaction, pieces("A"))
        assert left_of(transaction).purchase.total == Decimal("22.50")
        transaction = refunded(transaction, pieces("B"))
        assert [transaction.status, left_of(transaction).purchase.total] == [Status.REFUNDED, 0]

    def test_the_last_line_has_what_rounding_leaves(self) -> None:
        transaction = bought("100", *(line(sku, "50") for sku in "ABC"), currency="EUR")
        for sku in "ABC":
            transaction = refunded(transaction, pieces(sku))
        assert amounts(transaction) == ["33.33", "33.34", "33.33"]

    def test_all_lines_at_once_come_back_at_all_there_is(self) -> None:
        transaction = refunded(bought("45", line("A", "30"), line("B", "30")), pieces("B"), pieces("A"))
        assert (transaction.status, amounts(transaction)) == (Status.REFUNDED, ["45"])

    def test_what_is_not_in_lines_stays_when_they_come_back(self) -> None:
        transaction = refunded(bought("36", line("A", "30")), pieces("A"))
        assert [transaction.status, left_of(transaction).purchase.total] == [Status.ACCEPTED, 6]
        assert left_of(transaction).purchase.items == ()
        assert refunded(transaction).status is Status.REFUNDED

    def test_what_was_free_can_come_back_too(self) -> None:
        transaction = refunded(bought("30", line("A", "30"), line("gift", "0")), pieces("A"))
        assert [transaction.status, left_of(transaction).purchase.total] == [Status.ACCEPTED, 0]
        assert refunded(transaction, pieces("gift")).status is Status.REFUNDED
        assert refunded(transaction).status is Status.REFUNDED

    def test_items_of_a_transaction_of_nothing_come_back_one_by_one(self) -> None:
        transaction = refunded(bought("0", line("A", "30", 2)), pieces("A"))
        assert (transaction.status, amounts(transaction)) == (Status.ACCEPTED, ["0"])
        assert refunded(transaction, pieces("A")).status is Status.REFUNDED

    @pytest.mark.parametrize("price", [None, Decimal(0)])
    def test_pieces_that_cost_nothing_can_come_back(self, price: Decimal | None) -> None:
        transaction = refunded(bought("5", Item("A", Decimal(2), price)), pieces("A"))
        shown = left_of(transaction).purchase
        assert transaction.status is Status.ACCEPTED
        assert [shown.total, shown.items[0].quantity, shown.items[0].has_worth] == [5, 1, price is not None]

    def test_a_products_first_line_comes_first(self) -> None:
        transaction = refunded(bought("30", line("A", "10"), line("A", "20", 2)), pieces("A", "2"))
        assert (amounts(transaction), values(transaction)) == (["20"], ["10"])


class TestAmounts:
    def test_an_amount_is_spread_over_the_lines_by_their_worth(self) -> None:
        transaction = refunded(bought("100", line("A", "30", 3), line("B", "70")), amount="50")
        assert values(transaction) == ["15", "35"]
        assert left_of(transaction).purchase.items[0].quantity == 3
        assert values(refunded(transaction, amount="49.90")) == ["0.03", "0.07"]

    def test_what_is_left_of_a_line_is_a_cent(self) -> None:
        assert values(refunded(bought("30", line("B", "30"), currency="EUR"), amount="29.99")) == ["0.01"]

    @pytest.mark.parametrize(
        ("total", "lines", "amount", "expected"),
        [
            ("10", ["10"] * 3, "5", ["5.00", "5.00", "5.00"]),
            ("30", ["10"] * 3, "20", ["3.33", "3.33", "3.34"]),
            ("20", ["10"] * 2, "0.01", ["10.00", "9.99"]),
            ("0.10", ["0.01"] * 10, "0.05", ["0.01"] * 5 + ["0.00"] * 5),
            ("1", ["0.01"] * 100, "0.51", ["0.00"] * 51 + ["0.01"] * 49),
            ("20", ["10"], "10", ["5.00"]),
            ("20", ["40"], "10", ["20.00"]),
        ],
    )
    def test_remainders_go_to_the_last_line_that_can_hold_them(
        self, total: str, lines: list[str], amount: str, expected: list[str]
    ) -> None:
        transaction = bought(total, *(line("A", value) for value in lines), currency="EUR")
        assert values(refunded(transaction, amount=amount)) == expected

    def test_an_amount_and_items_are_the_money_and_the_pieces(self) -> None:
        transaction = refunded(bought("30", line("A", "30", 3)), pieces("A"), amount="8")
        shown = left_of(transaction).purchase
        assert [shown.total, shown.items[0].quantity, shown.items[0].value] == [22, 2, 20]
        generous = refunded(transaction, pieces("A"), amount="16")
        assert [left_of(generous).purchase.total, *values(generous)] == [6, "10"]
        assert amounts(refunded(generous, pieces("A"))) == ["8", "16", "6"]

    def test_all_the_money_with_some_pieces_leaves_the_others(self) -> None:
        transaction = refunded(bought("30", line("A", "30", 3)), pieces("A"), amount="30")
        assert [transaction.status, left_of(transaction).purchase.total] == [Status.ACCEPTED, 0]
        assert left_of(transaction).purchase.items[0].quantity == 2

    def test_all_the_money_alone_leaves_nothing(self) -> None:
        transaction = refunded(bought("30", line("A", "30", 3)), amount="30")
        assert (transaction.status, left_of(transaction).purchase.items) == (Status.REFUNDED, ())


class TestAttributes:
    def test_an_attribute_falls_with_the_total(self) -> None:
        transaction = refunded(bought("121", net="100"), amount="120.99")
        assert figure(transaction, "net") == EXACT.divide(Decimal(1), Decimal(121)).quantize(
            Decimal(1).scaleb(-FRACTION_DIGITS)
        )

    def test_unless_a_refund_states_it(self) -> None:
        transaction = refunded(bought("121", net="100", tax="21"), amount="21", net="90", tax="10")
        assert [figure(transaction, name) for name in ("net", "tax")] == [90, 10]
        transaction = refunded(transaction, amount="50", tax="1")
        assert [figure(transaction, name) for name in ("net", "tax")] == [45, 1]
        assert left_of(transaction).purchase.attributes == {"net": "90", "tax": "1"}

    def test_one_below_nothing_rises(self) -> None:
        transaction = refunded(bought("100", discount="-10"), amount="50")
        assert figure(transaction, "discount") == -5
        assert figure(refunded(transaction, amount="10", discount="-7"), "discount") == -7


class TestBad:
    def pointers(self, answer: Any) -> dict[str, str]:
        assert isinstance(answer, list)
        return {problem.pointer: problem.detail for problem in answer}

    def test_more_than_is_left_is_refused(self) -> None:
        transaction = refunded(bought("20", line("A", "20", 2)), pieces("A"))
        assert decided(transaction, amount="11") == RefundTooLarge(Decimal(10))
        assert decided(transaction, pieces("A"), amount="11") == RefundTooLarge(Decimal(10))

    def test_everything_that_is_wrong_is_told(self) -> None:
        transaction = refunded(
            bought("20", line("A", "10", 2), line("B", "10"), net="9", store="north"), pieces("A"), pieces("B")
        )
        asked = (pieces("A"), pieces("A"), pieces("B"), pieces("C"))
        answer = decided(transaction, *asked, net="9.01", store="1", tax="1")
        assert self.pointers(answer) == {
            "/items/1/quantity": "is more than is left of this product, which is 0",
            "/items/2/quantity": "is more than is left of this product, which is 0",
            "/items/3/product": "the transaction has no item `C`",
            "/attributes/net": "must be a number from 0 to 9",
            "/attributes/store": "the transaction has no numeric attribute `store`",
            "/attributes/tax": "the transaction has no numeric attribute `tax`",
        }

    @pytest.mark.parametrize(("net", "new"), [("9", "-0.01"), ("9", "x"), ("-9", "1"), ("-9", "-10")])
    def test_a_new_figure_is_a_lower_one(self, net: str, new: str) -> None:
        assert list(self.pointers(decided(bought("20", net=net), amount="1", net=new))) == ["/attributes/net"]

    def test_a_transaction_takes_a_bounded_number_of_refunds(self) -> None:
        once = Refunded("T-1", "M-1", Decimal(1), Status.ACCEPTED)
        transaction = replace(bought("9999"), refunds=(once,) * MOST_REFUNDS)
        assert decided(transaction, amount="1") == TooManyRefunds()


def test_a_state_from_before_refunds_were_followed_comes_to_the_same() -> None:
    transaction = bought("45", line("A", "30", 2), line("B", "30"), net="9")
    for asked in ((pieces("A"),), (), (pieces("B"),)):
        transaction = refunded(transaction, *asked, amount=None if asked else "5")
    assert left_of(replace(transaction, left=None)) == left_of(transaction)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(transaction), type=Transaction) == transaction


AMOUNT = st.decimals(0, 99, places=2)
LINES = st.lists(st.tuples(st.integers(1, 9), st.none() | AMOUNT), max_size=4).map(
    lambda lines: [Item(f"P-{number}", Decimal(count), subtotal=value) for number, (count, value) in enumerate(lines)]
)
CURRENCY = st.sampled_from([None, "EUR", "JPY", "KWD"])


@given(st.none() | AMOUNT, LINES, CURRENCY, st.decimals(-99, 99, places=1), st.data())
def test_refunds_of_any_kind_in_any_order_leave_less_and_the_last_leaves_nothing(
    total: Decimal | None, items: list[Item], currency: str | None, net: Decimal, data: st.DataObject
) -> None:
    """Without a total the lines come to it."""
    transaction = bought(str(_worth(items) if total is None else total), *items, currency=currency, net=str(net))
    for _ in range(data.draw(st.integers(0, 6))):
        before = left_of(transaction).purchase
        event = data.draw(refunds(transaction))
        transaction = evolve(transaction, event)
        after = left_of(transaction).purchase
        assert after.total == EXACT.subtract(before.total, event.amount) >= 0
        assert not fault(after.total)
        _assert_less(before.items, after.items)
        assert min(Decimal(0), net) <= figure(transaction, "net") <= max(Decimal(0), net)
        if transaction.status is Status.REFUNDED:
            break
        if total is None and not any(each.items for each in transaction.refunds) and currency != "JPY":
            assert _worth(after.items) == after.total
    else:
        transaction = refunded(transaction)
    gone = left_of(transaction).purchase
    assert [transaction.status, gone.total, gone.items] == [Status.REFUNDED, 0, ()]
    assert sum(each.amount for each in transaction.refunds) == transaction.purchase.total


@st.composite
def refunds(draw: st.DrawFn, transaction: Transaction) -> Refunded:
    """One that is taken: of some of what is left."""
    left = left_of(transaction).purchase
    lines = [line for line in left.items if draw(st.booleans())] if draw(st.booleans()) else []
    back = [pieces(line.product, str(draw(st.integers(1, int(line.quantity))))) for line in lines]
    amount = draw(st.none() | st.decimals(Decimal("0.01"), left.total, places=2)) if left.total else None
    states = {"net": f"{figure(transaction, 'net'):f}"} if draw(st.booleans()) else {}
    event = decided(transaction, *back, amount=amount, **states)
    assert isinstance(event, Refunded), event
    return event


def _assert_less(before: tuple[Item, ...], after: tuple[Item, ...]) -> None:
    was = {item.product: item for item in before}
    for item in after:
        assert 0 < item.quantity <= was[item.product].quantity
        assert 0 <= item.value <= was[item.product].value
        assert not fault(item.value)


def _worth(items: Iterable[Item]) -> Decimal:
    return sum((item.value for item in items), Decimal(0))


@given(LINES, st.decimals(Decimal("0.01"), 99, places=2), CURRENCY, st.data())
def test_every_item_of_any_order_can_be_returned(
    items: list[Item], total: Decimal, currency: str | None, data: st.DataObject
) -> None:
    """One after the other they come back at what they were worth together: all there is, where that is less.

    Every figure is one that the currency can hold.
    """
    if currency == "JPY":
        total, items = total * 100, [replace(item, subtotal=item.subtotal and item.subtotal * 100) for item in items]
    transaction = bought(str(total), *items, currency=currency)
    while left := left_of(transaction).purchase.items:
        item = data.draw(st.sampled_from(left))
        transaction = refunded(transaction, pieces(item.product, str(data.draw(st.integers(1, int(item.quantity))))))
    assert left_of(transaction).purchase.total == max(Decimal(0), EXACT.subtract(total, _worth(items)))
    assert refunded_so_far(transaction) == reduce(
        EXACT.add, (refund.amount for refund in transaction.refunds), Decimal(0)
    )
