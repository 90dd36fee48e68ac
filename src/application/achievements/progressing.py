"""What facts do to the progress of achievements: decided with the fact, and recorded with it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from application.definitions.catalogue import Catalogue
from application.definitions.goals import Goal
from application.definitions.likely import EXPLAINED
from application.log.streams import Stream
from application.log.working import Working
from application.members.member import registration
from application.streams import MEMBER, PRODUCT, PROGRESS
from domain.achievements import progress as progresses
from domain.achievements.achievement import Status
from domain.achievements.buckets import Bucket, is_complete, reached
from domain.achievements.definition import CountKind, Subject
from domain.achievements.progress import Acting, Advanced, Context, Move, Progress
from domain.achievements.terms import AchievementTerms, RuleTerms
from domain.expressions import CompiledExpression, ExpressionFailure
from domain.facts.basis import Basis
from domain.facts.fact import Fact, FactKind
from domain.facts.outcomes import Advance, CompletionOutcome, OmissionOutcome, OmissionReason, Outcome, ProgressOutcome
from domain.facts.purchase import Item, no_worth
from domain.facts.refund import part_left, stated_at
from domain.facts.scope import FactContext, ItemLine
from domain.values.amounts import EXACT, ONE, ZERO, kept
from domain.values.interval import moment_of

REVISIONS_TOGETHER = 50
"""How many older revisions are asked at once for a member's completions."""


