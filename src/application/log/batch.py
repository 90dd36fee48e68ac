"""One batch: what its commands decided, made into the arrays of one append, and its answer made into theirs."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from struct import pack
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from uuid_utils.compat import uuid7

from application.log import arrays
from application.log.envelope import NO_ORIGIN, Envelope, Origin
from application.log.mapper import Mapper
from application.log.uuids import uuid_of
from application.log.working import Command, Row, StreamHold

_TOUCHED = (arrays.Uuids, arrays.Ints, arrays.Ints)
_STREAMS = (arrays.Uuids, arrays.Texts, arrays.Ints, arrays.Ints, arrays.Byteas, arrays.Bools, arrays.Ints)
_EVENTS = (arrays.Uuids, arrays.Ints, arrays.Texts, arrays.Byteas, arrays.Byteas, arrays.Ints)

APPEND_TYPES = [23, 20, 1184, 17, *(column.oid for column in (*_TOUCHED, *_STREAMS, *_EVENTS))]
"""Of the parameters of `laurel.append`: an int, a bigint, a timestamptz, a bytea, and the columns of what was touched,
written and recorded.
"""

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""From which Postgres counts the microseconds of a timestamptz."""
_MICROSECOND = timedelta(microseconds=1)


_ANY = uuid4()
"""Stands in an envelope where the command's id will be."""


class Commit(NamedTuple):
    """`position` is that of the command's last event; one that recorded nothing has one that covers what it saw."""

    position: int
    answer: Any


class Submission:
    """Commands that were handed in together, and one future for the outcomes of all. An outcome once given stays."""

    __slots__ = ("_first_id", "_open", "_outcomes", "actor", "bulk", "future", "origin")

    def __init__(
        self,
        size: int,
        actor: str,
        command_id: UUID | None = None,
        origin: Origin = NO_ORIGIN,
        *,
        bulk: bool = False,
    ) -> None:
        self.future: asyncio.Future[list[Commit | Exception]] = asyncio.get_running_loop().create_future()
        self.actor = actor
        self.origin = origin
        self.bulk = bulk
        self._first_id = (command_id or uuid7()).bytes
        self._outcomes: list[Any] = [None] * size
        self._open = size

    def command_id(self, index: int) -> bytes:
        """The first command has the given id or a fresh one, and those after it the ids that count on from there."""
        if not index:
            return self._first_id
        last = int.from_bytes(self._first_id[12:], "big") + index
        return self._first_id[:12] + (last & 0xFFFFFFFF).to_bytes(4, "big")

    def settle(self, index: int, outcome: Commit | Exception) -> None:
        if self._outcomes[index] is not None:
            return
        self._outcomes[index] = outcome
        self._open -= 1
        if not self._open and not self.future.done():
            self.future.set_result(self._outcomes)


class BatchCommand:
    """One command on its way: `required` are the keys of streams to load before it is decided (again). Its `origin` is
    where it comes from, where that is not what all of the submission do.
    """

    __slots__ = ("command", "index", "loads", "origin", "required", "submission", "tries")

    def __init__(self, command: Command, submission: Submission, index: int) -> None:
        self.command = command
        self.submission = submission
        self.index = index
        self.origin: Origin | None = None
        self.tries = 0
        self.loads = 0
        self.required: Sequence[bytes] = ()

    @property
    def command_id(self) -> bytes:
        return self.submission.command_id(self.index)

    def settle(self, outcome: Commit | Exception) -> None:
        self.submission.settle(self.index, outcome)


class Decision:
    """What one command did in this batch: its answer or refusal, the streams it saw, the events it recorded."""

    __slots__ = ("answer", "job", "refusal", "rows", "touched", "unit")

    def __init__(
        self,
        job: BatchCommand,
        answer: Any,  # noqa: ANN401  a command's answer
        refusal: Exception | None,
        touched: list[StreamHold],
        rows: list[Row],
    ) -> None:
        self.job = job
        self.answer = answer
        self.refusal = refusal
        self.touched = touched
        self.rows = rows
        self.unit = -1

    def settle(self, position: int) -> None:
        self.job.settle(Commit(position, self.answer) if self.refusal is None else self.refusal)


