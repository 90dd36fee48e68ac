"""Triggers: what is decided next, read from the log together with the definitions that are in force at its place.

So that what is decided is a function of the log up to its trigger: a campaign that was edited, paused or deleted behind
a trigger decides it as if it had not been, and codes that come into a coupon's pool behind it are not given for it.
"""

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from msgspec import Struct

from application.campaigns.awarding import Firing, decided, fired_by
from application.campaigns.ledgers import coupons_of
from application.definitions.catalogue import Catalogue
from application.log.catalogue import Entry
from application.log.events import Recorded
from application.log.mapper import Mapper
from application.log.reader import read_catalogue_at, read_tagged, read_versions
from application.log.working import Working
from application.streams import ACHIEVEMENT, CAMPAIGN, COUPON_SLOT, ENTRY
from domain.achievements.progress import Adjusted, Advanced, Completed
from domain.campaigns.award_policy import Decided
from domain.campaigns.definition import CampaignTrigger
from domain.campaigns.participation import CancellationRequested

TRIGGERS_AT_ONCE = 500

_KINDS = (ENTRY, ACHIEVEMENT, CAMPAIGN)
DEFINITIONS = frozenset(event.tag for kind in _KINDS for event in kind.events)
"""Tags of the events of what campaigns decide by."""
_FIRING = {
    CampaignTrigger.ACHIEVEMENT_COMPLETED: (Completed.tag, Adjusted.tag),
    CampaignTrigger.ACHIEVEMENT_PROGRESSED: (Advanced.tag,),
}


class Look(Struct, frozen=True, gc=False):
    """The log as it stands at `head`: how far is `recorded` as decided, and up to where definitions `changed`."""

    recorded: Decided
    changed: int
    time_zone: str
    head: int = 0


def look(working: Working) -> Look:
    """A command's decision: it records nothing, and sees the catalogue as it stands."""
    catalogue: Catalogue = working.catalogue
    return Look(decided(working), catalogue.position, catalogue.time_zone)


class Turn(NamedTuple):
    """What is decided together: everything `fired` up to `last`, or one `cancellation` that was asked for there.

    `supplies` are how many codes had come into the pools that may be given from.
    """

    last: int
    fired: Sequence[Firing] = ()
    cancellation: Recorded | None = None
    supplies: Mapping[str, int] = MappingProxyType({})

    @property
    def undecided(self) -> int:
        """The first position of which that is not sure."""
        if self.fired:
            return self.fired[0].trigger.position
        return self.cancellation.position if self.cancellation else self.last + 1


Arrival = Callable[[str, int], Awaitable[int | None]]
"""Answers the position at which a coupon's pool got its code of a number (from 1); None where it has not."""


