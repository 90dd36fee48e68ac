"""Sets up the virtual environment `.venv` beside this checkout, from the hashed requirements; needs Python alone."""

import fcntl
import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
OLDEST = (3, 11)


def ready(requirements: str) -> Path:
    """The folder of commands of an environment that has `requirements/{requirements}.txt` and the checkout itself.

    What was installed is noted by its digest, so that only a change installs again.
    """
    if sys.version_info < OLDEST:
        sys.exit(f"Laurel needs Python {OLDEST[0]}.{OLDEST[1]} or later; this is {sys.version.split()[0]}")
    wanted = ROOT / "requirements" / f"{requirements}.txt"
    digest = hashlib.sha256(wanted.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    note = ENVIRONMENT / f"installed-{requirements}"
    commands = ENVIRONMENT / "bin"
    if _says(note, digest):
        return commands
    with wanted.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _says(note, digest):
            print(f"Setting up {ENVIRONMENT.name} (once, about half a minute) ...", file=sys.stderr, flush=True)
            _make()
            pip: list[str | Path] = [
                commands / "python",
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ]
            _run(*pip, "--require-hashes", "-r", wanted)
            _run(*pip, "--no-deps", "--editable", ROOT)
            note.write_text(digest)
    return commands


def _says(note: Path, digest: str) -> bool:
    return note.exists() and note.read_text() == digest


def _make() -> None:
    # pip is what comes last
    if (ENVIRONMENT / "bin" / "pip").exists():
        return
    try:
        venv.create(ENVIRONMENT, with_pip=True)
    except (subprocess.CalledProcessError, ImportError):
        sys.exit("Python's venv module is incomplete here; on Debian and Ubuntu: apt-get install python3-venv")


def _run(*command: str | Path) -> None:
    if code := subprocess.call([os.fspath(part) for part in command], stdout=sys.stderr):
        sys.exit(code)
