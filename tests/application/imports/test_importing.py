import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg_pool import AsyncConnectionPool

from application.catalogue import commands as definitions
from application.facts.commands import FactIntake
from application.imports import importing, kinds, storage
from application.imports.files import import_file
from application.imports.importing import Contents, ImportIntake, ImportTally, RowFault
from application.imports.job import request_import
from application.imports.kinds import ImportKind
from application.imports.rows import Format, Row
from application.imports.storage import ImportStorage, ImportTooLarge
from application.log.streams import Stream
from application.schedule.jobs.store import JobOrder, open_store
from application.service.idempotency import Answers
from application.service.preconditions import Precondition
from application.service.refusals import Conflict
from application.streams import COUPON_SLOT, MEMBER, MEMBER_EVENT, PRODUCT, STOCK, TRANSACTION
from domain.catalogue.entries import Coupon, Entry, EventType, Generator, MemberList
from domain.catalogue.stock import Stock
from domain.facts.transaction import Status
from domain.values.attributes import AttributeType
from domain.values.problems import Invalid, Problem
from tests.application.schedule.jobs.program import RULES, Running, running, until


def intake_of(program: Running) -> ImportIntake:
    return ImportIntake(
        program.writer, FactIntake(program.writer, Answers(program.pool, program.mapper), RULES), program.catalogue
    )


async def imported(
    program: Running,
    rows: Sequence[object] | str,
    kind: ImportKind = ImportKind.FACTS,
    identity: str = "1",
    **more: Any,
) -> tuple[ImportTally, list[RowFault]]:
    """A text is a CSV, anything else is NDJSON."""
    text = (
        rows if isinstance(rows, str) else "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    )
    faults: list[RowFault] = []

    async def source() -> AsyncIterator[bytes]:
        yield text.encode()

    async def save(_: ImportTally, more: Sequence[RowFault]) -> None:
        faults.extend(more)

    contents = Contents(kind, Format.CSV if isinstance(rows, str) else Format.NDJSON, more.get("list"))
    tally = await intake_of(program).reading(contents, identity, "tester", uuid4()).run(source(), save)
    return tally, faults


async def state(program: Running, stream: Stream[Any, Any]) -> Any:
    return (await program.writer.submit(lambda working: working.state(stream))).answer


async def put(program: Running, entry: Entry) -> None:
    await program.writer.submit(lambda working: definitions.put_entry(working, entry, Precondition()))


@asynccontextmanager
async def alone(database: str, time_zone: str = "UTC") -> AsyncIterator[Running]:
    async with running(database, follows=False) as program:
        program.catalogue.time_zone = time_zone
        yield program


def transaction(number: int, **fields: Any) -> dict[str, Any]:
    body = {"id": f"T-{number}", "member": f"M-{number % 7}", "purchased_at": "2026-09-05T10:00:00Z", "total": "49.90"}
    return {"transaction": body | fields}


async def test_facts_are_recorded_in_order_and_repeats_are_met_again(database: str) -> None:
    async with alone(database) as program:
        rows = [
            transaction(1, status="pending"),
            {"update": {"id": "T-1", "total": "30"}},
            {"accept": {"id": "T-1"}},
            {"refund": {"id": "T-1", "amount": 10.5}},
            {"refund": {"id": "T-1", "amount": "1", "refund_id": "R-1"}},
            transaction(2, status="pending"),
            {"reject": {"id": "T-2", "reason": "no"}},
        ]
        tally, faults = await imported(program, rows)
        assert (tally, faults) == (ImportTally(7, 7, 0, 0), [])
        assert await imported(program, rows) == (ImportTally(7, 0, 7, 0), [])
        first = await state(program, TRANSACTION.at("T-1"))
        assert [refund.amount for refund in first.refunds] == [Decimal("10.5"), Decimal(1)]
        assert (await state(program, TRANSACTION.at("T-2"))).status is Status.REJECTED
        again, faults = await imported(program, rows, identity="another")
        assert (again.recorded, again.repeated, again.failed) == (1, 3, 3)
        assert [(fault.row, fault.problems[0].code) for fault in faults] == [
            (2, "wrong_status"),
            (3, "wrong_status"),
            (7, "wrong_status"),
        ]


async def test_a_broken_row_is_reported_and_the_others_land(database: str) -> None:
    async with alone(database) as program:
        rows: list[object] = [transaction(number) for number in range(1, 2_501)]
        rows[1_999] = '{"transaction": {"id": "T-2000", '
        rows[2_000] = transaction(2_001, total="NaN", purchased_at="yesterday")
        rows[2_001] = transaction(2_002) | {"accept": {"id": "x"}}
        rows[2_002] = transaction(1, total="1")
        rows[2_003] = {"accept": {"id": "unknown"}}
        rows[2_004] = "[1]"
        rows[2_005] = transaction(2_006, total="-1")
        tally, faults = await imported(program, rows)
        assert tally == ImportTally(2_500, 2_493, 0, 7)
        assert [(fault.row, [problem.pointer for problem in fault.problems]) for fault in faults] == [
            (2_000, [""]),
            (2_001, ["/transaction/purchased_at", "/transaction/total"]),
            (2_002, [""]),
            (2_003, ["/transaction"]),
            (2_004, ["/accept"]),
            (2_005, [""]),
            (2_006, ["/transaction/total"]),
        ]
        assert faults[0].content == rows[1_999]
        assert await state(program, TRANSACTION.at("T-2500")) is not None


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ('"total":1e999999999999999999999', "/transaction/total"),
        ('"total":"1e2"', "/transaction/total"),
        (
            '"total":"1","purchased_at":"2026-09-05","attributes":{"a":-1e999999999999999999999}',
            "/transaction/attributes/a",
        ),
        ('"total":"1","member":"M "', "/transaction/member"),
        ('"total":"1","currency":"\\ud800"', "/transaction/currency"),
        (f'"total":"1","attributes":{"[" * 5_000}{"]" * 5_000}', "/transaction/attributes"),
        ('"total":"1","attributes":{"a":"\\x"}', ""),
    ],
)
async def test_whatever_a_row_holds_the_others_land(database: str, fields: str, pointer: str) -> None:
    bad = f'{{"transaction":{{"id":"B","member":"M","purchased_at":"2026-09-05T10:00:00Z",{fields}}}}}'
    async with alone(database) as program:
        tally, faults = await imported(program, [transaction(1), bad, transaction(2)])
        assert (tally.recorded, tally.failed) == (2, 1)
        (fault,) = faults
        assert (fault.row, [problem.pointer for problem in fault.problems]) == (2, [pointer])


