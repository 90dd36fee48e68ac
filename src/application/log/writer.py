"""The writer: commands queue while a transaction is under way, and the next one takes them all."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import NamedTuple, TypeVar
from uuid import UUID

import psycopg

from application.log.batch import Batch, BatchCommand, Commit, Decision, Submission
from application.log.cache import Cache, Kept
from application.log.catalogue import DefinitionStore
from application.log.deciding import Deciding
from application.log.envelope import NO_ORIGIN, PROGRAM, Origin
from application.log.errors import (
    AppendFailed,
    Contended,
    FateUnknown,
    LogError,
    Overloaded,
    Stopped,
    Unavailable,
)
from application.log.mapper import Mapper
from application.log.session import LOST, AppendResult, Session
from application.log.wakeup import Notifier
from application.log.working import Command

BATCH_COMMANDS = 1_000
BATCH_BULK_COMMANDS = 250
AHEAD_COMMANDS = 250
"""So many are decided while the batch before theirs is being written. Fewer wait for it to end, so that what comes
meanwhile shares their transaction."""
QUEUE_COMMANDS = 20_000
TRIES = 20
RECONNECT_SECONDS = 30.0
BACKOFF_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
STOP_SECONDS = 30.0
STALL_SECONDS = 4.0
"""Once the database owes an answer for so long, nobody waits for it any more; the writer itself does."""
WATCH_SECONDS = 0.5
FAILURE_SECONDS = 10.0
"""How long a failure to write is told of: who is told sends nothing more, which would show that it is over."""

_RETRIED = "40"
"""Class of SQLSTATE: the transaction was rolled back for another one's sake."""

_OUT_OF_ORDER = ("53", "55", "57", "58", "25")
"""Classes of SQLSTATE of a server that can't write now: its disk is full, it is stopping, it is read only, ..."""

T = TypeVar("T")


class _Formation(NamedTuple):
    """A batch decided and ready to be sent."""

    batch: Batch
    parameters: list[bytes]

    @property
    def jobs(self) -> list[BatchCommand]:
        """Those it decided; what was settled meanwhile, or is to run alone, is not among them."""
        return [decision.job for decision in self.batch.decisions]


_log = logging.getLogger("laurel.log")


async def _now() -> datetime:
    return datetime.now(UTC)


