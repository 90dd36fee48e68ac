import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time
from typing import Any, LiteralString
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from api.http.services import RunningProgram
from api.server.wiring import running
from application.reads import nothing
from application.service.clock import SandboxRefusedError
from application.service.settings import load
from application.tiered import commands as tiered_campaigns
from demo import program as demo
from domain.tiered.definition import Definition
from tests.backoffice.serving import thin_out

DAY = datetime(2026, 9, 16, 12, 30, tzinfo=UTC)
BUDAPEST = ZoneInfo("Europe/Budapest")
DAYS = {
    "the first of a month": ("2026-12-01T01:25:00+01:00", "Autumn"),
    "the last of a month": ("2026-11-30T23:59:59+01:00", "Summer"),
    "the shortest month behind": ("2027-03-01T00:00:00+01:00", "Winter"),
    "29 February": ("2028-02-29T12:00:00+01:00", "Autumn"),
    "clocks go forward": ("2027-03-28T03:00:30+02:00", "Winter"),
    "clocks go back": ("2026-10-25T02:30:00+01:00", "Summer"),
    "New Year": ("2027-01-01T00:00:00+01:00", "Autumn"),
}
"""Up to when the history is played, there, and the season that it begins in."""


@pytest.fixture(autouse=True)
def _thin(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MEMBERS", "FACTS_A_DAY", "FLASH_FACTS_A_MINUTE"):
        monkeypatch.setattr(demo, name, getattr(demo, name))
    thin_out()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "HISTORY_MONTHS", 1)


@pytest.fixture
async def program(database: str) -> AsyncIterator[RunningProgram]:
    settings = load({"database_url": database, "sandbox": "true", "time_zone": BUDAPEST.key}, {}).settings
    async with running(settings, works=True) as program:
        yield program


def shown(program: RunningProgram) -> demo.DemoProgram:
    assert program.sandbox
    assert program.due
    return demo.DemoProgram(program.commands.writer, program.sandbox, program.due, program.settings.time_zone)


class BrokenOffError(Exception):
    pass


async def recorded(program: RunningProgram) -> int:
    return (await program.commands.writer.submit(nothing)).position


