"""What ids belong to, by name: tiered campaigns, campaigns and achievements, and where their pages are."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from msgspec import Struct
from psycopg import AsyncConnection

from projections.listing.page import fetch_all

MOST_CHOICES = 200
"""The most campaigns that a form offers to choose from: the first ones by name."""


class NameView(Struct, frozen=True):
    """`section` is the first part of the path of its page."""

    id: UUID
    name: str
    section: str

    @property
    def path(self) -> str:
        return f"/{self.section}/{self.id}"


Names = dict[UUID, NameView]

_NAMED = """
SELECT id, name, 'tiered-campaigns' FROM p_tiered_campaigns.tiered_campaigns WHERE id = ANY(%(ids)s)
UNION ALL SELECT id, name, 'campaigns' FROM p_campaigns.campaigns WHERE id = ANY(%(ids)s)
UNION ALL SELECT id, name, 'achievements' FROM p_achievements.achievements WHERE id = ANY(%(ids)s)
"""

_DECIDING = """
SELECT id, name, section FROM (
    SELECT id, name, 'tiered-campaigns' AS section FROM p_tiered_campaigns.tiered_campaigns
    UNION ALL SELECT id, name, 'campaigns' FROM p_campaigns.campaigns
) campaigns ORDER BY lower(name), id LIMIT %(limit)s
"""


async def names_of(connection: AsyncConnection[Any], ids: Iterable[UUID]) -> Names:
    """By id; what is not there yet has no name."""
    found = await fetch_all(connection, NameView, _NAMED, {"ids": list(set(ids))})
    return {named.id: named for named in found}


async def deciding(connection: AsyncConnection[Any]) -> list[NameView]:
    """Whatever decisions are of: campaigns and tiered campaigns."""
    return await fetch_all(connection, NameView, _DECIDING, {"limit": MOST_CHOICES})
