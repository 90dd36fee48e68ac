"""Decisions, and why they were made."""

from typing import Any
from uuid import UUID

from litestar.params import FromPath

from api.problems import bad_parameter
from api.request import Request
from api.routes.reads.asking import AS_OF, asking, read_as_of, there
from api.routing import READERS, Page, read
from projections.queries import decisions
from projections.queries.decisions import DECISIONS, DecisionRow, DecisionsAsked

DECISION_PARAMETERS: dict[str, Any] = {"as_of": AS_OF}


@read("/decisions", roles=READERS, listing=DECISIONS, parameters=DECISION_PARAMETERS, projections=("decisions",))
async def list_decisions(request: Request) -> Page[DecisionRow]:
    """Everything that was decided, newest first; the facts behind a decision are shown with it alone.

    `member` is whose completion it was, `receiver` who received something by it, `fact` what triggered it.
    """
    asked = decisions_asked(request)
    async with asking(request) as connection:
        found, following = await decisions.decisions_page(connection, asked)
    return Page(found, following, request.position)


@read("/decisions/{decision:uuid}", roles=READERS, projections=("decisions",))
async def get_decision(request: Request, decision: FromPath[UUID]) -> DecisionRow:
    """One decision, down to the facts that led to it."""
    async with asking(request) as connection:
        found = await decisions.decision(connection, request.program.reads.mapper, decision)
    return there(found, f"decision {decision}")


def decisions_asked(request: Request) -> DecisionsAsked:
    """What the query asks for."""
    query = request.exchange.query
    try:
        as_of = read_as_of(query["as_of"]) if "as_of" in query else None
    except ValueError as error:
        raise bad_parameter("as_of", str(error)) from None
    return DecisionsAsked(DECISIONS.read(query), as_of)


ROUTES = (list_decisions, get_decision)
