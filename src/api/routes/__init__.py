"""The routes of `/v1`, beside the clock's: each module has those of one subject, and they are listed here."""

from litestar.handlers import HTTPRouteHandler

from api.routes.achievements import ACHIEVEMENT_COMMANDS
from api.routes.batch import BATCH_COMMANDS
from api.routes.campaigns import CAMPAIGN_COMMANDS
from api.routes.catalogue import CATALOGUE_COMMANDS
from api.routes.coupons import COUPON_COMMANDS
from api.routes.decisions import DECISION_COMMANDS
from api.routes.expressions import EXPRESSION_COMMANDS
from api.routes.facts import FACT_COMMANDS
from api.routes.imports import IMPORT_ROUTES
from api.routes.members import MEMBER_COMMANDS
from api.routes.reads import READ_ROUTES
from api.routes.simulations import SIMULATION_COMMANDS
from api.routes.tiered_campaigns import TIERED_CAMPAIGN_COMMANDS

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
    *READ_ROUTES,
)
