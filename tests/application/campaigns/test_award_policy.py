"""The award policy over Postgres: by itself, in several processes at once, and killed in the middle of things."""

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from itertools import pairwise
from uuid import UUID, uuid4

import psycopg
import pytest

from application.achievements import commands as achievements
from application.campaigns import commands as campaigns
from application.campaigns.award_policy import AwardPolicy
from application.catalogue import commands as definitions
from application.catalogue.coupons import add_codes
from application.log.check import check
from application.log.reader import read_page
from application.members.commands import put_member
from application.reads import nothing
from application.schedule.run import Doing
from application.schedule.sandbox import Sandbox
from application.service.preconditions import Precondition
from application.streams import AWARD_POLICY, CAMPAIGN_BUDGET, STOCK
from domain.achievements.definition import Definition
from domain.achievements.progress import Completed
from domain.campaigns.award_policy import Decided
from domain.campaigns.definition import CampaignRule, CampaignTrigger, Limits, OnExhausted, People
from domain.campaigns.participation import AwardReason, Granted, Refused
from domain.catalogue.coupon_code import Issued
from domain.catalogue.entries import Coupon, Reward
from domain.facts.transaction import Status
from tests.application.schedule.jobs.program import Running, running, until
from tests.support.campaigns import purchase
from tests.support.deciding import at_most
from tests.support.progressing import rule
from tests.support.rewarding import ANYTIME, campaign, coupon, prize, reward, units

SECONDS = 30.0
AT = datetime(2026, 9, 5, tzinfo=UTC)


@pytest.fixture
async def program(database: str) -> AsyncIterator[Running]:
    async with running(database) as program:
        yield program


@pytest.fixture
async def idle(database: str) -> AsyncIterator[Running]:
    """A program in which nobody decides."""
    async with running(database, follows=False) as program:
        yield program


async def tracking(program: Running, goal: str = "1") -> UUID:
    achievement = uuid4()
    definition = Definition(name="Buyer", rules=(rule(goal),))
    await program.writer.submit(
        partial(achievements.define, achievement_id=achievement, definition=definition, active=True)
    )
    return achievement


async def rewarding(
    program: Running, achievement: UUID, *rules: CampaignRule, limits: Limits | None = None, **fields: object
) -> UUID:
    at = uuid4()
    defined = campaign(*rules, limits=limits, achievement=achievement, **fields)
    await program.writer.submit(partial(campaigns.define, campaign_id=at, definition=defined))
    await program.writer.submit(partial(campaigns.activate, campaign_id=at))
    return at


async def bought(program: Running, first: int, last: int, members: int = 10) -> None:
    await program.buy([purchase(f"T-{n}", "20", f"M-{n % members}", purchased_at=AT) for n in range(first, last)])


async def settled(program: Running) -> None:
    position = (await program.writer.submit(nothing)).position
    assert await program.policy.awarded(position, SECONDS), program.policy.failure


def events(program: Running) -> list[object]:
    with psycopg.connect(program.conninfo, autocommit=True) as connection:
        found, after = [], 0
        while page := read_page(connection, program.mapper, after, 5_000).events:
            found += [recorded.event for recorded in page]
            after = page[-1].position
    return found


def decisions(program: Running) -> list[Granted | Refused]:
    return [event for event in events(program) if isinstance(event, Granted | Refused)]


async def test_what_is_completed_is_decided_by_itself(program: Running) -> None:
    achievement = await tracking(program, "2")
    at = await rewarding(program, achievement)
    await bought(program, 0, 20)
    await settled(program)
    made = decisions(program)
    assert sorted(event.member for event in made) == sorted(f"M-{n}" for n in range(10))
    assert {(event.campaign, type(event)) for event in made} == {(at, Granted)}


