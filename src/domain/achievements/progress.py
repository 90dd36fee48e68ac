"""Progress: one member's way towards one revision of one achievement."""

from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import ClassVar, assert_never
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain.achievements.buckets import (
    MOST_VALUES,
    Bucket,
    bucket_at,
    bucket_of,
    completed_by,
    is_forgotten,
    reached,
    with_bucket,
)
from domain.achievements.definition import CountKind
from domain.achievements.terms import AchievementTerms, RuleTerms
from domain.facts.fact import Fact
from domain.facts.outcomes import Advance, OmissionReason
from domain.values.amounts import EXACT, ONE
from domain.values.interval import NOTHING as NO_TALLY
from domain.values.interval import Moment, Tally, added, lowered


class Move(Struct, frozen=True, gc=False, array_like=True):
    """A fact moved a rule (from 1) to `value` of `goal` in the fact's own period."""

    rule: int
    value: Decimal
    goal: Decimal


class Context(Struct, frozen=True, gc=False, array_like=True):
    """What campaigns decide by, as of the event that fires them, beside what the event itself says.

    The member is as their stream was at `member_version`; `completions` are theirs, with the one that the same fact
    brings; `moves` are the rules that the fact moved, in order.
    """

    member_version: int
    completions: int
    moves: tuple[Move, ...] = ()


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
    frequency bounds the rule. One fact fires campaigns once: of the rules that it moves, the last one `fires`, and has
    the `context`.
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
    context: Context | None = None
    fires: bool = True

    @property
    def move(self) -> Move:
        return Move(self.rule, self.reached, self.goal)


class Reversed(Struct, frozen=True, gc=False, array_like=True):
    """A fact was refunded, as a `whole` or in part: `amount` is taken back from the bucket.

    `begun` says whether the rules still count anything after it.
    """

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
    begun: bool = True


class Span(Struct, frozen=True, gc=False, array_like=True):
    """The periods that made a rule (from 1) complete, by the keys of the first one's and the last one's bucket."""

    rule: int
    first: int
    last: int


class Completed(Struct, frozen=True, gc=False, array_like=True):
    """All rules were complete: the `number`-th completion, at the time of the fact that brought it.

    `run` is the one that ends with it; all rules start again from nothing. `fact` is None where progress was changed by
    hand. `spans` has each rule's; older events do not say it.
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
    context: Context | None = None
    spans: tuple[Span, ...] = ()


class RuleAdjustment(Struct, frozen=True, gc=False, array_like=True):
    """A rule's bucket was set to `amount`."""

    rule: int
    bucket: int
    amount: Decimal


class Adjusted(Struct, frozen=True, gc=False, array_like=True):
    """Progress was changed by hand: buckets were set, and the completed count (`before`) became `completed`.

    A raised count triggers each linked campaign once, however large the raise, and gives a `badge` for each completion;
    a lowered one takes those of the latest completions away. `begun` says whether the rules count anything after it.
    """

    tag: ClassVar[str] = "progress.adjusted"
    achievement: UUID
    revision: int
    member: str
    run: int
    reason: str
    occurred_at: datetime
    moment: Moment
    rules: tuple[RuleAdjustment, ...]
    before: int
    completed: int
    badge: str | None
    begun: bool = True
    context: Context | None = None


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


NO_PROGRESS = RuleProgress()
NOTHING = Progress()


def evolve(progress: Progress | None, event: Event) -> Progress:  # noqa: PLR0911  one return a kind of event
    was = progress or NOTHING
    match event:
        case Advanced():
            rule = was.of(event.rule)
            buckets = with_bucket(rule.buckets, event.bucket, event.bucket_amount, joins=event.value)
            return _put(was, event.rule, RuleProgress(buckets, _counted(rule, event.moment, ONE)))
        case Reversed():
            rule = was.of(event.rule)
            buckets = with_bucket(rule.buckets, event.bucket, event.bucket_amount, leaves=event.value)
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
        buckets = with_bucket(rule.buckets, change.bucket, change.amount)
        progress = _put(progress, change.rule, RuleProgress(buckets, rule.counted))
    return replace(
        progress, completed=event.completed, completions=recounted(was, Decimal(event.completed), event.moment)
    )


def recounted(progress: Progress, completed: Decimal, moment: Moment) -> Tally:
    """The completions where there are `completed` from a moment on: the latest are those that are no more."""
    more = EXACT.subtract(completed, Decimal(progress.completed))
    if more < 0:
        return lowered(progress.completions, -more)
    return added(progress.completions, moment, more) if more else progress.completions


