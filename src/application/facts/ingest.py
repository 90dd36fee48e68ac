"""Facts: decide everything that one causes, and record it with the fact as one atomic unit.

Each function is a command's decision over the streams it concerns; the answer says what the fact did.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from application.achievements import progressing
from application.achievements.progressing import NO_MOVEMENT, Movement
from application.definitions.catalogue import Catalogue, Concern, Concerns
from application.definitions.likely import EXPLAINED
from application.log.errors import Cold
from application.log.streams import Stream
from application.log.working import Working
from application.members.member import member_at
from application.service.refusals import Conflict, Unknown
from application.streams import MEMBER, MEMBER_EVENT, STANDING, TRANSACTION, fact_stream
from domain.facts import transaction as transactions
from domain.facts.basis import Basis
from domain.facts.event import Happening, MemberEvent
from domain.facts.event import Received as EventReceived
from domain.facts.event import Recounted as EventRecounted
from domain.facts.fact import Fact, FactKind
from domain.facts.outcomes import (
    Advance,
    Contribution,
    ContributionOutcome,
    CorrectionOutcome,
    OmissionOutcome,
    OmissionReason,
    Outcome,
)
from domain.facts.purchase import Purchase, ReturnedItem
from domain.facts.scope import FactContext
from domain.facts.transaction import (
    Accepted,
    Received,
    Recounted,
    RefundTooLarge,
    Rejected,
    Status,
    TooManyRefunds,
    Transaction,
    Updated,
    left_of,
)
from domain.members import member as members
from domain.members.member import Member
from domain.tiered import standing as standings
from domain.tiered.contribution import Memberships, admit, filtered_out, is_concerned, measure, place, unpriced
from domain.tiered.standing import StandingPlace
from domain.tiered.terms import TieredTerms, confirmed_in_time
from domain.values.amounts import written
from domain.values.attributes import Attributes, attribute_problems
from domain.values.problems import Invalid, Problem

ASKED_TOGETHER = 32
"""The most standings, and the most achievements' progress, that are loaded together with a member."""

Counting = TypeVar("Counting", bound=Transaction | MemberEvent)


class FactEffects(Struct, frozen=True, gc=False):
    """What a fact did."""

    id: str
    member: str
    status: str
    outcomes: tuple[Outcome, ...]


class Repeated(Exception):  # noqa: N818  an expected answer: the fact is there, and answers what it answered first
    """A fact with this id is recorded already; what it said and did is the first event of `stream`."""

    def __init__(self, stream: Stream[Any, Any]) -> None:
        super().__init__(stream.id)
        self.stream = stream


class Rules(Struct, frozen=True, gc=False):
    """Settings that facts are taken by."""

    register_unknown_members: bool = True


def receive_transaction(working: Working, purchase: Purchase, status: Status, rules: Rules) -> FactEffects:
    """Raises Repeated, Unknown (member) or Invalid."""
    stream = TRANSACTION.at(purchase.id)
    if working.state_if_known(stream) is not None:
        raise Repeated(stream)
    member = _acting(working, purchase.member, rules, transaction=purchase)
    seen = FactContext(member, transaction=purchase)
    accepted = status is Status.ACCEPTED
    at = _accepted_at(purchase, working.now) if accepted else _acceptable_at(purchase, working.now)
    settled = _count_new(working, seen, Fact(FactKind.TRANSACTION, purchase.id), at, confirmed=accepted)
    if accepted:
        settled = _moved(settled, progressing.advance(working, seen))
    received = Received(
        purchase,
        status,
        settled.contributions,
        settled.outcomes,
        settled.memberships.held,
        settled.advances,
        settled.memberships.outside,
        _basis(working, purchase.member),
    )
    working.record(stream, received)
    return _answer(working, settled, purchase.id, purchase.member, status)


def receive_event(working: Working, happening: Happening, rules: Rules) -> FactEffects:
    """Raises Repeated, Unknown (member) or Invalid."""
    stream = MEMBER_EVENT.at(happening.id)
    if working.state_if_known(stream) is not None:
        raise Repeated(stream)
    _check_type(working.catalogue, happening)
    member = _acting(working, happening.member, rules, event=happening)
    seen = FactContext(member, event=happening)
    settled = _count_new(working, seen, Fact(FactKind.EVENT, happening.id), None, confirmed=True)
    settled = _moved(settled, progressing.advance(working, seen))
    received = EventReceived(
        happening,
        settled.contributions,
        settled.outcomes,
        settled.memberships.held,
        settled.memberships.outside,
        _basis(working, happening.member),
    )
    working.record(stream, received)
    return _answer(working, settled, happening.id, happening.member, "accepted")


