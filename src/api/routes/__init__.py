"""The routes of `/v1`, beside the clock's: each room has those of one noun, and they are listed here."""

from litestar.handlers import HTTPRouteHandler

from api.routes.achievements.commands import ACHIEVEMENT_COMMANDS
from api.routes.achievements.reads import ACHIEVEMENT_READS
from api.routes.campaigns.commands import CAMPAIGN_COMMANDS
from api.routes.campaigns.reads import CAMPAIGN_READS
from api.routes.catalogue.commands import CATALOGUE_COMMANDS
from api.routes.catalogue.coupons import COUPON_COMMANDS
from api.routes.catalogue.reads import CATALOGUE_READS
from api.routes.decisions.commands import DECISION_COMMANDS
from api.routes.decisions.reads import DECISION_READS
from api.routes.expressions import EXPRESSION_COMMANDS
from api.routes.facts.batch import BATCH_COMMANDS
from api.routes.facts.commands import FACT_COMMANDS
from api.routes.facts.reads import FACT_READS
from api.routes.imports import IMPORT_ROUTES
from api.routes.members.commands import MEMBER_COMMANDS
from api.routes.members.reads import MEMBER_READS
from api.routes.rewards.reads import REWARD_READS
from api.routes.service.feed import FEED_ROUTES
from api.routes.service.jobs import JOB_READS
from api.routes.service.projections import PROJECTION_ROUTES
from api.routes.simulations import SIMULATION_COMMANDS
from api.routes.tiered.commands import TIERED_CAMPAIGN_COMMANDS
from api.routes.tiered.reads import TIERED_CAMPAIGN_READS

ROUTES: tuple[HTTPRouteHandler, ...] = (
    *FACT_COMMANDS,
    *BATCH_COMMANDS,
    *MEMBER_COMMANDS,
    *CATALOGUE_COMMANDS,
    *COUPON_COMMANDS,
    *TIERED_CAMPAIGN_COMMANDS,
    *ACHIEVEMENT_COMMANDS,
    *CAMPAIGN_COMMANDS,
    *DECISION_COMMANDS,
    *EXPRESSION_COMMANDS,
    *SIMULATION_COMMANDS,
    *IMPORT_ROUTES,
    *CATALOGUE_READS,
    *MEMBER_READS,
    *ACHIEVEMENT_READS,
    *CAMPAIGN_READS,
    *REWARD_READS,
    *FACT_READS,
    *TIERED_CAMPAIGN_READS,
    *DECISION_READS,
    *JOB_READS,
    *PROJECTION_ROUTES,
    *FEED_ROUTES,
)
