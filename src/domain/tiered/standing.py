"""A standing: one member's contributions, total and points in one occurrence of a tiered campaign."""

from decimal import Decimal
from typing import ClassVar, assert_never
from uuid import UUID

from msgspec import Struct

from domain.facts.fact import Fact
from domain.facts.outcomes import Contribution, OmissionReason
from domain.tiered.points import TierShare
from domain.tiered.terms import Late, TieredTerms, complete_sets
from domain.values.amounts import EXACT, ZERO, nothing_in


class Pieces(Struct, frozen=True, gc=False, array_like=True):
    """Pieces of one product collected for a combination: all of them, and the confirmed ones among them."""

    product: str
    total: Decimal
    confirmed: Decimal


class Contributed(Struct, frozen=True, gc=False, array_like=True):
    """A fact changed where the member stands: its contribution is now `amount`, and the rest is as it is after it.

    `total` and `confirmed` are the aggregate with and without pending facts; `pending_points` are what `total`
    earns (0 once the occurrence is evaluated), `confirmed_points` what `confirmed` earns. `late` facts came
    after the fence. All of it is by the terms of `revision`. `is_confirmed` says whether the fact is; events from
    before it was written do not.
    """

    tag: ClassVar[str] = "standing.contributed"
    campaign: UUID
    occurrence: int
    member: str
    fact: Fact
    amount: Decimal
    total: Decimal
    confirmed: Decimal
    pending_points: Decimal
    confirmed_points: Decimal
    pending_points_change: Decimal
    pieces: tuple[Pieces, ...] = ()
    late: bool = False
    revision: int = 1
    is_confirmed: bool | None = None


class Awarded(Struct, frozen=True, gc=False, array_like=True):
    """The evaluation turned pending points into `points`, with the breakdown that leads there from `aggregate`."""

    tag: ClassVar[str] = "standing.awarded"
    campaign: UUID
    occurrence: int
    member: str
    account: str
    revision: int
    aggregate: Decimal
    points: Decimal
    unrounded: Decimal
    lines: tuple[TierShare, ...]
    total: Decimal
    pending_points: Decimal


class Corrected(Struct, frozen=True, gc=False, array_like=True):
    """A late fact changed an award by `points`, up or down, to `awarded_points`; linked to occurrence and fact."""

    tag: ClassVar[str] = "standing.corrected"
    campaign: UUID
    occurrence: int
    member: str
    account: str
    revision: int
    fact: Fact
    aggregate: Decimal
    points: Decimal
    awarded_points: Decimal
    unrounded: Decimal
    lines: tuple[TierShare, ...]


Event = Contributed | Awarded | Corrected


class Standing(Struct, frozen=True, gc=False, array_like=True):
    """`awarded` is what the occurrence has paid, None until it is evaluated.

    The figures are sums of what was counted by the terms of `revision`, and of nothing else.
    """

    total: Decimal = ZERO
    confirmed: Decimal = ZERO
    pending_points: Decimal = ZERO
    confirmed_points: Decimal = ZERO
    pieces: tuple[Pieces, ...] = ()
    awarded: Decimal | None = None
    revision: int = 1


NOTHING = Standing()


def evolve(standing: Standing | None, event: Event) -> Standing:
    was = standing or NOTHING
    match event:
        case Contributed():
            return Standing(
                event.total,
                event.confirmed,
                event.pending_points,
                event.confirmed_points,
                event.pieces,
                ZERO if event.late and was.awarded is None else was.awarded,
                event.revision,
            )
        case Awarded():
            return _paid(was, event.points)
        case Corrected():
            return _paid(was, event.awarded_points)
        case _:
            assert_never(event)


def _paid(was: Standing, points: Decimal) -> Standing:
    return Standing(was.total, was.confirmed, ZERO, was.confirmed_points, was.pieces, points, was.revision)


def is_outdated(standing: Standing | None, terms: TieredTerms) -> bool:
    """Whether its figures are by terms that an edit has replaced, so that its facts are to be counted again."""
    return standing is not None and standing.revision != terms.revision


class StandingPlace(Struct, frozen=True, gc=False):
    """Whose standing it is, by which terms, and whether the occurrence's evaluation has begun."""

    occurrence: int
    member: str
    terms: TieredTerms
    fenced: bool


