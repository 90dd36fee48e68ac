"""What can be wrong with Postgres. Every message says what is wrong and what to do about it.

PostgresUnavailable
+-- DataFolderRefused       the data folder is somebody else's, can't be written, or is of another version
+-- BinariesUnusable        the server's programs are missing, or the server's account can't run them
+-- ServerAccountRefused    root has no unprivileged account to run the server as
+-- ServerDidNotStart       the server gave up or stayed silent; the reason is from its log
+-- ServerDidNotStop        the last user left and the server is still there
+-- DatabaseUnreachable     the address is malformed, or nothing answers there; an operational error, as of psycopg's
+-- ServerVersionRefused    the server is older than we support

NoAnswer, an operational error too: a server that was reached does not answer any more.
"""

import psycopg


class PostgresUnavailable(Exception):  # noqa: N818 - it names the state the caller is in
    pass


class DataFolderRefused(PostgresUnavailable):
    pass


class BinariesUnusable(PostgresUnavailable):
    pass


class ServerAccountRefused(PostgresUnavailable):
    pass


class ServerDidNotStart(PostgresUnavailable):
    pass


class ServerDidNotStop(PostgresUnavailable):
    pass


class DatabaseUnreachable(PostgresUnavailable, psycopg.OperationalError):
    pass


class ServerVersionRefused(PostgresUnavailable):
    pass


class NoAnswer(psycopg.OperationalError):
    def __init__(self, seconds: float) -> None:
        super().__init__(f"the database did not answer within {seconds:g} seconds; the connection is given up")
