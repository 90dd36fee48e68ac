"""Simulations: what facts would do, decided by the very commands of the real thing over a copy that is thrown away.

Everything is read as of one position, and nothing is recorded. Facts are taken in order, and what one of them triggers
is decided before the next.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from application.campaigns.award_policy import SEED_BYTES
from application.campaigns.awarding import Draw, Firing, concerned, decide_triggers, fired_by
from application.definitions.catalogue import Catalogue
from application.facts.bodies import AcceptFact, EventBody, RefundFact, RejectFact, TransactionBody, UpdateFact
from application.facts.commands import FactCommand, FactReceipt, Sent, answered_before
from application.facts.ingest import Repeated
from application.log.catalogue import Entry
from application.log.envelope import Envelope
from application.log.errors import Cold, LoadsTooDeep
from application.log.events import Recorded
from application.log.mapper import Mapper
from application.log.snapshot import snapshot
from application.log.streams import Stream
from application.log.uuids import uuid_of
from application.log.working import Command, Seen, Working
from application.log.writer import Writer
from application.members.commands import origin_of
from application.service.idempotency import First
from application.service.refusals import Busy, Refusal
from application.streams import MEMBER, MEMBER_EVENT, TRANSACTION
from domain.facts.event import Received as EventReceived
from domain.facts.transaction import Received, Refunded
from domain.members.member import Member
from domain.values.attributes import Attributes
from domain.values.problems import Invalid, Problem

LOADS = 32
"""So often at most one command asks for streams that are not loaded."""
STREAMS = 20_000
"""The most streams that one simulation loads."""
DECISIONS = 1_000
"""The most decisions of one simulation; of more, nobody would read the answer."""

A = TypeVar("A")
S = TypeVar("S")

OPEN = 2
"""The most simulations that one process runs at once; others wait."""
WAIT_SECONDS = 5.0
OPEN_SECONDS = 20.0

_NOBODY = UUID(int=0)
"""Stands where the command's id would be."""


class Store(Protocol):
    """The log as it stands at `position`."""

    @property
    def position(self) -> int: ...

    async def load(self, keys: Sequence[bytes], /) -> Mapping[bytes, Seen]:
        """Version and state of each of the streams: 0 and None where there is none."""


class TooMuch(Invalid):
    """More than one simulation looks at."""

    def __init__(self, detail: str) -> None:
        super().__init__([Problem("/facts", detail, "too_much")])


class MemberDescription(Struct, frozen=True):
    """A member as they are taken to be; what is not said of one there is stays as it is recorded."""

    tier: str | None = None
    attributes: Attributes | None = None
    referrer: str | None = None
    lists: tuple[str, ...] | None = None


class Draft(NamedTuple):
    """A command that makes a draft a part of the catalogue; `pointer` is where the draft stands."""

    pointer: str
    command: Command


class _LoadingWorking(Working):
    """What a simulation sees: nothing finds out later, when it is appended, that a stream was not new after all."""

    __slots__ = ()

    def state_if_known(self, stream: Stream[S, Any]) -> S | None:
        """It is loaded, as any other."""
        return self.state(stream)


