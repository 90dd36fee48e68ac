"""The loop that follows the log: reads in order, folds, and writes rows and position in one transaction."""

import asyncio
import threading
from collections.abc import Iterable
from itertools import zip_longest
from typing import Any

import psycopg
import structlog

from application.log.errors import LogError
from application.log.events import Recorded
from application.log.mapper import Mapper
from application.log.reader import PAGE_EVENTS_MOST, read_page
from application.log.wakeup import POLL_SECONDS
from application.postgres.connection import ANSWER_SECONDS
from application.service import actors
from application.service.administration import record_act
from application.service.leadership import CANDIDATE_SECONDS, Lease
from projections.engine import store
from projections.engine.positions import CHANNEL
from projections.engine.projection import Projection, described
from projections.engine.rebuild import Interrupted, RebuildTask, rebuild, take_turn
from projections.engine.session import connect
from projections.engine.writing import write

LEASE = "projections"
SPACING_SECONDS = (0.02, 0.2)
"""The shortest and the longest wait between batches that leave nothing to read: it gathers what many small commands
record into one transaction, for longer the more they record."""
SPACED_EVENTS = 10_000
"""A batch of so many events is followed by a second's wait, were that not more than the longest one."""

_END_OTHERS = """
    select pg_terminate_backend(pid, 2000)
    from pg_stat_activity
    where datname = current_database() and usename = current_user and pid <> pg_backend_pid()
        and application_name = 'laurel projections'
"""

_PASSING = frozenset({"08", "40", "53", "55", "57", "58"})
"""Classes of SQLSTATE that are the database's trouble: lost connections, conflicts, resources, locks, operators."""

log = structlog.get_logger("projections")


