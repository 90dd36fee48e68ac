"""Who did something, by name: in the log a key is known by its id, which no other will ever have."""

from collections.abc import Iterable
from typing import Any, LiteralString

from psycopg import AsyncConnection

from application.service.keys import SETTINGS_PRINCIPAL


def name_of(actor: LiteralString) -> LiteralString:
    """The name of the key that an expression of a query is the id of; whoever is no key is called as it is."""
    return f"""CASE {actor} WHEN '' THEN '' WHEN '{SETTINGS_PRINCIPAL.id}' THEN '{SETTINGS_PRINCIPAL.name}'
    ELSE coalesce((SELECT k.name FROM laurel.api_keys k WHERE k.id = {actor}), {actor}) END"""  # noqa: S608  of constants


_NAMES = f"SELECT a.actor, {name_of('a.actor')} FROM unnest(%s::text[]) a (actor)"  # noqa: S608  as above


async def names_of(connection: AsyncConnection[Any], actors: Iterable[str]) -> dict[str, str]:
    """By actor."""
    asked = list(dict.fromkeys(actors))
    if not asked:
        return {}
    cursor = await connection.execute(_NAMES, [asked])
    return dict(await cursor.fetchall())