def accept(working: Working, transaction_id: str, at: datetime | None = None) -> FactEffects:
    """Accepts a pending transaction; `at` is given for an acceptance that came by itself.

    One that is overdue to be accepted by itself counts from then, whoever comes first.
    """
    stream, transaction = _transaction(working, transaction_id)
    if at and transaction.status is not Status.PENDING:
        return _unchanged(transaction)
    _allow(transaction, Status.PENDING)
    confirmed_at = at or _acceptable_at(transaction.purchase, working.now)
    seen = _seen(working, transaction)
    settled = _confirm(working, transaction, seen, confirmed_at)
    settled = _moved(settled, progressing.advance(working, seen, transaction.basis))
    member = transaction.purchase.member
    working.record(
        stream,
        Accepted(
            transaction_id,
            member,
            confirmed_at,
            at is not None,
            settled.contributions,
            settled.outcomes,
            settled.advances,
        ),
    )
    return _answer(working, settled, transaction_id, member, Status.ACCEPTED)


def reject(working: Working, transaction_id: str, reason: str | None) -> FactEffects:
    stream, transaction = _transaction(working, transaction_id)
    _allow_pending(transaction, working.now)
    settled = _withdraw(working, transaction)
    member = transaction.purchase.member
    working.record(stream, Rejected(transaction_id, member, reason, settled.contributions, settled.outcomes))
    return _answer(working, settled, transaction_id, member, Status.REJECTED)


def update(working: Working, purchase: Purchase) -> FactEffects:
    """New absolute figures for a pending transaction: it is counted anew, and its old contributions are taken back."""
    stream, transaction = _transaction(working, purchase.id)
    _allow_pending(transaction, working.now)
    seen = _seen(working, replace(transaction, purchase=purchase))
    fact = Fact(FactKind.TRANSACTION, purchase.id)
    counted = _count(working, seen, _acceptable_at(purchase, working.now), transaction, confirmed=False)
    settled = _settle(working, purchase.member, fact, transaction.contributions, counted)
    memberships = settled.memberships
    working.record(
        stream,
        Updated(purchase, settled.contributions, settled.outcomes, memberships.held, memberships.outside),
    )
    return _answer(working, settled, purchase.id, purchase.member, Status.PENDING)


def refund(
    working: Working,
    transaction_id: str,
    amount: Decimal | None,
    items: tuple[ReturnedItem, ...],
    refund_id: str | None,
    attributes: Attributes | None = None,
) -> FactEffects:
    """Takes back an amount, or what items are worth, or all that is left; raises Conflict or Invalid.

    Filters and conditions are asked again of what is left. Nothing that did not count before counts after it. One that
    is overdue to be accepted by itself is accepted first.
    """
    stream, transaction = _transaction(working, transaction_id)
    if transactions.is_overdue(transaction, working.now):
        accept(working, transaction_id, transaction.purchase.auto_accept_at)
        stream, transaction = _transaction(working, transaction_id)
    _allow(transaction, Status.ACCEPTED)
    refunded = transactions.refund(transaction, amount, items, attributes or {}, refund_id)
    match refunded:
        case list():
            raise Invalid(refunded)
        case RefundTooLarge():
            left = f"{written(refunded.left)} is left to refund"
            raise Conflict(f"the refunds would exceed the total: {left}", "refund_too_large")
        case TooManyRefunds():
            most = f"the transaction has had {refunded.most} refunds, which is as many as may"
            raise Conflict(most, "too_many_refunds")
    whole = refunded.status is Status.REFUNDED
    before, seen = _seen(working, transaction), _seen(working, transactions.evolve(transaction, refunded))
    settled = _withdraw(working, transaction) if whole else _lower(working, transaction, seen, before)
    settled = _moved(settled, progressing.take_back(working, seen, None if whole else before, transaction.advances))
    working.record(
        stream,
        replace(refunded, contributions=settled.contributions, outcomes=settled.outcomes, advances=settled.advances),
    )
    return _answer(working, settled, transaction_id, refunded.member, refunded.status)


class FactCount(Struct, frozen=True, gc=False):
    """What a fact contributes from now on, before the standings have had their say."""

    memberships: Memberships
    contributions: tuple[Contribution, ...] = ()
    not_counted: tuple[OmissionOutcome, ...] = ()


