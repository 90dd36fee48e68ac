"""A sandbox: its clock moves on, and what is due until then is done in order."""

import asyncio
from datetime import datetime

from application.reads import Awarding, reach_awards
from application.schedule.plan import Due
from application.schedule.run import Doing
from application.service.clock import SandboxClock


class Sandbox:
    """Moves a sandbox's clock, with everything that is due on the way happening at its time and in order.

    What campaigns fire on is decided before the clock moves on.
    """

    def __init__(self, doing: Doing, awarding: Awarding, clock: SandboxClock) -> None:
        self._doing = doing
        self._awarding = awarding
        self._clock = clock
        self._turn = asyncio.Lock()

    async def happen(self, until: datetime) -> None:
        """Raises BackwardsError when the clock stands later already. Once done, everything that is read shows it."""
        async with self._turn:
            if until < await self._clock.read():
                await self._clock.move(until)
            await self._go(until)
            await self._doing.settled()

    async def _go(self, until: datetime) -> None:
        done: set[Due] = set()
        while True:
            plan = await self._doing.plan()
            now = self._clock.now()
            due = [item for item in plan.due if item not in done]
            for item in due:
                await self._doing.do(item, plan=plan)
            done.update(due)
            upcoming = min(plan.next_at or until, until)
            if due or await self._doing.accept(upcoming, self._advance, plan.position):
                continue
            await self._decided(plan.position)
            if now == until:
                return
            await self._clock.move(upcoming)

    async def _advance(self, to: datetime, position: int) -> None:
        if to > self._clock.now():
            await self._decided(position)
            await self._clock.move(to)

    async def _decided(self, position: int) -> None:
        await reach_awards(self._awarding, position)
