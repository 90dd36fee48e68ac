"""Where the database is, and how connections to it are opened.

A server that is stopped, or beyond a network that is gone, neither answers nor ends a connection: waits are bounded.
"""

import logging
import select
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from typing import Any, TypeVar, cast

import psycopg
from psycopg import pq
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool

from application.postgres.account import UNPRIVILEGED
from application.postgres.embedded import EmbeddedPostgres
from application.postgres.errors import DatabaseUnreachable, NoAnswer, ServerVersionRefused

OLDEST_VERSION = 15
BEHAVIOUR = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""Seconds, and milliseconds for the last: a host that vanished is noticed within a minute."""
RELIED_ON = {
    "DateStyle": "ISO,MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "standard_conforming_strings": "on",
}
"""How values are written as text, which is what is read and digested, whatever the server, the database or the account
have for a default.
"""
ANSWER_SECONDS = 20.0
"""How long an answer is waited for: longer than a statement may take, so that the server's own time-out comes first."""

HOW_TO_WRITE = (
    "can't be understood; write it as postgresql://user:password@host:5432/database, and in user and password"
    " each character that is not a letter, a digit or one of -._~ as % and two hexadecimal digits"
    " (@ is %40, / is %2F, % is %25)"
)

TROUBLE = (psycopg.Error, OSError, TimeoutError)
"""What is raised where a connection is lost, can't be had, or is to a server that can't do what it is asked for now."""

RECOVERY_SECONDS = 900.0
"""How long a start waits for a server that recovers: after a crash it may have gigabytes to replay."""
SILENCE_SECONDS = 60.0
"""How long for one that took no connections and says nothing then, as between its stop and its start."""
RECOVERY_POLL_SECONDS = 0.25
TELLING_SECONDS = 5.0

_REJECTS = "is starting, stopping or recovering"
_READS_ONLY = "is recovering, and can only be read"
_SILENT = "does not answer any more"

_log = logging.getLogger("laurel.postgres")

RV = TypeVar("RV")


class Connection(psycopg.Connection):
    """Raises NoAnswer, and is closed, once the server has owed an answer for so long; None: it may take any time."""

    answer_seconds: float | None = ANSWER_SECONDS

    def wait(self, gen: PQGen[RV], *arguments: Any, **named: Any) -> RV:  # noqa: ANN401  the library's own bounds
        return super().wait(_answered(self, gen, self.answer_seconds), *arguments, **named)


class AsyncConnection(psycopg.AsyncConnection):
    """As `Connection`."""

    answer_seconds: float | None = ANSWER_SECONDS

    async def wait(self, gen: PQGen[RV], *arguments: Any, **named: Any) -> RV:  # noqa: ANN401  the library's own bounds
        return await super().wait(_answered(self, gen, self.answer_seconds), *arguments, **named)


def _answered(connection: Connection | AsyncConnection, gen: PQGen[RV], seconds: float | None) -> PQGen[RV]:
    """As `gen`, which is resumed at least ten times a second while it waits, also when nothing has come."""
    deadline = monotonic() + seconds if seconds else None
    try:
        awaited = next(gen)
        while True:
            ready = yield awaited
            if not ready and deadline and seconds and monotonic() > deadline and _owes_answer(connection):
                connection.pgconn.finish()
                raise NoAnswer(seconds)
            awaited = gen.send(ready)
    except StopIteration as end:
        answer: RV = end.value
        return answer


def _owes_answer(connection: Connection | AsyncConnection) -> bool:
    """Not while it only listens."""
    return connection.pgconn.transaction_status == pq.TransactionStatus.ACTIVE


@contextmanager
def within(connection: psycopg.AsyncConnection[Any], seconds: float) -> Iterator[None]:
    """Where it is one of ours, an answer is waited for no longer than this."""
    if not isinstance(connection, AsyncConnection):
        yield
        return
    before, connection.answer_seconds = connection.answer_seconds, seconds
    try:
        yield
    finally:
        connection.answer_seconds = before


async def check_open(connection: psycopg.AsyncConnection[Any]) -> None:
    """Raises psycopg.OperationalError where the server has ended the session while nobody used it.

    The server is not asked, which takes a while: what it says to an idle connection is as a rule that it ends.
    """
    readable = select.poll()
    readable.register(connection.fileno(), select.POLLIN)
    while readable.poll(0):
        connection.pgconn.consume_input()


@contextmanager
def reach_database(url: str | None, data: Path, account: str = UNPRIVILEGED) -> Iterator[str]:
    """The address of the database: the one that is given (`LAUREL_DATABASE_URL`), or else a server of our own under
    the data folder, which runs for as long as this is open, as `account` when we are root.

    Raises PostgresUnavailable.
    """
    if url is not None:
        for seconds in recovering(url):
            time.sleep(seconds)
        check_version(url)
        yield url
    else:
        with EmbeddedPostgres(data / "postgres", account=account) as conninfo:
            yield conninfo


