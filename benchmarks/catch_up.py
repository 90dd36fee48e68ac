"""All projections catching up together, beside the library's `ProjectionRunner` with a projection of one row.

python -m benchmarks.catch_up [--facts 150000] [--members 20000] [--reference 5000] [--rounds 3]

Two events a fact: a transaction with two item lines, and its contribution to a tiered campaign. The followers' last
commits are flushed to disk before the time is taken, as every one of the library's is.
"""

import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4

import psycopg
from eventsourcing.application import Application
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from application.log.envelope import Envelope
from application.log.mapper import Mapper
from application.log.streams import Stream
from application.postgres.embedded import EmbeddedPostgres
from application.service.migrate import migrate
from application.streams import KINDS, MEMBER, STANDING, TRANSACTION
from benchmarks.figures import Figure, show
from domain.facts.fact import Fact, FactKind
from domain.facts.outcomes import Contribution, ContributionOutcome
from domain.facts.purchase import Item, Purchase
from domain.facts.transaction import Received, Status
from domain.members.member import Registered
from domain.tiered.standing import Contributed
from projections.engine import store
from projections.engine.follower import Follower
from projections.engine.session import connect
from projections.registry import PROJECTIONS

TARGET = 15.0
FACTS, MEMBERS, REFERENCE, ROUNDS = 150_000, 20_000, 5_000, 3
AT = datetime(2026, 9, 3, 10, 15, tzinfo=UTC)
TOTAL = Decimal("49.90")
CAMPAIGN = UUID(int=7)
ITEMS = (
    Item("SKU-1", Decimal(2), Decimal("20.00"), Decimal("40.00")),
    Item("SKU-2", Decimal(1), Decimal("9.90"), Decimal("9.90")),
)
MAPPER = Mapper(KINDS)
_COPY = "copy laurel.events (stream, version, bucket, position, tag, payload, envelope) from stdin (format binary)"
_TYPES = ["uuid", "int4", "int4", "int8", "text", "bytea", "bytea"]

Told = tuple[Stream[Any, Any], int, Any]
"""An event, with its stream and version."""


def registered(members: int) -> Iterator[Told]:
    for number in range(members):
        yield MEMBER.at(f"M-{number}"), 1, Registered(f"M-{number}")


def received(count: int, members: int) -> Iterator[Told]:
    """Of members chosen at random."""
    random = Random(1)  # noqa: S311  which member is nobody's secret
    standings = [(0, Decimal(0))] * members
    for number in range(count):
        chosen = random.randrange(members)
        version, total = standings[chosen]
        total += TOTAL
        standings[chosen] = version + 1, total
        identity, member, points = f"T-{number}", f"M-{chosen}", total * 10
        outcome = ContributionOutcome(CAMPAIGN, 1, TOTAL, total, points)
        purchase = Purchase(
            identity, member, AT, TOTAL, currency="EUR", items=ITEMS, attributes={"channel": "web", "store": "12"}
        )
        contribution = Contribution(CAMPAIGN, 1, TOTAL, confirmed=True)
        yield TRANSACTION.at(identity), 1, Received(purchase, Status.ACCEPTED, (contribution,), (outcome,))
        fact = Fact(FactKind.TRANSACTION, identity)
        figures = (TOTAL, total, total, points, points, TOTAL * 10)
        yield STANDING.at(CAMPAIGN, 1, member), version + 1, Contributed(CAMPAIGN, 1, member, fact, *figures)


def fill(database: str, told: Iterator[Told]) -> int:
    """Writes the log; the position of the last event."""
    position = 0
    with psycopg.connect(database) as connection, connection.cursor() as cursor:
        with cursor.copy(_COPY) as copying:
            copying.set_types(_TYPES)
            for position, (stream, version, happened) in enumerate(told, 1):
                tag, payload = MAPPER.encode(happened)
                envelope = MAPPER.encode_envelope(Envelope(AT + timedelta(milliseconds=position), uuid4(), "key-1"))
                copying.write_row((stream.id, version, 0, position, tag, payload, envelope))
        cursor.execute("update laurel.heads set head = %s", [position])
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("vacuum analyze laurel.events")
        connection.execute("checkpoint")
    return position


