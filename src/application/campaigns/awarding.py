"""Awards: what completed or progressed is decided by the campaigns that fire on it.

Each function is a command's decision. Those of a batch build on one another: what one grants is not left for the next.
A decision is a function of the log up to its trigger: the definitions and the member are as they were there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct

from application.campaigns.ledgers import Random, coupons_of, ledger_for, stocked
from application.definitions.catalogue import Catalogue
from application.log.envelope import Origin
from application.log.events import Recorded
from application.log.streams import Stream
from application.log.working import Working
from application.members.member import member_at, registration
from application.streams import (
    AWARD_POLICY,
    CAMPAIGN_BUDGET,
    COUPON_CODE,
    MEMBER,
    MEMBER_EVENT,
    PARTICIPATION,
    PROGRESS,
    STOCK,
    TRANSACTION,
    fact_stream,
)
from domain.achievements.progress import Adjusted, Advanced, Completed, Context
from domain.campaigns.award_policy import NOTHING, Decided
from domain.campaigns.decision import decide
from domain.campaigns.definition import CampaignTrigger, CampaignType, Recipient
from domain.campaigns.ledger import STOCKS
from domain.campaigns.occasion import AchievementContext, Occasion
from domain.campaigns.participation import (
    Granted,
    Participation,
    ReferralCounted,
    Refused,
    Trigger,
    decision_id,
    effects_in,
    receipt_of,
)
from domain.campaigns.terms import CampaignTerms
from domain.catalogue.coupon_code import Issued
from domain.facts.fact import Fact, FactKind
from domain.members.member import Member

POLICY = AWARD_POLICY.at()

EVENTS_AT_ONCE = 500
"""So many decisions and codes are recorded by one command at most, unless a single trigger needs more: everything else
waits while it decides.
"""


class Firing(Struct, frozen=True, gc=False):
    """A member's progress that campaigns may fire on, as it was recorded.

    What was recorded before triggers had a context is decided by the member and the completions there are.
    """

    member: str
    trigger: Trigger
    recorded_at: datetime
    origin: Origin
    context: Context | None

    @property
    def on(self) -> tuple[UUID, CampaignTrigger]:
        """What it is that campaigns fire on."""
        return self.trigger.achievement, self.trigger.kind


class IdentifiedDecision(NamedTuple):
    """A decision and its id."""

    id: UUID
    decision: Granted | Refused


def fired_by(recorded: Recorded) -> Firing | None:
    """What campaigns may fire on; None where progress was changed by hand without a completion."""
    event = recorded.event
    match event:
        case Completed():
            return _fired(recorded, event, CampaignTrigger.ACHIEVEMENT_COMPLETED, event.number, event.fact)
        case Adjusted() if event.completed > event.before:
            return _fired(recorded, event, CampaignTrigger.ACHIEVEMENT_COMPLETED, event.completed, None)
        case Advanced() if event.fires:
            return _fired(recorded, event, CampaignTrigger.ACHIEVEMENT_PROGRESSED, event.rule, event.fact)
        case _:
            return None


def _fired(
    recorded: Recorded, event: Completed | Adjusted | Advanced, kind: CampaignTrigger, number: int, fact: Fact | None
) -> Firing:
    context = event.context
    moves = context.moves if context else (event.move,) if isinstance(event, Advanced) else ()
    trigger = Trigger(
        kind,
        event.achievement,
        event.revision,
        recorded.stream,
        recorded.version,
        recorded.position,
        number,
        fact,
        event.occurred_at,
        moves,
    )
    return Firing(event.member, trigger, recorded.envelope.recorded_at, recorded.origin, context)


class Draw:
    """Whole numbers at random, always the same from the same seed: a command that runs again draws them again.

    Commands that share a seed must each name another `part`, or would draw again what those before them have given.
    """

    def __init__(self, seed: bytes, part: int = 0) -> None:
        self._seed = seed
        self._part = part.to_bytes(8, "big")
        self._blocks = 0
        self._left: list[int] = []

    def __call__(self, below: int) -> int:
        if not self._left:
            block = blake2b(self._blocks.to_bytes(8, "big"), key=self._seed, salt=self._part).digest()
            self._left = [int.from_bytes(block[at : at + 8], "big") for at in range(0, len(block), 8)]
            self._blocks += 1
        return self._left.pop() % below


class TriggerBatch(Struct, frozen=True, gc=False):
    """Everything that was triggered after what is `recorded` as decided, and up to `upto`, in order.

    `catalogue` are the definitions in force there, and `supplies` how many codes had come into pools of coupons; none
    changes from the first trigger to the last.
    """

    recorded: Decided
    upto: int
    fired: tuple[Firing, ...]
    catalogue: Catalogue
    supplies: Mapping[str, int]


class Overtaking(Struct, frozen=True, gc=False):
    """Someone else has decided further; nothing was decided."""


class BatchOutcome(Struct, frozen=True, gc=False):
    """How much is decided now, and the decisions."""

    recorded: Decided
    made: tuple[IdentifiedDecision, ...]


def decide_batch(working: Working, batch: TriggerBatch, seed: bytes) -> BatchOutcome | Overtaking:
    """Decides what was triggered, as much as is decided at once, and records how far that is."""
    if decided(working) != batch.recorded:
        return Overtaking()
    asked, recorded = _together(_left(batch), batch)
    made = _decide(working, batch.catalogue, asked, Draw(seed), batch.supplies)
    working.record(POLICY, recorded)
    return BatchOutcome(recorded, tuple(made))


def decided(working: Working) -> Decided:
    """What is recorded as decided."""
    return working.state(POLICY) or NOTHING


def pass_by(working: Working, recorded: Decided, position: int) -> None:
    """Records that up to a position nothing is left to decide, unless someone else has decided further."""
    if decided(working) == recorded:
        working.record(POLICY, Decided(position))


def concerned(catalogue: Catalogue, one: Firing) -> Iterator[CampaignTerms]:
    """The active campaigns that it fires by their dates, in the order in which they decide."""
    for terms in catalogue.campaigns_on(*one.on):
        if terms.runs_at(one.trigger.occurred_at):
            yield terms


Asked = tuple[Firing, CampaignTerms]
"""What fired, and a campaign that decides it."""


def _campaigns(asked: Iterable[Asked]) -> dict[UUID, None]:
    return dict.fromkeys(terms.campaign for _, terms in asked)


def _left(batch: TriggerBatch) -> list[Asked]:
    """By what campaigns the batch is to be decided, less those that have decided its first already."""
    begun, done = batch.recorded.position + 1, set(batch.recorded.campaigns)
    return [
        (one, terms)
        for one in batch.fired
        for terms in concerned(batch.catalogue, one)
        if one.trigger.position != begun or terms.campaign not in done
    ]


def _together(asked: list[Asked], batch: TriggerBatch) -> tuple[list[Asked], Decided]:
    """The first of them, as many as one command decides, and how much is decided with them.

    What was triggered at once is decided at once, unless that alone is more.
    """
    events = 0
    for count, (one, terms) in enumerate(asked):
        of_referral = terms.type is CampaignType.REFERRAL
        events += 1 + of_referral + len(list(coupons_of(terms)))
        if count and events > EVENTS_AT_ONCE:
            before = one.trigger.position - 1
            whole = [pair for pair in asked[:count] if pair[0].trigger.position <= before]
            if whole:
                return whole, Decided(before)
            done = batch.recorded.campaigns if batch.recorded.position == before else ()
            return asked[:count], Decided(before, (*done, *_campaigns(asked[:count])))
    return asked, Decided(batch.upto)


def decide_triggers(working: Working, fired: Sequence[Firing], random: Random) -> list[IdentifiedDecision]:
    """Decides, in order, what has just been triggered by every campaign that it fires, and records what comes of it."""
    catalogue: Catalogue = working.catalogue
    asked = [(one, terms) for one in fired for terms in concerned(catalogue, one)]
    return _decide(working, catalogue, asked, random, None)


def _decide(
    working: Working,
    catalogue: Catalogue,
    asked: Sequence[Asked],
    random: Random,
    supplies: Mapping[str, int] | None,
) -> list[IdentifiedDecision]:
    working.prefetch(_streams(asked))
    working.prefetch_at(_members(asked))
    occasions: dict[int, Occasion] = {}
    for one, _ in asked:
        if one.trigger.position not in occasions:
            occasions[one.trigger.position] = _occasion(working, catalogue, one)
    working.prefetch(_referrers(asked, occasions))
    ledger = ledger_for(working, catalogue, [terms for _, terms in asked], random, supplies)
    made: list[IdentifiedDecision] = []
    for one, terms in asked:
        stream = PARTICIPATION.at(terms.campaign, one.member)
        occasion = occasions[one.trigger.position]
        referrer = _referrer(working, terms, occasion.member)
        decision = decide(terms, occasion, one.trigger, working.state(stream), referrer, ledger, one.recorded_at)
        working.record(stream, decision, one.origin)
        made.append(IdentifiedDecision(decision_id(stream.id, working.version(stream)), decision))
        if isinstance(decision, Granted):
            ledger.take(decision)
            _register(working, decision, one.origin)
            _count_referral(working, made[-1].id, decision, one.origin)
            _issue(working, made[-1].id, decision, one.origin)
    for reserved in ledger.reserved():
        working.record(CAMPAIGN_BUDGET.at(reserved.campaign), reserved)
    for taken in ledger.taken():
        working.record(STOCK.at(taken.kind, taken.code), taken)
    return made


def _members(asked: Iterable[Asked]) -> Iterator[tuple[Stream[Any, Any], int]]:
    """Whom these decisions are about, as they were when they triggered them."""
    for one, _ in asked:
        if one.context:
            yield MEMBER.at(one.member), one.context.member_version


def _streams(asked: Iterable[Asked]) -> Iterable[Stream[Any, Any]]:
    """Everything that these decisions read but the codes of coupons, each once."""
    streams: dict[Stream[Any, Any], None] = {}
    for one, terms in asked:
        streams[PARTICIPATION.at(terms.campaign, one.member)] = None
        streams[CAMPAIGN_BUDGET.at(terms.campaign)] = None
        streams[MEMBER.at(one.member)] = None
        if one.trigger.fact:
            streams[fact_stream(one.trigger.fact)] = None
        if one.context is None:
            streams[PROGRESS.of(one.trigger.stream)] = None
        for effect in stocked(terms):
            streams[STOCK.at(STOCKS[effect.kind], effect.given)] = None
    return streams


def _referrers(asked: Iterable[Asked], occasions: Mapping[int, Occasion]) -> Iterable[Stream[Any, Any]]:
    """Whoever may be given something beside the members themselves, and what they have received."""
    streams: dict[Stream[Any, Any], None] = {}
    for one, terms in asked:
        referrer = occasions[one.trigger.position].member.referrer
        if referrer and terms.type is CampaignType.REFERRAL:
            streams[MEMBER.at(referrer)] = None
            streams[PARTICIPATION.at(terms.campaign, referrer)] = None
    return streams


def _referrer(working: Working, terms: CampaignTerms, member: Member) -> Participation | None:
    """What whom the campaign may give to beside the member has received."""
    if terms.type is not CampaignType.REFERRAL or member.referrer is None:
        return None
    return working.state(PARTICIPATION.at(terms.campaign, member.referrer))


def _occasion(working: Working, catalogue: Catalogue, one: Firing) -> Occasion:
    """The fact as it was accepted: a refund since then changes no decision."""
    trigger, fact = one.trigger, one.trigger.fact
    name = catalogue.achievements[trigger.achievement].definition.name
    achievement = AchievementContext(trigger.achievement, name, _completions(working, one))
    transaction = event = None
    if fact and fact.kind is FactKind.TRANSACTION:
        transaction = working.state(TRANSACTION.at(fact.id))
    elif fact:
        event = working.state(MEMBER_EVENT.at(fact.id))
    return Occasion(
        member_at(working, one.member, one.context.member_version if one.context else None),
        achievement,
        transaction.purchase if transaction else None,
        event.happening if event else None,
        trigger.moves,
    )


def _completions(working: Working, one: Firing) -> int:
    if one.context:
        return one.context.completions
    if one.trigger.kind is CampaignTrigger.ACHIEVEMENT_COMPLETED:
        return one.trigger.number
    progress = working.state(PROGRESS.of(one.trigger.stream))
    return progress.completed if progress else 0


def _register(working: Working, granted: Granted, origin: Origin) -> None:
    given = [effect.member for effect in effects_in(granted.rules) if effect.reason is None]
    for receiver in dict.fromkeys(member for member in given if member and member != granted.member):
        if registered := registration(working, receiver):
            working.record(MEMBER.at(receiver), registered, origin)


def _count_referral(working: Working, decision: UUID, granted: Granted, origin: Origin) -> None:
    """What the referrer received counts against their limits, whoever else's triggers they receive by."""
    if referral := receipt_of(granted, Recipient.REFERRER):
        about = granted.campaign, referral.member, granted.member, decision
        counted = ReferralCounted(*about, granted.moment, referral.units)
        working.record(PARTICIPATION.at(granted.campaign, referral.member), counted, origin)


def _issue(working: Working, decision: UUID, granted: Granted, origin: Origin) -> None:
    for rule in granted.rules:
        for effect in rule.effects:
            if effect.code is None:
                continue
            assert effect.given  # noqa: S101  a code is one of a coupon
            assert effect.member  # noqa: S101  and was given to someone
            stream = COUPON_CODE.at(effect.given, effect.code)
            about = effect.given, effect.code, effect.member, granted.campaign, decision
            working.record(stream, Issued(*about, effect.value, effect.valid_until), origin)
