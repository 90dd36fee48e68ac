"""What refunds take back: whatever counts falls with the money, and what was used up is free again."""

from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from application.catalogue.commands import put_product
from application.facts import ingest
from application.facts.ingest import FactEffects
from application.members.commands import put_member
from application.service.preconditions import Precondition
from domain.achievements.definition import Count, CountKind, Subject
from domain.catalogue.product import Product
from domain.facts.outcomes import (
    CompletionOutcome,
    ContributionOutcome,
    CorrectionOutcome,
    OmissionOutcome,
    OmissionReason,
    ProgressOutcome,
)
from domain.facts.purchase import Item, ReturnedItem
from domain.tiered.definition import Aggregate
from domain.tiered.terms import CombinationPart, CombinationScope, Late
from domain.values.amounts import EXACT, FRACTION_DIGITS
from domain.values.problems import Invalid
from tests.support.campaigns import CAMPAIGN, buy, evaluate, purchase, running, standing, tiers
from tests.support.program import Program
from tests.support.progressing import ACHIEVEMENT_ID, at_most, day, rule, tracking

NEW = Precondition(absent=True)
P1 = {"all": [{"attribute": "product", "operator": "eq", "value": "P1"}]}
BASKET = (Item("P1", Decimal(2), Decimal(10)), Item("P3", Decimal(1), Decimal(30)))


@pytest.fixture
def program() -> Program:
    program = Program()
    for sku in ("P1", "P3"):
        program.do(partial(put_product, product=Product(sku, sku), precondition=NEW))
    return program


def refunded(program: Program, *items: str, amount: str | None = None, **attributes: str) -> FactEffects:
    """A refund of an amount, or of a piece of each of these products."""
    back = partial(
        ingest.refund,
        transaction_id="T-1",
        amount=None if amount is None else Decimal(amount),
        items=tuple(ReturnedItem(sku, Decimal(1)) for sku in items),
        refund_id=None,
        attributes={**attributes},
    )
    return program.do(back)


def total(program: Program) -> Decimal:
    found = standing(program)
    assert found
    return found.total


def told(answer: FactEffects) -> list[OmissionReason | str]:
    """Amounts and values, and the reasons of what does not count."""
    figures: list[OmissionReason | str] = []
    for outcome in answer.outcomes:
        match outcome:
            case ContributionOutcome():
                figures.append(f"{outcome.amount:f}")
            case ProgressOutcome():
                figures.append(f"{outcome.value:f}")
            case OmissionOutcome():
                figures.append(outcome.reason)
            case CompletionOutcome() | CorrectionOutcome():
                pass
    return figures


