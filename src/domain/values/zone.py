"""Time zones, by their names in the tz database."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_NO_ZONES = ("localtime", "posixrules", "Factory")
"""Files among the zones' that are what a machine is set to, or nothing."""


def zone_named(name: str) -> ZoneInfo | None:
    """None where there is none, or only a machine's own or one that counts leap seconds."""
    if name in _NO_ZONES or name.startswith(("posix/", "right/")):
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