async def test_the_rule_that_moved_last_is_seen_with_a_completion(program: Running) -> None:
    achievement = await tracking(program, "3")
    await rewarding(program, achievement, prize(units("progress.rule * 100 + progress.value * 10 + progress.goal")))
    await bought(program, 0, 3, members=1)
    await settled(program)
    assert [event.units for event in decisions(program) if isinstance(event, Granted)] == [133]


async def test_progress_is_decided_once_a_campaign_asks_for_it(program: Running) -> None:
    achievement = await tracking(program, "5")
    await rewarding(program, achievement)
    await bought(program, 0, 2, members=1)
    await settled(program)
    await rewarding(
        program, achievement, prize(units("progress.value")), trigger=CampaignTrigger.ACHIEVEMENT_PROGRESSED
    )
    await bought(program, 2, 4, members=1)
    await settled(program)
    assert [event.units for event in decisions(program) if isinstance(event, Granted)] == [3, 4]


async def test_what_no_campaign_fires_on_is_not_recorded_as_passed(program: Running) -> None:
    achievement = await tracking(program, "1000")
    await tracking(program, "1")
    await bought(program, 0, 5)
    await settled(program)
    await rewarding(program, achievement)
    await settled(program)
    assert not any(isinstance(event, Decided) for event in events(program))
    before = len(events(program))
    await bought(program, 5, 10)
    await settled(program)
    assert not any(isinstance(event, Decided) for event in events(program)[before:])


async def test_activation_does_not_reach_back_whatever_the_clock_says(database: str) -> None:
    """All of it happens at one instant, and is decided only afterwards."""
    async with running(database, follows=False, sandbox=True) as program:
        await program.sandbox.move(AT)
        achievement = await tracking(program)
        await rewarding(program, achievement)
        await bought(program, 0, 3)
        late = await rewarding(program, achievement)
        await bought(program, 3, 5)
        await program.writer.submit(partial(campaigns.pause, campaign_id=late))
        await bought(program, 5, 6)
        await program.writer.submit(partial(campaigns.activate, campaign_id=late))
        await bought(program, 6, 7)
    async with running(database, sandbox=True) as program:
        await settled(program)
        made = Counter((event.campaign, event.trigger.fact and event.trigger.fact.id) for event in decisions(program))
    assert [fact for at, fact in made if at == late] == ["T-3", "T-4", "T-6"]
    assert set(made.values()) == {1}
    assert len(made) == 10


@pytest.mark.parametrize("day", [7, 20])
async def test_a_clock_that_moves_leaves_nothing_undecided(database: str, day: int) -> None:
    """Nor does one that is moved to the very instant of what triggers it."""
    async with running(database, sandbox=True) as program:
        await program.sandbox.move(AT)
        await rewarding(program, await tracking(program), prize(units("transaction.total")))
        accepted_by_itself = purchase("T-1", "30", purchased_at=AT, auto_accept_at=datetime(2026, 9, 7, tzinfo=UTC))
        await program.buy([accepted_by_itself], Status.PENDING)
        await Sandbox(Doing(program.writer, program.reads), program.policy, program.sandbox).happen(
            datetime(2026, 9, day, tzinfo=UTC)
        )
        rows = await program.rows("select points, recorded_at from p_decisions.decisions")
    assert rows == [(30, datetime(2026, 9, 7, tzinfo=UTC))]


async def test_any_process_can_ask_how_far_it_is(database: str, program: Running) -> None:
    async with running(database, follows=False) as asking:
        await settled(asking)
        achievement = await tracking(program)
        await bought(program, 0, 5)
        await rewarding(program, achievement)
        await bought(asking, 5, 10)
        await settled(asking)
        assert len(decisions(program)) == 5
        await asyncio.gather(*(settled(asking) for _ in range(20)))


async def test_without_anyone_to_decide_it_says_so(idle: Running) -> None:
    await bought(idle, 0, 2)
    await settled(idle)
    achievement = await tracking(idle)
    await rewarding(idle, achievement)
    await settled(idle)
    before = (await idle.writer.submit(nothing)).position
    await bought(idle, 2, 4)
    position = (await idle.writer.submit(nothing)).position
    assert not await idle.policy.awarded(position, 0.2)
    assert await idle.policy.awarded(before, 0.2)


