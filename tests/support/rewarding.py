"""Campaigns that fire on achievements, and the award policy over a program in memory."""

from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from application.campaigns import commands as campaigns
from application.campaigns.awarding import BatchOutcome, IdentifiedDecision, TriggerBatch, decide_batch, decided
from application.campaigns.cancellation import cancel_grant, request_cancellation
from application.campaigns.triggers import DEFINITIONS, InForce, Turn
from application.catalogue import commands as definitions
from application.definitions.catalogue import Catalogue
from application.log.events import Recorded
from application.log.working import Working
from application.service.preconditions import Precondition
from application.streams import COUPON_SLOT, PARTICIPATION
from domain.campaigns.definition import CampaignRule, Definition, Effect, EffectKind, Limits, Recipient
from domain.campaigns.participation import CancellationRequested, Granted, Refused
from domain.catalogue.entries import Badge, Coupon, Entry, Reward
from tests.support.program import MAPPER, Program, at_once
from tests.support.progressing import ACHIEVEMENT_ID

CAMPAIGN = UUID("018f0000-0000-7000-8000-0000000000c1")
OTHER_CAMPAIGN = UUID("018f0000-0000-7000-8000-0000000000c2")
SEED = bytes(32)
ANYTIME = Precondition()


def units(expression: str = "100", to: Recipient = Recipient.MEMBER) -> Effect:
    return Effect(kind=EffectKind.GIVE_UNITS, account="points", units=expression, to=to)


def coupon(code: str = "spring") -> Effect:
    return Effect(kind=EffectKind.ISSUE_COUPON, coupon=code)


def reward(code: str = "mug") -> Effect:
    return Effect(kind=EffectKind.GIVE_REWARD, reward=code)


def prize(*effects: Effect, conditions: dict[str, Any] | None = None) -> CampaignRule:
    return CampaignRule("Prize", effects or (units(),), conditions)


def campaign(*rules: CampaignRule, limits: Limits | None = None, **fields: Any) -> Definition:
    given: dict[str, Any] = {
        "name": "Prize",
        "achievement": ACHIEVEMENT_ID,
        "starts_at": datetime(2026, 1, 1, tzinfo=UTC),
        "rules": rules or (prize(),),
        "limits": limits or Limits(),
    }
    return Definition(**given | fields)


def rewarding(program: Program, *rules: CampaignRule, at: UUID = CAMPAIGN, **fields: Any) -> UUID:
    """Defines and activates a campaign."""
    program.do(lambda working: campaigns.define(working, at, campaign(*rules, **fields)))
    program.do(lambda working: campaigns.activate(working, at))
    return at


def stocked(program: Program, *entries: Badge | Coupon | Reward) -> None:
    for entry in entries:
        put(program, entry)


def put(program: Program, entry: Entry) -> None:
    program.do(lambda working: definitions.put_entry(working, entry, ANYTIME))


def turn(program: Program) -> tuple[Turn, Catalogue]:
    """What the award policy does next, and the definitions in force there."""
    decided_up_to = program.do(decided).position
    in_force = InForce(program.catalogue.time_zone)
    for recorded in program.history[:decided_up_to]:
        if recorded.tag in DEFINITIONS:
            at_once(in_force.define(MAPPER, recorded))
    events = program.history[decided_up_to:]
    last = len(program.history)
    while not (found := at_once(in_force.turn(MAPPER, events, last))).undecided > last:
        if found.fired or found.cancellation:
            if found.fired:
                found = at_once(in_force.supplied(found, partial(_arrival, program)))
            return found, in_force.catalogue
        events = program.history[found.last :]
    return found, in_force.catalogue


async def _arrival(program: Program, code: str, number: int) -> int | None:
    slot = COUPON_SLOT.at(code, number).id
    return next((recorded.position for recorded in program.history if recorded.stream == slot), None)


def batch(program: Program) -> TriggerBatch:
    """What was triggered and is decided next."""
    found, catalogue = turn(program)
    return TriggerBatch(program.do(decided), found.last, tuple(found.fired), catalogue, found.supplies)


def decide(program: Program, asked: TriggerBatch | None = None) -> list[IdentifiedDecision]:
    """What one command of the award policy decides."""
    asked = asked or batch(program)
    outcome = program.do(partial(decide_batch, batch=asked, seed=SEED))
    return list(outcome.made) if isinstance(outcome, BatchOutcome) else []


def settle(program: Program) -> list[IdentifiedDecision]:
    """Everything that the award policy has left to do."""
    made: list[IdentifiedDecision] = []
    while (found := turn(program)[0]).fired or found.cancellation:
        if found.cancellation:
            carry_out(program, found.cancellation)
        else:
            made += decide(program)
    return made


def cancel(program: Program, granted: Granted, version: int = 1, reason: str = "by mistake") -> UUID:
    """Asks for it; answers the cancellation's id."""
    return program.do(partial(request_cancellation, granted=granted, version=version, reason=reason))


def cancel_at_once(working: Working, granted: Granted, version: int, reason: str) -> UUID:
    """As if a cancellation's turn came with the request."""
    cancellation = request_cancellation(working, granted, version, reason)
    stream, before = PARTICIPATION.at(granted.campaign, granted.member), decided(working)
    asked = CancellationRequested(granted.campaign, granted.revision, granted.member, version, reason)
    request = Recorded(MAPPER, before.position, stream.id, working.version(stream), asked.tag, b"", b"", asked)
    cancel_grant(working, before, granted, request)
    return cancellation


def carry_out(program: Program, request: Recorded) -> list[Any]:
    """The events of a cancellation whose turn has come."""
    granted = next(
        recorded.event
        for recorded in program.history
        if (recorded.stream, recorded.version) == (request.stream, request.event.granted)
    )
    recorded = program.do(decided)
    return program.recorded_by(partial(cancel_grant, recorded=recorded, granted=granted, request=request))


def decisions(program: Program) -> list[Granted | Refused]:
    return [event for event in program.events if isinstance(event, Granted | Refused)]
