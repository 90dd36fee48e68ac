"""`laurel rebuild` and `laurel audit`."""

import click

from api.cli.parts import actor, database, settings_flags, wide_console
from api.cli.proof import prove, show_certificate
from application.service.migrate import migrate
from application.service.settings import (
    Configuration,
    Settings,
)
from projections.engine.certificate import Certificate


@click.command("rebuild")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@settings_flags("database_url", "data")
def rebuild_command(configuration: Configuration, *, names: tuple[str, ...]) -> None:
    """Rebuild projections (all, or those named) beside the live ones, compare, switch, and print the certificate.

    Ends with 1 where one can't be rebuilt, which then stays as it is.
    """
    certificate = _prove(configuration.settings, names, as_of=None, switch=True)
    if certificate.failures:
        raise click.ClickException("not everything was rebuilt; the lines above say what was not, and why")


@click.command("audit")
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


def _prove(settings: Settings, names: tuple[str, ...], *, as_of: int | None, switch: bool) -> Certificate:
    console = wide_console()
    with database(settings) as conninfo:
        migrate(conninfo)
        certificate = prove(
            conninfo, names, as_of=as_of, switch=switch, actor=actor("rebuild" if switch else "audit"), console=console
        )
    show_certificate(certificate, console)
    return certificate
