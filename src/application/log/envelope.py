"""What surrounds an event: when, by whom, and in answer to what it was recorded."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

PROGRAM = "laurel"
"""The actor of what nobody asked for, which its name goes on to say what for."""


class Cause(Struct, frozen=True, gc=False, array_like=True):
    """The recorded event that a command answers to."""

    stream: UUID
    version: int


class Envelope(Struct, frozen=True, gc=False, array_like=True):
    """What is known of an event beside what it says; all events of one command share it.

    `correlation` is the command that began the chain, where this one continues it; `cause` the event it answers to.
    Fields are only ever added at the end, with defaults. `recorded_at` stays the first, behind a single byte: should it
    lie before what the log has, the append puts the log's in its place.
    """

    recorded_at: datetime
    command: UUID
    actor: str
    correlation: UUID | None = None
    cause: Cause | None = None


class Origin(Struct, frozen=True, gc=False):
    """Where an event comes from: the event that it answers to, and the command that began the chain it continues."""

    cause: Cause | None = None
    correlation: UUID | None = None


NO_ORIGIN = Origin()
"""Of what begins a chain, and answers to nothing recorded."""