def contribute(
    standing: Standing | None, place: StandingPlace, fact: Fact, before: Contribution | None, after: Contribution | None
) -> list[Event] | OmissionReason:
    """What it does to a standing that a fact's contribution was `before` and is now `after` (None: nothing).

    Behind the fence the terms decide: late facts are refused, or correct the award. A standing that the running
    evaluation has not reached yet is awarded first, so that an award never depends on the order of chunks.
    One that is outdated begins anew: what was counted by other terms is in it once it has been counted again.
    """
    if before == after and not is_outdated(standing, place.terms):
        return []
    if not place.fenced:
        return [_contributed(standing or NOTHING, place, fact, before, after)]
    if place.terms.late is Late.IGNORE:
        return OmissionReason.OCCURRENCE_COMPLETED
    events: list[Event] = []
    if standing and standing.awarded is None:
        events.append(award(standing, place))
        standing = evolve(standing, events[0])
    contributed = _contributed(standing or NOTHING, place, fact, before, after)
    events.append(contributed)
    paid = (standing and standing.awarded) or ZERO
    if contributed.confirmed_points != paid:
        events.append(_corrected(place, fact, contributed, paid))
    return events


def award(standing: Standing, place: StandingPlace) -> Awarded:
    """The award of a standing as it is: what is confirmed, by the terms of its occurrence."""
    points = place.terms.breakdown(standing.confirmed)
    return Awarded(
        place.terms.campaign,
        place.occurrence,
        place.member,
        place.terms.account,
        place.terms.revision,
        standing.confirmed,
        points.total,
        points.unrounded,
        points.lines,
        standing.total,
        standing.pending_points,
    )


def _corrected(place: StandingPlace, fact: Fact, contributed: Contributed, paid: Decimal) -> Corrected:
    points = place.terms.breakdown(contributed.confirmed)
    return Corrected(
        place.terms.campaign,
        place.occurrence,
        place.member,
        place.terms.account,
        place.terms.revision,
        fact,
        contributed.confirmed,
        EXACT.subtract(points.total, paid),
        points.total,
        points.unrounded,
        points.lines,
    )


def _contributed(
    was: Standing, place: StandingPlace, fact: Fact, before: Contribution | None, after: Contribution | None
) -> Contributed:
    terms = place.terms
    pending_before = was.pending_points
    if was.revision != terms.revision:
        was = NOTHING
    if before and before.revision != terms.revision:
        before = None
    if terms.collects:
        pieces = _collected(was.pieces, before, after)
        total = complete_sets(terms.combination, {piece.product: piece.total for piece in pieces})
        confirmed = complete_sets(terms.combination, {piece.product: piece.confirmed for piece in pieces})
        amount = EXACT.subtract(total, was.total)
    else:
        pieces = ()
        total = _moved(was.total, before, after)
        confirmed = _moved(was.confirmed, _confirmed(before), _confirmed(after))
        amount = after.amount if after else ZERO
    confirmed_points = terms.points(confirmed)
    pending_points = confirmed_points if total == confirmed else terms.points(total)
    if place.fenced:
        pending_points = nothing_in(terms.table.decimals)
    return Contributed(
        terms.campaign,
        place.occurrence,
        place.member,
        fact,
        amount,
        total,
        confirmed,
        pending_points,
        confirmed_points,
        EXACT.subtract(pending_points, pending_before),
        pieces,
        place.fenced,
        terms.revision,
        after is not None and after.confirmed,
    )


def _confirmed(contribution: Contribution | None) -> Contribution | None:
    return contribution if contribution and contribution.confirmed else None


def _moved(total: Decimal, before: Contribution | None, after: Contribution | None) -> Decimal:
    if after:
        total = EXACT.add(total, after.amount)
    return EXACT.subtract(total, before.amount) if before else total


def _collected(
    pieces: tuple[Pieces, ...], before: Contribution | None, after: Contribution | None
) -> tuple[Pieces, ...]:
    counts = {piece.product: (piece.total, piece.confirmed) for piece in pieces}
    for contribution, sign in ((before, -1), (after, 1)):
        if contribution is None:
            continue
        for product, quantity in contribution.quantities:
            change = EXACT.multiply(quantity, Decimal(sign))
            total, confirmed = counts.get(product, (ZERO, ZERO))
            counts[product] = (
                EXACT.add(total, change),
                EXACT.add(confirmed, change) if contribution.confirmed else confirmed,
            )
    return tuple(Pieces(product, *count) for product, count in sorted(counts.items()))
