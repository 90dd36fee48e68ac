"""What campaigns decide, as rows: decisions beside awards and corrections, and the entries that accounts add up to."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest

from application.streams import PARTICIPATION
from domain.campaigns import participation
from domain.campaigns.definition import EffectKind, Recipient
from domain.campaigns.participation import AwardReason, EffectOutcome, decision_id
from tests.projections.following import followed, rows
from tests.projections.history import Log, Program, Recording
from tests.projections.rewarding import cancelled, fired, granted, refused, units

CAMPAIGN = UUID(int=21)
STREAM = PARTICIPATION.at(CAMPAIGN, "M-1")
GRANT = granted(
    CAMPAIGN,
    "M-1",
    units("15", "M-1"),
    units("2.5", "M-2", "miles", to=Recipient.REFERRER),
    EffectOutcome(EffectKind.GIVE_BADGE, Recipient.MEMBER, "M-1", given="star"),
    units("0", "M-1", "stars", unrounded=Decimal(5), reason=AwardReason.BUDGET_EXHAUSTED, detail="0 are left"),
)


def decided(log: Log, *events: participation.Event) -> None:
    log.append([Recording(STREAM, event) for event in events])


def entries(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    found = sorted(rows(connection, "p_decisions", "entries"), key=lambda row: (row["position"], row["number"]))
    return [(row["decision"], row["member"], row["account"], row["units"], row["kind"]) for row in found]


def by_position(connection: psycopg.Connection) -> list[dict[str, Any]]:
    return sorted(rows(connection, "p_decisions", "decisions"), key=lambda row: row["position"])


def test_a_grant_is_a_decision_with_an_entry_for_whoever_got_units(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    decided(log, GRANT)
    followed(conninfo)
    (row,) = by_position(connection)
    assert (row["kind"], row["outcome"], row["member"], row["campaign"]) == ("campaign", "granted", "M-1", CAMPAIGN)
    assert (row["points"], row["accounts"]) == (Decimal("17.5"), ["points", "miles", "stars"])
    assert (row["fact_kind"], row["fact_id"], row["occurrence"]) == ("transaction", "T-1", None)
    assert (row["occurred_at"], row["cancelled_by"]) == (GRANT.trigger.occurred_at, None)
    decision = decision_id(STREAM.id, 1)
    assert row["id"] == decision
    assert entries(connection) == [
        (decision, "M-1", "points", 15, "campaign"),
        (decision, "M-2", "miles", Decimal("2.5"), "campaign"),
    ]


def test_a_decision_is_about_its_member_and_whoever_else_effects_go_to(
    conninfo: str, log: Log, connection: psycopg.Connection
) -> None:
    withheld = units("0", "M-2", to=Recipient.REFERRER, reason=AwardReason.REFERRER_LIMIT_REACHED, detail="1 of 1")
    only = units("5", "M-2", to=Recipient.REFERRER)
    nobody = EffectOutcome(
        EffectKind.GIVE_BADGE, Recipient.REFERRER, None, given="star", reason=AwardReason.NO_REFERRER
    )
    decided(log, GRANT, granted(CAMPAIGN, "M-1", withheld, units("1", "M-1")), granted(CAMPAIGN, "M-1", only))
    decided(
        log,
        refused(CAMPAIGN, "M-1", AwardReason.CONDITION_NOT_MET),
        granted(CAMPAIGN, "M-1", nobody, units("0", "M-1")),
    )
    decided(log, cancelled(granted(CAMPAIGN, "M-1", only), 3))
    followed(conninfo)
    found = sorted(rows(connection, "p_decisions", "parties"), key=lambda row: (row["position"], row["member"]))
    assert [(row["position"], row["member"], row["received"]) for row in found] == [
        (1, "M-1", True),
        (1, "M-2", True),
        (2, "M-1", True),
        (2, "M-2", False),
        (3, "M-1", False),
        (3, "M-2", True),
        (4, "M-1", False),
        (5, "M-1", True),
        (6, "M-1", False),
        (6, "M-2", True),
    ]


def test_a_refusal_has_its_reasons_and_gives_nothing(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    by_hand = fired(None)
    decided(log, refused(CAMPAIGN, "M-1", AwardReason.NOT_IN_AUDIENCE, AwardReason.CONDITION_NOT_MET, trigger=by_hand))
    followed(conninfo)
    (row,) = by_position(connection)
    assert (row["outcome"], row["points"], row["fact_kind"], row["fact_id"]) == ("refused", 0, None, None)
    assert row["reason_codes"] == ["not_in_audience", "condition_not_met"]
    assert row["reasons"][0] == {"code": "not_in_audience", "detail": "because of not_in_audience", "rule": 1}
    assert entries(connection) == []


@pytest.mark.parametrize("apart", [True, False], ids=["in batches of one", "in one batch"])
def test_a_cancellation_takes_back_what_was_given_and_shows_on_the_grant(
    conninfo: str, log: Log, connection: psycopg.Connection, *, apart: bool
) -> None:
    for event in (GRANT, GRANT, cancelled(GRANT, 1)):
        decided(log, event)
        if apart:
            followed(conninfo)
    followed(conninfo)
    grant, other, cancellation = by_position(connection)
    assert (grant["cancelled_by"], other["cancelled_by"]) == (cancellation["id"], None)
    assert (cancellation["kind"], cancellation["outcome"], cancellation["cancels"]) == (
        "cancellation",
        "granted",
        grant["id"],
    )
    assert (cancellation["points"], cancellation["accounts"]) == (Decimal("-17.5"), ["points", "miles", "stars"])
    assert (cancellation["cancellation_reason"], cancellation["actor"]) == ("a mistake", "test")
    assert entries(connection)[4:] == [
        (cancellation["id"], "M-1", "points", -15, "cancellation"),
        (cancellation["id"], "M-2", "miles", Decimal("-2.5"), "cancellation"),
    ]


def test_accounts_add_up_to_what_was_decided(conninfo: str, log: Log, connection: psycopg.Connection) -> None:
    """Decisions and their entries come to the same, whoever the entries went to."""
    log.append(Program(3).whole())
    followed(conninfo)
    given = {row["id"]: row["points"] for row in by_position(connection) if row["points"]}
    entered: dict[UUID, Decimal] = {}
    for decision, _, _, count, _ in entries(connection):
        assert count
        entered[decision] = entered.get(decision, Decimal(0)) + count
    assert entered == given
    assert {row["kind"] for row in by_position(connection)} == {
        "campaign",
        "cancellation",
        "tiered_award",
        "correction",
    }
