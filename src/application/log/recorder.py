"""The library's recorders over this log: the same tables, the same function that appends, the same order."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any, Self
from uuid import UUID, uuid4

import msgspec
import psycopg
from eventsourcing import persistence
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    IntegrityError,
    ListenNotifySubscription,
    Notification,
    ProcessRecorder,
    ProgrammingError,
    StoredEvent,
    Tracking,
    TrackingRecorder,
)
from psycopg.rows import TupleRow, tuple_row
from psycopg_pool import ConnectionPool

from application.log import arrays
from application.log.envelope import Envelope
from application.log.queries import query
from application.log.wakeup import CHANNEL, POLL_SECONDS, Listener
from application.postgres.connection import named

ACTOR = "eventsourcing"
"""Who is named in the envelopes of events that came through the library."""

CONNECTIONS = 20

_APPEND = query("append_call")
_TRACK = query("track")

_LIBRARY_ERRORS = (
    (psycopg.InterfaceError, persistence.InterfaceError),
    (psycopg.OperationalError, persistence.OperationalError),
    (psycopg.DataError, persistence.DataError),
    (psycopg.IntegrityError, IntegrityError),
    (psycopg.InternalError, persistence.InternalError),
    (psycopg.ProgrammingError, ProgrammingError),
    (psycopg.NotSupportedError, persistence.NotSupportedError),
    (psycopg.Error, persistence.PersistenceError),
)

_encode = msgspec.msgpack.Encoder(uuid_format="bytes").encode


class Datastore:
    """The connections that recorders share."""

    def __init__(self, conninfo: str, bucket: int = 0) -> None:
        self.conninfo = conninfo
        self.bucket = bucket
        self._pool = ConnectionPool(
            named(conninfo, "laurel recorder"),
            min_size=1,
            max_size=CONNECTIONS,
            open=True,
            kwargs={"autocommit": True, "row_factory": tuple_row},
            configure=arrays.register,
        )

    @contextmanager
    def cursor(self) -> Iterator[psycopg.Cursor[TupleRow]]:
        """Raises the library's errors in place of psycopg's."""
        try:
            with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
                yield cursor
        except psycopg.Error as error:
            library = next(library for ours, library in _LIBRARY_ERRORS if isinstance(error, ours))
            raise library(str(error)) from error

    def close(self) -> None:
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Arrays:
    """Stored events as `laurel.append` takes them, all one unit: they land together or not at all.

    States are left empty, as only a kind can fold them; whoever loads such a stream folds it from its events.
    """

    def __init__(self, stored_events: Sequence[StoredEvent]) -> None:
        self._events = stored_events
        self._first: dict[UUID, int] = {}
        self._last: dict[UUID, int] = {}
        for event in stored_events:
            key = _identity(event)
            if event.originator_version != self._last.setdefault(key, event.originator_version - 1) + 1:
                raise IntegrityError(f"version {event.originator_version} of {key} does not follow the one before it")
            self._first.setdefault(key, event.originator_version)
            self._last[key] = event.originator_version

    def parameters(self, bucket: int, catalogue: int) -> tuple[Any, ...]:
        streams, count = list(self._first), len(self._first)
        ids, bases = (
            arrays.uuids([key.bytes for key in streams]),
            arrays.ints([max(0, first - 1) for first in self._first.values()]),
        )
        one_unit = arrays.ints([0] * count)
        states = (
            ids,
            arrays.texts([b""] * count),
            bases,
            arrays.ints(list(self._last.values())),
            arrays.byteas([b""] * count),
            arrays.bools([False] * count),
            one_unit,
        )
        now = datetime.now(UTC)
        return (bucket, catalogue, now, _encode(now), ids, bases, one_unit, *states, *self._event_arrays(now))

    def _event_arrays(self, now: datetime) -> tuple[arrays.Array, ...]:
        envelope = _encode(Envelope(now, uuid4(), ACTOR))
        events = self._events
        return (
            arrays.uuids([_identity(event).bytes for event in events]),
            arrays.ints([event.originator_version for event in events]),
            arrays.texts([event.topic.encode() for event in events]),
            arrays.byteas([event.state for event in events]),
            arrays.byteas([envelope] * len(events)),
            arrays.ints([0] * len(events)),
        )


class LogAggregateRecorder(AggregateRecorder):
    """Sequences begin at version 1; one that begins at 0 must bring its version 1 along."""

    def __init__(self, datastore: Datastore) -> None:
        self._datastore = datastore

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:  # noqa: ANN401  the library's signature
        self._insert(stored_events, kwargs.get("tracking"))
        return None

    def _insert(self, stored_events: Sequence[StoredEvent], tracking: Tracking | None) -> Sequence[int]:
        """Returns the positions. Raises IntegrityError when a version is taken or the tracking does not move on."""
        rows = _Arrays(stored_events)
        if not stored_events and tracking is None:
            return []
        head = 0
        with self._datastore.cursor() as cursor:
            with cursor.connection.transaction():
                if stored_events:
                    head = self._append(cursor, rows)
                if tracking is not None:
                    _track(cursor, tracking)
            if stored_events:
                cursor.execute(f"notify {CHANNEL}")
        return range(head + 1, head + 1 + len(stored_events))

    def _append(self, cursor: psycopg.Cursor[TupleRow], rows: _Arrays) -> int:
        """The head before. The catalogue is the current one, as nothing the library records was decided with it."""
        cursor.execute("select catalogue from laurel.heads where bucket = %s for update", [self._datastore.bucket])
        catalogue = _only(cursor)[0]
        appending = psycopg.RawCursor(cursor.connection)
        appending.execute(_APPEND, rows.parameters(self._datastore.bucket, catalogue), prepare=True)
        head, _, conflicts = _only(appending)
        if conflicts:
            raise IntegrityError("a stream has moved on from the version that was expected")
        return int(head)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        key = UUID(str(originator_id))
        with self._datastore.cursor() as cursor:
            cursor.execute(
                query("select_events_descending" if desc else "select_events"),
                {"stream": key, "after": gt, "until": lte, "limit": limit},
            )
            return [StoredEvent(key, version, tag, payload) for version, tag, payload in cursor]


class LogApplicationRecorder(LogAggregateRecorder, ApplicationRecorder):
    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:  # noqa: ANN401  the library's signature
        return list(self._insert(stored_events, kwargs.get("tracking")))

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        after = -1 if start is None else start - inclusive_of_start
        values = {
            "bucket": self._datastore.bucket,
            "after": after,
            "until": stop,
            "topics": list(topics) or None,
            "limit": limit,
        }
        with self._datastore.cursor() as cursor:
            cursor.execute(query("select_notifications"), values, prepare=False)
            return [
                Notification(originator_id=stream, originator_version=version, topic=tag, state=payload, id=position)
                for position, stream, version, tag, payload in cursor
            ]

    def max_notification_id(self) -> int | None:
        with self._datastore.cursor() as cursor:
            cursor.execute(query("head"), [self._datastore.bucket])
            return _only(cursor)[0] or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> "LogSubscription":
        return LogSubscription(self, gt, topics)

    def listener(self, wake: Callable[[], None]) -> Listener:
        return Listener(self._datastore.conninfo, {CHANNEL: wake})


class LogSubscription(ListenNotifySubscription[LogApplicationRecorder]):
    """Pulls when woken and once a second anyway, so that an event between its first pull and LISTEN does not wait."""

    def __init__(self, recorder: LogApplicationRecorder, gt: int | None, topics: Sequence[str]) -> None:
        super().__init__(recorder=recorder, gt=gt, topics=topics)
        self._woken = Event()
        self._listener = recorder.listener(self._woken.set)
        self._listener.start()
        self._waking = Thread(target=self._wake, name="laurel subscription", daemon=True)
        self._waking.start()

    def __exit__(self, *args: object, **kwargs: Any) -> None:  # noqa: ANN401  the library's signature
        super().__exit__(*args, **kwargs)
        self._listener.stop()
        self._woken.set()
        self._waking.join()

    def _wake(self) -> None:
        while not self._has_been_stopped:
            self._woken.wait(POLL_SECONDS)
            self._woken.clear()
            self._has_been_notified.set()


class LogTrackingRecorder(TrackingRecorder):
    def __init__(self, datastore: Datastore) -> None:
        self._datastore = datastore

    def insert_tracking(self, tracking: Tracking) -> None:
        with self._datastore.cursor() as cursor:
            _track(cursor, tracking)

    def max_tracking_id(self, application_name: str) -> int | None:
        with self._datastore.cursor() as cursor:
            cursor.execute("select max(position) from laurel.tracking where application = %s", [application_name])
            position: int | None = _only(cursor)[0]
        return position


class LogProcessRecorder(LogTrackingRecorder, LogApplicationRecorder, ProcessRecorder):
    """Events and the position of what they answer to, in one transaction."""


def _track(cursor: psycopg.Cursor[TupleRow], tracking: Tracking) -> None:
    cursor.execute(_TRACK, [tracking.application_name, tracking.notification_id])
    if cursor.fetchone() is None:
        raise IntegrityError(f"{tracking.application_name} is tracked at {tracking.notification_id} or later already")


def _only(cursor: psycopg.Cursor[TupleRow]) -> TupleRow:
    row = cursor.fetchone()
    if row is None:
        raise ProgrammingError("the log's tables are not set up; run the migrations")
    return row


def _identity(event: StoredEvent) -> UUID:
    key = event.originator_id
    return key if isinstance(key, UUID) else UUID(key)
