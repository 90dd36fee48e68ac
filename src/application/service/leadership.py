"""Leadership: which of the processes does what one at a time should do, by a lease in the database.

A lease elects and does not fence: its holder may be stopped, or hang, for longer than it lasts, and go on beside the
next one. So what a leader writes must be guarded by what it is written on: awards by the state of the policy's own
stream, projections by their positions, which are locked in the transaction that moves them.
"""

import threading
from contextlib import suppress
from time import monotonic
from typing import Any
from uuid import uuid4

import psycopg

from application.postgres.connection import TROUBLE, connect

LEASE_SECONDS = 4.0
"""A holder that has died, or was stopped, is taken over from after so long."""
RENEWAL_SECONDS = 1.0
STANDBY_SECONDS = 0.5
HANG_SECONDS = 6.0
"""Without a sign of work for so long a holder is taken for hung, and its lease is not renewed."""
CANDIDATE_SECONDS = 0.05
"""How often those who wait for a lease ask whether it is theirs."""
RETRY_SECONDS = (0.1, 5.0)
"""The first and the longest wait after something went wrong; each wait is twice the last."""
STANDSTILL_SECONDS = 8.0
"""Nobody should be without a leader that works for so long."""
STOP_SECONDS = 10.0

_BEGIN = """
    insert into laurel.leases (name, holder, until, worked_at)
    values (%s, %s, clock_timestamp(), clock_timestamp())
    on conflict do nothing
"""
# What ends later than it can is of before the server's clock was set back.
_KEEP = """
    update laurel.leases
    set holder = %(holder)s, until = clock_timestamp() + make_interval(secs => %(seconds)s),
        worked_at = coalesce(clock_timestamp() - make_interval(secs => %(idle)s), worked_at),
        failure = case when %(idle)s is null then failure end
    where name = %(name)s and (
        holder = %(holder)s
        or until not between clock_timestamp() and clock_timestamp() + make_interval(secs => %(seconds)s)
    )
"""
_GIVE_UP = """
    update laurel.leases set until = clock_timestamp(), failure = coalesce(%s, failure) where name = %s and holder = %s
"""
_STANDSTILL = """
    select extract(epoch from clock_timestamp() - worked_at)::float8, failure from laurel.leases where name = %s
"""


class Lease:
    """One process's part in an election: kept, or waited for, in a thread of its own.

    Whoever does the work asks before each step, which is also the sign that it does not hang; says when one went well;
    and resigns when one did not, so that another may try. `failures` counts those since the last that went well.
    """

    def __init__(self, conninfo: str, name: str) -> None:
        self._conninfo = conninfo
        self._name = name
        self._holder = uuid4()
        self._held = False
        self._held_until = 0.0
        self._asked_at: float | None = None
        self._resigns = False
        self._works = False
        self._failure: str | None = None
        self.failures = 0
        self._due = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Also after it was stopped."""
        self._stopped.clear()
        self._thread = threading.Thread(target=self._run, name=f"laurel lease of {self._name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Gives it up."""
        self._stopped.set()
        self._due.set()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)

    def ask(self) -> bool:
        """Whether it is held. From now on it is waited for."""
        begins = self._asked_at is None
        self._asked_at = now = monotonic()
        if begins:
            self._due.set()
        return now < self._held_until

    def worked(self) -> None:
        begins, self._works = not self._works, True
        self._failure = None
        self.failures = 0
        if begins:
            self._due.set()

    def resign(self, error: Exception) -> None:
        """Until it is asked for again. What the error says is kept to the log, as it may quote rows."""
        self._failure = type(error).__name__
        self.failures += 1
        self._asked_at = None
        self._held_until = 0.0
        self._resigns = True
        self._due.set()

    @property
    def rest_seconds(self) -> float:
        """How long whoever does not lead any more waits before it asks again."""
        first, longest = RETRY_SECONDS
        return float(min(longest, first * 2 ** min(self.failures, 10)))

    def _run(self) -> None:
        while not self._stopped.is_set():
            with suppress(*TROUBLE), connect(self._conninfo, f"laurel lease of {self._name}") as connection:
                connection.answer_seconds = LEASE_SECONDS
                connection.execute(_BEGIN, [self._name, self._holder])
                while not self._stopped.is_set():
                    self._keep(connection)
                    self._wait()
                self._give_up(connection)
            self._wait()

    def _wait(self) -> None:
        self._due.wait(RENEWAL_SECONDS if self._held else STANDBY_SECONDS)
        self._due.clear()

    def _keep(self, connection: psycopg.Connection[Any]) -> None:
        now, asked_at = monotonic(), self._asked_at
        if asked_at is None or self._resigns:
            self._resigns = False
            self._give_up(connection)
        elif now - asked_at < HANG_SECONDS:
            parameters = {
                "name": self._name,
                "holder": self._holder,
                "seconds": LEASE_SECONDS,
                "idle": now - asked_at if self._works else None,
            }
            self._held = connection.execute(_KEEP, parameters).rowcount == 1
            self._works &= self._held
            # from before it was asked for: it ends here no later than there
            self._held_until = now + LEASE_SECONDS if self._held and not self._resigns else 0.0

    def _give_up(self, connection: psycopg.Connection[Any]) -> None:
        if self._held:
            self._held_until = 0.0
            self._works = False
            connection.execute(_GIVE_UP, [self._failure, self._name, self._holder])
            self._held = False


async def standstill(connection: psycopg.AsyncConnection[Any], name: str) -> str | None:
    """Why the work of a lease does not go on, once it has not for too long; None: it does."""
    row = await (await connection.execute(_STANDSTILL, [name])).fetchone()
    if row is None:
        return "no process has begun with it"
    seconds, failure = row
    if seconds < STANDSTILL_SECONDS:
        return None
    why = f"it ends in {failure}" if failure else "no process goes on with it"
    return f"{why} (for {seconds:.0f} seconds)"
