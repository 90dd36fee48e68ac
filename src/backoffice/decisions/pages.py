"""The decision explorer: everything that was decided, and one decision down to the facts."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from psycopg import AsyncConnection

from backoffice.frame.names import NameView, deciding, names_of
from backoffice.frame.site import PageMissing, PageRequest, Site, asked, following, given
from backoffice.frame.totals import accounts
from projections.campaigns.queries import campaign
from projections.decisions.decision import DecisionRow
from projections.decisions.queries import DECISIONS, REASONS, DecisionQuery, decision, decisions_page
from projections.decisions.rows import DecisionKind, Outcome

PAGE_DECISIONS = "30"
MOST_FACTS_SHOWN = 100
"""The most facts of a cause that its page lists: the newest. The API has up to 1,000."""


def decision_routes(site: Site) -> list[HTTPRouteHandler]:
    services = site.services

    @get("/decisions")
    async def show_decisions(request: PageRequest) -> Response[str]:
        """What was decided, newest first."""
        selection = asked(request, DECISIONS, limit=PAGE_DECISIONS)
        async with services.pool.connection() as connection:
            rows, cursor = await decisions_page(connection, DecisionQuery(selection))
            names = await names_of(connection, mentioned(rows))
            choices = await _choices(connection, given(request).get("campaign"))
            known = await accounts(connection)
        return site.page(
            request,
            "decisions.html",
            rows=rows,
            names=names,
            accounts=known,
            choices=choices,
            kinds=list(DecisionKind),
            outcomes_there=list(Outcome),
            reasons=sorted(REASONS),
            following=following(request, cursor),
            given=given(request),
        )

    @get("/decisions/{decision_id:uuid}")
    async def show_decision(request: PageRequest, decision_id: FromPath[UUID]) -> Response[str]:
        """One decision, explained down to the facts."""
        now = services.clock.now()
        async with services.pool.connection() as connection:
            found = await decision(connection, services.mapper, decision_id)
            if found is None:
                raise PageMissing("There is no such decision.")
            names = await names_of(connection, mentioned([found]))
            known = await accounts(connection)
            of = await campaign(connection, services.mapper, found.campaign, now)
        return site.page(
            request,
            "decision.html",
            decision=found,
            names=names,
            accounts=known,
            campaign=of.campaign if of else None,
            most_facts=MOST_FACTS_SHOWN,
        )

    return [show_decisions, show_decision]


def mentioned(decisions: list[DecisionRow]) -> Iterator[UUID]:
    """The campaigns and achievements that decisions name."""
    for each in decisions:
        yield each.campaign
        if each.trigger.achievement:
            yield each.trigger.achievement


async def _choices(connection: AsyncConnection[Any], chosen: str | None) -> list[NameView]:
    """The campaigns to choose from, the `chosen` one (a UUID) among them."""
    choices = await deciding(connection)
    if chosen is None or UUID(chosen) in {choice.id for choice in choices}:
        return choices
    return [*(await names_of(connection, [UUID(chosen)])).values(), *choices]