class Settlement(Struct, frozen=True, gc=False):
    """What is recorded with the fact, and the events to record on standings and progress after it."""

    contributions: tuple[Contribution, ...]
    outcomes: tuple[Outcome, ...]
    memberships: Memberships
    effects: tuple[tuple[Stream[Any, Any], Any], ...]
    advances: tuple[Advance, ...] = ()


def _moved(settled: Settlement, moved: Movement) -> Settlement:
    """With what the fact did to achievements."""
    if moved is NO_MOVEMENT:
        return settled
    return replace(
        settled,
        outcomes=(*settled.outcomes, *moved.outcomes),
        effects=(*settled.effects, *moved.effects),
        advances=moved.advances,
    )


def _acting(
    working: Working,
    member_id: str,
    rules: Rules,
    *,
    transaction: Purchase | None = None,
    event: Happening | None = None,
) -> Member:
    """The member, registered with this fact where they are not known and the rules allow it."""
    stream = MEMBER.at(member_id)
    try:
        member = working.state(stream)
    except Cold:
        working.prefetch(_likely_streams(working, FactContext(Member(member_id), transaction, event)))
        raise
    if member is not None:
        return member
    if not rules.register_unknown_members:
        raise Unknown(f"no member `{member_id}`, and unknown members are not registered", "unknown_member")
    return working.record(stream, members.Registered(member_id))


def _likely_streams(working: Working, seen: FactContext) -> list[Stream[Any, Any]]:
    """The member, and what the fact will most likely change of theirs: loaded together it costs one journey."""
    streams: list[Stream[Any, Any]] = [MEMBER.at(seen.member.id)]
    for concern in islice(_concerns(working, seen).likely(seen), ASKED_TOGETHER):
        number = place(concern.terms, seen)
        if isinstance(number, int) and concern.active:
            streams.append(STANDING.at(concern.terms.campaign, number, seen.member.id))
    return streams + progressing.streams_likely(working, seen, ASKED_TOGETHER)


def _concerns(working: Working, seen: FactContext) -> Concerns:
    catalogue: Catalogue = working.catalogue
    if seen.event:
        return catalogue.concerns(FactKind.EVENT, seen.event.type)
    return catalogue.concerns(FactKind.TRANSACTION, None)


def _accepted_at(purchase: Purchase, now: datetime) -> datetime | None:
    """When a transaction that comes accepted was; None where it does not say, so that its own date is meant."""
    return min(purchase.accepted_at, now) if purchase.accepted_at else None


def _acceptable_at(purchase: Purchase, now: datetime) -> datetime:
    """When a pending transaction is accepted, or could be at the earliest: now, or when it was to be by itself."""
    return min(purchase.auto_accept_at or now, now)


def _count_new(working: Working, seen: FactContext, fact: Fact, at: datetime | None, *, confirmed: bool) -> Settlement:
    counted = _count(working, seen, at, None, confirmed=confirmed)
    return _settle(working, seen.member.id, fact, (), counted)


def _count(
    working: Working, seen: FactContext, at: datetime | None, known: Transaction | None, *, confirmed: bool
) -> FactCount:
    """What a fact contributes, by every campaign it concerns that ran when it was first recorded.

    It is `known` where that was before: what was asked of the member then is not asked again. The fact is confirmed
    `at` an instant (its own date where there is none), or could be so at the earliest. Of a campaign that is completed
    nothing is told but what a fact that fits it does: it corrects, or comes too late.
    """
    concerns = _concerns(working, seen)
    memberships = Memberships(known.memberships, known.outside) if known else Memberships()
    contributions: list[Contribution] = []
    not_counted: list[OmissionOutcome] = []
    placed: set[UUID] = set()
    completed: set[UUID] = set()
    undated: dict[UUID, OmissionOutcome] = {}
    for concern in concerns.likely(seen):
        terms = concern.terms
        number = place(terms, seen)
        if concern.completed:
            completed.add(terms.campaign)
        if isinstance(number, OmissionOutcome):
            undated.setdefault(terms.campaign, number)
        elif number is not None:
            placed.add(terms.campaign)
            if not _takes(working.catalogue, concern, number, known):
                not_counted.append(OmissionOutcome(terms.campaign, OmissionReason.CAMPAIGN_INACTIVE, number))
                continue
            counted = admit(terms, number, seen, memberships) or _measured(terms, number, seen, at, confirmed=confirmed)
            if isinstance(counted, OmissionOutcome):
                not_counted.append(counted)
            else:
                contributions.append(counted)
                if terms.products:
                    not_counted += unpriced(terms, number, seen)
    not_counted += [missing for campaign, missing in undated.items() if campaign not in placed]
    if completed:
        not_counted = [reason for reason in not_counted if reason.tiered_campaign not in completed]
    return FactCount(memberships, tuple(contributions), tuple(not_counted))


