"""Appending to the log, each figure beside its reference in the same run, on one server that flushes every commit.

python -m benchmarks.append [--seconds 3] [--rounds 3]
"""

import asyncio
import statistics
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import ClassVar, NamedTuple
from uuid import UUID, uuid4

import psycopg
import uvloop
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from msgspec import Struct
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from api.server.collector import collect_seldom
from application.log.catalogue import NoCatalogue
from application.log.mapper import Mapper
from application.log.streams import StreamKind
from application.log.working import Command, Working
from application.log.writer import Writer
from application.postgres.embedded import EmbeddedPostgres
from application.service.migrate import migrate
from benchmarks.figures import Figure, show

BATCH = 1_000
SECONDS, ROUNDS = 3.0, 3


class Received(Struct, frozen=True, gc=False):
    tag: ClassVar[str] = "purchase.received"
    member: str
    total: Decimal
    currency: str
    purchased_at: datetime


class Purchase(Struct, frozen=True, gc=False):
    member: str
    total: Decimal


def evolve(_: Purchase | None, received: Received) -> Purchase:
    return Purchase(received.member, received.total)


PURCHASES = StreamKind("purchase", Purchase, evolve, (Received,))
MAPPER = Mapper((PURCHASES,))
AT = datetime(2026, 9, 3, 10, 15, tzinfo=UTC)
TOTAL = Decimal("49.90")


def receiving() -> Command:
    """A fact nobody has sent before: a new stream with one event."""
    key = str(uuid4())

    def command(working: Working) -> Decimal:
        stream = PURCHASES.at(key)
        if working.state_if_known(stream) is None:
            working.record(stream, Received(key, TOTAL, "EUR", AT))
        return TOTAL

    return command


class LibraryPurchase(Aggregate):
    @event("Received")
    def __init__(self, member: str, total: Decimal, currency: str, purchased_at: datetime) -> None:
        self.member = member
        self.total = total
        self.currency = currency
        self.purchased_at = purchased_at


class Rate(NamedTuple):
    events: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.events / self.seconds


def ours_in_flight(database: str, in_flight: int, seconds: float) -> Rate:
    async def run() -> Rate:
        writer = Writer(database, MAPPER, NoCatalogue())
        await writer.start()
        await writer.submit_many([receiving() for _ in range(BATCH)])
        began = perf_counter()

        async def client() -> int:
            done = 0
            while perf_counter() - began < seconds:
                await writer.submit(receiving())
                done += 1
            return done

        done = sum(await asyncio.gather(*[client() for _ in range(in_flight)]))
        rate = Rate(done, perf_counter() - began)
        await writer.stop()
        return rate

    return uvloop.run(run())


def ours_in_batches(database: str, seconds: float) -> Rate:
    """Two batches on their way, as an import has: one is made ready while the other is written."""

    async def run() -> Rate:
        writer = Writer(database, MAPPER, NoCatalogue())
        await writer.start()
        await writer.submit_many([receiving() for _ in range(BATCH)])
        began = perf_counter()

        async def client() -> int:
            done = 0
            while perf_counter() - began < seconds:
                outcomes = await writer.submit_many([receiving() for _ in range(BATCH)])
                assert not any(isinstance(outcome, Exception) for outcome in outcomes)
                done += BATCH
            return done

        done = sum(await asyncio.gather(client(), client()))
        rate = Rate(done, perf_counter() - began)
        await writer.stop()
        return rate

    return uvloop.run(run())


def library_settings(database: str, threads: int) -> dict[str, str]:
    parts = conninfo_to_dict(database)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(parts["dbname"]),
        "POSTGRES_HOST": str(parts["host"]),
        "POSTGRES_PORT": str(parts.get("port", 5432)),
        "POSTGRES_USER": str(parts["user"]),
        "POSTGRES_PASSWORD": str(parts.get("password", "")),
        "POSTGRES_POOL_SIZE": str(threads),
        "POSTGRES_MAX_OVERFLOW": "4",
    }


