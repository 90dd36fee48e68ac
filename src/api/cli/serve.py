"""`laurel serve` and `laurel work`."""

import click
import uvloop

from api.cli.parts import configure_logs, settings_flags
from api.server.socket import address_of, listen
from application.service.settings import (
    Configuration,
)

# ruff: noqa: PLC0415  what runs a program takes most of a second to import, which the other commands do not wait for


@click.command("serve")
@click.option("--no-work", is_flag=True, help="answer requests only; `laurel work` does the rest elsewhere")
@settings_flags()
def serve_command(configuration: Configuration, *, no_work: bool) -> None:
    """Serve the API and the backoffice, and do what goes on by itself."""
    from api.server.serve import serve

    settings = configuration.settings
    configure_logs(settings)
    with listen(settings.host, settings.port) as listener:
        click.echo(f"Laurel{' (sandbox)' if settings.sandbox else ''} at {address_of(listener)}", err=True)
        uvloop.run(serve(settings, listener, works=not no_work))


@click.command("work")
@settings_flags()
def work_command(configuration: Configuration) -> None:
    """Do what goes on by itself (projections, schedules, jobs) for a `laurel serve --no-work`."""
    from api.server.serve import work

    settings = configuration.settings
    configure_logs(settings)
    uvloop.run(work(settings))
