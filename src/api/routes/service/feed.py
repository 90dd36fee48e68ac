"""The feed: what happened, in order, for integrations."""

from typing import Any

from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from api.http.positions import read_position, write_position
from api.http.problems import ProblemError
from api.http.reads import asking
from api.http.request import Request
from api.http.routing import FACT_READERS, READ_PROBLEMS, RouteTerms
from projections.feed.feed import TYPES, FeedEvent, concerns, feed_event, tags_of, types_for
from projections.history.log import head, read_feed
from projections.listing.columns import Column, ColumnKind
from projections.listing.request import LARGEST_LIMIT, Listing

_FEED = Listing(
    name="feed",
    columns=(
        Column("position", ColumnKind.INTEGER, sortable=True),
        Column("type", values=TYPES),
        Column("member"),
    ),
    key="position",
    sort="position",
)

_PARAMETERS: dict[str, Any] = {
    "after": {"type": "string", "pattern": "^[0-9]{1,18}$", "description": "The last position that was read."},
    "limit": {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": 50},
    "type[in]": {
        "type": "string",
        "pattern": f"^({'|'.join(TYPES)})(,({'|'.join(TYPES)}))*$".replace(".", r"\."),
        "description": "Events of these types, separated by commas; else of all that the key's role may read.",
    },
    "member": {
        "type": "string",
        "minLength": 1,
        "maxLength": 100,
        "pattern": r"^[^\x00]*$",
        "description": "Events that this member acted in, or receives something by.",
    },
}
_TERMS = RouteTerms(roles=FACT_READERS, reads=False, problems=READ_PROBLEMS, parameters=_PARAMETERS)
"""Not a read of the projections: `after` is where to go on from, and nothing is waited for."""


class FeedPage(Struct, frozen=True, gc=False):
    """Events after a position, in order; `position` is how far this page has looked.

    `next` is the same while there may be more now, and null at the end of the log. A page may be empty and yet have a
    `next`: there was much that is not asked for.
    """

    data: list[FeedEvent]
    next: str | None
    position: str


@HTTPRouteHandler("/feed", http_method="GET", opt={"terms": _TERMS})
async def get_feed(request: Request) -> FeedPage:
    """What happened after a position, in order. Send a page's `position` as the next `after`.

    A role is told of what it may read elsewhere: `definition.changed`, `evaluation.started` and `evaluation.finished`
    are for roles that may read definitions.
    """
    query = dict(request.exchange.query)
    after = read_position(query.pop("after", "0"))
    selection = _FEED.read(query)
    asked = {condition.column.name: condition.values for condition in selection.filters}
    types, member = _types(request, asked.get("type")), asked.get("member", (None,))[0]
    async with asking(request) as connection:
        page = await read_feed(connection, request.program.reads.mapper, tags_of(types), member, after, selection.limit)
        end = await head(connection)
    events = [
        event for event in map(feed_event, page.events) if event and (member is None or member in concerns(event))
    ]
    request.exchange.position = page.last
    last = write_position(page.last)
    return FeedPage(events, last if page.last < end else None, last)


def _types(request: Request, asked: tuple[str, ...] | None) -> frozenset[str]:
    role = request.principal.role
    allowed = types_for(role)
    if asked is None:
        return allowed
    if refused := sorted(set(asked) - allowed):
        raise ProblemError("forbidden", f"The role {role} may not be told of: {', '.join(refused)}", code="role")
    return frozenset(asked)


FEED_ROUTES = (get_feed,)
