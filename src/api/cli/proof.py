"""Rebuilding and auditing from the command line: progress while it runs, then the certificate."""

import asyncio
from collections.abc import Iterator, Sequence

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from application.log.mapper import Mapper
from application.service.administration import record_act
from application.streams import KINDS
from projections.engine import rebuild as rebuilding
from projections.engine.certificate import Certificate, LogCertificate, TableCertificate
from projections.engine.projection import Projection
from projections.engine.rebuild import LOG, RebuildTask, named, rebuild, take_turn
from projections.registry import PROJECTIONS


def prove(
    conninfo: str, names: Sequence[str], *, as_of: int | None, switch: bool, actor: str, console: Console
) -> Certificate:
    """Rebuilds the projections named, or all, and shows how it goes on `console`. Raises a RebuildError."""
    task = RebuildTask(projections=_chosen(names), as_of=as_of, switch=switch, requested_by=actor)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        names = [*([] if switch else [LOG]), *(projection.name for projection in task.projections)]
        bars = {name: progress.add_task(name, total=None) for name in names}

        def show(at: rebuilding.RebuildStage) -> None:
            progress.update(bars[at.projection], completed=at.position, total=max(at.target, 1))

        with take_turn(conninfo) as turn:
            if task.switches:
                asyncio.run(record_act(conninfo, task.act, actor))
            return rebuild(conninfo, Mapper(KINDS), task, turn=turn, progress=show)


def _chosen(names: Sequence[str]) -> tuple[Projection, ...]:
    known = [projection.name for projection in PROJECTIONS]
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise click.UsageError(f"no projection called {', '.join(unknown)}; there are: {', '.join(known)}")
    return named(PROJECTIONS, names or known)


def show_certificate(certificate: Certificate, console: Console) -> None:
    """What was looked at of the log, a line for each table, then everything that is not as it should be."""
    if certificate.log:
        console.print(_log_line(certificate.log))
    table = Table(box=None, pad_edge=False)
    for heading in ("projection", "table", "position", "rows", "digest", "live"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "digest")
    for projection in certificate.projections:
        for rebuilt in projection.tables:
            table.add_row(
                projection.projection,
                rebuilt.table,
                str(projection.position),
                f"{rebuilt.rebuilt.rows:,}",
                rebuilt.rebuilt.digest,
                _compared(rebuilt),
            )
    console.print(table)
    for line in _wrong(certificate):
        console.print(line, markup=False, soft_wrap=True)
    switched = all(projection.switched_at is not None for projection in certificate.projections)
    console.print(f"Laurel {certificate.code_version}; {'switched' if switched else 'nothing was switched'}.")


def _log_line(log: LogCertificate) -> str:
    state = f"{log.found:,} wrong" if log.found else "in order, and every state what its events make"
    return f"log: {log.events:,} events of {log.streams:,} streams up to position {log.end}: {state}"


def _wrong(certificate: Certificate) -> Iterator[str]:
    if log := certificate.log:
        for finding in log.findings:
            yield f"log: {finding}"
        if log.found > len(log.findings):
            yield f"log: and {log.found - len(log.findings):,} more"
    for projection in certificate.projections:
        name = projection.projection
        for fault in projection.faults:
            yield f"{name} {fault}"
        if projection.failure:
            yield f"{name} can't be rebuilt: {projection.failure}"
        for rebuilt in projection.tables:
            if rebuilt.fault:
                yield f"{name}.{rebuilt.table} {rebuilt.fault}"
            for difference in rebuilt.differences:
                yield f"{name}.{rebuilt.table} {difference.key}"
                yield f"  live:    {difference.live}"
                yield f"  rebuilt: {difference.rebuilt}"


def _compared(table: TableCertificate) -> str:
    if table.live is None:
        return "not compared"
    if table.identical:
        return "identical"
    return f"{table.different} differ, {table.only_live} only live, {table.only_rebuilt} only rebuilt"
