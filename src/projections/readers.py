"""What jobs read of the projections: the implementations of `application.reads`."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, LiteralString
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from application.log.envelope import NO_ORIGIN, Origin
from application.log.events import Recorded
from application.log.mapper import Mapper
from application.log.reader import read_versions
from application.log.streams import StreamKind
from application.reads import Acceptance, Awards, CountedFact, FrozenStanding, Reads, RunningPreview
from application.streams import STANDING, TRANSACTION
from domain.tiered.preview import Figures
from domain.tiered.standing import Contributed
from projections.engine.positions import Positions

PASSED_EVENTS = 1_000
"""So many events at most are looked through for one that would have to be waited for."""

_MOVED = """
select exists (
    select from laurel.events where bucket = 0 and position > %s and position <= %s and tag = any (%s::text[])
)
"""

_UNAWARDED = """
select member from p_standings.standings
where campaign = %s and occurrence = %s and member > %s and awarded is null
order by member limit %s
"""

_LEFT = "select count(*) from p_standings.standings where campaign = %s and occurrence = %s and awarded is null"

_AWARDS = """
select count(*), coalesce(sum(points), 0) from p_decisions.decisions
where campaign = %s and occurrence = %s and kind = 'tiered_award'
"""

_COUNTED = """
select s.occurrence, s.member, e.version, e.tag, e.payload
from (
    select occurrence, member, stream from p_standings.standings
    where campaign = %(campaign)s and (occurrence, member) >= (%(occurrence)s, %(member)s)
    order by occurrence, member limit %(limit)s + 1
) s
cross join lateral (
    select v.version, v.tag, v.payload from laurel.events v
    where v.stream = s.stream and v.position <= %(until)s
    and v.version > case when (s.occurrence, s.member) = (%(occurrence)s, %(member)s) then %(version)s else 0 end
    order by v.version limit %(limit)s
) e
order by s.occurrence, s.member, e.version limit %(limit)s
"""

_FROZEN = """
select occurrence, member, total, confirmed, pending_points, award_points from p_standings.preview_members
where preview = %s and (occurrence, member) > (%s, %s)
order by occurrence, member limit %s
"""

_FIGURES = """
select occurrence, participants, pending_points, award_points from p_standings.preview_occurrences
where preview = %s order by occurrence
"""

_RUNNING = "select campaign, id from p_standings.previews where status = 'running' order by position limit %s"

_DUE = """
select f.id, f.auto_accept_at, e.position, e.stream, e.version, e.tag, e.payload, e.envelope
from p_facts.facts f
join laurel.events e on e.bucket = 0 and e.position = f.position
where f.auto_accept_at <= %s
order by f.auto_accept_at, f.position limit %s
"""

_NEXT = "select min(auto_accept_at) from p_facts.facts"


class _LogReader:
    """`names` are the projections that it reads, and `kinds` the streams that what it reads of them comes from: all of
    them, where none is named.
    """

    names: tuple[str, ...] = ()
    kinds: tuple[StreamKind[Any, Any], ...] = ()

    def __init__(
        self, pool: AsyncConnectionPool, positions: Positions, mapper: Mapper, hurry: Callable[[], None]
    ) -> None:
        self._pool = pool
        self._positions = positions
        self._mapper = mapper
        self._hurry = hurry

    async def reached(self, position: int, seconds: float) -> bool:
        """Without a wait where nothing that is read has happened since."""
        since = self._positions.reached(*self.names)
        if position <= since:
            return True
        if self.kinds and since > 0 and position <= since + PASSED_EVENTS and not await self._moved(since, position):
            return True
        self._hurry()
        return await self._positions.wait_for(position, seconds, *self.names)

    async def _moved(self, after: int, upto: int) -> bool:
        tags = [tag for tag, kind in self._mapper.kind_of_tag.items() if kind in self.kinds]
        rows: list[tuple[bool]] = await self._rows(_MOVED, after, upto, tags)
        return rows[0][0]

    async def origin(self, stream: UUID, version: int) -> Origin:
        async with self._pool.connection() as connection:
            found = await read_versions(connection, self._mapper, [(stream, version)])
        return found[0].origin if found else NO_ORIGIN

    async def _rows(self, query: LiteralString, *parameters: object, **named: object) -> list[tuple[Any, ...]]:
        async with self._pool.connection() as connection:
            return await (await connection.execute(query, named or parameters)).fetchall()


class ShownReader(_LogReader):
    """Everything that is shown to callers."""


class StandingsReader(_LogReader):
    names = ("standings", "decisions")
    kinds = (STANDING,)

    async def unawarded(self, campaign: UUID, occurrence: int, after_member: str, limit: int) -> list[str]:
        return [member for (member,) in await self._rows(_UNAWARDED, campaign, occurrence, after_member, limit)]

    async def left(self, campaign: UUID, occurrence: int) -> int:
        rows: list[tuple[int]] = await self._rows(_LEFT, campaign, occurrence)
        return rows[0][0]

    async def awards(self, campaign: UUID, occurrence: int) -> Awards:
        members, points = (await self._rows(_AWARDS, campaign, occurrence))[0]
        return Awards(members, Decimal(points))

    async def counted(self, campaign: UUID, after: tuple[int, str, int], until: int, limit: int) -> list[CountedFact]:
        occurrence, member, version = after
        rows = await self._rows(
            _COUNTED,
            campaign=campaign,
            occurrence=occurrence,
            member=member,
            version=version,
            until=until,
            limit=limit,
        )
        found = []
        for occurrence, member, version, tag, payload in rows:
            event = self._mapper.decode(tag, payload)
            # whoever asks for what was counted asks of occurrences without awards
            assert isinstance(event, Contributed)  # noqa: S101
            found.append(CountedFact(occurrence, member, version, event.fact))
        return found


class PreviewsReader(_LogReader):
    names = ("standings",)

    async def standings(
        self, preview: UUID, after_occurrence: int, after_member: str, limit: int
    ) -> list[FrozenStanding]:
        rows = await self._rows(_FROZEN, preview, after_occurrence, after_member, limit)
        return [FrozenStanding(*row) for row in rows]

    async def figures(self, preview: UUID) -> tuple[Figures, ...]:
        return tuple(Figures(*row) for row in await self._rows(_FIGURES, preview))

    async def running(self, limit: int) -> list[RunningPreview]:
        return [RunningPreview(*row) for row in await self._rows(_RUNNING, limit)]


class FactsReader(_LogReader):
    names = ("facts",)
    kinds = (TRANSACTION,)

    async def due_acceptances(self, until: datetime, limit: int) -> list[Acceptance]:
        rows = await self._rows(_DUE, until, limit)
        return [Acceptance(id_, at.astimezone(UTC), Recorded(self._mapper, *event).origin) for id_, at, *event in rows]

    async def next_acceptance(self) -> datetime | None:
        rows: list[tuple[datetime | None]] = await self._rows(_NEXT)
        earliest = rows[0][0]
        return earliest.astimezone(UTC) if earliest else None


def _nobody() -> None:
    """The projections are followed elsewhere."""


def reads(
    pool: AsyncConnectionPool, positions: Positions, mapper: Mapper, hurry: Callable[[], None] = _nobody
) -> Reads:
    """`hurry` tells the projections' follower, where it is in this process, that a position is waited for."""
    given = pool, positions, mapper, hurry
    return Reads(ShownReader(*given), StandingsReader(*given), PreviewsReader(*given), FactsReader(*given))