class TestStandings:
    def test_an_attribute_that_is_added_up_falls_with_the_total(self, program: Program) -> None:
        running(program, aggregate=Aggregate("attributes.net"))
        buy(program, purchase(total="121", attributes={"net": "100"}, currency="EUR"))
        refunded(program, amount="120.99")
        part = EXACT.divide(Decimal(1), Decimal(121)).quantize(Decimal(1).scaleb(-FRACTION_DIGITS))
        assert total(program) == part

    def test_unless_the_refund_states_its_new_figure(self, program: Program) -> None:
        running(program, aggregate=Aggregate("attributes.net"))
        buy(program, purchase(total="121", attributes={"net": "100"}))
        assert told(refunded(program, amount="21", net="100")) == []
        assert told(refunded(program, amount="50", net="60")) == ["60"]
        assert told(refunded(program, amount="25")) == ["30"]

    def test_lines_fall_with_an_amount(self, program: Program) -> None:
        running(program, products=("P1",))
        buy(program, purchase(total="30", items=(Item("P1", price=Decimal(30)),), currency="EUR"))
        assert told(refunded(program, amount="29.99")) == ["0.01"]

    def test_pieces_stay(self, program: Program) -> None:
        running(program, aggregate=Aggregate("quantity"))
        buy(program, purchase(total="50", items=BASKET))
        assert told(refunded(program, amount="49")) == []
        assert told(refunded(program, "P1")) == ["2"]

    @pytest.mark.parametrize("scope", CombinationScope)
    def test_sets_break_up(self, program: Program, scope: CombinationScope) -> None:
        running(
            program,
            aggregate=Aggregate(
                combination=(CombinationPart("P1", Decimal(2)), CombinationPart("P3", Decimal(1))), scope=scope
            ),
        )
        buy(program, purchase(total="50", items=BASKET))
        assert total(program) == 1
        refunded(program, "P1")
        assert total(program) == 0

    def test_every_item_of_a_discounted_order_can_be_returned(self, program: Program) -> None:
        running(program)
        lines = (Item("P1", price=Decimal(30)), Item("P3", price=Decimal(30)))
        buy(program, purchase(total="45", items=lines, currency="EUR"))
        first, second = refunded(program, "P1"), refunded(program, "P3")
        assert [first.status, *told(first)] == ["accepted", "22.50"]
        assert [second.status, *told(second)] == ["refunded", "0"]

    @pytest.mark.parametrize(
        ("asked", "reason"),
        [
            ("transaction.total > 10", OmissionReason.FILTER_NOT_MET),
            ("9 / (transaction.total - 5) > 0", OmissionReason.EXPRESSION_FAILED),
        ],
    )
    def test_a_filter_is_asked_again_of_what_is_left(
        self, program: Program, asked: str, reason: OmissionReason
    ) -> None:
        running(program, filter={"expression": asked})
        buy(program, purchase(total="25"))
        assert told(refunded(program, amount="1")) == ["24"]
        assert told(refunded(program, amount="19")) == ["0", reason]
        assert total(program) == 0
        assert told(refunded(program)) == []

    def test_so_are_the_products(self, program: Program) -> None:
        running(program, products=("P1",))
        buy(program, purchase(total="50", items=BASKET))
        assert told(refunded(program, "P1")) == ["10"]
        assert told(refunded(program, "P1")) == ["0", OmissionReason.NO_MATCHING_ITEMS]

    def test_a_refund_makes_nothing_count(self, program: Program) -> None:
        running(program, filter={"expression": "transaction.total < 10"})
        tracking(program, rule("1", conditions={"expression": "transaction.total < 10"}))
        buy(program, purchase(total="25"))
        assert refunded(program, amount="20").outcomes == ()
        assert standing(program) is None

    def test_an_award_is_corrected_where_the_filter_does_not_hold_any_more(self, program: Program) -> None:
        running(
            program, filter={"expression": "transaction.total > 10"}, late=Late.CORRECT, tiers=tiers(("0", "100", "1"))
        )
        buy(program, purchase(total="25"))
        program.now = day(8, month=10)
        evaluate(program, "M-1")
        answer = refunded(program, amount="20")
        assert CorrectionOutcome(CAMPAIGN, 1, Decimal(-25), Decimal(0)) in answer.outcomes


class TestProgress:
    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ("transaction.attributes.net", ["40", "10"]),
            ("transaction.attributes.net * 2 + transaction.attributes.net", ["120", "30"]),
            ("transaction.attributes.net if transaction.total > 20 else 0", ["40", "0"]),
            ("transaction.total * transaction.attributes.factor", ["100", "25"]),
            ("transaction.total - transaction.attributes.fee", ["40", "2.5"]),
            ('sum(transaction.items, "subtotal") * transaction.attributes.factor', ["50", "12.5"]),
            ("100", []),
        ],
    )
    def test_sums_fall_with_the_total(self, program: Program, expression: str, expected: list[str]) -> None:
        tracking(program, rule("9999", count=Count(CountKind.SUM, expression=expression)))
        attributes: dict[str, Any] = {"net": "80", "factor": "2", "fee": "10"}
        buy(program, purchase(total="100", items=BASKET, attributes=attributes))
        answers = [refunded(program, amount="50"), refunded(program, amount="37.5")]
        found = [f"{Decimal(str(figure)).normalize():f}" for answer in answers for figure in told(answer)]
        assert found == expected

    def test_conditions_see_attributes_as_they_are_stated(self, program: Program) -> None:
        condition = {"expression": "transaction.attributes.nights >= 4"}
        nights = Count(CountKind.SUM, expression="transaction.attributes.nights")
        tracking(program, rule("99", conditions=condition, count=nights))
        buy(program, purchase(total="100", attributes={"nights": "8"}))
        assert told(refunded(program, amount="75")) == ["2"]
        assert told(refunded(program, amount="5", nights="3")) == ["0"]

    def test_an_attribute_that_is_distinct_does_not_fall(self, program: Program) -> None:
        tracking(program, rule("9", count=Count(CountKind.DISTINCT, attribute="store")))
        buy(program, purchase(total="100", attributes={"store": "12"}))
        assert refunded(program, amount="50").outcomes == ()

    def test_one_below_nothing_rises(self, program: Program) -> None:
        tracking(program, rule("9", count=Count(CountKind.SUM, expression="transaction.attributes.net")))
        buy(program, purchase(total="100", attributes={"net": "-8"}))
        assert told(refunded(program, amount="50")) == ["-4"]
        assert told(refunded(program)) == ["0"]

    def test_value_of_lines_falls_with_an_amount(self, program: Program) -> None:
        tracking(program, rule("99", count=Count(CountKind.MATCHING_VALUE, items=P1)))
        buy(program, purchase(total="50", items=BASKET, currency="EUR"))
        assert told(refunded(program, amount="49.99")) == ["0"]


