"""What the service answers about tiered campaigns: commands and reads show them alike."""

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct, field

from api.routes.warnings import WarningView, warnings_shown
from domain.facts.fact import FactKind
from domain.tiered.campaign import Status
from domain.tiered.definition import Aggregate, missing
from domain.tiered.points import HitType, Tier
from domain.tiered.preview import Preview
from domain.tiered.preview import Status as PreviewStatus
from domain.tiered.terms import CombinationScope, Confirmation, Late
from domain.tiered.warnings import tiered_warnings
from domain.values.amounts import Rounding, written, written_if
from projections.listing.page import Figure
from projections.tiered.campaigns.queries import TieredCampaignRow


class TierView(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One row; `to` is absent in the last row of an unlimited table."""

    start: Figure = field(name="from")
    to: Figure | None = None
    reward: Figure


class PartView(Struct, frozen=True, gc=False):
    """Pieces of a product that one complete set takes."""

    product: str
    quantity: Figure


class AggregateView(Struct, frozen=True, gc=False, omit_defaults=True):
    """Either `attribute`, or `combination` with its `scope`."""

    attribute: str | None = None
    combination: list[PartView] | None = None
    scope: CombinationScope | None = None


class AudienceView(Struct, frozen=True, gc=False):
    """Whoever is in any of the segments or on any of the lists; both empty is everyone."""

    segments: tuple[str, ...]
    lists: tuple[str, ...]


class TieredCampaignAnswer(Struct, frozen=True, gc=False, kw_only=True):
    """A tiered campaign: what was filled in, and where it is in its life.

    `version` is that of its ETag. `missing` are the fields a draft still lacks. `next_evaluation_at` is that of the
    first occurrence whose evaluation has not begun, and may be past while the campaign is inactive;
    `occurrences_remaining` counts the occurrences that have not ended. `warnings` are computed from what was filled in.
    """

    position: str
    id: UUID
    version: int
    revision: int
    status: Status
    missing: tuple[str, ...]
    warnings: list[WarningView]
    current_occurrence_ends_at: datetime | None
    ends_at: datetime | None
    next_evaluation_at: datetime | None
    recurring: bool
    occurrences_remaining: int
    name: str
    translations: dict[str, str]
    starts_at: datetime | None
    duration: str | None
    occurrences: int | None
    preview_every: str | None
    grace_period: str
    audience: AudienceView
    time_zone: str | None
    entity: FactKind | None
    event_type: str | None
    aggregate: AggregateView | None
    date: str | None
    hit_type: HitType | None
    bracketed: bool
    unlimited: bool
    tiers: list[TierView]
    products: tuple[str, ...]
    filter: dict[str, Any] | None
    account: str
    rounding: Rounding
    confirmation: Confirmation
    late: Late


def tiered_campaign(shown: TieredCampaignRow, position: str = "") -> TieredCampaignAnswer:
    definition = shown.definition
    return TieredCampaignAnswer(
        position=position,
        id=shown.id,
        version=shown.version,
        revision=shown.revision,
        status=shown.status,
        missing=missing(definition),
        warnings=warnings_shown(tiered_warnings(definition)),
        current_occurrence_ends_at=shown.current_occurrence_ends_at,
        ends_at=shown.ends_at,
        next_evaluation_at=shown.next_evaluation_at,
        recurring=(definition.occurrences or 1) > 1,
        occurrences_remaining=shown.occurrences_remaining,
        name=definition.name,
        translations=definition.translations,
        starts_at=definition.starts_at,
        duration=definition.duration,
        occurrences=definition.occurrences,
        preview_every=definition.preview_every,
        grace_period=definition.grace_period,
        audience=AudienceView(definition.audience.segments, definition.audience.lists),
        time_zone=definition.time_zone,
        entity=definition.entity,
        event_type=definition.event_type,
        aggregate=_aggregate(definition.aggregate),
        date=definition.date,
        hit_type=definition.hit_type,
        bracketed=definition.bracketed,
        unlimited=definition.unlimited,
        tiers=[_tier(tier) for tier in definition.tiers],
        products=definition.products,
        filter=definition.filter,
        account=definition.account,
        rounding=definition.rounding,
        confirmation=definition.confirmation,
        late=definition.late,
    )


def _aggregate(aggregate: Aggregate | None) -> AggregateView | None:
    if aggregate is None:
        return None
    if aggregate.combination is None:
        return AggregateView(aggregate.attribute)
    parts = [PartView(part.product, written(part.quantity)) for part in aggregate.combination]
    return AggregateView(aggregate.attribute, parts, aggregate.scope)


def _tier(tier: Tier) -> TierView:
    return TierView(start=written(tier.start), to=written_if(tier.to), reward=written(tier.reward))


class PreviewAnswer(Struct, frozen=True, gc=False):
    """A preview that has been asked for: what it will calculate is frozen, and the calculation runs."""

    position: str
    id: UUID
    tiered_campaign: UUID
    status: PreviewStatus
    occurrences: tuple[int, ...]


def preview(shown: Preview, position: str = "") -> PreviewAnswer:
    return PreviewAnswer(position, shown.id, shown.campaign, shown.status, shown.occurrences)


class IconAnswer(Struct, frozen=True, gc=False):
    """The media type that an icon was recognized as."""

    position: str
    media_type: str
