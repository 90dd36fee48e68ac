"""The command line: `laurel`."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import psycopg
import uvloop
from msgspec import structs
from psycopg_pool import AsyncConnectionPool
from rich.console import Console
from rich.table import Table

from api.listening import CannotListenError, address_of, listen
from api.proving import prove, show_certificate
from application.imports.files import format_of
from application.imports.importing import Contents
from application.imports.kinds import Kind as ImportKind
from application.log.errors import LogError
from application.postgres.account import account_name
from application.postgres.connection import pool_of, reach_database
from application.postgres.errors import PostgresUnavailable
from application.service.actors import typed
from application.service.clock import SandboxRefusedError
from application.service.keys import Role, UnknownKeyError, list_keys, make_key, revoke_key
from application.service.migrate import MigrationError, migrate
from application.service.settings import (
    SETTINGS,
    Configuration,
    LogFormat,
    LogLevel,
    Setting,
    Settings,
    SettingsError,
    Source,
    load,
)
from domain.service.administration import KeyMade, KeyRevoked
from domain.values.problems import Invalid
from projections.engine.certificate import Certificate
from projections.engine.rebuild import RebuildError

# ruff: noqa: PLC0415  what runs a program takes most of a second to import, which the other commands do not wait for

F = TypeVar("F", bound=Callable[..., Any])

DEMO_DATA = Path(".laurel-demo")

_EXPECTED = (
    CannotListenError,
    LogError,
    MigrationError,
    PostgresUnavailable,
    RebuildError,
    SandboxRefusedError,
    UnknownKeyError,
)


class _Laurel(click.Group):
    """Says what went wrong in a line instead of a traceback, where it is known."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  click types it so
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            raise click.UsageError(str(error)) from None
        except _EXPECTED as error:
            raise click.ClickException(str(error)) from None
        except psycopg.OperationalError as error:
            raise click.ClickException(f"the database can't be reached: {str(error).strip()}") from None
        except psycopg.Error as error:
            raise click.ClickException(f"the database is not as it should be: {str(error).strip()}") from None


@click.group(cls=_Laurel, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="laurel")
def main() -> None:
    """Laurel, a loyalty decision engine."""


def settings_flags(*names: str) -> Callable[[F], F]:
    """Give a command a flag for each of these settings, or for all, and its first argument the configuration."""

    def decorate(function: F) -> F:
        def run(**arguments: Any) -> Any:  # noqa: ANN401  a command's own arguments
            flags = {setting.name: arguments.pop(setting.name) for setting in chosen}
            return function(load(flags, os.environ), **arguments)

        chosen = [setting for setting in SETTINGS if not names or setting.name in names]
        command: Any = run
        command.__doc__ = function.__doc__
        command.__name__ = function.__name__
        command.__click_params__ = getattr(function, "__click_params__", [])
        for setting in reversed(chosen):
            command = _flag(setting)(command)
        return command  # type: ignore[no-any-return]

    return decorate


def _flag(setting: Setting) -> Callable[[Any], Any]:
    if setting.kind is bool:
        name = f"{setting.flag}/--no-{setting.flag.removeprefix('--')}"
        return click.option(name, setting.name, default=None, help=f"{setting.description} [{setting.variable}]")
    return click.option(setting.flag, setting.name, help=f"{setting.description} [{setting.variable}]")


@main.command("serve")
@click.option("--no-work", is_flag=True, help="answer requests only; `laurel work` does the rest elsewhere")
@settings_flags()
def serve_command(configuration: Configuration, *, no_work: bool) -> None:
    """Serve the API and the backoffice, and do what goes on by itself."""
    from api.serve import serve

    settings = configuration.settings
    _configure_logs(settings)
    with listen(settings.host, settings.port) as listener:
        click.echo(f"Laurel{' (sandbox)' if settings.sandbox else ''} at {address_of(listener)}", err=True)
        uvloop.run(serve(settings, listener, works=not no_work))


@main.command("work")
@settings_flags()
def work_command(configuration: Configuration) -> None:
    """Do what goes on by itself (projections, schedules, jobs) for a `laurel serve --no-work`."""
    from api.serve import work

    settings = configuration.settings
    _configure_logs(settings)
    uvloop.run(work(settings))


