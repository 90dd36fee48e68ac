"""What it takes to read the newest 50 decisions of one member at 1,000,000 decisions, beside at 10,000.

python -m benchmarks.decisions [--few 10000] [--many 1000000] [--asked 400]

Members have 100 decisions each at either size, scattered over everybody's. Every time another member is asked for, in
turns at the one size and the other; what is compared are the medians.
"""

import sys
import tempfile
from argparse import ArgumentParser
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from statistics import median
from time import perf_counter
from uuid import UUID, uuid4

import psycopg
import uvloop
from psycopg import AsyncConnection

from application.log.envelope import Envelope
from application.log.events import Recorded
from application.log.mapper import Mapper
from application.postgres.embedded import EmbeddedPostgres
from application.service.migrate import migrate
from application.streams import KINDS, PARTICIPATION
from benchmarks.catch_up import new_database
from benchmarks.figures import Figure, show
from domain.campaigns.definition import CampaignTrigger, EffectKind, Recipient
from domain.campaigns.participation import Counters, EffectOutcome, Granted, Observation, RuleOutcome, Trigger
from domain.facts.fact import Fact, FactKind
from domain.values.interval import Moment
from projections.decisions import queries as decisions
from projections.decisions.rows import DECISIONS, PROJECTION
from projections.engine import store
from projections.engine.session import connect
from projections.engine.writing import write

TARGET = 1.5
FEW, MANY, ASKED, WARM = 10_000, 1_000_000, 400, 100
OF_EACH = 100
NEWEST = {"limit": "50"}
AT = datetime(2026, 9, 3, 10, 15, tzinfo=UTC)
CAMPAIGN, ACHIEVEMENT = UUID(int=7), UUID(int=8)
MAPPER = Mapper(KINDS)

_SCATTERED = """
insert into p_decisions.decisions ({columns})
select {values} from p_decisions.decisions d, generate_series(2, %(count)s) n where d.position = 1
"""
_PARTIES = """
insert into p_decisions.parties select member, position, true from p_decisions.decisions where position > 1
"""
_OWN = {
    "id": "gen_random_uuid()",
    "member": "'M-' || n %% %(members)s",
    "fact_id": "'T-' || n",
    "version": "(n / %(members)s + 1)::int",
    "recorded_at": "d.recorded_at + n * interval '1 second'",
    "position": "n",
}


def granted() -> Granted:
    """Units for a purchase that was large enough."""
    fact = Fact(FactKind.TRANSACTION, "T-1")
    trigger = Trigger(CampaignTrigger.ACHIEVEMENT_COMPLETED, ACHIEVEMENT, 1, UUID(int=9), 3, 1, 1, fact, AT)
    units = Decimal("49.90")
    effect = EffectOutcome(
        EffectKind.GIVE_UNITS, Recipient.MEMBER, "M-1", "points", "1 * transaction.total", units, Decimal(50)
    )
    saw = (Observation("transaction.total", "49.9"), Observation("transaction.attributes.channel", "web"))
    rule = RuleOutcome(
        "Large", 'transaction.total >= 20 and transaction.attributes.channel == "web"', saw, True, (effect,)
    )
    before, after = Counters(Decimal(1), Decimal(40), Decimal(900)), Counters(Decimal(2), Decimal(90), Decimal(950))
    return Granted(CAMPAIGN, 1, "M-1", trigger, Moment(AT.toordinal(), 10), Decimal(50), (rule,), before, after)


def fill(database: str, count: int) -> None:
    """A projection of so many decisions: the first as it is folded, the others like it."""
    migrate(database)
    tag, payload = MAPPER.encode(granted())
    envelope = MAPPER.encode_envelope(Envelope(AT, uuid4(), "key-1"))
    stream = PARTICIPATION.at(CAMPAIGN, "M-1").id
    recorded = Recorded(MAPPER, 1, stream, 1, tag, payload, envelope)
    values = ", ".join(_OWN.get(name, f"d.{name}") for name in DECISIONS.columns)
    text = _SCATTERED.format(columns=", ".join(DECISIONS.columns), values=values)
    with connect(database, "benchmark") as connection:
        with connection.transaction():
            store.make_tables(connection, PROJECTION, PROJECTION.schema)
            write(connection, PROJECTION.schema, PROJECTION.fold(MAPPER, [recorded]))
        connection.execute(text.encode(), {"count": count, "members": count // OF_EACH})
        connection.execute(_PARTIES)
        store.make_indexes(connection, PROJECTION, PROJECTION.schema)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("vacuum analyze p_decisions.decisions, p_decisions.parties")
        connection.execute("checkpoint")


async def newest(connection: AsyncConnection[object], member: int) -> float:
    """Seconds."""
    asked = decisions.DecisionQuery(decisions.DECISIONS.read(NEWEST))
    began = perf_counter()
    rows, _ = await decisions.decisions_page(connection, asked, f"M-{member}")
    seconds = perf_counter() - began
    assert len(rows) == int(NEWEST["limit"])
    return seconds


async def measure(sizes: dict[int, str], asked: int) -> dict[int, float]:
    """Seconds by size; the members asked for lie evenly among all."""
    found: dict[int, list[float]] = {size: [] for size in sizes}
    async with AsyncExitStack() as opened:
        connections = {
            size: await opened.enter_async_context(await AsyncConnection.connect(database, autocommit=True))
            for size, database in sizes.items()
        }
        for turn in range(WARM + asked):
            for size, connection in connections.items():
                members = size // OF_EACH
                seconds = await newest(connection, turn * max(1, members // asked) % members)
                if turn >= WARM:
                    found[size].append(seconds)
    return {size: median(times) for size, times in found.items()}


def run(few: int = FEW, many: int = MANY, asked: int = ASKED) -> list[Figure]:
    with (
        tempfile.TemporaryDirectory(prefix="laurel-decisions-") as folder,
        EmbeddedPostgres(Path(folder, "data")) as server,
    ):
        sizes = {size: new_database(server) for size in (few, many)}
        for size, database in sizes.items():
            fill(database, size)
        seconds = uvloop.run(measure(sizes, asked))
    return [
        Figure(
            f"newest 50 decisions of one member at {many:,}",
            f"{seconds[many] * 1000:,.2f} ms",
            f"at {few:,}: {seconds[few] * 1000:,.2f} ms",
            seconds[many] / seconds[few],
            TARGET,
            most=True,
        )
    ]


def main() -> int:
    parser = ArgumentParser(prog="python -m benchmarks.decisions", description=__doc__)
    parser.add_argument("--few", type=int, default=FEW)
    parser.add_argument("--many", type=int, default=MANY)
    parser.add_argument("--asked", type=int, default=ASKED, help="how many members are asked for at each size")
    arguments = parser.parse_args()
    figures = run(arguments.few, arguments.many, arguments.asked)
    show(figures)
    return 0 if all(figure.reached for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
