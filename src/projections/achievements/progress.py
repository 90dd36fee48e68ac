"""How far members are with achievements: what each rule counts, and what facts did for it or why they did nothing.

Progress itself is told by its stream, whose state decides facts: found by the projection.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from psycopg import AsyncConnection

from application.log.mapper import Mapper
from application.streams import PROGRESS, fact_stream
from domain.achievements.achievement import Achievement, Status
from domain.achievements.definition import Definition, PeriodKind, Rule
from domain.achievements.progress import NOTHING, Progress, limit_reached
from domain.achievements.progress_shown import shown_at, terms_shown
from domain.achievements.terms import RuleTerms
from domain.facts.fact import Fact, FactKind
from domain.facts.outcomes import OmissionReason
from domain.values.amounts import written
from domain.values.interval import Interval, Moment, moment_of
from projections.achievements.rows import FactOutcome
from projections.history.actors import name_of
from projections.history.log import states
from projections.listing.columns import Column, ColumnKind
from projections.listing.page import Figure, fetch_all, fetch_one, fetch_page
from projections.listing.request import Listing, Selection


class ViewTime(Struct, frozen=True):
    """When something is shown: the periods of its zone are open then."""

    now: datetime
    zone: ZoneInfo


class PeriodRow(Struct, frozen=True, gc=False, omit_defaults=True):
    """Over which time a rule counts; `n` days where those are the last ones."""

    kind: PeriodKind
    n: int | None = None


class LimitRow(Struct, frozen=True, gc=False):
    """At most `value` completions, for life or per interval."""

    value: int
    interval: Interval | None


class MemberRuleRow(Struct, frozen=True, gc=False):
    """Where a member stands with a rule (from 1).

    `value` is what the open period counts, of the last days those that end today; `remaining` is what it lacks of the
    goal. `consecutive_completed` are the periods in a row that reached it, up to the open one, which breaks no row. A
    rule that is `complete` lacks nothing.
    """

    rule: int
    name: str
    goal: Figure
    value: Figure
    remaining: Figure
    period: PeriodRow
    consecutive_required: int
    consecutive_completed: int
    complete: bool


class MemberAchievementRow(Struct, frozen=True, gc=False):
    """How far a member is with an achievement, now.

    `completed` counts all completions there were, also under earlier revisions; the rules start again with each of them
    and with a new revision. At the limit nothing progresses.
    """

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


class ProgressFactRow(Struct, frozen=True, gc=False):
    """What a fact did for a member's progress.

    One that `counted` added `amount` to a rule, which counted `value` of `goal` with it in the fact's own period. One
    that was `taken_back` was refunded. One that was `not_counted` has a reason. `member` is who acted: where a referrer
    progresses, another one.
    """

    kind: FactKind
    id: str
    member: str | None
    outcome: FactOutcome
    rule: int | None
    revision: int | None
    amount: Figure | None
    value: Figure | None
    goal: Figure | None
    reason: OmissionReason | None
    detail: str | None
    occurred_at: datetime | None
    recorded_at: datetime
    position: str


class RuleSetRow(Struct, frozen=True, gc=False):
    """What a rule (from 1) was set to have counted, in one of its periods."""

    rule: int
    value: Figure


class ManualChangeRow(Struct, frozen=True, gc=False):
    """A change of progress by hand or by import, and why: the completed count (`before`) became `completed`."""

    reason: str
    before: int
    completed: int
    rules: tuple[RuleSetRow, ...]
    revision: int
    changed_by: str
    recorded_at: datetime
    position: str


CHANGES_SHOWN = 50
"""The newest changes by hand that are shown with a member's progress."""

MEMBER_ACHIEVEMENTS = Listing(
    name="member-achievements",
    columns=(
        Column("achievement", ColumnKind.UUID, "a.id", sortable=True),
        Column("name", expression="a.name", sortable=True),
        Column("status", expression="a.status", values=tuple(Status)),
        Column("completed", ColumnKind.INTEGER, "coalesce(m.completed, 0)", sortable=True),
        Column("in_progress", ColumnKind.BOOLEAN, "coalesce(m.in_progress AND m.revision = a.revision, false)"),
        Column("last_completed_at", ColumnKind.INSTANT, "m.last_completed_at", sortable=True, nullable=True),
        Column("last_advanced_at", ColumnKind.INSTANT, "m.last_advanced_at", sortable=True, nullable=True),
    ),
    key="achievement",
    sort="-achievement",
    search=("a.name",),
)

