"""When something was recorded never goes back, and an instant means one position."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent
from psycopg import AsyncConnection
from uuid_utils.compat import uuid7

from application.log.envelope import PROGRAM
from application.log.instants import begin_again, position_at
from application.log.reader import read_page
from application.log.recorder import Datastore, LogApplicationRecorder
from tests.application.log.conftest import Start
from tests.application.log.shop import MAPPER, counting, landed

START = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=1, microseconds=7)


class Hand:
    """A clock that is set by hand."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    async def read(self) -> datetime:
        return self.at


def times(connection: psycopg.Connection) -> list[datetime]:
    """When each event was recorded, in the order of the log."""
    return [recorded.envelope.recorded_at for recorded in read_page(connection, MAPPER, 0).events]


async def at(database: str, instant: datetime, now: datetime) -> int | None:
    async with await AsyncConnection.connect(database, autocommit=True) as asking:
        return await position_at(asking, MAPPER, instant, now)


async def test_a_clock_that_goes_back_does_not_take_the_log_along(start: Start, connection: psycopg.Connection) -> None:
    hand = Hand()
    writer = await start(clock=hand.read)
    moments = [START, START + STEP, START - STEP, START, START + STEP, START + timedelta(days=1)]
    for moment in moments:
        hand.at = moment
        await writer.submit_many([counting("a"), counting("b")])
    latest = [max(moments[: number + 1]) for number in range(len(moments))]
    assert times(connection) == [moment for moment in latest for _ in range(2)]
    actors = {recorded.envelope.actor for recorded in read_page(connection, MAPPER, 0).events}
    assert actors == {PROGRAM}


async def test_nor_does_another_process_or_a_restart(start: Start, connection: psycopg.Connection) -> None:
    ahead, behind = Hand(START + STEP), Hand()
    one, other = await start(clock=ahead.read), await start(clock=behind.read)
    await one.submit(counting("a"))
    await other.submit(counting("b"), actor="other")
    await other.stop()
    await other.start()
    await other.submit(counting("b"), actor="other")
    assert times(connection) == [START + STEP] * 3
    envelopes = [recorded.envelope for recorded in read_page(connection, MAPPER, 0).events]
    assert [envelope.actor for envelope in envelopes] == [PROGRAM, "other", "other"]
    assert len({envelope.command for envelope in envelopes}) == 3


@pytest.mark.parametrize("moment", [datetime(2400, 1, 1, tzinfo=UTC), datetime(2400, 1, 1, 0, 0, 0, 1, tzinfo=UTC)])
async def test_an_instant_is_written_in_several_lengths(
    start: Start, connection: psycopg.Connection, moment: datetime
) -> None:
    """Seconds, more exact ones, and those of a far century."""
    hand = Hand(START)
    writer = await start(clock=hand.read)
    for hand.at in (START, moment, START, START + STEP):
        await writer.submit(counting("a"))
    assert times(connection) == [START, moment, moment, moment]


async def test_what_the_library_records_is_no_exception(
    start: Start, connection: psycopg.Connection, database: str
) -> None:
    ahead = datetime.now(UTC) + timedelta(days=400)
    writer = await start(clock=Hand(ahead).read)
    await writer.submit(counting("a"))
    with Datastore(database) as datastore:
        LogApplicationRecorder(datastore).insert_events([StoredEvent(uuid7(), 1, "counter.counted", b"\x91\x01")])
    assert times(connection) == [ahead, ahead]


async def test_an_instant_means_the_last_position_recorded_by_then(start: Start, database: str) -> None:
    hand = Hand()
    writer = await start(clock=hand.read)
    found: list[tuple[datetime, int | None]] = []
    for number in range(1, 40):
        hand.at = START + number * STEP
        landed(await writer.submit_many([counting("a")] * (number % 3)))
        found.append((hand.at, await at(database, hand.at, hand.at)))
        assert await at(database, START, hand.at) == 0
    expected, head = [0], 0
    for number in range(1, 40):
        head += number % 3
        expected.append(head)
    assert [position for _, position in found] == expected[1:]
    for number, (instant, position) in enumerate(found):
        assert await at(database, instant, hand.at) == position
        assert await at(database, instant + STEP / 2, hand.at + STEP) == position
        assert await at(database, instant - STEP / 2, hand.at) == expected[number]


async def test_what_comes_is_recorded_after_an_instant_that_was_asked_about(
    start: Start, connection: psycopg.Connection, database: str
) -> None:
    hand = Hand()
    writer = await start(clock=hand.read)
    await writer.submit(counting("a"))
    assert await at(database, START, START) == 1
    await writer.submit(counting("a"))
    assert await at(database, START, START) == 1
    first, second = times(connection)
    assert first == START < second < START + timedelta(milliseconds=1)
    assert await at(database, second, second) == 2


async def test_an_instant_to_come_means_none_yet(start: Start, database: str) -> None:
    hand = Hand(START + STEP)
    writer = await start(clock=hand.read)
    assert await at(database, START + STEP, START) is None
    await writer.submit(counting("a"))
    hand.at = START
    assert await at(database, START, START) == 0
    assert await at(database, START + STEP / 2, START) == 0
    assert await at(database, START + STEP, START) is None


async def test_a_history_begins_again_behind_what_was_set_up(
    start: Start, connection: psycopg.Connection, database: str
) -> None:
    setting_up = START + timedelta(days=300)
    hand = Hand(setting_up)
    writer = await start(clock=hand.read)
    await writer.submit_many([counting("a")] * 3)
    async with await AsyncConnection.connect(database, autocommit=True) as moving:
        await begin_again(moving, START)
        hand.at = START
        await writer.submit_many([counting("a")] * 2)
        assert await at(database, START, START) == 5
        await begin_again(moving, START)
    hand.at = START + STEP
    await writer.submit(counting("a"))
    assert times(connection)[:5] == [*[setting_up] * 3, START, START]
    assert await at(database, START - STEP, hand.at) == 3
    assert await at(database, START, hand.at) == 5
    assert await at(database, hand.at, hand.at) == 6
    assert await at(database, setting_up, hand.at) is None