@main.command("demo")
@settings_flags("data", "host", "port", "time_zone", "admin_key", "log_format", "log_level")
def demo_command(configuration: Configuration) -> None:
    """Serve a sandbox with a small, lively program in it, ready to look at."""
    from api.serve import show_demo

    given = configuration.settings
    settings = structs.replace(
        given,
        database_url=None,
        sandbox=True,
        data=DEMO_DATA if configuration.sources["data"] is Source.DEFAULT else given.data,
        admin_key=given.admin_key or secrets.token_urlsafe(18),
        log_format=LogFormat.CONSOLE if configuration.sources["log_format"] is Source.DEFAULT else given.log_format,
        log_level=LogLevel.WARNING if configuration.sources["log_level"] is Source.DEFAULT else given.log_level,
    )
    _configure_logs(settings)
    with listen(settings.host, settings.port) as listener:
        address = address_of(listener)
        click.echo("Playing the last months of a gym with a café, in a sandbox ...", err=True)

        def opened() -> None:
            click.echo(f"Look at it:      {address}/sign-in#{settings.admin_key}")
            click.echo(f"Browse the API:  {address}/schema   (Authorization: Bearer {settings.admin_key})")
            click.echo("Watch the campaign Flash: every two minutes one of its occurrences is paid. Ctrl-C stops.")

        uvloop.run(show_demo(settings, listener, opened))


@main.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--kind", type=click.Choice([kind.value for kind in ImportKind]), default="facts", show_default=True)
@click.option("--list", "list_code", help="the list that list members join, where the rows do not say it")
@click.option("--errors", type=click.Path(dir_okay=False, path_type=Path), help="where rows that are refused go")
@settings_flags("database_url", "data", "time_zone", "register_unknown_members", "sandbox")
def import_command(
    configuration: Configuration, *, file: Path, kind: str, list_code: str | None, errors: Path | None
) -> None:
    """Import a file of NDJSON or CSV, with a progress bar; rows that are refused go to FILE.errors.ndjson.

    A line of NDJSON is a fact as in a batch of the API: {"transaction": {...}}, {"event": {...}}, {"accept": {"id":
    ...}} and so on. In a CSV the column `fact` says which, where it is neither of the first two, and attributes are in
    columns such as `attributes.channel`. Rows of the other kinds have these fields, as columns or in an object:

    \b
    members       id, tier, referrer, attributes
    list_members  member, list, action (add or remove)
    products      sku, name, category, brand, price
    coupon_codes  coupon, code
    progress      member, achievement, completed, rule, value, at, reason

    An import may be repeated: what is recorded already is not recorded again.
    """  # noqa: D301  click looks for the character itself
    from api.importing import bring_in

    errors = errors or file.with_name(f"{file.name}.errors.ndjson")
    _configure_logs(structs.replace(configuration.settings, log_format=LogFormat.CONSOLE, log_level=LogLevel.WARNING))
    contents = Contents(ImportKind(kind), format_of(file), list_code)
    try:
        tally = uvloop.run(
            bring_in(configuration.settings, file, errors, contents, _actor("import"), Console(stderr=True))
        )
    except Invalid as invalid:
        first = invalid.problems[0]
        detail = f"column `{first.pointer.removeprefix('/')}`: {first.detail}"
        raise click.ClickException(f"{file} is not taken as {kind} (see --kind); {detail}") from None
    click.echo(
        f"{tally.rows:,} rows: {tally.recorded:,} recorded, {tally.repeated:,} repeated, {tally.failed:,} refused"
    )
    if tally.failed:
        raise click.ClickException(f"what was refused, and why, is in {errors}")


@main.command("migrate")
@settings_flags("database_url", "data")
def migrate_command(configuration: Configuration) -> None:
    """Set up the database, or bring it to this version."""
    with _database(configuration.settings) as conninfo:
        applied = migrate(conninfo)
    for step in applied:
        click.echo(f"applied {step}")
    click.echo("The database is at this version.")


@main.command("rebuild")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@settings_flags("database_url", "data")
def rebuild_command(configuration: Configuration, *, names: tuple[str, ...]) -> None:
    """Rebuild projections (all, or those named) beside the live ones, compare, switch, and print the certificate.

    Ends with 1 where one can't be rebuilt, which then stays as it is.
    """
    certificate = _prove(configuration.settings, names, as_of=None, switch=True)
    if certificate.failures:
        raise click.ClickException("not everything was rebuilt; the lines above say what was not, and why")


