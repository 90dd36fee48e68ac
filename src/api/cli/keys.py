"""`laurel keys`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import click
from psycopg_pool import AsyncConnectionPool
from rich.table import Table

from api.cli.parts import actor, database, settings_flags, wide_console
from application.postgres.connection import pool_of
from application.service.keys import Role, list_keys, make_key, revoke_key
from application.service.migrate import migrate
from application.service.settings import (
    Configuration,
    Settings,
)
from domain.service.administration import KeyMade, KeyRevoked

# ruff: noqa: PLC0415  what runs a program takes most of a second to import, which the other commands do not wait for


@click.group("keys")
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
            await record_act(conninfo, KeyMade(key.id, name, role), actor("keys"))
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

    wide_console().print(asyncio.run(table()))


@keys_group.command("revoke")
@click.argument("key_id", metavar="ID")
@settings_flags("database_url", "data")
def revoke_command(configuration: Configuration, *, key_id: str) -> None:
    """Revoke the key with this ID; running services see it within half a minute."""
    from application.service.administration import record_act

    async def revoke() -> None:
        async with _pool(configuration.settings) as (conninfo, pool):
            if any(key.id == key_id and key.revoked_at is None for key in await list_keys(pool)):
                await record_act(conninfo, KeyRevoked(key_id), actor("keys"))
            await revoke_key(pool, key_id, datetime.now(UTC))

    asyncio.run(revoke())
    click.echo(f"Revoked {key_id}.")


@asynccontextmanager
async def _pool(settings: Settings) -> AsyncIterator[tuple[str, AsyncConnectionPool]]:
    with database(settings) as conninfo:
        migrate(conninfo)
        async with pool_of(conninfo, "laurel keys", 1) as pool:
            yield conninfo, pool


def _instant(instant: datetime | None) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds") if instant else ""