PROGRESS_FACTS = Listing(
    name="progress-facts",
    columns=(
        Column("recorded_at", ColumnKind.INTEGER, "f.position", sortable=True, filterable=False),
        Column("recorded_at", ColumnKind.INSTANT, "f.recorded_at"),
        Column("number", ColumnKind.INTEGER, "f.number", filterable=False),
        Column("outcome", expression="f.outcome", values=tuple(FactOutcome)),
        Column("rule", ColumnKind.INTEGER, "f.rule", nullable=True),
        Column("reason", expression="f.reason", nullable=True, values=tuple(OmissionReason)),
        Column("kind", expression="f.fact_kind", values=tuple(FactKind)),
    ),
    key="number",
    sort="-recorded_at",
)
"""In the order they were recorded in they are sorted by position; `number` tells apart what was recorded at once."""

_MEMBER_ACHIEVEMENTS = """
p_achievements.achievements a
LEFT JOIN LATERAL (
    SELECT max(h.revision) AS revision,
        (array_agg(h.completed ORDER BY h.revision DESC))[1] AS completed,
        (array_agg(h.in_progress ORDER BY h.revision DESC))[1] AS in_progress,
        (array_agg(h.last_completed_at ORDER BY h.revision DESC) FILTER (WHERE h.last_completed_at IS NOT NULL))[1]
            AS last_completed_at,
        (array_agg(h.last_advanced_at ORDER BY h.revision DESC) FILTER (WHERE h.last_advanced_at IS NOT NULL))[1]
            AS last_advanced_at
    FROM p_achievements.member_achievements h
    WHERE h.member = %(member)s AND h.achievement = a.id
) m ON true
"""

_MEMBER_ACHIEVEMENT = """
a.id, a.definition::text, a.revision, a.status, m.revision, m.last_completed_at, m.last_advanced_at
"""

_OF_CONCERN = "(a.status <> 'archived' OR m.revision IS NOT NULL)"
"""An archived achievement concerns the members who have a history with it."""

_PROGRESS_FACT = """
f.fact_kind, f.fact_id, f.outcome, f.rule, f.revision, trim_scale(f.amount)::text, trim_scale(f.value)::text,
trim_scale(f.goal)::text, f.reason, f.detail,
f.recorded_at, f.position::text
"""

_FACTS = "SELECT f.stream, f.member, f.at FROM p_facts.facts f WHERE f.stream = ANY(%(streams)s::uuid[])"

_CHANGES = f"""
SELECT h.reason, h.before, h.completed, h.rules::text, h.revision, {name_of("h.changed_by")}, h.recorded_at,
    h.position::text
FROM p_achievements.manual_changes h
WHERE h.member = %(member)s AND h.achievement = %(achievement)s
ORDER BY h.position DESC LIMIT %(most)s
"""  # noqa: S608  put together from constants


async def member_achievements_page(
    connection: AsyncConnection[Any],
    mapper: Mapper,
    member_id: str,
    selection: Selection,
    at: ViewTime,
) -> tuple[list[MemberAchievementRow], str | None]:
    """How far a member is with the achievements there are, and with archived ones of which they have a history."""
    rows, following = await fetch_page(
        connection,
        selection,
        lambda *row: row,
        _MEMBER_ACHIEVEMENT,
        _MEMBER_ACHIEVEMENTS,
        where=(_OF_CONCERN,),
        parameters={"member": member_id},
    )
    return await _told(connection, mapper, member_id, rows, at), following


async def member_achievement(
    connection: AsyncConnection[Any],
    mapper: Mapper,
    member_id: str,
    achievement_id: UUID,
    at: ViewTime,
) -> MemberAchievementRow | None:
    """Also of an archived one that the member has no history with."""
    row = await fetch_one(
        connection,
        lambda *row: row,
        _MEMBER_ACHIEVEMENT,
        _MEMBER_ACHIEVEMENTS,
        where="a.id = %(achievement)s",
        parameters={"member": member_id, "achievement": achievement_id},
    )
    return (await _told(connection, mapper, member_id, [row], at))[0] if row else None


