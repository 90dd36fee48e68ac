"""The feed's events: what happened, told to others in shapes of their own, which stay while the log's may grow.

Whoever tells others what happened tells it by `told` and by nothing else. What an integration may not read elsewhere is
in no shape of its types: neither a code that nobody has, nor what a definition says or a condition saw.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_args
from uuid import UUID

from msgspec import Struct

from application.log.events import Recorded
from application.service.keys import READERS, Role
from domain.achievements import achievement, progress
from domain.campaigns import campaign, participation
from domain.campaigns.definition import EffectKind, Recipient
from domain.catalogue import entries as catalogue
from domain.catalogue import product
from domain.facts import event as member_event
from domain.facts import transaction
from domain.facts.fact import Fact, FactKind
from domain.facts.purchase import Purchase
from domain.facts.transaction import Status
from domain.members import member
from domain.tiered import campaign as tiered_campaign
from domain.tiered import occurrence as tiered_occurrence
from domain.tiered import standing
from domain.values.amounts import written, written_units
from domain.values.attributes import Attributes
from projections.listing.page import Figure, Units


class FactReference(Struct, frozen=True, gc=False):
    """A fact by its kind and the caller's id."""

    kind: FactKind
    id: str


class ItemData(Struct, frozen=True, gc=False):
    """An item line as it was given."""

    product: str
    quantity: Figure
    price: Figure | None
    subtotal: Figure | None
    attributes: Attributes


class TransactionData(Struct, frozen=True, gc=False):
    """A transaction's figures as they were given."""

    id: str
    member: str
    status: Status
    purchased_at: datetime
    checkout_at: datetime | None
    auto_accept_at: datetime | None
    total: Figure
    currency: str | None
    items: list[ItemData]
    attributes: Attributes


class AcceptanceData(Struct, frozen=True, gc=False):
    """`accepted_at` is when it counts from; `by_itself` says that it was due, not sent."""

    id: str
    member: str
    accepted_at: datetime
    by_itself: bool


class RejectionData(Struct, frozen=True, gc=False):
    """A pending transaction that came to nothing."""

    id: str
    member: str
    reason: str | None


class ReturnData(Struct, frozen=True, gc=False):
    """Pieces that were taken back."""

    product: str
    quantity: Figure


class RefundData(Struct, frozen=True, gc=False):
    """One refund; `status` is the transaction's after it, `refund` the caller's id of it."""

    id: str
    member: str
    refund: str | None
    amount: Figure
    items: list[ReturnData]
    status: Status


class HappeningData(Struct, frozen=True, gc=False):
    """A custom event as it was given; `event_type` is its type's code."""

    id: str
    event_type: str
    member: str
    occurred_at: datetime
    date: datetime | None
    expires_at: datetime | None
    attributes: Attributes


class MemberData(Struct, frozen=True, gc=False):
    """A member who was registered."""

    member: str


class AttributesData(Struct, frozen=True, gc=False):
    """Tier and attributes as they are from now on."""

    member: str
    tier: str | None
    attributes: Attributes


class ReferrerData(Struct, frozen=True, gc=False):
    """Who referred a member."""

    member: str
    referrer: str


class ListData(Struct, frozen=True, gc=False):
    """A member, and the list that they are on now, or no more."""

    member: str
    list: str


class StandingData(Struct, frozen=True, gc=False):
    """Where a member stands in an occurrence of a tiered campaign, and the fact that moved it."""

    tiered_campaign: UUID
    occurrence: int
    member: str
    fact: FactReference
    total: Figure
    pending_points: Units


class AwardData(Struct, frozen=True, gc=False):
    """What the evaluation of an occurrence pays a member; `decision` is its id."""

    decision: UUID
    tiered_campaign: UUID
    occurrence: int
    member: str
    account: str
    points: Units


class CorrectionData(Struct, frozen=True, gc=False):
    """A late fact changed an award by `points`, up or down, to `awarded_points`; `decision` is the correction's id."""

    decision: UUID
    tiered_campaign: UUID
    occurrence: int
    member: str
    account: str
    fact: FactReference
    points: Units
    awarded_points: Units


class ProgressData(Struct, frozen=True, gc=False):
    """A fact moved a rule (from 1) of an achievement by `amount`, to `value` of `goal` in the fact's own period."""

    achievement: UUID
    member: str
    rule: int
    fact: FactReference
    amount: Figure
    value: Figure
    goal: Figure


class ReversalData(Struct, frozen=True, gc=False):
    """A fact was taken back, and `amount` of a rule's progress with it."""

    achievement: UUID
    member: str
    rule: int
    fact: FactReference
    amount: Figure


