"""Campaigns as rows: their newest revision, and what was decided of each and for each member."""

from decimal import Decimal
from uuid import UUID

import psycopg
import pytest

from application.streams import CAMPAIGN, PARTICIPATION
from domain.campaigns import campaign
from domain.campaigns.definition import People, Recipient
from domain.campaigns.participation import AwardReason
from tests.projections.following import followed, rows
from tests.projections.history import Log, Recording
from tests.projections.rewarding import START, cancelled, definition, granted, refused, units

PRIZE = UUID(int=21)
GRANT = granted(PRIZE, "M-1", units("15.5", "M-1"))


def changed(log: Log, *events: campaign.Event) -> None:
    log.append([Recording(CAMPAIGN.of(PRIZE), event) for event in events])


def test_a_campaign_is_what_its_newest_revision_says(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    first = definition()
    second = definition(
        "Bigger",
        labels={"season": "summer"},
        display_order=7,
        visibility=People(segments=("vip", "lively")),
        audience=People(segments=("vip",)),
    )
    changed(log, campaign.Defined(PRIZE, 1, first, "UTC"), campaign.Activated(PRIZE, START))
    changed(log, campaign.Defined(PRIZE, 2, second, "Europe/Budapest"), campaign.Paused(PRIZE))
    followed(conninfo)
    (row,) = rows(connection, "p_campaigns", "campaigns")
    assert (row["name"], row["revision"], row["version"], row["life"]) == ("Bigger", 2, 4, "paused")
    assert (row["display_order"], row["labels"], row["time_zone"]) == (
        7,
        ["season", "season:summer"],
        "Europe/Budapest",
    )
    assert (row["activated_at"], row["created_position"], row["updated_position"]) == (START, 1, 4)
    assert row["definition"]["rules"][0]["effects"][0]["units"] == "10 * transaction.total"
    changed(log, campaign.Deleted(PRIZE))
    followed(conninfo)
    (row,) = rows(connection, "p_campaigns", "campaigns")
    assert (row["life"], row["version"]) == ("deleted", 5)


@pytest.mark.parametrize("apart", [True, False], ids=["in batches of one", "in one batch"])
def test_figures_count_what_was_not_cancelled(
    conninfo: str, log: Log, connection: psycopg.Connection, *, apart: bool
) -> None:
    changed(log, campaign.Defined(PRIZE, 1, definition(), "UTC"))
    decided = [
        ("M-1", GRANT),
        ("M-1", refused(PRIZE, "M-1", AwardReason.BUDGET_EXHAUSTED)),
        ("M-1", GRANT),
        ("M-2", granted(PRIZE, "M-2", units("1", "M-2"), units("2", "M-2"), units("4", "M-0", to=Recipient.REFERRER))),
        ("M-3", refused(PRIZE, "M-3", AwardReason.NOT_IN_AUDIENCE)),
        ("M-1", cancelled(GRANT, 1)),
    ]
    for member, event in decided:
        log.append([Recording(PARTICIPATION.at(PRIZE, member), event)])
        if apart:
            followed(conninfo)
    followed(conninfo)
    (row,) = rows(connection, "p_campaigns", "figures")
    assert (row["executions"], row["cancellations"], row["refusals"]) == (2, 1, 2)
    assert row["units"] == Decimal("22.5")
    receivers = {row["member"]: row for row in rows(connection, "p_campaigns", "receivers")}
    assert {name: (row["executions"], row["units"]) for name, row in receivers.items()} == {
        "M-1": (1, Decimal("15.5")),
        "M-2": (1, Decimal(3)),
        "M-0": (1, Decimal(4)),
    }