class Writer:
    """Owns one writing connection and the order of what goes through it. Lives in one event loop.

    A long batch is decided while the one before it is being written, on the states which that one will leave. Should
    not all of that land, it is decided again behind what is left of the other.
    """

    def __init__(
        self,
        conninfo: str,
        mapper: Mapper,
        catalogue: DefinitionStore,
        *,
        clock: Callable[[], Awaitable[datetime]] = _now,
        bucket: int = 0,
        queue_commands: int = QUEUE_COMMANDS,
        reconnect_seconds: float = RECONNECT_SECONDS,
    ) -> None:
        self.listeners: list[Callable[[int], None]] = []
        """Called in the loop's thread with the head's position after each commit; must return at once."""
        self._mapper = mapper
        self._catalogue = catalogue
        self._catalogue_due = True
        self._clock = clock
        self._queue_commands = queue_commands
        self._reconnect_seconds = reconnect_seconds
        self._bucket = bucket
        self._appending = Session(conninfo, mapper, bucket, "laurel writer")
        self._reading = Session(conninfo, mapper, bucket, "laurel writer's reads")
        self._notifier = Notifier(conninfo)
        self._cache = Cache()
        self._queue: deque[BatchCommand] = deque()
        self._bulk: deque[BatchCommand] = deque()
        self._alone: deque[BatchCommand] = deque()
        self._arrived = asyncio.Event()
        self._ahead: asyncio.Task[_Formation | None] | None = None
        self._may_form_ahead = False
        self._holds = True
        """Whether all that the batch ahead is decided on has landed so far."""
        self._under_way: list[list[BatchCommand]] = []
        self._stall: float | None = None
        """The wait for the database that takes too long, by its beginning."""
        self._failure: tuple[str, float] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    @property
    def waiting(self) -> float:
        """For how many seconds the database has owed an answer; 0 when it owes none."""
        return max((monotonic() - since for since in self._waits), default=0.0)

    @property
    def failure(self) -> str | None:
        """Why it can't write, as far as it is known."""
        if self._stalled:
            return f"the database has not answered for {self.waiting:.0f} seconds"
        if self._failure and monotonic() - self._failure[1] < FAILURE_SECONDS:
            return self._failure[0]
        return None

    @property
    def _waits(self) -> list[float]:
        return [session.waits_since for session in (self._appending, self._reading) if session.waits_since is not None]

    @property
    def _stalled(self) -> bool:
        return self._stall is not None and self._stall in self._waits

    @property
    def queued(self) -> int:
        return len(self._queue) + len(self._bulk)

    async def start(self) -> None:
        """Raises Unavailable when the database can't be reached in time."""
        try:
            await self._refresh_catalogue()
            await self._reaching(self._appending, Session.ensure)
        except Unavailable:
            await self._reading.close()
            raise
        self._stopping = False
        self._tasks = [
            asyncio.create_task(self._run(), name="laurel writer"),
            asyncio.create_task(self._notifier.run(), name="laurel notifier"),
            asyncio.create_task(self._watch(), name="laurel writer watch"),
        ]

    async def stop(self) -> None:
        """Takes no more commands, finishes those it has (bounded), and closes the connection."""
        self._stopping = True
        self._arrived.set()
        if self._tasks:
            await asyncio.wait([self._tasks[0]], timeout=STOP_SECONDS)
            for task in self._tasks:
                await _ended(task)
            self._tasks = []
        if self._ahead and (formed := await _ended(self._ahead)):
            self._put_back(formed.jobs)
        self._ahead = None
        self._turn_away(Stopped())
        self._cache.clear()
        await self._appending.close()
        await self._reading.close()

    async def submit(
        self,
        command: Command,
        *,
        actor: str = PROGRAM,
        command_id: UUID | None = None,
        origin: Origin = NO_ORIGIN,
        bulk: bool = False,
    ) -> Commit:
        """Decides the command in the next batch and returns once that is on disk.

        Raises what the command raises, or one of application.log.errors.
        """
        submission = Submission(1, actor, command_id, origin, bulk=bulk)
        self._enqueue([BatchCommand(command, submission, 0)], self._bulk if bulk else self._queue)
        outcome = (await submission.future)[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def submit_many(
        self,
        commands: Sequence[Command],
        *,
        actor: str = PROGRAM,
        origin: Origin = NO_ORIGIN,
        origins: Sequence[Origin] | None = None,
        bulk: bool = False,
    ) -> list[Commit | Exception]:
        """Decides the commands in order, each by itself: one that raises leaves no trace and does not hold up the rest.
        They come from one `origin`, or each from one of its own.

        Raises Overloaded or Stopped when none of them was queued.
        """
        if not commands:
            return []
        submission = Submission(len(commands), actor, None, origin, bulk=bulk)
        jobs = [BatchCommand(command, submission, index) for index, command in enumerate(commands)]
        for job, own in zip(jobs, origins or (), strict=False):
            job.origin = own
        self._enqueue(jobs, self._bulk if bulk else self._queue)
        return await submission.future

    def _enqueue(self, jobs: list[BatchCommand], queue: deque[BatchCommand]) -> None:
        if self._stopping or not self._tasks or self._tasks[0].done():
            raise Stopped
        if self.queued + len(jobs) > self._queue_commands:
            raise Overloaded(self.queued)
        if self._stalled:
            raise Unavailable(str(self.failure))
        queue.extend(jobs)
        self._arrived.set()
        self._form_ahead()

    async def _run(self) -> None:
        formed: _Formation | None = None
        while True:
            if formed:
                formed = await self._write(formed)
            elif jobs := self._take():
                formed = await self._form(jobs)
            elif self._stopping:
                return
            else:
                self._arrived.clear()
                await self._arrived.wait()

    def _take(self) -> list[BatchCommand]:
        """The next batch's commands: those that someone waits for first, and some of the bulk's so that it goes on."""
        if self._alone:
            return [self._alone.popleft()]
        jobs = _first(self._queue, BATCH_COMMANDS)
        room = min(BATCH_COMMANDS - len(jobs), BATCH_BULK_COMMANDS) if jobs else BATCH_COMMANDS
        return jobs + _first(self._bulk, room)

    def _put_back(self, jobs: Sequence[BatchCommand]) -> None:
        for job in reversed(jobs):
            job.loads = 0
            (self._bulk if job.submission.bulk else self._queue).appendleft(job)

    async def _form(self, jobs: list[BatchCommand]) -> _Formation | None:
        """The batch that the jobs, or the first of them, make; the others wait again. None when nothing came of it."""
        return await self._settling(jobs, self._decide(jobs))

    async def _decide(self, jobs: list[BatchCommand]) -> _Formation | None:
        await self._refresh_catalogue()
        catalogue = self._catalogue.position
        now = await self._reaching(self._reading, lambda _: self._clock())
        deciding = Deciding(self._mapper, self._cache, self._load, now, self._catalogue)
        decisions, rest = await deciding.decide(jobs)
        batch = Batch(decisions, now, catalogue, self._mapper)
        if batch.faults:
            batch = self._without_faults(batch)
        parameters = batch.parameters(self._bucket)
        self._put_back(rest)
        return _Formation(batch, parameters) if batch.decisions else None

    def _without_faults(self, batch: Batch) -> Batch:
        """A state that can't be encoded is the fault of one command of its unit, or of what it was decided on. Which,
        shows when each runs alone on what is loaded anew.
        """
        units: dict[int, list[Decision]] = {unit: [] for unit in batch.faults}
        for decision in batch.decisions:
            if decision.unit in units:
                units[decision.unit].append(decision)
        for unit, decisions in units.items():
            if len(decisions) == 1 and decisions[0].job.tries:
                decisions[0].job.settle(batch.faults[unit])
            else:
                self._alone.extend(self._again(decisions))
        return batch.without(batch.faults)

    async def _load(self, keys: list[bytes]) -> dict[bytes, Kept | LogError]:
        return await self._reaching(self._reading, lambda session: session.load(keys))

    async def _write(self, formed: _Formation) -> _Formation | None:
        """Writes a batch, and answers the next one where that was formed meanwhile and holds."""
        again: list[BatchCommand] | None = None
        self._expect(formed.batch)
        # What comes after a change to the catalogue must see it, and so waits for it; the states that a batch passes by
        # are in its events alone, and can be loaded once these are in the log.
        self._may_form_ahead = not (formed.batch.changes_catalogue or formed.batch.passes_by or self._alone)
        try:
            self._form_ahead()
            again = await self._settling(formed.jobs, self._append(formed))
            self._may_form_ahead = False
            ahead = await self._collect_ahead()
            if ahead and not self._holds:
                self._put_back(ahead.jobs)
                return None
            return ahead
        finally:
            self._may_form_ahead = False
            self._put_back(again or [])

    def _expect(self, batch: Batch) -> None:
        """What it will leave, if all of it lands, is what the next one is decided on."""
        self._holds = True
        for held, state in zip(batch.written, batch.states, strict=True):
            if not held.kind.brief:
                self._cache.put(held.key, (held.version, held.kind.name, state))

    def _form_ahead(self) -> None:
        """Begins to decide a long batch while the one before it is being written."""
        if self._may_form_ahead and self._ahead is None and self.queued >= AHEAD_COMMANDS:
            self._ahead = asyncio.create_task(self._form(self._take()), name="laurel writer ahead")

    async def _collect_ahead(self) -> _Formation | None:
        """Without a turn for anyone else where it has been formed already: the next batch is sent at once."""
        if self._ahead is None:
            return None
        if not self._ahead.done():
            await asyncio.wait([self._ahead])
        formed, self._ahead = self._ahead.result(), None
        return formed

    async def _append(self, formed: _Formation) -> list[BatchCommand]:
        """Settles the decisions' jobs, but for those it returns: they must be decided again."""
        batch = formed.batch
        with self._appending.waiting():
            if self._appending.lost:
                await self._reaching(self._appending, Session.ensure)
            try:
                appended = await self._appending.append(formed.parameters)
            except psycopg.Error as error:
                if self._appending.lost or _cut(error):
                    return await self._find_fate(batch, error)
                return self._refused(batch, error)
            except (OSError, TimeoutError) as error:
                return await self._find_fate(batch, error)
        if appended.stale:
            self._catalogue_due = True
            return self._again(batch.decisions)
        return self._landed(batch, appended)

    def _landed(self, batch: Batch, appended: AppendResult) -> list[BatchCommand]:
        conflicted: list[Decision] = []
        position = appended.head
        for decision in batch.decisions:
            if decision.unit in appended.conflicts:
                conflicted.append(decision)
            else:
                position += len(decision.rows)
                decision.settle(position)
        self._catalogue_due |= batch.changes_catalogue
        if position > appended.head:
            self._failure = None
            self._tell(position)
        return self._again(conflicted)

    def _again(self, decisions: list[Decision]) -> list[BatchCommand]:
        """Those to decide again, bounded; they first load anew whatever they touched."""
        jobs: list[BatchCommand] = []
        for decision in decisions:
            job = decision.job
            job.tries += 1
            job.loads = 0
            job.required = self._forget(decision)
            if job.tries > TRIES:
                job.settle(Contended(TRIES))
            else:
                jobs.append(job)
        return jobs

    def _forget(self, decision: Decision) -> list[bytes]:
        """What did not land, or was decided by old states, is not known any more."""
        self._holds = False
        touched = [held.key for held in decision.touched]
        self._cache.drop(touched)
        return touched

    def _refused(self, batch: Batch, error: psycopg.Error) -> list[BatchCommand]:
        """The server answered with an error and the connection lives, so nothing was written."""
        state = error.sqlstate or ""
        if state.startswith(_RETRIED):
            return self._again(batch.decisions)
        if state.startswith(_OUT_OF_ORDER):
            raise Unavailable(str(error)) from error
        if len(batch.decisions) == 1:
            self._forget(batch.decisions[0])
            batch.decisions[0].job.settle(AppendFailed(str(error)))
        else:
            self._alone.extend(self._again(batch.decisions))
        return []

    async def _find_fate(self, batch: Batch, error: Exception) -> list[BatchCommand]:
        """The connection went while the batch was under way. Once its session is over, the log says what landed: a
        command whose events are there under its own envelope is recorded, the others are decided again.
        """
        _log.warning("connection lost during an append: %s", error)
        recorded = [decision for decision in batch.decisions if decision.rows]
        await self._appending.close()
        try:
            positions = await self._reaching(self._appending, lambda session: session.fate(recorded))
        except Unavailable as unavailable:
            _settle([decision.job for decision in recorded], FateUnknown(str(unavailable)))
            raise
        landed = {id(decision): position for decision, position in zip(recorded, positions, strict=True)}
        self._catalogue_due = True
        lost: list[Decision] = []
        for decision in batch.decisions:
            position = landed.get(id(decision))
            self._forget(decision)
            if position is None:
                lost.append(decision)
            else:
                decision.settle(position)
                self._tell(position)
        return self._again(lost)

    async def _settling(self, jobs: list[BatchCommand], work: Awaitable[T]) -> T | None:
        """What `work` answers; when it fails, its jobs are settled, for the loop that everyone waits on goes on."""
        self._under_way.append(jobs)
        try:
            return await work
        except asyncio.CancelledError:
            _settle(jobs, FateUnknown("the writer was stopped while the command was under way"))
            raise
        except Unavailable as error:
            self._failure = str(error), monotonic()
            _settle(jobs, error)
            self._turn_away(error)
            self._cache.clear()
            self._holds = False
        except Exception as error:  # noqa: BLE001  a fault of ours must not end the loop
            _log.exception("a batch of %d commands failed", len(jobs))
            _settle(jobs, error)
            self._cache.clear()
            self._holds = False
        finally:
            self._under_way.remove(jobs)
        return None

    async def _watch(self) -> None:
        """Tells those who wait for a database that does not answer. What is under way may land yet; the rest will not.

        A wait is seen twice before it counts: where it was this process that stood still, its answer may have come.
        """
        seen: float | None = None
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            since = min(self._waits, default=None)
            if since is not None and since == seen and self.waiting > STALL_SECONDS:
                self._stall = since
                error = FateUnknown(str(self.failure))
                for jobs in self._under_way:
                    _settle(jobs, error)
                self._turn_away(Unavailable(str(self.failure)))
            seen = since

    def _turn_away(self, error: LogError) -> None:
        """Those who are queued."""
        _settle([*self._alone, *self._queue, *self._bulk], error)
        self._alone.clear()
        self._queue.clear()
        self._bulk.clear()

    def _tell(self, position: int) -> None:
        self._notifier.due()
        for listener in self.listeners:
            listener(position)

    async def _refresh_catalogue(self) -> None:
        """After a commit to it, when an append found it stale, and at the start."""
        if not self._catalogue_due:
            return
        entries = await self._reaching(self._reading, lambda session: session.catalogue(self._catalogue.position))
        if entries:
            await self._catalogue.load(entries)
        self._catalogue_due = False

    async def _reaching(self, session: Session, ask: Callable[[Session], Awaitable[T]]) -> T:
        """What `ask` answers; it must be safe to repeat, as it is when the connection is lost. Raises Unavailable."""
        deadline = monotonic() + self._reconnect_seconds
        attempt = 0
        with session.waiting():
            while True:
                try:
                    await session.ensure()
                    return await ask(session)
                except (*LOST, Unavailable) as error:
                    if monotonic() > deadline:
                        raise Unavailable(str(error).strip()) from error
                    await session.close()
                await asyncio.sleep(BACKOFF_SECONDS[min(attempt, len(BACKOFF_SECONDS) - 1)])
                attempt += 1


async def _ended(task: asyncio.Task[T]) -> T | None:
    """What the task answered before it was cancelled here."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        return await task
    return None


def _first(queue: deque[BatchCommand], count: int) -> list[BatchCommand]:
    """Takes up to `count` from the front; those whose caller has gone, or was told, are dropped undecided."""
    jobs: list[BatchCommand] = []
    while queue and len(jobs) < count:
        job = queue.popleft()
        if not job.submission.future.done():
            jobs.append(job)
    return jobs


def _settle(jobs: Iterable[BatchCommand], outcome: Exception) -> None:
    for job in jobs:
        job.settle(outcome)


def _cut(error: psycopg.Error) -> bool:
    """Whether the error ends the session, so that it does not tell the transaction's fate."""
    state = error.sqlstate
    return state is None or state.startswith(("08", "57P"))
