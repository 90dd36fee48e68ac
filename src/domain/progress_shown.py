"""How far a member is with the rules of an achievement, as it is shown at a moment: the periods that are open then."""

from decimal import Decimal

from msgspec import Struct

from domain.achievement_definition import Definition, PeriodKind, Rule
from domain.achievement_terms import RuleTerms
from domain.amounts import EXACT, ZERO
from domain.buckets import Bucket, bucket_at, is_complete, window
from domain.interval import Moment


class RuleShown(Struct, frozen=True, gc=False):
    """Where a rule stands: `value` is what the open period counts, `remaining` what that lacks of the goal.

    `consecutive_completed` are the periods in a row that reached the goal, up to the open one, or the one before it:
    the open one breaks no row. A rule that is complete lacks nothing, whatever came later.
    """

    value: Decimal
    remaining: Decimal
    consecutive_completed: int
    complete: bool


def rules_shown(definition: Definition) -> tuple[RuleTerms, ...]:
    """The rules by what they count over, without what they ask of facts."""
    return tuple(_rule_shown(number, rule) for number, rule in enumerate(definition.rules, 1))


def _rule_shown(number: int, rule: Rule) -> RuleTerms:
    return RuleTerms(
        number,
        rule.trigger,
        rule.event_type,
        rule.subject,
        rule.unique_referee,
        None,
        rule.count.kind,
        None,
        None,
        False,
        rule.goal,
        rule.period.kind,
        rule.period.n or 1,
        rule.consecutive,
        rule.frequency,
    )


def shown_at(rule: RuleTerms, buckets: tuple[Bucket, ...], moment: Moment) -> RuleShown:
    """A rule with these buckets, at a moment of the program's time zone."""
    complete = is_complete(rule, buckets)
    value = value_at(rule, buckets, moment)
    missing = EXACT.subtract(rule.goal, value)
    streak = streak_at(rule, buckets, moment)
    if complete:
        return RuleShown(value, ZERO, max(streak, rule.consecutive), complete)
    return RuleShown(value, max(ZERO, missing), streak, complete)


def value_at(rule: RuleTerms, buckets: tuple[Bucket, ...], moment: Moment) -> Decimal:
    """What the period that is open at a moment counts; of the last days, the window that ends with its day."""
    key = bucket_at(rule, moment)
    if rule.period is PeriodKind.LAST_DAYS:
        return window(rule, buckets, key)
    return next((bucket.amount for bucket in reversed(buckets) if bucket.key == key), ZERO)


def streak_at(rule: RuleTerms, buckets: tuple[Bucket, ...], moment: Moment) -> int:
    """How many periods in a row have reached the goal, up to the one that is open at a moment or the one before it."""
    key = bucket_at(rule, moment)
    if rule.period in (PeriodKind.OVERALL, PeriodKind.LAST_DAYS):
        return int(value_at(rule, buckets, moment) >= rule.goal)
    reached = {bucket.key for bucket in buckets if bucket.amount >= rule.goal}
    if key not in reached:
        key -= 1
    streak = 0
    while key - streak in reached:
        streak += 1
    return streak
