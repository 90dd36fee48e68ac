"""What a simulation comes to: shown as what is recorded is, from the events that would be recorded."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from msgspec import Struct
from psycopg import AsyncConnection

from application.definitions.catalogue import Catalogue
from application.log.events import Recorded
from application.log.mapper import Mapper
from application.simulation.simulation import Simulation
from application.streams import PROGRESS, STANDING
from domain.achievements import progress as progresses
from domain.achievements.progress import NOTHING, Advanced, Completed
from domain.facts.fact import Fact, FactKind
from domain.tiered.definition import step_of
from domain.tiered.standing import Awarded, Contributed
from domain.values.amounts import EXACT, ZERO, written, written_in
from projections.achievements.progress import MemberAchievementRow, ViewTime, shown_progress
from projections.decisions.causes import DecisionTrail, Periods, periods_of, trail_of, with_facts
from projections.decisions.decision import DecisionRow, TriggerView
from projections.decisions.queries import with_names
from projections.decisions.rows import DECISIONS, ENTRIES
from projections.decisions.rows import PROJECTION as DECIDED
from projections.engine.changes import Changes, Key, Row, Table
from projections.history.log import events_between
from projections.listing.page import Figure, Units, fetch_all
from projections.tiered.previews import Breakdown, breakdown
from projections.tiered.standings.queries import NextTier, tiers_reached

T = TypeVar("T")

MOST_FACTS = 50
"""The most facts that one decision of a simulation is explained by: the newest ones."""
AT_ONCE = 25
"""So many decisions are explained before others have a turn."""


class SimulatedFact(Struct, frozen=True, gc=False):
    """A fact by its kind and id."""

    kind: FactKind
    id: str


class SimulatedCompletion(Struct, frozen=True, gc=False):
    """A completion there would be: the `completions`-th of the member."""

    member: str
    achievement: UUID
    name: str
    revision: int
    completions: int
    badge: str | None
    occurred_at: datetime
    fact: SimulatedFact | None
    position: str


class SimulatedProgress(MemberAchievementRow, frozen=True, gc=False, kw_only=True):
    """How far a member would be with an achievement that facts moved."""

    member: str


class SimulatedStanding(Struct, frozen=True, gc=False):
    """Where a member would stand in an occurrence that facts moved, and what it would pay as things stand.

    Figures are as in an occurrence's members. The `breakdown` is that of the pending points or, where the occurrence is
    paid, of the awarded ones.
    """

    member: str
    tiered_campaign: UUID
    name: str
    revision: int
    account: str
    occurrence: int
    starts_at: datetime
    ends_at: datetime
    evaluation_at: datetime
    total: Figure
    confirmed: Figure
    tier: int | None
    next_tier: NextTier | None
    pending_points: Units
    awarded_points: Units | None
    breakdown: Breakdown


class SimulatedAccount(Struct, frozen=True, gc=False):
    """What would come to an account of a member: `units` given or taken by decisions, `pending` until evaluations."""

    member: str
    account: str
    units: Units
    pending: Units


class SimulationView(NamedTuple):
    """Everything that the facts of a simulation would do."""

    completions: list[SimulatedCompletion]
    decisions: list[DecisionRow]
    achievements: list[SimulatedProgress]
    standings: list[SimulatedStanding]
    accounts: list[SimulatedAccount]


async def shown(
    connection: AsyncConnection[Any], mapper: Mapper, simulation: Simulation, at: ViewTime
) -> SimulationView:
    """The connection is asked for what was before, up to the position that the simulation started from."""
    events = simulation.events
    decided = DECIDED.fold(mapper, events)
    earlier = _Earlier(connection, mapper, simulation)
    return SimulationView(
        [_completion(simulation, recorded) for recorded in events if isinstance(recorded.event, Completed)],
        await _decisions(connection, earlier, decided),
        await _achievements(connection, simulation, at),
        await _standings(simulation),
        _accounts(simulation, decided),
    )


def _completion(simulation: Simulation, recorded: Recorded) -> SimulatedCompletion:
    event: Completed = recorded.event
    return SimulatedCompletion(
        event.member,
        event.achievement,
        simulation.catalogue.achievements[event.achievement].definition.name,
        event.revision,
        event.number,
        event.badge,
        event.occurred_at,
        _fact(event.fact),
        str(recorded.position),
    )


def _fact(fact: Fact | None) -> SimulatedFact | None:
    return SimulatedFact(fact.kind, fact.id) if fact else None


class _Earlier:
    """The last events of streams: those that are recorded, and those that would be."""

    def __init__(self, connection: AsyncConnection[Any], mapper: Mapper, simulation: Simulation) -> None:
        self._connection = connection
        self._mapper = mapper
        self._from = simulation.began
        self._events: dict[UUID, list[Recorded]] = {}
        self._simulated = simulation.events
        self._achievements = simulation.catalogue.achievements

    async def find(self, streams: Iterable[UUID]) -> None:
        self._events = {stream: [] for stream in streams}
        recorded = await events_between(self._connection, self._mapper, self._events, 0, self._from, MOST_FACTS + 1)
        for each in (*recorded, *self._simulated):
            if each.stream in self._events:
                self._events[each.stream].append(each)

    def periods(self, trigger: TriggerView) -> Periods:
        """Those of the rules of the achievement that fired, as it is in the simulation."""
        known = self._achievements.get(trigger.achievement) if isinstance(trigger.achievement, UUID) else None
        return periods_of(known.definition) if known and known.revision == trigger.achievement_revision else {}

    def until(self, stream: UUID, position: int) -> list[Recorded]:
        found = [recorded for recorded in self._events[stream] if recorded.position <= position]
        return found[-MOST_FACTS - 1 :]


async def _decisions(connection: AsyncConnection[Any], earlier: _Earlier, decided: Changes) -> list[DecisionRow]:
    trails = [trail_of(key[0], row) async for key, row in _by_turns(_rows(decided, DECISIONS))]
    await earlier.find({trail.stream for trail in trails})
    explained = [
        with_facts(each.row, earlier.until(each.stream, each.until), earlier.periods(each.row.trigger), MOST_FACTS)
        async for each in _by_turns(sorted(trails, key=_place))
    ]
    return await with_names(connection, explained)


async def _by_turns(every: Iterable[T]) -> AsyncIterator[T]:
    for number, each in enumerate(every, 1):
        yield each
        if not number % AT_ONCE:
            await asyncio.sleep(0)


def _place(trail: DecisionTrail) -> int:
    return int(trail.row.position)


_LASTS = """
SELECT w.member, w.achievement, m.completed_at, m.advanced_at
FROM unnest(%(members)s::text[], %(achievements)s::uuid[]) w (member, achievement)
CROSS JOIN LATERAL (
    SELECT
        (array_agg(h.last_completed_at ORDER BY h.revision DESC) FILTER (WHERE h.last_completed_at IS NOT NULL))[1]
            AS completed_at,
        (array_agg(h.last_advanced_at ORDER BY h.revision DESC) FILTER (WHERE h.last_advanced_at IS NOT NULL))[1]
            AS advanced_at
    FROM p_achievements.member_achievements h
    WHERE h.member = w.member AND h.achievement = w.achievement
) m
"""

Moved = dict[tuple[str, UUID], tuple[datetime | None, datetime | None]]
"""When achievements were last completed and advanced, by member and achievement."""


async def _achievements(
    connection: AsyncConnection[Any], simulation: Simulation, at: ViewTime
) -> list[SimulatedProgress]:
    """In the order in which they were first moved."""
    moved = _moved(simulation.events)
    before = await _moved_before(connection, moved)
    found: list[SimulatedProgress] = []
    for (member, achievement_id), (completed_at, advanced_at) in moved.items():
        achievement = simulation.catalogue.achievements[achievement_id]
        progress = await simulation.state(PROGRESS.at(achievement_id, achievement.revision, member)) or NOTHING
        was_completed_at, was_advanced_at = before.get((member, achievement_id), (None, None))
        lasts = completed_at or was_completed_at, advanced_at or was_advanced_at
        row = shown_progress(achievement, progress, progress, *lasts, at)
        found.append(SimulatedProgress(member=member, **{name: getattr(row, name) for name in row.__struct_fields__}))
    return found


def _moved(events: Sequence[Recorded]) -> Moved:
    moved: Moved = {}
    for recorded in events:
        match event := recorded.event:
            case Completed():
                _, advanced_at = moved.get((event.member, event.achievement), (None, None))
                moved[event.member, event.achievement] = event.occurred_at, advanced_at
            case Advanced():
                completed_at, _ = moved.get((event.member, event.achievement), (None, None))
                moved[event.member, event.achievement] = completed_at, event.occurred_at
            case progresses.Carried() | progresses.Reversed():
                moved.setdefault((event.member, event.achievement), (None, None))
    return moved


async def _moved_before(connection: AsyncConnection[Any], moved: Moved) -> Moved:
    if not moved:
        return {}
    named = {"members": [member for member, _ in moved], "achievements": [achievement for _, achievement in moved]}
    rows = await fetch_all(connection, lambda *row: row, _LASTS, named)
    return {(member, achievement): (completed, advanced) for member, achievement, completed, advanced in rows}


async def _standings(simulation: Simulation) -> list[SimulatedStanding]:
    """In the order in which they were first moved."""
    places = dict.fromkeys(
        (event.campaign, event.occurrence, event.member)
        for recorded in simulation.events
        if isinstance(event := recorded.event, Contributed)
    )
    return [await _standing(simulation, *place) for place in places]


async def _standing(simulation: Simulation, campaign_id: UUID, occurrence: int, member: str) -> SimulatedStanding:
    catalogue = simulation.catalogue
    standing = await simulation.state(STANDING.at(campaign_id, occurrence, member))
    assert standing  # noqa: S101  an event of it would be recorded
    terms = catalogue.terms_once_cut(campaign_id, occurrence)
    window = terms.window(occurrence)
    aggregate = standing.total if standing.awarded is None else standing.confirmed
    decimals = terms.table.decimals
    definition = catalogue.tiered_campaigns[campaign_id].revision_of(occurrence).definition
    tier, following = tiers_reached(terms.table, step_of(definition), aggregate)
    return SimulatedStanding(
        member,
        campaign_id,
        definition.name,
        terms.revision,
        terms.account,
        occurrence,
        window.starts_at,
        window.ends_at,
        window.evaluation_at,
        written(standing.total),
        written(standing.confirmed),
        tier,
        following,
        written_in(standing.pending_points, decimals),
        None if standing.awarded is None else written_in(standing.awarded, decimals),
        breakdown(terms.table, aggregate),
    )


def _accounts(simulation: Simulation, decided: Changes) -> list[SimulatedAccount]:
    units: dict[tuple[str, str], Decimal] = {}
    pending: dict[tuple[str, str], Decimal] = {}
    for _, entry in _rows(decided, ENTRIES):
        _add(units, (entry["member"], entry["account"]), entry["units"])
    for recorded in simulation.events:
        match event := recorded.event:
            case Contributed():
                account = simulation.catalogue.terms_once_cut(event.campaign, event.occurrence).account
                _add(pending, (event.member, account), event.pending_points_change)
            case Awarded():
                _add(pending, (event.member, event.account), EXACT.minus(event.pending_points))
    return [
        _account(simulation.catalogue, *key, units.get(key, ZERO), pending.get(key, ZERO))
        for key in dict.fromkeys((*units, *pending))
        if units.get(key) or pending.get(key)
    ]


def _account(catalogue: Catalogue, member: str, code: str, units: Decimal, pending: Decimal) -> SimulatedAccount:
    account = catalogue.account(code)
    decimals = account.decimals if account else 0
    return SimulatedAccount(member, code, written_in(units, decimals), written_in(pending, decimals))


def _add(sums: dict[tuple[str, str], Decimal], key: tuple[str, str], amount: Decimal) -> None:
    sums[key] = EXACT.add(sums.get(key, ZERO), amount)


def _rows(changes: Changes, table: Table) -> Iterable[tuple[Key, Row]]:
    for step in changes.steps:
        if isinstance(step, Mapping) and table in step:
            yield from step[table].inserts.items()