def recovering(conninfo: str) -> Iterator[float]:
    """Seconds to sleep, again and again, while the server there is to be waited for: it starts, stops or recovers.

    Where it is not, or not any more, whoever connects next is told what is wrong. Raises DatabaseUnreachable for an
    address that can't be understood.
    """
    began = monotonic()
    rejected_at = told_at = -RECOVERY_SECONDS
    while (now := monotonic()) - began < RECOVERY_SECONDS:
        why = _why_not_yet(conninfo)
        if why is _REJECTS:
            rejected_at = now
        elif why is None or (why is _SILENT and now - rejected_at > SILENCE_SECONDS):
            return
        if now - told_at > TELLING_SECONDS:
            told_at = now
            _log.warning("%s %s; it is waited for", _place(conninfo), why)
        yield RECOVERY_POLL_SECONDS


def _why_not_yet(conninfo: str) -> str | None:
    address = named(conninfo, "laurel recovery check")
    try:
        with connect(conninfo, "laurel recovery check") as connection:
            row = connection.execute("select pg_is_in_recovery()").fetchone()
    except psycopg.OperationalError:
        return {pq.Ping.REJECT: _REJECTS, pq.Ping.NO_RESPONSE: _SILENT}.get(pq.Ping(pq.PGconn.ping(address.encode())))
    return _READS_ONLY if row and row[0] else None


def check_version(conninfo: str) -> None:
    """Raises ServerVersionRefused, or DatabaseUnreachable."""
    with connect(conninfo, "laurel version check") as connection:
        version = connection.info.server_version // 10_000
    if version < OLDEST_VERSION:
        raise ServerVersionRefused(
            f"{_place(conninfo)} is PostgreSQL {version}; Laurel needs {OLDEST_VERSION} or later. "
            "Upgrade it, or point LAUREL_DATABASE_URL at a newer server."
        )


def connect(conninfo: str, name: str, **options: Any) -> Connection:  # noqa: ANN401  the library's own
    """In autocommit mode. Raises DatabaseUnreachable."""
    address = named(conninfo, name)
    try:
        return Connection.connect(address, autocommit=True, **options)
    except psycopg.OperationalError as error:
        raise _unreachable(conninfo, error) from error


async def connect_async(conninfo: str, name: str, **options: Any) -> AsyncConnection:  # noqa: ANN401  as above
    """In autocommit mode. Raises DatabaseUnreachable."""
    address = named(conninfo, name)
    try:
        return await AsyncConnection.connect(address, autocommit=True, **options)
    except psycopg.OperationalError as error:
        raise _unreachable(conninfo, error) from error


def pool_of(
    conninfo: str,
    name: str,
    most: int,
    settings: Mapping[str, str] = MappingProxyType({}),
    **options: Any,  # noqa: ANN401  as above
) -> AsyncConnectionPool:
    """Of at most so many connections, with the server's `settings` for each, to be opened by whoever uses it.

    Raises DatabaseUnreachable.
    """
    return AsyncConnectionPool(
        named(conninfo, name, **settings),
        name=name,
        min_size=1,
        max_size=most,
        open=False,
        connection_class=cast(Any, AsyncConnection),
        check=check_open,
        **options,
    )


def named(conninfo: str, name: str, **settings: str) -> str:
    """The same address, for a library: with `name` shown in `pg_stat_activity`, with time-outs, and with the server's
    `settings` for a connection beside those that are relied on. What the address says itself stands, but for these
    settings. Raises DatabaseUnreachable where it can't be understood.
    """
    if fault := address_fault(conninfo):
        raise DatabaseUnreachable(f"The database's address (LAUREL_DATABASE_URL) {fault}.")
    given = conninfo_to_dict(conninfo)
    options = [str(given.get("options", "")), *(f"-c {key}={value}" for key, value in (RELIED_ON | settings).items())]
    fixed = {"application_name": name, "client_encoding": "UTF8", "options": " ".join(options).strip()}
    return make_conninfo("", **(BEHAVIOUR | given | fixed))


def address_fault(address: str) -> str | None:
    """What is wrong with the address of a database, where something is.

    Nothing of it is said: where it can't be understood, or can in two ways, any part may be of its password.
    """
    try:
        parts = conninfo_to_dict(address)
    except psycopg.ProgrammingError:
        return HOW_TO_WRITE
    before_host = address.partition("://")[2].rpartition("@")[0]
    ports = str(parts.get("port", "")).split(",")
    if not set(before_host).isdisjoint("/@") or not all(port.isdigit() for port in ports if port):
        return HOW_TO_WRITE
    return None


def _unreachable(conninfo: str, error: psycopg.OperationalError) -> DatabaseUnreachable:
    return DatabaseUnreachable(
        f"{_place(conninfo)} can't be reached: {str(error).strip()}. "
        "See that the server runs, that LAUREL_DATABASE_URL names it, and that the account and its password are right."
    )


def _place(conninfo: str) -> str:
    """For messages: the address without its password."""
    parts = conninfo_to_dict(conninfo)
    return f"The database {parts.get('dbname', '')!r} at {parts.get('host', 'localhost')}:{parts.get('port', 5432)}"
