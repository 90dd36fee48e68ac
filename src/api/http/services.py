"""What the routes work with, injected by the wiring; and what is known about one request while it is answered."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from msgspec import Struct
from prometheus_client.registry import Collector
from psycopg_pool import AsyncConnectionPool

from application.bodies.remainder import Remainder
from application.facts.commands import FactIntake
from application.imports.importing import ImportIntake
from application.imports.storage import ImportStorage
from application.log.mapper import Mapper
from application.log.writer import Writer
from application.reads import Awarding
from application.schedule.jobs.store import JobStore
from application.service.clock import Clock, SandboxClock
from application.service.idempotency import Answers
from application.service.keys import KeyVerifier, Principal
from application.service.settings import Settings
from application.simulation.simulation import Simulator
from projections.engine.rebuild import RebuildTask, RebuildTurn


class ReachedPositions(Protocol):
    """How far the projections that answer reads have come."""

    def reached(self, *names: str) -> int:
        """The position that all of the projections named have reached; of all there are, if none is named."""

    async def wait_for(self, position: int, seconds: float, /, *names: str) -> bool:
        """Wait until they have reached `position`, at most `seconds`; False when they have not."""


class ReadinessCheck(Struct, frozen=True):
    """One thing that must hold for the service to be ready, and what is wrong where it does not."""

    name: str
    ok: bool
    detail: str = ""


async def no_checks() -> list[ReadinessCheck]:
    """Of what can always do its work."""
    return []


class Services(Struct, kw_only=True):
    """Everything injected. `due` makes everything happen that is due by an instant, in order (sandbox only).

    `checks` says in time whether the service can do its work. `collectors` are of measurements beyond those of
    requests.
    """

    settings: Settings
    clock: Clock
    keys: KeyVerifier
    positions: ReachedPositions
    awarding: Awarding
    sandbox: SandboxClock | None = None
    due: Callable[[datetime], Awaitable[None]] | None = None
    checks: Callable[[], Awaitable[list[ReadinessCheck]]] = no_checks
    collectors: tuple[Collector, ...] = ()


class PreviewRuns(Protocol):
    """Whoever calculates previews."""

    async def start(self, campaign: UUID, preview: UUID) -> None:
        """Have a preview that is recorded calculated, in the background; safe to repeat."""


class RebuildRuns(Protocol):
    """Whoever rebuilds."""

    def take_turn(self) -> RebuildTurn | None:
        """None while another rebuild is running. To be given back, or started with."""

    def start(self, task: RebuildTask, turn: RebuildTurn) -> None:
        """In the background; the turn is given back at its end."""

    def stop(self) -> None:
        """Interrupt what is under way."""


class Commands(Struct):
    """What decides and records, and what says how it would."""

    writer: Writer
    facts: FactIntake
    answers: Answers
    previews: PreviewRuns
    simulator: Simulator


class ReadAccess(Struct):
    """What is read from: connections that are in autocommit mode with their time zone in UTC, and the log's mapper."""

    pool: AsyncConnectionPool
    mapper: Mapper


class Imports(Struct):
    """Where imports are kept until they are done, and what takes their rows in."""

    jobs: JobStore
    storage: ImportStorage
    intake: ImportIntake


class RunningProgram(Services, kw_only=True):
    """What the routes of the program itself work with."""

    commands: Commands
    reads: ReadAccess
    rebuilds: RebuildRuns
    imports: Imports

    @property
    def pool(self) -> AsyncConnectionPool:
        return self.reads.pool

    @property
    def mapper(self) -> Mapper:
        return self.reads.mapper


class Exchange(Struct):
    """One request and its answer, as the frame sees them: `sent` are its headers, `headers` are added to the answer.

    `after` is the position that a read is to have reached, `position` the one that the answer states. `remainder` is
    what is left of a body that is partly wrong: the request will be refused, for all that is.
    """

    services: Services
    request_id: str
    principal: Principal | None = None
    after: int = 0
    position: int = 0
    query: dict[str, str] = {}
    headers: list[tuple[bytes, bytes]] = []
    sent: dict[bytes, bytes] | None = None
    remainder: Remainder[Any] | None = None
    status: int = 0
