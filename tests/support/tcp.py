"""A Postgres server that is reached over TCP, as those of most programs are: out of the wheel, or the machine's own."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from psycopg import pq
from psycopg.conninfo import make_conninfo

from application.postgres.account import server_account
from application.postgres.programs import server_programs
from tests.support.database import make_template

PORTS = 5
"""So many are tried: between its choice and its use, another program may take a free one."""
SECONDS = 60.0
INITDB = ["--username=laurel", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]


class TcpServer:
    """On a free port of the loopback, with default settings but for what a test does not wait for."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.cluster = folder / "cluster"
        self._programs = programs
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._run("initdb", "-D", str(self.cluster), *INITDB).wait(SECONDS)

    @property
    def conninfo(self) -> str:
        return make_conninfo(host="127.0.0.1", port=self._port, user="laurel", dbname="postgres")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        for _ in range(PORTS):
            self._port = self._port or _free_port()
            self.launch()
            if self._says(pq.Ping.OK):
                return
            self._port = 0
        raise AssertionError((self.cluster / "../log").read_text())

    def launch(self, **settings: str) -> None:
        """Starts it without waiting for it."""
        own = {
            "listen_addresses": "127.0.0.1",
            "port": self._port,
            "unix_socket_directories": "",
            "fsync": "off",
            "full_page_writes": "off",
        }
        words = [word for name, value in (own | settings).items() for word in ("-c", f"{name}={value}")]
        self._process = self._run("postgres", "-D", str(self.cluster), *words)

    def launch_recovering(self, *, readable: bool) -> None:
        """It recovers for as long as it is not told to end that, and can be read meanwhile, or not even be reached."""
        (self.cluster / "standby.signal").touch()
        self.launch(hot_standby="on" if readable else "off")
        assert self._says(pq.Ping.REJECT, pq.Ping.OK)

    def end_recovery(self) -> None:
        (self.cluster / "promote").touch()
        assert self._process is not None
        self._process.send_signal(signal.SIGUSR1)

    def _says(self, *answers: pq.Ping) -> bool:
        """Whether it comes to say one of these; it may also end."""
        deadline = time.monotonic() + SECONDS
        while pq.Ping(pq.PGconn.ping(self.conninfo.encode())) not in answers:
            if self._process is None or self._process.poll() is not None:
                return False
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.02)
        return True

    def stop(self) -> None:
        """Ends its sessions, and returns when it is gone."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(signal.SIGINT)
            self._process.wait(SECONDS)

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        account = server_account()
        options: dict[str, Any] = {}
        if account is not None:
            options = {"user": account.user, "group": account.group, "extra_groups": []}
        with (self.cluster.parent / "log").open("ab") as log:
            return subprocess.Popen(
                [str(self._programs / program), *arguments], cwd=self.cluster.parent, stdout=log, stderr=log, **options
            )


def wheel_programs() -> Path:
    return server_programs(server_account())


def machine_programs() -> Path | None:
    """Of the newest server that Debian's packages have put on this machine."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def run_tcp_server(programs: Path) -> Iterator[TcpServer]:
    """A server that runs, with the template made, and is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="laurel-tcp-"))
    account = server_account()
    if account is not None:
        os.chown(folder, account.user, account.group)
    server = TcpServer(programs, folder)
    try:
        server.start()
        make_template(server.conninfo)
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
