"""How far a member is with the rules of an achievement, as it is shown at a moment: the periods that are open then."""

from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct

from domain.achievements.buckets import Bucket, bucket_at, bucket_of, follows, is_complete, place, window
from domain.achievements.definition import Definition, PeriodKind
from domain.achievements.terms import AchievementTerms, RuleTerms, days_off, rule_terms
from domain.values.amounts import EXACT, ZERO
from domain.values.interval import Moment


class RuleView(Struct, frozen=True, gc=False):
    """Where a rule stands: `value` is what the open period counts, `remaining` what that lacks of the goal.

    `consecutive_completed` are the periods in a row that reached the goal, up to the open one, or the one before it:
    the open one breaks no row, nor does one that is off. A rule that is complete lacks nothing, whatever came later.
    """

    value: Decimal
    remaining: Decimal
    consecutive_completed: int
    complete: bool


def terms_shown(achievement: UUID, revision: int, definition: Definition, zone: ZoneInfo) -> AchievementTerms:
    """The terms of a definition by what they count over and up to, without what they ask of facts."""
    rules = tuple(
        rule_terms(number, rule, is_off=days_off(definition.timeframe, rule.period.kind, zone))
        for number, rule in enumerate(definition.rules, 1)
    )
    return AchievementTerms(
        achievement,
        revision,
        active=True,
        takes=None,
        limit=definition.limit,
        badge=definition.badge,
        rules=rules,
        zone=zone,
    )


def shown_at(rule: RuleTerms, buckets: tuple[Bucket, ...], moment: Moment) -> RuleView:
    """A rule with these buckets, at a moment of the program's time zone."""
    value, streak = value_at(rule, buckets, moment), streak_at(rule, buckets, moment)
    if is_complete(rule, buckets):
        return RuleView(value, ZERO, max(streak, rule.consecutive), complete=True)
    return RuleView(value, max(ZERO, EXACT.subtract(rule.goal, value)), streak, complete=False)


def value_at(rule: RuleTerms, buckets: tuple[Bucket, ...], moment: Moment) -> Decimal:
    """What the period that is open at a moment counts; of the last days, the window that ends with its day."""
    key = bucket_at(rule, moment)
    if rule.period is PeriodKind.LAST_DAYS:
        return window(rule, buckets, key)
    bucket = bucket_of(buckets, key)
    return bucket.amount if bucket else ZERO


def streak_at(rule: RuleTerms, buckets: tuple[Bucket, ...], moment: Moment) -> int:
    """How many periods in a row have reached the goal, up to the one that is open at a moment or the one before it."""
    key = bucket_at(rule, moment)
    if rule.period in (PeriodKind.OVERALL, PeriodKind.LAST_DAYS):
        return int(value_at(rule, buckets, moment) >= rule.goal)
    streak = 0
    for bucket in reversed(buckets[: place(buckets, key + 1)]):
        if bucket.amount >= rule.goal:
            if bucket.key != key and not follows(rule, bucket.key, key):
                break
            streak += 1
            key = bucket.key
    return streak
