"""A small program on the frame, with everything beneath it made up, for the tests of the frame itself."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta, Struct

from api.http.request import Request
from api.http.routing import FACT_READERS, OPERATORS, AnswerPage, command, read
from api.http.services import Services
from api.server.app import Laurel, create_app
from application.bodies.exact import Amount, Body, Code, Instant, Name
from application.service.keys import Principal, Role
from application.service.refusals import Unknown
from application.service.settings import Settings, load
from domain.values.amounts import written
from projections.listing.columns import Column, ColumnKind
from projections.listing.request import Listing

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)


class FixedClock:
    def now(self) -> datetime:
        return NOW

    async def read(self) -> datetime:
        return NOW


PRINCIPALS = {role.value: Principal(role.value, f"the {role}", role) for role in Role}


class KnownKeys:
    """The name of a role is a key of that role."""

    async def verify(self, key: str) -> Principal | None:
        return PRINCIPALS.get(key)


class StandingPositions:
    """Has reached position 7, and never another."""

    def reached(self, *_: str) -> int:
        return 7

    async def wait_for(self, position: int, seconds: float, /, *_: str) -> bool:
        return position <= 7 and seconds >= 0


class StandingAwards:
    """Everything is decided that is there."""

    async def awarded(self, position: int, seconds: float) -> bool:
        return position <= 7 and seconds >= 0

    async def covered(self, position: int, seconds: float) -> int | None:
        return 7 if await self.awarded(position, seconds) else None


class BoxBody(Body, frozen=True):
    name: Name
    size: Amount
    made_at: Instant | None = None
    labels: Annotated[tuple[Code, ...], Meta(max_length=3)] = ()


class Box(Struct, frozen=True):
    code: str
    name: str
    size: str
    made_at: datetime | None


class BoxCommitted(Struct, frozen=True):
    position: str
    box: Box


BOXES = Listing(
    name="boxes",
    columns=(
        Column("code", sortable=True),
        Column("size", ColumnKind.NUMBER, sortable=True),
        Column("made_at", ColumnKind.INSTANT, sortable=True, nullable=True),
        Column("status", values=("open", "shut")),
    ),
    key="code",
    sort="code",
    search=("name",),
)

stored: dict[str, tuple[int, Box]] = {}


@read("/boxes", roles=FACT_READERS, listing=BOXES)
async def list_boxes(request: Request) -> AnswerPage[Box]:
    """Boxes."""
    selection = BOXES.read(request.exchange.query)
    return AnswerPage([box for _, box in stored.values()][: selection.limit], None, request.position)


@read("/boxes/{code:str}", roles=FACT_READERS)
async def get_box(request: Request, code: FromPath[str], deep: FromQuery[bool] = False) -> Box:  # noqa: ARG001, FBT002
    """One box."""
    if code not in stored:
        raise Unknown(f"there is no box {code}")
    version, box = stored[code]
    request.versioned(version)
    return box


@command(
    "PUT",
    "/boxes/{code:str}",
    roles=OPERATORS,
    headers=("If-Match", "If-None-Match"),
    problems=("stale", "version-required"),
)
async def put_box(request: Request, code: FromPath[str], data: JSONBody[BoxBody]) -> BoxCommitted:
    """Make or change a box."""
    current = stored.get(code)
    request.precondition().check(current[0] if current else None)
    version = current[0] + 1 if current else 1
    stored[code] = (version, Box(code, data.name, written(data.size), data.made_at))
    request.versioned(version)
    return BoxCommitted(request.committed(8), stored[code][1])


@command("POST", "/boxes/{code:str}/open", roles=OPERATORS, headers=("Idempotency-Key",), statuses=(200,))
async def open_box(request: Request, code: FromPath[str]) -> BoxCommitted:
    """Open a box."""
    key = await request.idempotency_key()
    box = Box(code, key.digest.hex() if key else "none", "1", None)
    return BoxCommitted(request.committed(9), box)


@command("POST", "/broken", roles=OPERATORS)
async def break_down(request: Request) -> BoxCommitted:
    """Fail."""
    raise RuntimeError(f"member M-7 {request.position}")


@command("POST", "/deep", roles=OPERATORS)
async def take_anything(request: Request, data: JSONBody[dict[str, Any]]) -> BoxCommitted:
    """Take anything."""
    return BoxCommitted(request.committed(9), Box(str(len(data)), "", "1", None))


ROUTES = (list_boxes, get_box, put_box, open_box, break_down, take_anything)


def services(settings: Settings | None = None, **others: Any) -> Services:
    settings = settings or load({}, {}).settings
    return Services(
        settings=settings,
        clock=FixedClock(),
        keys=KnownKeys(),
        positions=StandingPositions(),
        awarding=StandingAwards(),
        **others,
    )


def framed(routes: Sequence[HTTPRouteHandler] = ROUTES, **others: Any) -> Laurel:
    return create_app(services(**others), routes)
