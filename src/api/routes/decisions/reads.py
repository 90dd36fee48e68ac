"""Decisions, and why they were made."""

from typing import Any
from uuid import UUID

from litestar.params import FromPath

from api.http.reads import AS_OF, asked_as_of, asking, there
from api.http.request import Request
from api.http.routing import READERS, AnswerPage, read
from projections.decisions import queries as decisions
from projections.decisions.decision import DecisionRow
from projections.decisions.queries import DECISIONS, DecisionQuery

DECISION_PARAMETERS: dict[str, Any] = {"as_of": AS_OF}


@read("/decisions", roles=READERS, listing=DECISIONS, parameters=DECISION_PARAMETERS, projections=("decisions",))
async def list_decisions(request: Request) -> AnswerPage[DecisionRow]:
    """Everything that was decided, newest first; the facts behind a decision are shown with it alone.

    `member` is whose completion it was, `receiver` who received something by it, `fact` what triggered it.
    """
    asked = await decisions_asked(request)
    async with asking(request) as connection:
        found, following = await decisions.decisions_page(connection, asked)
    return AnswerPage(found, following, request.position)


@read("/decisions/{decision:uuid}", roles=READERS, projections=("decisions",))
async def get_decision(request: Request, decision: FromPath[UUID]) -> DecisionRow:
    """One decision, down to the facts that led to it."""
    async with asking(request) as connection:
        found = await decisions.decision(connection, request.program.reads.mapper, decision)
    return there(found, f"decision {decision}")


async def decisions_asked(request: Request) -> DecisionQuery:
    """What the query asks for."""
    selection = DECISIONS.read(request.exchange.query)
    return DecisionQuery(selection, await asked_as_of(request))


DECISION_READS = (list_decisions, get_decision)