def _takes(catalogue: Catalogue, concern: Concern, number: int, known: Transaction | None) -> bool:
    """Whether the campaign ran when the fact was first recorded. Where an older fact does not say when that was, it
    runs now, or has the fact already.
    """
    campaign = concern.terms.campaign
    if known is None or known.basis is None:
        had = known.contributions if known else ()
        return concern.active or any((held.tiered_campaign, held.occurrence) == (campaign, number) for held in had)
    return catalogue.tiered_campaigns[campaign].was_active(known.basis)


def _measured(
    terms: TieredTerms, occurrence: int, seen: FactContext, at: datetime | None, *, confirmed: bool
) -> Contribution | OmissionOutcome:
    """The fact's own date, meant where there is no `at`, is in time: it lies in the occurrence."""
    if at and not confirmed_in_time(terms, occurrence, at):
        return OmissionOutcome(terms.campaign, OmissionReason.CONFIRMED_TOO_LATE, occurrence)
    return measure(terms, occurrence, seen, confirmed=confirmed)


def _recount(
    working: Working,
    transaction: Transaction,
    seen: FactContext,
    count: Callable[[TieredTerms, Contribution], Contribution | OmissionOutcome],
) -> Settlement:
    """Counts what the transaction has contributed again, as it is `seen` now, and nothing else."""
    contributions: list[Contribution] = []
    not_counted: list[OmissionOutcome] = []
    for held in transaction.contributions:
        terms = working.catalogue.terms(held.tiered_campaign, held.occurrence)
        if terms is None:
            contributions.append(held)
            continue
        counted = count(terms, held)
        if isinstance(counted, OmissionOutcome):
            not_counted.append(counted)
        else:
            contributions.append(counted)
            not_counted += unpriced(terms, held.occurrence, seen)
    counted_again = FactCount(Memberships(), tuple(contributions), tuple(not_counted))
    fact = Fact(FactKind.TRANSACTION, transaction.purchase.id)
    return _settle(working, seen.member.id, fact, transaction.contributions, counted_again)


def _confirm(working: Working, transaction: Transaction, seen: FactContext, at: datetime) -> Settlement:
    def count(terms: TieredTerms, held: Contribution) -> Contribution | OmissionOutcome:
        return _measured(terms, held.occurrence, seen, at, confirmed=True)

    return _recount(working, transaction, seen, count)


def _lower(working: Working, transaction: Transaction, seen: FactContext, before: FactContext) -> Settlement:
    """Down to what a refund leaves of it."""

    def count(terms: TieredTerms, held: Contribution) -> Contribution | OmissionOutcome:
        filtered = filtered_out(terms, held.occurrence, seen, before)
        return filtered or measure(terms, held.occurrence, seen, confirmed=held.confirmed)

    return _recount(working, transaction, seen, count)


def _withdraw(working: Working, transaction: Transaction) -> Settlement:
    fact = Fact(FactKind.TRANSACTION, transaction.purchase.id)
    return _settle(working, transaction.purchase.member, fact, transaction.contributions, FactCount(Memberships()))


def recount(working: Working, campaign_id: UUID, occurrence: int, member_id: str, fact: Fact) -> bool:
    """Counts a fact of a standing again where edits have replaced the terms it was counted by; answers whether it did.

    A campaign that is paused keeps what it had. Nothing that did not count is counted now: no edit is a reason for it.
    """
    catalogue: Catalogue = working.catalogue
    if catalogue.recount_from(catalogue.tiered_campaigns[campaign_id]) is None:
        return False
    standing = STANDING.at(campaign_id, occurrence, member_id)
    stream = fact_stream(fact)
    working.prefetch([stream, standing, MEMBER.at(member_id)])
    known = working.state(stream)
    assert known is not None  # noqa: S101  a standing names facts there are
    current = _by_current_terms(working, stream, known)
    place_there = StandingPlace(occurrence, member_id, catalogue.terms_once_cut(campaign_id, occurrence), fenced=False)
    # facts that were taken back before the edit have left a standing by its old terms
    emptied = standings.contribute(working.state(standing), place_there, fact, None, None)
    for event in () if isinstance(emptied, OmissionReason) else emptied:
        working.record(standing, event)
    return current is not known


