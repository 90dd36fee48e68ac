"""What a caller of the writer is promised, on a database that works."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from application.log import mapper as mappers
from application.log import writer as writers
from application.log.batch import Commit
from application.log.catalogue import Entry
from application.log.check import check
from application.log.envelope import Cause, Origin
from application.log.errors import (
    Contended,
    LoadsTooDeep,
    Overloaded,
    Stopped,
    TooLarge,
    Undecodable,
    UnknownEvent,
)
from application.log.reader import read_page, read_stream
from application.log.working import Working
from application.log.writer import Writer
from tests.application.log.conftest import Start
from tests.application.log.shop import (
    COUNTERS,
    MAPPER,
    NOTES,
    Counted,
    Counter,
    Refused,
    Ruled,
    counting,
    counting_by_rule,
    creating,
    landed,
    moving,
    noting,
    reading,
    ruling,
)

pytestmark = pytest.mark.usefixtures("ahead")


class Rules:
    """A catalogue of one rule."""

    def __init__(self) -> None:
        self.position = 0
        self.factor = 0

    async def load(self, entries: list[Entry]) -> None:
        self.factor = entries[-1].state.factor
        self.position = entries[-1].position


async def test_a_command_is_recorded_and_answered(writer: Writer) -> None:
    assert await writer.submit(counting("a", 5)) == (1, 5)
    assert await writer.submit(counting("a", 2)) == (2, 7)
    assert await writer.submit(reading("a")) == (2, Counter(7, 2))


async def test_commands_of_one_batch_build_on_each_other(writer: Writer) -> None:
    answers = await asyncio.gather(*[writer.submit(counting("a")) for _ in range(100)])
    assert [answer for _, answer in answers] == list(range(1, 101))
    assert sorted(position for position, _ in answers) == list(range(1, 101))


async def test_what_a_command_raises_reaches_its_caller_and_leaves_nothing(
    writer: Writer, connection: psycopg.Connection
) -> None:
    outcomes = await writer.submit_many([counting("a"), moving("empty", "a"), moving("a", "b"), reading("empty")])
    assert outcomes[0] == (1, 1)
    assert isinstance(outcomes[1], Refused)
    assert outcomes[2:] == [(3, (0, 1)), (3, None)]
    with pytest.raises(Refused):
        await writer.submit(moving("a", "b"))
    assert [recorded.event.by for recorded in read_page(connection, MAPPER, 0).events] == [1, -1, 1]
    assert list(check(connection, MAPPER)) == []


async def test_a_repeated_fact_meets_itself_also_where_nobody_has_loaded_it(writer: Writer, start: Start) -> None:
    assert await writer.submit(creating("a")) == (1, True)
    assert await writer.submit(creating("a")) == (1, False)
    other = await start()
    assert await other.submit_many([creating("a"), creating("b"), creating("b")]) == [(2, False), (2, True), (2, False)]


async def test_the_envelope_says_who_when_and_why(start: Start, connection: psycopg.Connection) -> None:
    now, command, chain, cause = datetime(2026, 9, 3, tzinfo=UTC), uuid4(), uuid4(), Cause(uuid4(), 3)

    async def clock() -> datetime:
        return now

    writer = await start(clock=clock)
    await writer.submit(counting("a"), actor="key 7", command_id=command, origin=Origin(cause, chain))
    [recorded] = read_page(connection, MAPPER, 0).events
    envelope = recorded.envelope
    assert (envelope.recorded_at, envelope.command, envelope.actor) == (now, command, "key 7")
    assert (envelope.correlation, envelope.cause) == (chain, cause)


async def test_writers_that_touch_one_stream_lose_nothing(start: Start, connection: psycopg.Connection) -> None:
    one, other = await start(), await start()
    answers = await asyncio.gather(
        *[writer.submit(counting(f"c{number % 3}")) for number in range(90) for writer in (one, other)]
    )
    assert sorted(position for position, _ in answers) == list(range(1, 181))
    totals = [(await one.submit(reading(f"c{number}"))).answer for number in range(3)]
    assert totals == [Counter(60, 60)] * 3
    assert list(check(connection, MAPPER)) == []


async def test_a_conflict_leaves_out_the_commands_that_hang_together_and_lands_the_rest(
    start: Start, connection: psycopg.Connection
) -> None:
    one, other = await start(), await start()
    await one.submit_many([counting("a", 10), counting("b", 10), counting("c", 10)])
    await other.submit(counting("a", 100))
    outcomes = landed(await one.submit_many([counting("c"), counting("a"), moving("a", "b"), counting("d")]))
    assert [outcome.answer for outcome in outcomes] == [11, 111, (110, 11), 1]
    assert [outcome.position for outcome in outcomes] == [5, 7, 9, 6]
    assert list(check(connection, MAPPER)) == []


async def test_what_was_only_read_is_checked_too(start: Start) -> None:
    """Also for a command that recorded nothing, or was refused because of what it read."""
    one, other = await start(), await start()
    assert (await one.submit(reading("a"))).answer is None
    with pytest.raises(Refused):
        await one.submit(moving("a", "b"))
    await other.submit(counting("a", 7))
    assert (await one.submit(reading("a"))).answer == Counter(7, 1)
    await other.submit(counting("a", -6))
    assert (await one.submit(moving("a", "b"))).answer == (0, 1)
    await other.submit(counting("a", 5))
    assert (await one.submit(moving("a", "b"))).answer == (4, 2)


async def test_decisions_are_made_with_the_latest_catalogue(start: Start) -> None:
    one, other = await start(Rules()), await start(Rules())
    await one.submit(ruling(2))
    assert (await other.submit(counting_by_rule("a"))).answer == 2
    assert (await one.submit(counting_by_rule("a"))).answer == 4
    await other.submit(ruling(10))
    assert (await one.submit(counting_by_rule("a"))).answer == 14
    assert (await (await start(Rules())).submit(counting_by_rule("a"))).answer == 24


async def test_what_changes_the_catalogue_ends_its_batch(start: Start) -> None:
    writer = await start(Rules())
    outcomes = landed(await writer.submit_many([ruling(2), counting_by_rule("a"), ruling(3), counting_by_rule("a")]))
    assert [outcome.answer for outcome in outcomes] == [2, 2, 3, 5]


class Alien(Counted, frozen=True, gc=False):
    pass


def recording(event: Any) -> Callable[[Working], Any]:
    return lambda working: (working.state(COUNTERS.at("a")), working.record(COUNTERS.at("a"), event))


def flooding(working: Working) -> None:
    working.state_if_known(COUNTERS.at("flood"))
    while True:
        working.record(COUNTERS.at("flood"), Counted(1))


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (recording(Alien(1)), UnknownEvent),
        (recording(Counted(1, "x" * (mappers.PAYLOAD_BYTES + 1))), TooLarge),
        (recording(Counted(2**64)), OverflowError),
        (recording(Counted(object())), TypeError),  # type: ignore[arg-type]
        (flooding, TooLarge),
    ],
    ids=["unknown type", "too large", "integer too large", "no such type", "without end"],
)
async def test_a_poison_command_fails_alone(writer: Writer, command: Any, error: type[Exception]) -> None:
    outcomes = await writer.submit_many([counting("a"), command, counting("a"), counting("b")])
    assert isinstance(outcomes[1], error | Undecodable)
    assert [outcomes[0], *outcomes[2:]] == [(1, 1), (2, 2), (3, 1)]


async def test_a_state_that_cant_be_written_fails_the_command_that_made_it(writer: Writer) -> None:
    """Each event fits; what they add up to does not."""
    large = recording(Counted(2**62))
    outcomes = await writer.submit_many([counting("b"), large, large, large, large, counting("b")])
    assert [type(outcome) for outcome in outcomes[:5]] == [Commit] * 4 + [OverflowError]
    assert (await writer.submit(reading("a"))).answer == Counter(3 * 2**62, 3)


async def test_a_state_that_cant_be_read_fails_those_who_ask_for_it(
    writer: Writer, start: Start, connection: psycopg.Connection
) -> None:
    await writer.submit_many([counting("a"), counting("b")])
    connection.execute("update laurel.streams set state = '\\x01' where id = %s", [COUNTERS.at("a").id])
    other = await start()
    outcomes = await other.submit_many([counting("a"), counting("b")])
    assert isinstance(outcomes[0], Undecodable)
    assert outcomes[1] == (3, 2)


async def test_an_emptied_state_is_made_anew_from_its_events(
    writer: Writer, start: Start, connection: psycopg.Connection
) -> None:
    await writer.submit_many([counting("a", 3)] * 7)
    connection.execute("update laurel.streams set state = ''")
    assert (await (await start()).submit(counting("a"))).answer == 22
    assert list(check(connection, MAPPER)) == []


async def test_an_emptied_state_of_the_catalogue_is_made_anew_from_its_events(
    start: Start, connection: psycopg.Connection
) -> None:
    await (await start(Rules())).submit_many([ruling(2), ruling(5)])
    connection.execute("update laurel.streams set state = ''")
    other = await start(Rules())
    assert (await other.submit(counting_by_rule("a"))).answer == 5
    assert (await other.submit(ruling(7))).answer == 7
    assert list(check(connection, MAPPER)) == []


async def test_of_a_brief_stream_only_the_first_event_is_kept_until_it_goes_on(
    writer: Writer, start: Start, connection: psycopg.Connection
) -> None:
    await writer.submit_many([noting("a", "first"), noting("b", "first"), noting("b", "second")])
    states = "select state = '', version from laurel.streams order by version"
    assert connection.execute(states).fetchall() == [(True, 1), (False, 2)]
    other = await start()
    outcomes = landed(await other.submit_many([noting("a", "next"), noting("b", "next")]))
    assert [outcome.answer for outcome in outcomes] == ["first; next", "first; second; next"]
    assert connection.execute(states).fetchall() == [(False, 2), (False, 3)]
    assert list(check(connection, MAPPER)) == []


async def test_a_stream_that_was_looked_for_as_another_kind_is_of_the_kind_that_records_it(
    writer: Writer, connection: psycopg.Connection
) -> None:
    """Ids that callers choose may be those of any kind."""
    stream = COUNTERS.at("shared")

    def looking(working: Working) -> object:
        return working.state(NOTES.of(stream.id))

    outcomes = landed(await writer.submit_many([looking, counting("shared")]))
    assert [outcome.answer for outcome in outcomes] == [None, 1]
    assert (await writer.submit(counting("shared"))).answer == 2
    assert list(check(connection, MAPPER)) == []


async def test_a_full_queue_is_an_error_and_queues_nothing(start: Start) -> None:
    writer = await start(queue_commands=10)
    with pytest.raises(Overloaded):
        await writer.submit_many([counting("a")] * 11)
    waiting = [asyncio.create_task(writer.submit(counting("a"))) for _ in range(10)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await writer.submit(counting("a"))
    assert len(await asyncio.gather(*waiting)) == 10
    assert (await writer.submit(reading("a"))).answer == Counter(10, 10)


async def test_a_command_that_conflicts_every_time_is_given_up(
    writer: Writer, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "TRIES", 3)
    await writer.submit(counting("a"))

    def outrun(working: Working) -> None:
        working.state(COUNTERS.at("a"))
        connection.execute("update laurel.streams set version = version + 1")
        working.record(COUNTERS.at("a"), Counted(1))

    outcomes = await writer.submit_many([outrun, counting("b")])
    assert isinstance(outcomes[0], Contended)
    assert outcomes[1] == (2, 1)


async def test_a_command_that_always_asks_for_one_more_stream_is_given_up(writer: Writer) -> None:
    def wander(working: Working) -> None:
        for number in range(1_000):
            working.state(COUNTERS.at(number))

    outcomes = await writer.submit_many([counting("a"), wander, counting("b")])
    assert isinstance(outcomes[1], LoadsTooDeep)
    assert [outcomes[0], outcomes[2]] == [(1, 1), (2, 1)]


async def test_all_that_a_batch_asks_for_is_loaded_at_once(
    writer: Writer, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    await writer.submit_many([counting(number, number) for number in range(50)])
    other = await start()
    loads = []
    load = other._reading.load

    async def counted(keys: Any) -> Any:
        loads.append(len(keys))
        return await load(keys)

    monkeypatch.setattr(other._reading, "load", counted)
    outcomes = landed(await other.submit_many([counting(number) for number in range(50)]))
    assert [outcome.answer for outcome in outcomes] == list(range(1, 51))
    assert loads == [50]


async def test_a_table_that_was_young_when_the_writer_began_is_never_read_whole(
    start: Start, connection: psycopg.Connection
) -> None:
    """Plans are kept for as long as the connection, and one made for an empty table would read all of a large one."""

    def scans() -> int:
        row = connection.execute(
            "select sum(seq_scan)::int from pg_stat_user_tables where relname in ('streams', 'events')"
        ).fetchone()
        assert row is not None
        return int(row[0])

    before = scans()
    writer = await start()
    for _ in range(20):
        await writer.submit_many([counting(f"c{number}") for number in range(20)])
        writer._cache.clear()
    await writer.stop()
    for _ in range(200):
        if connection.execute(
            "select from pg_stat_activity where application_name like 'laurel writer%' and datname = current_database()"
        ).fetchone():
            await asyncio.sleep(0.01)
    assert scans() == before


async def test_bulk_lets_those_who_wait_go_first(writer: Writer) -> None:
    order: list[str] = []

    def noting(name: str) -> Callable[[Working], None]:
        return lambda _: order.append(name)

    bulk = asyncio.create_task(writer.submit_many([noting("bulk")] * 4_000, bulk=True))
    await asyncio.sleep(0)
    one = asyncio.create_task(writer.submit_many([noting("one")] * 10))
    await asyncio.gather(bulk, one)
    assert order.index("one") <= 2 * writers.BATCH_COMMANDS
    assert order.count("bulk") == 4_000


async def test_a_command_whose_caller_has_gone_is_not_decided(writer: Writer) -> None:
    gone = asyncio.create_task(writer.submit(counting("a")))
    await asyncio.sleep(0)
    gone.cancel()
    assert (await writer.submit(counting("a"))).answer == 1


async def test_stopping_finishes_what_was_queued(start: Start, connection: psycopg.Connection) -> None:
    writer = await start()
    waiting = asyncio.create_task(writer.submit_many([counting("a")] * 2_500))
    await asyncio.sleep(0)
    await writer.stop()
    assert len(await waiting) == 2_500
    with pytest.raises(Stopped):
        await writer.submit(counting("a"))
    assert len(read_stream(connection, MAPPER, COUNTERS.at("a").id, after_version=2_000)) == 500


async def test_listeners_hear_the_head_after_each_commit(writer: Writer) -> None:
    heard: list[int] = []
    writer.listeners.append(heard.append)
    await writer.submit(counting("a"))
    await writer.submit(reading("a"))
    await writer.submit_many([counting("a"), counting("b")])
    assert heard == [1, 3]


async def test_nothing_to_do_is_done_at_once(writer: Writer) -> None:
    assert await writer.submit_many([]) == []
    assert await writer.submit(lambda _: "nothing") == (0, "nothing")


def test_a_rule_is_an_event_and_a_state() -> None:
    assert MAPPER.decode(*MAPPER.encode(Ruled(3))) == Ruled(3)