class CompletionData(Struct, frozen=True, gc=False):
    """A member completed an achievement for the `completions`-th time; `fact` is null where it was done by hand."""

    achievement: UUID
    member: str
    completions: int
    fact: FactReference | None
    occurred_at: datetime
    badge: str | None


class AdjustmentData(Struct, frozen=True, gc=False):
    """Progress was changed by hand; `completions` were `completions_before`."""

    achievement: UUID
    member: str
    reason: str
    completions_before: int
    completions: int


class Gift(Struct, frozen=True, gc=False, omit_defaults=True):
    """What was given, or is taken back: `units` on an `account`, or the coupon, reward or badge `given`.

    Of a coupon `code` is what `member`, who has it, got; it is worth `value` and good until `valid_until`.
    """

    kind: EffectKind
    to: Recipient
    member: str
    account: str | None = None
    units: Units | None = None
    given: str | None = None
    code: str | None = None
    value: Figure | None = None
    valid_until: datetime | None = None


class GrantData(Struct, frozen=True, gc=False):
    """A campaign's decision that gave something; `decision` is its id."""

    decision: UUID
    campaign: UUID
    revision: int
    member: str
    achievement: UUID
    fact: FactReference | None
    gifts: list[Gift]


class RefusalData(Struct, frozen=True, gc=False):
    """A campaign's decision that gave nothing, for all of these reasons."""

    decision: UUID
    campaign: UUID
    revision: int
    member: str
    achievement: UUID
    fact: FactReference | None
    reasons: list[participation.AwardReason]


class CancellationData(Struct, frozen=True, gc=False):
    """A grant was cancelled; `decision` is the cancellation's id, `cancelled` the grant's."""

    decision: UUID
    cancelled: UUID
    campaign: UUID
    member: str
    reason: str
    gifts: list[Gift]


class DefinitionData(Struct, frozen=True, gc=False):
    """A definition or catalogue entry changed; `revision` is given where it has new terms. Read it for what it says."""

    kind: str
    id: str
    change: str
    revision: int | None


class EvaluationData(Struct, frozen=True, gc=False):
    """The evaluation of an occurrence; `members` and `points` are what it came to, null when it has begun."""

    tiered_campaign: UUID
    occurrence: int
    members: int | None
    points: Units | None


class _Event(Struct, frozen=True, gc=False, tag_field="type"):
    position: str
    recorded_at: datetime


class TransactionReceipt(_Event, frozen=True, gc=False, tag="transaction.received"):
    """A transaction came, pending or accepted."""

    data: TransactionData


class TransactionUpdate(_Event, frozen=True, gc=False, tag="transaction.updated"):
    """A pending transaction has new figures."""

    data: TransactionData


class TransactionAcceptance(_Event, frozen=True, gc=False, tag="transaction.accepted"):
    """A pending transaction was accepted."""

    data: AcceptanceData


class TransactionRejection(_Event, frozen=True, gc=False, tag="transaction.rejected"):
    """A pending transaction was rejected."""

    data: RejectionData


class TransactionRefund(_Event, frozen=True, gc=False, tag="transaction.refunded"):
    """A transaction was refunded, in part or whole."""

    data: RefundData


class EventReceipt(_Event, frozen=True, gc=False, tag="event.received"):
    """A custom event came."""

    data: HappeningData


class MemberRegistration(_Event, frozen=True, gc=False, tag="member.registered"):
    """A member is known from now on."""

    data: MemberData


class MemberChange(_Event, frozen=True, gc=False, tag="member.changed"):
    """A member's tier or attributes changed."""

    data: AttributesData


class MemberReferral(_Event, frozen=True, gc=False, tag="member.referrer_set"):
    """A member has a referrer."""

    data: ReferrerData


class ListEntry(_Event, frozen=True, gc=False, tag="member.list_joined"):
    """A member came on a list."""

    data: ListData


class ListExit(_Event, frozen=True, gc=False, tag="member.list_left"):
    """A member was taken off a list."""

    data: ListData


class StandingChange(_Event, frozen=True, gc=False, tag="standing.changed"):
    """A fact changed a member's pending points."""

    data: StandingData


class PointsAward(_Event, frozen=True, gc=False, tag="points.awarded"):
    """Pending points became awarded points."""

    data: AwardData


class PointsCorrection(_Event, frozen=True, gc=False, tag="points.corrected"):
    """A late fact corrected an award."""

    data: CorrectionData


class ProgressAdvance(_Event, frozen=True, gc=False, tag="progress.advanced"):
    """A fact counted for an achievement."""

    data: ProgressData


