"""What an edit does to facts that are dated ahead: they are counted again, by the terms that hold from now on."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from application.catalogue.commands import put_entry, put_product
from application.facts import ingest
from application.service.preconditions import Precondition
from application.service.refusals import Conflict
from application.streams import MEMBER_EVENT, TRANSACTION
from application.tiered import commands as tiered_campaigns
from domain.catalogue.entries import EventType
from domain.catalogue.product import Product
from domain.facts.event import Happening
from domain.facts.fact import Fact, FactKind
from domain.facts.outcomes import OmissionOutcome, OmissionReason
from domain.facts.purchase import Item
from domain.facts.transaction import Recounted, Status
from domain.tiered.definition import Aggregate
from domain.tiered.points import HitType
from domain.tiered.terms import CombinationPart, CombinationScope, Confirmation
from domain.values.attributes import AttributeType
from tests.support.campaigns import (
    CAMPAIGN,
    RULES,
    buy,
    definition,
    evaluate,
    purchase,
    recount,
    running,
    standing,
    tiers,
)
from tests.support.program import Program

ANY = Precondition()
OTHER = UUID(int=CAMPAIGN.int + 1)
AHEAD = datetime(2026, 10, 5, tzinfo=UTC)
"""In the second occurrence, which has not started."""

DOUBLE: dict[str, Any] = {"tiers": tiers(("0", "50", "20"), ("51", "100", "40"))}
SETS = (CombinationPart("A", Decimal(2)), CombinationPart("B", Decimal(1)))
PIECES = (Item("A", Decimal(2), Decimal(5)), Item("B", Decimal(1), Decimal(10)))


@pytest.fixture
def program() -> Program:
    program = Program()
    for sku in ("A", "B"):
        program.do(partial(put_product, product=Product(sku, sku), precondition=ANY))
    program.do(partial(put_entry, entry=EventType("visit", "Visit", {"n": AttributeType.NUMBER}), precondition=ANY))
    return program


def edit(program: Program, **fields: Any) -> None:
    given = definition(**fields)
    program.do(
        partial(tiered_campaigns.revise, campaign_id=CAMPAIGN, definition=given, precondition=Precondition(exists=True))
    )


def figures(program: Program, occurrence: int = 2, campaign: UUID = CAMPAIGN) -> tuple[str, str, str]:
    """Total, pending points and confirmed points."""
    found = standing(program, occurrence=occurrence, campaign=campaign)
    assert found
    return f"{found.total:f}", f"{found.pending_points:f}", f"{found.confirmed_points:f}"


def counted_in(program: Program, transaction: str = "T-1") -> list[int]:
    return [held.occurrence for held in program.state(TRANSACTION.at(transaction)).contributions]


class TestRecounting:
    def test_points_are_by_the_new_terms(self, program: Program) -> None:
        running(program)
        buy(program, purchase("T-0"))
        buy(program, purchase("T-1", purchased_at=AHEAD))
        buy(program, purchase("T-2", "5", purchased_at=AHEAD), Status.PENDING)
        assert figures(program) == ("25", "250", "200")
        edit(program, **DOUBLE)
        assert recount(program) == 2
        assert figures(program) == ("25", "500", "400")
        assert figures(program, 1) == ("20", "200", "200")
        recounted = [event for event in program.events if isinstance(event, Recounted)]
        assert [(event.id, event.tiered_campaign, event.revision) for event in recounted] == [
            ("T-1", CAMPAIGN, 2),
            ("T-2", CAMPAIGN, 2),
        ]
        program.do(partial(ingest.accept, transaction_id="T-2"))
        assert figures(program) == ("25", "500", "500")
        program.do(partial(ingest.refund, transaction_id="T-1", amount=None, items=(), refund_id=None))
        assert figures(program) == ("5", "100", "100")

    def test_is_safe_to_repeat(self, program: Program) -> None:
        running(program)
        bought = purchase(purchased_at=AHEAD)
        answer = buy(program, bought)
        edit(program, **DOUBLE)
        known = program.catalogue.tiered_campaigns[CAMPAIGN]
        again = partial(
            ingest.recount,
            campaign_id=CAMPAIGN,
            occurrence=2,
            member_id=answer.member,
            fact=Fact(FactKind.TRANSACTION, answer.id),
        )
        assert program.do(again) is True
        assert program.recorded_by(again) == []
        finish = partial(tiered_campaigns.finish_recount, campaign_id=CAMPAIGN, revision=known.revision.number)
        assert [event.tag for event in program.recorded_by(finish)] == ["tiered_campaign.recounted"]
        assert program.recorded_by(finish) == []
        assert program.recorded_by(again) == []
        assert program.catalogue.tiered_campaigns[CAMPAIGN].version == known.version

    def test_another_aggregate_adds_up_nothing_of_the_old_one(self, program: Program) -> None:
        running(program)
        for number in (1, 2):
            buy(program, purchase(f"T-{number}", "20", purchased_at=AHEAD, items=PIECES))
        edit(program, aggregate=Aggregate("quantity"))
        recount(program)
        assert figures(program) == ("6", "60", "60")

    @pytest.mark.parametrize("scope", CombinationScope)
    def test_combinations_come_and_go(self, program: Program, scope: CombinationScope) -> None:
        running(program)
        buy(program, purchase("T-1", "20", purchased_at=AHEAD, items=PIECES[:1]))
        buy(program, purchase("T-2", "20", purchased_at=AHEAD, items=PIECES[1:]))
        edit(program, aggregate=Aggregate(combination=SETS, scope=scope))
        recount(program)
        assert figures(program)[0] == ("1" if scope is CombinationScope.OCCURRENCE else "0")
        edit(program)
        recount(program)
        assert figures(program) == ("40", "400", "400")

    def test_edits_in_a_row_with_facts_between_them_never_mix(self, program: Program) -> None:
        running(program)
        buy(program, purchase("T-1", "20", purchased_at=AHEAD, items=PIECES))
        edit(program, aggregate=Aggregate(combination=SETS))
        buy(program, purchase("T-2", "7", purchased_at=AHEAD, items=PIECES))
        assert figures(program)[0] == "1"
        edit(program)
        buy(program, purchase("T-3", "3", purchased_at=AHEAD, items=PIECES))
        assert recount(program) == 2
        assert figures(program) == ("30", "300", "300")

    def test_moved_occurrences_take_the_facts_that_lie_in_them(self, program: Program) -> None:
        program.now = datetime(2026, 8, 1, tzinfo=UTC)
        running(program)
        buy(program, purchase("T-1"))
        buy(program, purchase("T-2", purchased_at=AHEAD))
        edit(program, starts_at=datetime(2026, 10, 1, tzinfo=UTC))
        recount(program)
        assert (counted_in(program, "T-1"), counted_in(program, "T-2")) == ([], [1])
        assert figures(program, 1) == ("20", "200", "200")
        assert figures(program, 2) == ("0", "0", "0")

    def test_another_date_takes_them_elsewhere(self, program: Program) -> None:
        running(program)
        november = datetime(2026, 11, 5, tzinfo=UTC)
        buy(program, purchase("T-1", purchased_at=AHEAD, checkout_at=november))
        buy(program, purchase("T-2", purchased_at=AHEAD), Status.PENDING)
        edit(program, date="auto_accept_at")
        recount(program)
        (recounted,) = (e for e in program.events if isinstance(e, Recounted) and e.id == "T-2")
        assert [o.reason for o in recounted.outcomes if isinstance(o, OmissionOutcome)] == [OmissionReason.DATE_MISSING]
        edit(program, date="checkout_at")
        assert recount(program) == 0

    def test_what_was_cut_off_is_not_revived(self, program: Program) -> None:
        running(program)
        buy(program, purchase("T-1", purchased_at=AHEAD))
        edit(program, occurrences=1)
        recount(program)
        assert counted_in(program) == []
        edit(program, occurrences=3)
        recount(program)
        buy(program, purchase("T-2", "3", purchased_at=AHEAD))
        assert figures(program) == ("3", "30", "30")

    def test_what_did_not_count_stays_out(self, program: Program) -> None:
        running(program, filter={"expression": "transaction.total > 50"})
        buy(program, purchase("T-1", "20", purchased_at=AHEAD))
        buy(program, purchase("T-2", "60", purchased_at=AHEAD))
        edit(program)
        assert recount(program) == 1
        assert (counted_in(program, "T-1"), counted_in(program, "T-2")) == ([], [2])

    def test_what_no_longer_counts_is_taken_back_with_the_reason(self, program: Program) -> None:
        running(program)
        buy(program, purchase("T-1", "20", purchased_at=AHEAD))
        edit(program, filter={"expression": "transaction.total > 50"})
        recount(program)
        assert figures(program) == ("0", "0", "0")
        assert program.events[-3].outcomes[-1] == OmissionOutcome(CAMPAIGN, OmissionReason.FILTER_NOT_MET, 2)

    def test_a_paused_campaign_keeps_what_it_had(self, program: Program) -> None:
        running(program)
        buy(program, purchase(purchased_at=AHEAD))
        program.do(partial(tiered_campaigns.deactivate, campaign_id=CAMPAIGN))
        edit(program, **DOUBLE)
        recount(program)
        assert figures(program) == ("20", "400", "400")

    def test_events_are_counted_again_too(self, program: Program) -> None:
        given: dict[str, Any] = {
            "entity": FactKind.EVENT,
            "event_type": "visit",
            "aggregate": Aggregate("n"),
            "date": "date",
        }
        running(program, **given)
        happening = Happening("E-1", "visit", "M-1", program.now, AHEAD, attributes={"n": "3"})
        program.do(partial(ingest.receive_event, happening=happening, rules=RULES))
        edit(program, **given, **DOUBLE)
        assert recount(program) == 1
        assert figures(program) == ("3", "60", "60")
        assert program.events[-3].tag == "event.recounted"
        edit(program)
        assert recount(program) == 1
        assert figures(program) == ("0", "0", "0")
        assert program.state(MEMBER_EVENT.at("E-1")).contributions == ()

    def test_other_campaigns_are_left_alone(self, program: Program) -> None:
        running(program)
        running(program, OTHER)
        buy(program, purchase(purchased_at=AHEAD))
        edit(program, **DOUBLE)
        recount(program)
        assert figures(program, campaign=OTHER) == ("20", "200", "200")
        assert len(counted_in(program)) == 2
        assert program.catalogue.recount_from(program.catalogue.tiered_campaigns[OTHER]) is None

    def test_points_for_nothing_are_by_the_new_terms_too(self, program: Program) -> None:
        hit: dict[str, Any] = {"hit_type": HitType.HIT_LIMIT, "unlimited": True}
        running(program, **hit, tiers=tiers(("0", None, "7")))
        buy(program, purchase(purchased_at=AHEAD), Status.PENDING)
        program.do(partial(ingest.reject, transaction_id="T-1", reason=None))
        assert figures(program) == ("0", "7", "7")
        edit(program, **hit, tiers=tiers(("0", None, "9")))
        recount(program)
        assert figures(program) == ("0", "9", "9")


class TestMeanwhile:
    """Between an edit and the end of the count."""

    def test_an_acceptance_counts_by_the_new_terms(self, program: Program) -> None:
        running(program)
        buy(program, purchase(purchased_at=AHEAD), Status.PENDING)
        edit(program, **DOUBLE)
        recorded = program.recorded_by(partial(ingest.accept, transaction_id="T-1"))
        assert [e.tag for e in recorded if e.tag.startswith("t")] == ["transaction.recounted", "transaction.accepted"]
        assert figures(program) == ("20", "400", "400")
        assert recount(program) == 0

    def test_a_rejection_takes_back_what_the_edit_left(self, program: Program) -> None:
        running(program)
        buy(program, purchase(purchased_at=AHEAD), Status.PENDING)
        edit(program, occurrences=1)
        program.do(partial(ingest.reject, transaction_id="T-1", reason=None))
        edit(program)
        recount(program)
        assert figures(program) == ("0", "0", "0")

    def test_an_update_counts_once(self, program: Program) -> None:
        running(program)
        buy(program, purchase(purchased_at=AHEAD), Status.PENDING)
        edit(program, **DOUBLE)
        program.do(partial(ingest.update, purchase=purchase(total="30", purchased_at=AHEAD)))
        recount(program)
        assert figures(program) == ("30", "600", "0")

    def test_what_was_confirmed_in_time_stays_so(self, program: Program) -> None:
        running(program, confirmation=Confirmation.OCCURRENCE_END)
        buy(program, purchase(purchased_at=AHEAD))
        edit(program, confirmation=Confirmation.OCCURRENCE_END, **DOUBLE)
        program.now = datetime(2026, 11, 3, tzinfo=UTC)
        recount(program)
        assert figures(program) == ("20", "400", "400")

    def test_nothing_that_the_edit_is_for_is_evaluated_or_previewed(self, program: Program) -> None:
        running(program)
        buy(program, purchase())
        buy(program, purchase("T-2", purchased_at=AHEAD))
        edit(program, **DOUBLE)
        preview = partial(tiered_campaigns.request_preview, campaign_id=CAMPAIGN, preview_id=UUID(int=7))
        program.do(preview)
        program.now = datetime(2026, 11, 8, tzinfo=UTC)
        for number, fenced in ((1, True), (2, False)):
            start = partial(tiered_campaigns.start_evaluation, campaign_id=CAMPAIGN, number=number)
            assert (program.do(start) is not None) is fenced
        preview = partial(tiered_campaigns.request_preview, campaign_id=CAMPAIGN, preview_id=UUID(int=8))
        with pytest.raises(Conflict, match="counted again"):
            program.do(preview)
        recount(program)
        program.do(preview)
        evaluate(program, "M-1", occurrence=2)
        found = standing(program, occurrence=2)
        assert found
        assert found.awarded == 400


def test_a_campaign_is_completed_when_all_of_its_occurrences_are(program: Program) -> None:
    running(program, grace_period="90 days", occurrences=2)
    edit(program, grace_period="0 days", occurrences=2)
    recount(program)
    program.now = datetime(2026, 11, 1, tzinfo=UTC)
    known = program.catalogue.tiered_campaigns[CAMPAIGN]
    finish = partial(tiered_campaigns.finish_evaluation, campaign_id=CAMPAIGN, members=0, points=Decimal(0))
    for number, status in ((2, "active"), (1, "completed")):
        evaluate(program, occurrence=number)
        assert program.do(partial(tiered_campaigns.status, campaign=known)) == "active"
        for _ in range(2):
            program.do(partial(finish, number=number))
        assert program.do(partial(tiered_campaigns.status, campaign=known)) == status
        program.now += timedelta(days=90)
