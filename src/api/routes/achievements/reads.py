"""Achievements with their figures, and how far a member is with them."""

from datetime import datetime
from uuid import UUID

from litestar.params import FromPath
from msgspec import Struct
from msgspec.structs import asdict

from api.http.reads import asking, known_member, there
from api.http.request import Request
from api.http.routing import READERS, AnswerPage, read
from api.routes.achievements import shapes
from api.routes.achievements.shapes import AchievementAnswer
from domain.achievements.achievement import Status
from projections.achievements import queries as achievements
from projections.achievements.progress import (
    MEMBER_ACHIEVEMENTS,
    PROGRESS_FACTS,
    LimitRow,
    ManualChangeRow,
    MemberAchievementRow,
    MemberRuleRow,
    ProgressFactRow,
    ViewTime,
    manual_changes,
    member_achievement,
    member_achievements_page,
    progress_facts_page,
)
from projections.achievements.queries import ACHIEVEMENTS, AchievementRow


class AchievementSummary(Struct, frozen=True, gc=False):
    """An achievement in a list: `rules` is how many it has.

    `completions` count those of all members, `members_completed` the members who have any; `members_in_progress` those
    for whom something was counted since their last completion and since the revision began.
    """

    id: UUID
    name: str
    status: Status
    active: bool
    revision: int
    rules: int
    badge: str | None
    members_in_progress: int
    completions: int
    members_completed: int


class AchievementView(AchievementAnswer, frozen=True, gc=False, kw_only=True):
    """An achievement with its figures, which are those of a list."""

    members_in_progress: int
    completions: int
    members_completed: int


class MemberAchievementAnswer(Struct, frozen=True, gc=False, kw_only=True):
    """How far a member is with an achievement, and a page of the facts that counted for it or did not.

    `completed` counts all completions there were, also under earlier revisions; the rules start again with each of them
    and with a new revision. At the limit nothing progresses. `changes` are the newest made by hand, at most 50.
    """

    position: str
    member: str
    achievement: UUID
    name: str
    status: Status
    active: bool
    revision: int
    badge: str | None
    completed: int
    limit: LimitRow | None
    limit_reached: bool
    last_completed_at: datetime | None
    last_advanced_at: datetime | None
    rules: tuple[MemberRuleRow, ...]
    changes: list[ManualChangeRow]
    facts: list[ProgressFactRow]
    next: str | None


@read("/achievements", roles=READERS, listing=ACHIEVEMENTS, projections=("achievements",))
async def list_achievements(request: Request) -> AnswerPage[AchievementSummary]:
    """Achievements, as they stand now."""
    selection = ACHIEVEMENTS.read(request.exchange.query)
    async with asking(request) as connection:
        found, following = await achievements.achievements_page(connection, selection)
    return AnswerPage([_listed(row) for row in found], following, request.position)


@read("/achievements/{achievement:uuid}", roles=READERS, projections=("achievements",))
async def get_achievement(request: Request, achievement: FromPath[UUID]) -> AchievementView:
    """One achievement, with its ETag."""
    async with asking(request) as connection:
        found = await achievements.achievement(connection, request.program.reads.mapper, achievement)
    row = there(found, f"achievement {achievement}")
    request.versioned(row.achievement.version)
    answer = shapes.achievement(row.achievement, request.services.settings.time_zone, request.position)
    return AchievementView(
        **asdict(answer),
        members_in_progress=row.members_in_progress,
        completions=row.completions,
        members_completed=row.members_completed,
    )


@read(
    "/members/{member:str}/achievements",
    roles=READERS,
    listing=MEMBER_ACHIEVEMENTS,
    problems=("not-found",),
    projections=("members", "achievements"),
)
async def list_member_achievements(request: Request, member: FromPath[str]) -> AnswerPage[MemberAchievementRow]:
    """How far a member is with each achievement; archived ones are there if they have a history with them."""
    selection = MEMBER_ACHIEVEMENTS.read(request.exchange.query)
    async with asking(request) as connection:
        await known_member(connection, member)
        found, following = await member_achievements_page(
            connection, request.program.reads.mapper, member, selection, _now(request)
        )
    return AnswerPage(found, following, request.position)


@read(
    "/members/{member:str}/achievements/{achievement:uuid}",
    roles=READERS,
    listing=PROGRESS_FACTS,
    problems=("not-found",),
    projections=("members", "achievements", "facts"),
)
async def get_member_achievement(
    request: Request, member: FromPath[str], achievement: FromPath[UUID]
) -> MemberAchievementAnswer:
    """How far a member is with an achievement, with the facts that counted for it and those that did not, and why."""
    selection = PROGRESS_FACTS.read(request.exchange.query)
    async with asking(request) as connection:
        await known_member(connection, member)
        found = await member_achievement(connection, request.program.reads.mapper, member, achievement, _now(request))
        row = there(found, f"achievement {achievement}")
        changes = await manual_changes(connection, member, achievement)
        facts, following = await progress_facts_page(connection, member, achievement, selection)
    return MemberAchievementAnswer(
        position=request.position, member=member, **asdict(row), changes=changes, facts=facts, next=following
    )


def _now(request: Request) -> ViewTime:
    return ViewTime(request.services.clock.now(), request.services.settings.time_zone)


def _listed(row: AchievementRow) -> AchievementSummary:
    shown = row.achievement
    return AchievementSummary(
        shown.id,
        shown.definition.name,
        shown.status,
        shown.status is Status.ACTIVE,
        shown.revision,
        len(shown.definition.rules),
        shown.definition.badge,
        row.members_in_progress,
        row.completions,
        row.members_completed,
    )


ACHIEVEMENT_READS = (list_achievements, get_achievement, list_member_achievements, get_member_achievement)