async def _told(
    connection: AsyncConnection[Any],
    mapper: Mapper,
    member_id: str,
    rows: Sequence[tuple[Any, ...]],
    at: ViewTime,
) -> list[MemberAchievementRow]:
    """Progress as the streams have it that facts are decided by, of the newest revision the member has been under."""
    known = {
        (achievement_id, revision): PROGRESS.at(achievement_id, revision, member_id).id
        for achievement_id, _, current, _, last, *_ in rows
        for revision in (current, last)
        if revision is not None
    }
    found: dict[UUID, Progress] = await states(connection, mapper, list(known.values()))
    shown = []
    for achievement_id, defined, current, status, last, last_completed_at, last_advanced_at in rows:
        definition = msgspec.json.decode(defined, type=Definition)
        progress = found.get(known[achievement_id, current], NOTHING)
        history = progress
        if progress is NOTHING and last is not None:
            history = found.get(known[achievement_id, last], NOTHING)
        achievement = Achievement(achievement_id, definition, current, Status(status))
        shown.append(shown_progress(achievement, progress, history, last_completed_at, last_advanced_at, at))
    return shown


def shown_progress(
    achievement: Achievement,
    progress: Progress,
    history: Progress,
    last_completed_at: datetime | None,
    last_advanced_at: datetime | None,
    at: ViewTime,
) -> MemberAchievementRow:
    """A member's progress under the current revision; `history` is that under the newest one they have been under."""
    definition = achievement.definition
    moment = moment_of(at.now, at.zone)
    terms = terms_shown(achievement.id, achievement.revision, definition, at.zone)
    limit = definition.limit
    return MemberAchievementRow(
        achievement.id,
        definition.name,
        achievement.status,
        achievement.status is Status.ACTIVE,
        achievement.revision,
        definition.badge,
        history.completed,
        LimitRow(int(limit.value), limit.interval) if limit else None,
        limit_reached(terms, history, moment),
        last_completed_at if history.completed else None,
        last_advanced_at,
        tuple(_rule(rule, goal, progress, moment) for rule, goal in zip(definition.rules, terms.rules, strict=True)),
    )


def _rule(rule: Rule, terms: RuleTerms, progress: Progress, moment: Moment) -> MemberRuleRow:
    shown = shown_at(terms, progress.of(terms.number).buckets, moment)
    return MemberRuleRow(
        terms.number,
        rule.name,
        written(rule.goal),
        written(shown.value),
        written(shown.remaining),
        PeriodRow(rule.period.kind, rule.period.n),
        rule.consecutive,
        shown.consecutive_completed,
        shown.complete,
    )


async def manual_changes(
    connection: AsyncConnection[Any], member_id: str, achievement_id: UUID
) -> list[ManualChangeRow]:
    """The latest changes by hand of a member's progress, the last recorded first."""
    return await fetch_all(
        connection,
        lambda reason, before, completed, rules, *recorded: ManualChangeRow(
            reason, before, completed, msgspec.json.decode(rules, type=tuple[RuleSetRow, ...]), *recorded
        ),
        _CHANGES,
        {"member": member_id, "achievement": achievement_id, "most": CHANGES_SHOWN},
    )


async def progress_facts_page(
    connection: AsyncConnection[Any], member_id: str, achievement_id: UUID, selection: Selection
) -> tuple[list[ProgressFactRow], str | None]:
    """The facts that counted for a member's achievement and those that did not, the last recorded first."""
    rows, following = await fetch_page(
        connection,
        selection,
        lambda *row: row,
        _PROGRESS_FACT,
        "p_achievements.progress_facts f",
        where=("f.member = %(member)s", "f.achievement = %(achievement)s"),
        parameters={"member": member_id, "achievement": achievement_id},
    )
    streams = [fact_stream(Fact(FactKind(kind), fact_id)).id for kind, fact_id, *_ in rows]
    found = await fetch_all(connection, lambda *row: row, _FACTS, {"streams": streams})
    acted = {stream: (member, at) for stream, member, at in found}
    shown = []
    for stream, (kind, fact_id, outcome, rule, revision, amount, value, goal, reason, detail, *recorded) in zip(
        streams, rows, strict=True
    ):
        member, occurred_at = acted.get(stream, (None, None))
        shown.append(
            ProgressFactRow(
                FactKind(kind),
                fact_id,
                member,
                FactOutcome(outcome),
                rule,
                revision,
                amount,
                value,
                goal,
                OmissionReason(reason) if reason else None,
                detail,
                occurred_at,
                *recorded,
            )
        )
    return shown, following