@pytest.mark.parametrize(
    ("kind", "header", "cells", "pointer"),
    [
        (ImportKind.FACTS, "id,member,total,purchased_at", "T-1,M,1e999999999999999999999,2026-09-05", "/total"),
        (ImportKind.FACTS, "id,member,total,purchased_at", "T-1, M,1,2026-09-05", "/member"),
        (ImportKind.FACTS, "id,member,total,purchased_at", "T-1,M,1,0000-09-05", "/purchased_at"),
        (ImportKind.MEMBERS, "id,referrer", "M-1,M-2 ", "/referrer"),
        (ImportKind.LIST_MEMBERS, "list,member", "vip,M\u00a0", "/member"),
        (ImportKind.PRODUCTS, "sku,price", "SKU-1,1E+05", "/price"),
        (ImportKind.PRODUCTS, "sku,price", "SKU\0,1", "/sku"),
        (ImportKind.COUPON_CODES, "coupon,code", "welcome,A ", "/code"),
    ],
)
async def test_a_cell_that_can_not_be_taken_is_named_by_its_column(
    database: str, kind: ImportKind, header: str, cells: str, pointer: str
) -> None:
    async with alone(database) as program:
        tally, faults = await imported(program, f"{header}\n{cells}\n", kind)
        assert (tally.recorded, tally.failed) == (0, 1)
        assert [problem.pointer for problem in faults[0].problems] == [pointer]


async def test_a_row_is_told_all_that_is_wrong_with_it(database: str) -> None:
    event = {"id": "E-1", "type": "workout", "member": "M ", "occurred_at": "2026-09-05T10:00:00Z"}
    rows = [{"event": event | {"attributes": {"minutes": "many", "at": None}}}, transaction(1)]
    async with alone(database) as program:
        await put(program, EventType("workout", "Workout", {"minutes": AttributeType.NUMBER}))
        tally, faults = await imported(program, rows)
        assert (tally.recorded, tally.failed) == (1, 1)
        assert {problem.pointer for problem in faults[0].problems} == {
            "/event/member",
            "/event/attributes/minutes",
            "/event/attributes/at",
        }
        assert await state(program, MEMBER_EVENT.at("E-1")) is None


