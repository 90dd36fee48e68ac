"""The command line, `laurel`: one module a command."""

from typing import Any

import click
import psycopg

from api.cli.audit import audit_command, rebuild_command
from api.cli.config import config_command
from api.cli.demo import demo_command
from api.cli.imports import import_command
from api.cli.keys import keys_group
from api.cli.migrate import migrate_command
from api.cli.serve import serve_command, work_command
from api.server.socket import CannotListenError
from application.log.errors import LogError
from application.postgres.errors import PostgresUnavailable
from application.service.clock import SandboxRefusedError
from application.service.keys import UnknownKeyError
from application.service.migrate import MigrationError
from application.service.settings import SettingsError
from projections.engine.rebuild import RebuildError

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


for command in (
    serve_command,
    work_command,
    demo_command,
    import_command,
    migrate_command,
    rebuild_command,
    audit_command,
    config_command,
    keys_group,
):
    main.add_command(command)
