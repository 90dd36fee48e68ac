"""The statements kept in `.sql` files beside this module."""

from importlib.resources import files
from typing import Any, cast

from psycopg import sql


def query(name: str) -> sql.SQL:
    text = files("application.log").joinpath(f"{name}.sql").read_text("utf-8")
    return sql.SQL(cast(Any, text))
