"""The award policy's own stream: how far in the log it has decided what completions and progress trigger."""

from typing import ClassVar
from uuid import UUID

from msgspec import Struct


class Decided(Struct, frozen=True, gc=False, array_like=True):
    """Everything up to a position is decided, and what came of it is recorded with this.

    What is at the position after it is decided by these `campaigns`, where they were more than are decided at once.
    """

    tag: ClassVar[str] = "award_policy.decided"
    position: int
    campaigns: tuple[UUID, ...] = ()


NOTHING = Decided(0)


def evolve(_: Decided | None, event: Decided) -> Decided:
    return event
