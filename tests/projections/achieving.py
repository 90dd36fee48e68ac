"""Members on their way to an achievement, for histories: progress is decided by the domain."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import uuid5
from zoneinfo import ZoneInfo

from application import streams
from application.log.streams import NAMESPACE, Stream
from domain.achievements import achievement, progress
from domain.achievements.adjustment import adjust
from domain.achievements.definition import Count, CountKind, Definition, Period, PeriodKind, Rule
from domain.achievements.progress import Acting, Progress
from domain.achievements.progress_shown import terms_shown
from domain.achievements.terms import AchievementTerms
from domain.facts import event as member_event
from domain.facts import transaction
from domain.facts.fact import Fact, FactKind
from domain.facts.outcomes import Advance, OmissionOutcome, OmissionReason, Outcome
from domain.facts.purchase import Purchase
from domain.values.interval import moment_of
from domain.values.limit import Limit
from domain.values.problems import Problem

START = datetime(2026, 9, 1, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Budapest")


Step = tuple[Stream[Any, Any], Any]
"""A stream and an event about to be appended to it."""


def rule(goal: str = "2", **fields: Any) -> Rule:
    given: dict[str, Any] = {"name": "Buy", "trigger": FactKind.TRANSACTION, "count": Count(CountKind.OCCURRENCES)}
    return Rule(**{**given, "goal": Decimal(goal), **fields})


def definition(name: str = "Buyer", *rules: Rule, **fields: Any) -> Definition:
    daily = rule("10", name="Spend", count=Count(CountKind.SUM, "transaction.total"), period=Period(PeriodKind.DAY))
    return Definition(name=name, badge="star", rules=rules or (rule(), daily), **fields)


class Achieving:
    """Decides a random history of one achievement's members; the same seed makes the same one.

    `progress` is where it has brought them, by revision and member.
    """

    def __init__(self, seed: int, members: list[str]) -> None:
        self._random = Random(seed)  # noqa: S311  a history to test with
        self._members = members
        self._seed = seed
        self._count = 0
        self._revision = 1
        self._id = uuid5(NAMESPACE, f"achievement {seed}")
        self._definition = definition(limit=Limit(Decimal(4)))
        self.progress: dict[tuple[int, str], Progress] = {}
        self._advances: list[tuple[Fact, str, Advance]] = []

    def whole(self) -> Iterator[Step]:
        stream = streams.ACHIEVEMENT.at(self._id)
        yield stream, achievement.Defined(self._id, 1, self._definition)
        yield stream, achievement.Activated(self._id)
        yield from self._facts(60)
        yield stream, achievement.Defined(self._id, 1, definition("Renamed"))
        yield from self._adjust(self._members[0], 3)
        self._revision, self._definition = 2, definition("Buyer", rule("3"))
        yield stream, achievement.Defined(self._id, 2, self._definition)
        yield from self._adjust(self._members[0], 0)
        yield from self._facts(60)
        yield stream, achievement.Deactivated(self._id)
        yield stream, achievement.Archived(self._id)

    def _facts(self, count: int) -> Iterator[Step]:
        for _ in range(count):
            yield from self._random.choice([self._buy, self._buy, self._accept, self._train, self._refund])()

    def _buy(self) -> Iterator[Step]:
        who, fact, purchase = self._purchase()
        if self._random.random() < 0.2:
            received = transaction.Received(purchase, transaction.Status.ACCEPTED, (), self._why_not())
            yield streams.TRANSACTION.at(purchase.id), received
            return
        yield streams.TRANSACTION.at(purchase.id), transaction.Received(purchase, transaction.Status.ACCEPTED)
        yield from self._advance(who, fact, purchase.total, purchase.purchased_at)

    def _accept(self) -> Iterator[Step]:
        who, _, purchase = self._purchase()
        stream = streams.TRANSACTION.at(purchase.id)
        yield stream, transaction.Received(purchase, transaction.Status.PENDING)
        yield stream, transaction.Accepted(purchase.id, who, START, False, (), self._why_not())

    def _train(self) -> Iterator[Step]:
        """An event that counts for nobody: its member has no referrer, or was counted for them before."""
        self._count += 1
        who = self._random.choice(self._members)
        happening = member_event.Happening(f"AE-{self._seed}-{self._count}", "workout", who, START)
        stream = streams.MEMBER_EVENT.at(happening.id)
        yield stream, member_event.Received(happening, (), self._why_not())
        fact = Fact(FactKind.EVENT, happening.id)
        yield from self._carry(who)
        for kind in (progress.RefereeCounted, progress.RefereeReleased):
            yield self._record(who, kind(self._id, self._revision, who, 1, fact))

    def _refund(self) -> Iterator[Step]:
        if not self._advances:
            return
        fact, who, advance = self._advances.pop(self._random.randrange(len(self._advances)))
        if advance.revision != self._revision:
            return
        of_rule = self._terms().rules[advance.rule - 1]
        acting = Acting(who, fact, START, moment_of(START, ZONE))
        back = progress.take_back(of_rule, self.progress.get((self._revision, who)), advance, acting, None)
        if back is not None:
            yield self._record(who, back)

    def _adjust(self, who: str, completed: int) -> Iterator[Step]:
        yield from self._carry(who)
        known = self._terms()
        changes = ((1, Decimal(1), START),)
        decided = adjust(self.progress.get((self._revision, who)), known, who, "a mistake", START, completed, changes)
        assert isinstance(decided, list)
        for event in decided:
            assert not isinstance(event, Problem)
            yield self._record(who, event)

    def _advance(self, who: str, fact: Fact, amount: Decimal, at: datetime) -> Iterator[Step]:
        yield from self._carry(who)
        known = self._terms()
        moment = moment_of(at, ZONE)
        acting = Acting(who, fact, at, moment)
        for of_rule in known.rules:
            counted = Decimal(1) if of_rule.count is CountKind.OCCURRENCES else amount
            decided = progress.advance(known, of_rule, self.progress.get((self._revision, who)), acting, counted)
            assert isinstance(decided, progress.Advanced)
            yield self._record(who, decided)
            advance = Advance(self._id, self._revision, decided.run, who, decided.rule, decided.bucket, decided.amount)
            self._advances.append((fact, who, advance))
        completion = progress.complete(known, self.progress[self._revision, who], who, fact, at, moment)
        if completion:
            yield self._record(who, completion)

    def _carry(self, who: str) -> Iterator[Step]:
        before = self.progress.get((self._revision - 1, who))
        if before and (self._revision, who) not in self.progress:
            known = self._terms()
            carried = progress.carry(known, who, before)
            if carried:
                yield self._record(who, carried)

    def _record(self, who: str, event: progress.Event) -> Step:
        key = (self._revision, who)
        self.progress[key] = progress.evolve(self.progress.get(key), event)
        return streams.PROGRESS.at(self._id, self._revision, who), event

    def _terms(self) -> AchievementTerms:
        return terms_shown(self._id, self._revision, self._definition, ZONE)

    def _purchase(self) -> tuple[str, Fact, Purchase]:
        self._count += 1
        identity = f"A-{self._seed}-{self._count}"
        who = self._random.choice(self._members)
        at = START + timedelta(hours=self._random.randrange(100))
        amount = Decimal(self._random.randrange(1, 2000)).scaleb(-2)
        return who, Fact(FactKind.TRANSACTION, identity), Purchase(identity, who, at, amount)

    def _why_not(self) -> tuple[Outcome, ...]:
        referrer = self._random.choice(self._members)
        return (
            OmissionOutcome(self._id, OmissionReason.CAMPAIGN_INACTIVE, 1),
            OmissionOutcome(None, OmissionReason.CONDITION_NOT_MET, None, "too little", self._id, 1),
            OmissionOutcome(None, OmissionReason.OUTSIDE_TIMEFRAME, None, None, self._id, None, referrer),
        )
