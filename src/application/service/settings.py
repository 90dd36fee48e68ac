"""Settings: one frozen struct, read from flags and `LAUREL_` variables, that remembers where each value came from.

A field's type says how its text is read; its `Meta` says what it is for and whether it is a secret.
"""

import difflib
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct, field

from application.postgres.account import UNPRIVILEGED
from application.postgres.connection import address_fault
from domain.values.zone import zone_named

PREFIX = "LAUREL_"
MINIMUM_KEY_LENGTH = 16
MASK = "********"

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off"})


class Source(StrEnum):
    """Where a setting's value came from."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    DEFAULT = "default"


class LogFormat(StrEnum):
    """How log lines are written."""

    JSON = "json"
    CONSOLE = "console"


class LogLevel(StrEnum):
    """The least severe line that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class SettingsError(Exception):
    """One or more settings can't be taken; `faults` has a line for each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def _about(description: str, *, secret: bool = False) -> Meta:
    return Meta(description=description, extra={"secret": secret})


class Settings(Struct, frozen=True, kw_only=True):
    """Every setting of the service with its default."""

    database_url: Annotated[
        str | None, _about("Postgres to use; without it, an embedded one is started", secret=True)
    ] = None
    data: Annotated[Path, _about("folder of the embedded Postgres")] = Path(".laurel")
    postgres_user: Annotated[str, _about("account that runs the embedded Postgres where Laurel runs as root")] = (
        UNPRIVILEGED
    )
    host: Annotated[str, _about("address to listen on")] = "127.0.0.1"
    port: Annotated[int, _about("port to listen on (0: any free one)"), Meta(ge=0, le=65_535)] = 8000
    time_zone: Annotated[ZoneInfo, _about("the program's time zone (IANA name)")] = field(
        default_factory=lambda: ZoneInfo("UTC")
    )
    admin_key: Annotated[str | None, _about("makes this key an admin key (16 characters or more)", secret=True)] = None
    register_unknown_members: Annotated[bool, _about("a fact about an unknown member registers the member")] = True
    sandbox: Annotated[bool, _about("allow the test clock; the database says so for ever")] = False
    workers: Annotated[int, _about("jobs that run at once in one process"), Meta(ge=1, le=64)] = 2
    body_limit: Annotated[int, _about("largest request body in bytes"), Meta(ge=1024, le=1 << 30)] = 16 << 20
    import_limit: Annotated[int, _about("largest import in bytes"), Meta(ge=1024, le=1 << 40)] = 1 << 30
    read_wait_seconds: Annotated[float, _about("how long a read waits for `after`"), Meta(ge=0, le=60)] = 5.0
    stop_seconds: Annotated[int, _about("how long a stop waits for open requests"), Meta(ge=0, le=600)] = 10
    log_format: Annotated[LogFormat, _about("json or console")] = LogFormat.JSON
    log_level: Annotated[LogLevel, _about("debug, info, warning or error")] = LogLevel.INFO


class Setting(Struct, frozen=True):
    """What is known about one setting: its field, its variable, its type and bounds, and what it is for."""

    name: str
    kind: Any
    description: str
    secret: bool
    least: float | None
    most: float | None

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper()

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")


class SettingView(Struct, frozen=True):
    """A setting as `laurel config` shows it; secrets are masked."""

    variable: str
    value: str
    source: Source
    description: str


class Configuration(Struct, frozen=True):
    """The settings and, for each, where its value came from."""

    settings: Settings
    sources: dict[str, Source]

    def shown(self) -> list[SettingView]:
        return [
            SettingView(
                setting.variable,
                _written(setting, getattr(self.settings, setting.name)),
                self.sources[setting.name],
                setting.description,
            )
            for setting in SETTINGS
        ]


def load(flags: Mapping[str, object], environment: Mapping[str, str]) -> Configuration:
    """Settings from flags (by field name; None means not given), then variables, then defaults.

    Raises `SettingsError` with every fault at once: an unknown variable, a value that can't be read.
    """
    faults = _unknown_variables(environment)
    values: dict[str, Any] = {}
    sources: dict[str, Source] = {}
    for setting in SETTINGS:
        flag = flags.get(setting.name)
        text = environment.get(setting.variable)
        sources[setting.name] = Source.DEFAULT
        if flag is not None:
            sources[setting.name] = Source.FLAG
            _read(setting, str(flag), setting.flag, values, faults)
        elif text:
            sources[setting.name] = Source.ENVIRONMENT
            _read(setting, text, setting.variable, values, faults)
    if faults:
        raise SettingsError(faults)
    return Configuration(Settings(**values), sources)


def _unknown_variables(environment: Mapping[str, str]) -> list[str]:
    known = [setting.variable for setting in SETTINGS]
    return [
        f"{name} is not a setting{_hint(name, known)}"
        for name in sorted(environment)
        if name.startswith(PREFIX) and name not in known
    ]


def _hint(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {close[0]}?" if close else "; `laurel config` lists them"


def _read(setting: Setting, text: str, origin: str, values: dict[str, Any], faults: list[str]) -> None:
    try:
        values[setting.name] = _parsed(setting, text)
    except ValueError as error:
        given = "" if setting.secret else f", not {text!r}"
        faults.append(f"{origin} {error}{given}")


def _parsed(setting: Setting, text: str) -> object:
    value = _READERS.get(setting.kind, str)(text)
    if setting.least is not None and setting.most is not None and not setting.least <= value <= setting.most:
        raise ValueError(f"must be from {setting.least} to {setting.most}")
    if setting.name == "admin_key" and (len(text) < MINIMUM_KEY_LENGTH or not text.isascii() or not text.isprintable()):
        raise ValueError(f"must be at least {MINIMUM_KEY_LENGTH} printable ASCII characters")
    if setting.name == "database_url" and (fault := address_fault(text)):
        raise ValueError(fault)
    return value


def _read_boolean(text: str) -> bool:
    word = text.strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ValueError("must be true or false")


def _read_number(kind: Callable[[str], float], what: str) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            return kind(text)
        except ValueError:
            raise ValueError(f"must be {what}") from None

    return read


def _read_time_zone(text: str) -> ZoneInfo:
    zone = zone_named(text)
    if zone is None:
        raise ValueError("must be the name of a time zone such as Europe/Budapest")
    return zone


def _read_choice(kind: type[StrEnum]) -> Callable[[str], StrEnum]:
    def read(text: str) -> StrEnum:
        try:
            return kind(text.lower())
        except ValueError:
            raise ValueError("must be " + " or ".join(kind)) from None

    return read


_READERS: dict[Any, Callable[[str], Any]] = {
    bool: _read_boolean,
    int: _read_number(int, "a whole number"),
    float: _read_number(float, "a number"),
    Path: Path,
    ZoneInfo: _read_time_zone,
    LogFormat: _read_choice(LogFormat),
    LogLevel: _read_choice(LogLevel),
}


def _written(setting: Setting, value: object) -> str:
    if value is None:
        return ""
    if setting.secret:
        return MASK
    return str(value).lower() if isinstance(value, bool) else str(value)


def _described() -> tuple[Setting, ...]:
    settings = []
    for name, annotation in get_type_hints(Settings, include_extras=True).items():
        kind, *metas = get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)
        about, *bounds = [meta for meta in metas if isinstance(meta, Meta)]
        least, most = (bounds[0].ge, bounds[0].le) if bounds else (None, None)
        secret = bool((about.extra or {}).get("secret"))
        settings.append(Setting(name, kind, about.description or "", secret, least, most))
    return tuple(settings)


SETTINGS = _described()
"""All settings in the order of `Settings`."""