class Movement(Struct, frozen=True, gc=False):
    """What is recorded with the fact, and the events to record on members' progress after it."""

    advances: tuple[Advance, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    effects: tuple[tuple[Stream[Any, Any], Any], ...] = ()


NO_MOVEMENT = Movement()


class Measure(Struct, frozen=True, gc=False):
    """What a fact that meets a rule's conditions adds to it; `value` is what is to be distinct.

    `no_worth` says which lines add nothing to it, as they have no price.
    """

    amount: Decimal
    value: str | None = None
    no_worth: str | None = None


def advance(working: Working, seen: FactContext, basis: Basis | None = None) -> Movement:
    """What a fact does to the progress of whom it concerns, by every achievement that takes it.

    One that was recorded before stands on a `basis`: achievements take it that were active then.
    """
    goals = _likely(working.catalogue, seen)
    if not goals:
        return NO_MOVEMENT
    moving = _Moving(working, seen)
    candidates = [candidate for goal in goals if (candidate := moving.candidate(goal, basis))]
    moving.load(candidates)
    for goal, measured in candidates:
        moving.advance(goal, measured)
    moving.complete()
    return moving.moved()


def streams_likely(working: Working, seen: FactContext, most: int) -> list[Stream[Any, Any]]:
    """The progress that a fact of a member who is not loaded yet will most likely move."""
    catalogue: Catalogue = working.catalogue
    likely = (goal for goal in _likely(catalogue, seen) if goal.terms.active and goal.rule.subject is Subject.MEMBER)
    return [
        PROGRESS.at(goal.terms.achievement, goal.terms.revision, seen.member.id)
        for goal in islice(likely, most)
        if _holds(goal.rule, seen) is True
    ]


def take_back(working: Working, seen: FactContext, before: FactContext | None, advances: Sequence[Advance]) -> Movement:
    """Takes back what a fact advanced: all of it or, for one that is less than it was `before`, down to what it adds.

    What was spent on a completion stays, and so does what belongs to a revision that has been replaced or to an
    achievement that is archived, which may not even compile any more.
    """
    if not advances:
        return NO_MOVEMENT
    moving = _Moving(working, seen)
    earlier = _Moving(working, before) if before else None
    kept = [left for held in advances if (left := moving.take_back(held, earlier))]
    moved = moving.moved()
    return Movement(tuple(kept), moved.outcomes, moved.effects)


def _likely(catalogue: Catalogue, seen: FactContext) -> list[Goal]:
    if seen.event:
        return list(catalogue.goals(FactKind.EVENT, seen.event.type).likely(seen))
    return list(catalogue.goals(FactKind.TRANSACTION, None).likely(seen))


def _holds(rule: RuleTerms, seen: FactContext) -> bool | str:
    """Whether a rule's conditions hold, or why that can't be told."""
    if rule.conditions is None:
        return True
    try:
        return bool(rule.conditions.evaluate(seen))
    except ExpressionFailure as failure:
        return str(failure)


class _Moves:
    """The rules of one member's progress that a fact moves; `last` is the place among its effects of the last one."""

    __slots__ = ("last", "member", "moves", "terms")

    def __init__(self, terms: AchievementTerms, member: str) -> None:
        self.terms = terms
        self.member = member
        self.moves: list[Move] = []
        self.last = -1


class _Moving:
    """One fact on its way through the achievements: progress as it is after what was decided so far."""

    def __init__(self, working: Working, seen: FactContext) -> None:
        self._working = working
        self._seen = seen
        catalogue: Catalogue = working.catalogue
        self._catalogue = catalogue
        if seen.transaction:
            self._fact = Fact(FactKind.TRANSACTION, seen.transaction.id)
            self._at: datetime = seen.transaction.purchased_at
        else:
            assert seen.event  # noqa: S101  a fact is one of them
            self._fact = Fact(FactKind.EVENT, seen.event.id)
            self._at = seen.event.occurred_at
        self._moment = moment_of(self._at, ZoneInfo(catalogue.time_zone))
        self._progress: dict[UUID, Progress | None] = {}
        self._moves: dict[UUID, _Moves] = {}
        self._advances: list[Advance] = []
        self._outcomes: list[Outcome] = []
        self._not_counted: list[OmissionOutcome] = []
        self._outside: set[UUID] = set()
        self._registered: set[UUID] = set()
        self._effects: list[tuple[Stream[Any, Any], Any]] = []

    def moved(self) -> Movement:
        not_counted = self._not_counted
        if len(not_counted) > EXPLAINED:
            not_counted = sorted(not_counted, key=_nearness)[:EXPLAINED]
        return Movement(tuple(self._advances), (*self._outcomes, *not_counted), tuple(self._effects))

    def candidate(self, goal: Goal, basis: Basis | None) -> tuple[Goal, Measure | None] | None:
        """The goal, where what is known without its progress lets the fact count; what it adds, once that is sure.

        An achievement's limit goes before its conditions, so one that has a limit is looked at further on.
        """
        terms, rule = goal.terms, goal.rule
        active = self._catalogue.achievements[terms.achievement].was_active(basis) if basis else terms.active
        if not active:
            self._refuse(terms, OmissionReason.ACHIEVEMENT_INACTIVE)
        elif terms.takes and not terms.takes(self._at):
            self._refuse(terms, OmissionReason.OUTSIDE_TIMEFRAME)
        elif rule.subject is Subject.REFERRER and self._seen.member.referrer is None:
            self._refuse(terms, OmissionReason.NO_REFERRER, rule)
        elif terms.limit:
            return goal, None
        elif measured := self._measure(terms, rule):
            return goal, measured
        return None

    def load(self, candidates: Sequence[tuple[Goal, Measure | None]]) -> None:
        """All at once."""
        if not candidates:
            return
        working = self._working
        streams: list[Stream[Any, Any]] = []
        for goal, _ in candidates:
            streams.append(self._stream(goal.terms, self._subject(goal.rule)))
            if goal.rule.unique_referee:
                streams.append(self._stream(goal.terms, self._seen.member.id))
            if goal.rule.subject is Subject.REFERRER:
                streams.append(MEMBER.at(self._subject(goal.rule)))
        working.prefetch(streams)

    def advance(self, goal: Goal, measured: Measure | None) -> None:
        terms, rule = goal.terms, goal.rule
        member = self._subject(rule)
        stream = self._stream(terms, member)
        progress = self._held(stream, terms, member)
        if terms.limit:
            if progresses.limit_reached(terms, progress, self._moment):
                self._refuse(terms, OmissionReason.LIMIT_REACHED, rule)
                return
            measured = self._measure(terms, rule)
        if measured is None:
            return
        acting = Acting(member, self._fact, self._at, self._moment)
        advanced = progresses.advance(terms, rule, progress, acting, measured.amount, measured.value)
        if rule.unique_referee and not isinstance(advanced, OmissionReason) and self._was_counted(terms, rule):
            advanced = OmissionReason.NOT_DISTINCT
        if isinstance(advanced, OmissionReason):
            self._refuse(terms, advanced, rule)
            return
        after = self._record(stream, advanced)
        self._move(stream, terms, member, advanced)
        if rule.subject is Subject.REFERRER:
            self._register(member)
        if rule.unique_referee:
            self._mark_referee(terms, rule, progresses.RefereeCounted)
        self._note(terms, rule, after, advanced)
        if measured.no_worth:
            self._refuse(terms, OmissionReason.NO_PRICE, rule, measured.no_worth)

    def complete(self) -> None:
        """The completions that the advances have brought about, and what campaigns that are fired will need to know."""
        for key, moved in self._moves.items():
            progress, member = self._progress[key], moved.member
            assert progress is not None  # noqa: S101  it has just advanced
            completed = progresses.complete(moved.terms, progress, member, self._fact, self._at, self._moment)
            completions = completed.number if completed else progress.completed
            context = Context(self._working.version(MEMBER.at(member)), completions, tuple(moved.moves))
            stream, last = self._effects[moved.last]
            self._effects[moved.last] = stream, replace(last, context=context)
            if completed:
                self._record(stream, replace(completed, context=context))
                self._outcomes.append(CompletionOutcome(completed.achievement, completed.number, self._another(member)))

    def take_back(self, held: Advance, earlier: "_Moving | None") -> Advance | None:
        """What is left of an advance; `earlier` is the fact as it was before, where something is left of it."""
        achievement = self._catalogue.achievements[held.achievement]
        if achievement.revision != held.revision or achievement.status is Status.ARCHIVED:
            return held
        terms = self._catalogue.achievement_terms(held.achievement)
        rule = terms.rules[held.rule - 1]
        left = self._left(rule, held, earlier) if earlier else None
        if left is not None and (left == held.amount or left > held.amount >= 0):
            return held
        if not left:
            left = None  # nothing of it counts any more, so that it keeps nobody else from counting
        stream = self._stream(terms, held.member)
        acting = Acting(held.member, self._fact, self._at, self._moment)
        progress = self._held(stream, terms, held.member)
        reversed_ = progresses.take_back(rule, progress, held, acting, left)
        if reversed_ is None:
            is_forgotten = progress is not None and progress.run == held.run
            self._refuse(terms, OmissionReason.TOO_OLD if is_forgotten else OmissionReason.PROGRESS_SPENT, rule)
            return held
        after = self._record(stream, reversed_)
        buckets = after.of(rule.number).buckets
        value = reached(rule, buckets, held.bucket)
        self._outcomes.append(self._progressed(terms, rule, buckets, value, held.member))
        if left is None:
            if rule.unique_referee:
                self._mark_referee(terms, rule, progresses.RefereeReleased)
            return None
        return replace(held, amount=left)

    def holds(self, rule: RuleTerms) -> bool | str:
        return _holds(rule, self._seen)

    def counted(self, rule: RuleTerms) -> Measure | tuple[OmissionReason, str | None]:
        """What the fact adds to a rule whose conditions hold, or why nothing."""
        try:
            return self._amount(rule)
        except ExpressionFailure as failure:
            return OmissionReason.EXPRESSION_FAILED, str(failure)

    def _left(self, rule: RuleTerms, held: Advance, earlier: "_Moving") -> Decimal | None:
        """What the fact still adds; None where it would not count as it is, and would have as it was `earlier`.

        What the member has become since is no reason to take back: both times it is asked of the member of the fact.
        """
        if self.holds(rule) is not True and earlier.holds(rule) is True:
            return None
        now, before = self.counted(rule), earlier.counted(rule)
        if isinstance(now, Measure) and now.value == held.value:
            return now.amount
        return None if isinstance(before, Measure) and before.value == held.value else held.amount

    def _subject(self, rule: RuleTerms) -> str:
        member = self._seen.member
        return (member.referrer or member.id) if rule.subject is Subject.REFERRER else member.id

    def _stream(self, terms: AchievementTerms, member: str) -> Stream[Any, Any]:
        return PROGRESS.at(terms.achievement, terms.revision, member)

    def _held(self, stream: Stream[Any, Any], terms: AchievementTerms, member: str) -> Progress | None:
        """The member's progress; at the first look under a new revision, completions from before are carried over."""
        if stream.id not in self._progress:
            progress: Progress | None = self._working.state(stream)
            self._progress[stream.id] = progress
            if progress is None and terms.revision > 1:
                self._carry(stream, terms, member)
        return self._progress[stream.id]

    def _carry(self, stream: Stream[Any, Any], terms: AchievementTerms, member: str) -> None:
        carried = carried_over(self._working, terms, member)
        if carried:
            self._progress[stream.id] = progresses.evolve(None, carried)
            self._effects.append((stream, carried))

    def _record(self, stream: Stream[Any, Any], event: Any) -> Progress:  # noqa: ANN401  any event of progress
        after = progresses.evolve(self._progress[stream.id], event)
        self._progress[stream.id] = after
        self._effects.append((stream, event))
        return after

    def _move(self, stream: Stream[Any, Any], terms: AchievementTerms, member: str, advanced: Advanced) -> None:
        """Notes the advance that was recorded last; of those of one stream only the last fires campaigns."""
        moved = self._moves.get(stream.id)
        if moved is None:
            moved = self._moves[stream.id] = _Moves(terms, member)
        else:
            self._effects[moved.last] = stream, replace(self._effects[moved.last][1], fires=False)
        moved.moves.append(advanced.move)
        moved.last = len(self._effects) - 1

    def _measure(self, terms: AchievementTerms, rule: RuleTerms) -> Measure | None:
        """What the fact adds; None, and why noted, when it does not count."""
        measured = self._measured(rule)
        if isinstance(measured, Measure):
            return measured
        reason, detail = measured
        self._refuse(terms, reason, rule, detail)
        return None

    def _measured(self, rule: RuleTerms) -> Measure | tuple[OmissionReason, str | None]:
        holds = self.holds(rule)
        if holds is not True:
            return (OmissionReason.EXPRESSION_FAILED, holds) if holds else (OmissionReason.CONDITION_NOT_MET, None)
        return self.counted(rule)

    def _amount(self, rule: RuleTerms) -> Measure | tuple[OmissionReason, str | None]:
        match rule.count:
            case CountKind.OCCURRENCES:
                return Measure(ONE)
            case CountKind.SUM if rule.measured:
                return Measure(self._sum(rule, rule.measured))
            case CountKind.DISTINCT if rule.measured:
                value = rule.measured.evaluate(self._seen)
                if value is None:
                    return OmissionReason.ATTRIBUTE_MISSING, f"the fact has no {rule.measured.source}"
                return Measure(ONE, _text(value))
            case _:
                return self._matching(rule)

    def _sum(self, rule: RuleTerms, measured: CompiledExpression) -> Decimal:
        """What is made of attributes is no more than its part of what refunds have left of the total."""
        seen = self._seen
        amount = kept(measured.evaluate(seen))
        if seen.left is None or seen.transaction is None or not rule.adds_up:
            return amount
        since = stated_at(seen.left, rule.adds_up)
        whole = replace(seen, transaction=replace(seen.transaction, total=since))
        return min(amount, part_left(kept(measured.evaluate(whole)), seen.left, since), key=abs)

    def _matching(self, rule: RuleTerms) -> Measure | tuple[OmissionReason, str | None]:
        purchase = self._seen.transaction
        lines = purchase.items if purchase else ()
        if rule.reads_products:
            self._working.prefetch([PRODUCT.at(item.product) for item in lines])
        items = [(number, item) for number, item in enumerate(lines, 1) if self._matches(rule, item)]
        if not items:
            return OmissionReason.NO_MATCHING_ITEMS, None
        of_value = rule.count is CountKind.MATCHING_VALUE
        if of_value and not any(item.has_worth for _, item in items):
            return OmissionReason.NO_PRICE, None
        total = ZERO
        for _, item in items:
            total = EXACT.add(total, item.value if of_value else item.quantity)
        return Measure(total, no_worth=no_worth(items) if of_value else None)

    def _matches(self, rule: RuleTerms, item: Item) -> bool:
        if rule.items is None:
            return True
        product = self._working.state(PRODUCT.at(item.product)) if rule.reads_products else None
        return bool(rule.items.evaluate(ItemLine(item, product)))

    def _was_counted(self, terms: AchievementTerms, rule: RuleTerms) -> bool:
        member = self._seen.member.id
        referee = self._held(self._stream(terms, member), terms, member)
        return referee is not None and any(number == rule.number for number, _ in referee.referee_of)

    def _register(self, referrer: str) -> None:
        stream = MEMBER.at(referrer)
        if stream.id not in self._registered and (registered := registration(self._working, referrer)):
            self._registered.add(stream.id)
            self._effects.append((stream, registered))

    def _mark_referee(
        self,
        terms: AchievementTerms,
        rule: RuleTerms,
        mark: type[progresses.RefereeCounted | progresses.RefereeReleased],
    ) -> None:
        member = self._seen.member.id
        stream = self._stream(terms, member)
        event = mark(terms.achievement, terms.revision, member, rule.number, self._fact)
        self._progress[stream.id] = progresses.evolve(self._held(stream, terms, member), event)
        self._effects.append((stream, event))

    def _note(self, terms: AchievementTerms, rule: RuleTerms, after: Progress, advanced: Advanced) -> None:
        self._advances.append(
            Advance(
                advanced.achievement,
                advanced.revision,
                advanced.run,
                advanced.member,
                advanced.rule,
                advanced.bucket,
                advanced.amount,
                advanced.value,
                advanced.moment is not None,
            )
        )
        buckets = after.of(rule.number).buckets
        self._outcomes.append(self._progressed(terms, rule, buckets, advanced.reached, advanced.member))

    def _progressed(
        self,
        terms: AchievementTerms,
        rule: RuleTerms,
        buckets: tuple[Bucket, ...],
        value: Decimal,
        member: str,
    ) -> ProgressOutcome:
        complete = is_complete(rule, buckets)
        return ProgressOutcome(terms.achievement, rule.number, value, rule.goal, complete, self._another(member))

    def _another(self, member: str) -> str | None:
        return None if member == self._seen.member.id else member

    def _refuse(
        self, terms: AchievementTerms, reason: OmissionReason, rule: RuleTerms | None = None, detail: str | None = None
    ) -> None:
        if rule is None:
            if terms.achievement in self._outside:
                return
            self._outside.add(terms.achievement)
        number = rule.number if rule else None
        member = self._another(self._subject(rule)) if rule else None
        self._not_counted.append(OmissionOutcome(None, reason, None, detail, terms.achievement, number, member))


def carried_over(working: Working, terms: AchievementTerms, member: str) -> progresses.Carried | None:
    """The completions of a member from the latest older revision that knows them."""
    for newest in range(terms.revision - 1, 0, -REVISIONS_TOGETHER):
        oldest = max(newest - REVISIONS_TOGETHER, 0)
        older = [PROGRESS.at(terms.achievement, revision, member) for revision in range(newest, oldest, -1)]
        working.prefetch(older)
        for stream in older:
            previous: Progress | None = working.state(stream)
            if previous is not None:
                return progresses.carry(terms, member, previous)
    return None


def _nearness(not_counted: OmissionOutcome) -> int:
    """What was asked first of a fact is told last: the nearer it came to counting, the more somebody wonders why."""
    asked = (OmissionReason.ACHIEVEMENT_INACTIVE, OmissionReason.OUTSIDE_TIMEFRAME, OmissionReason.CONDITION_NOT_MET)
    return -asked.index(not_counted.reason) if not_counted.reason in asked else -len(asked)


def _text(value: object) -> str:
    """A value as it is told from others: numbers without trailing zeros, instants in UTC."""
    if isinstance(value, Decimal):
        return f"{EXACT.normalize(value):f}"
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
