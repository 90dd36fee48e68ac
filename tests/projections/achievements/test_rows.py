"""From what achievements and progress record to rows."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest

from application import streams
from domain.achievements import achievement, progress
from domain.facts import transaction
from domain.facts.fact import Fact, FactKind
from domain.facts.outcomes import OmissionOutcome, OmissionReason
from domain.facts.purchase import Purchase
from domain.values.interval import NOTHING, moment_of
from tests.projections.achieving import START, ZONE, Achieving, definition, rule
from tests.projections.following import followed, rows
from tests.projections.history import Log, Recording

ACHIEVEMENT = UUID(int=7)
FACT = Fact(FactKind.TRANSACTION, "T-1")
MOMENT = moment_of(START, ZONE)
LATER = START + timedelta(days=1)


def advanced(*, at: datetime = START, run: int = 0, revision: int = 1, reached: str = "1") -> progress.Advanced:
    return progress.Advanced(
        ACHIEVEMENT,
        revision,
        "M-1",
        run,
        1,
        FACT,
        at,
        None,
        0,
        Decimal(1),
        Decimal(reached),
        Decimal(reached),
        Decimal(2),
    )


def completed(number: int, *, at: datetime = LATER, revision: int = 1) -> progress.Completed:
    return progress.Completed(ACHIEVEMENT, revision, "M-1", 0, number, FACT, at, MOMENT, "star")


def adjusted(before: int, after: int, amount: str | None = None) -> progress.Adjusted:
    changes = () if amount is None else (progress.RuleAdjustment(1, 0, Decimal(amount)),)
    return progress.Adjusted(ACHIEVEMENT, 1, "M-1", 0, "a mistake", LATER, MOMENT, changes, before, after, badge=None)


def taken_back() -> progress.Reversed:
    return progress.Reversed(ACHIEVEMENT, 1, "M-1", 0, 1, FACT, None, 0, Decimal(1), Decimal(0), whole=True)


def move(log: Log, *events: progress.Event) -> None:
    log.append([Recording(streams.PROGRESS.at(ACHIEVEMENT, event.revision, event.member), event) for event in events])


def held(connection: psycopg.Connection) -> list[dict[str, Any]]:
    found = rows(connection, "p_achievements", "member_achievements")
    return sorted(found, key=lambda row: (row["member"], row["revision"]))


def sums(connection: psycopg.Connection) -> tuple[int, int]:
    (row,) = rows(connection, "p_achievements", "completions")
    return row["completions"], row["members"]


def test_an_achievement_is_its_newest_definition_and_its_life(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    def defined(revision: int, name: str, *rules: Any) -> achievement.Defined:
        return achievement.Defined(ACHIEVEMENT, revision, definition(name, *rules))

    trained = rule(trigger=FactKind.EVENT, event_type="workout")
    stream = streams.ACHIEVEMENT.at(ACHIEVEMENT)
    found = []
    for event in [
        defined(1, "First"),
        achievement.Activated(ACHIEVEMENT),
        defined(2, "Second", trained, rule(), trained),
        achievement.Deactivated(ACHIEVEMENT),
        achievement.Archived(ACHIEVEMENT),
    ]:
        log.append([Recording(stream, event)])
        followed(conninfo)
        (row,) = rows(connection, "p_achievements", "achievements")
        found.append((row["name"], row["status"], row["revision"], row["version"]))
    assert found == [
        ("First", "inactive", 1, 1),
        ("First", "active", 1, 2),
        ("Second", "active", 2, 3),
        ("Second", "inactive", 2, 4),
        ("Second", "archived", 2, 5),
    ]
    assert (row["created_position"], row["updated_position"], row["badge"]) == (1, 5, "star")
    assert (row["triggers"], row["event_types"]) == (["event", "transaction"], ["workout"])
    assert row["definition"]["rules"][0]["goal"] == "2"


@pytest.mark.parametrize("apart", [True, False], ids=["in batches of one", "in one batch"])
def test_progress_is_made_completed_and_begins_again(
    conninfo: str, log: Log, connection: psycopg.Connection, *, apart: bool
) -> None:
    events: list[progress.Event] = [advanced(), advanced(at=LATER, reached="2"), completed(1), advanced(run=1)]
    for event in [*events, completed(2)]:
        move(log, event)
        if apart:
            followed(conninfo)
    followed(conninfo)
    (row,) = held(connection)
    assert (row["completed"], row["in_progress"], row["updated_position"]) == (2, False, 5)
    assert (row["last_completed_at"], row["last_advanced_at"]) == (LATER, START)
    assert sums(connection) == (2, 1)
    move(log, advanced(run=2))
    followed(conninfo)
    assert held(connection)[0]["in_progress"] is True


def test_a_revision_has_a_row_of_its_own_and_carries_what_was_completed(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    move(log, advanced(), completed(1), progress.Carried(ACHIEVEMENT, 2, "M-1", 1, NOTHING), completed(2, revision=2))
    followed(conninfo)
    first, second = held(connection)
    assert (first["completed"], first["last_completed_at"]) == (1, LATER)
    assert (second["completed"], second["in_progress"], second["last_advanced_at"]) == (2, False, None)
    assert sums(connection) == (2, 1)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([adjusted(0, 3)], (3, 1)),
        ([adjusted(0, 3), adjusted(3, 0)], (0, 0)),
        ([advanced(), completed(1), adjusted(1, 3), adjusted(3, 2)], (2, 1)),
        ([adjusted(0, 0, "2"), completed(1)], (1, 1)),
    ],
)
def test_counts_changed_by_hand_are_in_the_sums(
    conninfo: str, log: Log, connection: psycopg.Connection, events: list[progress.Event], expected: tuple[int, int]
) -> None:
    move(log, *events)
    followed(conninfo)
    assert sums(connection) == expected
    assert held(connection)[0]["completed"] == expected[0]


def test_what_is_set_by_hand_is_progress(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    move(log, adjusted(0, 0, "1"))
    followed(conninfo)
    (row,) = held(connection)
    assert (row["in_progress"], row["last_completed_at"]) == (True, None)


def test_a_mark_on_a_referee_is_no_progress(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    move(log, progress.RefereeCounted(ACHIEVEMENT, 1, "M-1", 1, FACT))
    followed(conninfo)
    (row,) = held(connection)
    assert (row["completed"], row["in_progress"]) == (0, False)


def test_facts_say_what_they_did_or_why_they_did_nothing(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    purchase = Purchase("T-1", "M-1", START, Decimal(10))
    stream = streams.TRANSACTION.at("T-1")
    log.append([Recording(stream, transaction.Received(purchase, transaction.Status.PENDING))])
    outcomes = (
        OmissionOutcome(UUID(int=1), OmissionReason.NOT_IN_AUDIENCE, 1),
        OmissionOutcome(None, OmissionReason.CONDITION_NOT_MET, None, "too little", ACHIEVEMENT, 2),
        OmissionOutcome(None, OmissionReason.LIMIT_REACHED, None, None, ACHIEVEMENT, 3, "M-2"),
    )
    log.append([Recording(stream, transaction.Accepted("T-1", "M-1", START, False, (), outcomes))])
    move(log, advanced(), taken_back())
    followed(conninfo)
    found = [
        (row["member"], row["position"], row["outcome"], row["rule"], row["amount"], row["value"], row["reason"])
        for row in sorted(rows(connection, "p_achievements", "progress_facts"), key=lambda row: row["position"])
    ]
    assert found == [
        ("M-1", 2, "not_counted", 2, None, None, "condition_not_met"),
        ("M-2", 2, "not_counted", 3, None, None, "limit_reached"),
        ("M-1", 3, "counted", 1, 1, 1, None),
        ("M-1", 4, "taken_back", 1, 1, None, None),
    ]


@pytest.mark.parametrize("seed", range(3))
def test_rows_and_sums_are_what_the_streams_come_to(
    conninfo: str, log: Log, connection: psycopg.Connection, seed: int
) -> None:
    history = Achieving(seed, ["M-1", "M-2", "M-3", "M-4"])
    log.append([Recording(*step) for step in history.whole()])
    followed(conninfo)
    found = {(row["revision"], row["member"]): row["completed"] for row in held(connection)}
    assert found == {key: reached.completed for key, reached in history.progress.items()}
    newest = {member: completed for (_, member), completed in sorted(found.items())}
    assert sums(connection)[1] == sum(completed > 0 for completed in newest.values())
    assert sums(connection)[0] == sum(newest.values())
