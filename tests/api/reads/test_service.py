import asyncio
from typing import Any

import psycopg

from tests.api.reads.program import UNKNOWN, ReadProgram


async def test_projections_say_how_far_they_are(program: ReadProgram) -> None:
    await program.buy("T-1", "M-1", "20")
    behind = program.head() - program.positions.at
    rows = await program.listed("/projections", limit="4")
    assert [row["name"] for row in rows] == sorted(row["name"] for row in rows)
    assert {row["lag"] for row in rows} == {behind}
    await program.follow()
    rows = await program.listed("/projections")
    assert {(row["lag"], row["position"], row["error"]) for row in rows} == {(0, str(program.head()), None)}


async def test_a_rebuild_ends_with_its_certificate(program: ReadProgram) -> None:
    await program.buy("T-1", "M-1", "20")
    await program.follow()
    asked = await program.post("/rebuilds", {"projections": ["members", "facts"]}, idempotency_key="k-1")
    assert asked.status_code == 202, asked.text
    rebuild = asked.json()["id"]
    shown = await ended(program, rebuild)
    assert (shown["status"], shown["error"], shown["as_of"]) == ("finished", None, None)
    first = shown["certificate"]["projections"][0]
    assert (first["projection"], first["tables"][0]["rebuilt"]["rows"]) == ("members", 1)
    assert first["tables"][0]["live"] == first["tables"][0]["rebuilt"]
    again = await program.post("/rebuilds", {"projections": ["members", "facts"]}, idempotency_key="k-1")
    assert (again.status_code, again.json()["id"]) == (202, rebuild)
    assert [row["id"] for row in await program.listed("/rebuilds")] == [rebuild]
    audit = await program.post("/rebuilds", {"projections": "all", "as_of": "2026-09-01T00:00:00Z", "switch": False})
    assert audit.status_code == 202, audit.text
    shown = await ended(program, audit.json()["id"])
    assert (shown["status"], shown["as_of"]) == ("finished", "0")


async def ended(program: ReadProgram, rebuild: str) -> Any:
    async with asyncio.timeout(60):
        while (shown := await program.shown(f"/rebuilds/{rebuild}"))["status"] == "running":  # noqa: ASYNC110  a thread does what is waited for
            await asyncio.sleep(0.02)
    return shown


async def test_one_rebuild_at_a_time(program: ReadProgram) -> None:
    with psycopg.connect(program.conninfo, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [0x6C61_0002])
        refused = await program.post("/rebuilds", {"projections": "all"})
    assert (refused.status_code, refused.json()["code"]) == (409, "rebuild_running")
    assert await program.listed("/rebuilds") == []


async def test_of_two_rebuilds_at_once_one_is_refused(program: ReadProgram) -> None:
    body = {"projections": "all"}
    answers = await asyncio.gather(*(program.post("/rebuilds", body) for _ in range(4)))
    (accepted,) = [answer for answer in answers if answer.status_code == 202]
    refused = [answer for answer in answers if answer is not accepted]
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(409, "rebuild_running")}
    assert (await ended(program, accepted.json()["id"]))["status"] == "finished"
    (row,) = await program.listed("/rebuilds")
    assert (row["id"], row["requested_by"]) == (accepted.json()["id"], "admin")
    assert (await program.post("/rebuilds", body)).status_code == 202


async def test_a_repeated_request_for_a_rebuild_is_answered_while_that_is_running(program: ReadProgram) -> None:
    asked = [await program.post("/rebuilds", {"projections": "all"}, idempotency_key="k-1") for _ in range(2)]
    assert [answer.status_code for answer in asked] == [202, 202]
    assert asked[0].json()["id"] == asked[1].json()["id"]
    await ended(program, asked[0].json()["id"])
    assert len(await program.listed("/rebuilds")) == 1


async def test_an_audit_looks_at_the_log_too(program: ReadProgram) -> None:
    await program.buy("T-1", "M-1", "20")
    await program.follow()
    audit = {"projections": ["members"], "switch": False}
    sound = (await ended(program, (await program.post("/rebuilds", audit)).json()["id"]))["certificate"]["log"]
    assert (sound["end"], sound["events"], sound["found"]) == (program.head(), program.head(), 0)
    with psycopg.connect(program.conninfo, autocommit=True) as connection:
        connection.execute("update laurel.streams set version = version + 1 where kind = 'transaction'")
    wrong = (await ended(program, (await program.post("/rebuilds", audit)).json()["id"]))["certificate"]["log"]
    assert wrong["found"] == 1
    assert wrong["findings"][0]["what"] == "version 2 is not there, and its row is at 2"


async def test_a_rebuild_of_what_there_is_not_is_refused(program: ReadProgram) -> None:
    for body, pointer in [
        ({"projections": ["members", "membres"]}, "/projections/1"),
        ({"projections": []}, "/projections"),
        ({"projections": "everything"}, "/projections"),
        ({"projections": "all", "as_of": "999999"}, "/as_of"),
        ({"projections": "all", "switch": 1}, "/switch"),
    ]:
        refused = await program.post("/rebuilds", body)
        assert refused.status_code == 422, body
        assert refused.json()["errors"][0]["pointer"] == pointer
    assert (await program.get(f"/rebuilds/{UNKNOWN}")).status_code == 404
    operator = {"authorization": "Bearer operator"}
    forbidden = await program.client.post("/v1/rebuilds", json={"projections": "all"}, headers=operator)
    assert forbidden.status_code == 403


async def test_jobs_are_listed_newest_first(program: ReadProgram) -> None:
    with psycopg.connect(program.conninfo, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO laurel.jobs (id, kind, detail, total, done, requested_by, status)"
            " SELECT gen_random_uuid(), k, '{\"rows\": 3}', 10, 4, 'admin', 'running' FROM unnest(%s::text[]) k",
            [["import", "preview"]],
        )
    rows = await program.listed("/jobs", limit="1")
    assert sorted(row["kind"] for row in rows) == ["import", "preview"]
    (row,) = await program.listed("/jobs", kind="import", status="running")
    assert (row["progress"], row["detail"], row["result"]) == ({"done": 4, "total": 10}, {"rows": 3}, None)
    assert await program.shown(f"/jobs/{row['id']}") == row
    assert (await program.get(f"/jobs/{UNKNOWN}")).status_code == 404