async def test_one_leads_and_another_takes_over(database: str) -> None:
    async with running(database, follows=False) as one, running(database, follows=False) as other:
        achievement = await tracking(one)
        await rewarding(one, achievement)
        first = asyncio.create_task(one.policy.run())
        await until(partial(_leads, one))
        second = asyncio.create_task(other.policy.run())
        await bought(other, 0, 5)
        await settled(other)
        assert (one.policy.leads, other.policy.leads) == (True, False)
        first.cancel()
        with suppress(asyncio.CancelledError):
            await first
        await until(partial(_leads, other))
        await bought(one, 5, 10)
        await settled(one)
        second.cancel()
        with suppress(asyncio.CancelledError):
            await second
        assert len(decisions(one)) == 10


async def _leads(program: Running) -> bool:
    return program.policy.leads


async def test_goes_on_after_its_connections_were_cut(program: Running) -> None:
    await rewarding(program, await tracking(program))
    await bought(program, 0, 2)
    await settled(program)
    with psycopg.connect(program.conninfo, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name like 'laurel awards%' and datname = current_database()"
        )
    await bought(program, 2, 4)
    await settled(program)
    assert len(decisions(program)) == 4
    assert program.policy.failure is None


async def test_says_why_it_does_not_go_on(program: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("not today")

    await rewarding(program, await tracking(program))
    with monkeypatch.context() as patched:
        patched.setattr("application.campaigns.award_policy.decide_batch", fail)
        await bought(program, 0, 1)
        await until(partial(_failed, program))
        assert str(program.policy.failure) == "RuntimeError: not today"
    await settled(program)
    assert not await _failed(program)
    assert len(decisions(program)) == 1


async def _failed(program: Running) -> bool:
    return program.policy.failure is not None


async def test_steps_are_bounded_and_go_on_where_the_last_one_ended(
    idle: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("application.campaigns.triggers.TRIGGERS_AT_ONCE", 4)
    monkeypatch.setattr("application.log.reader.PASSED_EVENTS_MOST", 10)
    await rewarding(idle, await tracking(idle))
    await bought(idle, 0, 11)
    async with idle.pool.connection() as connection:
        # another one after each step, as if the one before had been killed
        while await AwardPolicy(idle.conninfo, idle.mapper, idle.writer, idle.pool).step(connection):
            pass
    marks = [event.position for event in events(idle) if isinstance(event, Decided)]
    assert all(one < other for one, other in pairwise(marks))
    assert len(marks) >= 3
    assert len(decisions(idle)) == 11


async def test_what_waits_is_decided_as_if_nothing_had_happened_since(idle: Running) -> None:
    """An edit, a pause and a deletion of the campaign, and another tier of everybody, while 1,000 completions wait."""
    achievement = await tracking(idle)
    audience = People(tiers=("gold",))
    at = await rewarding(idle, achievement, prize(units("1")), audience=audience)
    for tier in ("gold", "silver"):
        members = [partial(put_member, member_id=f"M-{n}", tier=tier, attributes={}, referrer=None) for n in range(10)]
        await idle.writer.submit_many(members)
        if tier == "gold":
            await bought(idle, 0, 1_000)
    edited = campaign(prize(units("2")), achievement=achievement, audience=audience)
    for command in (
        partial(campaigns.revise, campaign_id=at, definition=edited, precondition=Precondition(exists=True)),
        partial(campaigns.pause, campaign_id=at),
        partial(campaigns.delete, campaign_id=at),
    ):
        await idle.writer.submit(command)
    async with idle.pool.connection() as connection:
        while await idle.policy.step(connection):
            pass
    made = decisions(idle)
    assert Counter((type(event), event.revision, getattr(event, "units", None)) for event in made) == {
        (Granted, 1, Decimal(1)): 1_000
    }


async def test_much_that_triggers_nothing_is_recorded_as_passed(idle: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("application.campaigns.award_policy.PASSED_UNRECORDED", 20)
    await rewarding(idle, await tracking(idle, "1000"))
    await bought(idle, 0, 30)
    async with idle.pool.connection() as connection:
        for _ in range(3):
            await idle.policy.step(connection)
    (mark,) = [event for event in events(idle) if isinstance(event, Decided)]
    assert mark.position > 60


MEMBERS, FACTS, CODES, MUGS = 40, 1_200, 150, 170
KILLS = (60, 200, 350, 500, 650)
"""How many decisions there are when a process is killed."""


@contextmanager
def worker(database: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", "tests.application.campaigns.award_worker", database])
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


async def decided(program: Running) -> int:
    rows = await program.rows("select count(*) from laurel.events where tag like 'participation.%%'")
    return int(rows[0][0])


async def _more_than(program: Running, count: int) -> bool:
    return await decided(program) > count


async def test_several_that_decide_at_once_and_die_decide_everything_once(idle: Running) -> None:
    await idle.writer.submit(lambda w: definitions.put_entry(w, Coupon("spring", "Spring"), ANYTIME))
    await idle.writer.submit(lambda w: definitions.put_entry(w, Reward("mug", "Mug", MUGS), ANYTIME))
    await idle.writer.submit(lambda w: add_codes(w, "spring", [f"C-{n}" for n in range(CODES)]))
    achievement = await tracking(idle, "2")
    budget = Limits(member_executions=at_most("10"), total_units=at_most("12345"), on_exhausted=OnExhausted.CLAMP)
    units_campaign = await rewarding(idle, achievement, prize(units("7 * transaction.total")), limits=budget)
    gifts = await rewarding(idle, achievement, prize(coupon(), reward()))
    loading = asyncio.create_task(bought(idle, 0, FACTS, MEMBERS))
    with worker(idle.conninfo):
        for kill in KILLS:
            with worker(idle.conninfo):
                await until(partial(_more_than, idle, kill))
        await loading
        await settled(idle)
    made = decisions(idle)
    completed = [event for event in events(idle) if isinstance(event, Completed)]
    assert len(completed) == FACTS // 2
    counts = Counter((event.campaign, event.member, event.trigger.number) for event in made)
    assert set(counts.values()) == {1}
    assert set(counts) == {(at, c.member, c.number) for c in completed for at in (units_campaign, gifts)}

    granted = [event for event in made if isinstance(event, Granted)]
    given = sum((event.units for event in granted), Decimal(0))
    assert given <= 12345
    spent = await idle.writer.submit(lambda w: w.state(CAMPAIGN_BUDGET.at(units_campaign)))
    assert spent.answer.units.total == given
    executions = Counter(event.member for event in granted if event.campaign == units_campaign)
    assert max(executions.values()) <= 10
    refused = [event for event in made if isinstance(event, Refused) and event.campaign == units_campaign]
    # whoever was refused had had all that a member may, or nothing was left for anyone
    assert all(
        {why.code for why in event.reasons} & {AwardReason.MEMBER_LIMIT_REACHED, AwardReason.BUDGET_EXHAUSTED}
        for event in refused
    )
    codes = [event.code for event in events(idle) if isinstance(event, Issued)]
    assert codes == [f"C-{n}" for n in range(CODES)]
    stock = await idle.writer.submit(lambda w: w.state(STOCK.at("reward", "mug")))
    assert stock.answer.given == MUGS
    policy = await idle.writer.submit(lambda w: w.state(AWARD_POLICY.at()))
    assert policy.answer.position >= max(event.trigger.position for event in made)
    with psycopg.connect(idle.conninfo, autocommit=True) as connection:
        assert list(check(connection, idle.mapper)) == []