def _put(progress: Progress, number: int, rule: RuleProgress) -> Progress:
    others = [pair for pair in progress.rules if pair[0] != number]
    return Progress(
        tuple(sorted((*others, (number, rule)), key=itemgetter(0))) if others else ((number, rule),),
        progress.run,
        progress.completed,
        progress.completions,
        progress.referee_of,
    )


def is_begun(progress: Progress) -> bool:
    """Whether the rules count anything since they last started."""
    return any(bucket.amount for _, rule in progress.rules for bucket in rule.buckets)


def limit_reached(terms: AchievementTerms, progress: Progress | None, moment: Moment) -> bool:
    if terms.limit is None or progress is None:
        return False
    return terms.limit.reached(progress.completions, moment)


class Acting(Struct, frozen=True, gc=False):
    """Whose progress a fact may move, and when the fact was."""

    member: str
    fact: Fact
    occurred_at: datetime
    moment: Moment


def advance(
    terms: AchievementTerms,
    rule: RuleTerms,
    progress: Progress | None,
    acting: Acting,
    amount: Decimal,
    value: str | None = None,
) -> Advanced | OmissionReason:
    """What a fact that meets the conditions adds to a rule: `amount`, or one where it brings a new `value`."""
    was = progress or NOTHING
    held = was.of(rule.number)
    frequency = rule.frequency
    if frequency and frequency.reached(held.counted, acting.moment):
        return OmissionReason.FREQUENCY_EXCEEDED
    key = bucket_at(rule, acting.moment)
    bucket = bucket_of(held.buckets, key)
    if is_forgotten(held.buckets, key):
        return OmissionReason.TOO_OLD
    if bucket and value is not None and (value in bucket.values or len(bucket.values) >= MOST_VALUES):
        return OmissionReason.NOT_DISTINCT
    after = EXACT.add(bucket.amount, amount) if bucket else amount
    return Advanced(
        terms.achievement,
        terms.revision,
        acting.member,
        was.run,
        rule.number,
        acting.fact,
        acting.occurred_at,
        acting.moment if frequency else None,
        key,
        amount,
        after,
        reached(rule, with_bucket(held.buckets, key, after, joins=value), key),
        rule.goal,
        value,
    )


def complete(
    terms: AchievementTerms, progress: Progress, member: str, fact: Fact | None, occurred_at: datetime, moment: Moment
) -> Completed | None:
    """The completion, when every rule is complete and the limit allows one more."""
    spans: list[Span] = []
    for rule in terms.rules:
        periods = completed_by(rule, progress.of(rule.number).buckets)
        if periods is None:
            return None
        spans.append(Span(rule.number, *periods))
    if limit_reached(terms, progress, moment):
        return None
    return Completed(
        terms.achievement,
        terms.revision,
        member,
        progress.run,
        progress.completed + 1,
        fact,
        occurred_at,
        moment,
        terms.badge,
        spans=tuple(spans),
    )


def carry(terms: AchievementTerms, member: str, previous: Progress) -> Carried | None:
    """What goes over from an older revision; None when there is nothing."""
    if not previous.completed and previous.completions == NO_TALLY:
        return None
    return Carried(terms.achievement, terms.revision, member, previous.completed, previous.completions)


def take_back(
    rule: RuleTerms, progress: Progress | None, advance: Advance, acting: Acting, left: Decimal | None
) -> Reversed | None:
    """Takes a fact's advance back as a whole, or down to what is `left` of it; None once a completion has spent it."""
    if progress is None or progress.run != advance.run:
        return None
    held = progress.of(rule.number)
    bucket = bucket_of(held.buckets, advance.bucket)
    if bucket is None:
        return None
    back = advance.amount if left is None else EXACT.subtract(advance.amount, left)
    if rule.count is not CountKind.SUM:
        back = min(back, bucket.amount)  # what was lowered by hand is not there to be taken; only sums go below nothing
    taken = Reversed(
        advance.achievement,
        advance.revision,
        advance.member,
        advance.run,
        rule.number,
        acting.fact,
        acting.moment if advance.bounded else None,
        advance.bucket,
        back,
        EXACT.subtract(bucket.amount, back),
        left is None,
        advance.value if left is None else None,
    )
    return replace(taken, begun=is_begun(evolve(progress, taken)))
