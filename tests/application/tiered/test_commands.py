"""Commands over tiered campaigns: what they look up, and what they refuse."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from application.catalogue.commands import put_entry, put_product
from application.log.streams import Stream
from application.service.preconditions import Precondition
from application.service.refusals import Conflict, Unknown
from application.tiered import commands as tiered_campaigns
from domain.catalogue.entries import Account
from domain.catalogue.product import Product
from domain.tiered.definition import Aggregate
from domain.tiered.standing import Awarded
from domain.tiered.terms import CombinationPart
from domain.values.problems import Invalid
from tests.support.campaigns import CAMPAIGN, buy, definition, evaluate, purchase, running
from tests.support.program import Program

PREVIEW = UUID("018f0000-0000-7000-8000-00000000000a")
ANOTHER = UUID("018f0000-0000-7000-8000-00000000000b")
NEW = Precondition(absent=True)


class Distant(Program):
    """A program whose streams are far away: those that were not asked for together cost a journey each."""

    def __init__(self) -> None:
        self.journeys = 0
        self._near: set[UUID] = set()
        super().__init__()

    def prefetch(self, streams: Iterable[Stream[Any, Any]]) -> None:
        self._near |= {stream.id for stream in streams}
        self.journeys += 1

    def state_if_known(self, stream: Stream[Any, Any]) -> Any:
        self._near.add(stream.id)
        return self.state(stream)

    def state(self, stream: Stream[Any, Any]) -> Any:
        self.journeys += stream.id not in self._near
        self._near.add(stream.id)
        return super().state(stream)


def test_the_products_of_a_definition_are_looked_up_together() -> None:
    program = Distant()
    skus = tuple(f"SKU-{number}" for number in range(200))
    for sku in skus:
        program.do(partial(put_product, product=Product(sku, sku), precondition=NEW))
    program.journeys = 0
    running(program, products=skus)
    assert program.journeys <= 2


def test_an_unknown_product_is_told_where_it_is_named() -> None:
    program = Program()
    given = definition(aggregate=Aggregate(combination=(CombinationPart("SKU-1", Decimal(1)),)))
    with pytest.raises(Invalid, match="/aggregate/combination/0/product: no product `SKU-1`"):
        program.do(lambda working: tiered_campaigns.define(working, CAMPAIGN, given))


def test_the_id_of_something_else_is_no_campaign() -> None:
    program = Program()
    running(program)
    program.do(lambda working: tiered_campaigns.request_preview(working, CAMPAIGN, PREVIEW))
    with pytest.raises(Unknown, match="no tiered campaign"):
        program.do(lambda working: tiered_campaigns.activate(working, PREVIEW))


def test_an_archived_campaign_has_nothing_to_preview() -> None:
    program = Program()
    running(program)
    program.do(lambda working: tiered_campaigns.deactivate(working, CAMPAIGN))
    program.do(lambda working: tiered_campaigns.request_preview(working, CAMPAIGN, PREVIEW))
    program.do(lambda working: tiered_campaigns.archive(working, CAMPAIGN))
    with pytest.raises(Conflict, match="no occurrence is active"):
        program.do(lambda working: tiered_campaigns.request_preview(working, CAMPAIGN, ANOTHER))


def test_a_new_account_is_for_occurrences_that_have_not_started() -> None:
    program = Program()
    running(program)
    program.do(lambda working: put_entry(working, Account("miles", "Miles", decimals=2), NEW))
    edited = definition(account="miles")
    program.do(lambda working: tiered_campaigns.revise(working, CAMPAIGN, edited, Precondition(exists=True)))
    buy(program, purchase("T-1", "1.005"))
    buy(program, purchase("T-2", "1.005", purchased_at=datetime(2026, 10, 5, tzinfo=UTC)))
    program.now = datetime(2026, 12, 1, tzinfo=UTC)
    for occurrence in (1, 2):
        evaluate(program, "M-1", occurrence=occurrence)
    awards = [(event.account, str(event.points)) for event in program.events if isinstance(event, Awarded)]
    assert awards == [("points", "10"), ("miles", "10.05")]
