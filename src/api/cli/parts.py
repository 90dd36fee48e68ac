"""What commands have in common: flags of settings, the database, who is typing, and the console."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click
from rich.console import Console

from application.postgres.account import account_name
from application.postgres.connection import reach_database
from application.service.actors import typed
from application.service.settings import (
    SETTINGS,
    Setting,
    Settings,
    load,
)

# ruff: noqa: PLC0415  what runs a program takes most of a second to import, which the other commands do not wait for


F = TypeVar("F", bound=Callable[..., Any])


def settings_flags(*names: str) -> Callable[[F], F]:
    """Give a command a flag for each of these settings, or for all, and its first argument the configuration."""

    def decorate(function: F) -> F:
        def run(**arguments: Any) -> Any:  # noqa: ANN401  a command's own arguments
            flags = {setting.name: arguments.pop(setting.name) for setting in chosen}
            return function(load(flags, os.environ), **arguments)

        chosen = [setting for setting in SETTINGS if not names or setting.name in names]
        command: Any = run
        command.__doc__ = function.__doc__
        command.__name__ = function.__name__
        command.__click_params__ = getattr(function, "__click_params__", [])
        for setting in reversed(chosen):
            command = _flag(setting)(command)
        return command  # type: ignore[no-any-return]

    return decorate


def _flag(setting: Setting) -> Callable[[Any], Any]:
    if setting.kind is bool:
        name = f"{setting.flag}/--no-{setting.flag.removeprefix('--')}"
        return click.option(name, setting.name, default=None, help=f"{setting.description} [{setting.variable}]")
    return click.option(setting.flag, setting.name, help=f"{setting.description} [{setting.variable}]")


def actor(command: str) -> str:
    return typed(command, account_name(os.getuid()))


def configure_logs(settings: Settings) -> None:
    from api.http.metrics import configure_logs

    configure_logs(settings.log_format, settings.log_level)


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    with reach_database(settings.database_url, settings.data, settings.postgres_user) as conninfo:
        yield conninfo


def wide_console() -> Console:
    """As wide as the terminal; in a pipe, wide enough for every line."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=240)
