"""`Prefer: wait=N` (RFC 7240): the answer to facts waits for what campaigns decide for them, and shows it.

A `wait` that does not say how many seconds is as long as can be.
"""

import re
from collections.abc import Sequence
from time import monotonic
from typing import Any

import msgspec
from litestar import Response
from msgspec import UNSET, UnsetType

from api.http.request import Request
from projections.decisions.decision import DecisionRow
from projections.decisions.queries import FactChange, decisions_caused

LONGEST_WAIT_SECONDS = 10

Awards = list[DecisionRow] | UnsetType | None
"""Unset where they were not asked for; None when they were not there in time."""

_WAIT = re.compile(r'(?:^|,)\s*wait\s*(?:=\s*"?([0-9]{1,9})"?\s*)?(?=$|[,;])', re.ASCII | re.IGNORECASE)

_encode = msgspec.json.Encoder().encode


async def awards_of(request: Request, changes: Sequence[FactChange]) -> Awards:
    """What campaigns decided for changes of facts. Preferences that make no sense are ignored, as that
    standard wants it.
    """
    asked = _WAIT.search(request.header(b"prefer") or "")
    if asked is None:
        return UNSET
    seconds = min(int(asked[1] or LONGEST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)
    request.exchange.headers.append((b"preference-applied", b"wait=%d" % seconds))
    return await _decided(request, changes, monotonic() + seconds)


async def _decided(request: Request, changes: Sequence[FactChange], until: float) -> list[DecisionRow] | None:
    position = max((change.position for change in changes), default=0)
    services = request.services
    covered = await services.awarding.covered(position, until - monotonic())
    if covered is None or not await services.positions.wait_for(covered, max(0.0, until - monotonic()), "decisions"):
        return None
    async with request.program.reads.pool.connection() as connection:
        return await decisions_caused(connection, changes)


def with_awards(answer: Response[Any], awards: Awards) -> Response[Any]:
    """An answer in JSON, with its awards where they were asked for."""
    if awards is not UNSET:
        answer.content = answer.content[:-1] + b',"awards":' + _encode(awards) + b"}"
    return answer