def _by_current_terms(working: Working, stream: Stream[Counting, Any], known: Counting) -> Counting:
    """The fact once it is counted by the terms that edits have given to occurrences ahead."""
    catalogue: Catalogue = working.catalogue
    for campaign_id, first in catalogue.outdated(known.contributions).items():
        ahead = [
            held for held in known.contributions if held.tiered_campaign == campaign_id and held.occurrence >= first
        ]
        others = tuple(held for held in known.contributions if held not in ahead)
        fact, seen = _fact_of(known), _seen(working, known)
        counted = _count_ahead(catalogue.terms_ahead(campaign_id, first), seen, known)
        settled = _settle(working, seen.member.id, fact, ahead, counted, catalogue.terms_once_cut)
        recounted = (Recounted if isinstance(known, Transaction) else EventRecounted)(
            fact.id,
            seen.member.id,
            campaign_id,
            catalogue.tiered_campaigns[campaign_id].revision.number,
            (*others, *settled.contributions),
            settled.outcomes,
            settled.memberships.held,
            settled.memberships.outside,
        )
        known = working.record(stream, recounted)
        _record_effects(working, settled)
    return known


def _fact_of(known: Transaction | MemberEvent) -> Fact:
    if isinstance(known, Transaction):
        return Fact(FactKind.TRANSACTION, known.purchase.id)
    return Fact(FactKind.EVENT, known.happening.id)


def _basis(working: Working, member_id: str) -> Basis:
    """What a fact of the member stands on that is first recorded now."""
    return Basis(working.version(MEMBER.at(member_id)), working.catalogue.position)


def _seen(working: Working, known: Transaction | MemberEvent) -> FactContext:
    """A fact as it is now, of the member as they were when it was first recorded."""
    if isinstance(known, Transaction):
        member = _member(working, known.purchase.member, known.basis)
        if not known.refunds:
            return FactContext(member, transaction=known.purchase)
        left = left_of(known)
        return FactContext(member, transaction=left.purchase, left=left)
    happening = known.happening
    return FactContext(_member(working, happening.member, known.basis), event=happening)


def _member(working: Working, member_id: str, basis: Basis | None) -> Member:
    """As they are, where a fact does not say what it stands on."""
    return member_at(working, member_id, basis.member_version if basis else None)


def _count_ahead(revisions: Iterable[TieredTerms], seen: FactContext, known: Transaction | MemberEvent) -> FactCount:
    """What a fact contributes by these terms; what is confirmed was so in time, as their occurrences lay ahead."""
    status = known.status if isinstance(known, Transaction) else Status.ACCEPTED
    memberships = Memberships(known.memberships, known.outside)
    if status not in (Status.PENDING, Status.ACCEPTED):
        return FactCount(memberships)
    found: list[Contribution | OmissionOutcome] = []
    for terms in revisions:
        number = place(terms, seen) if is_concerned(terms, seen) else None
        if isinstance(number, OmissionOutcome):
            found.append(number)
        elif number is not None:
            confirmed = status is Status.ACCEPTED
            counted = admit(terms, number, seen, memberships) or measure(terms, number, seen, confirmed=confirmed)
            found += (counted, *(unpriced(terms, number, seen) if isinstance(counted, Contribution) else ()))
    return FactCount(
        memberships,
        tuple(counted for counted in found if isinstance(counted, Contribution)),
        tuple(counted for counted in found if isinstance(counted, OmissionOutcome)),
    )


