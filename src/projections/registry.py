"""All projections; the name of each is permanent."""

from projections import (
    achievements,
    campaigns,
    catalogue,
    decisions,
    facts,
    members,
    rewards,
    standings,
    tiered_campaigns,
)
from projections.projection import Projection

PROJECTIONS: tuple[Projection, ...] = (
    members.PROJECTION,
    facts.PROJECTION,
    standings.PROJECTION,
    tiered_campaigns.PROJECTION,
    decisions.PROJECTION,
    catalogue.PROJECTION,
    rewards.PROJECTION,
    achievements.PROJECTION,
    campaigns.PROJECTION,
)
