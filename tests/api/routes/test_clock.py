from datetime import UTC, datetime

import psycopg
from psycopg_pool import AsyncConnectionPool

from application.service.clock import SandboxClock
from tests.api.routes.program import Program, pointers

LATER = "2030-01-01T00:00:00Z"


async def test_time_is_moved_and_what_is_due_happens_first(program: Program) -> None:
    due: list[datetime] = []

    async def happen(until: datetime) -> None:
        await sandbox.move(until)
        due.append(until)
        await program.put("/lists/due", {})

    async with AsyncConnectionPool(program.conninfo, min_size=1, open=False) as pool:
        async with await psycopg.AsyncConnection.connect(program.conninfo) as connection:
            await connection.execute("INSERT INTO laurel.sandbox DEFAULT VALUES")
        sandbox = SandboxClock(pool)
        program.services.sandbox = program.services.clock = sandbox
        program.services.due = happen
        moved = await program.put("/clock", {"now": LATER})
        assert moved.status_code == 200, moved.text
        assert moved.json() == {"now": LATER, "sandbox": True, "moved": True, "position": str(program.head())}
        assert due == [datetime(2030, 1, 1, tzinfo=UTC)]
        back = await program.put("/clock", {"now": "2029-01-01T00:00:00Z"})
        assert (back.status_code, back.json()["code"], len(due)) == (409, "clock_backwards", 1)
        for body, pointer in (({}, "/now"), ({"now": "soon"}, "/now"), ({"now": LATER, "zone": "UTC"}, "/zone")):
            assert list(pointers(await program.put("/clock", body))) == [pointer]
        real = await program.client.delete("/v1/clock")
        assert (real.status_code, real.json()["moved"]) == (200, False)
        assert real.headers["laurel-position"] == str(program.head())
