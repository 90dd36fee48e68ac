"""`laurel config`."""

import click
from rich.table import Table

from api.cli.parts import settings_flags, wide_console
from application.service.settings import (
    Configuration,
)


@click.command("config")
@settings_flags()
def config_command(configuration: Configuration) -> None:
    """Show the settings and where each came from; a flag such as --port stands for LAUREL_PORT."""
    table = Table(box=None, pad_edge=False)
    for heading in ("variable", "value", "from", "meaning"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "variable")
    for shown in configuration.shown():
        table.add_row(shown.variable, shown.value, shown.source.value, shown.description)
    wide_console().print(table)
