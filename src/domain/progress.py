"""Progress: one member's way towards one revision of one achievement."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar, assert_never
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain.amounts import ONE
from domain.interval import NOTHING as NO_TALLY
from domain.interval import Moment, Tally, added
from domain.standing import Fact


class Carried(Struct, frozen=True, gc=False, array_like=True):
    """The first event under a new revision, for a member with a history: completions are not progress, and stay."""

    tag: ClassVar[str] = "progress.carried"
    achievement: UUID
    revision: int
    member: str
    completed: int
    completions: Tally


class Advanced(Struct, frozen=True, gc=False, array_like=True):
    """A fact added `amount` to a rule's bucket, whose amount is `bucket_amount` with it.

    `reached` is what the rule counts with it, in the fact's own period. `moment`, the fact's own time, is given where a
    frequency bounds the rule.
    """

    tag: ClassVar[str] = "progress.advanced"
    achievement: UUID
    revision: int
    member: str
    run: int
    rule: int
    fact: Fact
    occurred_at: datetime
    moment: Moment | None
    bucket: int
    amount: Decimal
    bucket_amount: Decimal
    reached: Decimal
    goal: Decimal
    value: str | None = None


class Reversed(Struct, frozen=True, gc=False, array_like=True):
    """A fact was refunded, as a `whole` or in part: `amount` is taken back from the bucket."""

    tag: ClassVar[str] = "progress.reversed"
    achievement: UUID
    revision: int
    member: str
    run: int
    rule: int
    fact: Fact
    moment: Moment | None
    bucket: int
    amount: Decimal
    bucket_amount: Decimal
    whole: bool
    value: str | None = None


class Completed(Struct, frozen=True, gc=False, array_like=True):
    """All rules were complete: the `number`-th completion, at the time of the fact that brought it.

    `run` is the one that ends with it; all rules start again from nothing. `fact` is None where progress was changed by
    hand.
    """

    tag: ClassVar[str] = "progress.completed"
    achievement: UUID
    revision: int
    member: str
    run: int
    number: int
    fact: Fact | None
    occurred_at: datetime
    moment: Moment
    badge: str | None


class RuleAdjusted(Struct, frozen=True, gc=False, array_like=True):
    """A rule's bucket was set to `amount`."""

    rule: int
    bucket: int
    amount: Decimal


class Adjusted(Struct, frozen=True, gc=False, array_like=True):
    """Progress was changed by hand: buckets were set, and the completed count (`before`) became `completed`.

    A raised count triggers each linked campaign once, however large the raise, and gives the `badge`.
    """

    tag: ClassVar[str] = "progress.adjusted"
    achievement: UUID
    revision: int
    member: str
    run: int
    reason: str
    occurred_at: datetime
    moment: Moment
    rules: tuple[RuleAdjusted, ...]
    before: int
    completed: int
    badge: str | None


class RefereeCounted(Struct, frozen=True, gc=False, array_like=True):
    """The member, a referee, was counted for their referrer's rule, once and for all; on the referee's own stream."""

    tag: ClassVar[str] = "progress.referee_counted"
    achievement: UUID
    revision: int
    member: str
    rule: int
    fact: Fact


class RefereeReleased(Struct, frozen=True, gc=False, array_like=True):
    """The fact that this referee was counted for was taken back: another one may count."""

    tag: ClassVar[str] = "progress.referee_released"
    achievement: UUID
    revision: int
    member: str
    rule: int
    fact: Fact


Event = Carried | Advanced | Reversed | Completed | Adjusted | RefereeCounted | RefereeReleased


class Bucket(Struct, frozen=True, gc=False, array_like=True):
    """What a rule counted in one period (`key`: the number of the day, week, month or year; 0 overall)."""

    key: int
    amount: Decimal
    values: tuple[str, ...] = ()