async def test_a_row_that_fails_by_our_own_fault_loses_no_other(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read = kinds.FactReader.read

    def reading(reader: kinds.FactReader, row: Row) -> kinds.RowCommand:
        return read(reader, row) if row.number != 2 else 1 / 0  # type: ignore[return-value]

    monkeypatch.setattr(kinds.FactReader, "read", reading)
    async with alone(database) as program:
        tally, faults = await imported(program, [transaction(1), transaction(2), transaction(3)])
        assert (tally.recorded, tally.failed) == (2, 1)
        assert [(fault.row, fault.problems[0].code) for fault in faults] == [(2, "internal")]


async def test_a_number_beside_a_naive_timestamp_is_exact(database: str) -> None:
    row = '{"transaction":{"id":"T","member":"M","purchased_at":"2026-09-05","total":1e2,"attributes":{"a":0.1}}}'
    async with alone(database) as program:
        await imported(program, [row])
        purchase = (await state(program, TRANSACTION.at("T"))).purchase
        assert (purchase.total, purchase.attributes) == (Decimal(100), {"a": "0.1"})


async def test_csv_columns_are_fields_and_attributes(database: str) -> None:
    async with alone(database) as program:
        types = {
            "minutes": AttributeType.NUMBER,
            "indoor": AttributeType.BOOLEAN,
            "coach": AttributeType.STRING,
            "ends": AttributeType.TIMESTAMP,
        }
        await put(program, EventType("workout", "Workout", types))
        text = (
            "id,member,purchased_at,total,status,attributes.channel,type,occurred_at,"
            "attributes.minutes,attributes.indoor,attributes.coach,attributes.ends,fact\n"
            'T-1,M-1,2026-09-05T10:00:00Z,49.90,pending,"web, mobile",,,,,,,\n'
            "E-1,M-1,,,,,workout,2026-09-05T10:00:00+02:00,35.5,true,false,2026-09-06,\n"
            "E-2,M-1,,,,,workout,2026-09-05T10:00:00Z,many,,,,\n"
            "T-1,,,,,,,,,,,,accept\n"
            "T-2,M-1,2026-09-05T10:00:00Z,1,,,,,,,,,buy\n"
        )
        tally, faults = await imported(program, text)
        assert tally == ImportTally(6, 3, 0, 2), faults
        bought = await state(program, TRANSACTION.at("T-1"))
        assert bought.purchase.attributes == {"channel": "web, mobile"}
        assert bought.status is Status.ACCEPTED
        assert await state(program, MEMBER_EVENT.at("E-1")) is not None
        rows = await program.rows("select payload from laurel.events where tag = 'event.received'")
        received = program.mapper.decode("event.received", rows[0][0])
        assert received.happening.attributes == {
            "minutes": "35.5",
            "indoor": True,
            "coach": "false",
            "ends": "2026-09-06T00:00:00+00:00",
        }
        assert [(fault.row, fault.problems[0].pointer) for fault in faults] == [(4, "/attributes.minutes"), (6, "/buy")]


async def test_a_timestamp_without_offset_is_the_programs_time(database: str) -> None:
    async with alone(database, "Europe/Budapest") as program:
        text = (
            "id,member,purchased_at,total\nT-1,M-1,2026-09-05 10:00,1\nT-2,M-1,2026-09-05,1\n"
            "T-3,M-1,2026-03-29T02:30:00,1\nT-4,M-1,2026-10-25T02:30:00,1\nT-5,M-1,05.09.2026,1\n"
        )
        tally, faults = await imported(program, text)
        assert tally == ImportTally(6, 4, 0, 1)
        assert faults[0].problems[0].pointer == "/purchased_at"
        accepted = "id,member,purchased_at,accepted_at,total\nT-7,M-1,2026-09-05 10:00,2026-09-05 10:30,1\n"
        assert await imported(program, accepted) == (ImportTally(2, 1, 0, 0), [])
        known = await state(program, TRANSACTION.at("T-7"))
        assert known.purchase.accepted_at == datetime(2026, 9, 5, 8, 30, tzinfo=UTC)
        sent = transaction(6, purchased_at="2026-09-05T10:00:00.5", checkout_at="2026-09-05T09:00:00Z")
        assert await imported(program, [sent]) == (ImportTally(1, 1, 0, 0), [])
        expected = {
            "T-1": datetime(2026, 9, 5, 8, tzinfo=UTC),
            "T-2": datetime(2026, 9, 4, 22, tzinfo=UTC),
            "T-3": datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
            "T-4": datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
            "T-6": datetime(2026, 9, 5, 8, 0, 0, 500_000, tzinfo=UTC),
        }
        for key, at in expected.items():
            assert (await state(program, TRANSACTION.at(key))).purchase.purchased_at == at


@pytest.mark.parametrize(
    ("header", "pointers"),
    [("id,membre,attributes.x", ["/membre"]), ("id,id,member", ["/id"]), ("nonsense", ["/nonsense"])],
)
async def test_a_header_that_can_not_be_read_by_is_refused(database: str, header: str, pointers: list[str]) -> None:
    async with alone(database) as program:
        with pytest.raises(Invalid) as refused:
            await imported(program, f"{header}\n1,2,3\n1\n")
        assert [problem.pointer for problem in refused.value.problems] == pointers


async def test_members_lists_and_products(database: str) -> None:
    async with alone(database) as program:
        await put(program, MemberList("vip", "VIP"))
        members = (
            "id,tier,referrer,attributes.city,attributes.vip\n"
            "M-1,gold,M-9,Paris,true\nM-2,,,,\nM-2,,,,\n,,,,\nM-3,,M-3,,\nM-9,,M-1,,\n"
        )
        tally, faults = await imported(program, members, ImportKind.MEMBERS)
        assert tally == ImportTally(7, 2, 1, 2)
        told = [(fault.row, fault.problems[0].pointer, fault.problems[0].code) for fault in faults]
        assert told == [(6, "/referrer", "invalid"), (7, "", "referrer_cycle")]
        assert (await state(program, MEMBER.at("M-1"))).attributes == {"city": "Paris", "vip": True}
        listed = [{"member": "M-1"}, {"member": "M-2"}, {"member": "M-2", "action": "remove"}, {"member": "", "x": 1}]
        tally, faults = await imported(program, listed, ImportKind.LIST_MEMBERS, list="vip")
        assert tally == ImportTally(4, 3, 0, 1)
        assert (await state(program, MEMBER.at("M-1"))).lists == ("vip",)
        nowhere, faults = await imported(program, "member,list\nM-1,none\nM-1,\n", ImportKind.LIST_MEMBERS)
        assert nowhere.failed == 2
        assert [fault.problems[0].code for fault in faults] == ["not_found", "required"]
        products = "sku,name,price\nS-1,Cup,4.50\nS-2,,\nS-1,Cup,4.50\nS-1,Mug,5\nS-3,Bad,-1\n"
        tally, faults = await imported(program, products, ImportKind.PRODUCTS)
        assert tally == ImportTally(6, 3, 1, 1)
        assert (await state(program, PRODUCT.at("S-1"))).name == "Mug"
        assert faults[0].problems[0].pointer == "/price"


async def test_coupon_codes(database: str) -> None:
    async with alone(database) as program:
        await put(program, Coupon("welcome", "Welcome"))
        await put(program, Coupon("summer", "Summer", Generator()))
        codes = "coupon,code\nwelcome,007\nwelcome,A-1\nwelcome,007\nsummer,B\nnone,C\nwelcome,\nwelcome, D\n,E\n"
        tally, faults = await imported(program, codes, ImportKind.COUPON_CODES)
        assert tally == ImportTally(9, 2, 1, 5)
        assert [(fault.row, fault.problems[0].pointer, fault.problems[0].code) for fault in faults] == [
            (5, "", "has_generator"),
            (6, "", "not_found"),
            (7, "/code", "required"),
            (8, "/code", "invalid"),
            (9, "/coupon", "required"),
        ]
        assert await state(program, STOCK.at("coupon", "welcome")) == Stock(supplied=2)
        assert (await state(program, COUPON_SLOT.at("welcome", 1))).code == "007"
        again, _ = await imported(program, [{"coupon": "welcome", "code": "A-1"}], ImportKind.COUPON_CODES)
        assert again == ImportTally(1, 0, 1, 0)
        with pytest.raises(Invalid):
            await imported(program, "coupon,code,member\nwelcome,Z,M-1\n", ImportKind.COUPON_CODES)


async def test_many_coupon_codes_come_in_the_order_of_the_file(database: str) -> None:
    async with alone(database) as program:
        await put(program, Coupon("welcome", "Welcome"))
        rows = [{"coupon": "welcome", "code": f"A-{number}"} for number in range(1, 2_501)]
        tally, _ = await imported(program, rows, ImportKind.COUPON_CODES)
        assert tally == ImportTally(2_500, 2_500, 0, 0)
        assert await state(program, STOCK.at("coupon", "welcome")) == Stock(supplied=2_500)
        for number in (1, 1_000, 1_001, 2_500):
            assert (await state(program, COUPON_SLOT.at("welcome", number))).code == f"A-{number}"


async def test_a_file_killed_in_the_middle_is_imported_again_without_doubling(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "CHUNK_ROWS", 50)
    path, errors = tmp_path / "facts.ndjson", tmp_path / "facts.errors.ndjson"
    rows = [transaction(number) for number in range(400)]
    rows += [{"refund": {"id": f"T-{number}", "amount": "1"}} for number in range(400)]
    rows.insert(700, {"accept": {"id": "none"}})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    contents = Contents(ImportKind.FACTS, Format.NDJSON)
    async with alone(database) as program:
        run = asyncio.create_task(import_file(intake_of(program), path, errors, contents, "me", lambda *_: None))

        refunded = "select from laurel.events where tag = 'transaction.refunded' limit 1"
        await until(lambda: program.rows(refunded))
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        told: list[tuple[int, ImportTally]] = []
        tally = await import_file(
            intake_of(program), path, errors, contents, "me", lambda size, tally: told.append((size, tally))
        )
        assert tally.rows == 801
        assert tally.failed == 1
        assert tally.repeated >= 400
        assert told[-1] == (path.stat().st_size, tally)
        refunds = await program.rows("select count(*) from laurel.events where tag = 'transaction.refunded'")
        assert refunds == [(400,)]
        written = [json.loads(line) for line in errors.read_text().splitlines()]
        assert [(line["row"], line["problems"][0]["code"], line["content"]) for line in written] == [
            (701, "not_found", '{"accept": {"id": "none"}}')
        ]


async def test_a_request_that_comes_again_is_answered_by_the_same_job(database: str) -> None:
    async def sent() -> AsyncIterator[bytes]:
        yield b"one\ntwo\n"
        yield b"three"

    contents = Contents(ImportKind.FACTS, Format.NDJSON)
    async with AsyncConnectionPool(database, open=False) as pool, open_store(database) as jobs:
        kept = ImportStorage(pool)
        key = uuid4()
        for _ in range(2):
            assert await request_import(jobs, kept, sent(), contents, "someone", 100, key) == key
        (job,) = await jobs.list(10)
        assert (job.id, job.total, job.requested_by) == (key, 3, "someone")
        upload = UUID(job.detail["upload"])
        assert [piece async for piece in kept.pieces(upload)] == [b"one\ntwo\nthree"]
        with pytest.raises(ImportTooLarge):
            await request_import(jobs, kept, sent(), contents, "someone", 12)
        async with pool.connection() as connection:
            left = await (await connection.execute("select distinct upload from laurel.import_chunks")).fetchall()
        assert left == [(upload,)]


async def test_twins_are_one_import_and_another_file_under_their_key_is_a_conflict(database: str) -> None:
    async def sent(*pieces: bytes) -> AsyncIterator[bytes]:
        for piece in pieces:
            await asyncio.sleep(0)
            yield piece

    contents = Contents(ImportKind.FACTS, Format.NDJSON)
    async with AsyncConnectionPool(database, open=False) as pool, open_store(database) as jobs:
        kept = ImportStorage(pool)
        key = uuid4()
        twins = [request_import(jobs, kept, sent(b"o", b"ne"), contents, "someone", 100, key) for _ in range(10)]
        assert set(await asyncio.gather(*twins)) == {key}
        async with pool.connection() as connection:
            left = await (await connection.execute("select count(*) from laurel.import_chunks")).fetchall()
        assert left == [(1,)]
        for other, other_contents in ((b"two", contents), (b"one", Contents(ImportKind.MEMBERS, Format.NDJSON))):
            with pytest.raises(Conflict):
                await request_import(jobs, kept, sent(other), other_contents, "someone", 100, key)


async def test_an_error_file_is_bounded_and_takes_any_text(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "MOST_FAULTS", 3)
    async with AsyncConnectionPool(database, open=False) as pool, open_store(database) as jobs:
        job = await jobs.create(JobOrder("import", {}))
        assert job is not None
        await jobs.begin(job)
        kept = ImportStorage(pool)
        problem = Problem("/\0", "\0 and \udcff"[:-1], "nul")
        await kept.save(job, ImportTally(2, 0, 0, 2), [RowFault(row, (problem,), "\0x") for row in (1, 2)])
        await kept.save(job, ImportTally(4, 0, 0, 4), [RowFault(row, (problem,), "y") for row in (3, 4)])
        lines = [json.loads(line) async for piece in kept.faults(job) for line in piece.splitlines()]
        assert [(line["row"], line["content"]) for line in lines] == [(1, "�x"), (2, "�x"), (3, "y")]
        found = await jobs.get(job)
        assert found is not None
        assert (found.done, found.result) == (4, {"row": 4, "recorded": 0, "repeated": 0, "failed": 4})
