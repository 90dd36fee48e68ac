"""Tiered campaigns in SQL, which repeats rules of the domain to filter and sort: both say the same of any history."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import accumulate, count, pairwise
from typing import Any, NamedTuple
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple

from application.postgres.connection import connect_async
from application.streams import STANDING, TIERED_CAMPAIGN, TIERED_OCCURRENCE
from domain.facts.fact import Fact, FactKind
from domain.tiered import campaign as campaigns
from domain.tiered import occurrence as occurrences
from domain.tiered.campaign import Activated, Archived, Deactivated, Revised, Revision, TieredCampaign
from domain.tiered.occurrence import OccurrenceStatus, Phase
from domain.tiered.schedule import Window
from domain.tiered.standing import Contributed
from domain.values.amounts import ONE
from projections.tiered.campaigns.queries import (
    CAMPAIGNS,
    STATISTICS,
    campaign_row,
    campaigns_page,
    statistics_page,
)
from tests.projections.following import followed
from tests.projections.history import START, Log, Recording, definition

HOURS = st.integers(0, 72)
STEP = timedelta(microseconds=1)
NUMBERS = count(1)


class History(NamedTuple):
    """What has happened to a campaign; one without windows is a draft. `phases` are those of its occurrences."""

    windows: tuple[Window, ...]
    phases: tuple[Phase | None, ...]
    turns: int
    archived: bool

    def events(self, campaign: UUID) -> Iterator[campaigns.Event]:
        yield Revised(campaign, Revision(1, 1, definition(), "UTC", 0), self.windows)
        for turn in range(self.turns):
            yield Deactivated(campaign) if turn % 2 else Activated(campaign)
        if self.archived:
            yield Archived(campaign)

    def recordings(self, campaign: UUID) -> Iterator[Recording]:
        for event in self.events(campaign):
            yield Recording(TIERED_CAMPAIGN.of(campaign), event)
        for number, phase in enumerate(self.phases, 1):
            contributed = Contributed(
                campaign,
                number,
                "M-1",
                Fact(FactKind.TRANSACTION, "T-1"),
                amount=ONE,
                total=ONE,
                confirmed=ONE,
                pending_points=ONE,
                confirmed_points=ONE,
                pending_points_change=ONE,
            )
            yield Recording(STANDING.at(campaign, number, "M-1"), contributed)
            stream = TIERED_OCCURRENCE.at(campaign, number)
            if phase:
                yield Recording(stream, occurrences.EvaluationStarted(campaign, number, 1))
            if phase is Phase.EVALUATED:
                yield Recording(stream, occurrences.Evaluated(campaign, number, 1, ONE))

    def state(self, campaign: UUID) -> TieredCampaign:
        state: TieredCampaign | None = None
        for event in self.events(campaign):
            state = campaigns.evolve(state, event)
        assert state
        return state


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Grace periods that differ pay occurrences in another order than they end in."""
    lengths = draw(st.lists(HOURS, max_size=4))
    edges = [START + timedelta(hours=hours) for hours in accumulate(lengths, initial=draw(HOURS))]
    windows = [Window(begin, end, end + timedelta(hours=draw(HOURS))) for begin, end in pairwise(edges)]
    phases = [draw(st.sampled_from((None, *Phase))) for _ in windows]
    return History(tuple(windows), tuple(phases), draw(st.integers(0, 3)) if windows else 0, draw(st.booleans()))


@given(st.lists(histories(), min_size=1, max_size=4))
@settings(max_examples=40)
async def test_campaigns_and_occurrences_stand_where_the_domain_has_them(
    conninfo: str, log: Log, lived: list[History]
) -> None:
    known = {UUID(int=next(NUMBERS)): history for history in lived}
    log.append([recording for campaign, history in known.items() for recording in history.recordings(campaign)])
    followed(conninfo)
    async with await connect_async(conninfo, "test") as connection:
        for edge in {edge for history in lived for window in history.windows for edge in astuple(window)} or {START}:
            for now in (edge - STEP, edge):
                await _check(connection, known, now)


async def _check(connection: Any, known: dict[UUID, History], now: datetime) -> None:
    rows, _ = await campaigns_page(connection, CAMPAIGNS.read({"limit": str(len(known))}), now)
    assert {row.id: row for row in rows} == {
        campaign: campaign_row(history.state(campaign), _begun(history), now) for campaign, history in known.items()
    }
    for campaign, history in known.items():
        await _check_occurrences(connection, campaign, history, now)


def _begun(history: History) -> dict[int, Phase]:
    return {number: phase for number, phase in enumerate(history.phases, 1) if phase}


async def _check_occurrences(connection: Any, campaign: UUID, history: History, now: datetime) -> None:
    """What is cancelled has lost its points."""
    shown, _ = await statistics_page(connection, campaign, STATISTICS.read({}), now)
    expected = [
        occurrences.status(window, phase, now, archived=history.archived)
        for window, phase in zip(history.windows, history.phases, strict=True)
    ]
    assert [row.status for row in shown] == expected
    void = [status is OccurrenceStatus.CANCELLED for status in expected]
    assert [(row.pending_points, row.members) for row in shown] == [("0", 0) if so else ("1", 1) for so in void]
