import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.schedule.plan import DueEvaluation, ScheduledPreview, ticks_around
from application.schedule.run import Doing, no_progress
from application.schedule.sandbox import Sandbox
from application.service.clock import BackwardsError
from application.service.preconditions import Precondition
from application.tiered import commands as tiered_campaigns
from application.tiered.previews import compute
from domain.facts.transaction import Status
from domain.tiered import preview
from domain.tiered.terms import Confirmation
from domain.values.duration import Duration, DurationUnit, advance
from projections.engine.positions import Positions
from tests.application.schedule.jobs.program import Running, receiving, running
from tests.support.campaigns import definition, purchase, tiers

START = datetime(2026, 1, 1, tzinfo=UTC)
BUDAPEST = ZoneInfo("Europe/Budapest")


@given(
    st.builds(Duration, st.integers(1, 40), st.sampled_from(DurationUnit)),
    st.integers(-1_500, 2_200).map(lambda days: datetime(2024, 1, 1, 5, 17, tzinfo=UTC) + timedelta(days=days)),
)
@settings(max_examples=60)
def test_the_ticks_around_an_instant_are_neighbours(every: Duration, now: datetime) -> None:
    anchor = datetime(2024, 1, 31, 1, 30, tzinfo=UTC)
    latest, following = ticks_around(anchor, every, now, BUDAPEST)
    assert following is not None
    assert following > now
    if latest is None:
        assert now < advance(anchor, every, 1, BUDAPEST)
    else:
        assert latest <= now
        numbered = [advance(anchor, every, number, BUDAPEST) for number in _around(anchor, every, now)]
        assert numbered.index(following) - numbered.index(latest) == 1