class RuleProgress(Struct, frozen=True, gc=False, array_like=True):
    """Buckets by key, the latest `BUCKETS_KEPT`; `counted` are the facts that a frequency bounds."""

    buckets: tuple[Bucket, ...] = ()
    counted: Tally = NO_TALLY


class Progress(Struct, frozen=True, gc=False, array_like=True):
    """`run` counts how often the rules have started again; `referee_of` are the rules this member was counted for."""

    rules: tuple[tuple[int, RuleProgress], ...] = ()
    run: int = 0
    completed: int = 0
    completions: Tally = NO_TALLY
    referee_of: tuple[tuple[int, Fact], ...] = ()

    def of(self, rule: int) -> RuleProgress:
        for number, progress in self.rules:
            if number == rule:
                return progress
        return NO_PROGRESS


BUCKETS_KEPT = 800
NO_PROGRESS = RuleProgress()
NOTHING = Progress()


def evolve(progress: Progress | None, event: Event) -> Progress:  # noqa: PLR0911  one return a kind of event
    was = progress or NOTHING
    match event:
        case Advanced():
            rule = was.of(event.rule)
            buckets = _with(rule.buckets, event.bucket, event.bucket_amount, joins=event.value)
            return _put(was, event.rule, RuleProgress(buckets, _counted(rule, event.moment, ONE)))
        case Reversed():
            rule = was.of(event.rule)
            buckets = _with(rule.buckets, event.bucket, event.bucket_amount, leaves=event.value)
            counted = _counted(rule, event.moment if event.whole else None, -ONE)
            return _put(was, event.rule, RuleProgress(buckets, counted))
        case Completed():
            rules = tuple((number, RuleProgress((), rule.counted)) for number, rule in was.rules)
            completions = added(was.completions, event.moment, ONE)
            return Progress(rules, was.run + 1, event.number, completions, was.referee_of)
        case Adjusted():
            return _adjusted(was, event)
        case Carried():
            return replace(was, completed=event.completed, completions=event.completions)
        case RefereeCounted():
            return replace(was, referee_of=(*was.referee_of, (event.rule, event.fact)))
        case RefereeReleased():
            left = tuple(mark for mark in was.referee_of if mark != (event.rule, event.fact))
            return replace(was, referee_of=left)
        case _:
            assert_never(event)


def _counted(rule: RuleProgress, moment: Moment | None, change: Decimal) -> Tally:
    return added(rule.counted, moment, change) if moment else rule.counted


def _adjusted(was: Progress, event: Adjusted) -> Progress:
    progress = was
    for change in event.rules:
        rule = progress.of(change.rule)
        buckets = _with(rule.buckets, change.bucket, change.amount)
        progress = _put(progress, change.rule, RuleProgress(buckets, rule.counted))
    raised = event.completed - was.completed
    completions = added(was.completions, event.moment, Decimal(raised)) if raised else was.completions
    return replace(progress, completed=event.completed, completions=completions)


def _put(progress: Progress, number: int, rule: RuleProgress) -> Progress:
    others = tuple((other, held) for other, held in progress.rules if other != number)
    return Progress(
        tuple(sorted((*others, (number, rule)), key=lambda pair: pair[0])),
        progress.run,
        progress.completed,
        progress.completions,
        progress.referee_of,
    )


def _with(
    buckets: tuple[Bucket, ...], key: int, amount: Decimal, *, joins: str | None = None, leaves: str | None = None
) -> tuple[Bucket, ...]:
    held = next((bucket for bucket in reversed(buckets) if bucket.key == key), None)
    values = tuple(value for value in held.values if value != leaves) if held else ()
    bucket = Bucket(key, amount, (*values, joins) if joins is not None else values)
    if not buckets or key > buckets[-1].key:
        return (*buckets, bucket)[-BUCKETS_KEPT:]
    others = [other for other in buckets if other.key != key]
    return tuple(sorted((*others, bucket), key=lambda other: other.key))[-BUCKETS_KEPT:]
