from datetime import UTC, datetime
from typing import Any

import pytest

from domain.tiered import campaign as campaigns
from domain.tiered.campaign import (
    Activated,
    Archived,
    Deactivated,
    Incomplete,
    Revised,
    Status,
    TieredCampaign,
    WrongStatus,
)
from domain.tiered.definition import Definition, Resolution, resolve
from domain.values.problems import Problem
from tests.domain.references import References
from tests.support.campaigns import CAMPAIGN, definition

BEFORE = datetime(2026, 8, 1, tzinfo=UTC)
SECOND = datetime(2026, 10, 5, tzinfo=UTC)


def resolved(given: Definition) -> Resolution:
    found = resolve(given, References(), "UTC")
    assert isinstance(found, Resolution), found
    return found


def defined(**fields: Any) -> TieredCampaign:
    given = definition(**fields)
    return campaigns.evolve(None, campaigns.define(CAMPAIGN, given, resolved(given)))


def active(**fields: Any) -> TieredCampaign:
    return campaigns.evolve(defined(**fields), Activated(CAMPAIGN))


def revised(campaign: TieredCampaign, now: datetime, **fields: Any) -> Any:
    given = definition(**fields)
    current = campaigns.status(campaign, now, evaluated=False)
    return campaigns.revise(campaign, given, resolved(given), now, current)


@pytest.mark.parametrize(
    ("campaign", "now", "evaluated", "status"),
    [
        (defined(tiers=()), BEFORE, False, Status.DRAFT),
        (defined(), SECOND, False, Status.INACTIVE),
        (active(), BEFORE, False, Status.SCHEDULED),
        (active(), SECOND, False, Status.ACTIVE),
        (active(), SECOND, True, Status.COMPLETED),
        (campaigns.evolve(defined(), Archived(CAMPAIGN)), SECOND, False, Status.ARCHIVED),
    ],
)
def test_status(campaign: TieredCampaign, now: datetime, evaluated: bool, status: Status) -> None:  # noqa: FBT001
    assert campaigns.status(campaign, now, evaluated=evaluated) is status


def test_a_draft_says_what_it_lacks() -> None:
    assert campaigns.activate(defined(tiers=(), duration=None), Status.DRAFT, 7) == Incomplete(("duration", "tiers"))


def test_activating_and_pausing_twice_stay_quiet() -> None:
    assert campaigns.activate(defined(), Status.INACTIVE, 7) == [Activated(CAMPAIGN, 7)]
    assert campaigns.activate(active(), Status.ACTIVE, 7) == []
    assert campaigns.deactivate(active(), Status.SCHEDULED, 7) == [Deactivated(CAMPAIGN, 7)]
    assert campaigns.deactivate(defined(), Status.INACTIVE, 7) == []


def test_only_an_inactive_campaign_can_be_archived() -> None:
    assert campaigns.archive(defined(), Status.INACTIVE) == [Archived(CAMPAIGN)]
    assert campaigns.archive(defined(), Status.ARCHIVED) == []
    assert isinstance(campaigns.archive(active(), Status.ACTIVE), WrongStatus)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.ARCHIVED, Status.DRAFT])
def test_what_is_over_or_unfinished_is_not_paused(status: Status) -> None:
    assert isinstance(campaigns.deactivate(active(), status, 7), WrongStatus)


def test_an_edit_is_for_occurrences_that_have_not_started() -> None:
    (event,) = revised(active(), SECOND, name="Later", grace_period="1 day")
    assert isinstance(event, Revised)
    campaign = campaigns.evolve(active(), event)
    assert [campaign.revision_of(number).number for number in (1, 2, 3)] == [1, 1, 2]
    graces = [(window.evaluation_at - window.ends_at).days for window in campaign.windows]
    assert graces == [7, 7, 1]


def test_an_edit_before_the_start_replaces_all_terms() -> None:
    (event,) = revised(active(), BEFORE, starts_at=datetime(2026, 9, 15, tzinfo=UTC))
    campaign = campaigns.evolve(active(), event)
    assert [revision.number for revision in campaign.revisions] == [2]
    assert campaign.windows[0].starts_at == datetime(2026, 9, 15, tzinfo=UTC)


def test_start_and_duration_are_fixed_once_the_first_has_started() -> None:
    problems = revised(active(), SECOND, starts_at=datetime(2026, 9, 2, tzinfo=UTC), duration="30 days")
    assert [problem.pointer for problem in problems] == ["/starts_at", "/duration"]


def test_occurrences_may_be_raised_and_lowered_to_those_started() -> None:
    assert len(revised(active(), SECOND, occurrences=9)[0].windows) == 9
    assert len(revised(active(), SECOND, occurrences=2)[0].windows) == 2
    assert revised(active(), SECOND, occurrences=1) == [
        Problem("/occurrences", "must be at least 2: so many have started", "unchangeable")
    ]


def test_a_complete_campaign_does_not_become_a_draft_again() -> None:
    problems = revised(active(), BEFORE, tiers=(), hit_type=None)
    assert [problem.pointer for problem in problems] == ["/hit_type", "/tiers"]


def test_what_is_over_is_not_edited() -> None:
    given = definition()
    for status in (Status.COMPLETED, Status.ARCHIVED):
        assert isinstance(campaigns.revise(active(), given, resolved(given), SECOND, status), WrongStatus)