def _around(anchor: datetime, every: Duration, now: datetime) -> range:
    step = advance(anchor, every, 1, BUDAPEST) - anchor
    middle = int((now - anchor) / step)
    return range(max(1, middle - middle // 8 - 3), middle + middle // 8 + 4)


def sandbox_of(program: Running) -> Sandbox:
    return Sandbox(Doing(program.writer, program.reads), program.policy, program.sandbox)


async def happened(program: Running) -> list[tuple[datetime, str, object]]:
    """What happened by itself, in order of the log: when, what, and of which occurrence or transaction."""
    await program.caught_up()
    events = await program.rows("select tag, payload, envelope from laurel.events order by position")
    found = []
    for tag, payload, envelope in events:
        event = program.mapper.decode(tag, payload)
        at = program.mapper.decode_envelope(envelope).recorded_at
        match tag.partition("@")[0]:
            case "transaction.accepted":
                found.append((at, "accepted", event.id))
            case "preview.requested":
                found.append((at, "preview", event.occurrences))
            case "tiered_occurrence.evaluation_started":
                found.append((at, "evaluation", event.occurrence))
    return found


async def wait(program: Running, at: datetime, transaction: str, accept_at: datetime, member: str = "M-1") -> None:
    bought = purchase(transaction, "20", member, purchased_at=at, auto_accept_at=accept_at)
    await program.writer.submit(receiving(bought, Status.PENDING))


async def test_a_jump_over_months_lets_everything_happen_in_order(database: str) -> None:
    async with running(database, sandbox=True) as program:
        sandbox = sandbox_of(program)
        await sandbox.happen(START)
        campaign = await program.campaign(
            starts_at=START, duration="1 month", occurrences=3, grace_period="7 days", preview_every="10 days"
        )
        march = START + timedelta(days=59)
        first_evaluation = datetime(2026, 2, 8, tzinfo=UTC)
        await wait(program, START, "T-tie", first_evaluation)
        await wait(program, START, "T-late", first_evaluation + timedelta(seconds=1), "M-2")
        await wait(program, START + timedelta(days=40), "T-2", START + timedelta(days=50))
        await wait(program, march, "T-3", march + timedelta(days=1))
        until = datetime(2026, 6, 1, 12, tzinfo=UTC)
        await sandbox.happen(until)
        assert program.sandbox.now() == until
        ticks = [(START + timedelta(days=10 * n), "preview", _running(n)) for n in range(1, 10)]
        expected = sorted(
            [
                *ticks,
                (first_evaluation, "accepted", "T-tie"),
                (first_evaluation + timedelta(seconds=1), "accepted", "T-late"),
                (START + timedelta(days=50), "accepted", "T-2"),
                (march + timedelta(days=1), "accepted", "T-3"),
                (first_evaluation, "evaluation", 1),
                (datetime(2026, 3, 8, tzinfo=UTC), "evaluation", 2),
                (datetime(2026, 4, 8, tzinfo=UTC), "evaluation", 3),
            ],
            key=lambda item: (item[0], ["accepted", "preview", "evaluation"].index(item[1])),
        )
        assert await happened(program) == expected
        awards = await program.awards(campaign)
        assert awards == {
            (1, "M-1"): [Decimal(200)],
            (1, "M-2"): [Decimal(0)],
            (2, "M-1"): [Decimal(200)],
            (3, "M-1"): [Decimal(200)],
        }
        statuses = await program.rows("select distinct status from p_standings.previews")
        assert statuses == [("finished",)]
        with pytest.raises(BackwardsError):
            await sandbox.happen(until - timedelta(seconds=1))


async def test_what_is_due_at_the_instant_itself_happens_before_it_answers(database: str) -> None:
    """The acceptance first, also where it comes at the very instant of the evaluation."""
    async with running(database, sandbox=True) as program:
        sandbox = sandbox_of(program)
        await sandbox.happen(START)
        campaign = await program.campaign(starts_at=START, duration="1 day", occurrences=3)
        for day in (1, 2, 3):
            at = START + timedelta(days=day)
            await wait(program, at - timedelta(hours=1), f"T-{day}", at)
            await sandbox.happen(at)
            assert (await happened(program))[-2:] == [(at, "accepted", f"T-{day}"), (at, "evaluation", day)]
            assert await program.awards(campaign) == {(n, "M-1"): [Decimal(200)] for n in range(1, day + 1)}
        assert len(await happened(program)) == 6


async def test_minutes_without_facts_pass_without_a_wait(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No occurrence waits for the projections: nothing that its evaluation reads has happened."""
    waited: list[int] = []
    wait_for = Positions.wait_for

    async def noted(positions: Positions, position: int, seconds: float, *names: str) -> bool:
        waited.append(position)
        return await wait_for(positions, position, seconds, *names)

    async with running(database, sandbox=True) as program:
        sandbox = sandbox_of(program)
        await sandbox.happen(START)
        campaign = await program.campaign(starts_at=START, duration="1 minute", occurrences=150)
        await program.buy([purchase(purchased_at=START + timedelta(minutes=149, seconds=30))])
        await program.caught_up()
        monkeypatch.setattr(Positions, "wait_for", noted)
        await sandbox.happen(START + timedelta(minutes=150))
        monkeypatch.undo()
        evaluations = [found for found in await happened(program) if found[1] == "evaluation"]
        assert evaluations == [(START + timedelta(minutes=n), "evaluation", n) for n in range(1, 151)]
        assert await program.awards(campaign) == {(150, "M-1"): [Decimal(200)]}
        assert len(waited) < 8


def _running(tick: int) -> tuple[int, ...]:
    """Of the occurrences from 1 January, 1 February and 1 March with a week's grace, those 10 * `tick` days later."""
    at = START + timedelta(days=10 * tick)
    starts = [datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3)]
    evaluations = [datetime(2026, month, 8, tzinfo=UTC) for month in (2, 3, 4)]
    return tuple(n for n in (1, 2, 3) if starts[n - 1] <= at < evaluations[n - 1])


async def test_a_paused_campaign_is_evaluated_once_it_is_active_again(database: str) -> None:
    async with running(database, sandbox=True) as program:
        sandbox = sandbox_of(program)
        await sandbox.happen(START)
        campaign = await program.campaign(starts_at=START, duration="1 day", occurrences=2)
        bought = purchase(purchased_at=START)
        await program.buy([bought])
        await program.writer.submit(lambda working: tiered_campaigns.deactivate(working, campaign))
        await sandbox.happen(START + timedelta(days=9))
        assert await happened(program) == []
        await program.writer.submit(lambda working: tiered_campaigns.activate(working, campaign))
        await sandbox.happen(START + timedelta(days=9))
        now = START + timedelta(days=9)
        assert await happened(program) == [(now, "evaluation", 1), (now, "evaluation", 2)]


async def test_of_missed_previews_only_the_latest_is_made(database: str) -> None:
    async with running(database, sandbox=True) as program:
        await program.sandbox.move(START)
        campaign: UUID = await program.campaign(
            starts_at=START, duration="1 week", occurrences=1, preview_every="15 minutes"
        )
        await program.sandbox.move(START + timedelta(hours=9, minutes=20))
        doing = Doing(program.writer, program.reads)
        (tick,) = (await doing.plan()).due
        assert isinstance(tick, ScheduledPreview)
        assert (tick.campaign, tick.at) == (campaign, START + timedelta(hours=9, minutes=15))
        await asyncio.gather(doing.do(tick), Doing(program.writer, program.reads).do(tick))
        plan = await doing.plan()
        assert plan.due == ()
        assert plan.next_at == START + timedelta(hours=9, minutes=30)
        assert await happened(program) == [(START + timedelta(hours=9, minutes=20), "preview", (1,))]


@pytest.mark.parametrize(
    ("every", "duration", "minutes"),
    [("1 minute", "1 day", 2), ("1 minute", "1 hour", 1), ("15 minutes", "1 month", 45)],
)
async def test_previews_are_scheduled_no_closer_than_a_thousandth(
    database: str, every: str, duration: str, minutes: int
) -> None:
    async with running(database, sandbox=True) as program:
        sandbox = sandbox_of(program)
        await sandbox.happen(START)
        await program.campaign(starts_at=START, duration=duration, preview_every=every)
        await sandbox.happen(START + timedelta(minutes=3 * minutes))
        ticks = [START + timedelta(minutes=n * minutes) for n in (1, 2, 3)]
        assert await happened(program) == [(tick, "preview", (1,)) for tick in ticks]
        assert await program.rows("select distinct status from p_standings.previews") == [("finished",)]


async def test_a_preview_that_newer_ones_have_displaced_is_no_fault_of_its_points(database: str) -> None:
    async with running(database, sandbox=True) as program:
        await program.sandbox.move(START)
        campaign = await program.campaign(starts_at=START, duration="1 day")
        first, *others = [uuid4() for _ in range(preview.KEPT + 1)]
        for identity in (first, *others):
            await program.writer.submit(
                partial(tiered_campaigns.request_preview, campaign_id=campaign, preview_id=identity)
            )
        await program.caught_up()
        kept = await program.rows("select id from p_standings.previews")
        assert {identity for (identity,) in kept} == set(others)
        assert await compute(program.writer, program.reads.previews, first, no_progress) is preview.Status.FAILED
        ((failure,),) = await program.rows("select payload from laurel.events where tag = 'preview.failed'")
        assert program.mapper.decode("preview.failed", failure).reason == "newer previews have taken its place"


async def test_an_acceptance_that_is_overdue_counts_from_its_instant(database: str) -> None:
    async with running(database, sandbox=True) as program:
        await program.sandbox.move(START)
        campaign = await program.campaign(
            starts_at=START,
            duration="1 day",
            occurrences=1,
            grace_period="3 days",
            confirmation=Confirmation.OCCURRENCE_END,
        )
        await wait(program, START, "T-1", START + timedelta(hours=23))
        await wait(program, START, "T-2", START + timedelta(hours=25), "M-2")
        await program.sandbox.move(START + timedelta(days=3, hours=12))
        assert await Doing(program.writer, program.reads).accept(program.sandbox.now()) == 2
        await sandbox_of(program).happen(START + timedelta(days=5))
        assert await program.awards(campaign) == {(1, "M-1"): [Decimal(200)], (1, "M-2"): [Decimal(0)]}


DOUBLE = tiers(("0", "50", "20"), ("51", "100", "40"))


async def edited_ahead(program: Running, facts: int) -> UUID:
    """A campaign of two days whose second one pays twice as much since an edit; its facts lie in that one."""
    await program.sandbox.move(START)
    fields: dict[str, Any] = {"starts_at": START, "duration": "1 day", "occurrences": 2, "grace_period": "0 days"}
    campaign = await program.campaign(**fields)
    ahead = START + timedelta(hours=30)
    await program.buy([purchase(f"T-{n}", "10", f"M-{n % 7}", purchased_at=ahead) for n in range(facts)])
    given = definition(**fields, tiers=DOUBLE)
    edit = partial(
        tiered_campaigns.revise, campaign_id=campaign, definition=given, precondition=Precondition(exists=True)
    )
    await program.writer.submit(edit)
    return campaign


async def pending(program: Running, campaign: UUID) -> list[Any]:
    await program.caught_up()
    query = "select member, pending_points from p_standings.standings where campaign = %s and occurrence = 2 order by 1"
    return await program.rows(query, campaign)


async def recounts(program: Running) -> list[tuple[Any, ...]]:
    query = "select tag, count(*) from laurel.events where tag like '%%.recounted' group by tag order by tag"
    return await program.rows(query)


async def test_what_is_dated_ahead_is_counted_again_before_the_clock_moves(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("application.facts.recounting.CHUNK_FACTS", 4)
    async with running(database, sandbox=True) as program:
        campaign = await edited_ahead(program, 21)
        assert await pending(program, campaign) == [(f"M-{n}", Decimal(300)) for n in range(7)]
        await sandbox_of(program).happen(START + timedelta(hours=1))
        assert await pending(program, campaign) == [(f"M-{n}", Decimal(600)) for n in range(7)]
        recounted = [("tiered_campaign.recounted", 1), ("transaction.recounted", 21)]
        assert await recounts(program) == recounted
        await sandbox_of(program).happen(START + timedelta(days=2))
        assert await recounts(program) == recounted
        assert await program.awards(campaign) == {(2, f"M-{n}"): [Decimal(600)] for n in range(7)}


async def test_a_count_that_was_broken_off_is_finished_by_whoever_comes(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("application.facts.recounting.CHUNK_FACTS", 4)
    async with running(database, sandbox=True) as program, running(database, follows=False, sandbox=True) as other:
        campaign = await edited_ahead(program, 21)

        async def die(done: int, _: int) -> None:
            if done == 8:
                raise KeyError(done)

        (due,) = (await Doing(program.writer, program.reads).plan()).due
        with pytest.raises(KeyError):
            await Doing(program.writer, program.reads).do(due, die)
        assert await recounts(program) == [("transaction.recounted", 8)]
        assert (await Doing(other.writer, other.reads).plan()).due == (due,)
        await asyncio.gather(Doing(program.writer, program.reads).do(due), Doing(other.writer, other.reads).do(due))
        assert await recounts(program) == [("tiered_campaign.recounted", 1), ("transaction.recounted", 21)]
        assert await pending(program, campaign) == [(f"M-{n}", Decimal(600)) for n in range(7)]
        assert (await Doing(other.writer, other.reads).plan()).due == ()


async def test_an_evaluation_counts_first_what_an_edit_has_left(database: str) -> None:
    async with running(database, sandbox=True) as program:
        campaign = await edited_ahead(program, 7)
        await program.sandbox.move(START + timedelta(days=2))
        plan = await Doing(program.writer, program.reads).plan()
        (evaluation,) = (item for item in plan.due if isinstance(item, DueEvaluation) and item.occurrence == 2)
        assert evaluation.campaign == campaign
        await Doing(program.writer, program.reads).do(evaluation)
        assert await program.awards(campaign) == {(2, f"M-{n}"): [Decimal(200)] for n in range(7)}
