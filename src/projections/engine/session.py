"""Connections that write projections."""

from application.postgres import connection as postgres
from application.postgres.connection import Connection
from projections.engine import columns

_SETTINGS = {
    # Statements are planned once, for tables of any size: each row is found by its key.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    # A crash may take back the last commits whole, position and effect; they are folded again from the log.
    "synchronous_commit": "off",
    # Whoever is stopped, or whose host is gone without a word, must not hold its locks for ever.
    "idle_session_timeout": "30s",
    "idle_in_transaction_session_timeout": "30s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}


def connect(conninfo: str, name: str, answer_seconds: float | None = None) -> Connection:
    """One on which a statement may take any time, or so long. Raises psycopg.OperationalError."""
    connection = postgres.connect(conninfo, f"laurel {name}", prepare_threshold=None)
    for setting, value in _SETTINGS.items():
        connection.execute("select set_config(%s, %s, false)", [setting, value])
    connection.answer_seconds = answer_seconds
    columns.register(connection)
    return connection
