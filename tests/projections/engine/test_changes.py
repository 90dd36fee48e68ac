from decimal import Decimal
from decimal import localcontext as decimal_context

from projections.engine.changes import Changes, Table, TableChanges, TableStatement
from projections.engine.columns import INT, NUMERIC, TEXT

TABLE = Table("counters", ("name",), {"name": TEXT, "count": INT, "amount": NUMERIC})
KEY = ("a",)


def only(changes: Changes) -> TableChanges:
    (step,) = changes.steps
    assert isinstance(step, dict)
    return step[TABLE]


def test_changes_of_one_row_become_one() -> None:
    changes = Changes()
    changes.insert(TABLE, KEY, {"count": 1, "amount": Decimal(1)})
    changes.update(TABLE, KEY, {"count": 2})
    assert only(changes).inserts == {KEY: {"count": 2, "amount": Decimal(1)}}
    assert not only(changes).updates


def test_updates_of_a_stored_row_keep_the_last_of_each_column() -> None:
    changes = Changes()
    changes.update(TABLE, KEY, {"count": 1})
    changes.update(TABLE, KEY, {"count": 2, "amount": Decimal(3)})
    assert only(changes).updates == {KEY: {"count": 2, "amount": Decimal(3)}}


def test_a_row_that_was_put_or_inserted_is_replaced_whole() -> None:
    changes = Changes()
    changes.update(TABLE, KEY, {"count": 1})
    changes.put(TABLE, KEY, {"count": 2, "amount": Decimal(2)})
    changes.insert(TABLE, ("b",), {"count": 1, "amount": Decimal(1)})
    changes.put(TABLE, ("b",), {"count": 3, "amount": Decimal(3)})
    assert only(changes).puts == {KEY: {"count": 2, "amount": Decimal(2)}}
    assert only(changes).inserts == {("b",): {"count": 3, "amount": Decimal(3)}}
    assert not only(changes).updates


def test_a_dropped_row_stays_away_until_it_comes_again() -> None:
    changes = Changes()
    changes.insert(TABLE, KEY, {"count": 1, "amount": Decimal(1)})
    changes.drop(TABLE, KEY)
    assert (only(changes).drops, only(changes).inserts) == ({KEY: None}, {})
    changes.put(TABLE, KEY, {"count": 2, "amount": Decimal(2)})
    assert only(changes).puts == {KEY: {"count": 2, "amount": Decimal(2)}}


def test_sums_are_exact_whatever_the_thread_rounds_to() -> None:
    changes = Changes()
    with decimal_context(prec=3):
        for amount in ("12345678901234567890", "0.000000000000000000000000000001"):
            changes.add(TABLE, KEY, {"count": 1, "amount": Decimal(amount)})
    assert only(changes).sums == {
        KEY: {"count": 2, "amount": Decimal("12345678901234567890.000000000000000000000000000001")}
    }


def test_a_statement_stands_between_what_came_before_and_after_it() -> None:
    changes = Changes()
    freeze = TableStatement("select 1", {})
    changes.insert(TABLE, KEY, {"count": 1, "amount": Decimal(1)})
    changes.run(freeze)
    changes.update(TABLE, KEY, {"count": 2})
    before, between, after = changes.steps
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert before[TABLE].inserts == {KEY: {"count": 1, "amount": Decimal(1)}}
    assert between is freeze
    assert after[TABLE].updates == {KEY: {"count": 2}}
