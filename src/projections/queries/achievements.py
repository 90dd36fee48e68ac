"""Achievements with their figures, and how far members are."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

_IN_PROGRESS = """
SELECT count(*) FROM p_achievements.member_achievements
WHERE achievement = %(achievement)s AND revision = %(revision)s AND in_progress
"""


async def members_in_progress(connection: AsyncConnection[Any], achievement: UUID, revision: int) -> int:
    """The members for whom something was counted under a revision since their last completion."""
    cursor = await connection.execute(_IN_PROGRESS, {"achievement": achievement, "revision": revision}, prepare=False)
    row = await cursor.fetchone()
    return row[0] if row else 0