class Follower:
    """Runs all projections in a thread. Of the processes that have one, one at a time leads; the others stand by.

    It goes on for ever: what the database is in trouble with is tried again. A projection that fails on its own
    stops, keeps its position and shows its error, until the next process leads or it is rebuilt; the others go on.
    """

    def __init__(self, conninfo: str, mapper: Mapper, projections: tuple[Projection, ...]) -> None:
        self._conninfo = conninfo
        self._mapper = mapper
        self._projections = projections
        self._names = [projection.name for projection in projections]
        self._lease = Lease(conninfo, LEASE)
        self._stopped = threading.Event()
        self._hurried = threading.Event()
        self._woken = threading.Event()
        self._rebuilding: threading.Thread | None = None
        self._taken = 0
        self._thread = threading.Thread(target=self._run, name="laurel projections", daemon=True)
        self.leads = False

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the batch under way is committed; raises TimeoutError when that takes longer than a minute."""
        self._stopped.set()
        self.hurry()
        self.wake()
        self._thread.join(60)
        if self._thread.is_alive():
            raise TimeoutError("the projections' follower did not stop within 60 seconds")

    def wake(self) -> None:
        """The log may have grown. Any thread may say so, and nobody has to."""
        self._woken.set()

    def hurry(self) -> None:
        """Someone waits for what the log holds: the next batch need not gather more. Any thread may say so."""
        self._hurried.set()

    def _run(self) -> None:
        self._lease.start()
        while not self._stopped.is_set():
            try:
                if self._elected():
                    with connect(self._conninfo, "projections", ANSWER_SECONDS) as connection:
                        self._lead(connection)
            except Exception as error:  # noqa: BLE001  it goes on for ever, and says why it has to
                self._lease.resign(error)
                log.warning("projections_interrupted", error=described(error), failures=self._lease.failures)
            finally:
                self.leads = False
            self._stopped.wait(self._lease.rest_seconds)
        self._lease.stop()

    def _elected(self) -> bool:
        while not self._lease.ask():
            if self._stopped.wait(CANDIDATE_SECONDS):
                return False
        return True

    def _lead(self, connection: psycopg.Connection[Any]) -> None:
        """Until another leads. Whoever led before may have been stopped in a transaction, and hold its locks."""
        connection.execute(_END_OTHERS)
        self._prepare(connection)
        self.leads = True
        while self._lease.ask() and not self._stopped.is_set():
            self._woken.clear()
            more = self.step(connection)
            self._lease.worked()
            if not more:
                shortest, longest = SPACING_SECONDS
                self._hurried.wait(min(longest, max(shortest, self._taken / SPACED_EVENTS)))
                self._hurried.clear()
                self._woken.wait(POLL_SECONDS)

    def _prepare(self, connection: psycopg.Connection[Any]) -> None:
        known = store.stored(connection)
        for projection in self._projections:
            if projection.name not in known:
                store.begin(connection, projection)
        store.resume(connection, self._names)
        self._stop_strayed(connection)
        outdated = [p for p in self._projections if p.name in known and known[p.name].version < p.version]
        if outdated and self._rebuilding is None:
            self._rebuilding = threading.Thread(
                target=self._rebuild, args=[tuple(outdated)], name="laurel rebuild", daemon=True
            )
            self._rebuilding.start()

    def _rebuild(self, outdated: tuple[Projection, ...]) -> None:
        """Beside the old tables, which go on answering as they are."""
        try:
            task = RebuildTask(projections=outdated, requested_by=actors.UPGRADE)
            turn = take_turn(self._conninfo, self._stopped.is_set, wait=True)
            asyncio.run(record_act(self._conninfo, task.act, task.requested_by))
            certificate = rebuild(self._conninfo, self._mapper, task, turn=turn, stopped=self._stopped.is_set)
        except Interrupted:
            log.info("rebuild_interrupted")
        except Exception as error:
            log.exception("rebuild_failed", error=described(error))
        else:
            for failure in certificate.failures:
                log.error("rebuild_failed", error=failure)
        finally:
            self._rebuilding = None

    def step(self, connection: psycopg.Connection[Any]) -> bool:
        """Reads and applies one page for each position that projections stand at. Says whether there may be more.

        One that is behind reads no further than where the next stands, and goes on together with it.
        """
        more = False
        self._taken = 0
        with connection.transaction():
            groups = self._groups(connection)
            places = sorted(groups)
            for place, following in zip_longest(places, places[1:]):
                limit = PAGE_EVENTS_MOST if following is None else min(PAGE_EVENTS_MOST, following - place)
                try:
                    page = read_page(connection, self._mapper, place, limit)
                except LogError as error:
                    self._stop(connection, groups[place], error)
                    continue
                if not page.events:
                    continue
                done = [projection for projection in groups[place] if self._apply(connection, projection, page.events)]
                store.advance(connection, [projection.name for projection in done], page.last)
                if page.last == following:
                    groups[following] += done
                self._taken += len(page.events)
                more = more or (len(page.events) == limit and bool(done))
            if not self._taken:
                self._stop_strayed(connection)
        if self._taken:
            connection.execute(f"notify {CHANNEL}")
        return more

    def _groups(self, connection: psycopg.Connection[Any]) -> dict[int, list[Projection]]:
        """The projections that run, by position."""
        groups: dict[int, list[Projection]] = {}
        at = store.lock(connection, self._names)
        for projection in self._projections:
            stored = at.get(projection.name)
            if stored and stored.version == projection.version and stored.error is None:
                groups.setdefault(stored.position, []).append(projection)
        return groups

    def _apply(self, connection: psycopg.Connection[Any], projection: Projection, events: list[Recorded]) -> bool:
        """Whether it went well; when not, nothing of it is written but why."""
        self._lease.ask()
        try:
            changes = projection.fold(self._mapper, events)
            if changes:
                with connection.transaction():
                    write(connection, projection.schema, changes)
        except Exception as error:
            if _passes(error):
                raise
            self._stop(connection, [projection], error)
            return False
        return True

    def _stop(self, connection: psycopg.Connection[Any], projections: Iterable[Projection], error: Exception) -> None:
        reason = described(error)
        for projection in projections:
            log.error("projection_stopped", projection=projection.name, error=reason)
            store.stop(connection, projection.name, reason)

    def _stop_strayed(self, connection: psycopg.Connection[Any]) -> None:
        for name, reason in store.stop_strayed(connection).items():
            log.error("projection_stopped", projection=name, error=reason)


def _passes(error: Exception) -> bool:
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    return error.sqlstate is None or error.sqlstate[:2] in _PASSING
