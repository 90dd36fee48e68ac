"""Sessions of a server as it sees them: found by name, ended, and stopped where they are."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

_FIND = """
    select pid from pg_stat_activity
    where application_name like %s and datname = current_database() and pid <> pg_backend_pid()
"""


def sessions(conninfo: str, name: str = "laurel %") -> list[int]:
    """The server's processes for the sessions of a database that are called so."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        return [pid for (pid,) in connection.execute(_FIND, [name])]


def end_sessions(conninfo: str, name: str = "laurel %") -> int:
    """Ends them, and says how many there were."""
    pids = sessions(conninfo, name)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("select pg_terminate_backend(pid, 5000) from unnest(%s::int[]) p (pid)", [pids])
    return len(pids)


@contextmanager
def stopped(*processes: int) -> Iterator[None]:
    """They stand still."""
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)
