"""Campaigns that fire on achievements, and the award policy over a program in memory."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from application import campaigns, definitions
from application.awarding import Batch, Done, Made, Moved, Unlocated, decide_batch, decided, fired_by
from application.preconditions import Precondition
from domain.campaign import Activated
from domain.campaign_definition import Definition, Effect, EffectKind, Limits, Recipient, Rule
from domain.catalogue import Badge, Coupon, Entry, Reward
from domain.participation import Granted, Refused
from tests.support.program import Program
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


def prize(*effects: Effect, conditions: dict[str, Any] | None = None) -> Rule:
    return Rule("Prize", effects or (units(),), conditions)


def campaign(*rules: Rule, limits: Limits | None = None, **fields: Any) -> Definition:
    given: dict[str, Any] = {
        "name": "Prize",
        "achievement": ACHIEVEMENT_ID,
        "starts_at": datetime(2026, 1, 1, tzinfo=UTC),
        "rules": rules or (prize(),),
        "limits": limits or Limits(),
    }
    return Definition(**given | fields)


def rewarding(program: Program, *rules: Rule, at: UUID = CAMPAIGN, **fields: Any) -> UUID:
    """Defines and activates a campaign."""
    program.do(lambda working: campaigns.define(working, at, campaign(*rules, **fields)))
    program.do(lambda working: campaigns.activate(working, at))
    return at


def stocked(program: Program, *entries: Badge | Coupon | Reward) -> None:
    for entry in entries:
        put(program, entry)


def put(program: Program, entry: Entry) -> None:
    program.do(lambda working: definitions.put_entry(working, entry, ANYTIME))


def batch(program: Program) -> Batch:
    """What was triggered and is not decided."""
    recorded = program.do(decided)
    fired = [
        one
        for event in program.history[recorded.position :]
        if (one := fired_by(event)) and one.on in program.catalogue.triggers()
    ]
    return Batch(recorded, len(program.history), tuple(fired))


def decide(program: Program, asked: Batch | None = None) -> list[Made]:
    """What the award policy decides next."""
    asked = asked or batch(program)
    activated = {
        (event.event.campaign, program.catalogue.campaigns[event.event.campaign].version): event.position
        for event in program.history
        if isinstance(event.event, Activated)
    }
    done: Done | Moved | Unlocated = program.do(lambda working: decide_batch(working, asked, activated, SEED))
    return list(done.made) if isinstance(done, Done) else []


def decisions(program: Program) -> list[Granted | Refused]:
    return [event for event in program.events if isinstance(event, Granted | Refused)]
