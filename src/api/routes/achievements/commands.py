"""Achievements: definition, life, what an edit would reset, and progress that is changed by hand."""

from collections.abc import Callable
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar import Response
from litestar.params import FromPath, FromQuery, JSONBody
from uuid_utils.compat import uuid7

from api.http.admission import wait_for
from api.http.commands import answer, answer_once, submit
from api.http.reads import asking
from api.http.request import Request
from api.http.routing import JUDGED, OPERATORS, command
from api.routes.achievements import shapes
from api.routes.achievements.shapes import AchievementAnswer, EditAnswer, ProgressAnswer
from application.achievements import commands as achievements
from application.achievements import manual_progress
from application.achievements.bodies import AchievementBody, NewAchievementBody, ProgressBody
from application.bodies.base import EmptyBody
from application.log.working import Working
from domain.achievements.achievement import Achievement, Edit
from projections.achievements.queries import members_in_progress

NOTHING = EmptyBody()


@command("POST", "/achievements", roles=OPERATORS, headers=("Idempotency-Key",), takes=JUDGED)
async def post_achievement(request: Request, data: JSONBody[NewAchievementBody]) -> Response[AchievementAnswer]:
    """Save a new achievement: inactive, unless `active` is true."""
    chosen, definition = data.id or uuid7(), data.definition()
    return await answer_once(
        request,
        lambda working: _shown(working, achievements.define(working, chosen, definition, active=data.active)),
        201,
        versioned=True,
    )


@command(
    "PUT",
    "/achievements/{achievement:uuid}",
    roles=OPERATORS,
    headers=("If-Match",),
    problems=("stale", "version-required"),
    takes=JUDGED,
)
async def put_achievement(
    request: Request,
    achievement: FromPath[UUID],
    data: JSONBody[AchievementBody],
    dry_run: FromQuery[bool] = False,  # noqa: FBT002  as query parameters are declared
) -> AchievementAnswer | EditAnswer:
    """Edit an achievement as a whole. What gives progress its meaning makes a new revision: progress starts again.

    That is each rule's trigger, subject, count, goal and periods, and which rules there are. With `dry_run` nothing is
    changed, and what the edit would reset is answered.
    """
    definition, precondition = data.definition(), request.precondition()
    if dry_run:
        committed = await submit(
            request, lambda working: achievements.dry_run(working, achievement, definition, precondition)
        )
        return await _edit(request, achievement, committed.answer, committed.position)
    shown = await answer(
        request,
        lambda working: _shown(
            working, achievements.revise(working, achievement, definition, precondition, active=data.active)
        ),
    )
    request.versioned(shown.version)
    return shown


async def _edit(request: Request, achievement: UUID, edit: Edit, position: int) -> EditAnswer:
    await wait_for(request, position, ("achievements",))
    members = 0
    if edit.fields:
        async with asking(request) as connection:
            members = await members_in_progress(connection, achievement, edit.revision - 1)
    return EditAnswer(
        position=request.committed(position),
        dry_run=True,
        revision=edit.revision,
        resets_progress=bool(edit.fields),
        members=members,
        fields=edit.fields,
    )


@command(
    "POST", "/achievements/{achievement:uuid}/activate", roles=OPERATORS, statuses=(200,), headers=("Idempotency-Key",)
)
async def activate_achievement(
    request: Request,
    achievement: FromPath[UUID],
    data: JSONBody[EmptyBody] = NOTHING,  # noqa: ARG001  read, so that whatever is in it is refused
) -> Response[AchievementAnswer]:
    """Have facts count from now on."""
    return await _live(request, achievement, achievements.activate)


@command(
    "POST",
    "/achievements/{achievement:uuid}/deactivate",
    roles=OPERATORS,
    statuses=(200,),
    headers=("Idempotency-Key",),
)
async def deactivate_achievement(
    request: Request,
    achievement: FromPath[UUID],
    data: JSONBody[EmptyBody] = NOTHING,  # noqa: ARG001  as above
) -> Response[AchievementAnswer]:
    """Ignore facts from now on; progress is kept."""
    return await _live(request, achievement, achievements.deactivate)


@command(
    "POST", "/achievements/{achievement:uuid}/archive", roles=OPERATORS, statuses=(200,), headers=("Idempotency-Key",)
)
async def archive_achievement(
    request: Request,
    achievement: FromPath[UUID],
    data: JSONBody[EmptyBody] = NOTHING,  # noqa: ARG001  as above
) -> Response[AchievementAnswer]:
    """Archive an inactive achievement that no active campaign is on, for good."""
    return await _live(request, achievement, achievements.archive)


@command("POST", "/achievements/{achievement:uuid}/duplicate", roles=OPERATORS, headers=("Idempotency-Key",))
async def duplicate_achievement(
    request: Request,
    achievement: FromPath[UUID],
    data: JSONBody[EmptyBody] = NOTHING,  # noqa: ARG001  as above
) -> Response[AchievementAnswer]:
    """Make an inactive copy of an achievement, with an id of its own and none of the progress."""
    copy = uuid7()
    return await answer_once(
        request,
        lambda working: _shown(working, achievements.duplicate(working, achievement, copy)),
        201,
        versioned=True,
    )


@command(
    "PATCH",
    "/members/{member:str}/achievements/{achievement:uuid}",
    roles=OPERATORS,
    headers=("Idempotency-Key",),
    takes=JUDGED,
)
async def patch_progress(
    request: Request, member: FromPath[str], achievement: FromPath[UUID], data: JSONBody[ProgressBody]
) -> Response[ProgressAnswer]:
    """Change a member's progress by hand, with a reason: their completed count, and what rules count.

    A raised count fires each linked campaign once, however large the raise. Rules that become complete by it complete
    the achievement, as they would by a fact.
    """
    wanted = data.change()
    return await answer_once(
        request,
        lambda working: shapes.progress(manual_progress.change(working, member, achievement, wanted)),
    )


async def _live(request: Request, achievement: UUID, change: Callable[[Working, UUID], Achievement]) -> Response[Any]:
    return await answer_once(request, lambda working: _shown(working, change(working, achievement)), versioned=True)


def _shown(working: Working, achievement: Achievement) -> AchievementAnswer:
    return shapes.achievement(achievement, ZoneInfo(working.catalogue.time_zone))


ACHIEVEMENT_COMMANDS = (
    post_achievement,
    put_achievement,
    activate_achievement,
    deactivate_achievement,
    archive_achievement,
    duplicate_achievement,
    patch_progress,
)