class ProgressReversal(_Event, frozen=True, gc=False, tag="progress.reversed"):
    """A fact counts for an achievement no more, or for less."""

    data: ReversalData


class AchievementCompletion(_Event, frozen=True, gc=False, tag="achievement.completed"):
    """A member completed an achievement."""

    data: CompletionData


class ProgressAdjustment(_Event, frozen=True, gc=False, tag="progress.adjusted"):
    """A member's progress was changed by hand."""

    data: AdjustmentData


class DecisionGrant(_Event, frozen=True, gc=False, tag="decision.granted"):
    """A campaign gave something."""

    data: GrantData


class DecisionRefusal(_Event, frozen=True, gc=False, tag="decision.refused"):
    """A campaign gave nothing."""

    data: RefusalData


class DecisionCancellation(_Event, frozen=True, gc=False, tag="decision.cancelled"):
    """What a campaign gave was taken back."""

    data: CancellationData


class DefinitionChange(_Event, frozen=True, gc=False, tag="definition.changed"):
    """A definition or a catalogue entry was made or changed; told to roles that may read definitions."""

    data: DefinitionData


class EvaluationStart(_Event, frozen=True, gc=False, tag="evaluation.started"):
    """The evaluation of an occurrence began; told to roles that may read definitions."""

    data: EvaluationData


class EvaluationEnd(_Event, frozen=True, gc=False, tag="evaluation.finished"):
    """Everybody has been awarded; told to roles that may read definitions."""

    data: EvaluationData


FeedEvent = (
    TransactionReceipt
    | TransactionUpdate
    | TransactionAcceptance
    | TransactionRejection
    | TransactionRefund
    | EventReceipt
    | MemberRegistration
    | MemberChange
    | MemberReferral
    | ListEntry
    | ListExit
    | StandingChange
    | PointsAward
    | PointsCorrection
    | ProgressAdvance
    | ProgressReversal
    | AchievementCompletion
    | ProgressAdjustment
    | DecisionGrant
    | DecisionRefusal
    | DecisionCancellation
    | DefinitionChange
    | EvaluationStart
    | EvaluationEnd
)


def type_of(shape: Any) -> str:  # noqa: ANN401  a class of the union
    """Of events of a shape."""
    return str(shape.__struct_config__.tag)


_OF_DEFINITIONS = frozenset(map(type_of, (DefinitionChange, EvaluationStart, EvaluationEnd)))
TYPES = tuple(type_of(shape) for shape in get_args(FeedEvent))
"""The types of the feed's events."""


def types_for(role: Role) -> frozenset[str]:
    """The types that a role may be told of."""
    return frozenset(TYPES) if role in READERS else frozenset(TYPES) - _OF_DEFINITIONS


def told(recorded: Recorded) -> FeedEvent | None:
    """An event of the log as others are told of it; None where they are not."""
    known = _TOLD.get(recorded.tag.partition("@")[0])
    if known is None:
        return None
    shape, data = known
    at = recorded.envelope.recorded_at.astimezone(UTC)
    event: FeedEvent = shape(str(recorded.position), at, data(recorded))
    return event


def concerns(event: FeedEvent) -> frozenset[str]:
    """The members that an event is about: who acted, and who receives something by it."""
    data: Any = event.data
    named = {getattr(data, "member", None), *(gift.member for gift in getattr(data, "gifts", ()))}
    return frozenset(name for name in named if name is not None)


def _transaction(purchase: Purchase, status: Status) -> TransactionData:
    items = [
        ItemData(item.product, written(item.quantity), _if(item.price), _if(item.subtotal), item.attributes)
        for item in purchase.items
    ]
    return TransactionData(
        purchase.id,
        purchase.member,
        status,
        purchase.purchased_at,
        purchase.checkout_at,
        purchase.auto_accept_at,
        written(purchase.total),
        purchase.currency,
        items,
        purchase.attributes,
    )


def _received(recorded: Recorded) -> TransactionData:
    event: transaction.Received = recorded.event
    return _transaction(event.purchase, event.status)


def _updated(recorded: Recorded) -> TransactionData:
    event: transaction.Updated = recorded.event
    return _transaction(event.purchase, Status.PENDING)


def _accepted(recorded: Recorded) -> AcceptanceData:
    event: transaction.Accepted = recorded.event
    return AcceptanceData(event.id, event.member, event.confirmed_at, event.by_itself)


def _rejected(recorded: Recorded) -> RejectionData:
    event: transaction.Rejected = recorded.event
    return RejectionData(event.id, event.member, event.reason)


