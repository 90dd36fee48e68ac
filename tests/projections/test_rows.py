"""From events to rows, one projection after the other."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest

from application import streams
from application.streams import STANDING
from domain.facts import transaction
from domain.facts.fact import Fact, FactKind
from domain.facts.purchase import Purchase
from domain.tiered import occurrence as tiered_occurrence
from domain.tiered import preview, standing
from domain.tiered.campaign import Revised, Revision
from domain.tiered.standing import Awarded, Contributed, Corrected
from projections.decisions.rows import ReasonCode, why_nothing
from projections.engine.rebuild import RebuildTask, rebuild
from projections.registry import PROJECTIONS
from tests.projections.following import followed, rows
from tests.projections.history import MAPPER, START, Log, Program, Recording, definition, windows

CAMPAIGN = UUID(int=7)
FACT = Fact(FactKind.TRANSACTION, "T-1")


def contributed(total: str, pending: str, change: str, *, confirmed: str = "0", late: bool = False) -> Contributed:
    return Contributed(
        CAMPAIGN,
        1,
        "M-1",
        FACT,
        amount=Decimal(total),
        total=Decimal(total),
        confirmed=Decimal(confirmed),
        pending_points=Decimal(pending),
        confirmed_points=Decimal(confirmed),
        pending_points_change=Decimal(change),
        late=late,
    )


def awarded(
    points: str, aggregate: str = "5", total: str = "5", unrounded: str | None = None, pending: str = "7"
) -> Awarded:
    return Awarded(
        CAMPAIGN,
        1,
        "M-1",
        "points",
        2,
        Decimal(aggregate),
        Decimal(points),
        Decimal(unrounded or points),
        (),
        Decimal(total),
        Decimal(pending),
    )


def corrected(points: str, to: str) -> Corrected:
    return Corrected(CAMPAIGN, 1, "M-1", "points", 2, FACT, Decimal(5), Decimal(points), Decimal(to), Decimal(to), ())


def stand(log: Log, *events: standing.Event) -> None:
    log.append([Recording(STANDING.at(CAMPAIGN, 1, "M-1"), event) for event in events])


def test_a_standing_is_what_its_last_contribution_left(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    stand(log, contributed("5", "50", "50"), contributed("8", "80", "30", confirmed="3"))
    followed(conninfo)
    (row,) = rows(connection, "p_standings", "standings")
    assert (row["member"], row["version"], row["updated_position"]) == ("M-1", 2, 2)
    assert (row["total"], row["confirmed"], row["pending_points"]) == (8, 3, 80)
    assert (row["awarded"], row["late"]) == (None, False)
    (sums,) = rows(connection, "p_standings", "statistics")
    assert (sums["members"], sums["contributions"]) == (1, 2)
    assert (sums["pending_points"], sums["awarded_points"]) == (80, 0)


@pytest.mark.parametrize("apart", [True, False], ids=["in batches of one", "in one batch"])
def test_pending_points_become_awarded_and_are_corrected(
    conninfo: str, log: Log, connection: psycopg.Connection, *, apart: bool
) -> None:
    events: list[standing.Event] = [
        contributed("5", "7", "7"),
        awarded("4", pending="7"),
        contributed("9", "0", "0", late=True),
        corrected("-1.5", "2.5"),
    ]
    for event in events:
        stand(log, event)
        if apart:
            followed(conninfo)
    followed(conninfo)
    (row,) = rows(connection, "p_standings", "standings")
    assert (row["pending_points"], row["awarded"], row["late"], row["version"]) == (0, Decimal("2.5"), True, 4)
    (sums,) = rows(connection, "p_standings", "statistics")
    assert (sums["pending_points"], sums["awarded_points"]) == (0, Decimal("2.5"))
    assert (sums["members"], sums["participants"]) == (1, 1)


@pytest.mark.parametrize("seed", range(3))
def test_the_sums_of_an_occurrence_are_those_of_its_standings(
    conninfo: str, log: Log, connection: psycopg.Connection, seed: int
) -> None:
    log.append(Program(seed).whole())
    followed(conninfo)
    shown = connection.execute(
        """
        select campaign, occurrence, members, participants, pending_points, awarded_points from p_standings.statistics
        except all
        select campaign, occurrence, count(*) filter (where coalesce(awarded, pending_points) <> 0), count(*),
            sum(pending_points), coalesce(sum(awarded), 0)
        from p_standings.standings group by campaign, occurrence
        """
    ).fetchall()
    assert shown == []
    assert rows(connection, "p_standings", "statistics")


def test_a_standing_that_begins_behind_the_fence_counts_as_evaluated(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    stand(log, contributed("5", "0", "0", late=True))
    followed(conninfo)
    (row,) = rows(connection, "p_standings", "standings")
    assert (row["awarded"], row["late"]) == (0, True)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (awarded("5"), None),
        (awarded("0", aggregate="0", total="5"), ReasonCode.NOTHING_CONFIRMED),
        (awarded("0", aggregate="5", total="5"), ReasonCode.NO_TIER_REACHED),
        (awarded("0", aggregate="0", total="0"), ReasonCode.NO_TIER_REACHED),
        (awarded("0", unrounded="0.4"), ReasonCode.ROUNDED_TO_NOTHING),
    ],
)
def test_an_award_of_nothing_says_why(event: Awarded, reason: ReasonCode | None) -> None:
    assert [why.code for why in why_nothing(event)] == ([reason] if reason else [])


def test_awards_and_corrections_are_decisions(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    stand(log, contributed("5", "7", "7"), awarded("4"), corrected("-1.5", "2.5"))
    followed(conninfo)
    first, second = sorted(rows(connection, "p_decisions", "decisions"), key=lambda row: row["position"])
    assert (first["kind"], first["outcome"], first["points"], first["accounts"]) == (
        "tiered_award",
        "granted",
        4,
        ["points"],
    )
    assert (second["kind"], second["points"], second["awarded_points"]) == (
        "correction",
        Decimal("-1.5"),
        Decimal("2.5"),
    )
    assert (second["fact_kind"], second["fact_id"]) == ("transaction", "T-1")
    assert first["breakdown"] == {"unrounded": "4", "lines": []}
    assert first["id"] != second["id"]


def test_a_preview_holds_the_standings_of_its_own_position(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    identity = UUID(int=9)
    stand(log, contributed("5", "7", "7", confirmed="2"))
    log.append(
        [
            Recording(STANDING.at(CAMPAIGN, 1, "M-1"), contributed("6", "8", "1", confirmed="3")),
            Recording(streams.PREVIEW.at(identity), preview.Requested(identity, CAMPAIGN, (1, 2))),
            Recording(STANDING.at(CAMPAIGN, 1, "M-1"), contributed("50", "70", "62")),
            Recording(streams.PREVIEW.at(identity), preview.Finished(identity, CAMPAIGN, ())),
        ]
    )
    followed(conninfo)
    (row,) = rows(connection, "p_standings", "preview_members")
    assert (row["occurrence"], row["member"], row["total"]) == (1, "M-1", 6)
    assert (row["pending_points"], row["award_points"]) == (8, 3)
    figures = [
        (row["occurrence"], row["members"], row["participants"], row["pending_points"], row["award_points"])
        for row in rows(connection, "p_standings", "preview_occurrences")
    ]
    assert figures == [(1, 1, 1, 8, 3), (2, 0, 0, 0, 0)]
    (row,) = rows(connection, "p_standings", "previews")
    assert (row["status"], row["position"], row["scheduled_for"]) == ("finished", 3, None)


def test_a_preview_leaves_out_who_has_been_evaluated(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    identity = UUID(int=9)
    stand(log, contributed("5", "7", "7"), awarded("4"))
    log.append([Recording(streams.PREVIEW.at(identity), preview.Requested(identity, CAMPAIGN, (1,)))])
    followed(conninfo)
    assert rows(connection, "p_standings", "preview_members") == []


def test_the_newest_previews_of_a_campaign_are_kept(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    """However the batches lie, those that had not finished too; another campaign's stay."""
    stand(log, contributed("5", "7", "7"))
    other = UUID(int=1)
    log.append([Recording(streams.PREVIEW.at(other), preview.Requested(other, UUID(int=2), (1,)))])
    identities = [UUID(int=1_000 + number) for number in range(preview.KEPT + 3)]
    for identity in identities:
        stream = streams.PREVIEW.at(identity)
        ended = [] if identity == identities[0] else [Recording(stream, preview.Finished(identity, CAMPAIGN, ()))]
        log.append([Recording(stream, preview.Requested(identity, CAMPAIGN, (1,))), *ended])
        if identity == identities[50]:
            followed(conninfo)
    log.append([Recording(streams.PREVIEW.at(identities[0]), preview.Failed(identities[0], CAMPAIGN, "too late"))])
    followed(conninfo)
    kept = set(identities[3:])
    assert {row["id"] for row in rows(connection, "p_standings", "previews")} == kept | {other}
    assert {row["preview"] for row in rows(connection, "p_standings", "preview_occurrences")} == kept | {other}
    assert {row["preview"] for row in rows(connection, "p_standings", "preview_members")} == kept
    assert rebuild(conninfo, MAPPER, RebuildTask(projections=PROJECTIONS, switch=False)).identical


