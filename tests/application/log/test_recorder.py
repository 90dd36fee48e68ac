"""The library's own contract tests for recorders and factories, over our tables."""

import contextlib
import io
from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID, uuid4

import pytest
from eventsourcing.application import Application
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactoryError,
    IntegrityError,
    ProcessRecorder,
    TrackingRecorder,
)
from eventsourcing.tests import persistence as contract
from eventsourcing.utils import Environment

from application.log.catalogue import NoCatalogue
from application.log.library import LogFactory, PlacedEvent, PlacedEventMapper
from application.log.recorder import (
    Datastore,
    LogAggregateRecorder,
    LogApplicationRecorder,
    LogProcessRecorder,
    LogTrackingRecorder,
)
from application.log.writer import Writer
from tests.application.log.shop import COUNTERS, MAPPER, Counted, Counter, counting, reading


class OverOurLog:
    """Gives each of the library's test cases a database of its own."""

    datastore: Datastore

    @pytest.fixture(autouse=True)
    def _over_our_log(self, database: str) -> Iterator[None]:
        with Datastore(database) as self.datastore, contextlib.redirect_stdout(io.StringIO()):
            yield


class TestAggregateRecorder(OverOurLog, contract.AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return LogAggregateRecorder(self.datastore)


class TestApplicationRecorder(OverOurLog, contract.ApplicationRecorderTestCase[ApplicationRecorder]):
    def create_recorder(self) -> ApplicationRecorder:
        return LogApplicationRecorder(self.datastore)

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestTrackingRecorder(OverOurLog, contract.TrackingRecorderTestCase):
    def create_recorder(self) -> TrackingRecorder:
        return LogTrackingRecorder(self.datastore)


class TestProcessRecorder(OverOurLog, contract.ProcessRecorderTestCase):
    def create_recorder(self) -> ProcessRecorder:
        return LogProcessRecorder(self.datastore)


class TestNonInterleavingNotificationIDs(OverOurLog, contract.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> ApplicationRecorder:
        return LogApplicationRecorder(self.datastore)


class OtherTrackingRecorder(LogTrackingRecorder):
    pass


class TestFactory(contract.InfrastructureFactoryTestCase[LogFactory]):
    @pytest.fixture(autouse=True)
    def _over_our_log(self, database: str) -> None:
        self.env = Environment("Shop")
        self.env["PERSISTENCE_MODULE"] = "application.log.library"
        self.env["LAUREL_DATABASE_URL"] = database

    def expected_factory_class(self) -> type[LogFactory]:
        return LogFactory

    def expected_aggregate_recorder_class(self) -> type[AggregateRecorder]:
        return LogAggregateRecorder

    def expected_application_recorder_class(self) -> type[ApplicationRecorder]:
        return LogApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[TrackingRecorder]:
        return LogTrackingRecorder

    def tracking_recorder_subclass(self) -> type[TrackingRecorder]:
        return OtherTrackingRecorder

    def expected_process_recorder_class(self) -> type[ProcessRecorder]:
        return LogProcessRecorder


def shop(database: str) -> "Shop":
    return Shop({"PERSISTENCE_MODULE": "application.log.library", "LAUREL_DATABASE_URL": database})


class Shop(Application[UUID]):
    def construct_mapper(self) -> PlacedEventMapper:
        return PlacedEventMapper(MAPPER)


def test_the_librarys_application_records_and_reads_our_events(database: str) -> None:
    stream = COUNTERS.at("a").id
    facts = [PlacedEvent(stream, 1, Counted(2)), PlacedEvent(stream, 2, Counted(3))]
    with shop(database) as application:
        recordings = application.save(*facts)
        assert [recording.notification.id for recording in recordings] == [1, 2]
        assert list(application.events.get(stream)) == facts
        with pytest.raises(IntegrityError):
            application.save(PlacedEvent(stream, 2, Counted(4)))


def test_the_library_names_what_the_log_does_not_keep(database: str) -> None:
    with shop(database) as application:
        with pytest.raises(TypeError, match="not a Fact"):
            application.events.put([Other(uuid4(), 1)])
        with pytest.raises(InfrastructureFactoryError, match="snapshot"):
            application.factory.aggregate_recorder("snapshots")
    with pytest.raises(InfrastructureFactoryError, match="LAUREL_DATABASE_URL"):
        LogFactory({})


class Other(NamedTuple):
    originator_id: UUID
    originator_version: int


async def test_the_writer_goes_on_where_the_library_recorded(database: str) -> None:
    stream = COUNTERS.at("a").id
    writer = Writer(database, MAPPER, NoCatalogue())
    await writer.start()
    assert (await writer.submit(counting("a", 1))).answer == 1
    with shop(database) as application:
        application.save(PlacedEvent(stream, 2, Counted(10)))
        assert (await writer.submit(counting("a", 100))).answer == 111
        application.save(PlacedEvent(stream, 4, Counted(1000)))
    assert (await writer.submit(reading("a"))).answer == Counter(1111, 4)
    await writer.stop()
