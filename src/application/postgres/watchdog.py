"""The process between us and an embedded server: it starts the server, restarts it when it dies, keeps its log
bounded, and stops it when the last user is gone.

It is run as a script by `embedded`, and imports the standard library only: it starts in some 20 ms and stays small.

The kernel does the counting. Every user holds a shared lock on the file `users` for as long as it lives; this process
waits for an exclusive one, and gets it when the last user has left, was killed, or crashed. The lock on the file
`server` is inherited by the server and all its children, so whoever can take it knows that none of them is left.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TypedDict

LOG_LIMIT_BYTES = 8 * 1024 * 1024
"""Of the current log; one older log of this size is kept beside it."""
LAST_WORDS_BYTES = 4096
TICK_SECONDS = 1.0
INITDB_TIMEOUT_SECONDS = 300.0
FAST_STOP_SECONDS = 30.0
IMMEDIATE_STOP_SECONDS = 40.0
ORPHAN_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A server that lived this long is restarted without a pause."""

READY = b"database system is ready to accept connections"
_SET_PARENT_DEATH_SIGNAL = 1
_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None)


class ServerOrder(TypedDict):
    """What `embedded` passes as the one argument, as JSON."""

    programs: str
    data: str
    account: tuple[int, int] | None
    "User and group the server runs as, where that is not who we are."
    initdb: list[str]
    settings: list[str]
    lock: int
    "The descriptor that holds the lock on `server`."


class ServerError(Exception):
    pass