def test_evaluations_begin_and_end(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    stream = streams.TIERED_OCCURRENCE.at(CAMPAIGN, 1)
    log.append([Recording(stream, tiered_occurrence.EvaluationStarted(CAMPAIGN, 1, 2))])
    followed(conninfo)
    (row,) = rows(connection, "p_standings", "evaluations")
    assert (row["status"], row["started_position"], row["finished_position"]) == ("running", 1, None)
    log.append([Recording(stream, tiered_occurrence.Evaluated(CAMPAIGN, 1, 3, Decimal(12)))])
    followed(conninfo)
    (row,) = rows(connection, "p_standings", "evaluations")
    assert (row["status"], row["finished_position"], row["members"], row["points"]) == ("finished", 2, 3, 12)


def revise(number: int, first: int, name: str, occurrences: int) -> Recording:
    revision = Revision(number, first, definition(name), "UTC", 0)
    return Recording(streams.TIERED_CAMPAIGN.at(CAMPAIGN), Revised(CAMPAIGN, revision, windows(occurrences)))


def test_an_edit_changes_the_occurrences_that_have_not_started(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    log.append([revise(1, 1, "First", 4)])
    log.append(
        [Recording(streams.TIERED_OCCURRENCE.at(CAMPAIGN, 1), tiered_occurrence.EvaluationStarted(CAMPAIGN, 1, 1))]
    )
    log.append([revise(2, 2, "Second", 3)])
    followed(conninfo)
    (campaign,) = rows(connection, "p_tiered_campaigns", "tiered_campaigns")
    assert (campaign["name"], campaign["revision"], campaign["version"]) == ("Second", 2, 2)
    assert (campaign["created_position"], campaign["updated_position"]) == (1, 3)
    assert campaign["definition"]["tiers"][0] == {"from": "0", "to": "50", "reward": "0.1"}
    found = [
        (row["number"], row["revision"], row["phase"]) for row in rows(connection, "p_tiered_campaigns", "occurrences")
    ]
    assert found == [(1, 1, "evaluating"), (2, 2, None), (3, 2, None)]
    assert len(rows(connection, "p_tiered_campaigns", "revisions")) == 2


def test_a_draft_has_no_occurrences(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    log.append([revise(1, 1, "Draft", 0)])
    followed(conninfo)
    (campaign,) = rows(connection, "p_tiered_campaigns", "tiered_campaigns")
    assert campaign["complete"] is False
    assert rows(connection, "p_tiered_campaigns", "occurrences") == []


def test_members_have_their_last_attributes_and_their_lists(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    log.append(Program(1, members=2).begin())
    followed(conninfo)
    first, second = rows(connection, "p_members", "members")
    assert (first["id"], first["tier"], first["attributes"], first["referrer"]) == ("M-1-0", None, {}, "M-1-1")
    assert (second["tier"], second["attributes"]) == ("gold", {"city": "Paris", "vip": True, "age": "31"})
    assert [(row["list"], row["member"]) for row in rows(connection, "p_members", "list_members")] == [
        ("friends", "M-1-1")
    ]


def test_a_fact_shows_its_status(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    def purchase(total: str) -> Purchase:
        return Purchase("T-1", "M-1", START, Decimal(total))

    def shown() -> dict[str, Any]:
        followed(conninfo)
        (row,) = rows(connection, "p_facts", "facts")
        return row

    stream = streams.TRANSACTION.at("T-1")
    log.append([Recording(stream, transaction.Received(purchase("10"), transaction.Status.PENDING))])
    assert (shown()["status"], shown()["total"], shown()["position"]) == ("pending", 10, 1)
    log.append([Recording(stream, transaction.Updated(purchase("12")))])
    log.append([Recording(stream, transaction.Accepted("T-1", "M-1", START, True))])
    assert (shown()["status"], shown()["total"], shown()["position"]) == ("accepted", 12, 1)
    log.append([Recording(stream, transaction.Refunded("T-1", "M-1", Decimal(12), transaction.Status.REFUNDED))])
    assert shown()["status"] == "refunded"


def test_the_catalogue_holds_what_was_put_last(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    log.append(Program(1).begin())
    followed(conninfo)
    entries = {(row["kind"], row["code"]): row for row in rows(connection, "p_catalogue", "entries")}
    assert set(entries) == {("account", "points"), ("event_type", "workout"), ("segment", "vip"), ("list", "friends")}
    assert entries["account", "points"]["body"]["name"] == "Points and more"
    (sku,) = rows(connection, "p_catalogue", "products")
    assert (sku["name"], sku["price"], sku["version"]) == ("Tea", 100, 2)
