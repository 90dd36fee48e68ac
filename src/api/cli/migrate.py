"""`laurel migrate`."""

import click

from api.cli.parts import database, settings_flags
from application.service.migrate import migrate
from application.service.settings import (
    Configuration,
)


@click.command("migrate")
@settings_flags("database_url", "data")
def migrate_command(configuration: Configuration) -> None:
    """Set up the database, or bring it to this version."""
    with database(configuration.settings) as conninfo:
        applied = migrate(conninfo)
    for step in applied:
        click.echo(f"applied {step}")
    click.echo("The database is at this version.")
