"""Campaigns in the feed: what their decisions gave, refused and took back."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from application.log.events import Recorded
from domain.campaigns import participation
from domain.campaigns.definition import EffectKind, Recipient
from domain.values.amounts import written_if, written_units
from projections.feed.base import FactReference, FeedEventBase, Shapes, decision_of, reference
from projections.listing.page import Figure, Units


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


class DecisionGrant(FeedEventBase, frozen=True, gc=False, tag="decision.granted"):
    """A campaign gave something."""

    data: GrantData


class DecisionRefusal(FeedEventBase, frozen=True, gc=False, tag="decision.refused"):
    """A campaign gave nothing."""

    data: RefusalData


class DecisionCancellation(FeedEventBase, frozen=True, gc=False, tag="decision.cancelled"):
    """What a campaign gave was taken back."""

    data: CancellationData


def _grant(recorded: Recorded) -> GrantData:
    event: participation.Granted = recorded.event
    effects = participation.effects_in(event.rules)
    return GrantData(decision_of(recorded), *_decided(event), _gifts(effects))


def _refusal(recorded: Recorded) -> RefusalData:
    event: participation.Refused = recorded.event
    return RefusalData(decision_of(recorded), *_decided(event), list(dict.fromkeys(why.code for why in event.reasons)))


def _decided(
    event: participation.Granted | participation.Refused,
) -> tuple[UUID, int, str, UUID, FactReference | None]:
    fact = reference(event.trigger.fact) if event.trigger.fact else None
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
            written_if(effect.value),
            effect.valid_until,
        )
        for effect in effects
        if effect.reason is None and effect.member is not None
    ]


SHAPES: Shapes = {
    participation.Granted.tag: (DecisionGrant, _grant),
    participation.Refused.tag: (DecisionRefusal, _refusal),
    participation.Cancelled.tag: (DecisionCancellation, _cancellation),
}
