"""What members have been given beside units: badges, rewards and coupons; the codes of coupons, and stocks."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from application.log.events import Recorded
from domain.achievements import progress
from domain.campaigns import participation
from domain.campaigns.definition import EffectKind
from domain.campaigns.participation import EffectOutcome
from domain.catalogue import coupon_code, stock
from projections.engine.changes import Changes, Row, Table, TableStatement
from projections.engine.columns import BIGINT, INSTANT, INT, NUMERIC, TEXT, UUIDS
from projections.engine.projection import Projection, statement

COUPON_CODES = Table(
    "coupon_codes",
    ("coupon", "code"),
    {
        "coupon": TEXT,
        "code": TEXT,
        "number": INT,
        "status": TEXT,
        "member": TEXT,
        "issued_at": INSTANT,
        "valid_until": INSTANT,
    },
)

MEMBER_COUPONS = Table(
    "member_coupons",
    ("coupon", "code"),
    {
        "coupon": TEXT,
        "code": TEXT,
        "member": TEXT,
        "status": TEXT,
        "value": NUMERIC,
        "valid_until": INSTANT,
        "campaign": UUIDS,
        "decision": UUIDS,
        "issued_at": INSTANT,
        "position": BIGINT,
    },
)

MEMBER_BADGES = Table(
    "member_badges",
    ("stream", "version", "member", "badge"),
    {
        "stream": UUIDS,
        "version": INT,
        "member": TEXT,
        "badge": TEXT,
        "times": INT,
        "given_at": INSTANT,
        "achievement": UUIDS,
        "before": INT,
    },
)

MEMBER_REWARDS = Table(
    "member_rewards",
    ("stream", "version", "member", "reward"),
    {"stream": UUIDS, "version": INT, "member": TEXT, "reward": TEXT, "times": INT, "given_at": INSTANT},
)

STOCKS = Table(
    "stocks", ("kind", "code"), {"kind": TEXT, "code": TEXT, "given": BIGINT, "taken": BIGINT, "supplied": BIGINT}
)

_TAKE_BADGES = statement("rewards", "take_badges")

_GIFTS = {EffectKind.GIVE_BADGE: MEMBER_BADGES, EffectKind.GIVE_REWARD: MEMBER_REWARDS}


class CodeStatus(StrEnum):
    """Of a code. That it has expired is not recorded: time alone does it."""

    AVAILABLE = "available"
    ISSUED = "issued"
    EXPIRED = "expired"
    VOID = "void"


def imported(changes: Changes, recorded: Recorded) -> None:
    event: coupon_code.Imported = recorded.event
    nobody = {"member": None, "issued_at": None, "valid_until": None}
    row = {"number": event.number, "status": CodeStatus.AVAILABLE, **nobody}
    changes.insert(COUPON_CODES, (event.coupon, event.code), row)


def issued(changes: Changes, recorded: Recorded) -> None:
    event: coupon_code.Issued = recorded.event
    at: datetime = recorded.envelope.recorded_at
    key = (event.coupon, event.code)
    given = {
        "status": CodeStatus.ISSUED,
        "member": event.member,
        "issued_at": at,
        "valid_until": event.valid_until,
    }
    if recorded.version == 1:
        changes.insert(COUPON_CODES, key, {"number": None, **given})
    else:
        changes.update(COUPON_CODES, key, given)
    row = {
        "member": event.member,
        "status": CodeStatus.ISSUED,
        "value": event.value,
        "valid_until": event.valid_until,
        "campaign": event.campaign,
        "decision": event.decision,
        "issued_at": at,
        "position": recorded.position,
    }
    changes.insert(MEMBER_COUPONS, key, row)


def voided(changes: Changes, recorded: Recorded) -> None:
    event: coupon_code.Voided = recorded.event
    for table in (COUPON_CODES, MEMBER_COUPONS):
        changes.update(table, (event.coupon, event.code), {"status": CodeStatus.VOID})


def completed(changes: Changes, recorded: Recorded) -> None:
    event: progress.Completed = recorded.event
    if event.badge:
        _earned(changes, recorded, event.badge, event.number - 1, event.number)


def adjusted(changes: Changes, recorded: Recorded) -> None:
    """As many badges as completions: the latest completions are those that are no more."""
    event: progress.Adjusted = recorded.event
    if event.completed < event.before:
        left = {"member": event.member, "achievement": event.achievement, "completed": event.completed}
        changes.run(TableStatement(_TAKE_BADGES, left))
    elif event.badge and event.completed > event.before:
        _earned(changes, recorded, event.badge, event.before, event.completed)


def _earned(changes: Changes, recorded: Recorded, badge: str, before: int, completed: int) -> None:
    event: progress.Completed | progress.Adjusted = recorded.event
    row = {
        "times": completed - before,
        "given_at": event.occurred_at,
        "achievement": event.achievement,
        "before": before,
    }
    changes.insert(MEMBER_BADGES, (recorded.stream, recorded.version, event.member, badge), row)


def granted(changes: Changes, recorded: Recorded) -> None:
    event: participation.Granted = recorded.event
    given = _given(effect for rule in event.rules for effect in rule.effects)
    for (table, member, code), times in given.items():
        row: Row = {**dict.fromkeys(table.values), "times": times, "given_at": event.trigger.occurred_at}
        changes.insert(table, (recorded.stream, recorded.version, member, code), row)


def cancelled(changes: Changes, recorded: Recorded) -> None:
    event: participation.Cancelled = recorded.event
    for table, member, code in _given(event.effects):
        changes.drop(table, (recorded.stream, event.granted, member, code))


def _given(effects: Iterable[EffectOutcome]) -> Counter[tuple[Table, str, str]]:
    """How often these effects gave each badge and reward to whom."""
    return Counter(
        (_GIFTS[effect.kind], effect.member, effect.given)
        for effect in effects
        if effect.kind in _GIFTS and effect.member and effect.given and effect.reason is None
    )


def supplied(changes: Changes, recorded: Recorded) -> None:
    event: stock.Supplied = recorded.event
    changes.add(STOCKS, (event.kind, event.code), {"given": 0, "taken": 0, "supplied": event.count})


def taken(changes: Changes, recorded: Recorded) -> None:
    event: stock.Taken = recorded.event
    changes.add(STOCKS, (event.kind, event.code), {"given": event.count, "taken": event.count, "supplied": 0})


def returned(changes: Changes, recorded: Recorded) -> None:
    event: stock.Returned = recorded.event
    changes.add(STOCKS, (event.kind, event.code), {"given": -event.count, "taken": 0, "supplied": 0})


PROJECTION = Projection(
    name="rewards",
    version=2,
    tables=(COUPON_CODES, MEMBER_COUPONS, MEMBER_BADGES, MEMBER_REWARDS, STOCKS),
    folds={
        coupon_code.Imported.tag: imported,
        coupon_code.Issued.tag: issued,
        coupon_code.Voided.tag: voided,
        progress.Completed.tag: completed,
        progress.Adjusted.tag: adjusted,
        participation.Granted.tag: granted,
        participation.Cancelled.tag: cancelled,
        stock.Supplied.tag: supplied,
        stock.Taken.tag: taken,
        stock.Returned.tag: returned,
    },
)
