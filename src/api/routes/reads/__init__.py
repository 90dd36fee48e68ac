"""The routes that read: collections and single things, their explanations, and the feed."""

from litestar.handlers import HTTPRouteHandler

from api.routes.reads import (
    achievements,
    campaigns,
    catalogue,
    decisions,
    facts,
    feed,
    jobs,
    members,
    projections,
    rewards,
    tiered_campaigns,
)

READ_ROUTES: tuple[HTTPRouteHandler, ...] = (
    *catalogue.ROUTES,
    *members.ROUTES,
    *achievements.ROUTES,
    *campaigns.ROUTES,
    *rewards.ROUTES,
    *facts.ROUTES,
    *tiered_campaigns.ROUTES,
    *decisions.ROUTES,
    *jobs.ROUTES,
    *projections.ROUTES,
    *feed.ROUTES,
)
