from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from domain.campaigns import campaign as campaigns
from domain.campaigns.campaign import (
    Activated,
    ArchivedAchievement,
    Campaign,
    Defined,
    Deleted,
    Event,
    Incomplete,
    Life,
    Paused,
    Status,
    WrongStatus,
)
from domain.values.problems import Problem
from tests.domain.campaigns.test_definition import definition

CAMPAIGN = UUID("018f0000-0000-7000-8000-0000000000c1")
COPY = UUID("018f0000-0000-7000-8000-0000000000c2")
NOW = datetime(2026, 9, 10, 12, tzinfo=UTC)


def held(*events: Event, **fields: Any) -> Campaign:
    campaign = campaigns.evolve(None, Defined(CAMPAIGN, 1, definition(**fields), "UTC"))
    for event in events:
        campaign = campaigns.evolve(campaign, event)
    return campaign


ACTIVATED, PAUSED, DELETED = Activated(CAMPAIGN, NOW), Paused(CAMPAIGN), Deleted(CAMPAIGN)
OVER = {"ends_at": NOW}
RUNNING = {"ends_at": NOW + timedelta(microseconds=1)}


@pytest.mark.parametrize(
    ("campaign", "status"),
    [
        (held(), Status.DRAFT),
        (held(**OVER), Status.DRAFT),
        (held(ACTIVATED), Status.ACTIVE),
        (held(ACTIVATED, **RUNNING), Status.ACTIVE),
        (held(ACTIVATED, **OVER), Status.ENDED),
        (held(ACTIVATED, PAUSED), Status.PAUSED),
        (held(ACTIVATED, PAUSED, **OVER), Status.ENDED),
        (held(DELETED), Status.DELETED),
        (held(ACTIVATED, DELETED, **OVER), Status.DELETED),
    ],
)
def test_status(campaign: Campaign, status: Status) -> None:
    assert campaigns.status(campaign, NOW) is status


def test_a_complete_draft_is_activated() -> None:
    assert campaigns.activate(held(), NOW, archived=False) == [ACTIVATED]
    assert campaigns.activate(held(ACTIVATED, PAUSED), NOW, archived=False) == [ACTIVATED]
    assert campaigns.activate(held(**OVER), NOW, archived=False) == [ACTIVATED]


def test_an_active_one_stays_as_it_is() -> None:
    assert campaigns.activate(held(ACTIVATED), NOW, archived=True) == []


def test_what_is_not_activated() -> None:
    lacking = held(achievement=None, starts_at=None, rules=())
    assert campaigns.activate(lacking, NOW, archived=False) == Incomplete(("achievement", "starts_at", "rules"))
    assert campaigns.activate(held(), NOW, archived=True) == ArchivedAchievement()
    allowed = (Status.DRAFT, Status.PAUSED)
    assert campaigns.activate(held(ACTIVATED, **OVER), NOW, archived=False) == WrongStatus(Status.ENDED, allowed)
    assert campaigns.activate(held(DELETED), NOW, archived=False) == WrongStatus(Status.DELETED, allowed)


def test_pausing() -> None:
    assert campaigns.pause(held(ACTIVATED), NOW) == [PAUSED]
    assert campaigns.pause(held(ACTIVATED, PAUSED), NOW) == []
    for campaign, status in (
        (held(), Status.DRAFT),
        (held(ACTIVATED, **OVER), Status.ENDED),
        (held(DELETED), Status.DELETED),
    ):
        assert campaigns.pause(campaign, NOW) == WrongStatus(status, (Status.ACTIVE,))


def test_deleting() -> None:
    assert campaigns.delete(held()) == [DELETED]
    assert campaigns.delete(held(ACTIVATED)) == [DELETED]
    assert campaigns.delete(held(DELETED)) == []


def test_an_edit_is_a_revision() -> None:
    edited = definition(name="Autumn prize")
    assert campaigns.revise(held(), edited, "UTC") == [Defined(CAMPAIGN, 2, edited, "UTC")]
    active = campaigns.evolve(held(ACTIVATED), Defined(CAMPAIGN, 2, edited, "Europe/Budapest"))
    assert (active.revision, active.life, active.activated_at, active.version) == (2, Life.ACTIVE, NOW, 3)
    assert active.time_zone == "Europe/Budapest"


def test_what_has_left_the_draft_lacks_nothing() -> None:
    edited = definition(achievement=None, rules=())
    assert isinstance(campaigns.revise(held(), edited, "UTC"), list)
    refused = campaigns.revise(held(ACTIVATED, PAUSED), edited, "UTC")
    assert isinstance(refused, list)
    assert [found.pointer for found in refused if isinstance(found, Problem)] == ["/achievement", "/rules"]


def test_a_deleted_one_is_not_edited() -> None:
    refused = campaigns.revise(held(DELETED), definition(), "UTC")
    assert isinstance(refused, WrongStatus)
    assert refused.status is Status.DELETED


def test_a_duplicate_is_a_first_revision() -> None:
    source = campaigns.evolve(held(ACTIVATED), Defined(CAMPAIGN, 2, definition(), "UTC"))
    copied = replace(definition(), name="Summer prize (copy)")
    assert campaigns.duplicate(source, COPY) == Defined(COPY, 1, copied, "UTC")