class TestWhatIsUsedUp:
    """Once nothing of what a fact brought counts any more."""

    OF_P1 = Count(CountKind.MATCHING_QUANTITY, items=P1)

    def bought_again(self, program: Program, *items: Item) -> FactEffects:
        return buy(program, purchase("T-2", "20", items=items or (Item("P1", Decimal(2), Decimal(10)),)))

    @pytest.mark.parametrize("frequency", [at_most(1, "day"), at_most(1)])
    def test_how_often_is_free_again(self, program: Program, frequency: Any) -> None:
        tracking(program, rule("9", count=self.OF_P1, frequency=frequency))
        buy(program, purchase(total="50", items=BASKET))
        assert told(refunded(program, "P1")) == ["1"]
        assert told(self.bought_again(program)) == [OmissionReason.FREQUENCY_EXCEEDED]
        assert told(refunded(program, "P1")) == ["0"]
        assert told(buy(program, purchase("T-3", "20", items=BASKET))) == ["2"]

    def test_a_referee_is_free_again(self, program: Program) -> None:
        program.do(partial(put_member, member_id="M-1", tier=None, attributes={}, referrer="R-1"))
        tracking(program, rule("9", count=self.OF_P1, subject=Subject.REFERRER, unique_referee=True))
        buy(program, purchase(total="50", items=BASKET))
        assert told(self.bought_again(program)) == [OmissionReason.NOT_DISTINCT]
        refunded(program, "P1")
        refunded(program, "P1")
        assert told(buy(program, purchase("T-3", "20", items=BASKET))) == ["2"]

    def test_a_value_is_free_again(self, program: Program) -> None:
        store = Count(CountKind.DISTINCT, attribute="store")
        tracking(program, rule("9", count=store, conditions={"expression": "transaction.total >= 20"}))
        buy(program, purchase(total="50", attributes={"store": "north"}))
        assert told(refunded(program, amount="31")) == ["0"]
        assert told(buy(program, purchase("T-2", attributes={"store": "north"}))) == ["1"]

    def test_a_part_that_brings_it_to_nothing_frees_it(self, program: Program) -> None:
        of_total = Count(CountKind.SUM, expression="transaction.total")
        tracking(program, rule("99", count=of_total, frequency=at_most(1, "day")))
        buy(program, purchase(total="20", items=(Item("P1", price=Decimal(20)), Item("P3", price=Decimal(0)))))
        answer = refunded(program, "P1")
        assert [answer.status, *told(answer)] == ["accepted", "0"]
        assert told(self.bought_again(program)) == ["20"]

    def test_what_was_spent_on_a_completion_is_not(self, program: Program) -> None:
        tracking(program, rule("2", count=self.OF_P1, frequency=at_most(1, "day")))
        assert CompletionOutcome(ACHIEVEMENT_ID, 1) in buy(program, purchase(total="50", items=BASKET)).outcomes
        assert told(refunded(program, "P1")) == [OmissionReason.PROGRESS_SPENT]
        assert told(self.bought_again(program)) == [OmissionReason.FREQUENCY_EXCEEDED]


def test_a_bad_refund_says_everything_that_is_wrong(program: Program) -> None:
    buy(program, purchase(total="50", items=BASKET, attributes={"net": "40"}))
    with pytest.raises(Invalid) as invalid:
        refunded(program, "P3", "P3", "P7", net="41")
    assert [(problem.pointer, problem.code) for problem in invalid.value.problems] == [
        ("/items/1/quantity", "refund_too_large"),
        ("/items/2/product", "invalid"),
        ("/attributes/net", "invalid"),
    ]


def test_late_lines_are_what_they_are_on_their_own_day(program: Program) -> None:
    """A refund of what lies in a later period than the present changes that one."""
    tracking(program, rule("9", "month", count=TestWhatIsUsedUp.OF_P1))
    buy(program, purchase(total="50", items=BASKET, purchased_at=day(3, month=11)))
    assert told(refunded(program, "P1")) == ["1"]
