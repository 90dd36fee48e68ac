"""The statements kept in `.sql` files beside this module."""

from importlib.resources import files
from typing import Any, cast

from psycopg import sql


def text(name: str) -> str:
    return files("application.log").joinpath(f"{name}.sql").read_text("utf-8")


def query(name: str) -> sql.SQL:
    return sql.SQL(cast(Any, text(name)))