def _refunded(recorded: Recorded) -> RefundData:
    event: transaction.Refunded = recorded.event
    items = [ReturnData(item.product, written(item.quantity)) for item in event.items]
    return RefundData(event.id, event.member, event.refund, written(event.amount), items, event.status)


def _happening(recorded: Recorded) -> HappeningData:
    event: member_event.Received = recorded.event
    it = event.happening
    return HappeningData(it.id, it.type, it.member, it.occurred_at, it.date, it.expires_at, it.attributes)


def _registered(recorded: Recorded) -> MemberData:
    event: member.Registered = recorded.event
    return MemberData(event.member)


def _changed(recorded: Recorded) -> AttributesData:
    event: member.Changed = recorded.event
    return AttributesData(event.member, event.tier, event.attributes)


def _referrer(recorded: Recorded) -> ReferrerData:
    event: member.ReferrerSet = recorded.event
    return ReferrerData(event.member, event.referrer)


def _list(recorded: Recorded) -> ListData:
    event: member.ListJoined | member.ListLeft = recorded.event
    return ListData(event.member, event.list)


def _standing(recorded: Recorded) -> StandingData:
    event: standing.Contributed = recorded.event
    total, points = written(event.total), written_units(event.pending_points)
    return StandingData(event.campaign, event.occurrence, event.member, _named(event.fact), total, points)


def _award(recorded: Recorded) -> AwardData:
    event: standing.Awarded = recorded.event
    decision, points = _decision(recorded), written_units(event.points)
    return AwardData(decision, event.campaign, event.occurrence, event.member, event.account, points)


def _correction(recorded: Recorded) -> CorrectionData:
    event: standing.Corrected = recorded.event
    return CorrectionData(
        _decision(recorded),
        event.campaign,
        event.occurrence,
        event.member,
        event.account,
        _named(event.fact),
        written_units(event.points),
        written_units(event.awarded_points),
    )


def _advance(recorded: Recorded) -> ProgressData:
    event: progress.Advanced = recorded.event
    amounts = written(event.amount), written(event.reached), written(event.goal)
    return ProgressData(event.achievement, event.member, event.rule, _named(event.fact), *amounts)


def _reversal(recorded: Recorded) -> ReversalData:
    event: progress.Reversed = recorded.event
    return ReversalData(event.achievement, event.member, event.rule, _named(event.fact), written(event.amount))


def _completion(recorded: Recorded) -> CompletionData:
    event: progress.Completed = recorded.event
    fact = _named(event.fact) if event.fact else None
    return CompletionData(event.achievement, event.member, event.number, fact, event.occurred_at, event.badge)


def _adjustment(recorded: Recorded) -> AdjustmentData:
    event: progress.Adjusted = recorded.event
    return AdjustmentData(event.achievement, event.member, event.reason, event.before, event.completed)


def _grant(recorded: Recorded) -> GrantData:
    event: participation.Granted = recorded.event
    effects = participation.effects_in(event.rules)
    return GrantData(_decision(recorded), *_decided(event), _gifts(effects))


def _refusal(recorded: Recorded) -> RefusalData:
    event: participation.Refused = recorded.event
    return RefusalData(_decision(recorded), *_decided(event), list(dict.fromkeys(why.code for why in event.reasons)))


def _decided(
    event: participation.Granted | participation.Refused,
) -> tuple[UUID, int, str, UUID, FactReference | None]:
    fact = _named(event.trigger.fact) if event.trigger.fact else None
    return event.campaign, event.revision, event.member, event.trigger.achievement, fact


def _cancellation(recorded: Recorded) -> CancellationData:
    event: participation.Cancelled = recorded.event
    decision = participation.decision_id(recorded.stream, event.request or recorded.version)
    cancelled = participation.decision_id(recorded.stream, event.granted)
    return CancellationData(decision, cancelled, event.campaign, event.member, event.reason, _gifts(event.effects))


def _gifts(effects: Iterable[participation.EffectOutcome]) -> list[Gift]:
    """What was given: of an effect that gave nothing there is no more to tell than the decision's reasons."""
    return [
        Gift(
            effect.kind,
            effect.to,
            effect.member,
            effect.account,
            written_units(effect.units) if effect.kind is EffectKind.GIVE_UNITS else None,
            effect.given,
            effect.code,
            _if(effect.value),
            effect.valid_until,
        )
        for effect in effects
        if effect.reason is None and effect.member is not None
    ]


def _entry(recorded: Recorded) -> DefinitionData:
    event: catalogue.EntryPut = recorded.event
    return DefinitionData(catalogue.kind_of(type(event.entry)), event.entry.code, "put", None)


def _product(recorded: Recorded) -> DefinitionData:
    event: product.Put = recorded.event
    return DefinitionData("product", event.product.sku, "put", None)