@main.command("audit")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--as-of", type=click.IntRange(min=1), help="build to this past position; there is nothing to compare")
@settings_flags("database_url", "data")
def audit_command(configuration: Configuration, *, names: tuple[str, ...], as_of: int | None) -> None:
    """Look at everything decisions are made from, and at everything that is shown, and change nothing.

    The log: positions and versions without a hole, every event readable, every state what its events make, the heads.
    Then projections (all, or those named): rebuilt beside the live ones, and compared row by row. Ends with 0 where all
    is as it should be, and with 1 where anything is not, whose place it names.
    """
    if not _prove(configuration.settings, names, as_of=as_of, switch=False).sound:
        raise click.ClickException("not everything is as it should be; the lines above say what is not, and where")


@main.command("config")
@settings_flags()
def config_command(configuration: Configuration) -> None:
    """Show the settings and where each came from; a flag such as --port stands for LAUREL_PORT."""
    table = Table(box=None, pad_edge=False)
    for heading in ("variable", "value", "from", "meaning"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "variable")
    for shown in configuration.shown():
        table.add_row(shown.variable, shown.value, shown.source.value, shown.description)
    _console().print(table)


@main.group("keys")
def keys_group() -> None:
    """Make, list and revoke API keys."""


@keys_group.command("make")
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True, help="what the key may do")
@settings_flags("database_url", "data")
def make_command(configuration: Configuration, *, name: str, role: str) -> None:
    """Make a key called NAME. It is shown this once."""
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise click.UsageError("a key's name has 1 to 100 printable characters")

    from application.service.administration import record_act

    async def make() -> str:
        async with _pool(configuration.settings) as (conninfo, pool):
            text, key = await make_key(pool, name, Role(role), datetime.now(UTC))
            # a key that is not on record is shown to nobody
            await record_act(conninfo, KeyMade(key.id, name, role), _actor("keys"))
            return text

    click.echo(asyncio.run(make()))


@keys_group.command("list")
@settings_flags("database_url", "data")
def list_command(configuration: Configuration) -> None:
    """List the keys, revoked ones included."""

    async def table() -> Table:
        async with _pool(configuration.settings) as (_, pool):
            keys = await list_keys(pool)
        table = Table(box=None, pad_edge=False)
        for heading in ("id", "name", "role", "made", "revoked"):
            table.add_column(heading, overflow="fold")
        for key in keys:
            table.add_row(key.id, key.name, key.role.value, _instant(key.created_at), _instant(key.revoked_at))
        return table

    _console().print(asyncio.run(table()))


@keys_group.command("revoke")
@click.argument("key_id", metavar="ID")
@settings_flags("database_url", "data")
def revoke_command(configuration: Configuration, *, key_id: str) -> None:
    """Revoke the key with this ID; running services see it within half a minute."""
    from application.service.administration import record_act

    async def revoke() -> None:
        async with _pool(configuration.settings) as (conninfo, pool):
            if any(key.id == key_id and key.revoked_at is None for key in await list_keys(pool)):
                await record_act(conninfo, KeyRevoked(key_id), _actor("keys"))
            await revoke_key(pool, key_id, datetime.now(UTC))

    asyncio.run(revoke())
    click.echo(f"Revoked {key_id}.")


def _actor(command: str) -> str:
    return typed(command, account_name(os.getuid()))


def _configure_logs(settings: Settings) -> None:
    from api.observation import configure_logs

    configure_logs(settings.log_format, settings.log_level)


def _prove(settings: Settings, names: tuple[str, ...], *, as_of: int | None, switch: bool) -> Certificate:
    console = _console()
    with _database(settings) as conninfo:
        migrate(conninfo)
        certificate = prove(
            conninfo, names, as_of=as_of, switch=switch, actor=_actor("rebuild" if switch else "audit"), console=console
        )
    show_certificate(certificate, console)
    return certificate


@contextmanager
def _database(settings: Settings) -> Iterator[str]:
    with reach_database(settings.database_url, settings.data, settings.postgres_user) as conninfo:
        yield conninfo


@asynccontextmanager
async def _pool(settings: Settings) -> AsyncIterator[tuple[str, AsyncConnectionPool]]:
    with _database(settings) as conninfo:
        migrate(conninfo)
        async with pool_of(conninfo, "laurel keys", 1) as pool:
            yield conninfo, pool


def _instant(instant: datetime | None) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds") if instant else ""


def _console() -> Console:
    """As wide as the terminal; in a pipe, wide enough for every line."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=240)