def library(database: str, threads: int, seconds: float) -> Rate:
    settings = library_settings(database, threads)
    with Application[UUID](settings) as application, ThreadPoolExecutor(threads) as pool:
        began = perf_counter()

        def client(_: int) -> int:
            done = 0
            while perf_counter() - began < seconds:
                application.save(LibraryPurchase(str(uuid4()), TOTAL, "EUR", AT))
                done += 1
            return done

        done = sum(pool.map(client, range(threads)))
        return Rate(done, perf_counter() - began)


_COPY = "copy laurel.copied (stream, version, bucket, position, tag, payload, envelope) from stdin (format binary)"
_TYPES = ["uuid", "int4", "int4", "int8", "text", "bytea", "bytea"]


def copy(database: str, seconds: float) -> Rate:
    """The rows our writer has made, by binary COPY into a table of the same shape, each thousand a transaction."""
    with psycopg.connect(database, autocommit=True) as connection:
        rows = connection.execute("select * from laurel.events order by position limit 50000").fetchall()
        connection.execute("drop table if exists laurel.copied")
        connection.execute("create table laurel.copied (like laurel.events including all)")
        began, done = perf_counter(), 0
        while perf_counter() - began < seconds:
            with connection.cursor() as cursor, cursor.copy(_COPY) as copying:
                copying.set_types(_TYPES)
                for position in range(done, done + BATCH):
                    _, version, bucket, _, *content = rows[position % len(rows)]
                    copying.write_row((uuid4(), version, bucket, position, *content))
            done += BATCH
        return Rate(done, perf_counter() - began)


class Comparison(NamedTuple):
    what: str
    target: float
    ours: Callable[[str, float], Rate]
    reference_name: str
    reference: Callable[[str, float], Rate]


COMPARISONS = (
    Comparison(
        "64 commands in flight, one event each",
        15.0,
        lambda database, seconds: ours_in_flight(database, 64, seconds),
        "library's save, 8 threads",
        lambda database, seconds: library(database, 8, seconds),
    ),
    Comparison(
        "1 command at a time",
        1.5,
        lambda database, seconds: ours_in_flight(database, 1, seconds),
        "library's save, 1 thread",
        lambda database, seconds: library(database, 1, seconds),
    ),
    Comparison("batches of 1,000", 0.35, ours_in_batches, "COPY of the same rows", copy),
)


def fresh_databases(server: str) -> Iterator[str]:
    while True:
        name = f"append_{uuid4().hex}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"create database {name}")
        database = make_conninfo(server, dbname=name)
        migrate(database)
        yield database


def compare(comparison: Comparison, databases: Iterator[str], seconds: float, rounds: int) -> Figure:
    """Rounds alternate between ours and the reference, so that what else the machine does falls on both."""
    ours, reference = [], []
    for _ in range(rounds):
        database = next(databases)
        ours.append(comparison.ours(database, seconds).per_second)
        reference.append(comparison.reference(database, seconds).per_second)
    figure, beside = statistics.median(ours), statistics.median(reference)
    return Figure(
        f"append, {comparison.what}",
        f"{figure:,.0f}/s",
        f"{comparison.reference_name}: {beside:,.0f}/s",
        figure / beside,
        comparison.target,
    )


def run(seconds: float = SECONDS, rounds: int = ROUNDS) -> list[Figure]:
    """With the collector as the service has it; the library runs with the same."""
    collect_seldom()
    with (
        tempfile.TemporaryDirectory(prefix="laurel-append-") as folder,
        EmbeddedPostgres(Path(folder, "data")) as server,
    ):
        databases = fresh_databases(server)
        return [compare(each, databases, seconds, rounds) for each in COMPARISONS]


def main() -> int:
    parser = ArgumentParser(prog="python -m benchmarks.append", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long each round of each side takes")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    figures = run(arguments.seconds, arguments.rounds)
    show(figures)
    return 0 if all(figure.reached for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
