"""Achievements as they are defined now, with the figures of their members."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from psycopg import AsyncConnection

from application.log.mapper import Mapper
from application.streams import ACHIEVEMENT
from domain.achievements.achievement import Achievement, Status
from domain.achievements.definition import Definition
from domain.facts.fact import FactKind
from projections.history.log import latest
from projections.listing.columns import Column, ColumnKind
from projections.listing.page import fetch_all, fetch_one, fetch_page
from projections.listing.request import Listing, Selection


class AchievementRow(Struct, frozen=True, gc=False):
    """An achievement, and how far members are.

    `completions` count those of all members, `members_completed` the members who have any; `members_in_progress` those
    for whom something was counted since their last completion and since the revision began.
    """

    achievement: Achievement
    completions: int
    members_completed: int
    members_in_progress: int


ACHIEVEMENTS = Listing(
    name="achievements",
    columns=(
        Column("id", ColumnKind.UUID, "a.id", sortable=True, filterable=False),
        Column("name", expression="a.name", sortable=True),
        Column("status", expression="a.status", sortable=True, values=tuple(Status)),
        Column("trigger", ColumnKind.TEXTS, "a.triggers", values=tuple(FactKind)),
        Column("event_type", ColumnKind.TEXTS, "a.event_types"),
        Column("badge", expression="a.badge", nullable=True),
        Column("completions", ColumnKind.INTEGER, "coalesce(c.completions, 0)", sortable=True),
        Column("members_completed", ColumnKind.INTEGER, "coalesce(c.members, 0)", sortable=True),
        Column("created_at", ColumnKind.INSTANT, "a.created_at"),
        Column("updated_at", ColumnKind.INSTANT, "a.updated_at"),
    ),
    key="id",
    sort="-id",
    search=("a.name",),
)
"""By default the newest first: an id is a UUIDv7 unless the client chose another."""

_ACHIEVEMENTS = "p_achievements.achievements a LEFT JOIN p_achievements.completions c ON c.achievement = a.id"

_ACHIEVEMENT = """
a.id, a.definition::text, a.version, a.revision, a.status, coalesce(c.completions, 0), coalesce(c.members, 0)
"""

_IN_PROGRESS = """
SELECT w.id, n.members
FROM unnest(%(achievements)s::uuid[], %(revisions)s::int[]) w (id, revision)
CROSS JOIN LATERAL (
    SELECT count(*) AS members FROM p_achievements.member_achievements m
    WHERE m.achievement = w.id AND m.revision = w.revision AND m.in_progress
) n
"""


async def achievements_page(
    connection: AsyncConnection[Any], selection: Selection
) -> tuple[list[AchievementRow], str | None]:
    rows, following = await fetch_page(connection, selection, _row, _ACHIEVEMENT, _ACHIEVEMENTS)
    return await _with_figures(connection, rows), following


async def achievement(connection: AsyncConnection[Any], mapper: Mapper, achievement_id: UUID) -> AchievementRow | None:
    """An achievement as the last command left it, with figures as far as the projection has come."""
    found = await latest(connection, mapper, ACHIEVEMENT.of(achievement_id))
    if found is None:
        return None
    figures: tuple[int, int] | None = await fetch_one(
        connection,
        lambda *row: row,
        "c.completions, c.members",
        "p_achievements.completions c",
        where="c.achievement = %(id)s",
        parameters={"id": achievement_id},
    )
    completions, members = figures or (0, 0)
    return (await _with_figures(connection, [AchievementRow(found.state, completions, members, 0)]))[0]


async def members_in_progress(connection: AsyncConnection[Any], achievement: UUID, revision: int) -> int:
    """The members for whom something was counted under a revision since their last completion."""
    return (await _in_progress(connection, [(achievement, revision)])).get(achievement, 0)


async def _in_progress(connection: AsyncConnection[Any], revisions: Sequence[tuple[UUID, int]]) -> dict[UUID, int]:
    named = {
        "achievements": [achievement for achievement, _ in revisions],
        "revisions": [revision for _, revision in revisions],
    }
    found = await fetch_all(connection, lambda *row: row, _IN_PROGRESS, named)
    return dict(found)


def _row(
    achievement_id: UUID,
    definition: str,
    version: int,
    revision: int,
    status: str,
    completions: int,
    members: int,
) -> AchievementRow:
    known = msgspec.json.decode(definition, type=Definition)
    found = Achievement(achievement_id, known, revision, Status(status), version)
    return AchievementRow(found, completions, members, 0)


async def _with_figures(connection: AsyncConnection[Any], rows: Sequence[AchievementRow]) -> list[AchievementRow]:
    """With the members in progress, who are counted as they are asked for."""
    in_progress = await _in_progress(connection, [(row.achievement.id, row.achievement.revision) for row in rows])
    return [replace(row, members_in_progress=in_progress[row.achievement.id]) for row in rows]
