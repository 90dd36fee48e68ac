"""From what was given, and taken back, to rows."""

from decimal import Decimal
from typing import Any

import psycopg
import pytest

from domain.campaigns.participation import AwardReason, decision_id
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


def test_completing_gives_the_badge_and_a_raise_by_hand_as_many_as_completions(
    conninfo: str, log: Log, connection: psycopg.Connection, *, apart: bool
) -> None:
    happen(conninfo, log, completed("M-1"), adjusted("M-1", 1, 9, at=JULY), completed("M-2", what=None), apart=apart)
    assert badges(connection) == [("M-1", "star", 1, JUNE), ("M-1", "star", 8, JULY)]


@pytest.mark.parametrize(
    ("counts", "left"),
    [
        ([5, 2], [1, 1]),
        ([5, 4], [1, 1, 2]),
        ([5, 1], [1]),
        ([5, 0], []),
        ([5, 2, 5], [1, 1, 3]),
        ([5, 2, 4, 3, 6], [1, 1, 1, 3]),
        ([9, 7, 3, 3], [1, 1, 1]),
    ],
)
def test_lowering_the_count_takes_the_latest_badges_away(
    conninfo: str, log: Log, connection: psycopg.Connection, counts: list[int], left: list[int], *, apart: bool
) -> None:
    given, before = [completed("M-1", 1), completed("M-1", 2)], 2
    for count in counts:
        given.append(adjusted("M-1", before, count, at=JULY))
        before = count
    granted_too = granted("M-1", badge("M-1"), at=JULY)
    happen(conninfo, log, completed("M-2"), *given, granted_too, apart=apart)
    of_member = [times for member, _, times, _ in badges(connection) if member == "M-1"]
    assert sorted(of_member) == sorted([*left, 1])
    assert sum(left) == counts[-1]
    assert badges(connection)[-1] == ("M-2", "star", 1, JUNE)


def test_the_badges_taken_are_those_of_the_completions_that_are_no_more(
    conninfo: str, log: Log, connection: psycopg.Connection, *, apart: bool
) -> None:
    given = [
        completed("M-1", 1, "star"),
        completed("M-1", 2, None),
        adjusted("M-1", 2, 4, "moon", at=JULY),
        completed("M-1", 5, "star"),
        adjusted("M-1", 5, 3, "sun"),
        completed("M-1", 4, "sun"),
    ]
    happen(conninfo, log, *given, apart=apart)
    assert badges(connection) == [("M-1", "moon", 1, JULY), ("M-1", "star", 1, JUNE), ("M-1", "sun", 1, JUNE)]


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
        reward("M-1", reason=AwardReason.REWARD_OUT_OF_STOCK),
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