class InForce:
    """The definitions in force at a `position`, which moves on with each definition that is taken."""

    def __init__(self, time_zone: str, position: int = 0) -> None:
        self.catalogue = Catalogue(time_zone)
        self.position = position
        self._states: dict[UUID, Any] = {}
        self._supplies: dict[str, int] = {}

    @property
    def tags(self) -> list[str]:
        """Of the events that fire active campaigns, and of cancellations."""
        firing = {tag for _, kind in self.catalogue.triggers() for tag in _FIRING[kind]}
        return [CancellationRequested.tag, *sorted(firing)]

    async def load(self, entries: Sequence[Entry]) -> None:
        self._states.update((entry.stream, entry.state) for entry in entries)
        await self.catalogue.load(entries)

    async def define(self, mapper: Mapper, recorded: Recorded) -> None:
        kind = mapper.kind_of_tag[recorded.tag]
        state = kind.evolve(self._states.get(recorded.stream), recorded.event)
        await self.load([Entry(recorded.stream, kind.name, state, recorded.position)])
        self.position = recorded.position

    async def turn(self, mapper: Mapper, events: Iterable[Recorded], last: int) -> Turn:
        """The first turn of events that follow one another up to `last`. Where there is none, they are passed by, or as
        many as can be before events of other tags must be read.
        """
        tags = self.tags
        fired: list[Firing] = []
        for recorded in events:
            if recorded.tag in DEFINITIONS:
                if fired:
                    return Turn(recorded.position - 1, fired)
                await self.define(mapper, recorded)
                if self.tags != tags:
                    return Turn(self.position)
            elif recorded.tag == CancellationRequested.tag:
                if fired:
                    return Turn(recorded.position - 1, fired)
                return Turn(recorded.position, cancellation=recorded)
            elif (one := fired_by(recorded)) and one.on in self.catalogue.triggers():
                fired.append(one)
        if not fired:
            self.position = last
        return Turn(last, fired)

    async def supplied(self, turn: Turn, arrival: Arrival) -> Turn:
        """A turn of what fired, with the supplies there were; it ends before more codes come into one of the pools."""
        positions = [one.trigger.position for one in turn.fired]
        end, supplies = turn.last + 1, {}
        for coupon in self._pools(turn.fired):
            supplies[coupon], more = await self._supply(coupon, positions[0], arrival)
            if more is not None and more < positions[-1]:
                end = min(end, more)
        return Turn(end - 1, turn.fired[: bisect_left(positions, end)], supplies=supplies)

    def _pools(self, fired: Iterable[Firing]) -> Iterator[str]:
        """The coupons with a pool that campaigns on these may give."""
        campaigns = (terms for on in {one.on for one in fired} for terms in self.catalogue.campaigns_on(*on))
        codes = {code for terms in campaigns for code in coupons_of(terms)}
        for code in codes:
            if (coupon := self.catalogue.coupon(code)) and coupon.generator is None:
                yield code

    async def _supply(self, coupon: str, position: int, arrival: Arrival) -> tuple[int, int | None]:
        """How many codes had come at a position, and where the next one did, if it has.

        Codes are numbered as they come, so it is searched for from where the last search ended: positions move on.
        """
        count, step, growing = self._supplies.get(coupon, 0), 1, True
        more: int | None = None
        while step:
            at = await arrival(coupon, count + step)
            if at is not None and at <= position:
                count += step
            else:
                more, growing = at, False
            step = step * 2 if growing else step // 2
        self._supplies[coupon] = count
        return count, more


class Triggers:
    """Reads the log for what is decided next."""

    def __init__(self, mapper: Mapper) -> None:
        self._mapper = mapper
        self._in_force: InForce | None = None

    @property
    def fires(self) -> bool:
        """Whether campaigns are active, as far as the log has been read."""
        return self._in_force is not None and bool(self._in_force.catalogue.triggers())

    @property
    def catalogue(self) -> Catalogue:
        """The definitions in force at the turn that was found last."""
        assert self._in_force is not None  # noqa: S101  a turn has been found
        return self._in_force.catalogue

    async def next(self, connection: psycopg.AsyncConnection[Any], after: int, seen: Look) -> Turn:
        """The first turn after a position; one of nothing at the head where there is none."""
        in_force = await self._at(connection, after, seen)
        while in_force.position < seen.head:
            tags = in_force.tags + (sorted(DEFINITIONS) if in_force.position < seen.changed else [])
            page = await read_tagged(connection, self._mapper, tags, in_force.position, seen.head, TRIGGERS_AT_ONCE)
            turn = await in_force.turn(self._mapper, page.events, page.last)
            if turn.fired:
                return await in_force.supplied(turn, partial(self._arrival, connection))
            if turn.cancellation:
                return turn
        return Turn(in_force.position)

    async def _arrival(self, connection: psycopg.AsyncConnection[Any], coupon: str, number: int) -> int | None:
        slots = await read_versions(connection, self._mapper, [(COUPON_SLOT.at(coupon, number).id, 1)])
        return slots[0].position if slots else None

    async def _at(self, connection: psycopg.AsyncConnection[Any], position: int, seen: Look) -> InForce:
        """The definitions in force at a position: those there were, with what has changed since."""
        in_force = self._in_force
        if in_force is None or position < in_force.position:
            in_force = self._in_force = InForce(seen.time_zone, position)
            await in_force.load(
                await read_catalogue_at(connection, self._mapper, [kind.name for kind in _KINDS], position)
            )
        while in_force.position < position:
            if seen.changed <= in_force.position:
                in_force.position = position
                break
            page = await read_tagged(
                connection, self._mapper, sorted(DEFINITIONS), in_force.position, position, TRIGGERS_AT_ONCE
            )
            for recorded in page.events:
                await in_force.define(self._mapper, recorded)
            in_force.position = page.last
        return in_force
