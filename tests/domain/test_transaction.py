"""Refunds: what they take back, exactly, however they are cut."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.amounts import FRACTION_DIGITS, fault
from domain.problems import Problem
from domain.transaction import (
    MOST_REFUNDS,
    Item,
    Purchase,
    Refunded,
    RefundTooLarge,
    Returned,
    Status,
    TooManyRefunds,
    Transaction,
    effective,
    evolve,
    left_to_refund,
    refund_amount,
)


def bought(total: str, *items: Item) -> Transaction:
    purchase = Purchase("T-1", "M-1", datetime(2026, 9, 5, tzinfo=UTC), Decimal(total), items=items)
    return Transaction(purchase, Status.ACCEPTED)


def refunded(transaction: Transaction, *lines: Returned, amount: Decimal | None = None) -> Transaction:
    """The transaction after a refund that is taken; it is refunded when nothing is left."""
    back = refund_amount(transaction, amount, lines)
    assert isinstance(back, Decimal), back
    status = Status.REFUNDED if back == left_to_refund(transaction) else Status.ACCEPTED
    return evolve(transaction, Refunded("T-1", "M-1", back, status, lines))


def test_thirds_of_a_price_add_up_to_it() -> None:
    transaction = bought("10", Item("A", Decimal(3), subtotal=Decimal(10)))
    for _ in range(3):
        transaction = refunded(transaction, Returned("A", Decimal(1)))
    assert transaction.status is Status.REFUNDED
    assert [len(str(refund.amount)) - 2 for refund in transaction.refunds] == [FRACTION_DIGITS] * 3


@given(
    st.lists(st.tuples(st.integers(1, 9), st.decimals(0, 99, places=2)), min_size=1, max_size=3),
    st.data(),
)
def test_pieces_given_back_one_after_the_other_cost_what_they_were_bought_for(
    lines: list[tuple[int, Decimal]], data: st.DataObject
) -> None:
    items = [Item("A", Decimal(count), subtotal=value) for count, value in lines]
    total = sum((item.value for item in items), Decimal(0))
    transaction = bought(str(total), *items)
    left = sum(count for count, _ in lines)
    while transaction.status is Status.ACCEPTED:
        count = data.draw(st.integers(1, left))
        transaction = refunded(transaction, Returned("A", Decimal(count)))
        left -= count
        shown = effective(transaction)
        assert not fault(shown.total)
        assert sum(item.quantity for item in shown.items) in (left, 0)
    assert left_to_refund(transaction) == 0


def test_an_amount_and_items_may_be_named_together() -> None:
    transaction = bought("30", Item("A", Decimal(3), Decimal(10)))
    transaction = refunded(transaction, Returned("A", Decimal(1)), amount=Decimal(8))
    shown = effective(transaction)
    assert [shown.total, shown.items[0].quantity, shown.items[0].value] == [22, 2, 20]


def test_more_than_is_left_is_refused() -> None:
    transaction = refunded(bought("20", Item("A", Decimal(2), Decimal(10))), Returned("A", Decimal(1)))
    assert refund_amount(transaction, Decimal(11), ()) == RefundTooLarge(Decimal(10))
    assert isinstance(refund_amount(transaction, None, (Returned("A", Decimal(2)),)), Problem)
    twice = (Returned("A", Decimal(1)), Returned("A", Decimal(1)))
    problem = refund_amount(transaction, None, twice)
    assert isinstance(problem, Problem)
    assert problem.pointer == "/items/1/quantity"


def test_a_transaction_takes_a_bounded_number_of_refunds() -> None:
    once = Refunded("T-1", "M-1", Decimal(1), Status.ACCEPTED)
    transaction = Transaction(bought("9999").purchase, Status.ACCEPTED, refunds=(once,) * MOST_REFUNDS)
    assert refund_amount(transaction, Decimal(1), ()) == TooManyRefunds()


@pytest.mark.parametrize("price", [None, Decimal(0)])
def test_pieces_that_cost_nothing_can_come_back(price: Decimal | None) -> None:
    transaction = refunded(bought("5", Item("A", Decimal(2), price)), Returned("A", Decimal(1)))
    shown = effective(transaction)
    assert transaction.status is Status.ACCEPTED
    assert [shown.total, shown.items[0].quantity] == [5, 1]
