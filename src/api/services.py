"""What the routes work with, injected by the wiring; and what is known about one request while it is answered."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from application.clock import Clock, SandboxClock
from application.keys import Principal
from application.settings import Settings


class Positions(Protocol):
    """How far the projections that answer reads have come."""

    def reached(self, *names: str) -> int:
        """The position that all of the projections named have reached; of all there are, if none is named."""

    async def wait_for(self, position: int, seconds: float, /, *names: str) -> bool:
        """Wait until they have reached `position`, at most `seconds`; False when they have not."""


class KeyVerifier(Protocol):
    """Says who an API key belongs to."""

    async def verify(self, key: str) -> Principal | None: ...


class Check(Struct, frozen=True):
    """One thing that must hold for the service to be ready."""

    name: str
    ok: bool
    detail: str = ""


class Services(Struct, kw_only=True):
    """Everything injected. `due` makes everything happen that is due by an instant, in order (sandbox only)."""

    settings: Settings
    clock: Clock
    keys: KeyVerifier
    positions: Positions
    sandbox: SandboxClock | None = None
    due: Callable[[datetime], Awaitable[None]] | None = None
    checks: tuple[Callable[[], Awaitable[Check]], ...] = ()


class Exchange(Struct):
    """One request and its answer, as the frame sees them: `sent` are its headers, `headers` are added to the answer."""

    services: Services
    request_id: str
    principal: Principal | None = None
    position: int = 0
    query: dict[str, str] = {}
    headers: list[tuple[bytes, bytes]] = []
    sent: dict[bytes, bytes] | None = None
    status: int = 0