def ours(database: str, head: int) -> float:
    """Events a second, for all projections, from nothing."""
    follower = Follower(database, MAPPER, PROJECTIONS)
    with connect(database, "benchmark") as connection:
        connection.execute("delete from laurel.projections")
        for projection in PROJECTIONS:
            store.drop_schema(connection, projection.schema)
            store.begin(connection, projection)
        connection.execute("checkpoint")
        began = perf_counter()
        while follower.step(connection):
            pass
        connection.execute("set synchronous_commit to on")
        connection.execute("update laurel.projections set updated_at = now()")
        seconds = perf_counter() - began
        at = {stored.position for stored in store.stored(connection).values()}
    assert at == {head}, f"the projections stand at {at} and not at {head}"
    return head / seconds


class LibraryPurchase(Aggregate):
    @event("Received")
    def __init__(self, member: str, total: Decimal, currency: str, purchased_at: datetime) -> None:
        self.member = member
        self.total = total
        self.currency = currency
        self.purchased_at = purchased_at


class Count(PostgresTrackingRecorder):
    """A table of one row: how many events there were."""

    def __init__(self, datastore: PostgresDatastore, **settings: Any) -> None:  # noqa: ANN401  whatever the library's takes
        super().__init__(datastore, **settings)
        self.times: list[float] = []
        self.table = Identifier(self.datastore.schema, "counted")
        self.sql_create_statements.append(
            SQL("create table if not exists {} (id int primary key, events bigint)").format(self.table)
        )
        self.add = SQL("insert into {0} values (1, 1) on conflict (id) do update set events = {0}.events + 1").format(
            self.table
        )

    def count(self, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute(self.add, prepare=True)
            self._insert_tracking(cursor, tracking)
        self.times.append(perf_counter())


class Counting(Projection[Count]):
    name = "counting"

    @singledispatchmethod
    def process_event(self, _: object, tracking: Tracking) -> None:
        self.view.count(tracking)


def settings_for(database: str) -> dict[str, str]:
    parts = conninfo_to_dict(database)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(parts["dbname"]),
        "POSTGRES_HOST": str(parts["host"]),
        "POSTGRES_PORT": str(parts.get("port", 5432)),
        "POSTGRES_USER": str(parts["user"]),
        "POSTGRES_PASSWORD": str(parts.get("password", "")),
    }


def library(database: str, events: int) -> float:
    """Events a second, for one projection."""
    environment = settings_for(database)
    with Application[UUID](environment) as application:
        purchases = (LibraryPurchase(str(uuid4()), TOTAL, "EUR", AT) for _ in range(events))
        while several := list(islice(purchases, 500)):
            application.save(*several)
        last = application.recorder.max_notification_id()
    assert last == events
    with ProjectionRunner(
        application_class=Application[UUID], projection_class=Counting, view_class=Count, env=environment
    ) as runner:
        runner.wait(last, timeout=600)
        times = runner.view.times
    # From its first event on: what the runner takes to start is not held against it.
    return (events - 1) / (times[-1] - times[0])


def new_database(server: str) -> str:
    name = f"catch_up_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(SQL("create database {}").format(Identifier(name)))
    return make_conninfo(server, dbname=name)


def run(facts: int = FACTS, members: int = MEMBERS, reference: int = REFERENCE, rounds: int = ROUNDS) -> list[Figure]:
    with (
        tempfile.TemporaryDirectory(prefix="laurel-catch-up-") as folder,
        EmbeddedPostgres(Path(folder, "data")) as server,
    ):
        database = new_database(server)
        migrate(database)
        head = fill(database, chain(registered(members), received(facts, members)))
        sides = [(ours(database, head), library(new_database(server), reference)) for _ in range(rounds)]
    figure, beside = (median(side) for side in zip(*sides, strict=True))
    return [
        Figure(
            f"all {len(PROJECTIONS)} projections catching up with {head:,} events",
            f"{figure:,.0f}/s",
            f"the library's ProjectionRunner, one row: {beside:,.0f}/s",
            figure / beside,
            TARGET,
        )
    ]


def main() -> int:
    parser = ArgumentParser(prog="python -m benchmarks.catch_up", description=__doc__)
    parser.add_argument("--facts", type=int, default=FACTS)
    parser.add_argument("--members", type=int, default=MEMBERS)
    parser.add_argument("--reference", type=int, default=REFERENCE, help="events for the library's runner")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of each side, in turns; the medians are compared")
    arguments = parser.parse_args()
    figures = run(arguments.facts, arguments.members, arguments.reference, arguments.rounds)
    show(figures)
    return 0 if all(figure.reached for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