class Batch:
    """Decisions in order, fit to be appended.

    A unit is a set of commands that hang together through streams written in this batch: all of it lands or none.
    """

    def __init__(self, decisions: list[Decision], now: datetime, catalogue: int, mapper: Mapper) -> None:
        self.decisions = decisions
        self.catalogue = catalogue
        self.written: list[StreamHold] = []
        self._now = now
        self._envelopes: dict[Submission, tuple[bytes, bytes]] = {}
        self._mapper = mapper
        self._join_units()
        self.states, self.faults = self._encode_states()
        self.changes_catalogue = any(held.kind.catalogue for held in self.written)
        self.passes_by = any(version > held.base for held in self.written for version in held.past or ())
        """Whether a state that it does not leave is one that may be asked for later."""

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
        """States by the order of `written`, and what went wrong by unit; a unit at fault must not be appended.

        No state is kept of a brief stream's first event, which says it all.
        """
        encode = self._mapper.encode_state
        states: list[bytes] = []
        faults: dict[int, Exception] = {}
        for held in self.written:
            if held.kind.brief and held.version == 1:
                states.append(b"")
                continue
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
        return [
            pack(">i", bucket),
            pack(">q", self.catalogue),
            pack(">q", (self._now - _EPOCH) // _MICROSECOND),
            self._mapper.encode_instant(self._now),
            *(column.content for column in columns),
        ]

    def _touched_arrays(self) -> tuple[arrays.Array, ...]:
        ids: list[bytes] = []
        bases: list[int] = []
        units: list[int] = []
        for held in self.written:
            ids.append(held.key)
            bases.append(held.base)
            units.append(held.unit)
        for decision in self.decisions:
            unit = decision.unit
            for held in decision.touched:
                if held.version == held.base and held.unit != unit:
                    held.unit = unit
                    ids.append(held.key)
                    bases.append(held.base)
                    units.append(unit)
        return arrays.uuids(ids), arrays.ints(bases), arrays.ints(units)

    def _stream_arrays(self) -> tuple[arrays.Array, ...]:
        written = self.written
        return (
            arrays.uuids([held.key for held in written]),
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
            count = len(decision.rows)
            if count:
                envelope = self._envelope(decision.job)
                rows += decision.rows
                envelopes += [
                    envelope if row[4] is None else self._of_origin(decision.job, row[4]) for row in decision.rows
                ]
                units += [decision.unit] * count
        streams, versions, tags, payloads, _ = zip(*rows, strict=True) if rows else ((),) * 5
        return (
            arrays.uuids([held.key for held in streams]),
            arrays.ints(versions),
            arrays.texts([tag.encode() for tag in tags]),
            arrays.byteas(payloads),
            arrays.byteas(envelopes),
            arrays.ints(units),
        )

    def _envelope(self, job: BatchCommand) -> bytes:
        """The envelopes of a submission's commands differ in one place, so only the first is encoded."""
        if job.origin is not None:
            return self._of_origin(job, job.origin)
        submission = job.submission
        around = self._envelopes.get(submission)
        if around is None:
            origin = submission.origin
            envelope = Envelope(self._now, _ANY, submission.actor, origin.correlation, origin.cause)
            head, tail = self._mapper.encode_envelope(envelope).split(_ANY.bytes, 1)
            around = self._envelopes[submission] = (head, tail)
        return around[0] + submission.command_id(job.index) + around[1]

    def _of_origin(self, job: BatchCommand, origin: Origin) -> bytes:
        submission = job.submission
        command = uuid_of(submission.command_id(job.index))
        return self._mapper.encode_envelope(
            Envelope(self._now, command, submission.actor, origin.correlation, origin.cause)
        )
