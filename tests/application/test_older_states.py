"""States as an older version left them: a step of the database empties those that have to be made anew."""

from importlib.resources import files

import msgspec
import psycopg

from application.achievements import commands as achievements
from application.catalogue.commands import ensure_default_account
from application.definitions.catalogue import Catalogue
from application.log.mapper import Mapper
from application.log.reader import read_catalogue_at
from application.log.writer import Writer
from application.streams import KINDS, TIERED_CAMPAIGN
from application.tiered import commands as tiered_campaigns
from projections.history.log import states
from tests.support.achievements import ACHIEVEMENT
from tests.support.achievements import definition as achievement_definition
from tests.support.campaigns import CAMPAIGN, definition

MAPPER = Mapper(KINDS)
TURNS = "0005_turns.sql"


async def test_what_is_paused_is_told_from_what_was_never_active(database: str) -> None:
    async with _Writing(database) as writer:
        await writer.submit(ensure_default_account)
        await writer.submit(lambda working: tiered_campaigns.define(working, CAMPAIGN, definition()))
        await writer.submit(lambda working: tiered_campaigns.activate(working, CAMPAIGN))
        await writer.submit(lambda working: tiered_campaigns.deactivate(working, CAMPAIGN))
        await writer.submit(lambda working: achievements.define(working, ACHIEVEMENT, achievement_definition()))
    with psycopg.connect(database, autocommit=True) as connection:
        _forget(connection, "turns")
        connection.execute(files("application.service").joinpath("migrations", TURNS).read_bytes())
    campaign = TIERED_CAMPAIGN.of(CAMPAIGN).id
    async with await psycopg.AsyncConnection.connect(database) as connection:
        assert (await states(connection, MAPPER, [campaign]))[campaign].activated
        (entry,) = await read_catalogue_at(connection, MAPPER, ["tiered_campaign"], 1_000)
        assert entry.state.activated
    async with _Writing(database) as writer:
        catalogue: Catalogue = (await writer.submit(lambda working: working.catalogue)).answer
        assert catalogue.tiered_campaigns[CAMPAIGN].activated
        assert not catalogue.achievements[ACHIEVEMENT].activated


def _forget(connection: psycopg.Connection, field: str) -> None:
    """Writes the states as they were before they had a field."""
    for stream, state in connection.execute("select id, state from laurel.streams where catalogue is not null"):
        older = msgspec.msgpack.decode(state)
        older.pop(field, None)
        connection.execute(
            "update laurel.streams set state = %s where id = %s", [msgspec.msgpack.encode(older), stream]
        )


class _Writing:
    """A writer over the database, as long as it is open."""

    def __init__(self, database: str) -> None:
        self._writer = Writer(database, MAPPER, Catalogue("UTC"))

    async def __aenter__(self) -> Writer:
        await self._writer.start()
        return self._writer

    async def __aexit__(self, *_: object) -> None:
        await self._writer.stop()
