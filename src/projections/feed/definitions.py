"""Definitions and catalogue entries in the feed: that they changed, not what they say."""

from uuid import UUID

from msgspec import Struct

from application.log.events import Recorded
from domain.achievements import achievement
from domain.campaigns import campaign
from domain.catalogue import entries as catalogue
from domain.catalogue import product
from domain.tiered import campaign as tiered_campaign
from projections.feed.base import FeedEventBase, Shapes


class DefinitionData(Struct, frozen=True, gc=False):
    """A definition or catalogue entry changed; `revision` is given where it has new terms. Read it for what it says."""

    kind: str
    id: str
    change: str
    revision: int | None


class DefinitionChange(FeedEventBase, frozen=True, gc=False, tag="definition.changed"):
    """A definition or a catalogue entry was made or changed; told to roles that may read definitions."""

    data: DefinitionData


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


SHAPES: Shapes = {
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
}
