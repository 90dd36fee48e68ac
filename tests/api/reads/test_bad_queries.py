"""Every route that reads, asked in ways it can't be."""

from typing import Any

import pytest
from litestar.handlers import HTTPRouteHandler

from api.http.routing import terms_of
from api.routes import ROUTES
from application.service.keys import Role
from projections.listing.columns import ColumnKind
from projections.listing.request import Listing
from tests.api.reads.program import UNKNOWN, ReadProgram
from tests.api.routes.program import achievement_body

READS = {next(iter(route.paths)): route for route in ROUTES if route.http_methods == {"GET"}}
LISTS = {path: terms.listing for path, route in READS.items() if (terms := terms_of(route)) and terms.listing}
TOKEN_KINDS = {ColumnKind.NUMBER, ColumnKind.INTEGER, ColumnKind.INSTANT, ColumnKind.BOOLEAN, ColumnKind.UUID}


@pytest.fixture
async def ids(program: ReadProgram) -> dict[str, str]:
    """What the paths' parameters may be."""
    campaign = await program.campaign()
    made = await program.post("/achievements", achievement_body(active=True))
    achievement = made.json()["id"]
    await program.buy("T-1", "M-1", "20", status="accepted", auto_accept_at=...)
    await program.put("/lists/friends", {"name": "Friends"})
    await program.put("/coupons/friends", {"name": "For friends"})
    preview = await program.preview(campaign)
    return {
        "{campaign:uuid}": campaign,
        "{achievement:uuid}": achievement,
        "{preview:uuid}": preview,
        "{other:uuid}": preview,
        "{member:str}": "M-1",
        "{code:str}": "friends",
        "{number:int}": "1",
        **dict.fromkeys(("{decision:uuid}", "{job:uuid}", "{rebuild:uuid}"), UNKNOWN),
    }


def _filled(path: str, ids: dict[str, str]) -> str:
    for name, value in ids.items():
        path = path.replace(name, value)
    return path


def _bad(listing: Listing) -> list[tuple[str, str]]:
    filters = [
        (name, "no such thing" if operator != "in" else "no such thing,x")
        for column in listing.columns
        for name, operator in column.parameters().items()
        if column.kind in TOKEN_KINDS or column.values
    ]
    return [
        ("limit", "0"),
        ("limit", "201"),
        ("limit", "ten"),
        ("limit", "9" * 5000),
        ("sort", "nothing"),
        ("cursor", "x"),
        ("cursor", "WyJ4IiwgbnVsbCwgIngiXQ"),
        ("after", "soon"),
        ("nothing", "1"),
        ("limit", "1\x00"),
        *filters,
    ]


async def test_a_list_says_what_is_wrong_with_its_query(program: ReadProgram, ids: dict[str, str]) -> None:
    for path, listing in LISTS.items():
        for name, value in _bad(listing):
            answered = await program.get(_filled(path, ids), **{name: value})
            assert answered.status_code == 422, (path, name, answered.text)
            assert {error["parameter"] for error in answered.json()["errors"]} == {name}, (path, name)
        assert (await program.get(_filled(path, ids))).status_code == 200, path


async def test_every_sort_and_a_page_of_it_can_be_asked_for(program: ReadProgram, ids: dict[str, str]) -> None:
    for path, listing in LISTS.items():
        for sort in listing.sorts():
            page = await program.shown(_filled(path, ids), sort=sort, limit="1")
            if page["next"]:
                await program.shown(_filled(path, ids), sort=sort, limit="1", cursor=page["next"])


async def test_every_filter_can_be_asked_for(program: ReadProgram, ids: dict[str, str]) -> None:
    examples: dict[ColumnKind, str] = {
        ColumnKind.TEXT: "x",
        ColumnKind.TEXTS: "x",
        ColumnKind.NUMBER: "9" * 20 + "." + "9" * 30,
        ColumnKind.INTEGER: "9" * 18,
        ColumnKind.INSTANT: "9999-12-31T23:59:59Z",
        ColumnKind.BOOLEAN: "true",
        ColumnKind.UUID: UNKNOWN,
    }
    for path, listing in LISTS.items():
        asked: dict[str, Any] = {}
        for column in listing.columns:
            for name in column.parameters():
                asked[name] = column.values[0] if column.values else examples[column.kind]
        if listing.search:
            asked["q"] = "%_\\"
        for name, value in asked.items():
            page = await program.shown(_filled(path, ids), **{name: value})
            assert isinstance(page.get("data", page.get("facts")), list)


async def test_a_read_of_what_is_still_to_come_is_told_to_come_back(program: ReadProgram, ids: dict[str, str]) -> None:
    for path in READS:
        if path == "/feed":
            continue
        answered = await program.get(_filled(path, ids), after=str(program.head() + 1000))
        assert (answered.status_code, answered.json()["code"]) == (503, "behind"), path
        assert answered.headers["retry-after"] == "1"


@pytest.mark.parametrize("path", READS)
def test_a_route_says_who_may_read_it(path: str) -> None:
    route: HTTPRouteHandler = READS[path]
    terms = terms_of(route)
    assert terms is not None
    assert {Role.ADMIN, Role.OPERATOR, Role.ANALYST, Role.AUDITOR} <= terms.roles


async def test_an_integration_reads_facts_and_not_decisions(program: ReadProgram, ids: dict[str, str]) -> None:
    assert ids
    headers = {"authorization": "Bearer integration"}
    for path, status in [("/members/M-1/facts", 200), ("/feed", 200), ("/jobs", 200), ("/decisions", 403)]:
        answered = await program.client.get(f"/v1{path}", headers=headers)
        assert answered.status_code == status, path
