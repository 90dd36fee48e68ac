"""A program that uses an embedded server until its input ends: `process.py DATA [USER NUMBER]`.

With a user's number it is run by root and becomes that user first. A checkout that only root can enter is no obstacle:
what such a user could not reach is copied beside its data folder.
"""

import os
import shutil
import sys
from pathlib import Path

from application.postgres import embedded, programs
from application.postgres.account import ServerAccount
from application.postgres.embedded import EmbeddedPostgres
from application.postgres.errors import PostgresUnavailable


def become(user: int, beside: Path) -> None:
    folder = programs.server_programs(ServerAccount("", user, user))
    embedded.WATCHDOG = Path(shutil.copy(embedded.WATCHDOG, beside / f"watchdog-{user}.py"))
    embedded.WATCHDOG.chmod(0o644)
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
    programs._installed = lambda: folder
    if not os.access(sys.executable, os.X_OK):
        sys.executable = shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable


def main(data: Path) -> None:
    if len(sys.argv) > 2:
        become(int(sys.argv[2]), data.parent)
    try:
        with EmbeddedPostgres(data, durable=False) as conninfo:
            sys.stdout.write(f"{conninfo}\n")
            sys.stdout.flush()
            sys.stdin.read()
    except PostgresUnavailable as error:
        sys.stdout.write(f"refused: {' '.join(str(error).split())}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
