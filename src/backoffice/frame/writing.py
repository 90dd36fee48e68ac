"""How instants, spans of time and addresses are written on pages."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

from markupsafe import Markup

_SPANS = ((86_400, "day"), (3_600, "h"), (60, "min"), (1, "s"))


def span(length: timedelta) -> str:
    """A length of time by its two largest units: `2 days 4 h`, `1 min 20 s`."""
    seconds = max(0, round(length.total_seconds()))
    for index, (size, unit) in enumerate(_SPANS):
        if seconds >= size:
            count, rest = divmod(seconds, size)
            shown = _counted(count, unit)
            if index + 1 < len(_SPANS) and count < 10:
                smaller, name = _SPANS[index + 1]
                if rest // smaller:
                    shown += f" {_counted(rest // smaller, name)}"
            return shown
    return "0 s"


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}s" if unit == "day" and count != 1 else f"{count} {unit}"


def relative(instant: datetime, now: datetime) -> str:
    """How far an instant lies ahead or back."""
    if abs(instant - now) < timedelta(seconds=1):
        return "now"
    return f"in {span(instant - now)}" if instant > now else f"{span(now - instant)} ago"


def share(start: datetime, now: datetime, end: datetime) -> int:
    """How much of the time from start to end has passed, in per cent."""
    whole = (end - start).total_seconds()
    return round(100 * min(1.0, max(0.0, (now - start).total_seconds() / whole))) if whole > 0 else 100


class ZonedTimes:
    """Instants in one time zone."""

    def __init__(self, zone: ZoneInfo, now: datetime) -> None:
        self._zone = zone
        self._year = now.astimezone(zone).year

    def moment(self, instant: datetime, *, seconds: bool = False) -> Markup:
        """Its day and, unless that is midnight, its time; the year too, unless it is this one."""
        local = instant.astimezone(self._zone)
        year = "" if local.year == self._year else f" {local:%Y}"
        time = f", {local:%H:%M:%S}" if seconds else f", {local:%H:%M}"
        midnight = not (local.hour or local.minute or local.second)
        return self._element(instant, f"{local.day} {local:%b}{year}{'' if midnight else time}")

    def clock(self, instant: datetime) -> Markup:
        return self._element(instant, f"{instant.astimezone(self._zone):%H:%M:%S}")

    def label(self, instant: datetime, length: timedelta) -> str:
        """Short, under a bar of a chart: the time of day for occurrences of less than a day."""
        local = instant.astimezone(self._zone)
        return f"{local:%H:%M}" if length < timedelta(days=1) else f"{local.day} {local:%b}"

    def _element(self, instant: datetime, shown: str) -> Markup:
        local = instant.astimezone(self._zone)
        return Markup('<time datetime="{}" title="{} {}">{}</time>').format(
            instant.astimezone(UTC).isoformat(), f"{local:%A} {local.day} {local:%B %Y, %H:%M:%S}", self._zone, shown
        )


def in_path(part: str) -> str:
    """An id as one part of a path."""
    return quote(part, safe="")
