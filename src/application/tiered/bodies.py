"""What callers send about tiered campaigns, and what it becomes; bodies as in `application.bodies.base`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from msgspec import Meta, field, structs

from application.bodies.base import Codes, DurationText, Label, as_domain, keepable
from application.bodies.exact import (
    Amount,
    Body,
    Code,
    DefinitionId,
    Identifier,
    Instant,
    Name,
)
from domain.catalogue.entries import (
    MOST_REFERENCES,
)
from domain.facts.fact import FactKind
from domain.tiered.definition import MOST_OCCURRENCES, MOST_PARTS, Definition
from domain.tiered.points import MOST_TIERS, HitType
from domain.tiered.terms import CombinationScope, Confirmation, Late
from domain.values.amounts import Rounding
from domain.values.texts import MOST_LOCALES

Skus = Annotated[tuple[Identifier, ...], Meta(max_length=MOST_REFERENCES)]


class TierBody(Body, frozen=True, kw_only=True):
    """One row of a tier table; `to` is absent in the last row of an unlimited one."""

    start: Amount = field(name="from")
    to: Amount | None = None
    reward: Amount


class PartBody(Body, frozen=True):
    """Pieces of a product that one complete set takes."""

    product: Identifier
    quantity: Amount


class AggregateBody(Body, frozen=True):
    """Either `attribute`, or `combination` with its `scope`."""

    attribute: Label | None = None
    combination: Annotated[tuple[PartBody, ...], Meta(min_length=1, max_length=MOST_PARTS)] | None = None
    scope: CombinationScope = CombinationScope.OCCURRENCE


class AudienceBody(Body, frozen=True):
    """Whoever is in any of the segments or on any of the lists; both empty is everyone."""

    segments: Codes = ()
    lists: Codes = ()


class TieredCampaignBody(Body, frozen=True, kw_only=True):
    """A tiered campaign as a whole; a draft may lack what it takes to run.

    Durations are written `15 minutes`, `36 hours`, `30 days`, `2 weeks`, `1 month`. `time_zone` is the program's where
    it is not given. Where `preview_every` is shorter than a 1,000th of `duration`, the first multiple of it that is not
    holds; the newest 100 previews are kept.
    """

    depends: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType(
        {
            "starts_at": ("occurrences",),
            "duration": ("starts_at",),
            "occurrences": ("starts_at",),
            "grace_period": ("starts_at",),
            "time_zone": ("starts_at", "filter"),
            "entity": ("event_type", "aggregate", "date", "filter", "products"),
            "event_type": ("aggregate", "date", "filter"),
            "hit_type": ("aggregate",),
            "aggregate": ("hit_type", "products"),
            "unlimited": ("tiers",),
            "tiers": ("tiers",),
        }
    )

    name: Name
    translations: Annotated[dict[str, Name], Meta(max_length=MOST_LOCALES)] = field(default_factory=dict)
    starts_at: Instant | None = None
    duration: DurationText | None = None
    occurrences: Annotated[int, Meta(ge=1, le=MOST_OCCURRENCES)] | None = None
    preview_every: DurationText | None = None
    grace_period: DurationText = "0 days"
    audience: AudienceBody = AudienceBody()
    time_zone: Label | None = None
    entity: FactKind | None = None
    event_type: Code | None = None
    aggregate: AggregateBody | None = None
    date: Label | None = None
    hit_type: HitType | None = None
    bracketed: bool = False
    unlimited: bool = False
    tiers: Annotated[tuple[TierBody, ...], Meta(max_length=MOST_TIERS)] = ()
    products: Skus = ()
    filter: dict[str, Any] | None = None
    account: Code = "points"
    rounding: Rounding = Rounding.HALF_UP
    confirmation: Confirmation = Confirmation.EVALUATION
    late: Late = Late.IGNORE

    def definition(self) -> Definition:
        return structs.replace(as_domain(self, Definition), filter=keepable(self.filter))


class NewTieredCampaignBody(TieredCampaignBody, frozen=True, kw_only=True):
    """A new tiered campaign; it is given an id where the caller gives none."""

    id: DefinitionId | None = None
