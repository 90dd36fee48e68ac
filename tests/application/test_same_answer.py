"""The same commands lead to the same decisions: singly or in batches, decided at once or late, by whatever process."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from application.achievements import commands as achievements
from application.achievements import manual_progress
from application.campaigns import commands as campaigns
from application.campaigns.cancellation import request_cancellation
from application.catalogue import commands as definitions
from application.catalogue.coupons import add_codes
from application.facts import ingest
from application.facts.ingest import Rules
from application.log.batch import Commit
from application.log.events import Recorded
from application.log.reader import read_page
from application.log.working import Command
from application.members import commands
from application.reads import nothing
from application.service.preconditions import Precondition
from application.service.refusals import Refusal
from domain.achievements.definition import Definition as Goal
from domain.achievements.definition import Subject
from domain.campaigns.definition import (
    CampaignTrigger,
    CampaignType,
    Definition,
    Limits,
    OnExhausted,
    People,
    Recipient,
)
from domain.campaigns.participation import Cancelled, Granted, Refused, evolve
from domain.catalogue.entries import Coupon, Reward, Segment
from domain.facts.transaction import Status
from domain.values.problems import Invalid
from tests.application.schedule.jobs.program import Running, running
from tests.support.campaigns import purchase
from tests.support.deciding import at_most
from tests.support.program import Program
from tests.support.progressing import ACHIEVEMENT_ID, OTHER_ID, rule
from tests.support.rewarding import campaign, coupon, prize, reward, settle, units

START = datetime(2026, 9, 1, tzinfo=UTC)
ANY_VERSION = Precondition(exists=True)
NEW, RULES = Precondition(), Rules()
MEMBERS = ("M-1", "M-2", "M-3", "R-1")
CAMPAIGNS = tuple(UUID(int=0x018F_0000_0000_7000_8000_0000_0000_00C0 + number) for number in range(4))


class Settle(Struct, frozen=True):
    """Everything that is triggered is decided before the next command, however late the others are decided."""


class Cancel(Struct, frozen=True):
    """One of the grants there were when everything was last decided."""

    number: int


Step = Command | Settle | Cancel
Decision = Granted | Refused | Cancelled


def defined(number: int, *, amount: str, budget: str, clamp: bool) -> Definition:
    """The campaigns: on completions, with a limit for each; for referrers; on progress; with coupons and rewards."""
    exhausted = OnExhausted.CLAMP if clamp else OnExhausted.REFUSE
    bounds = Limits(member_executions=at_most("3"), total_units=at_most(budget), on_exhausted=exhausted)
    everyone = People(everyone=True)
    match number:
        case 0:
            worth = units(f"{amount} + achievement.completions")
            return campaign(prize(worth), limits=bounds, audience=People(tiers=("gold",), segments=("local",)))
        case 1:
            both = prize(units(amount), units("7", Recipient.REFERRER))
            of_each = replace(bounds, referrer_units=at_most("20"), member_executions=None)
            return campaign(both, type=CampaignType.REFERRAL, limits=of_each, audience=everyone)
        case 2:
            seen = units(f"100 * achievement.completions + progress.value + count(progress.rules) + {amount}")
            on = CampaignTrigger.ACHIEVEMENT_PROGRESSED
            return campaign(
                prize(seen), achievement=OTHER_ID, trigger=on, limits=replace(bounds, member_executions=None)
            )
        case _:
            gift = prize(reward("mug"), conditions={"expression": 'member.tier == "gold"'})
            return campaign(prize(coupon("pool")), gift, limits=Limits(), audience=everyone)


def beginning() -> list[Command]:
    segment = Segment("local", "Local", 'member.attributes.city == "Paris"')
    entries = (segment, Coupon("pool", "Pool"), Reward("mug", "Mug", stock=3))
    goal, other = Goal(name="Buyer", rules=(rule("2"),)), Goal(name="Other", rules=(rule("2"), rule("1")))
    friends = Goal(name="Friends", rules=(rule("1", subject=Subject.REFERRER),))
    return [
        *(partial(definitions.put_entry, entry=entry, precondition=NEW) for entry in entries),
        partial(achievements.define, achievement_id=ACHIEVEMENT_ID, definition=goal, active=True),
        partial(achievements.define, achievement_id=OTHER_ID, definition=other, active=True),
        partial(achievements.define, achievement_id=UUID(int=OTHER_ID.int + 1), definition=friends, active=True),
        *(
            partial(campaigns.define, campaign_id=at, definition=defined(number, amount="5", budget="900", clamp=False))
            for number, at in enumerate(CAMPAIGNS)
        ),
        *(partial(campaigns.activate, campaign_id=at) for at in CAMPAIGNS),
    ]


def buy(number: int, member: str, total: int, hour: int, status: Status) -> Command:
    bought = purchase(f"T-{number}", str(total), member, purchased_at=START + timedelta(hours=hour))
    return partial(ingest.receive_transaction, purchase=bought, status=status, rules=RULES)


def put_member(member: str, tier: str | None, city: str, referrer: str | None) -> Command:
    return partial(
        commands.put_member,
        member_id=member,
        tier=tier,
        attributes={"city": city},
        referrer=referrer if referrer != member else None,
    )


def revise(number: int, amount: int, budget: int, *, clamp: bool) -> Command:
    edited = defined(number, amount=str(amount), budget=str(budget), clamp=clamp)
    return partial(campaigns.revise, campaign_id=CAMPAIGNS[number], definition=edited, precondition=ANY_VERSION)


def pause(number: int) -> Command:
    return partial(campaigns.pause, campaign_id=CAMPAIGNS[number])


def activate(number: int) -> Command:
    return partial(campaigns.activate, campaign_id=CAMPAIGNS[number])


def put_segment(city: str) -> Command:
    segment = Segment("local", "Local", f'member.attributes.city == "{city}"')
    return partial(definitions.put_entry, entry=segment, precondition=ANY_VERSION)


def supply(number: int) -> Command:
    return partial(add_codes, coupon="pool", codes=[f"S-{number}"])


def by_hand(member: str, completed: int) -> Command:
    wanted = manual_progress.ProgressRequest("as it should be", completed)
    return partial(manual_progress.change, member_id=member, achievement_id=ACHIEVEMENT_ID, wanted=wanted)


numbers, members = st.integers(1, 40), st.sampled_from(MEMBERS)
which, cities = st.integers(0, 3), st.sampled_from(["Paris", "Rome"])
bought = st.builds(
    buy, numbers, members, st.integers(1, 90), st.integers(0, 200), st.sampled_from([Status.ACCEPTED, Status.PENDING])
)
steps = st.one_of(
    bought,
    bought,
    bought,
    st.builds(lambda number: partial(ingest.accept, transaction_id=f"T-{number}"), numbers),
    st.builds(
        lambda number: partial(ingest.refund, transaction_id=f"T-{number}", amount=None, items=(), refund_id=None),
        numbers,
    ),
    st.builds(put_member, members, st.sampled_from(["gold", "silver", None]), cities, st.sampled_from([None, "R-1"])),
    st.builds(revise, which, st.integers(1, 9), st.integers(1, 900), clamp=st.booleans()),
    st.builds(pause, which),
    st.builds(activate, which),
    st.builds(lambda number: partial(campaigns.delete, campaign_id=CAMPAIGNS[number]), st.just(3)),
    st.builds(put_segment, cities),
    st.builds(supply, numbers),
    st.builds(by_hand, members, st.integers(0, 6)),
    st.builds(Cancel, st.integers(0, 30)),
    st.just(Settle()),
)


class Told(Struct, frozen=True):
    """Each decision, what limits count of each member and campaign, and what is on each account."""

    decisions: list[Decision]
    counted: dict[tuple[UUID, str], Any]
    accounts: dict[tuple[str, str], Decimal]


def told(history: Sequence[Recorded]) -> Told:
    made = [_unplaced(each.event) for each in history if isinstance(each.event, Granted | Refused | Cancelled)]
    counted: dict[tuple[UUID, str], Any] = {}
    for recorded in history:
        if recorded.tag.startswith("participation."):
            key = recorded.event.campaign, recorded.event.member
            counted[key] = evolve(counted.get(key), recorded.event)
    accounts: dict[tuple[str, str], Decimal] = {}
    for event in made:
        sign = -1 if isinstance(event, Cancelled) else 1
        effects = event.effects if isinstance(event, Cancelled) else [e for one in event.rules for e in one.effects]
        for effect in effects:
            if effect.units and effect.account and effect.member:
                key = effect.member, effect.account
                accounts[key] = accounts.get(key, Decimal(0)) + sign * effect.units
    tallies = {key: (had.executions, had.units, had.as_referrer, len(had.cancelled)) for key, had in counted.items()}
    return Told(made, tallies, accounts)


def _unplaced(event: Decision) -> Decision:
    """Less its places in the log and on its stream, where what is decided late stands behind more of the rest."""
    if isinstance(event, Cancelled):
        return replace(event, granted=0, request=0)
    return replace(event, trigger=replace(event.trigger, position=0))


def _asked(history: Sequence[Recorded], cancel: Cancel) -> Command:
    grants = [recorded for recorded in history if isinstance(recorded.event, Granted)]
    if not grants:
        return nothing
    grant = grants[cancel.number % len(grants)]
    return partial(request_cancellation, granted=grant.event, version=grant.version, reason="by mistake")


def in_memory(given_: Sequence[Step], *, at_once: bool) -> Told:
    program = Program(START)
    for command in beginning():
        program.do(command)
    known = 0
    for step in given_:
        if isinstance(step, Settle):
            settle(program)
            known = len(program.history)
            continue
        try:
            program.do(_asked(program.history[:known], step) if isinstance(step, Cancel) else step)
        except (Refusal, Invalid, ingest.Repeated):
            continue
        if at_once:
            settle(program)
    settle(program)
    return told(program.history)


@settings(max_examples=150)
@given(st.lists(steps, min_size=10, max_size=40))
def test_it_does_not_matter_how_late_something_is_decided(given_: list[Step]) -> None:
    assert in_memory(given_, at_once=False) == in_memory(given_, at_once=True)


def scenario(seed: int, length: int = 150) -> list[Step]:
    """Much that happens, a pause to decide now and then."""
    random = Random(seed)  # noqa: S311  an example
    found: list[Step] = []
    for number in range(length):
        member, amount = random.choice(MEMBERS), random.randint(1, 90)
        at = random.randrange(4)
        kinds: list[Callable[[], Step]] = [
            *[partial(buy, number, member, amount, random.randint(0, 200), Status.ACCEPTED)] * 8,
            partial(put_member, member, random.choice(["gold", "silver"]), random.choice(["Paris", "Rome"]), "R-1"),
            partial(revise, random.randrange(3), random.randint(1, 9), random.randint(1, 900), clamp=amount > 45),
            partial(pause, at),
            partial(activate, at),
            partial(put_segment, random.choice(["Paris", "Rome"])),
            partial(supply, number),
            partial(by_hand, member, random.randint(0, 6)),
            partial(Cancel, random.randint(0, 30)),
            Settle,
        ]
        found.append(random.choice(kinds)())
    return found


Apply = Callable[[list[Running], list[Step]], Any]


async def singly(programs: list[Running], given_: list[Step]) -> None:
    """Each is decided before the next; the processes take turns."""
    history: list[Recorded] = []
    for number, step in enumerate(given_):
        program = programs[number % len(programs)]
        if isinstance(step, Settle):
            history = recorded(program)
            continue
        await _offer(program, [_asked(history, step) if isinstance(step, Cancel) else step])
        await _settled(program)


async def in_batches(programs: list[Running], given_: list[Step]) -> None:
    """All up to the next pause at once, and decided while they come."""
    await _in_batches(programs, given_, _settled)


async def in_batches_that_wait(programs: list[Running], given_: list[Step]) -> None:
    """The same, with nobody who decides before the pause."""
    await _in_batches(programs, given_, _decide)


async def _in_batches(programs: list[Running], given_: list[Step], decide: Callable[[Running], Any]) -> None:
    history: list[Recorded] = []
    waiting: list[Command] = []
    for number, step in enumerate([*given_, Settle()]):
        if isinstance(step, Settle):
            program = programs[number % len(programs)]
            await _offer(program, waiting)
            await decide(program)
            history, waiting = recorded(program), []
        else:
            waiting.append(_asked(history, step) if isinstance(step, Cancel) else step)


async def _offer(program: Running, commands: list[Command]) -> None:
    for outcome in await program.writer.submit_many(commands):
        assert isinstance(outcome, Commit | Refusal | Invalid | ingest.Repeated), outcome


async def _settled(program: Running) -> None:
    position = (await program.writer.submit(nothing)).position
    assert await program.policy.awarded(position, 30), program.policy.failure


async def _decide(program: Running) -> None:
    async with program.pool.connection() as connection:
        while await program.policy.step(connection):
            pass


def recorded(program: Running) -> list[Recorded]:
    with psycopg.connect(program.conninfo, autocommit=True) as connection:
        found, after = [], 0
        while page := read_page(connection, program.mapper, after, 5_000).events:
            found += page
            after = page[-1].position
    return found


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("apply", "processes"), [(singly, 1), (singly, 2), (in_batches, 1), (in_batches_that_wait, 1)])
async def test_nor_how_commands_come_and_in_which_process(
    database: str, seed: int, apply: Apply, processes: int
) -> None:
    decides = apply is not in_batches_that_wait
    given_ = scenario(seed)
    expected = in_memory(given_, at_once=True)
    assert len(expected.decisions) > 50
    async with asyncio.timeout(120), running(database, follows=decides, sandbox=True) as one:
        await one.sandbox.move(START)
        async with running(database, follows=decides, sandbox=True) as other:
            programs = [one, other][:processes]
            for command in beginning():
                await one.writer.submit(command)
            await apply(programs, given_)
            found = told(recorded(one))
    assert found.decisions == expected.decisions
    assert found == expected
