"""What facts do to standings: it counts, it refuses, it stays quiet."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from application.catalogue.commands import put_entry, put_product
from application.definitions.likely import EXPLAINED
from application.facts import ingest
from application.members.commands import change_list, put_member
from application.service.preconditions import Precondition
from application.service.refusals import Conflict, Unknown
from application.tiered import commands as tiered_campaigns
from domain.catalogue.entries import EventType, MemberList, Segment
from domain.catalogue.product import Product
from domain.facts.event import Happening
from domain.facts.fact import FactKind
from domain.facts.outcomes import ContributionOutcome, CorrectionOutcome, OmissionOutcome, OmissionReason, Outcome
from domain.facts.purchase import Item, ReturnedItem
from domain.facts.transaction import Accepted, Status
from domain.tiered import standing as standings
from domain.tiered.definition import Aggregate, Audience
from domain.tiered.points import HitType
from domain.tiered.terms import CombinationPart, CombinationScope, Confirmation, Late
from domain.values.attributes import AttributeType
from domain.values.problems import Invalid
from tests.support.campaigns import (
    CAMPAIGN,
    RULES,
    buy,
    complete,
    definition,
    evaluate,
    purchase,
    running,
    standing,
    tiers,
)
from tests.support.program import Program

ANY = Precondition(exists=True)
NEW = Precondition(absent=True)


@pytest.fixture
def program() -> Program:
    return Program()


def reasons(outcomes: tuple[Outcome, ...]) -> list[OmissionReason]:
    return [outcome.reason for outcome in outcomes if isinstance(outcome, OmissionOutcome)]


def figures(program: Program, member: str = "M-1", occurrence: int = 1) -> tuple[str, str, str]:
    """Total, pending points and confirmed points."""
    found = standing(program, member, occurrence)
    assert found
    return f"{found.total:f}", f"{found.pending_points:f}", f"{found.confirmed_points:f}"


class TestCounting:
    def test_counts_an_accepted_transaction(self, program: Program) -> None:
        running(program)
        answer = buy(program, purchase(total="49.90"))
        assert answer.outcomes == (ContributionOutcome(CAMPAIGN, 1, Decimal("49.90"), Decimal("49.90"), Decimal(499)),)
        assert figures(program) == ("49.90", "499", "499")

    def test_counts_a_pending_transaction_as_pending_only(self, program: Program) -> None:
        running(program)
        buy(program, purchase(total="20"), Status.PENDING)
        assert figures(program) == ("20", "200", "0")

    def test_registers_an_unknown_member_with_the_fact(self, program: Program) -> None:
        recorded = program.recorded_by(
            lambda working: ingest.receive_transaction(working, purchase(), Status.ACCEPTED, RULES)
        )
        assert [event.tag for event in recorded] == ["member.registered", "transaction.received"]

    def test_refuses_an_unknown_member_where_the_setting_says_so(self, program: Program) -> None:
        rules = ingest.Rules(register_unknown_members=False)
        with pytest.raises(Unknown, match="M-1"):
            program.do(lambda working: ingest.receive_transaction(working, purchase(), Status.ACCEPTED, rules))
        assert not program.events[1:]

    def test_a_repeat_records_nothing(self, program: Program) -> None:
        running(program)
        buy(program, purchase())
        count = len(program.events)
        with pytest.raises(ingest.Repeated):
            buy(program, purchase())
        assert len(program.events) == count

    def test_adds_up_over_the_occurrence_and_starts_the_next_from_zero(self, program: Program) -> None:
        running(program)
        buy(program, purchase("T-1", "30"))
        buy(program, purchase("T-2", "30"))
        buy(program, purchase("T-3", "30", purchased_at=datetime(2026, 10, 1, tzinfo=UTC)))
        assert figures(program) == ("60", "1200", "1200")
        assert figures(program, occurrence=2) == ("30", "300", "300")

    @pytest.mark.parametrize("day", [datetime(2026, 8, 31, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)])
    def test_stays_quiet_about_a_date_outside_all_occurrences(self, program: Program, day: datetime) -> None:
        running(program)
        assert buy(program, purchase(purchased_at=day)).outcomes == ()

    def test_says_that_the_chosen_date_is_missing(self, program: Program) -> None:
        running(program, date="auto_accept_at")
        assert reasons(buy(program, purchase()).outcomes) == [OmissionReason.DATE_MISSING]

    def test_says_once_that_the_chosen_date_is_missing_however_often_the_campaign_was_edited(
        self, program: Program
    ) -> None:
        running(program, date="auto_accept_at")
        for name in ("Second", "Third"):
            edited = definition(date="auto_accept_at", name=name)
            revise = partial(tiered_campaigns.revise, campaign_id=CAMPAIGN, definition=edited, precondition=ANY)
            program.do(revise)
            program.now += timedelta(days=30)
        assert reasons(buy(program, purchase()).outcomes) == [OmissionReason.DATE_MISSING]

    def test_what_counts_by_the_terms_of_its_occurrence_is_not_told_of_a_later_date(self, program: Program) -> None:
        running(program)
        edited = definition(date="auto_accept_at")
        program.do(lambda working: tiered_campaigns.revise(working, CAMPAIGN, edited, ANY))
        (outcome,) = buy(program, purchase()).outcomes
        assert isinstance(outcome, ContributionOutcome)

    def test_the_checkout_date_is_the_purchase_date_unless_given(self, program: Program) -> None:
        running(program, date="checkout_at")
        buy(program, purchase("T-1", "10"))
        buy(program, purchase("T-2", "10", checkout_at=datetime(2026, 10, 2, tzinfo=UTC)))
        assert figures(program, occurrence=1)[0] == "10"
        assert figures(program, occurrence=2)[0] == "10"

    def test_a_paused_campaign_counts_nothing_that_arrives_meanwhile(self, program: Program) -> None:
        running(program)
        buy(program, purchase("T-1", "10"))
        program.do(lambda working: tiered_campaigns.deactivate(working, CAMPAIGN))
        assert reasons(buy(program, purchase("T-2")).outcomes) == [OmissionReason.CAMPAIGN_INACTIVE]
        assert figures(program) == ("10", "100", "100")
        program.do(lambda working: tiered_campaigns.activate(working, CAMPAIGN))
        buy(program, purchase("T-3", "10"))
        assert figures(program)[0] == "20"

    def test_an_archived_campaign_is_not_spoken_of(self, program: Program) -> None:
        program.do(lambda working: tiered_campaigns.define(working, CAMPAIGN, definition()))
        program.do(lambda working: tiered_campaigns.archive(working, CAMPAIGN))
        assert buy(program, purchase()).outcomes == ()

    def test_a_fact_is_told_of_a_bounded_number_of_campaigns(self, program: Program) -> None:
        for number in range(70):
            dear = {"expression": f"transaction.total > {number + 10}"}
            running(program, UUID(int=CAMPAIGN.int + number), name=f"Over {number}", filter=dear)
        outcomes = buy(program, purchase(total="12")).outcomes
        assert len([outcome for outcome in outcomes if isinstance(outcome, ContributionOutcome)]) == 2
        assert reasons(outcomes) == [OmissionReason.FILTER_NOT_MET] * EXPLAINED

    def test_of_many_campaigns_those_that_ask_for_another_value_are_not_spoken_of(self, program: Program) -> None:
        for number in range(70):
            channel = {"expression": f'transaction.attributes.channel == "{number}"'}
            running(program, UUID(int=CAMPAIGN.int + number), name=f"Channel {number}", filter=channel)
        (outcome,) = buy(program, purchase(attributes={"channel": "7"})).outcomes
        assert isinstance(outcome, ContributionOutcome)
        assert outcome.tiered_campaign.int - CAMPAIGN.int == 7


CHANNEL = {"expression": 'transaction.attributes.channel == "web"'}


def numbered(number: int) -> UUID:
    return UUID(int=CAMPAIGN.int + number)


class TestWhatAFactIsToldOf:
    """Campaigns that are active or paused; the others take no room from them either."""

    @pytest.fixture
    def program(self, program: Program) -> Program:
        """With as many completed campaigns as a fact is told about."""
        for number in range(EXPLAINED):
            running(program, numbered(number), occurrences=1, filter=CHANNEL)
        program.now = datetime(2026, 10, 9, tzinfo=UTC)
        for number in range(EXPLAINED):
            complete(program, campaign=numbered(number))
        return program

    def test_live_ones_beside_many_that_are_completed(self, program: Program) -> None:
        live = [running(program, numbered(EXPLAINED + number), filter=CHANNEL) for number in range(2)]
        expected = tuple(OmissionOutcome(campaign, OmissionReason.FILTER_NOT_MET, 1) for campaign in live)
        assert buy(program, purchase("T-1")).outcomes == expected
        assert buy(program, purchase("T-2", attributes={"channel": "shop"})).outcomes == expected

    def test_a_completed_one_only_of_what_would_have_counted(self, program: Program) -> None:
        running(program, numbered(EXPLAINED), filter={"expression": "transaction.total > 1000"})
        outcomes = buy(program, purchase(attributes={"channel": "web"})).outcomes
        assert reasons(outcomes) == [OmissionReason.FILTER_NOT_MET] + [OmissionReason.OCCURRENCE_COMPLETED] * (
            EXPLAINED - 1
        )

    def test_a_completed_one_is_corrected_by_what_comes_late(self, program: Program) -> None:
        corrected = running(program, numbered(EXPLAINED), occurrences=1, late=Late.CORRECT)
        complete(program, campaign=corrected)
        outcomes = buy(program, purchase()).outcomes
        assert outcomes[-1] == CorrectionOutcome(corrected, 1, Decimal(200), Decimal(200))

    def test_none_that_was_never_activated(self, program: Program) -> None:
        for number in range(EXPLAINED, EXPLAINED + 40):
            made = partial(tiered_campaigns.define, campaign_id=numbered(number), definition=definition())
            program.do(made)
        assert buy(program, purchase()).outcomes == ()

    def test_none_that_is_archived_or_a_draft(self, program: Program) -> None:
        archived = running(program, numbered(EXPLAINED))
        program.do(lambda working: tiered_campaigns.deactivate(working, archived))
        program.do(lambda working: tiered_campaigns.archive(working, archived))
        draft = definition(starts_at=None)
        program.do(lambda working: tiered_campaigns.define(working, numbered(EXPLAINED + 1), draft))
        assert buy(program, purchase()).outcomes == ()

    def test_one_that_is_paused(self, program: Program) -> None:
        paused = running(program, numbered(EXPLAINED))
        program.do(lambda working: tiered_campaigns.deactivate(working, paused))
        assert buy(program, purchase()).outcomes == (OmissionOutcome(paused, OmissionReason.CAMPAIGN_INACTIVE, 1),)


class TestAudienceAndFilter:
    def test_lists_and_segments_are_joined_by_or(self, program: Program) -> None:
        program.do(lambda working: put_entry(working, MemberList("vip", "VIP"), NEW))
        program.do(lambda working: put_entry(working, Segment("gold", "Gold", 'member.tier == "gold"'), NEW))
        program.do(lambda working: change_list(working, "vip", "listed", joins=True))
        program.do(lambda working: put_member(working, "golden", "gold", {}, None))
        running(program, audience=Audience(("gold",), ("vip",)))
        for member in ("listed", "golden", "other"):
            buy(program, purchase(f"T-{member}", member=member))
        assert standing(program, "listed")
        assert standing(program, "golden")
        assert standing(program, "other") is None
        memberships = [event.memberships for event in program.events if event.tag == "transaction.received"]
        assert memberships == [("list:vip",), ("segment:gold",), ()]

    def test_says_that_the_member_is_not_in_the_audience(self, program: Program) -> None:
        program.do(lambda working: put_entry(working, MemberList("vip", "VIP"), NEW))
        running(program, audience=Audience(lists=("vip",)))
        assert reasons(buy(program, purchase()).outcomes) == [OmissionReason.NOT_IN_AUDIENCE]

    def test_says_that_the_filter_is_not_met(self, program: Program) -> None:
        running(program, filter={"all": [{"attribute": "transaction.total", "operator": "gt", "value": "20"}]})
        assert reasons(buy(program, purchase("T-1", "20")).outcomes) == [OmissionReason.FILTER_NOT_MET]
        assert buy(program, purchase("T-2", "20.01")).outcomes

    def test_an_expression_that_fails_is_an_outcome(self, program: Program) -> None:
        running(program, filter={"expression": "1 / transaction.total > 0"})
        outcome = buy(program, purchase(total="0")).outcomes[0]
        assert isinstance(outcome, OmissionOutcome)
        assert outcome.reason is OmissionReason.EXPRESSION_FAILED
        assert outcome.detail

    def test_a_changed_segment_holds_from_then_on(self, program: Program) -> None:
        program.do(lambda working: put_entry(working, Segment("gold", "Gold", 'member.tier == "gold"'), NEW))
        running(program, audience=Audience(("gold",)))
        program.do(lambda working: put_member(working, "M-1", "silver", {}, None))
        assert reasons(buy(program, purchase("T-1")).outcomes) == [OmissionReason.NOT_IN_AUDIENCE]
        program.do(lambda working: put_entry(working, Segment("gold", "Gold", 'member.tier == "silver"'), ANY))
        buy(program, purchase("T-2"))
        assert standing(program)


class TestMeasures:
    def test_matching_item_lines_only(self, program: Program) -> None:
        program.do(lambda working: put_product(working, Product("A", "A"), NEW))
        running(program, products=("A",))
        lines = (Item("A", Decimal(2), Decimal("5.50")), Item("B", Decimal(1), subtotal=Decimal(30)))
        buy(program, purchase("T-1", "41", items=lines))
        assert figures(program)[0] == "11.00"
        assert reasons(buy(program, purchase("T-2", items=lines[1:])).outcomes) == [OmissionReason.NO_MATCHING_ITEMS]

    def test_lines_without_price_have_no_worth_and_are_told(self, program: Program) -> None:
        program.do(lambda working: put_product(working, Product("A", "A"), NEW))
        running(program, products=("A",))
        none, some = Item("A", Decimal(2)), Item("A", Decimal(1), Decimal(7))
        assert buy(program, purchase("T-1", items=(none, Item("B", price=Decimal(9))))).outcomes == (
            OmissionOutcome(CAMPAIGN, OmissionReason.NO_PRICE, 1),
        )
        assert standing(program) is None
        detail = "1 of 2 lines have neither price nor subtotal, the first is line 3"
        told = OmissionOutcome(CAMPAIGN, OmissionReason.NO_PRICE, 1, detail)
        received = buy(program, purchase("T-2", items=(Item("B"), some, none)), Status.PENDING)
        counted = ContributionOutcome(CAMPAIGN, 1, Decimal(7), Decimal(7), Decimal(70))
        assert received.outcomes == (counted, told)
        assert program.do(lambda working: ingest.accept(working, "T-2")).outcomes == (counted, told)
        free = buy(program, purchase("T-3", items=(Item("A", price=Decimal(0)),)))
        assert free.outcomes == (ContributionOutcome(CAMPAIGN, 1, Decimal(0), Decimal(7), Decimal(70)),)

    def test_quantity_counts_pieces(self, program: Program) -> None:
        running(program, aggregate=Aggregate(attribute="quantity"))
        buy(program, purchase("T-1", items=(Item("A", Decimal(2)), Item("B", Decimal(3)))))
        assert figures(program)[0] == "5"
        assert reasons(buy(program, purchase("T-2")).outcomes) == [OmissionReason.NO_MATCHING_ITEMS]

    def test_an_attribute_of_the_transaction(self, program: Program) -> None:
        running(program, aggregate=Aggregate(attribute="attributes.nights"))
        buy(program, purchase("T-1", attributes={"nights": "3"}))
        assert figures(program)[0] == "3"
        assert reasons(buy(program, purchase("T-2")).outcomes) == [OmissionReason.ATTRIBUTE_MISSING]

    def test_an_attribute_of_an_event_whose_name_looks_like_a_path(self, program: Program) -> None:
        kinds = {"attributes.minutes": AttributeType.NUMBER}
        program.do(lambda working: put_entry(working, EventType("workout", "Workout", kinds), NEW))
        aggregate = Aggregate(attribute="attributes.minutes")
        running(program, entity=FactKind.EVENT, event_type="workout", aggregate=aggregate)
        workout = Happening("E-1", "workout", "M-1", program.now, attributes={"attributes.minutes": "35"})
        program.do(lambda working: ingest.receive_event(working, workout, RULES))
        assert figures(program)[0] == "35"

    def test_an_attribute_of_an_event_by_a_date_of_its_own(self, program: Program) -> None:
        kinds = {"minutes": AttributeType.NUMBER, "planned": AttributeType.TIMESTAMP}
        program.do(lambda working: put_entry(working, EventType("workout", "Workout", kinds), NEW))
        running(
            program,
            entity=FactKind.EVENT,
            event_type="workout",
            aggregate=Aggregate(attribute="minutes"),
            date="planned",
        )
        workout = Happening(
            "E-1",
            "workout",
            "M-1",
            datetime(2026, 9, 1, tzinfo=UTC),
            attributes={"minutes": "35", "planned": "2026-10-05T00:00:00Z"},
        )
        program.do(lambda working: ingest.receive_event(working, workout, RULES))
        assert figures(program, occurrence=2)[0] == "35"

    @pytest.mark.parametrize(
        ("scope", "sets"), [(CombinationScope.OCCURRENCE, "2"), (CombinationScope.TRANSACTION, "1")]
    )
    def test_complete_sets(self, program: Program, scope: CombinationScope, sets: str) -> None:
        program.do(lambda working: put_product(working, Product("A", "A"), NEW))
        program.do(lambda working: put_product(working, Product("B", "B"), NEW))
        parts = (CombinationPart("A", Decimal(2)), CombinationPart("B", Decimal(1)))
        running(program, aggregate=Aggregate(combination=parts, scope=scope), hit_type=HitType.AMOUNT)
        buy(program, purchase("T-1", items=(Item("A", Decimal(3)), Item("B", Decimal(1)))))
        buy(program, purchase("T-2", items=(Item("A", Decimal(1)), Item("B", Decimal(1)), Item("C"))))
        found = standing(program)
        assert found
        assert f"{found.total:f}" == sets


class TestLifecycle:
    def test_acceptance_confirms_what_was_pending(self, program: Program) -> None:
        running(program)
        buy(program, purchase(), Status.PENDING)
        answer = program.do(lambda working: ingest.accept(working, "T-1"))
        assert answer.status == "accepted"
        assert figures(program) == ("20", "200", "200")

    def test_an_update_replaces_and_may_move_to_another_occurrence(self, program: Program) -> None:
        running(program)
        buy(program, purchase(), Status.PENDING)
        program.do(lambda working: ingest.update(working, purchase(total="30")))
        assert figures(program) == ("30", "300", "0")
        moved = purchase(total="30", purchased_at=datetime(2026, 10, 5, tzinfo=UTC))
        program.do(lambda working: ingest.update(working, moved))
        assert figures(program) == ("0", "0", "0")
        assert figures(program, occurrence=2) == ("30", "300", "0")

    def test_a_rejection_takes_all_back(self, program: Program) -> None:
        running(program)
        buy(program, purchase(), Status.PENDING)
        program.do(lambda working: ingest.reject(working, "T-1", "fraud"))
        assert figures(program) == ("0", "0", "0")

    def test_refunds_take_their_part_back(self, program: Program) -> None:
        running(program)
        buy(program, purchase(total="40"))
        answer = program.do(lambda working: ingest.refund(working, "T-1", Decimal("9.50"), (), None))
        assert answer.status == "accepted"
        assert figures(program) == ("30.50", "305", "305")
        answer = program.do(lambda working: ingest.refund(working, "T-1", None, (), None))
        assert answer.status == "refunded"
        assert figures(program) == ("0.00", "0", "0")

    def test_refunded_items_count_no_more(self, program: Program) -> None:
        running(program, aggregate=Aggregate(attribute="quantity"))
        buy(program, purchase(total="30", items=(Item("A", Decimal(3), Decimal(10)),)))
        program.do(lambda working: ingest.refund(working, "T-1", None, (ReturnedItem("A", Decimal(1)),), None))
        assert figures(program)[0] == "2"

    def test_refunds_beyond_the_total_are_refused(self, program: Program) -> None:
        buy(program, purchase(total="40"))
        program.do(lambda working: ingest.refund(working, "T-1", Decimal(30), (), None))
        with pytest.raises(Conflict, match="10 is left"):
            program.do(lambda working: ingest.refund(working, "T-1", Decimal(11), (), None))
        with pytest.raises(Invalid, match="no item"):
            program.do(lambda working: ingest.refund(working, "T-1", None, (ReturnedItem("A", Decimal(1)),), None))

    @pytest.mark.parametrize("command", ["accept", "reject", "update"])
    def test_a_status_that_does_not_allow_it_changes_nothing(self, program: Program, command: str) -> None:
        commands = {
            "accept": lambda working: ingest.accept(working, "T-1"),
            "reject": lambda working: ingest.reject(working, "T-1", None),
            "update": lambda working: ingest.update(working, purchase()),
        }
        buy(program, purchase())
        count = len(program.events)
        with pytest.raises(Conflict, match="is accepted; it must be pending"):
            program.do(commands[command])
        assert len(program.events) == count

    def test_an_acceptance_by_itself_stays_quiet_when_it_is_too_late(self, program: Program) -> None:
        buy(program, purchase(), Status.PENDING)
        program.do(lambda working: ingest.reject(working, "T-1", None))
        answer = program.do(lambda working: ingest.accept(working, "T-1", program.now))
        assert answer.status == "rejected"

    def test_events_of_an_unknown_or_inactive_type_are_refused(self, program: Program) -> None:
        happening = Happening("E-1", "workout", "M-1", program.now)
        with pytest.raises(Invalid, match="no event type"):
            program.do(lambda working: ingest.receive_event(working, happening, RULES))
        program.do(lambda working: put_entry(working, EventType("workout", "Workout", active=False), NEW))
        with pytest.raises(Conflict, match="not active"):
            program.do(lambda working: ingest.receive_event(working, happening, RULES))


class TestFewerOccurrences:
    """A fact dated in an occurrence that had not started, and which the campaign then lost."""

    @pytest.mark.parametrize("confirmation", Confirmation)
    def test_facts_go_on(self, program: Program, confirmation: Confirmation) -> None:
        running(program, confirmation=confirmation)
        buy(program, purchase(purchased_at=datetime(2026, 11, 5, tzinfo=UTC)), Status.PENDING)
        fewer = definition(confirmation=confirmation, occurrences=2)
        program.do(lambda working: tiered_campaigns.revise(working, CAMPAIGN, fewer, ANY))
        answer = program.do(lambda working: ingest.accept(working, "T-1"))
        assert (answer.status, answer.outcomes) == ("accepted", ())
        program.do(lambda working: ingest.refund(working, "T-1", None, (), None))


class TestConfirmation:
    def test_at_occurrence_end_what_is_confirmed_later_counts_no_more(self, program: Program) -> None:
        running(program, confirmation=Confirmation.OCCURRENCE_END)
        buy(program, purchase(), Status.PENDING)
        program.now = datetime(2026, 10, 1, tzinfo=UTC)
        answer = program.do(lambda working: ingest.accept(working, "T-1"))
        assert OmissionReason.CONFIRMED_TOO_LATE in reasons(answer.outcomes)
        assert figures(program) == ("0", "0", "0")

    def test_an_acceptance_by_itself_counts_from_the_instant_it_was_set_for(self, program: Program) -> None:
        running(program, confirmation=Confirmation.OCCURRENCE_END)
        due = datetime(2026, 9, 30, tzinfo=UTC)
        buy(program, purchase(auto_accept_at=due), Status.PENDING)
        program.now = datetime(2026, 10, 2, tzinfo=UTC)
        program.do(lambda working: ingest.accept(working, "T-1", due))
        assert figures(program) == ("20", "200", "200")

    def test_one_that_was_overdue_to_be_accepted_by_itself_counts_from_then(self, program: Program) -> None:
        running(program, confirmation=Confirmation.OCCURRENCE_END)
        buy(program, purchase(auto_accept_at=datetime(2026, 9, 30, tzinfo=UTC)), Status.PENDING)
        program.now = datetime(2026, 10, 2, tzinfo=UTC)
        program.do(lambda working: ingest.accept(working, "T-1"))
        assert figures(program) == ("20", "200", "200")

    def test_one_that_comes_before_its_instant_counts_from_now(self, program: Program) -> None:
        running(program, confirmation=Confirmation.OCCURRENCE_END)
        buy(program, purchase(auto_accept_at=datetime(2026, 10, 30, tzinfo=UTC)), Status.PENDING)
        program.do(lambda working: ingest.accept(working, "T-1"))
        assert figures(program) == ("20", "200", "200")

    @pytest.mark.parametrize("on", [datetime(2026, 10, 2, tzinfo=UTC), datetime(2026, 10, 20, tzinfo=UTC)])
    @pytest.mark.parametrize(
        ("fields", "counts"),
        [
            ({}, True),
            ({"accepted_at": datetime(2026, 9, 30, tzinfo=UTC)}, True),
            ({"accepted_at": datetime(2026, 10, 1, tzinfo=UTC)}, False),
            ({"accepted_at": datetime(2027, 1, 1, tzinfo=UTC)}, False),
        ],
    )
    def test_what_comes_accepted_is_confirmed_at_its_own_date_unless_it_says_when(
        self, program: Program, fields: dict[str, Any], *, counts: bool, on: datetime
    ) -> None:
        """Also late: it corrects upwards."""
        running(program, confirmation=Confirmation.OCCURRENCE_END, late=Late.CORRECT)
        program.now = on
        if on.day > 8:
            complete(program)
        answer = buy(program, purchase(**fields))
        assert reasons(answer.outcomes) == ([] if counts else [OmissionReason.CONFIRMED_TOO_LATE])
        found = standing(program)
        assert (found and found.confirmed_points) == (200 if counts else None)
        assert any(isinstance(outcome, CorrectionOutcome) for outcome in answer.outcomes) == (counts and on.day > 8)

    def test_an_acceptance_that_lies_ahead_is_one_of_now(self, program: Program) -> None:
        running(program, confirmation=Confirmation.OCCURRENCE_END)
        buy(program, purchase(accepted_at=datetime(2026, 10, 1, tzinfo=UTC)))
        assert figures(program) == ("20", "200", "200")

    def test_an_event_is_confirmed_at_its_own_date(self, program: Program) -> None:
        program.do(lambda working: put_entry(working, EventType("stay", "Stay", {"nights": AttributeType.NUMBER}), NEW))
        running(
            program,
            entity=FactKind.EVENT,
            event_type="stay",
            aggregate=Aggregate(attribute="nights"),
            confirmation=Confirmation.OCCURRENCE_END,
        )
        program.now = datetime(2026, 10, 2, tzinfo=UTC)
        stay = Happening("E-1", "stay", "M-1", datetime(2026, 9, 30, tzinfo=UTC), attributes={"nights": "3"})
        program.do(lambda working: ingest.receive_event(working, stay, RULES))
        assert figures(program) == ("3", "30", "30")

    def test_what_comes_pending_past_its_instant_can_still_be_confirmed_in_time(self, program: Program) -> None:
        running(program, confirmation=Confirmation.OCCURRENCE_END)
        program.now = datetime(2026, 10, 2, tzinfo=UTC)
        buy(program, purchase("T-1", auto_accept_at=datetime(2026, 9, 30, tzinfo=UTC)), Status.PENDING)
        program.do(lambda working: ingest.accept(working, "T-1"))
        assert figures(program) == ("20", "200", "200")
        assert reasons(buy(program, purchase("T-2"), Status.PENDING).outcomes) == [OmissionReason.CONFIRMED_TOO_LATE]


class TestOverdueAcceptance:
    """No worker has accepted yet what was to be accepted by itself."""

    due = datetime(2026, 9, 20, tzinfo=UTC)

    @pytest.fixture
    def overdue(self, program: Program) -> Program:
        running(program, confirmation=Confirmation.OCCURRENCE_END)
        buy(program, purchase(auto_accept_at=self.due), Status.PENDING)
        program.now = datetime(2026, 10, 2, tzinfo=UTC)
        return program

    def test_is_refused_as_accepted(self, overdue: Program) -> None:
        before = len(overdue.events)
        for command in (
            partial(ingest.reject, transaction_id="T-1", reason=None),
            partial(ingest.update, purchase=purchase(total="30", auto_accept_at=self.due)),
        ):
            with pytest.raises(Conflict, match="the transaction is accepted; it must be pending"):
                overdue.do(command)
        assert len(overdue.events) == before

    def test_is_accepted_before_a_refund(self, overdue: Program) -> None:
        refund = partial(ingest.refund, transaction_id="T-1", amount=Decimal(5), items=(), refund_id="R-1")
        accepted, _, refunded, _ = overdue.recorded_by(refund)
        assert isinstance(accepted, Accepted)
        assert (accepted.confirmed_at, accepted.by_itself) == (self.due, True)
        assert (refunded.tag, refunded.status) == ("transaction.refunded", Status.ACCEPTED)
        assert figures(overdue) == ("15", "150", "150")
        assert overdue.do(partial(ingest.accept, transaction_id="T-1", at=self.due)).outcomes == ()

    def test_a_refund_that_is_refused_records_no_acceptance(self, overdue: Program) -> None:
        before = len(overdue.events)
        with pytest.raises(Conflict, match="20 is left"):
            overdue.do(
                partial(ingest.refund, transaction_id="T-1", amount=Decimal(50), items=(), refund_id=None),
            )
        assert len(overdue.events) == before
        assert figures(overdue) == ("20", "200", "0")

    def test_one_that_is_not_due_yet_can_be_updated_and_rejected(self, overdue: Program) -> None:
        overdue.now = self.due - timedelta(microseconds=1)
        overdue.do(partial(ingest.update, purchase=purchase(total="30", auto_accept_at=self.due)))
        assert figures(overdue) == ("30", "300", "0")
        overdue.do(partial(ingest.reject, transaction_id="T-1", reason=None))
        assert figures(overdue) == ("0", "0", "0")


class TestLateFacts:
    @pytest.fixture
    def evaluated(self, program: Program, request: pytest.FixtureRequest) -> Program:
        running(program, late=request.param)
        buy(program, purchase("T-1", "20"))
        buy(program, purchase("T-2", "10"), Status.PENDING)
        program.now = datetime(2026, 10, 9, tzinfo=UTC)
        evaluate(program, "M-1")
        return program

    def awarded(self, program: Program) -> Decimal:
        """What events say was paid in all."""
        return sum(
            (event.points for event in program.events if isinstance(event, standings.Awarded | standings.Corrected)),
            Decimal(0),
        )

    @pytest.mark.parametrize("evaluated", [Late.IGNORE], indirect=True)
    def test_are_refused_where_late_is_ignore(self, evaluated: Program) -> None:
        assert reasons(buy(evaluated, purchase("T-3")).outcomes) == [OmissionReason.OCCURRENCE_COMPLETED]
        answer = evaluated.do(lambda working: ingest.accept(working, "T-2"))
        assert reasons(answer.outcomes) == [OmissionReason.OCCURRENCE_COMPLETED]
        assert self.awarded(evaluated) == 200

    @pytest.mark.parametrize("evaluated", [Late.CORRECT], indirect=True)
    def test_correct_the_award_up_and_down(self, evaluated: Program) -> None:
        answer = evaluated.do(lambda working: ingest.accept(working, "T-2"))
        assert CorrectionOutcome(CAMPAIGN, 1, Decimal(100), Decimal(300)) in answer.outcomes
        evaluated.do(lambda working: ingest.refund(working, "T-1", None, (), None))
        assert self.awarded(evaluated) == 100

    @pytest.mark.parametrize("evaluated", [Late.CORRECT], indirect=True)
    def test_of_a_member_without_a_standing_are_paid_by_correction(self, evaluated: Program) -> None:
        buy(evaluated, purchase("T-9", "5", member="late"))
        found = standing(evaluated, "late")
        assert found
        assert found.awarded == 50
        evaluate(evaluated, "late")
        assert self.awarded(evaluated) == 250

    def test_award_first_a_standing_that_the_running_evaluation_has_not_reached(self, program: Program) -> None:
        running(program, late=Late.CORRECT)
        buy(program, purchase("T-1", "20"))
        program.now = datetime(2026, 10, 9, tzinfo=UTC)
        program.do(lambda working: tiered_campaigns.start_evaluation(working, CAMPAIGN, 1))
        recorded = program.recorded_by(
            lambda working: ingest.receive_transaction(working, purchase("T-2", "10"), Status.ACCEPTED, RULES)
        )
        assert [event.tag for event in recorded] == [
            "transaction.received",
            "standing.awarded",
            "standing.contributed",
            "standing.corrected",
        ]
        evaluate(program, "M-1")
        assert self.awarded(program) == 300


def test_an_evaluation_awards_what_is_confirmed_once(program: Program) -> None:
    running(program, tiers=tiers(("0", "50", "10")))
    buy(program, purchase("T-1", "20"))
    buy(program, purchase("T-2", "20"), Status.PENDING)
    assert program.do(lambda working: tiered_campaigns.start_evaluation(working, CAMPAIGN, 1)) is None
    program.now = datetime(2026, 10, 8, tzinfo=UTC)
    evaluate(program, "M-1")
    evaluate(program, "M-1")
    awards = [event for event in program.events if isinstance(event, standings.Awarded)]
    assert [(award.aggregate, award.points) for award in awards] == [(Decimal(20), Decimal(200))]
    assert awards[0].lines[0].rate == 10


def test_an_evaluation_of_a_paused_campaign_waits(program: Program) -> None:
    running(program)
    program.now += timedelta(days=60)
    program.do(lambda working: tiered_campaigns.deactivate(working, CAMPAIGN))
    assert program.do(lambda working: tiered_campaigns.start_evaluation(working, CAMPAIGN, 1)) is None
    program.do(lambda working: tiered_campaigns.activate(working, CAMPAIGN))
    assert program.do(lambda working: tiered_campaigns.start_evaluation(working, CAMPAIGN, 1))
