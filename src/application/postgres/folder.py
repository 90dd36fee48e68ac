"""The data folder of an embedded server, and whether it is fit for use.

server.log  server.log.1   what the server says, bounded
cluster/                   Postgres' own data folder, owned by the server's account; its socket is in it
lock                       held while the server is started or stopped
users                      shared lock: one for each process that uses the server
server                     held by the watchdog, the server and all its processes
"""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from application.postgres.account import ServerAccount, account_name
from application.postgres.errors import DataFolderRefused
from application.postgres.programs import MAJOR_VERSION

SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH_BYTES = 107


def prepare_folder(data: Path, account: ServerAccount | None) -> None:
    """Makes the folder if it is not there, private to us. Raises DataFolderRefused."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_owner(data, os.geteuid(), "Run Laurel as that account, or give it another data folder.")
        data.chmod(0o700)
        for name in ("lock", "users", "server"):
            os.close(os.open(data / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        _check_cluster(data / "cluster", account)
    except OSError as error:
        raise DataFolderRefused(
            f"The data folder {data} can't be used: {error.strerror or error}. "
            "Give Laurel a folder that it can write, on a disk with free space."
        ) from error


def _check_cluster(cluster: Path, account: ServerAccount | None) -> None:
    if not cluster.exists() and not cluster.is_symlink():
        return
    _check_owner(
        cluster,
        account.user if account else os.geteuid(),
        "Run Laurel as the account that made it (root: set LAUREL_POSTGRES_USER to it), or give another data folder.",
    )
    version = (cluster / "PG_VERSION").read_text().strip()
    if version != str(MAJOR_VERSION):
        raise DataFolderRefused(
            f"{cluster} was made by PostgreSQL {version}, and this Laurel brings PostgreSQL {MAJOR_VERSION}. "
            f"Dump it with the version of Laurel that made it and restore it into a new data folder."
        )


def _check_owner(path: Path, user: int, advice: str) -> None:
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise DataFolderRefused(f"{path} is not a folder. Remove it, or give Laurel another data folder.")
    if status.st_uid != user:
        raise DataFolderRefused(
            f"{path} belongs to {account_name(status.st_uid)}, and is needed by {account_name(user)}. {advice}"
        )


def socket_folder(data: Path) -> Path:
    """A path of the folder with the server's socket that is short enough for a socket's address.

    The cluster itself where its path is short enough, else a link to it in a private folder among the temporary ones.
    The server itself knows neither: it works in the folder. Raises DataFolderRefused.
    """
    cluster = data / "cluster"
    if _fits(cluster):
        return cluster
    name = f"laurel-{os.geteuid()}-{hashlib.sha256(os.fsencode(data)).hexdigest()[:16]}"
    refusals = []
    for place in dict.fromkeys((os.environ.get("XDG_RUNTIME_DIR", "/tmp"), tempfile.gettempdir(), "/tmp")):  # noqa: S108 - ownership is checked
        link = Path(place, name, "cluster")
        try:
            if _fits(link) and _link_privately(link, cluster):
                return link
        except OSError as error:
            refusals.append(f"{link}: {error.strerror or error}")
    raise DataFolderRefused(
        f"The path {data} is too long for a socket, and no short way to it can be made ({'; '.join(refusals)}). "
        "Give Laurel a data folder with a shorter path."
    )


def _fits(folder: Path) -> bool:
    """Libpq takes a comma for the end of a host."""
    path = os.fsencode(folder / SOCKET_NAME)
    return len(path) <= LONGEST_SOCKET_PATH_BYTES and b"," not in path


def _link_privately(link: Path, cluster: Path) -> bool:
    link.parent.mkdir(mode=0o700, exist_ok=True)
    status = link.parent.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise OSError(f"{link.parent} is not a private folder of {account_name(os.geteuid())}")
    try:
        link.symlink_to(cluster)
    except FileExistsError:
        return link.is_symlink() and link.readlink() == cluster
    return True


def remove_link(data: Path, socket: Path) -> None:
    if socket != data / "cluster":
        socket.unlink(missing_ok=True)
        socket.parent.rmdir()
