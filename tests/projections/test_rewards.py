"""From what was given, and taken back, to rows."""

from decimal import Decimal
from typing import Any

import psycopg
import pytest

from domain.participation import Reason, decision_id
from tests.projections.following import followed, rows
from tests.projections.history import Log, Recording
from tests.support import gifts
from tests.support.gifts import CAMPAIGN, JULY, JUNE, Given, adjusted, badge, cancelled, completed, granted, reward

SCHEMA = "p_rewards"


@pytest.fixture(params=[True, False], ids=["in batches of one", "in one batch"])
def apart(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def happen(conninfo: str, log: Log, *given: Given, apart: bool = False) -> None:
    recordings = [Recording(each.stream, each.event) for each in given]
    for batch in [[each] for each in recordings] if apart else [recordings]:
        log.append(batch)
        followed(conninfo)


def badges(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    found = rows(connection, SCHEMA, "member_badges")
    return sorted((row["member"], row["badge"], row["times"], row["given_at"]) for row in found)


def test_completing_gives_the_badge_and_a_raise_by_hand_gives_one(
    conninfo: str, log: Log, connection: psycopg.Connection, *, apart: bool
) -> None:
    happen(conninfo, log, completed("M-1"), adjusted("M-1", 1, 9, at=JULY), completed("M-2", what=None), apart=apart)
    assert badges(connection) == [("M-1", "star", 1, JUNE), ("M-1", "star", 1, JULY)]


@pytest.mark.parametrize("given", [adjusted("M-1", 5, 5), adjusted("M-1", 5, 4), adjusted("M-1", 5, 6, None)])
def test_what_raises_nothing_or_has_no_badge_gives_none(
    conninfo: str, log: Log, connection: psycopg.Connection, given: Given
) -> None:
    happen(conninfo, log, given)
    assert badges(connection) == []


def test_a_grant_gives_badges_and_rewards_to_whom_its_effects_say(
    conninfo: str, log: Log, connection: psycopg.Connection, *, apart: bool
) -> None:
    effects = (
        badge("M-1"),
        badge("M-0"),
        badge("M-0"),
        reward("M-0"),
        reward("M-1", reason=Reason.REWARD_OUT_OF_STOCK),
    )
    happen(conninfo, log, granted("M-1", *effects), apart=apart)
    assert badges(connection) == [("M-0", "star", 2, JUNE), ("M-1", "star", 1, JUNE)]
    (row,) = rows(connection, SCHEMA, "member_rewards")
    assert (row["member"], row["reward"], row["times"]) == ("M-0", "mug", 1)


def test_what_is_cancelled_is_taken_back_and_nothing_else(
    conninfo: str, log: Log, connection: psycopg.Connection, *, apart: bool
) -> None:
    effects = (badge("M-1"), reward("M-1"))
    given = [granted("M-1", *effects), granted("M-1", *effects, at=JULY), cancelled("M-1", 1, *effects)]
    happen(conninfo, log, *given, apart=apart)
    assert badges(connection) == [("M-1", "star", 1, JULY)]
    assert [row["given_at"] for row in rows(connection, SCHEMA, "member_rewards")] == [JULY]


def test_codes_are_available_then_issued_then_void(
    conninfo: str, log: Log, connection: psycopg.Connection, *, apart: bool
) -> None:
    given = [
        *gifts.supplied("welcome", ["A", "B", "C"]),
        *gifts.issued("welcome", "A", "M-1"),
        *gifts.issued("welcome", "B", "M-2"),
        *gifts.voided("welcome", "B", "M-2"),
        *gifts.issued("summer", "SUN-1", "M-1"),
    ]
    happen(conninfo, log, *given, apart=apart)
    found = rows(connection, SCHEMA, "coupon_codes")
    assert sorted((row["coupon"], row["code"], row["number"], row["status"], row["member"]) for row in found) == [
        ("summer", "SUN-1", None, "issued", "M-1"),
        ("welcome", "A", 1, "issued", "M-1"),
        ("welcome", "B", 2, "void", "M-2"),
        ("welcome", "C", 3, "available", None),
    ]
    coupons = {row["code"]: row for row in rows(connection, SCHEMA, "member_coupons")}
    assert {code: row["status"] for code, row in coupons.items()} == {"A": "issued", "B": "void", "SUN-1": "issued"}
    assert (coupons["A"]["value"], coupons["A"]["valid_until"]) == (Decimal("7.50"), JULY)
    decision = decision_id(granted("M-1").stream.id, 1)
    assert (coupons["A"]["campaign"], coupons["A"]["decision"]) == (CAMPAIGN, decision)
    stocks = {row["code"]: row for row in rows(connection, SCHEMA, "stocks")}
    assert [stocks["welcome"][name] for name in ("given", "taken", "supplied")] == [1, 2, 3]
    assert [stocks["summer"][name] for name in ("given", "taken", "supplied")] == [1, 1, 0]
