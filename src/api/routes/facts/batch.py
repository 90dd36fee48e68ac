"""Batches: many facts at once, in order, each by itself."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, NamedTuple, cast

import msgspec
from litestar.params import JSONBody
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from api.http.commands import submit
from api.http.metrics import observe_failure
from api.http.positions import write_position
from api.http.prefer import awards_of
from api.http.problems import ProblemDetails, ProblemError, problem_of
from api.http.request import Request
from api.http.routing import RECORDERS, command
from api.routes.facts import shapes
from api.routes.facts.shapes import FactAnswer
from application.bodies.exact import Body, Identifier, Malformed, Misread, decode
from application.bodies.remainder import remainder_of
from application.facts.bodies import EventBody, Fact, FactBody, TransactionBody
from application.facts.commands import FactCommand, FactReceipt, command_of
from application.facts.ingest import Rules
from application.log.working import Command
from application.service.idempotency import KeptAnswer, RequestKey, once
from domain.facts.fact import Fact as Recorded
from domain.facts.fact import FactKind
from domain.service.request import Answered
from domain.values.problems import Invalid
from projections.decisions.decision import DecisionRow
from projections.decisions.queries import FactChange

MOST_FACTS = 1000

_OF_TRANSACTION = {
    "type": "object",
    "properties": {"id": msgspec.json.schema(Identifier)},
    "required": ["id"],
}
_FACT = {
    "type": "object",
    "description": "Exactly one of these. What changes a transaction names its `id`, beside what its own path takes.",
    "properties": {
        "transaction": {"$ref": "#/components/schemas/TransactionBody"},
        "event": {"$ref": "#/components/schemas/EventBody"},
        "accept": _OF_TRANSACTION,
        "reject": _OF_TRANSACTION,
        "update": _OF_TRANSACTION,
        "refund": _OF_TRANSACTION,
    },
    "minProperties": 1,
    "maxProperties": 1,
}

RawFact = Annotated[Raw, Meta(extra_json_schema=_FACT)]
"""Read one by one, so that a bad one does not hold up the others."""


class BatchBody(Body, frozen=True):
    """Facts to record in order."""

    facts: Annotated[list[RawFact], Meta(max_length=MOST_FACTS)]


class FactResult(Struct, frozen=True, gc=False, omit_defaults=True):
    """What its own path would have answered: a `status` with an `answer` or, from 400 on, a `problem`.

    A problem's pointers lead into the batch.
    """

    status: int
    answer: FactAnswer | UnsetType = UNSET
    problem: ProblemDetails | UnsetType = UNSET


class BatchAnswer(Struct, frozen=True, gc=False):
    """A result for each fact, in order; `position` is the latest of theirs.

    `awards`, asked for with `Prefer`, is what campaigns decided for them (the first 1,000); null when not in time.
    """

    position: str
    results: list[FactResult]
    awards: list[DecisionRow] | UnsetType | None = UNSET


_UNIQUE = (TransactionBody, EventBody)


class _BatchFact(NamedTuple):
    """A fact that could be read, and what it asks for; `at` is its pointer."""

    at: str
    fact: Fact
    decide: FactCommand

    @property
    def unique(self) -> bool:
        """Whether its own id tells when it comes again."""
        return isinstance(self.fact, _UNIQUE)

    def about(self) -> Recorded:
        kind = FactKind.EVENT if isinstance(self.fact, EventBody) else FactKind.TRANSACTION
        return Recorded(kind, self.fact.id)

    def command(self, key: RequestKey | None) -> Command:
        if self.unique:
            return self.decide
        return once(key, 200, lambda working: shapes.fact(self.decide(working)))


@command("POST", "/batch", roles=RECORDERS, statuses=(200,), headers=("Idempotency-Key", "Prefer"))
async def post_batch(request: Request, data: JSONBody[BatchBody]) -> BatchAnswer:
    """Record up to 1,000 facts in order; each is answered by itself, and a bad one does not hold up the others.

    Transactions and events are unique by their ids. With an idempotency key the other facts, too, are carried out once.
    """
    entries = await _read_all(request, data)
    read = [entry for entry in entries if isinstance(entry, _BatchFact)]
    keys = await _keys(request, len(read))
    taken = await request.program.commands.facts.take_many(
        [entry.fact for entry in read],
        [entry.command(key) for entry, key in zip(read, keys, strict=True)],
        request.principal.id,
    )
    taken = await _with_first_positions(request, taken)
    outcomes = iter(taken)
    results = [
        refused(request, entry) if isinstance(entry, Exception) else _result(request, entry, next(outcomes))
        for entry in entries
    ]
    reached = request.services.positions.reached()
    latest = max((outcome.position for outcome in taken if isinstance(outcome, FactReceipt)), default=reached)
    changes = [
        FactChange(entry.about(), outcome.position)
        for entry, outcome in zip(read, taken, strict=True)
        if isinstance(outcome, FactReceipt)
    ]
    return BatchAnswer(request.committed(latest), results, await awards_of(request, changes))


async def _read_all(request: Request, data: BatchBody) -> list[_BatchFact | Exception]:
    rules = request.program.commands.facts.rules
    entries: list[_BatchFact | Exception] = []
    for number, raw in enumerate(data.facts):
        entries.append(_read(bytes(raw), f"/facts/{number}", rules))
        if isinstance(entries[-1], Exception):
            # finding all its faults took a while: others have a turn
            await asyncio.sleep(0)
    return entries


def _read(raw: bytes, at: str, rules: Rules) -> _BatchFact | Exception:
    try:
        name, fact = decode(FactBody, raw).fact()
        at = f"{at}/{name}"
        return _BatchFact(at, fact, command_of(fact, rules))
    except Misread as misread:
        return _read_rest(misread, at, rules) or under(at, misread)
    except Invalid as invalid:
        return under(at, invalid)
    except Malformed as malformed:
        return under(at, Invalid([malformed.problem()]))
    except Exception as error:  # noqa: BLE001  one fact's, whatever it is
        return error


def _read_rest(misread: Misread[FactBody], at: str, rules: Rules) -> _BatchFact | Invalid | None:
    """A fact of which a part could be read, to be refused for all that is wrong with it."""
    remainder = remainder_of(misread)
    if remainder is None:
        return None
    within = ""
    try:
        name, fact = remainder.body.fact()
        within = f"/{name}"
        return _BatchFact(at, fact, remainder.judging(command_of(fact, rules), within))
    except Invalid as invalid:
        return under(at, remainder.refusal(invalid, within))


async def _keys(request: Request, count: int) -> Sequence[RequestKey | None]:
    """A key for each fact, where the batch has one; Conflict when another batch had it.

    The batch's own key is taken first, alone: behind it, all that comes with this key is this batch.
    """
    given = await request.idempotency_key()
    if given is None:
        return [None] * count
    caller = request.principal.id
    whole = RequestKey(caller, given.key, given.digest)
    await submit(request, once(whole, 200, lambda _: BatchAnswer("", [])))
    return [RequestKey(caller, given.key, given.digest, number) for number in range(count)]


async def _with_first_positions(
    request: Request, taken: Sequence[FactReceipt | Exception]
) -> list[FactReceipt | Exception]:
    """What an earlier request was answered comes with the position it was answered with."""
    streams = [kept.first.id for outcome in taken if (kept := _kept(outcome)) and kept.first]
    if not streams:
        return list(taken)
    firsts = await request.program.commands.answers.find(streams, [Answered])
    positions = {first.stream: first.position for first in firsts}
    return [
        FactReceipt(positions[kept.first.id], kept, repeated=True)
        if (kept := _kept(outcome)) and kept.first
        else outcome
        for outcome in taken
    ]


def _kept(outcome: FactReceipt | Exception) -> KeptAnswer | None:
    return outcome.answer if isinstance(outcome, FactReceipt) and isinstance(outcome.answer, KeptAnswer) else None


def _result(request: Request, entry: _BatchFact, outcome: FactReceipt | Exception) -> FactResult:
    if isinstance(outcome, Invalid):
        return refused(request, under(entry.at, outcome))
    if isinstance(outcome, Exception):
        return refused(request, outcome)
    position = write_position(outcome.position)
    if kept := _kept(outcome):
        return FactResult(kept.status, answer=cast(FactAnswer, Raw(kept.at(position))))
    is_new = entry.unique and not outcome.repeated
    return FactResult(201 if is_new else 200, answer=shapes.fact(outcome.answer, position))


def refused(request: Request, error: Exception) -> FactResult:
    """The problem that a fact is answered with."""
    problem = problem_of(error)
    if problem is None:
        exchange = request.exchange
        observe_failure(request.scope, exchange, error)
        detail = "This was not expected. The service's log says more under the request's id."
        problem = ProblemError("internal", detail, instance=f"urn:uuid:{exchange.request_id}")
    return FactResult(problem.type.status, problem=problem.details())


def under(at: str, invalid: Invalid) -> Invalid:
    """Seen from the body that holds what is at fault."""
    return Invalid([problem.under(at) for problem in invalid.problems])


BATCH_COMMANDS = (post_batch,)