def _settle(
    working: Working,
    member_id: str,
    fact: Fact,
    before: Sequence[Contribution],
    counted: FactCount,
    terms_of: Callable[[UUID, int], TieredTerms | None] | None = None,
) -> Settlement:
    """Asks the standings what the fact's contributions being `before` and now `counted` does to them."""
    terms_of = terms_of or working.catalogue.terms
    changes = _changes(before, counted.contributions)
    if len(changes) > 1:
        working.prefetch([STANDING.at(campaign, occurrence, member_id) for campaign, occurrence, _, _ in changes])
    contributions: list[Contribution] = []
    outcomes: list[Outcome] = []
    refused: list[OmissionOutcome] = []
    effects: list[tuple[Stream[Any, Any], standings.Event]] = []
    for campaign, occurrence, stays, comes in changes:
        terms = terms_of(campaign, occurrence)
        if terms is None:
            if stays:
                contributions.append(stays)
            continue
        stream = STANDING.at(campaign, occurrence, member_id)
        fenced = working.catalogue.phase(campaign, occurrence) is not None
        settled = standings.contribute(
            working.state(stream), StandingPlace(occurrence, member_id, terms, fenced), fact, stays, comes
        )
        if isinstance(settled, OmissionReason):
            refused.append(OmissionOutcome(campaign, settled, occurrence))
            if stays:
                contributions.append(stays)
            continue
        if comes:
            contributions.append(comes)
        for event in settled:
            effects.append((stream, event))
            if outcome := _outcome(event):
                outcomes.append(outcome)
    return Settlement(
        tuple(contributions),
        (*outcomes, *_told(working.catalogue, refused, counted.not_counted)),
        counted.memberships,
        tuple(effects),
    )


def _told(
    catalogue: Catalogue, refused: Sequence[OmissionOutcome], not_counted: Sequence[OmissionOutcome]
) -> Sequence[OmissionOutcome]:
    """As many as a fact is told; what is told of completed campaigns comes last, and takes no room from the others."""
    if refused:
        over = [late for late in refused if late.tiered_campaign and catalogue.is_completed(late.tiered_campaign)]
        not_counted = (*(late for late in refused if late not in over), *not_counted, *over)
    return not_counted[:EXPLAINED]


def _changes(
    before: Sequence[Contribution], after: Sequence[Contribution]
) -> list[tuple[UUID, int, Contribution | None, Contribution | None]]:
    """By campaign and occurrence, what the fact contributed and what it does now."""
    if not before:
        return [(comes.tiered_campaign, comes.occurrence, None, comes) for comes in after]
    was = {(contribution.tiered_campaign, contribution.occurrence): contribution for contribution in before}
    becomes = {(contribution.tiered_campaign, contribution.occurrence): contribution for contribution in after}
    return [(*key, was.get(key), becomes.get(key)) for key in dict.fromkeys([*becomes, *was])]


def _outcome(event: standings.Event) -> Outcome | None:
    match event:
        case standings.Contributed():
            return ContributionOutcome(
                event.campaign, event.occurrence, event.amount, event.total, event.pending_points
            )
        case standings.Corrected():
            return CorrectionOutcome(event.campaign, event.occurrence, event.points, event.awarded_points)
        case standings.Awarded():
            return None


def _answer(working: Working, settled: Settlement, fact_id: str, member_id: str, status: str) -> FactEffects:
    _record_effects(working, settled)
    return FactEffects(fact_id, member_id, status, settled.outcomes)


def _record_effects(working: Working, settled: Settlement) -> None:
    for stream, event in settled.effects:
        working.record(stream, event)


def _unchanged(transaction: Transaction) -> FactEffects:
    return FactEffects(transaction.purchase.id, transaction.purchase.member, transaction.status, ())


def _check_type(catalogue: Catalogue, happening: Happening) -> None:
    event_type = catalogue.event_type(happening.type)
    if event_type is None:
        raise Invalid([Problem("/type", f"no event type `{happening.type}`", "unknown")])
    if not event_type.active:
        raise Conflict(f"the event type `{happening.type}` is not active", "event_type_inactive")
    if problems := attribute_problems(happening.attributes, event_type.attributes, "/attributes"):
        raise Invalid(problems)


def _transaction(working: Working, transaction_id: str) -> tuple[Stream[Any, Any], Transaction]:
    stream = TRANSACTION.at(transaction_id)
    transaction: Transaction | None = working.state(stream)
    if transaction is None:
        raise Unknown(f"no transaction `{transaction_id}`")
    return stream, _by_current_terms(working, stream, transaction)


def _allow_pending(transaction: Transaction, now: datetime) -> None:
    """One that is overdue to be accepted by itself counts as accepted, whether or not that has been recorded yet."""
    overdue = transactions.is_overdue(transaction, now)
    _allow(replace(transaction, status=Status.ACCEPTED) if overdue else transaction, Status.PENDING)


def _allow(transaction: Transaction, *allowed: Status) -> None:
    if refusal := transactions.refuse_unless(transaction, *allowed):
        names = " or ".join(refusal.allowed)
        raise Conflict(f"the transaction is {refusal.status}; it must be {names}", "wrong_status")
