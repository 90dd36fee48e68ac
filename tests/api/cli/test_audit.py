"""`laurel audit` over a program that was played: what is sound is said to be, and whatever is damaged is named."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.api.cli.test_cli import run
from tests.api.test_awarding import purchase, rewarding, serving
from tests.support.database import fresh_database

TIERED = {
    "name": "September",
    "starts_at": "2026-09-01T00:00:00Z",
    "duration": "7 days",
    "occurrences": 2,
    "grace_period": "0 minutes",
    "entity": "transaction",
    "aggregate": {"attribute": "total"},
    "hit_type": "amount",
    "tiers": [{"from": "0", "to": "100", "reward": "1"}],
    "account": "points",
}


async def play(database: str) -> None:
    """Facts of every life, a preview, an evaluation, decisions and a cancellation."""
    async with serving(database, works=True, sandbox="true") as client:

        async def send(method: str, path: str, body: Any = None) -> Any:
            answer = await client.request(method, f"/v1{path}", json=body)
            assert answer.is_success, answer.text
            return answer.json()

        await send("PUT", "/clock", {"now": "2026-08-30T00:00:00Z"})
        await rewarding(client)
        tiered = (await send("POST", "/tiered-campaigns", TIERED))["id"]
        await send("POST", f"/tiered-campaigns/{tiered}/activate")
        await send("PUT", "/clock", {"now": "2026-09-02T00:00:00Z"})
        for number in range(4):
            by_itself = purchase(number, status="pending", auto_accept_at=f"2026-09-0{number + 3}T00:00:00Z")
            await send("POST", "/transactions", by_itself)
        await send("POST", "/transactions/T-3/reject")
        await send("POST", "/transactions", purchase(9, total="30", member="M-2"))
        await send("POST", "/transactions/T-9/refund", {"amount": "3"})
        await send("POST", f"/tiered-campaigns/{tiered}/previews")
        await send("PUT", "/clock", {"now": "2026-09-20T00:00:00Z"})
        granted = (await send("GET", "/decisions?kind=campaign&outcome=granted"))["data"][0]
        await send("POST", f"/decisions/{granted['id']}/cancel", {"reason": "a mistake"})
        await send("PUT", "/clock", {"now": "2026-09-21T00:00:00Z"})


@pytest.fixture(scope="module")
def played(server: str) -> Iterator[str]:
    with fresh_database(server) as database:
        asyncio.run(play(database))
        yield str(conninfo_to_dict(database)["dbname"])


@pytest.fixture
def copy(server: str, played: str) -> Iterator[str]:
    """A database of the test's own that holds what was played."""
    with fresh_database(server, template=played) as database:
        yield database


def test_what_was_played_is_sound(copy: str) -> None:
    ended = run("audit", "--database-url", copy)
    assert ended.exit_code == 0, ended.output
    (log,) = [line for line in ended.output.splitlines() if line.startswith("log: ")]
    assert re.fullmatch(r"log: \d+ events of \d+ streams up to position \d+: in order, and every state .*", log)
    assert "not compared" not in ended.output
    assert run("audit", "members", "--as-of", "20", "--database-url", copy).exit_code == 0


