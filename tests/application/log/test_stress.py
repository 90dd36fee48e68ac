"""Writers that decide ahead, in small batches on shared streams, while connections and callers go away."""

import asyncio
import random
from collections import Counter as Tally
from time import monotonic
from typing import Any
from uuid import UUID

import psycopg
import pytest

from application.log import writer as writers
from application.log.batch import Commit
from application.log.check import check
from application.log.errors import Contended, FateUnknown
from application.log.reader import read_page
from application.log.working import Command, Working
from application.log.writer import Writer
from tests.application.log.conftest import Start
from tests.application.log.shop import COUNTERS, MAPPER, Counted, Counter, Refused, count
from tests.application.log.test_lost_connection import END_WRITERS

SECONDS = 2.0
STREAMS = [COUNTERS.at(name) for name in "abcd"]
EXPECTED = (Refused, Contended, FateUnknown)

Answer = tuple[UUID, Counter | None]


def counting(name: str, stream: Any) -> Command:
    def command(working: Working) -> Answer:
        working.state(stream)
        return stream.id, working.record(stream, Counted(1, name))

    return command


def taking(name: str, stream: Any) -> Command:
    """Takes one, if there is any."""

    def command(working: Working) -> Answer:
        counter = working.state(stream)
        if counter is None or counter.total < 1:
            raise Refused(name)
        return stream.id, working.record(stream, Counted(-1, name))

    return command


def looking(_: str, stream: Any) -> Command:
    def command(working: Working) -> Answer:
        return stream.id, working.state(stream)

    return command


class Client:
    """Sends commands of unique names, some of which it does not wait for, and keeps what it was answered."""

    def __init__(self, number: int) -> None:
        self.answered: dict[str, Commit | Exception] = {}
        self._random = random.Random(number)  # noqa: S311  the same commands each time
        self._number = number

    async def run(self, writer: Writer) -> None:
        over = monotonic() + SECONDS
        while monotonic() < over:
            names = [f"{self._number}-{self._random.getrandbits(64)}" for _ in range(self._random.choice([1, 2, 7]))]
            commands = [
                self._random.choice([counting, counting, taking, looking])(name, self._random.choice(STREAMS))
                for name in names
            ]
            sending = asyncio.create_task(writer.submit_many(commands, bulk=self._random.random() < 0.3))
            if self._random.random() < 0.05:
                await asyncio.sleep(0.002)
                sending.cancel()
            try:
                outcomes = await asyncio.wait_for(sending, 30)
            except asyncio.CancelledError:
                continue
            self.answered |= zip(names, outcomes, strict=True)


def history(connection: psycopg.Connection) -> tuple[dict[UUID, dict[int, Counter]], Tally[str]]:
    """What each counter was from each of its positions on, and how often each command recorded something."""
    states: dict[UUID, dict[int, Counter]] = {stream.id: {} for stream in STREAMS}
    recorded: Tally[str] = Tally()
    after = 0
    while (page := read_page(connection, MAPPER, after)).events:
        for event in page.events:
            was = states[event.stream]
            was[event.position] = count(next(reversed(was.values()), None), event.event)
            recorded[event.event.note] += 1
        after = page.last
    return states, recorded


def as_of(states: dict[int, Counter], position: int) -> Counter | None:
    return next((state for at, state in reversed(states.items()) if at <= position), None)


@pytest.mark.parametrize("size", [3, 20])
async def test_every_answer_is_what_the_log_says_whatever_happens(
    start: Start, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(writers, "AHEAD_COMMANDS", 1)
    monkeypatch.setattr(writers, "BATCH_COMMANDS", size)
    monkeypatch.setattr(writers, "BATCH_BULK_COMMANDS", 2)
    monkeypatch.setattr(writers, "TRIES", 3)
    running = [await start() for _ in range(3)]
    clients = [Client(number) for number in range(9)]

    async def kill() -> None:
        for _ in range(4):
            await asyncio.sleep(SECONDS / 5)
            connection.execute(END_WRITERS)

    await asyncio.gather(kill(), *[client.run(running[number % 3]) for number, client in enumerate(clients)])
    states, recorded = history(connection)
    assert max(recorded.values()) == 1
    committed = 0
    for client in clients:
        for name, outcome in client.answered.items():
            if isinstance(outcome, Commit):
                committed += 1
                stream, state = outcome.answer
                assert state == as_of(states[stream], outcome.position)
            else:
                assert isinstance(outcome, EXPECTED)
                assert isinstance(outcome, FateUnknown) or not recorded[name]
    assert committed > 100
    assert list(check(connection, MAPPER)) == []
