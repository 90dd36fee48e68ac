"""The pages over a whole small program, asked without a network."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from typing import Any

import httpx
from psycopg_pool import AsyncConnectionPool

from api.http.services import Services
from api.server.app import create_app
from application.log.mapper import Mapper
from application.service.keys import Keys
from application.service.settings import load
from backoffice.routes import routes
from tests.api.http.frame import StandingAwards, StandingPositions
from tests.application.schedule.jobs.program import Running

ADMIN_KEY = "an-admin-key-of-tests"


class PageServices(Services, kw_only=True):
    pool: AsyncConnectionPool
    mapper: Mapper


def app_of(program: Running) -> Any:
    """The pages behind the program's front."""
    settings = load({"admin_key": ADMIN_KEY, "time_zone": "Europe/Budapest"}, {}).settings
    services = PageServices(
        settings=settings,
        clock=program.clock,
        keys=Keys(program.pool, ADMIN_KEY),
        positions=StandingPositions(),
        awarding=StandingAwards(),
        pool=program.pool,
        mapper=program.mapper,
    )
    return create_app(services, (), routes(services))


@asynccontextmanager
async def visitor(program: Running) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who has not signed in yet."""
    transport = httpx.ASGITransport(app_of(program))
    async with httpx.AsyncClient(transport=transport, base_url="http://laurel.test") as client:
        yield client


async def sign_in(client: httpx.AsyncClient, key: str = ADMIN_KEY, **fields: str) -> httpx.Response:
    return await client.post("/sign-in", data={"key": key, **fields})


class Page(HTMLParser):
    """What a page is made of: its elements with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("a", "abbr", "b", "code", "span", "time"):
            self.text += " "

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def links(self) -> list[str]:
        return [attributes["href"] or "" for attributes in self.all("a")]

    @property
    def words(self) -> str:
        """The text, with one space wherever there is any."""
        return " ".join(self.text.split())


async def see(client: httpx.AsyncClient, path: str, status: int = 200) -> Page:
    """The page, which is whole and keeps the rules that every page keeps."""
    answer = await client.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    page = Page(answer.text)
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")) == 1
    assert page.all("html")[0]["lang"] == "en"
    assert page.links()[0] == "#main"
    for tag, attributes in page.elements:
        assert not {name for name in attributes if name.startswith("on") or name == "style"}, tag
        for name in ("src", "href", "action"):
            address = attributes.get(name) or "/"
            assert address.startswith(("/", "#", "?")), address
            assert not address.startswith("//")
    assert all(script.get("src") for script in page.all("script"))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    return page