SWAPPED = """
update laurel.events set position = -position where position in (20, 30);
update laurel.events set position = position + 50 where position < 0
"""
PAID_TWICE = """
update laurel.streams s set state = o.state from laurel.streams o
where s.kind = 'standing' and o.kind = 'standing' and s.id <> o.id
"""
DAMAGE = {
    "an event deleted": ("delete from laurel.events where position = 30", "position 30: position 30 is not there"),
    "two swapped": (
        SWAPPED,
        "position 30: it was recorded at",
    ),
    "a payload changed": (
        "update laurel.events set payload = '\\xdeadbeef' where position = 30",
        "position 30, stream ",
    ),
    "an unknown tag": ("update laurel.events set tag = 'member.teleported' where position = 30", "member.teleported"),
    "a tail cut": (
        "delete from laurel.events where position > 40; update laurel.heads set head = 40",
        ", and the log ends at 40",
    ),
    "a head lowered": ("update laurel.heads set head = head - 1", "heads: the head is "),
    "a head deleted": ("delete from laurel.heads", "heads: bucket 0 has no row"),
    "a definition's place": ("update laurel.heads set catalogue = 1", "heads: definitions changed last at 1"),
    "a state changed": (
        PAID_TWICE,
        "the state of the standing is not what its events make",
    ),
    "a state deleted": ("delete from laurel.streams where kind = 'campaign_budget'", "it has no row, and "),
    "a version": ("update laurel.streams set version = version + 1 where kind = 'member'", "is not there, and its row"),
    "a row changed": ("update p_decisions.entries set units = units + 1", "decisions.entries {'decision': "),
    "a row deleted": ("delete from p_members.members", "members.members {'id': 'M-1'}"),
    "a table dropped": ("drop table p_decisions.entries cascade", "decisions lacks its table p_decisions.entries"),
    "a position behind": ("update laurel.projections set position = 10 where name = 'facts'", "facts.facts {'"),
    "a position ahead": (
        "update laurel.projections set position = 10000 where name = 'facts'",
        "facts stands at position 10000, and the log ends at ",
    ),
    "a version ahead": (
        "update laurel.projections set version = 99 where name = 'facts'",
        "facts is of version 99, newer than ",
    ),
    "a projection forgotten": ("delete from laurel.projections where name = 'facts'", "facts is not there yet"),
}
UNREADY = {
    "a tail cut": "projections: achievements stands at position ",
    "a head lowered": "log: heads: the head is ",
    "a head deleted": "log: heads: bucket 0 has no row",
    "a definition's place": "log: heads: definitions changed last at 1",
    "a table dropped": "projections: decisions lacks its table p_decisions.entries",
    "a position ahead": "projections: facts stands at position 10000, and the log ends at ",
    "a version ahead": "projections: facts is of version 99, newer than ",
}
"""What is seen without reading all there is."""


@pytest.mark.parametrize("what", DAMAGE)
def test_whatever_is_damaged_is_named(copy: str, what: str) -> None:
    damage, named = DAMAGE[what]
    with psycopg.connect(copy, autocommit=True) as connection:
        connection.execute(damage)
    ended = run("audit", "--database-url", copy)
    assert ended.exit_code == 1, ended.output
    assert named in ended.output
    assert "Traceback" not in ended.output
    assert "identical" in ended.output or "can't be rebuilt: " in ended.output
    rebuilt = run("rebuild", "members", "--database-url", copy)
    assert rebuilt.exit_code in (0, 1)
    assert "Traceback" not in rebuilt.output


@pytest.mark.parametrize("what", UNREADY)
async def test_a_service_over_what_is_damaged_is_not_ready(copy: str, what: str) -> None:
    async with serving(copy, works=True, sandbox="true") as client:
        await until_said(client, "")
        async with await psycopg.AsyncConnection.connect(copy, autocommit=True) as connection:
            await connection.execute(DAMAGE[what][0])
        await until_said(client, UNREADY[what])


async def until_said(client: httpx.AsyncClient, wanted: str) -> None:
    async with asyncio.timeout(60):
        while not (said := await unready(client)).startswith(wanted) or (said and not wanted):  # noqa: ASYNC110  others bring it about
            await asyncio.sleep(0.05)


async def unready(client: httpx.AsyncClient) -> str:
    answer = await client.get("/health/ready")
    wrong = [f"{check['name']}: {check['detail']}" for check in answer.json()["checks"] if not check["ok"]]
    assert (answer.status_code == 503) == bool(wrong)
    return "; ".join(wrong)


async def test_a_follower_that_comes_to_a_hole_stops_and_says_so(copy: str) -> None:
    async with await psycopg.AsyncConnection.connect(copy, autocommit=True) as connection:
        await connection.execute("delete from laurel.events where position = 30")
        await connection.execute("update laurel.projections set position = 25, mark = null where name = 'members'")
    async with serving(copy, works=True, sandbox="true") as client:
        await until_said(client, "projections: members has stopped")
        (members,) = [row for row in (await client.get("/v1/projections")).json()["data"] if row["name"] == "members"]
        assert members["position"] == "25"
        assert members["error"].startswith("Damaged: the log is damaged: ")
