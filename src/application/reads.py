"""What jobs read of the projections, as protocols: whoever wires the program injects their implementations.

`reached` waits until what is read shows everything up to a position, at most so many seconds; False when it does not.
"""

from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from application.log.envelope import Origin
from application.log.working import Working
from domain.facts.fact import Fact
from domain.tiered.preview import Figures


class Awards(Struct, frozen=True, gc=False):
    """What an evaluation has awarded so far; corrections of it are not in it."""

    members: int
    points: Decimal


class CountedFact(Struct, frozen=True, gc=False):
    """A fact that changed the standing of a member in an occurrence, as the event of that `version` says."""

    occurrence: int
    member: str
    version: int
    fact: Fact


class FrozenStanding(Struct, frozen=True, gc=False):
    """A member of a preview, as of its freeze."""

    occurrence: int
    member: str
    total: Decimal
    confirmed: Decimal
    pending_points: Decimal
    award_points: Decimal


class RunningPreview(Struct, frozen=True, gc=False):
    campaign: UUID
    preview: UUID


class Acceptance(Struct, frozen=True, gc=False):
    """A pending transaction that is accepted by itself `at` an instant, which answers to what was received."""

    transaction: str
    at: datetime
    origin: Origin


class Positions(Protocol):
    async def reached(self, position: int, seconds: float, /) -> bool:
        """Of everything that is shown to callers."""


class Awarding(Protocol):
    async def awarded(self, position: int, seconds: float, /) -> bool:
        """Waits until campaigns have decided everything that was triggered up to a position."""

    async def covered(self, position: int, seconds: float, /) -> int | None:
        """As `awarded`; a position that covers what they have decided, None where they have not."""


class Origins(Protocol):
    async def origin(self, stream: UUID, version: int) -> Origin:
        """That of what answers to the event of a stream's version; NO_ORIGIN where it is not there."""


class Standings(Origins, Protocol):
    async def reached(self, position: int, seconds: float, /) -> bool: ...

    async def unawarded(self, campaign: UUID, occurrence: int, after_member: str, limit: int) -> list[str]:
        """Members whose standing is not awarded, in order, from the one after `after_member` on."""

    async def left(self, campaign: UUID, occurrence: int) -> int:
        """How many standings are not awarded."""

    async def awards(self, campaign: UUID, occurrence: int) -> Awards: ...

    async def counted(self, campaign: UUID, after: tuple[int, str, int], until: int, limit: int) -> list[CountedFact]:
        """What changed standings up to a position, by occurrence, member and version, from the one after `after` on."""


class Previews(Origins, Protocol):
    async def reached(self, position: int, seconds: float, /) -> bool: ...

    async def standings(
        self, preview: UUID, after_occurrence: int, after_member: str, limit: int
    ) -> list[FrozenStanding]:
        """In order of occurrence and member, from the one after those given on."""

    async def figures(self, preview: UUID) -> tuple[Figures, ...]: ...

    async def running(self, limit: int) -> list[RunningPreview]:
        """Those that were asked for and are not finished, oldest first."""


class Facts(Protocol):
    async def reached(self, position: int, seconds: float, /) -> bool: ...

    async def due_acceptances(self, until: datetime, limit: int) -> list[Acceptance]:
        """Earliest first."""

    async def next_acceptance(self) -> datetime | None:
        """When the earliest one is due."""


class Reads(Struct, frozen=True):
    """Everything of it together."""

    positions: Positions
    standings: Standings
    previews: Previews
    facts: Facts


class Behind(Exception):  # noqa: N818  named for what happened
    """What is read does not show a position in time: its projection has stopped, or is far behind. Try again later."""

    def __init__(self, position: int, who: str = "the projections") -> None:
        super().__init__(f"{who} do not reach position {position}; see /v1/projections")
        self.position = position


PATIENCE_SECONDS = 120.0


async def reach(reads: Positions, position: int) -> None:
    """Raises Behind."""
    if not await reads.reached(position, PATIENCE_SECONDS):
        raise Behind(position)


async def reach_awards(awarding: Awarding, position: int) -> None:
    """Raises Behind."""
    if not await awarding.awarded(position, PATIENCE_SECONDS):
        raise Behind(position, "the decisions of campaigns")


def nothing(_: Working) -> None:
    """A command that records nothing: its position covers everything recorded before it, and once it has been decided
    the process's catalogue is as new.
    """
