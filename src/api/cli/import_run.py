"""Importing a file from the command line: a bar while it runs, then what came of it."""

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from api.server.collector import collect_seldom
from api.server.wiring import running
from application.imports.files import import_file
from application.imports.importing import Contents, ImportTally
from application.service.settings import Settings


async def bring_in(
    settings: Settings, file: Path, errors: Path, contents: Contents, actor: str, console: Console
) -> ImportTally:
    """Beside a service that may be running on the same data. Raises Invalid for a header that can't be read by."""
    size = file.stat().st_size  # noqa: ASYNC240  nothing else runs yet
    columns = (BarColumn(), DownloadColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    async with running(settings, works=False, joins=True) as program:
        with Progress(*columns, console=console) as progress:
            bar = progress.add_task("", total=size)

            collect_seldom()

            def show(read: int, tally: ImportTally) -> None:
                progress.update(bar, completed=read, description=f"{tally.rows:,} rows, {tally.failed:,} refused")

            return await import_file(program.imports.intake, file, errors, contents, actor, show)
