"""All projections; the name of each is permanent."""

from projections.achievements import rows as achievements
from projections.campaigns import rows as campaigns
from projections.catalogue import rows as catalogue
from projections.decisions import rows as decisions
from projections.engine.projection import Projection
from projections.facts import rows as facts
from projections.members import rows as members
from projections.rewards import rows as rewards
from projections.tiered.campaigns import rows as tiered_campaigns
from projections.tiered.standings import rows as standings

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
