"""The library's application over this log: its mapper with our tags, and the factory that its settings name.

class Shop(Application[UUID]):
    env = {"PERSISTENCE_MODULE": "application.log.library", "LAUREL_DATABASE_URL": "..."}

    def construct_mapper(self) -> FactMapper:
        return FactMapper(mapper)
"""

from typing import Any
from uuid import UUID

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    InfrastructureFactory,
    InfrastructureFactoryError,
    JSONTranscoder,
    StoredEvent,
)
from eventsourcing.persistence import Mapper as LibraryMapper
from eventsourcing.utils import Environment, EnvType, resolve_topic
from msgspec import Struct

from application.log.mapper import Mapper
from application.log.recorder import (
    Datastore,
    LogAggregateRecorder,
    LogApplicationRecorder,
    LogProcessRecorder,
    LogTrackingRecorder,
)


class PlacedEvent(Struct, frozen=True, gc=False):
    """An event with its place in its stream, which is what the library takes for an event."""

    originator_id: UUID
    originator_version: int
    event: Any


class PlacedEventMapper(LibraryMapper[UUID]):
    """Facts to stored events and back, by permanent tags: a topic is never imported."""

    def __init__(self, mapper: Mapper) -> None:
        super().__init__(JSONTranscoder())
        self._mapper = mapper

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        if not isinstance(domain_event, PlacedEvent):
            raise TypeError(f"{type(domain_event).__qualname__} is not a Fact")
        tag, payload = self._mapper.encode(domain_event.event)
        return StoredEvent(domain_event.originator_id, domain_event.originator_version, tag, payload)

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        event = self._mapper.decode(stored_event.topic, stored_event.state)
        return PlacedEvent(UUID(str(stored_event.originator_id)), stored_event.originator_version, event)


class LogFactory(InfrastructureFactory[LogTrackingRecorder]):
    """Takes the database from LAUREL_DATABASE_URL; its tables must have been set up by `migrate`."""

    DATABASE_URL = "LAUREL_DATABASE_URL"

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        conninfo = self.env.get(self.DATABASE_URL)
        if not conninfo:
            raise InfrastructureFactoryError(f"{self.DATABASE_URL} must say where the database is")
        self._datastore = Datastore(conninfo)

    def close(self) -> None:
        self._datastore.close()

    def aggregate_recorder(self, purpose: str = "events") -> LogAggregateRecorder:
        if purpose != "events":
            raise InfrastructureFactoryError(f"the log keeps no {purpose}: a stream's state row is its snapshot")
        return LogAggregateRecorder(self._datastore)

    def application_recorder(self) -> LogApplicationRecorder:
        return LogApplicationRecorder(self._datastore)

    def tracking_recorder(
        self, tracking_recorder_class: type[LogTrackingRecorder] | None = None
    ) -> LogTrackingRecorder:
        topic = self.env.get(self.TRACKING_RECORDER_TOPIC)
        if tracking_recorder_class is None and topic:
            tracking_recorder_class = resolve_topic(topic)
        return (tracking_recorder_class or LogTrackingRecorder)(self._datastore)

    def process_recorder(self) -> LogProcessRecorder:
        return LogProcessRecorder(self._datastore)
