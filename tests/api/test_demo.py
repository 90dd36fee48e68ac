import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import LiteralString
from uuid import uuid4

import pytest

from api import demo
from api.services import Program
from api.wiring import running
from application import tiered_campaigns
from application.clock import SandboxRefusedError
from application.settings import load
from domain.tiered_definition import Definition
from tests.backoffice.serving import shorten


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HISTORY_MONTHS", "FACTS_A_DAY", "FLASH_FACTS_A_MINUTE"):
        monkeypatch.setattr(demo, name, getattr(demo, name))
    shorten()


@pytest.fixture
async def program(database: str) -> AsyncIterator[Program]:
    settings = load({"database_url": database, "sandbox": "true", "time_zone": "Europe/Budapest"}, {}).settings
    async with running(settings, works=True) as program:
        yield program


def shown(program: Program) -> demo.Program:
    assert program.sandbox
    assert program.due
    return demo.Program(program.commands.writer, program.sandbox, program.due, program.settings.time_zone)


class BrokenOffError(Exception):
    pass


async def count(program: Program, query: LiteralString, *parameters: object) -> int:
    async with program.reads.pool.connection() as connection:
        row = await (await connection.execute(query, parameters)).fetchone()
    assert row
    return int(row[0])


async def reach(program: Program, least: int, query: LiteralString) -> None:
    """Waits until a count is no less."""
    async with asyncio.timeout(20):
        while await count(program, query) < least:  # noqa: ASYNC110  another thread follows the log
            await asyncio.sleep(0.02)


CAMPAIGNS = "select count(*) from p_tiered_campaigns.tiered_campaigns"
OVERDUE = """
select count(*) from p_tiered_campaigns.occurrences where phase is null and evaluation_at < now() - interval '1 minute'
"""
PAID = "select count(*) from p_standings.evaluations where status = 'finished' and points > 0"


async def test_a_history_is_played_once_and_everything_in_it_happened_in_its_time(program: Program) -> None:
    began = datetime.now(UTC)
    await demo.seed(shown(program))
    assert program.clock.now() >= began
    await reach(program, 6, CAMPAIGNS)
    assert await count(program, "select count(*) from p_members.members") == demo.MEMBERS
    assert await count(program, "select count(*) from p_standings.previews where status <> 'finished'") == 0
    assert await count(program, "select count(*) from p_standings.previews") > 5
    assert await count(program, OVERDUE) == 0
    assert await count(program, PAID) > 5
    for account in ("points", "cashback"):
        query = "select count(*) from p_decisions.entries where account = %s and units > 0"
        assert await count(program, query, account) > 0
    assert await count(program, "select count(*) from p_facts.facts") > 100
    welcomed = "select count(*) from p_decisions.decisions where kind = 'campaign' and outcome = 'granted'"
    assert await count(program, welcomed) > 0
    assert await count(program, "select count(distinct status) from p_facts.facts where kind = 'transaction'") >= 3
    events = await count(program, "select head from laurel.heads")
    await demo.seed(shown(program))
    assert await count(program, "select head from laurel.heads") == events


async def test_a_history_that_broke_off_goes_on(program: Program) -> None:
    whole = shown(program)
    steps = 0

    async def happen(until: datetime) -> None:
        nonlocal steps
        steps += 1
        if steps in (4, 9, 17):
            raise BrokenOffError
        await whole.happen(until)

    fragile = demo.Program(whole.writer, whole.clock, happen, whole.time_zone)
    for _ in range(3):
        with pytest.raises(BrokenOffError):
            await demo.seed(fragile)
        assert whole.clock.moved
    await demo.seed(fragile)
    assert not whole.clock.moved
    await reach(program, 6, CAMPAIGNS)
    assert await count(program, CAMPAIGNS) == 6
    assert await count(program, "select count(*) from p_members.members") == demo.MEMBERS
    assert await count(program, "select count(distinct at::date) from p_facts.facts where id like 'H-%%'") > 20


async def test_another_program_is_left_alone(program: Program) -> None:
    await program.commands.writer.submit(
        lambda working: tiered_campaigns.define(working, uuid4(), Definition(name="A"))
    )
    head = await count(program, "select head from laurel.heads")
    with pytest.raises(SandboxRefusedError):
        await demo.seed(shown(program))
    assert await count(program, "select head from laurel.heads") == head


async def test_facts_keep_coming_in_and_flash_goes_on(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "FLASH_OCCURRENCES", 3)
    await demo.seed(shown(program))
    monkeypatch.setattr(demo, "FACTS_A_SECOND", 100)
    going = asyncio.create_task(demo.live(shown(program)))
    try:
        await reach(program, 30, "select count(*) from p_facts.facts where id like 'L-%%'")
    finally:
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)
    flashes = "select count(*) from p_tiered_campaigns.tiered_campaigns where name = 'Flash'"
    assert await count(program, flashes) == 2