async def rows(program: RunningProgram, query: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
    """Once everything that is recorded is decided and shown."""
    assert await program.awarding.awarded(await recorded(program), 20)
    assert await program.positions.wait_for(await recorded(program), 20)
    async with program.reads.pool.connection() as connection:
        return await (await connection.execute(query, parameters)).fetchall()


async def names(program: RunningProgram, query: LiteralString) -> set[str]:
    return {name for (name,) in await rows(program, query)}


async def count(program: RunningProgram, query: LiteralString, *parameters: object) -> int:
    found: int = (await rows(program, query, *parameters))[0][0]
    return found


CAMPAIGNS = "select count(*) from p_tiered_campaigns.tiered_campaigns"
MEMBERS = "select count(*) from p_members.members"
AWARDED = """
select distinct c.name from p_decisions.decisions d join p_tiered_campaigns.tiered_campaigns c on c.id = d.campaign
where d.outcome = 'granted' and d.points > 0
"""
ACCOUNTS = "select distinct account from p_decisions.entries where units > 0"
PREVIEWED = """
select distinct c.name from p_standings.previews p join p_tiered_campaigns.tiered_campaigns c on c.id = p.campaign
"""
UNFINISHED = "select count(*) from p_standings.previews where status <> 'finished'"
OVERDUE = "select count(*) from p_tiered_campaigns.occurrences where phase is null and evaluation_at <= %s"
COMPLETED = """
select a.name from p_achievements.completions c join p_achievements.achievements a on a.id = c.achievement
where c.completions > 0
"""
DECIDED = """
select distinct d.outcome || ': ' || c.name
from p_decisions.decisions d join p_campaigns.campaigns c on c.id = d.campaign
"""
WEEKS = """
select o.starts_at from p_tiered_campaigns.occurrences o join p_tiered_campaigns.tiered_campaigns c on c.id = o.campaign
where c.name = 'Active minutes'
"""
STATUSES = "select distinct status from p_facts.facts where kind = 'transaction'"


@pytest.mark.parametrize(("day", "season"), DAYS.values(), ids=DAYS)
async def test_on_any_day_there_is_something_to_look_at_and_all_of_it_happened_in_its_time(
    program: RunningProgram, day: str, season: str
) -> None:
    until = datetime.fromisoformat(day)
    await demo.seed(shown(program), until)
    assert program.clock.now() == until
    assert await count(program, CAMPAIGNS) == 6
    assert await count(program, MEMBERS) == demo.MEMBERS
    tiered = {"Monthly spend", "Active minutes", "Breakfast set", "Cashback for regulars", "Flash"}
    assert await names(program, AWARDED) == tiered
    assert await names(program, ACCOUNTS) == {"points", "cashback"}
    assert await names(program, PREVIEWED) == tiered - {"Breakfast set"}
    assert await count(program, UNFINISHED) == 0
    assert await count(program, OVERDUE, until) == 0
    assert await names(program, COMPLETED) >= {"First purchase", "Seven in a row", f"{season} buyer"}
    assert await names(program, DECIDED) == {
        "granted: Welcome",
        "granted: Season prize",
        "granted: Strong finish",
        "granted: Golden towel",
        "granted: Coffee after seven days",
        "refused: Season prize",
        "refused: Strong finish",
        "refused: Golden towel",
    }
    assert await names(program, STATUSES) >= {"accepted", "rejected"}
    for (week_starts_at,) in await rows(program, WEEKS):
        local = week_starts_at.astimezone(BUDAPEST)
        assert (local.weekday(), local.time()) == (0, time())


@pytest.mark.usefixtures("short")
async def test_a_history_is_played_once(program: RunningProgram) -> None:
    await demo.seed(shown(program), DAY)
    head = await recorded(program)
    await demo.seed(shown(program), DAY)
    assert await recorded(program) == head


@pytest.mark.usefixtures("short")
async def test_a_history_that_broke_off_goes_on(program: RunningProgram) -> None:
    whole = shown(program)
    steps = 0

    async def happen(until: datetime) -> None:
        nonlocal steps
        steps += 1
        if steps in (4, 9, 17):
            raise BrokenOffError
        await whole.happen(until)

    fragile = demo.DemoProgram(whole.writer, whole.clock, happen, whole.time_zone)
    for _ in range(3):
        with pytest.raises(BrokenOffError):
            await demo.seed(fragile, DAY)
    await demo.seed(fragile, DAY)
    assert program.clock.now() == DAY
    assert await count(program, CAMPAIGNS) == 6
    assert await count(program, MEMBERS) == demo.MEMBERS
    assert await count(program, "select count(distinct at::date) from p_facts.facts where id like 'H-%%'") > 20


async def test_another_program_is_left_alone(program: RunningProgram) -> None:
    await program.commands.writer.submit(
        lambda working: tiered_campaigns.define(working, uuid4(), Definition(name="A"))
    )
    head = await recorded(program)
    with pytest.raises(SandboxRefusedError):
        await demo.seed(shown(program), DAY)
    assert await recorded(program) == head


@pytest.mark.usefixtures("short")
async def test_facts_keep_coming_in_and_flash_goes_on(program: RunningProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "FLASH_OCCURRENCES", 3)
    await demo.seed(shown(program), DAY)
    monkeypatch.setattr(demo, "FACTS_A_SECOND", 100)
    going = asyncio.create_task(demo.live(shown(program)))
    try:
        async with asyncio.timeout(20):
            while await count(program, "select count(*) from p_facts.facts where id like 'L-%%'") < 30:  # noqa: ASYNC110  they come by themselves
                await asyncio.sleep(0.02)
    finally:
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)
    flashes = "select count(*) from p_tiered_campaigns.tiered_campaigns where name = 'Flash'"
    assert await count(program, flashes) == 2