def _tiered(recorded: Recorded) -> DefinitionData:
    return _definition("tiered_campaign", recorded.event.campaign, recorded)


def _tiered_revision(recorded: Recorded) -> DefinitionData:
    event: tiered_campaign.Revised = recorded.event
    return DefinitionData("tiered_campaign", str(event.campaign), "revised", event.revision.number)


def _achievement(recorded: Recorded) -> DefinitionData:
    return _definition("achievement", recorded.event.achievement, recorded)


def _campaign(recorded: Recorded) -> DefinitionData:
    return _definition("campaign", recorded.event.campaign, recorded)


def _definition(kind: str, key: UUID, recorded: Recorded) -> DefinitionData:
    change = recorded.event.tag.rpartition(".")[2]
    return DefinitionData(kind, str(key), change, getattr(recorded.event, "revision", None))


def _start(recorded: Recorded) -> EvaluationData:
    event: tiered_occurrence.EvaluationStarted = recorded.event
    return EvaluationData(event.campaign, event.occurrence, None, None)


def _end(recorded: Recorded) -> EvaluationData:
    event: tiered_occurrence.Evaluated = recorded.event
    return EvaluationData(event.campaign, event.occurrence, event.members, written_units(event.points))


def _decision(recorded: Recorded) -> UUID:
    return participation.decision_id(recorded.stream, recorded.version)


def _named(fact: Fact) -> FactReference:
    return FactReference(fact.kind, fact.id)


def _if(amount: Decimal | None) -> str | None:
    return None if amount is None else written(amount)


_TOLD: dict[str, tuple[Any, Callable[[Recorded], Any]]] = {
    transaction.Received.tag: (TransactionReceipt, _received),
    transaction.Updated.tag: (TransactionUpdate, _updated),
    transaction.Accepted.tag: (TransactionAcceptance, _accepted),
    transaction.Rejected.tag: (TransactionRejection, _rejected),
    transaction.Refunded.tag: (TransactionRefund, _refunded),
    member_event.Received.tag: (EventReceipt, _happening),
    member.Registered.tag: (MemberRegistration, _registered),
    member.Changed.tag: (MemberChange, _changed),
    member.ReferrerSet.tag: (MemberReferral, _referrer),
    member.ListJoined.tag: (ListEntry, _list),
    member.ListLeft.tag: (ListExit, _list),
    standing.Contributed.tag: (StandingChange, _standing),
    standing.Awarded.tag: (PointsAward, _award),
    standing.Corrected.tag: (PointsCorrection, _correction),
    progress.Advanced.tag: (ProgressAdvance, _advance),
    progress.Reversed.tag: (ProgressReversal, _reversal),
    progress.Completed.tag: (AchievementCompletion, _completion),
    progress.Adjusted.tag: (ProgressAdjustment, _adjustment),
    participation.Granted.tag: (DecisionGrant, _grant),
    participation.Refused.tag: (DecisionRefusal, _refusal),
    participation.Cancelled.tag: (DecisionCancellation, _cancellation),
    catalogue.EntryPut.tag: (DefinitionChange, _entry),
    product.Put.tag: (DefinitionChange, _product),
    tiered_campaign.Revised.tag: (DefinitionChange, _tiered_revision),
    tiered_campaign.Activated.tag: (DefinitionChange, _tiered),
    tiered_campaign.Deactivated.tag: (DefinitionChange, _tiered),
    tiered_campaign.Archived.tag: (DefinitionChange, _tiered),
    achievement.Defined.tag: (DefinitionChange, _achievement),
    achievement.Activated.tag: (DefinitionChange, _achievement),
    achievement.Deactivated.tag: (DefinitionChange, _achievement),
    achievement.Archived.tag: (DefinitionChange, _achievement),
    campaign.Defined.tag: (DefinitionChange, _campaign),
    campaign.Activated.tag: (DefinitionChange, _campaign),
    campaign.Paused.tag: (DefinitionChange, _campaign),
    campaign.Deleted.tag: (DefinitionChange, _campaign),
    tiered_occurrence.EvaluationStarted.tag: (EvaluationStart, _start),
    tiered_occurrence.Evaluated.tag: (EvaluationEnd, _end),
}
"""By the log's own tag. What is not here is told to nobody: stocks, codes, budgets, the policy, requests, recounts."""


def tags_of(types: Iterable[str]) -> frozenset[str]:
    """The log's tags of events of these types."""
    wanted = frozenset(types)
    return frozenset(tag for tag, (shape, _) in _TOLD.items() if type_of(shape) in wanted)
