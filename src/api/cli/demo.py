"""`laurel demo`."""

import secrets
from pathlib import Path

import click
import uvloop
from msgspec import structs

from api.cli.parts import configure_logs, settings_flags
from api.server.socket import address_of, listen
from application.service.settings import (
    Configuration,
    LogFormat,
    LogLevel,
    Source,
)

# ruff: noqa: PLC0415  what runs a program takes most of a second to import, which the other commands do not wait for


DEMO_DATA = Path(".laurel-demo")


@click.command("demo")
@settings_flags("data", "host", "port", "time_zone", "admin_key", "log_format", "log_level")
def demo_command(configuration: Configuration) -> None:
    """Serve a sandbox with a small, lively program in it, ready to look at."""
    from api.server.serve import show_demo

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
    configure_logs(settings)
    with listen(settings.host, settings.port) as listener:
        address = address_of(listener)
        click.echo("Playing the last months of a gym with a café, in a sandbox ...", err=True)

        def opened() -> None:
            click.echo(f"Look at it:      {address}/sign-in#{settings.admin_key}")
            click.echo(f"Browse the API:  {address}/schema   (Authorization: Bearer {settings.admin_key})")
            click.echo("Watch the campaign Flash: every two minutes one of its occurrences is paid. Ctrl-C stops.")

        uvloop.run(show_demo(settings, listener, opened))
