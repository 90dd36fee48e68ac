"""File locks that end with their process, however it ends."""

import fcntl
import os
import time
from pathlib import Path

POLL_SECONDS = 0.01


def try_lock(path: Path, kind: int) -> int | None:
    """A descriptor that holds the lock (`fcntl.LOCK_SH` or `LOCK_EX`) until it is closed, or None if others hold it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_free(path: Path, kind: int) -> bool:
    descriptor = try_lock(path, kind)
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is not None


def lock_within(path: Path, kind: int, seconds: float) -> int | None:
    """As `try_lock`, waiting for others for so long."""
    deadline = time.monotonic() + seconds
    while (descriptor := try_lock(path, kind)) is None and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return descriptor
