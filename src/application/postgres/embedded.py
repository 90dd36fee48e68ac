"""A Postgres server of our own under a data folder, shared by all processes that name this folder.

The first user starts it, the next ones attach to it, and it ends with the last one, however that one ends: see
`watchdog`. Connections are by socket only, in a folder that only the server's account and we can enter, so whoever gets
that far is let in without a password.
"""

import fcntl
import json
import os
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from psycopg import pq
from psycopg.conninfo import make_conninfo

from application.postgres.account import UNPRIVILEGED, ServerAccount, server_account
from application.postgres.errors import PostgresUnavailable, ServerDidNotStart, ServerDidNotStop
from application.postgres.folder import prepare_folder, remove_link, socket_folder
from application.postgres.locks import POLL_SECONDS, is_free, lock_within, try_lock
from application.postgres.programs import server_programs

START_TIMEOUT_SECONDS = 60.0
"""Without a sign of life."""
RECOVERY_TIMEOUT_SECONDS = 900.0
"""While the server says that it is starting up, which after a crash takes as long as replaying 4 GB can take."""
STARTING_POLL_SECONDS = 0.05
"""The server logs every refusal while it starts up."""
STOP_TIMEOUT_SECONDS = 60.0
COLLAPSES = 3
"""After so many starts that fail before our eyes, there is no point in waiting for the next."""
REASON_LIMIT = 1500
LOG_TAIL = 20_000
COMPLAINT = re.compile("(?:FATAL|PANIC):  (?!the database system is)(.*)")
CLUSTER_NAME_LIMIT = 63
"""The end of the data folder's path, so that a listing of processes shows whose server it is."""
WATCHDOG = Path(__file__).with_name("watchdog.py")

INITDB = (
    "--username=laurel",
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--data-checksums",
)
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_directories": ".",
    "unix_socket_permissions": "0700",
    "port": "5432",
    "max_connections": "60",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_compression": "on",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_destination": "stderr",
    # Statements and details quote rows, and rows are about members.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
}
FORGETFUL = {"fsync": "off", "full_page_writes": "off"}


def shared_buffers(memory: int) -> str:
    """A sixteenth of the machine's memory (in bytes), from 128 to 512 MiB: room for the indexes of a million facts."""
    return f"{min(max(memory // 16, 128 * 2**20), 512 * 2**20) // 2**20}MB"


