"""One batch: what its commands decided, made into the arrays of one append, and its answer made into theirs."""

from datetime import datetime
from struct import pack
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from application.log import arrays
from application.log.events import Cause, Envelope
from application.log.mapper import Mapper
from application.log.working import Command, Held, Row

_TOUCHED = (arrays.Uuids, arrays.Ints, arrays.Ints)
_STREAMS = (arrays.Uuids, arrays.Texts, arrays.Ints, arrays.Ints, arrays.Byteas, arrays.Bools, arrays.Ints)
_EVENTS = (arrays.Uuids, arrays.Ints, arrays.Texts, arrays.Byteas, arrays.Byteas, arrays.Ints)

APPEND_TYPES = [23, 20, *(column.oid for column in (*_TOUCHED, *_STREAMS, *_EVENTS))]
"""Of the parameters of `laurel.append`: an int, a bigint, and the columns of what was touched, written and recorded."""


class Committed(NamedTuple):
    """`position` is that of the command's last event; one that recorded nothing has one that covers what it saw."""

    position: int
    answer: Any


class Group(Protocol):
    """Who waits for a number of commands."""

    def settle(self, index: int, outcome: Committed | Exception) -> None: ...

    def abandoned(self) -> bool: ...


class Job:
    """One command on its way: `required` are streams to load before it is decided (again)."""

    __slots__ = (
        "actor", "bulk", "cause", "command", "command_id", "correlation",
        "group", "index", "loads", "required", "tries",
    )  # fmt: skip

    def __init__(
        self,
        command: Command,
        command_id: UUID,
        actor: str,
        correlation: UUID | None,
        cause: Cause | None,
        group: Group,
        index: int,
        *,
        bulk: bool,
    ) -> None:
        self.command = command
        self.command_id = command_id
        self.actor = actor
        self.correlation = correlation
        self.cause = cause
        self.group = group
        self.index = index
        self.bulk = bulk
        self.tries = 0
        self.loads = 0
        self.required: list[UUID] = []

    def settle(self, outcome: Committed | Exception) -> None:
        self.group.settle(self.index, outcome)


class Decision:
    """What one command did in this batch: its answer or refusal, the streams it saw, the events it recorded."""

    __slots__ = ("answer", "envelope", "job", "refusal", "rows", "touched", "unit")

    def __init__(self, job: Job, answer: Any, refusal: Exception | None, touched: list[Held], rows: list[Row]) -> None:  # noqa: ANN401  a command's answer
        self.job = job
        self.answer = answer
        self.refusal = refusal
        self.touched = touched
        self.rows = rows
        self.unit = -1
        self.envelope = b""

    def settle(self, position: int) -> None:
        self.job.settle(self.refusal or Committed(position, self.answer))


class Batch:
    """Decisions in order, fit to be appended.

    A unit is a set of commands that hang together through streams written in this batch: all of it lands or none.
    """

    def __init__(self, decisions: list[Decision], now: datetime, catalogue: int, mapper: Mapper) -> None:
        self.decisions = decisions
        self.catalogue = catalogue
        self.written: list[Held] = []
        self._now = now
        self._mapper = mapper
        self._join_units()
        self.states, self.faults = self._encode_states()

    def _join_units(self) -> None:
        parents = list(range(len(self.decisions)))

        def root(unit: int) -> int:
            while parents[unit] != unit:
                parents[unit] = unit = parents[parents[unit]]
            return unit

        for number, decision in enumerate(self.decisions):
            for held in decision.touched:
                if held.version == held.base:
                    continue
                if held.unit < 0:
                    held.unit = number
                    self.written.append(held)
                else:
                    first, second = root(held.unit), root(number)
                    parents[max(first, second)] = min(first, second)
        for number, decision in enumerate(self.decisions):
            decision.unit = root(number)
        for held in self.written:
            held.unit = root(held.unit)

    def _encode_states(self) -> tuple[list[bytes], dict[int, Exception]]:
        """States by the order of `written`, and what went wrong by unit; a unit at fault must not be appended."""
        encode = self._mapper.encode_state
        states: list[bytes] = []
        faults: dict[int, Exception] = {}
        for held in self.written:
            try:
                states.append(encode(held.state))
            except Exception as error:  # noqa: BLE001  whatever a field's value raises is that unit's fault alone
                states.append(b"")
                faults[held.unit] = error
        return states, faults

    def without(self, units: dict[int, Exception]) -> "Batch":
        for held in self.written:
            held.unit = -1
        kept = [decision for decision in self.decisions if decision.unit not in units]
        return Batch(kept, self._now, self.catalogue, self._mapper)

    def parameters(self, bucket: int) -> list[bytes]:
        """What `laurel.append` takes, in its order and in binary."""
        columns = (*self._touched_arrays(), *self._stream_arrays(), *self._event_arrays())
        return [pack(">i", bucket), pack(">q", self.catalogue), *(column.content for column in columns)]

    def _touched_arrays(self) -> tuple[arrays.Array, ...]:
        ids: list[UUID] = []
        bases: list[int] = []
        units: list[int] = []
        for held in self.written:
            ids.append(held.id)
            bases.append(held.base)
            units.append(held.unit)
        for decision in self.decisions:
            unit = decision.unit
            for held in decision.touched:
                if held.version == held.base and held.unit != unit:
                    held.unit = unit
                    ids.append(held.id)
                    bases.append(held.base)
                    units.append(unit)
        return arrays.uuids(ids), arrays.ints(bases), arrays.ints(units)

    def _stream_arrays(self) -> tuple[arrays.Array, ...]:
        written = self.written
        return (
            arrays.uuids([held.id for held in written]),
            arrays.texts([held.kind.name.encode() for held in written]),
            arrays.ints([held.base for held in written]),
            arrays.ints([held.version for held in written]),
            arrays.byteas(self.states),
            arrays.bools([held.kind.catalogue for held in written]),
            arrays.ints([held.unit for held in written]),
        )

    def _event_arrays(self) -> tuple[arrays.Array, ...]:
        rows: list[Row] = []
        envelopes: list[bytes] = []
        units: list[int] = []
        for decision in self.decisions:
            if decision.rows:
                decision.envelope = self._envelope(decision.job)
                rows += decision.rows
                envelopes += [decision.envelope] * len(decision.rows)
                units += [decision.unit] * len(decision.rows)
        return (
            arrays.uuids([row.held.id for row in rows]),
            arrays.ints([row.version for row in rows]),
            arrays.texts([row.tag.encode() for row in rows]),
            arrays.byteas([row.payload for row in rows]),
            arrays.byteas(envelopes),
            arrays.ints(units),
        )

    def _envelope(self, job: Job) -> bytes:
        envelope = Envelope(self._now, job.command_id, job.actor, job.correlation, job.cause)
        return self._mapper.encode_envelope(envelope)
