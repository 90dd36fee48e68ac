"""Every event of a program says who, and what it answers to, down to the command that began it."""

import asyncio
import re
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from application.log.envelope import Cause
from application.log.events import Recorded
from application.log.mapper import Mapper
from application.log.reader import read_page
from application.service import actors
from application.streams import KINDS
from tests.api.cli.test_audit import TIERED
from tests.api.cli.test_cli import run
from tests.api.test_awarding import purchase, rewarding, serving
from tests.support.database import fresh_database

MAPPER = Mapper(KINDS)
ROWS = '{"event": {"id": "E-1", "type": "visit", "member": "M-1", "occurred_at": "2026-09-02T10:00:00Z"}}\n'


class Told:
    """What was recorded, by who did it."""

    def __init__(self, database: str) -> None:
        with psycopg.connect(database) as connection:
            self.events = read_page(connection, MAPPER, 0, 5_000).events
            self.keys: dict[str, str] = dict(connection.execute("select name, id from laurel.api_keys").fetchall())
        self._places = {(event.stream, event.version): event for event in self.events}

    def by(self, actor: str) -> set[str]:
        return {event.tag for event in self.events if event.envelope.actor == actor}

    def of(self, *tags: str) -> list[Recorded]:
        found = [event for event in self.events if event.tag in tags]
        assert found, tags
        return found

    def cause_of(self, event: Recorded) -> Recorded:
        assert event.envelope.cause, event
        return self.at(event.envelope.cause)

    def at(self, cause: Cause) -> Recorded:
        return self._places[cause.stream, cause.version]


async def play(database: str, key: str) -> None:
    async with serving(database, works=True, sandbox="true") as client:

        async def send(method: str, path: str, body: Any = None, **headers: str) -> Any:
            answer = await client.request(method, f"/v1{path}", json=body, headers=headers)
            assert answer.is_success, answer.text
            return answer.json()

        client.headers["authorization"] = f"Bearer {key}"
        await send("PUT", "/clock", {"now": "2026-08-30T00:00:00Z"})
        await rewarding(client)
        await send("PUT", "/event-types/visit", {"label": "Visit"})
        tiered = (await send("POST", "/tiered-campaigns", {**TIERED, "preview_every": "2 days"}))["id"]
        await send("POST", f"/tiered-campaigns/{tiered}/activate")
        await send("PUT", "/clock", {"now": "2026-09-02T00:00:00Z"})
        for number in range(3):
            by_itself = purchase(number, status="pending", auto_accept_at=f"2026-09-0{number + 3}T00:00:00Z")
            await send("POST", "/transactions", by_itself)
        await send("POST", "/transactions", purchase(9, purchased_at="2026-09-10T00:00:00Z"))
        asked = (await send("POST", f"/tiered-campaigns/{tiered}/previews"))["id"]
        await imported(client)
        edited = await client.put(
            f"/v1/tiered-campaigns/{tiered}",
            json={**TIERED, "preview_every": "2 days", "tiers": [{"from": "0", "to": "100", "reward": "2"}]},
            headers={"if-match": "*"},
        )
        assert edited.status_code == 200, edited.text
        await send("PUT", "/clock", {"now": "2026-09-20T00:00:00Z"})
        granted = (await send("GET", "/decisions?kind=campaign&outcome=granted&limit=1"))["data"][0]
        cancelled = await send("POST", f"/decisions/{granted['id']}/cancel", {"reason": "a mistake"})
        shown = await send("GET", f"/decisions/{cancelled['id']}?after={cancelled['position']}")
        assert shown["trigger"]["by"] == shown["caused_by"][0]["by"] == "till 1"
        assert (await send("GET", f"/tiered-campaigns/{tiered}/previews/{asked}"))["status"] == "finished"
        rebuild = (await send("POST", "/rebuilds", {"projections": ["members"]}))["id"]
        assert (await send("GET", f"/rebuilds/{rebuild}"))["requested_by"] == "till 1"
        await send("DELETE", "/clock")


