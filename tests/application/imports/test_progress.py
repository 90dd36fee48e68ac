"""Progress by import: each row a change as by hand, once."""

from decimal import Decimal
from functools import partial
from typing import Any

from application.achievements import commands as achievements
from application.imports.importing import ImportTally
from application.imports.kinds import ImportKind
from application.members.commands import put_member
from application.streams import PROGRESS
from domain.achievements.definition import Period, PeriodKind
from domain.values.limit import Limit
from tests.application.imports.test_importing import alone, imported, state
from tests.application.schedule.jobs.program import Running
from tests.support.achievements import ACHIEVEMENT, definition, rule

HEADER = "member,achievement,completed,rule,value,at,reason\n"
DAILY = rule(goal=Decimal(2), period=Period(PeriodKind.DAY), consecutive=2)


async def achieving(program: Running) -> None:
    given = definition(rule(), DAILY, limit=Limit(Decimal(3)))
    await program.writer.submit(partial(achievements.define, achievement_id=ACHIEVEMENT, definition=given))
    for member in ("M-1", "M-2"):
        await program.writer.submit(partial(put_member, member_id=member, tier=None, attributes={}, referrer=None))


async def progress(program: Running, member: str) -> tuple[int, list[str]]:
    """The completed count, and what is in the buckets of all rules."""
    held = await state(program, PROGRESS.at(ACHIEVEMENT, 1, member))
    return held.completed, [str(bucket.amount) for _, of in held.rules for bucket in of.buckets]


def row(**fields: Any) -> dict[str, Any]:
    return {"member": "M-1", "achievement": str(ACHIEVEMENT), **fields}


async def test_rows_of_both_formats_change_progress(database: str) -> None:
    async with alone(database, "Europe/Budapest") as program:
        await achieving(program)
        rows: list[object] = [
            row(completed=1),
            row(rule=1, value="2.5", reason="lost receipt"),
            row(rule=2, value=3, at="2026-09-09T00:30:00"),
        ]
        assert await imported(program, rows, ImportKind.PROGRESS) == (ImportTally(3, 3, 0, 0), [])
        assert await progress(program, "M-1") == (1, ["2.5", "3"])
        text = (
            f"{HEADER}M-2,{ACHIEVEMENT},1,,,,\nM-2,{ACHIEVEMENT},,1,2.5,,lost receipt\n"
            f"M-2,{ACHIEVEMENT},,2,3,2026-09-08T22:30:00Z,\n"
        )
        assert await imported(program, text, ImportKind.PROGRESS, "2") == (ImportTally(4, 3, 0, 0), [])
        one, other = [await state(program, PROGRESS.at(ACHIEVEMENT, 1, member)) for member in ("M-1", "M-2")]
        assert one.rules == other.rules


async def test_what_a_row_completes_it_completes_once(database: str) -> None:
    async with alone(database) as program:
        await achieving(program)
        rows: list[object] = [
            row(rule=1, value=5),
            row(rule=2, value=2, at="2026-09-08"),
            row(rule=2, value=2, at="2026-09-09"),
        ]
        assert await imported(program, rows, ImportKind.PROGRESS) == (ImportTally(3, 3, 0, 0), [])
        assert await progress(program, "M-1") == (1, [])
        assert await imported(program, rows, ImportKind.PROGRESS) == (ImportTally(3, 0, 3, 0), [])
        assert await progress(program, "M-1") == (1, [])
        assert await imported(program, [row(completed=1)], ImportKind.PROGRESS, "another") == (
            ImportTally(1, 0, 1, 0),
            [],
        )


async def test_rows_that_can_not_be_are_reported(database: str) -> None:
    async with alone(database) as program:
        await achieving(program)
        bad: list[tuple[dict[str, Any], str, str]] = [
            (row(), "", "invalid"),
            (row(member="M-9", completed=1), "", "not_found"),
            (row(achievement="018f0000-0000-7000-8000-00000000ffff", completed=1), "", "not_found"),
            (row(achievement="x", completed=1), "/achievement", "type"),
            (row(completed=4), "", "limit_reached"),
            (row(completed=-1), "/completed", "type"),
            (row(rule=1), "/value", "invalid"),
            (row(value=1), "/rule", "invalid"),
            (row(completed=1, at="2026-09-09"), "/rule", "invalid"),
            (row(rule=3, value=1), "/rule", "invalid"),
            (row(rule=1, value=-1), "/value", "negative"),
            (row(rule=1, value=1, at="soon"), "/at", "invalid"),
            (row(rule=1, value=1, at="9999-12-31T23:59:59-10:00"), "/at", "invalid"),
            (row(completed=1, reason=""), "/reason", "type"),
            (row(completed=1, colour="red"), "/colour", "unknown_field"),
        ]
        tally, faults = await imported(program, [body for body, _, _ in bad], ImportKind.PROGRESS)
        assert tally == ImportTally(len(bad), 0, 0, len(bad))
        found = [(fault.problems[0].pointer, fault.problems[0].code) for fault in faults]
        assert found == [(pointer, code) for _, pointer, code in bad]
        text = f"{HEADER}M-1,{ACHIEVEMENT},one,,,,\nM-1,{ACHIEVEMENT},1.0,,,,\nM-1,{ACHIEVEMENT},{'9' * 30},,,,\n"
        tally, faults = await imported(program, text, ImportKind.PROGRESS)
        assert [fault.problems[0].pointer for fault in faults] == ["/completed"] * 3
