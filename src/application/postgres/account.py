"""Who the server's processes run as."""

import os
import pwd

from msgspec import Struct

from application.postgres.errors import ServerAccountRefused

UNPRIVILEGED = "nobody"


class ServerAccount(Struct, frozen=True, gc=False):
    name: str
    user: int
    group: int


def server_account(name: str = UNPRIVILEGED) -> ServerAccount | None:
    """The account called `name`, to run the server as when we are root, whom Postgres refuses; None when we are not:
    the server is ours then.

    Raises ServerAccountRefused.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise ServerAccountRefused(
            f"Running as root, the server needs an unprivileged account, and there is no {name!r} on this machine. "
            "Set LAUREL_POSTGRES_USER to one that exists, or run Laurel as an ordinary user."
        ) from None
    if entry.pw_uid == 0:
        raise ServerAccountRefused(
            f"LAUREL_POSTGRES_USER is {name!r}, which is root too; name an unprivileged account."
        )
    return ServerAccount(name, entry.pw_uid, entry.pw_gid)


def account_name(user: int) -> str:
    """For messages: the name of a user's number, or the number where it has none."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"number {user}"
