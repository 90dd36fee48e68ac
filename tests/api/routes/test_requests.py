"""Idempotency keys: what is carried out once, under twins, lost connections and changed requests."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import pytest
from msgspec import Struct

from application.log.working import Working
from application.service.idempotency import once
from tests.api.routes.program import Program, campaign_body, transaction_body


def lose_answer(program: Program, monkeypatch: pytest.MonkeyPatch) -> Callable[[], bool]:
    """The next append lands, but its answer is lost with the connection; tells whether that has happened."""
    session = program.writer._appending
    append = session.append
    lost: list[bool] = []

    async def lossy(parameters: Sequence[bytes]) -> Any:
        answer = await append(parameters)
        if not lost:
            lost.append(True)
            await session.close()
            raise psycopg.OperationalError("the connection is lost")
        return answer

    monkeypatch.setattr(session, "append", lossy)
    return lambda: bool(lost)


async def test_a_lost_answer_is_found_again(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = lose_answer(program, monkeypatch)
    first = await program.post("/tiered-campaigns", campaign_body(), idempotency_key="k")
    assert (lost(), first.status_code) == (True, 201)
    again = await program.post("/tiered-campaigns", campaign_body(), idempotency_key="k")
    assert again.json() == first.json()


async def test_a_fact_whose_answer_was_lost_is_recorded_once(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    await program.campaign()
    lost = lose_answer(program, monkeypatch)
    first = await program.post("/transactions", transaction_body())
    assert (lost(), first.status_code) == (True, 201)
    again = await program.post("/transactions", transaction_body())
    assert (again.status_code, again.json()) == (200, first.json())


async def test_twins_of_a_change_are_carried_out_once(program: Program) -> None:
    await program.post("/transactions", transaction_body(status="accepted"))
    path = "/transactions/T-1001/refund"
    answers = await asyncio.gather(*[program.post(path, {"amount": "30"}, idempotency_key="k") for _ in range(20)])
    assert {answered.status_code for answered in answers} == {200}
    assert len({answered.text for answered in answers}) == 1


async def test_a_key_is_of_one_caller_and_one_request(program: Program) -> None:
    await program.put("/lists/vip", {})
    await program.put("/lists/new", {})
    body = {"add": ["M-1"]}
    first = await program.post("/lists/vip/members", body, idempotency_key="k")
    assert first.json()["added"] == 1
    head = program.head()
    for path, other in (("/lists/new/members", body), ("/lists/vip/members", {"add": ["M-2"]})):
        refused = await program.post(path, other, idempotency_key="k")
        assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_key_reused")
    assert program.head() == head
    others = await program.post("/lists/new/members", body, idempotency_key="k", authorization="Bearer operator")
    assert others.json()["added"] == 1


async def test_what_was_refused_is_decided_anew(program: Program) -> None:
    body = {"add": ["M-1"]}
    assert (await program.post("/lists/vip/members", body, idempotency_key="k")).status_code == 404
    await program.put("/lists/vip", {})
    assert (await program.post("/lists/vip/members", body, idempotency_key="k")).status_code == 200


async def test_a_bad_key_is_refused(program: Program) -> None:
    await program.put("/lists/vip", {})
    head = program.head()
    for key in ("", "a b", "x" * 201):
        refused = await program.post("/lists/vip/members", {}, idempotency_key=key)
        assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (422, "Idempotency-Key")
    assert program.head() == head


class Unplaced(Struct):
    name: str


async def test_an_answer_must_begin_with_its_position(program: Program) -> None:
    def decide(working: Working) -> Unplaced:
        return Unplaced(str(working.now))

    with pytest.raises(TypeError):
        await program.writer.submit(once(None, 200, decide))