class Simulation:
    """The program going on from a store's position, in memory.

    `catalogue` must be a copy of its own. `began` is the position that everything is read at, `events` are what facts
    and decisions would record after it, `position` that of the last event there would be.
    """

    def __init__(self, store: Store, mapper: Mapper, catalogue: Catalogue, now: datetime, seed: bytes) -> None:
        self.catalogue = catalogue
        self.began = self.position = store.position
        self.events: list[Recorded] = []
        self._store = store
        self._mapper = mapper
        self._seed = seed
        self._seen: dict[bytes, Seen] = {}
        self._working = _LoadingWorking(mapper, self, now, catalogue)
        self._envelope = Envelope(now, _NOBODY, "")
        self._firsts: dict[UUID, list[First]] = {}
        self._decisions = 0

    def knows(self, key: bytes) -> bool:
        return key in self._seen

    def find(self, key: bytes) -> Seen | None:
        return self._seen.get(key)

    async def state(self, stream: Stream[S, Any]) -> S | None:
        """A stream as it would stand."""
        return await self._do(lambda working: working.state(stream))

    async def draft(self, drafts: Sequence[Draft]) -> None:
        """Lays drafts over the catalogue, as if each were saved and made active. Raises Invalid, with all faults."""
        problems: list[Problem] = []
        for draft in drafts:
            try:
                await self._do(draft.command)
            except Invalid as invalid:
                problems += [problem.under(draft.pointer) for problem in invalid.problems]
            except Refusal as refusal:
                problems.append(Problem(draft.pointer, refusal.detail, refusal.code))
            await asyncio.sleep(0)
        self.events = []
        if problems:
            raise Invalid(problems)

    async def describe(self, member_id: str, described: MemberDescription) -> None:
        """Takes a member to be so from here on; raises Invalid."""
        problems = [
            Problem(f"/lists/{number}", f"no list `{code}`", "unknown")
            for number, code in enumerate(described.lists or ())
            if not self.catalogue.has_list(code)
        ]
        if described.referrer == member_id:
            problems.append(Problem("/referrer", "must be another member"))
        if problems:
            raise Invalid(problems)
        stream = MEMBER.at(member_id)
        await self._load([stream.key])
        version, known = self._seen[stream.key]
        was: Member = known or Member(member_id)
        if was.referrer is None and described.referrer is not None:
            await self._check_referrer(member_id, described.referrer)
        member = replace(
            was,
            tier=was.tier if described.tier is None else described.tier,
            attributes=was.attributes if described.attributes is None else described.attributes,
            lists=was.lists if described.lists is None else tuple(dict.fromkeys(described.lists)),
            referrer=was.referrer if described.referrer is None else described.referrer,
        )
        self._seen[stream.key] = (version + 1, member)

    async def _check_referrer(self, member_id: str, referrer: str) -> None:
        if await self._do(lambda working: origin_of(working, referrer)) == member_id:
            detail = f"`{member_id}` has referred `{referrer}`, directly or through others"
            raise Invalid([Problem("/referrer", detail, "referrer_cycle")])

    async def expect(self, facts: Sequence[Sent]) -> None:
        """Loads at once what tells whether facts are there already."""
        await self._load([stream.key for fact in facts if (stream := _stream_of(fact))])

    async def take(self, fact: Sent, command: FactCommand) -> FactReceipt | Refusal | Invalid | Repeated:
        """What the fact would be answered, all that it triggers decided.

        Raises TooMuch. Repeated is a fact that was recorded before; one that came in the simulation is answered again.
        """
        before = len(self.events)
        await asyncio.sleep(0)  # where everything is loaded, nothing else would let others have a turn
        try:
            answer = await self._do(command)
        except Repeated as repeated:
            return answered_before(fact, self._firsts.get(repeated.stream.id, ())) or repeated
        except (Refusal, Invalid) as refused:
            return refused
        caused, position = self.events[before:], self.position
        self._remember(caused, position)
        await self._decide([one for recorded in caused if (one := fired_by(recorded))])
        return FactReceipt(position, answer, repeated=False)

    async def _decide(self, fired: Sequence[Firing]) -> None:
        if not fired:
            return
        self._decisions += sum(1 for one in fired for _ in concerned(self.catalogue, one))
        if self._decisions > DECISIONS:
            raise TooMuch(f"lead to more than {DECISIONS} decisions; send fewer")
        part = self.position
        await self._do(lambda working: decide_triggers(working, fired, Draw(self._seed, part)))

    def _remember(self, events: Sequence[Recorded], position: int) -> None:
        for recorded in events:
            if isinstance(recorded.event, Received | EventReceived | Refunded):
                self._firsts.setdefault(recorded.stream, []).append(First(recorded.stream, recorded.event, position))

    async def _do(self, command: Callable[[Working], A]) -> A:
        working = self._working
        for _ in range(LOADS):
            working.begin()
            try:
                answer = command(working)
            except Cold as cold:
                working.take_back()
                missing = cold.keys
            except Exception:
                working.take_back()
                raise
            else:
                await self._keep()
                return answer
            await self._load(missing)
        raise LoadsTooDeep(LOADS)

    async def _keep(self) -> None:
        """What the command recorded, at the positions that it would have."""
        working = self._working
        for held, version, tag, payload, _ in working.rows:
            self.position += 1
            self.events.append(Recorded(self._mapper, self.position, held.key, version, tag, payload, self._envelope))
        if working.changes_catalogue:
            changed = {held.key: held for held, *_ in working.rows if held.kind.catalogue}
            await self.catalogue.load(
                [Entry(uuid_of(key), held.kind.name, held.state, self.position) for key, held in changed.items()]
            )

    async def _load(self, keys: Sequence[bytes]) -> None:
        missing = [key for key in dict.fromkeys(keys) if key not in self._seen]
        if len(self._seen) + len(missing) > STREAMS:
            raise TooMuch(f"concern more than {STREAMS} streams; send fewer")
        if missing:
            self._seen.update(await self._store.load(missing))


class Simulator:
    """Opens simulations of the program as it stands, a few at once."""

    def __init__(self, writer: Writer, pool: AsyncConnectionPool, mapper: Mapper) -> None:
        self._writer = writer
        self._pool = pool
        self._mapper = mapper
        self._room = asyncio.Semaphore(OPEN)

    @asynccontextmanager
    async def simulate(self, now: datetime) -> AsyncIterator[tuple[Simulation, AsyncConnection[Any]]]:
        """With the connection it reads on, at its position. Raises Busy, and TooMuch for one that takes too long."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._room.acquire()
        except TimeoutError:
            raise Busy(f"{OPEN} simulations are under way; try again") from None
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                catalogue: Catalogue = (await self._writer.submit(lambda working: working.catalogue.forked())).answer
                async with snapshot(self._pool, self._mapper) as store:
                    await catalogue.load(await store.catalogue(catalogue.position))
                    seed = secrets.token_bytes(SEED_BYTES)
                    yield Simulation(store, self._mapper, catalogue, now, seed), store.connection
        except TimeoutError:
            raise TooMuch(f"take longer than {OPEN_SECONDS:g} s; send fewer") from None
        finally:
            self._room.release()


def _stream_of(fact: Sent) -> Stream[Any, Any] | None:
    match fact:
        case TransactionBody() | AcceptFact() | RejectFact() | UpdateFact() | RefundFact():
            return TRANSACTION.at(fact.id)
        case EventBody():
            return MEMBER_EVENT.at(fact.id)
        case _:
            return None
