"""Brings a database to this version: numbered steps of SQL, each applied once."""

# ruff: noqa: N818  an error is named for what happened

from importlib.resources import files
from typing import NamedTuple, cast

import psycopg
from psycopg.abc import Query
from psycopg.sql import SQL, Identifier

from application.postgres.connection import named


class MigrationPart(NamedTuple):
    """A part of the program with tables of its own: the `.sql` files of `folder` in `package`, in their names' order.

    A file that a release has shipped is never changed; a later one is added beside it. A library's part names the file
    of the package that makes at once (`whole`) what all its steps come to, and the database schema they are to run in.
    """

    name: str
    package: str
    folder: str
    whole: str | None = None
    schema: str | None = None


class Step(NamedTuple):
    part: str
    name: str
    sql: str


PARTS = (
    MigrationPart("log", "application.log", "migrations"),
    MigrationPart("application", "application.service", "migrations"),
    MigrationPart("projections", "projections", "migrations"),
    MigrationPart("queue", "procrastinate.sql", "migrations", whole="schema.sql", schema="laurel_queue"),
    MigrationPart("jobs", "application.schedule.jobs", "migrations"),
)

STEPS = 1_000
"""The most steps a part may have: a bound on what one start reads."""

_LOCK = 0x6C617572656C
_WAIT = "60s"

_PREPARE = """
create schema if not exists laurel;
create table if not exists laurel.migrations (
    part text not null,
    step text not null,
    applied_at timestamptz not null default now(),
    primary key (part, step)
);
"""


class MigrationError(Exception):
    """The root of what goes wrong while a database is brought to this version; what was applied stays applied."""


class DatabaseIsNewer(MigrationError):
    """A newer version has changed the database; this one would not understand it."""

    def __init__(self, unknown: list[tuple[str, str]]) -> None:
        steps = ", ".join(f"{part}/{step}" for part, step in unknown[:5])
        super().__init__(f"the database was set up by a newer version of Laurel (it has {steps}); run that version")
        self.unknown = unknown


class StepFailed(MigrationError):
    def __init__(self, step: Step, reason: str) -> None:
        super().__init__(f"{step.part}/{step.name} could not be applied: {reason}")


class MigrationBusy(MigrationError):
    def __init__(self) -> None:
        super().__init__(f"another process has been setting up this database for {_WAIT}; try again when it is done")


def migrate(conninfo: str, parts: tuple[MigrationPart, ...] = PARTS) -> list[str]:
    """Applies the missing steps and returns their names; safe to repeat and to run in several processes at once.

    Raises DatabaseIsNewer, StepFailed, MigrationBusy, or psycopg.OperationalError when there is no connection.
    """
    steps = [step for part in parts for step in steps_of(part)]
    with psycopg.connect(named(conninfo, "laurel migrate"), autocommit=True) as connection:
        _take_turn(connection)
        connection.execute(_PREPARE)
        applied = _applied(connection)
        _refuse_newer(applied, steps)
        missing = [step for step in steps if (step.part, step.name) not in applied]
        for part in parts:
            _apply_part(connection, part, [step for step in missing if step.part == part.name], applied)
        return [f"{step.part}/{step.name}" for step in missing]


def steps_of(part: MigrationPart) -> list[Step]:
    folder = files(part.package).joinpath(part.folder)
    found = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    if len(found) > STEPS:
        raise MigrationError(f"{part.name} has {len(found)} steps, more than the {STEPS} allowed")
    return [Step(part.name, name.removesuffix(".sql"), folder.joinpath(name).read_text("utf-8")) for name in found]


def _take_turn(connection: psycopg.Connection) -> None:
    """Held until the connection ends; two processes that start at once would otherwise both create the same things."""
    connection.execute(f"set lock_timeout = '{_WAIT}'")
    try:
        connection.execute("select pg_advisory_lock(%s)", [_LOCK])
    except psycopg.errors.LockNotAvailable as error:
        raise MigrationBusy from error


def _applied(connection: psycopg.Connection) -> set[tuple[str, str]]:
    return {(part, step) for part, step in connection.execute("select part, step from laurel.migrations")}


def _refuse_newer(applied: set[tuple[str, str]], steps: list[Step]) -> None:
    unknown = sorted(applied - {(step.part, step.name) for step in steps})
    if unknown:
        raise DatabaseIsNewer(unknown)


def _apply_part(
    connection: psycopg.Connection, part: MigrationPart, missing: list[Step], applied: set[tuple[str, str]]
) -> None:
    if part.whole and not any(name == part.name for name, _ in applied):
        sql = files(part.package).joinpath(part.whole).read_text("utf-8")
        _apply(connection, part, Step(part.name, part.whole, sql), missing)
        return
    for step in missing:
        _apply(connection, part, step, [step])


def _apply(connection: psycopg.Connection, part: MigrationPart, step: Step, recorded: list[Step]) -> None:
    """In one transaction with its record, so that a step is applied whole or not at all."""
    try:
        with connection.transaction(), connection.cursor() as cursor:
            if part.schema:
                cursor.execute(SQL("create schema if not exists {}").format(Identifier(part.schema)))
                cursor.execute(SQL("set local search_path to {}").format(Identifier(part.schema)))
            cursor.execute(cast(Query, step.sql))
            cursor.executemany(
                "insert into laurel.migrations (part, step) values (%s, %s)",
                [(done.part, done.name) for done in recorded],
            )
    except psycopg.Error as error:
        raise StepFailed(step, str(error).strip()) from error
