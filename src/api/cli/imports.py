"""`laurel import`."""

from pathlib import Path

import click
import uvloop
from msgspec import structs
from rich.console import Console

from api.cli.parts import actor, configure_logs, settings_flags
from application.imports.files import format_of
from application.imports.importing import Contents
from application.imports.kinds import ImportKind
from application.service.settings import (
    Configuration,
    LogFormat,
    LogLevel,
)
from domain.values.problems import Invalid

# ruff: noqa: PLC0415  what runs a program takes most of a second to import, which the other commands do not wait for


@click.command("import")
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
    from api.cli.import_run import bring_in

    errors = errors or file.with_name(f"{file.name}.errors.ndjson")
    configure_logs(structs.replace(configuration.settings, log_format=LogFormat.CONSOLE, log_level=LogLevel.WARNING))
    contents = Contents(ImportKind(kind), format_of(file), list_code)
    try:
        tally = uvloop.run(
            bring_in(configuration.settings, file, errors, contents, actor("import"), Console(stderr=True))
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
