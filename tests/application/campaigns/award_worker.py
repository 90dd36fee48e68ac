"""A process that has campaigns decide, for tests to kill: python -m tests.application.campaigns.award_worker CONNINFO.

Each leads beside the others, as if none knew of them, in small steps.
"""

import asyncio
import logging
import os
import sys

from application.campaigns import award_policy, awarding, triggers
from tests.application.schedule.jobs.program import running

TRIGGERS = 7
EVENTS = 2
"""Fewer than two campaigns record for one trigger."""


async def main(conninfo: str) -> None:
    async with running(conninfo, follows=False) as program:
        await program.policy.run()


def hurry() -> None:
    triggers.TRIGGERS_AT_ONCE = TRIGGERS
    awarding.EVENTS_AT_ONCE = EVENTS
    award_policy.LEASE = f"awards of {os.getpid()}"


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    hurry()
    asyncio.run(main(sys.argv[1]))
