"""The routes of `/v1`, beside the clock's: each module has those of one subject, and they are listed here."""

from litestar.handlers import HTTPRouteHandler

ROUTES: tuple[HTTPRouteHandler, ...] = ()
