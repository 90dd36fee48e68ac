"""Tiered campaigns and facts to decide about, each with what a test does not care for filled in."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from application.facts.ingest import FactEffects, Rules, receive_transaction
from application.facts.ingest import recount as recount_fact
from application.streams import STANDING
from application.tiered import commands as tiered_campaigns
from domain.facts.fact import FactKind
from domain.facts.purchase import Purchase
from domain.facts.transaction import Status
from domain.tiered.definition import Aggregate, Definition
from domain.tiered.points import HitType, Tier
from domain.tiered.standing import Contributed, Standing
from domain.values.amounts import ZERO
from tests.support.program import Program

CAMPAIGN = UUID("018f0000-0000-7000-8000-000000000001")
RULES = Rules()


def tiers(*rows: tuple[str, str | None, str]) -> tuple[Tier, ...]:
    return tuple(
        Tier(start=Decimal(start), to=None if to is None else Decimal(to), reward=Decimal(reward))
        for start, to, reward in rows
    )


def definition(**fields: Any) -> Definition:
    """September to November 2026, a week's grace: 10 points a unit up to 50, 20 up to 100."""
    defaults: dict[str, Any] = {
        "name": "Autumn",
        "starts_at": datetime(2026, 9, 1, tzinfo=UTC),
        "duration": "1 month",
        "occurrences": 3,
        "grace_period": "7 days",
        "entity": FactKind.TRANSACTION,
        "aggregate": Aggregate(attribute="total"),
        "hit_type": HitType.AMOUNT,
        "tiers": tiers(("0", "50", "10"), ("51", "100", "20")),
    }
    return Definition(**(defaults | fields))


def running(program: Program, campaign: UUID = CAMPAIGN, **fields: Any) -> UUID:
    """Defines and activates a campaign."""
    program.do(lambda working: tiered_campaigns.define(working, campaign, definition(**fields)))
    program.do(lambda working: tiered_campaigns.activate(working, campaign))
    return campaign


def purchase(transaction: str = "T-1", total: str = "20", member: str = "M-1", **fields: Any) -> Purchase:
    defaults: dict[str, Any] = {"purchased_at": datetime(2026, 9, 5, tzinfo=UTC)}
    return Purchase(id=transaction, member=member, total=Decimal(total), **(defaults | fields))


def buy(program: Program, bought: Purchase, status: Status = Status.ACCEPTED) -> FactEffects:
    return program.do(lambda working: receive_transaction(working, bought, status, RULES))


def standing(program: Program, member: str = "M-1", occurrence: int = 1, campaign: UUID = CAMPAIGN) -> Standing | None:
    found: Standing | None = program.state(STANDING.at(campaign, occurrence, member))
    return found


def evaluate(program: Program, *members: str, occurrence: int = 1, campaign: UUID = CAMPAIGN) -> None:
    """Fences the occurrence and awards these members."""
    program.do(lambda working: tiered_campaigns.start_evaluation(working, campaign, occurrence))
    program.do(lambda working: tiered_campaigns.award(working, campaign, occurrence, members))


def complete(program: Program, *members: str, occurrence: int = 1, campaign: UUID = CAMPAIGN) -> None:
    """The whole evaluation of an occurrence."""
    evaluate(program, *members, occurrence=occurrence, campaign=campaign)
    program.do(lambda working: tiered_campaigns.finish_evaluation(working, campaign, occurrence, len(members), ZERO))


def recount(program: Program, campaign: UUID = CAMPAIGN) -> int:
    """What the job of an edit does: counts whatever is dated ahead again, and says so; how many facts it changed."""
    known = program.catalogue.tiered_campaigns[campaign]
    first = program.catalogue.recount_from(known)
    if first is None:
        return 0
    counted = dict.fromkeys(
        (event.occurrence, event.member, event.fact)
        for event in program.events
        if isinstance(event, Contributed) and event.campaign == campaign and event.occurrence >= first
    )
    recounted = [
        program.do(partial(recount_fact, campaign_id=campaign, occurrence=at, member_id=member, fact=fact))
        for at, member, fact in counted
    ]
    finish = partial(tiered_campaigns.finish_recount, campaign_id=campaign, revision=known.revision.number)
    program.do(finish)
    return sum(recounted)
