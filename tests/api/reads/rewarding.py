"""Achievements and campaigns for the tests of what is read of them: members buy, complete, and are decided about."""

from functools import partial
from typing import Any
from uuid import UUID

import psycopg

from application.campaigns.awarding import Draw, IdentifiedDecision, decide_triggers, fired_by
from application.log.events import Recorded
from application.log.reader import read_page
from application.streams import ACHIEVEMENT
from domain.achievements import achievement as achievements
from domain.achievements.definition import Definition
from domain.campaigns.participation import Granted
from tests.api.reads.program import ReadProgram
from tests.support.achievements import definition, rule
from tests.support.rewarding import cancel_at_once

GOAL = UUID("018f0000-0000-7000-8000-0000000000a1")
UNITS = {"kind": "give_units", "account": "points", "units": "10 * transaction.total", "to": "member"}
ENOUGH = {"attribute": "transaction.total", "operator": "gte", "value": "5"}


def prize(**fields: Any) -> dict[str, Any]:
    """What is posted: ten points a unit of the purchase that completed the achievement, if it was of five or more."""
    return {
        "trigger": "achievement_completed",
        "achievement": str(GOAL),
        "name": "Prize",
        "starts_at": "2026-09-01T00:00:00Z",
        "rules": [{"name": "Big", "conditions": {"all": [ENOUGH]}, "effects": [UNITS]}],
        **fields,
    }


class Rewarding:
    """Decides as the award policy does, when it is told to."""

    def __init__(self, program: ReadProgram) -> None:
        self._program = program
        self._position = 0

    async def achievement(self, defined: Definition | None = None) -> None:
        """That takes two purchases, as often as you like, unless it is `defined` in another way."""
        defined = defined or definition(rule(name="Twice", goal="2"), limit=None)
        stream = ACHIEVEMENT.of(GOAL)

        def define(working: Any) -> None:
            working.record(stream, achievements.Defined(GOAL, 1, defined))
            working.record(stream, achievements.Activated(GOAL))

        await self._program.writer.submit(define)

    async def edit(self, defined: Definition, revision: int) -> None:
        event = achievements.Defined(GOAL, revision, defined)
        await self._program.writer.submit(lambda working: working.record(ACHIEVEMENT.of(GOAL), event))

    async def campaign(self, **fields: Any) -> str:
        """The id of an active one."""
        made = await self._program.post("/campaigns", prize(**fields))
        assert made.status_code == 201, made.text
        activated = await self._program.post(f"/campaigns/{made.json()['id']}/activate")
        assert activated.status_code == 200, activated.text
        return str(made.json()["id"])

    async def buy(self, transaction: str, member: str, total: str, **fields: Any) -> None:
        await self._program.buy(transaction, member, total, status="accepted", auto_accept_at=..., **fields)

    async def decide(self) -> list[IdentifiedDecision]:
        """About everything that was triggered since; the reads show it."""
        fired = [
            one for recorded in self._since() if recorded.tag.startswith("progress.") and (one := fired_by(recorded))
        ]
        outcome = await self._program.writer.submit(partial(decide_triggers, fired=fired, random=Draw(b"seed")))
        await self._program.follow()
        made: list[IdentifiedDecision] = outcome.answer
        return made

    async def cancel(self, grant: Granted, version: int) -> UUID:
        """The cancellation's id."""
        outcome = await self._program.writer.submit(
            lambda working: cancel_at_once(working, grant, version, "bought by mistake")
        )
        await self._program.follow()
        cancellation: UUID = outcome.answer
        return cancellation

    def _since(self) -> list[Recorded]:
        with psycopg.connect(self._program.conninfo) as connection:
            page = read_page(connection, self._program.services.reads.mapper, self._position, 5_000)
        self._position = page.last
        return page.events
