"""The feed: what happened, in order, for integrations."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from litestar.handlers import HTTPRouteHandler
from msgspec import Struct, structs

from api.positions import read_position, write_position
from api.request import Request
from api.routes.reads.asking import asking
from api.routing import FACT_READERS, Page, Terms
from application.log.events import Recorded
from application.streams import REQUEST
from projections.listing import LARGEST_LIMIT, Column, Kind, Listing
from projections.queries.log import read_log

_FEED = Listing(
    name="feed", columns=(Column("position", Kind.INTEGER, sortable=True),), key="position", sort="position"
)

_PARAMETERS: dict[str, Any] = {
    "after": {"type": "string", "pattern": "^[0-9]{1,18}$", "description": "The last position that was read."},
    "limit": {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": 50},
}
_PROBLEMS = ("unauthenticated", "forbidden", "not-acceptable", "validation", "too-many-requests", "unavailable")
_TERMS = Terms(roles=FACT_READERS, reads=False, problems=_PROBLEMS, parameters=_PARAMETERS)
"""Not a read of the projections: `after` is where to go on from, and nothing is waited for."""

_INTERNAL = frozenset(event.tag for event in REQUEST.events)
"""How repeated requests are recognized: of no concern to anyone else."""


class FeedEvent(Struct, frozen=True, gc=False):
    """One event of the log: `type` is permanent, `stream` groups what happened to one thing, `data` is what it says."""

    position: str
    type: str
    recorded_at: datetime
    stream: UUID
    version: int
    data: dict[str, Any]


@HTTPRouteHandler("/feed", http_method="GET", opt={"terms": _TERMS})
async def read_feed(request: Request) -> Page[FeedEvent]:
    """What happened after a position, in order.

    `position` is how far this page has come: send it as the next `after`. `next` is the same while there may be more
    now, and null at the end of the log.
    """
    query = request.exchange.query
    limit = _FEED.read({name: query[name] for name in ("limit",) if name in query}).limit
    after = read_position(query.get("after", "0"))
    async with asking(request) as connection:
        events = await read_log(connection, request.program.reads.mapper, after, limit)
    last = events[-1].position if events else after
    request.exchange.position = last
    more = write_position(last) if len(events) == limit else None
    return Page([_shown(each) for each in events if _type(each) not in _INTERNAL], more, write_position(last))


def _type(recorded: Recorded) -> str:
    return recorded.tag.partition("@")[0]


def _shown(recorded: Recorded) -> FeedEvent:
    at = recorded.envelope.recorded_at
    return FeedEvent(
        write_position(recorded.position), _type(recorded), at, recorded.stream, recorded.version, plain(recorded.event)
    )


def plain(value: Any) -> Any:  # noqa: ANN401  any event, and whatever it is made of
    """What an event says as JSON has it, its fields by name and decimals written out. A picture becomes its size."""
    if isinstance(value, Struct):
        return {field.encode_name: plain(getattr(value, field.name)) for field in structs.fields(value)}
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, bytes):
        return {"bytes": len(value)}
    return value.astimezone(UTC) if isinstance(value, datetime) else value


ROUTES = (read_feed,)