class Log:
    """The server's log file and, in memory, the last words of the server that runs now.

    A full disk must not stop the server's output from being read, so failed writes are let go.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.last_words = b""
        self.ready = False

    def begin(self) -> None:
        self.last_words = b""
        self.ready = False

    def write(self, chunk: bytes) -> None:
        recent = self.last_words + chunk
        self.ready = self.ready or READY in recent
        self.last_words = recent[-LAST_WORDS_BYTES:]
        with contextlib.suppress(OSError):
            self._append(chunk)

    def _append(self, chunk: bytes) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, chunk)
            size = os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
        if size > LOG_LIMIT_BYTES:
            self._path.replace(self._path.with_name(self._path.name + ".1"))


class Departure:
    """Known once no user is left. A thread waits for it in the kernel; the main loop is woken through a pipe."""

    def __init__(self, users: Path) -> None:
        self.wake, self._waker = os.pipe()
        self._happened = threading.Event()
        self._users = os.open(users, os.O_RDWR | os.O_CLOEXEC)
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        fcntl.flock(self._users, fcntl.LOCK_EX)
        self._happened.set()
        os.write(self._waker, b".")

    def happened(self, within_seconds: float = 0.0) -> bool:
        return self._happened.wait(within_seconds)


def control(option: int, value: int) -> None:
    _LIBC.prctl(option, value, 0, 0, 0)


def die_with_parent() -> None:
    """Runs in a child before its program: a server never outlives its watchdog. SIGINT is a fast, clean shutdown."""
    control(_SET_PARENT_DEATH_SIGNAL, signal.SIGINT)


def launch(
    order: ServerOrder, folder: Path, program: str, arguments: list[str], output: int
) -> subprocess.Popen[bytes]:
    """A program of the server, working in `folder` under the server's account.

    The folder is entered before the account is taken on, and named `/proc/self/cwd`: so the account needs no way
    through the parent folders, and neither length nor characters of the path matter.
    """
    account = order["account"]
    return subprocess.Popen(  # noqa: S603 - our own programs, no shell
        [str(Path(order["programs"], program)), "-D", "/proc/self/cwd", *arguments],
        cwd=folder,
        env={"LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        user=account[0] if account else None,
        group=account[1] if account else None,
        extra_groups=[] if account else None,
        umask=0o077,
        pass_fds=(order["lock"],),
        preexec_fn=die_with_parent,  # noqa: PLW1509 - nothing is locked: the only other thread sits in a system call
        start_new_session=True,
    )


def make_cluster(order: ServerOrder, cluster: Path, log: Log) -> None:
    """Made beside its place and renamed, so that a crash on the way leaves nothing that looks like a cluster."""
    unfinished = cluster.with_name(cluster.name + ".unfinished")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    if order["account"]:
        os.chown(unfinished, *order["account"])
    reader, writer = os.pipe()
    process = launch(order, unfinished, "initdb", order["initdb"], writer)
    os.close(writer)
    deadline = time.monotonic() + INITDB_TIMEOUT_SECONDS
    while select.select([reader], [], [], max(0.0, deadline - time.monotonic()))[0]:
        chunk = os.read(reader, 65536)
        if not chunk:
            break
        log.write(chunk)
    else:
        process.kill()
    os.close(reader)
    if process.wait() != 0:
        raise ServerError(log.last_words.decode(errors="replace") or "initdb gave no reason")
    unfinished.rename(cluster)
    folder = os.open(cluster.parent, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(folder)
    os.close(folder)


def remove_stale_locks(cluster: Path) -> None:
    """After a crash the number in `postmaster.pid` may belong to any process by now, and Postgres would then refuse to
    start. We hold the lock on `server`, so no server of ours lives; one that somebody started by hand is respected.
    """
    lock = cluster / "postmaster.pid"
    with contextlib.suppress(OSError, ValueError):
        owner = int(lock.read_text().split("\n", 1)[0])
        if Path(f"/proc/{owner}/cwd").samefile(cluster):
            raise ServerError(f"a PostgreSQL server that we did not start, process {owner}, runs there; stop it first")
    for name in ("postmaster.pid", ".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
        (cluster / name).unlink(missing_ok=True)


def end_orphans() -> None:
    """A busy child of a killed server works on until its query is done. As subreaper, we are its parent now."""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGKILL)


def reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def stop_signal(seconds: float) -> signal.Signals:
    """What to send to a server that was first told to stop so many seconds ago."""
    if seconds < FAST_STOP_SECONDS:
        return signal.SIGINT
    return signal.SIGQUIT if seconds < IMMEDIATE_STOP_SECONDS else signal.SIGKILL


def run_server(order: ServerOrder, cluster: Path, log: Log, departure: Departure) -> None:
    """One life of the server: returns when all its processes are gone, and so every writer of its output."""
    remove_stale_locks(cluster)
    log.begin()
    output, writer = os.pipe()
    process = launch(order, cluster, "postgres", order["settings"], writer)
    os.close(writer)
    died_at: float | None = None
    told_at: float | None = None
    told: signal.Signals | None = None
    while True:
        ready = select.select([output, departure.wake], [], [], TICK_SECONDS)[0]
        now = time.monotonic()
        if departure.wake in ready:
            os.read(departure.wake, 1)
        if output in ready:
            chunk = os.read(output, 65536)
            if not chunk:
                break
            log.write(chunk)
        if process.poll() is not None:
            died_at = died_at or now
            if now - died_at > ORPHAN_SECONDS:
                end_orphans()
        elif departure.happened():
            told_at = told_at or now
            if told != stop_signal(now - told_at):
                told = stop_signal(now - told_at)
                process.send_signal(told)
    os.close(output)
    process.wait()
    reap()


def keep_running(order: ServerOrder, cluster: Path, log: Log, departure: Departure) -> None:
    """Until the last user is gone. A server that never became ready is not tried again: its starter waits for the
    reason; one that was ready is restarted, with growing pauses while it keeps dying.
    """
    was_ready = False
    pause = 0.0
    while not departure.happened(pause):
        began = time.monotonic()
        run_server(order, cluster, log, departure)
        was_ready = was_ready or log.ready
        if not was_ready and not departure.happened():
            raise ServerError(log.last_words.decode(errors="replace") or "the server gave no reason")
        steady = time.monotonic() - began > STEADY_SECONDS
        pause = 0.0 if steady else min(max(0.1, pause * 2), LONGEST_PAUSE_SECONDS)


def main(argument: str) -> int:
    """Its output is the reason why the server could not be started, or nothing."""
    if os.fork():
        os._exit(0)  # nobody's child: its users neither wait for it nor keep its remains
    for ignored in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, lambda _number, _frame: None)  # SIG_IGN would be inherited by the server
    control(_SET_CHILD_SUBREAPER, 1)
    os.chdir("/")
    order: ServerOrder = json.loads(argument)
    data = Path(order["data"])
    cluster = data / "cluster"
    log = Log(data / "server.log")
    try:
        departure = Departure(data / "users")
        if not cluster.exists():
            make_cluster(order, cluster, log)
        keep_running(order, cluster, log, departure)
    except (OSError, subprocess.SubprocessError, ServerError) as error:
        with contextlib.suppress(OSError):
            sys.stdout.write(str(error))
            sys.stdout.flush()
        return 1
    return 0


if __name__ == "__main__":
    os._exit(main(sys.argv[1]))
