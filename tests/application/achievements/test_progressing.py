"""What facts do to the progress of achievements: it counts, it refuses, it stays quiet."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.achievements import manual_progress
from application.achievements.commands import archive, deactivate, define
from application.achievements.manual_progress import ProgressRequest, RuleSetting
from application.catalogue.commands import put_entry, put_product
from application.definitions.likely import EXPLAINED
from application.facts import ingest
from application.facts.ingest import FactEffects, receive_event
from application.members.commands import put_member
from application.service.preconditions import Precondition
from application.streams import ACHIEVEMENT, MEMBER, TRANSACTION
from domain.achievements import achievement as achievements
from domain.achievements.achievement import Defined
from domain.achievements.definition import Count, CountKind, Definition, Subject
from domain.achievements.progress import Reversed
from domain.achievements.timeframe import Timeframe, TimeframeKind
from domain.catalogue.entries import EventType
from domain.catalogue.product import Product
from domain.facts.event import Happening
from domain.facts.fact import FactKind
from domain.facts.outcomes import CompletionOutcome, OmissionOutcome, OmissionReason, Outcome, ProgressOutcome
from domain.facts.purchase import Item, ReturnedItem
from domain.facts.transaction import Status, left_of
from domain.values.amounts import EXACT, FRACTION_DIGITS
from domain.values.attributes import AttributeType
from tests.support.campaigns import RULES, buy, purchase
from tests.support.program import Program
from tests.support.progressing import ACHIEVEMENT_ID, OTHER_ID, at_most, day, progress, revised, rule, tracking

NEW = Precondition(absent=True)
WORK = (1, 2, 3, 4, 5)
LONG = {"expression": "event.attributes.minutes >= 30"}


@pytest.fixture
def program() -> Program:
    return Program()


def reasons(answer: FactEffects) -> list[OmissionReason]:
    return [outcome.reason for outcome in answer.outcomes if isinstance(outcome, OmissionOutcome)]


def values(answer: FactEffects) -> list[str]:
    return [f"{outcome.value:f}" for outcome in answer.outcomes if isinstance(outcome, ProgressOutcome)]


def completions(answer: FactEffects) -> list[int]:
    return [outcome.completions for outcome in answer.outcomes if isinstance(outcome, CompletionOutcome)]


def bought(program: Program, *days: int, **fields: Any) -> list[FactEffects]:
    """A purchase on each of these days of September 2026."""
    number = len(program.events)
    return [
        buy(program, purchase(f"T-{number}-{index}", purchased_at=day(at), **fields)) for index, at in enumerate(days)
    ]


def worked_out(program: Program, event: str, member: str = "M-1", at: int = 5, **attributes: str) -> FactEffects:
    happening = Happening(event, "workout", member, day(at), attributes=dict(attributes))
    return program.do(lambda working: receive_event(working, happening, RULES))


def workouts(program: Program) -> None:
    kinds = {"minutes": AttributeType.NUMBER, "gym": AttributeType.STRING}
    program.do(lambda working: put_entry(working, EventType("workout", "Workout", kinds), NEW))


class TestCounting:
    def test_counts_one_for_each_fact_and_completes_at_the_goal(self, program: Program) -> None:
        tracking(program, rule("2"))
        first, second, third = bought(program, 1, 2, 3)
        assert first.outcomes == (ProgressOutcome(ACHIEVEMENT_ID, 1, Decimal(1), Decimal(2), completed=False),)
        assert second.outcomes == (
            ProgressOutcome(ACHIEVEMENT_ID, 1, Decimal(2), Decimal(2), completed=True),
            CompletionOutcome(ACHIEVEMENT_ID, 1),
        )
        assert values(third) == ["1"]

    def test_surplus_counts_once_and_is_not_carried_over(self, program: Program) -> None:
        tracking(program, rule("50", count=Count(CountKind.SUM, expression="transaction.total")))
        first, second = bought(program, 1, 2, total="170")
        assert [completions(first), completions(second)] == [[1], [2]]
        assert progress(program).run == 2  # type: ignore[union-attr]

    def test_sums_an_expression_of_an_event(self, program: Program) -> None:
        workouts(program)
        counted = Count(CountKind.SUM, expression="event.attributes.minutes * 2")
        tracking(program, rule("100", trigger=FactKind.EVENT, event_type="workout", count=counted))
        assert values(worked_out(program, "E-1", minutes="20.5")) == ["41.0"]
        assert reasons(worked_out(program, "E-2")) == [OmissionReason.EXPRESSION_FAILED]
        assert values(worked_out(program, "E-3", minutes="1")) == ["43.0"]

    def test_what_has_no_end_is_kept_to_so_many_digits(self, program: Program) -> None:
        tracking(program, rule("5", count=Count(CountKind.SUM, expression="transaction.total / 3")))
        (answer,) = bought(program, 1, total="10")
        assert values(answer) == [f"3.{'3' * FRACTION_DIGITS}"]

    def test_an_instant_is_the_same_with_any_offset(self, program: Program) -> None:
        kinds = {"booked_for": AttributeType.TIMESTAMP}
        program.do(lambda working: put_entry(working, EventType("workout", "Workout", kinds), NEW))
        counted = Count(CountKind.DISTINCT, attribute="booked_for")
        tracking(program, rule("2", trigger=FactKind.EVENT, event_type="workout", count=counted))
        assert values(worked_out(program, "E-1", booked_for="2026-09-01T10:00:00Z")) == ["1"]
        assert reasons(worked_out(program, "E-2", booked_for="2026-09-01T12:00:00+02:00")) == [
            OmissionReason.NOT_DISTINCT
        ]

    def test_counts_distinct_values_once(self, program: Program) -> None:
        workouts(program)
        counted = Count(CountKind.DISTINCT, attribute="gym")
        tracking(program, rule("2", trigger=FactKind.EVENT, event_type="workout", count=counted))
        assert values(worked_out(program, "E-1", gym="North")) == ["1"]
        assert reasons(worked_out(program, "E-2", gym="North")) == [OmissionReason.NOT_DISTINCT]
        assert reasons(worked_out(program, "E-3")) == [OmissionReason.ATTRIBUTE_MISSING]
        assert completions(worked_out(program, "E-4", gym="South")) == [1]
        assert values(worked_out(program, "E-5", gym="North")) == ["1"]

    @pytest.mark.parametrize("category", ["item.category", "category"])
    @pytest.mark.parametrize(("kind", "value"), [("matching_quantity", "3"), ("matching_value", "7")])
    def test_counts_items_that_match(self, program: Program, kind: str, value: str, category: str) -> None:
        program.do(lambda working: put_product(working, Product("A", "A", category="coffee"), NEW))
        items = {"all": [{"attribute": category, "operator": "eq", "value": "coffee"}]}
        tracking(program, rule("100", count=Count(CountKind(kind), items=items)))
        lines = (Item("A", Decimal(2), Decimal(2)), Item("A", Decimal(1), Decimal(3)), Item("B", Decimal(9)))
        (answer,) = bought(program, 1, items=lines)
        assert values(answer) == [value]
        (other,) = bought(program, 2, items=(Item("B", Decimal(9)),))
        assert reasons(other) == [OmissionReason.NO_MATCHING_ITEMS]

    def test_lines_without_price_have_no_worth_and_are_told(self, program: Program) -> None:
        tracking(program, rule("100", count=Count(CountKind.MATCHING_VALUE)))
        none, some = Item("A", Decimal(2)), Item("B", Decimal(2), Decimal(3))
        (nothing,) = bought(program, 1, items=(none,))
        assert nothing.outcomes == (OmissionOutcome(None, OmissionReason.NO_PRICE, achievement=ACHIEVEMENT_ID, rule=1),)
        (less,) = bought(program, 2, items=(some, none))
        assert values(less) == ["6"]
        (told,) = (outcome for outcome in less.outcomes if isinstance(outcome, OmissionOutcome))
        assert told.reason is OmissionReason.NO_PRICE
        assert told.detail == "1 of 2 lines have neither price nor subtotal, the first is line 2"

    def test_all_rules_must_be_complete(self, program: Program) -> None:
        dear = {"expression": "transaction.total >= 100"}
        tracking(program, rule("2"), rule("1", conditions=dear))
        first, second = bought(program, 1, 2)
        assert (completions(first), completions(second)) == ([], [])
        (third,) = bought(program, 3, total="100")
        assert completions(third) == [1]
        assert [outcome.rule for outcome in third.outcomes if isinstance(outcome, ProgressOutcome)] == [1, 2]

    def test_several_achievements_progress_with_one_fact(self, program: Program) -> None:
        tracking(program, rule("1"))
        tracking(program, rule("5"), achievement=OTHER_ID)
        (answer,) = bought(program, 1)
        assert values(answer) == ["1", "1"]
        assert completions(answer) == [1]

    def test_nothing_happens_where_no_rule_takes_such_facts(self, program: Program) -> None:
        workouts(program)
        tracking(program)
        assert worked_out(program, "E-1").outcomes == ()


class TestOrderOfChecks:
    def test_an_inactive_achievement_takes_nothing_and_keeps_its_progress(self, program: Program) -> None:
        tracking(program)
        bought(program, 1)
        stream = ACHIEVEMENT.of(ACHIEVEMENT_ID)
        program.do(lambda working: working.record(stream, achievements.Deactivated(ACHIEVEMENT_ID)))
        (answer,) = bought(program, 2)
        assert reasons(answer) == [OmissionReason.ACHIEVEMENT_INACTIVE]
        program.do(lambda working: working.record(stream, achievements.Activated(ACHIEVEMENT_ID)))
        assert values(bought(program, 3)[0]) == ["2"]

    def test_timeframe_comes_first_then_limit_conditions_and_frequency(self, program: Program) -> None:
        september = Timeframe(TimeframeKind.BETWEEN, start="2026-09-01", to="2026-09-30")
        dear = {"expression": "transaction.total >= 10"}
        counted = rule("2", conditions=dear, frequency=at_most(1, "day"))
        tracking(program, counted, timeframe=september, limit=at_most(1))
        early = buy(program, purchase("T-0", purchased_at=day(31, month=8), total="1"))
        assert reasons(early) == [OmissionReason.OUTSIDE_TIMEFRAME]
        first, again, small = (bought(program, 1, total=total)[0] for total in ("10", "10", "1"))
        assert values(first) == ["1"]
        assert reasons(again) == [OmissionReason.FREQUENCY_EXCEEDED]
        assert reasons(small) == [OmissionReason.CONDITION_NOT_MET]
        assert completions(bought(program, 2)[0]) == [1]
        assert reasons(bought(program, 2, total="1")[0]) == [OmissionReason.LIMIT_REACHED]

    def test_a_limit_per_interval_counts_by_the_facts_own_time(self, program: Program) -> None:
        tracking(program, rule("1"), limit=at_most(1, "month"))
        first, second = bought(program, 1, 30)
        assert (completions(first), reasons(second)) == ([1], [OmissionReason.LIMIT_REACHED])
        october = buy(program, purchase("T-oct", purchased_at=day(1, month=10)))
        august = buy(program, purchase("T-aug", purchased_at=day(31, month=8)))
        assert (completions(october), completions(august)) == ([2], [3])

    def test_a_frequency_outlives_a_completion(self, program: Program) -> None:
        tracking(program, rule("1", frequency=at_most(1, "day")))
        first, second = bought(program, 1, 1)
        assert (completions(first), reasons(second)) == ([1], [OmissionReason.FREQUENCY_EXCEEDED])

    def test_a_frequency_of_several_units_is_kept_in_any_order(self, program: Program) -> None:
        tracking(program, rule("9", frequency=at_most(1, "day", 2)))
        first, after, before, free = bought(program, 5, 6, 4, 7)
        assert values(first) == ["1"]
        assert reasons(after) == reasons(before) == [OmissionReason.FREQUENCY_EXCEEDED]
        assert values(free) == ["2"]

    def test_a_condition_that_fails_for_one_member_is_an_outcome(self, program: Program) -> None:
        failing = {"expression": "transaction.total / member.attributes.share > 1"}
        tracking(program, rule("1", conditions=failing))
        program.do(partial(put_member, member_id="M-2", tier=None, attributes={"share": "0"}, referrer=None))
        program.do(partial(put_member, member_id="M-3", tier=None, attributes={"share": "2"}, referrer=None))
        assert reasons(bought(program, 1, member="M-2")[0]) == [OmissionReason.EXPRESSION_FAILED]
        assert completions(bought(program, 1, member="M-3")[0]) == [1]


class TestPeriods:
    def test_each_period_has_a_bucket_of_its_own(self, program: Program) -> None:
        tracking(program, rule("2", "week"))
        monday, sunday, next_monday = bought(program, 7, 13, 14)
        assert (values(monday), completions(sunday), values(next_monday)) == (["1"], [1], ["1"])

    def test_a_streak_needs_the_goal_in_every_period(self, program: Program) -> None:
        tracking(program, rule("1", "day", consecutive=3))
        answers = bought(program, 1, 2, 4, 5)
        assert [completions(answer) for answer in answers] == [[], [], [], []]
        late = bought(program, 3)
        assert completions(late[0]) == [1]

    @pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
    def test_a_streak_does_not_depend_on_the_order_of_arrival(self, program: Program, order: tuple[int, ...]) -> None:
        tracking(program, rule("1", "day", consecutive=3))
        answers = bought(program, *order)
        assert [completions(answer) for answer in answers] == [[], [], [1]]

    @pytest.mark.parametrize("order", [(2, 3, 4, 7, 8), (8, 2, 7, 4, 3)])
    def test_days_off_neither_count_nor_break(self, program: Program, order: tuple[int, ...]) -> None:
        """Wednesday to Friday, Monday and Tuesday; what is bought on Saturday is outside the timeframe."""
        tracking(program, rule("1", "day", consecutive=5), timeframe=Timeframe(TimeframeKind.DAYS_OF_WEEK, days=WORK))
        assert reasons(bought(program, 5)[0]) == [OmissionReason.OUTSIDE_TIMEFRAME]
        answers = bought(program, *order)
        assert [completions(answer) for answer in answers] == [[], [], [], [], [1]]
        again = bought(program, 9, 10, 11, 14, 16, 17, 18, 21)
        assert [completions(answer) for answer in again] == [[]] * 8
        assert completions(bought(program, 15)[0]) == [2]

    def test_a_month_and_a_year_follow_one_another(self, program: Program) -> None:
        tracking(program, rule("1", "month", consecutive=2))
        buy(program, purchase("T-1", purchased_at=datetime(2026, 12, 31, 23, tzinfo=UTC)))
        answer = buy(program, purchase("T-2", purchased_at=datetime(2027, 1, 1, tzinfo=UTC)))
        assert completions(answer) == [1]

    @pytest.mark.parametrize("order", list(permutations((1, 2, 3, 6))))
    def test_the_last_days_are_a_sliding_sum(self, program: Program, order: tuple[int, ...]) -> None:
        tracking(program, rule("3", "last_days", 3))
        answers = bought(program, *order)
        assert sorted(count for answer in answers for count in completions(answer)) == [1]

    def test_days_are_those_of_the_programs_time_zone(self) -> None:
        program = Program(time_zone="Europe/Budapest")
        tracking(program, rule("2", "day"))
        before_midnight = datetime(2026, 9, 1, 21, 59, tzinfo=UTC)
        after_midnight = datetime(2026, 9, 1, 22, 1, tzinfo=UTC)
        buy(program, purchase("T-1", purchased_at=before_midnight))
        assert values(buy(program, purchase("T-2", purchased_at=after_midnight))) == ["1"]

    @pytest.mark.parametrize("change", [datetime(2026, 3, 28, 21, tzinfo=UTC), datetime(2026, 10, 24, 21, tzinfo=UTC)])
    def test_a_streak_goes_on_across_a_change_of_clocks(self, change: datetime) -> None:
        program = Program(time_zone="Europe/Budapest")
        tracking(program, rule("1", "day", consecutive=3))
        answers = [
            buy(program, purchase(f"T-{number}", purchased_at=change.replace(day=change.day + number)))
            for number in range(3)
        ]
        assert [completions(answer) for answer in answers] == [[], [], [1]]

    @pytest.mark.parametrize("year", [1, 1970, 2100, 9999])
    def test_facts_of_any_year_have_their_bucket(self, program: Program, year: int) -> None:
        tracking(program, rule("1", "year", consecutive=2), rule("1", "last_days", 366))
        answer = buy(program, purchase("T-1", purchased_at=datetime(year, 1, 1, tzinfo=UTC)))
        assert values(answer) == ["1", "1"]
        last = buy(program, purchase("T-2", purchased_at=datetime(year, 12, 31, 23, 59, tzinfo=UTC)))
        assert values(last)[0] == "2"


class TestReferrals:
    def referred(self, program: Program) -> None:
        for member in ("M-2", "M-3"):
            program.do(partial(put_member, member_id=member, tier=None, attributes={}, referrer="R-1"))

    def test_the_referrer_progresses(self, program: Program) -> None:
        self.referred(program)
        tracking(program, rule("2", subject=Subject.REFERRER))
        first, second = (bought(program, 1, member=member)[0] for member in ("M-2", "M-3"))
        assert first.outcomes == (
            ProgressOutcome(ACHIEVEMENT_ID, 1, Decimal(1), Decimal(2), completed=False, member="R-1"),
        )
        assert second.outcomes[1] == CompletionOutcome(ACHIEVEMENT_ID, 1, member="R-1")
        assert program.state(MEMBER.at("R-1")) is not None

    def test_who_has_no_referrer_moves_nothing(self, program: Program) -> None:
        tracking(program, rule("2", subject=Subject.REFERRER))
        assert reasons(bought(program, 1)[0]) == [OmissionReason.NO_REFERRER]

    def test_each_referee_counts_once(self, program: Program) -> None:
        self.referred(program)
        tracking(program, rule("1", subject=Subject.REFERRER, unique_referee=True))
        assert completions(bought(program, 1, member="M-2")[0]) == [1]
        assert reasons(bought(program, 2, member="M-2")[0]) == [OmissionReason.NOT_DISTINCT]
        assert completions(bought(program, 2, member="M-3")[0]) == [2]

    def test_how_often_comes_before_who(self, program: Program) -> None:
        self.referred(program)
        tracking(program, rule("9", subject=Subject.REFERRER, unique_referee=True, frequency=at_most(1, "day")))
        first, again, later = bought(program, 1, 1, 2, member="M-2")
        assert values(first) == ["1"]
        assert reasons(again) == [OmissionReason.FREQUENCY_EXCEEDED]
        assert reasons(later) == [OmissionReason.NOT_DISTINCT]

    def test_a_refund_lets_the_referee_count_again(self, program: Program) -> None:
        self.referred(program)
        tracking(program, rule("3", subject=Subject.REFERRER, unique_referee=True))
        buy(program, purchase("T-1", member="M-2"))
        program.do(lambda working: ingest.refund(working, "T-1", None, (), None))
        answer = buy(program, purchase("T-2", member="M-2"))
        assert values(answer) == ["1"]


class TestLifecycle:
    def test_a_pending_transaction_progresses_once_it_is_accepted(self, program: Program) -> None:
        tracking(program, rule("1"))
        waiting = buy(program, purchase("T-1"), Status.PENDING)
        assert waiting.outcomes == ()
        assert completions(program.do(lambda working: ingest.accept(working, "T-1"))) == [1]

    def test_a_refund_takes_progress_back(self, program: Program) -> None:
        tracking(program, rule("3"))
        buy(program, purchase("T-1"))
        buy(program, purchase("T-2"))
        assert values(program.do(lambda working: ingest.refund(working, "T-1", None, (), None))) == ["1"]
        assert values(buy(program, purchase("T-3"))) == ["2"]

    def test_a_refund_says_whether_anything_is_left_of_the_way(self, program: Program) -> None:
        tracking(program, rule("3"))
        for number in (1, 2):
            buy(program, purchase(f"T-{number}"))
        for number in (1, 2):
            program.do(partial(ingest.refund, transaction_id=f"T-{number}", amount=None, items=(), refund_id=None))
        assert [event.begun for event in program.events if isinstance(event, Reversed)] == [True, False]

    def test_what_was_spent_on_a_completion_stays(self, program: Program) -> None:
        tracking(program, rule("2"))
        buy(program, purchase("T-1"))
        buy(program, purchase("T-2"))
        buy(program, purchase("T-3"))
        refunded = program.do(lambda working: ingest.refund(working, "T-1", None, (), None))
        assert reasons(refunded) == [OmissionReason.PROGRESS_SPENT]
        assert progress(program).completed == 1  # type: ignore[union-attr]
        assert completions(buy(program, purchase("T-4"))) == [2]

    def test_a_partial_refund_leaves_what_is_left(self, program: Program) -> None:
        counted = Count(CountKind.SUM, expression="transaction.total")
        tracking(program, rule("100", count=counted, conditions={"expression": "transaction.total >= 10"}))
        buy(program, purchase("T-1", total="50"))
        less = program.do(lambda working: ingest.refund(working, "T-1", Decimal(20), (), None))
        assert values(less) == ["30"]
        too_little = program.do(lambda working: ingest.refund(working, "T-1", Decimal(25), (), None))
        assert values(too_little) == ["0"]
        gone = program.do(lambda working: ingest.refund(working, "T-1", None, (), None))
        assert gone.outcomes == ()

    def test_a_refund_asks_the_member_that_there_was(self, program: Program) -> None:
        gold = {"expression": 'member.tier == "gold" and transaction.total >= 50'}
        counted = Count(CountKind.SUM, expression="transaction.total")
        worth = Count(CountKind.SUM, expression="transaction.total * member.attributes.worth")
        kind = Count(CountKind.DISTINCT, attribute="member.tier")
        tracking(program, rule("900", conditions=gold, count=counted), rule("900", count=worth), rule("9", count=kind))
        put = partial(put_member, member_id="M-1", referrer=None)
        program.do(partial(put, tier="gold", attributes={"worth": "1"}))
        buy(program, purchase("T-1", total="100"))
        program.do(partial(put, tier="silver", attributes={}))
        assert values(self.refunded(program, "30")) == ["70", "70"]
        program.do(partial(put, tier="gold", attributes={"worth": "7"}))
        assert values(self.refunded(program, "30")) == ["0", "40"]

    def refunded(self, program: Program, amount: str) -> FactEffects:
        return program.do(lambda working: ingest.refund(working, "T-1", Decimal(amount), (), None))

    def test_returned_pieces_count_no_longer(self, program: Program) -> None:
        tracking(program, rule("10", count=Count(CountKind.MATCHING_QUANTITY)))
        lines = (Item("A", Decimal(3), Decimal(5)), Item("B", Decimal(2), Decimal(1)))
        buy(program, purchase("T-1", total="17", items=lines))
        back = (ReturnedItem("A", Decimal(1)),)
        assert values(program.do(lambda working: ingest.refund(working, "T-1", None, back, None))) == ["4"]

    def test_a_refund_gives_the_frequency_back(self, program: Program) -> None:
        tracking(program, rule("3", frequency=at_most(1, "day")))
        buy(program, purchase("T-1"))
        program.do(lambda working: ingest.refund(working, "T-1", None, (), None))
        assert values(buy(program, purchase("T-2"))) == ["1"]

    def test_a_frequency_gives_back_only_what_it_counted(self, program: Program) -> None:
        tracking(program, rule("9"))
        for number in (1, 2):
            buy(program, purchase(f"T-{number}"))
        bounded = Definition(name="Buyer", rules=(rule("9", frequency=at_most(1, "day")),))
        program.do(lambda working: working.record(ACHIEVEMENT.of(ACHIEVEMENT_ID), Defined(ACHIEVEMENT_ID, 1, bounded)))
        for number in (1, 2):
            program.do(partial(ingest.refund, transaction_id=f"T-{number}", amount=None, items=(), refund_id=None))
        assert values(buy(program, purchase("T-3"))) == ["1"]
        assert reasons(buy(program, purchase("T-4"))) == [OmissionReason.FREQUENCY_EXCEEDED]

    def test_what_counted_for_an_archived_achievement_stays(self, program: Program) -> None:
        workouts(program)
        of_events = rule("9", trigger=FactKind.EVENT, event_type="workout", conditions=LONG)
        tracking(program, rule("9"), of_events)
        buy(program, purchase("T-1"))
        archived = achievements.Archived(ACHIEVEMENT_ID)
        program.do(lambda working: working.record(ACHIEVEMENT.of(ACHIEVEMENT_ID), archived))
        program.do(lambda working: put_entry(working, EventType("workout", "Workout", {}), Precondition(exists=True)))
        assert program.do(lambda working: ingest.refund(working, "T-1", None, (), None)).outcomes == ()

    @pytest.mark.parametrize("back", [None, Decimal(1)])
    def test_what_was_lowered_by_hand_is_not_taken_again(self, program: Program, back: Decimal | None) -> None:
        tracking(program, rule("3", conditions={"expression": "transaction.total >= 100"}))
        buy(program, purchase("T-1", total="100"))
        wanted = ProgressRequest("a mistake", settings=(RuleSetting(1, Decimal(0)),))
        program.do(lambda working: manual_progress.change(working, "M-1", ACHIEVEMENT_ID, wanted))
        answer = program.do(lambda working: ingest.refund(working, "T-1", back, (), None))
        assert values(answer) == ["0"]
        assert values(buy(program, purchase("T-2", total="100"))) == ["1"]


class TestRevisions:
    def test_a_new_revision_starts_progress_again_and_keeps_completions(self, program: Program) -> None:
        tracking(program, rule("2"), limit=at_most(2))
        bought(program, 1, 2, 3)
        revised(program, rule("3"), limit=at_most(2))
        first, second, third = bought(program, 4, 5, 6)
        assert [values(first), values(second)] == [["1"], ["2"]]
        assert completions(third) == [2]
        assert reasons(bought(program, 7)[0]) == [OmissionReason.LIMIT_REACHED]

    def test_who_had_nothing_brings_nothing_over(self, program: Program) -> None:
        tracking(program, rule("2"))
        revised(program, rule("3"))
        revised(program, rule("1"))
        assert completions(bought(program, 1)[0]) == [1]

    def test_a_refund_of_what_an_older_revision_counted_changes_nothing(self, program: Program) -> None:
        tracking(program, rule("2"))
        buy(program, purchase("T-1"))
        revised(program, rule("3"))
        buy(program, purchase("T-2"))
        assert program.do(lambda working: ingest.refund(working, "T-1", None, (), None)).outcomes == ()
        assert values(buy(program, purchase("T-3"))) == ["2"]


def test_outcomes_tell_at_most_so_many_achievements_that_did_not_count(program: Program) -> None:
    for number in range(70):
        never = {"expression": "transaction.total > 1000"}
        tracking(program, rule("1", conditions=never), achievement=UUID(int=number + 1))
    outcomes: tuple[Outcome, ...] = bought(program, 1)[0].outcomes
    assert len(outcomes) == EXPLAINED


def test_a_fact_is_told_of_achievements_that_are_or_have_been_active(program: Program) -> None:
    for number in range(40):
        achievement = UUID(int=number + 1)
        program.do(partial(define, achievement_id=achievement, definition=Definition(name="Saved", rules=(rule(),))))
    paused, archived = tracking(program, achievement=UUID(int=98)), tracking(program, achievement=UUID(int=99))
    for achievement in (paused, archived):
        program.do(partial(deactivate, achievement_id=achievement))
    program.do(partial(archive, achievement_id=archived))
    (answer,) = bought(program, 1)
    assert answer.outcomes == (OmissionOutcome(None, OmissionReason.ACHIEVEMENT_INACTIVE, achievement=paused),)


def test_why_it_nearly_counted_is_told_before_the_rest(program: Program) -> None:
    over = Timeframe(TimeframeKind.BEFORE, at="2026-01-01")
    for number in range(70):
        tracking(program, achievement=UUID(int=number + 1), timeframe=over)
    never = {"expression": "transaction.total > 1000"}
    tracking(program, rule("1", conditions=never), achievement=UUID(int=98))
    tracking(program, rule("1"), achievement=UUID(int=99), limit=at_most(1))
    _, second = bought(program, 1, 2)
    assert reasons(second)[:3] == [
        OmissionReason.LIMIT_REACHED,
        OmissionReason.CONDITION_NOT_MET,
        OmissionReason.OUTSIDE_TIMEFRAME,
    ]
    assert len(second.outcomes) == EXPLAINED


CUTS = st.lists(st.one_of(st.integers(1, 99), st.sampled_from(["A", "B"])), max_size=3)
"""Refunds on the way to a whole one: so many hundredths of what is left, or a piece of a product."""


@given(facts=st.lists(st.tuples(st.integers(1, 12), st.none() | CUTS), max_size=8))
@settings(max_examples=60, deadline=None)
def test_what_is_refunded_unspent_was_never_there_however_it_is_cut(facts: list[tuple[int, list[Any] | None]]) -> None:
    both, kept = Program(), Program()
    of_a = {"all": [{"attribute": "product", "operator": "eq", "value": "A"}]}
    for program in (both, kept):
        for member in ("M-1", "M-2"):
            program.do(partial(put_member, member_id=member, tier=None, attributes={}, referrer="R-1"))
        tracking(
            program,
            rule("99", "day", count=Count(CountKind.SUM, expression="transaction.total")),
            rule("999", "last_days", 5, frequency=at_most(1, "day")),
            rule("999", "week", count=Count(CountKind.DISTINCT, attribute="transaction.total")),
            rule("999", count=Count(CountKind.MATCHING_QUANTITY, items=of_a), frequency=at_most(2, "week")),
            rule("9999", count=Count(CountKind.SUM, expression="transaction.attributes.net * 2")),
        )
        once = rule("99", count=Count(CountKind.MATCHING_VALUE), subject=Subject.REFERRER, unique_referee=True)
        tracking(program, once, achievement=OTHER_ID)
    for number, (at, cuts) in enumerate(facts, 1):
        items = (Item("A", Decimal(2), Decimal(number)), Item("B", Decimal(1), Decimal(7)))
        fact = purchase(
            f"T-{number}", str(number + 1), purchased_at=day(at), items=items, attributes={"net": f"{number}"}
        )
        buy(both, fact)
        if cuts is None:
            buy(kept, fact)
            continue
        for cut in (*cuts, None):
            _refund(both, f"T-{number}", cut)
    assert _amounts(both) == _amounts(kept)
    assert _amounts(both, "R-1", OTHER_ID) == _amounts(kept, "R-1", OTHER_ID)
    for at in range(1, 13):
        again = purchase(f"again-{at}", purchased_at=day(at), member="M-1" if at % 2 else "M-2", items=(Item("A"),))
        assert buy(both, again).outcomes == buy(kept, again).outcomes


def _refund(program: Program, transaction: str, cut: int | str | None) -> None:
    known = program.state(TRANSACTION.at(transaction))
    left = left_of(known).purchase
    amount = EXACT.multiply(left.total, Decimal(cut).scaleb(-2)) if isinstance(cut, int) else None
    items = (ReturnedItem(cut, Decimal(1)),) if isinstance(cut, str) else ()
    there = not items or any(item.product == cut for item in left.items)
    if known.status is Status.REFUNDED or amount == 0 or not there:
        return
    program.do(partial(ingest.refund, transaction_id=transaction, amount=amount, items=items, refund_id=None))


def _amounts(
    program: Program, member: str = "M-1", achievement: UUID = ACHIEVEMENT_ID
) -> list[tuple[int, int, Decimal, tuple[str, ...]]]:
    found = progress(program, member, achievement=achievement)
    return sorted(
        (number, bucket.key, bucket.amount, tuple(sorted(bucket.values)))
        for number, held in (found.rules if found else ())
        for bucket in held.buckets
        if bucket.amount
    )