class EmbeddedPostgres:
    """One process's use of the server under `data`, a folder of its own. When we are root, `account` runs it.

    `durable=False` is for tests: commits don't reach the disk, and a crash of the machine may ruin the cluster.
    The object is for one thread at a time; its address is for all. A forked child keeps the server alive as well.
    """

    def __init__(self, data: Path, *, account: str = UNPRIVILEGED, durable: bool = True) -> None:
        self._data = data.absolute()
        self._account_name = account
        self._durable = durable
        self._use: int | None = None
        self._account: ServerAccount | None = None
        self._socket = self._data / "cluster"

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def conninfo(self) -> str:
        """The server's address, for any process of this account, while someone uses the server."""
        return make_conninfo(host=str(self._socket), port=5432, user="laurel", dbname="postgres")

    def start(self) -> str:
        """The address of the server, which runs and takes connections. Raises PostgresUnavailable."""
        if self._use is None:
            self._account = server_account(self._account_name)
            prepare_folder(self._data, self._account)
            self._use = self._begin_use()
        try:
            self.ensure_running()
        except BaseException:
            os.close(self._use)
            self._use = None
            raise
        return self.conninfo

    def _begin_use(self) -> int:
        patience = START_TIMEOUT_SECONDS + STOP_TIMEOUT_SECONDS
        order = lock_within(self._data / "lock", fcntl.LOCK_EX, patience)
        if order is None:
            raise ServerDidNotStart(
                f"Another process has been starting or stopping the server of {self._data} for {patience:.0f} seconds. "
                "See whether it hangs, and end it."
            )
        try:
            self._socket = socket_folder(self._data)
            use = lock_within(self._data / "users", fcntl.LOCK_SH, STOP_TIMEOUT_SECONDS)
        finally:
            os.close(order)
        if use is None:
            raise ServerDidNotStart(f"The server of {self._data} is being stopped and does not end. {self._see_log()}")
        return use

    def ensure_running(self) -> None:
        """Waits for the server, and starts it where nobody does. Raises ServerDidNotStart.

        A server that died is restarted by its watchdog; this is for when that was killed too.
        """
        now = time.monotonic()
        silence_ends, deadline = now + START_TIMEOUT_SECONDS, now + RECOVERY_TIMEOUT_SECONDS
        before, collapses = pq.Ping.NO_RESPONSE, 0
        reason: int | None = None
        try:
            while (answer := self._ping()) != pq.Ping.OK:
                now = time.monotonic()
                if answer == pq.Ping.REJECT:
                    silence_ends = min(now + START_TIMEOUT_SECONDS, deadline)
                elif before == pq.Ping.REJECT:
                    collapses += 1
                if now > silence_ends or collapses >= COLLAPSES:
                    raise ServerDidNotStart(f"The server of {self._data} does not answer. {self._see_log()}")
                if reason is None:
                    reason = self._launch_watchdog()
                self._wait(reason, STARTING_POLL_SECONDS if answer == pq.Ping.REJECT else POLL_SECONDS)
                before = answer
        finally:
            if reason is not None:
                os.close(reason)

    def _ping(self) -> pq.Ping:
        return pq.Ping(pq.PGconn.ping(make_conninfo(self.conninfo, connect_timeout=5).encode()))

    def _launch_watchdog(self) -> int | None:
        """The descriptor from which to read the reason if the server can't be started, or None if one is there."""
        lock = try_lock(self._data / "server", fcntl.LOCK_EX)
        if lock is None:
            return None
        reason, writer = os.pipe()
        try:
            subprocess.run(  # noqa: S603 - our own script, no shell
                [sys.executable, "-I", "-S", str(WATCHDOG), json.dumps(self._order(lock))],
                stdin=subprocess.DEVNULL,
                stdout=writer,
                stderr=writer,
                pass_fds=(lock,),
                start_new_session=True,
                check=True,
                timeout=START_TIMEOUT_SECONDS,
            )
        except (OSError, subprocess.SubprocessError) as error:
            os.close(reason)
            raise ServerDidNotStart(f"The watchdog of {self._data} could not be started: {error}") from error
        except PostgresUnavailable:
            os.close(reason)
            raise
        finally:
            os.close(writer)
            os.close(lock)
        return reason

    def _order(self, lock: int) -> dict[str, object]:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        own = {"cluster_name": str(self._data)[-CLUSTER_NAME_LIMIT:], "shared_buffers": shared_buffers(memory)}
        settings = SETTINGS | own | ({} if self._durable else FORGETFUL)
        return {
            "programs": str(server_programs(self._account)),
            "data": str(self._data),
            "account": self._account and (self._account.user, self._account.group),
            "initdb": [*INITDB, *([] if self._durable else ["--no-sync"])],
            "settings": [word for name, value in settings.items() for word in ("-c", f"{name}={value}")],
            "lock": lock,
        }

    def _wait(self, reason: int | None, seconds: float) -> None:
        if reason is None:
            time.sleep(seconds)
        elif select.select([reason], [], [], seconds)[0]:
            said = b""
            while chunk := os.read(reason, 65536):
                said += chunk
            why = said.decode(errors="replace")[-REASON_LIMIT:].strip() or "its watchdog ended without a word"
            raise ServerDidNotStart(f"The server of {self._data} did not start: {why}\n{self._see_log()}")

    def _see_log(self) -> str:
        log = self._data / "server.log"
        complaints = COMPLAINT.findall(log.read_text(errors="replace")[-LOG_TAIL:]) if log.exists() else []
        last = f" It said last: {complaints[-1]}." if complaints else ""
        free = shutil.disk_usage(self._data).free // 2**20
        space = f" Only {free} MiB of its disk are free: make room." if free < 256 else ""
        return f"Its log is {log}.{last}{space}"

    def stop(self) -> None:
        """Ends this use. When it was the last one, returns once the server is gone. Raises ServerDidNotStop."""
        if self._use is None:
            return
        order = lock_within(self._data / "lock", fcntl.LOCK_EX, STOP_TIMEOUT_SECONDS)
        try:
            os.close(self._use)
            self._use = None
            self._wait_for_end()
        finally:
            if order is not None:
                os.close(order)

    def _wait_for_end(self) -> None:
        """With `lock` held, so `users` is held by other users or by the watchdog, and not by one who just looks."""
        deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
        users = self._data / "users"
        while not is_free(self._data / "server", fcntl.LOCK_EX):
            if not is_free(users, fcntl.LOCK_EX) and is_free(users, fcntl.LOCK_SH):
                return
            if time.monotonic() > deadline:
                raise ServerDidNotStop(
                    f"The server of {self._data} does not end {STOP_TIMEOUT_SECONDS:.0f} seconds after its last user. "
                    + self._see_log()
                )
            time.sleep(POLL_SECONDS)
        if is_free(users, fcntl.LOCK_EX):
            remove_link(self._data, self._socket)
