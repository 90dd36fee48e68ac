"""Progress that is changed by hand: what a count and the values of rules being set does to it."""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from domain.achievements.buckets import BUCKETS_KEPT, bucket_at, bucket_of, is_forgotten
from domain.achievements.progress import (
    NOTHING,
    Adjusted,
    Context,
    Event,
    Progress,
    RuleAdjustment,
    complete,
    evolve,
    is_begun,
    limit_reached,
    recounted,
)
from domain.achievements.terms import AchievementTerms
from domain.values.amounts import EXACT, ZERO
from domain.values.interval import moment_of, used
from domain.values.problems import Problem


class LimitExcess(Struct, frozen=True, gc=False):
    """The completed count can't be raised above the limit."""

    allowed: Decimal


class NothingProgresses(Struct, frozen=True, gc=False):
    """No rule's value can be raised: the limit is reached."""


def adjust(
    progress: Progress | None,
    terms: AchievementTerms,
    member: str,
    reason: str,
    now: datetime,
    completed: int | None,
    rules: tuple[tuple[int, Decimal, datetime], ...],
    member_version: int = 0,
) -> list[Event] | list[Problem] | LimitExcess | NothingProgresses:
    """A change by hand: the completed count, and what rules (from 1, of those there are) count in the period of an
    instant. `member_version` is that of the member's own stream.

    Nothing changes, nothing is recorded. Rules that become complete by it complete the achievement as a fact would.
    """
    was = progress or NOTHING
    problems = [
        Problem(f"/rules/{number}/at", f"is before the {BUCKETS_KEPT} periods that are kept")
        for number, (rule, _, at) in enumerate(rules)
        if is_forgotten(was.of(rule).buckets, bucket_at(terms.rules[rule - 1], moment_of(at, terms.zone)))
    ]
    if problems:
        return problems
    moment = moment_of(now, terms.zone)
    after = was.completed if completed is None else completed
    if after > was.completed and terms.limit:
        allowed = EXACT.subtract(terms.limit.value, used(was.completions, terms.limit.interval, moment))
        if after - was.completed > allowed:
            return LimitExcess(EXACT.add(max(ZERO, allowed), Decimal(was.completed)))
    spent = replace(was, completions=recounted(was, Decimal(after), moment))
    changes = _changes(terms, spent, rules)
    if isinstance(changes, NothingProgresses):
        return changes
    if not changes and after == was.completed:
        return []
    adjusted = Adjusted(
        terms.achievement,
        terms.revision,
        member,
        was.run,
        reason,
        now,
        moment,
        changes,
        was.completed,
        after,
        terms.badge,
    )
    since = evolve(progress, adjusted)
    context = Context(member_version, after)
    events: list[Event] = [replace(adjusted, begun=is_begun(since), context=context)]
    completion = complete(terms, since, member, None, now, moment) if changes else None
    if completion:
        events.append(replace(completion, context=Context(member_version, completion.number)))
    return events


def _changes(
    terms: AchievementTerms, progress: Progress, rules: tuple[tuple[int, Decimal, datetime], ...]
) -> tuple[RuleAdjustment, ...] | NothingProgresses:
    changes = []
    for number, amount, at in rules:
        moment = moment_of(at, terms.zone)
        key = bucket_at(terms.rules[number - 1], moment)
        bucket = bucket_of(progress.of(number).buckets, key)
        held = bucket.amount if bucket else ZERO
        if amount > held and limit_reached(terms, progress, moment):
            return NothingProgresses()
        if amount != held:
            changes.append(RuleAdjustment(number, key, amount))
    return tuple(changes)