async def imported(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/imports", content=ROWS, headers={"content-type": "application/x-ndjson"})
    assert answer.status_code == 202, answer.text
    path = f"/v1/jobs/{answer.json()['id']}"
    async with asyncio.timeout(60):
        while (job := (await client.get(path)).json())["status"] != "finished":  # noqa: ASYNC110  a job does it
            await asyncio.sleep(0.05)
    assert (job["requested_by"], job["result"]["recorded"]) == ("till 1", 1)


@pytest.fixture(scope="module")
def told(server: str) -> Iterator[Told]:
    with fresh_database(server) as database:
        key = run("keys", "make", "till 1", "--role", "admin", "--database-url", database).output.strip()
        other = run("keys", "make", "till 2", "--role", "analyst", "--database-url", database).output
        assert run("keys", "revoke", other.split("_")[1], "--database-url", database).exit_code == 0
        asyncio.run(play(database, key))
        assert run("rebuild", "facts", "--database-url", database).exit_code == 0
        assert run("audit", "--database-url", database).exit_code == 0
        yield Told(database)


def test_nobody_is_nameless(told: Told) -> None:
    named = {event.envelope.actor for event in told.events}
    assert named == {
        told.keys["till 1"],
        actors.SETUP,
        actors.AUTO_ACCEPTANCE,
        actors.AWARD_POLICY,
        actors.EVALUATION,
        actors.PREVIEW,
        actors.RECOUNT,
        *{actor for actor in named if re.fullmatch(r"laurel (keys|rebuild) by \S+", actor)},
    }


def test_acts_on_the_system_itself_are_recorded(told: Told) -> None:
    acts = [(event.tag, event.envelope.actor) for event in told.of(*ACTS)]
    till = told.keys["till 1"]
    keys, rebuild = acts[0][1], acts[-1][1]
    assert keys.startswith("laurel keys by ")
    assert rebuild.startswith("laurel rebuild by ")
    assert acts == [
        ("key.made", keys),
        ("key.made", keys),
        ("key.revoked", keys),
        ("clock.moved", till),
        ("clock.moved", till),
        ("clock.moved", till),
        ("rebuild.started", till),
        ("clock.returned", till),
        ("rebuild.started", rebuild),
    ]


ACTS = ("key.made", "key.revoked", "clock.moved", "clock.returned", "rebuild.started")


def test_a_cause_is_an_event_that_was_there_before(told: Told) -> None:
    for event in told.events:
        if event.envelope.cause:
            assert told.cause_of(event).position < event.position


def test_whatever_the_program_does_by_itself_answers_to_something(told: Told) -> None:
    for event in told.events:
        if event.envelope.actor.startswith("laurel ") and event.tag not in ACTS:
            assert event.envelope.cause or event.envelope.actor == actors.SETUP, event


def begun_by(told: Told, events: Iterable[Recorded], tag: str) -> None:
    """That each answers to an event of that tag, in its chain."""
    for event in events:
        cause = told.cause_of(event)
        assert cause.tag == tag
        assert event.envelope.correlation == (cause.envelope.correlation or cause.envelope.command)


def test_an_acceptance_answers_to_what_was_received(told: Told) -> None:
    accepted = [event for event in told.events if event.envelope.actor == actors.AUTO_ACCEPTANCE]
    assert {"transaction.accepted", "standing.contributed", "progress.completed"} <= {event.tag for event in accepted}
    begun_by(told, accepted, "transaction.received")
    for event in told.of("transaction.accepted"):
        assert told.cause_of(event).stream == event.stream


def test_awards_answer_to_the_evaluation_that_began(told: Told) -> None:
    begun_by(told, told.of("standing.awarded"), "tiered_occurrence.evaluation_started")
    begun_by(told, told.of("tiered_occurrence.evaluated"), "tiered_occurrence.evaluation_started")
    for event in told.of("tiered_occurrence.evaluation_started"):
        assert told.cause_of(event).tag in ("tiered_campaign.activated", "tiered_campaign.revised")


def test_previews_answer_to_whoever_asked_and_to_the_campaign(told: Told) -> None:
    begun_by(told, told.of("preview.finished"), "preview.requested")
    by_hand, *by_time = sorted(told.of("preview.requested"), key=lambda event: event.envelope.actor == actors.PREVIEW)
    assert (by_hand.envelope.actor, by_hand.envelope.cause) == (told.keys["till 1"], None)
    assert {told.cause_of(event).tag.partition(".")[0] for event in by_time} == {"tiered_campaign"}


def test_facts_counted_again_answer_to_the_edit(told: Told) -> None:
    again = [event for event in told.events if event.envelope.actor == actors.RECOUNT]
    assert {"standing.contributed", "tiered_campaign.recounted"} <= {event.tag for event in again}
    assert {told.cause_of(event).tag for event in again} == {"tiered_campaign.revised"}


def test_an_import_is_its_keys_and_one_chain(told: Told) -> None:
    (row,) = told.of("event.received")
    assert row.envelope.actor == told.keys["till 1"]
    assert isinstance(row.envelope.correlation, UUID)
