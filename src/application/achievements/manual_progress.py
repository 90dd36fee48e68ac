"""Progress changed by hand, with a reason: by authorised people, and by import."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from application.achievements.progressing import carried_over
from application.definitions.catalogue import Catalogue
from application.log.working import Working
from application.service.refusals import Conflict, Unknown
from application.streams import MEMBER, PROGRESS
from domain.achievements import progress as progresses
from domain.achievements.achievement import Status
from domain.achievements.adjustment import LimitExcess, NothingProgresses, adjust
from domain.achievements.buckets import bucket_at
from domain.achievements.definition import CountKind, PeriodKind
from domain.achievements.progress import Progress
from domain.achievements.progress_shown import RuleView, shown_at
from domain.achievements.terms import AchievementTerms, RuleTerms
from domain.values.amounts import fault, written
from domain.values.interval import moment_of
from domain.values.problems import Invalid, Problem


class RuleSetting(Struct, frozen=True, gc=False):
    """What a rule (from 1) is to have counted in the period of an instant; None is now."""

    rule: int
    value: Decimal
    at: datetime | None = None


class ProgressRequest(Struct, frozen=True, gc=False):
    """What is to be: the completed count, and what rules count."""

    reason: str
    completed: int | None = None
    settings: tuple[RuleSetting, ...] = ()


class ProgressChange(Struct, frozen=True, gc=False):
    """Progress as it is after a change, each rule with what its open period counts; `recorded` where it is another."""

    member: str
    achievement: UUID
    completed: int
    rules: tuple[tuple[RuleTerms, RuleView], ...]
    recorded: bool


def change(working: Working, member_id: str, achievement_id: UUID, wanted: ProgressRequest) -> ProgressChange:
    """Makes progress what is wanted; where it is that already, nothing is recorded.

    Rules that become complete by it complete the achievement, as they would by a fact. Raises Unknown, Conflict and
    Invalid.
    """
    terms = _terms(working.catalogue, achievement_id)
    stream = PROGRESS.at(achievement_id, terms.revision, member_id)
    working.prefetch([MEMBER.at(member_id), stream])
    if working.state(MEMBER.at(member_id)) is None:
        raise Unknown(f"no member `{member_id}`")
    now = working.now
    settings = tuple((setting.rule, setting.value, setting.at or now) for setting in wanted.settings)
    if problems := [*_problems(terms, wanted, settings)]:
        raise Invalid(problems)
    progress = working.state(stream)
    carried = carried_over(working, terms, member_id) if progress is None and terms.revision > 1 else None
    known = progresses.evolve(None, carried) if carried else progress
    member_version = working.version(MEMBER.at(member_id))
    decided = adjust(known, terms, member_id, wanted.reason, now, wanted.completed, settings, member_version)
    if isinstance(decided, LimitExcess):
        raise Conflict(f"the limit allows a completed count of at most {written(decided.allowed)}", "limit_reached")
    if isinstance(decided, NothingProgresses):
        raise Conflict("the limit is reached: nothing progresses, so that no rule can be raised", "limit_reached")
    if carried and decided:
        working.record(stream, carried)
    for event in decided:
        if isinstance(event, Problem):
            raise Invalid([found for found in decided if isinstance(found, Problem)])
        known = working.record(stream, event)
    return _changed(terms, member_id, known or progresses.NOTHING, now, recorded=bool(decided))


def _terms(catalogue: Catalogue, achievement_id: UUID) -> AchievementTerms:
    achievement = catalogue.achievements.get(achievement_id)
    if achievement is None:
        raise Unknown(f"no achievement {achievement_id}")
    if achievement.status is Status.ARCHIVED:
        raise Conflict("the achievement is archived; it must be inactive or active", "wrong_status")
    return catalogue.achievement_terms(achievement_id)


def _problems(
    terms: AchievementTerms, wanted: ProgressRequest, settings: Sequence[tuple[int, Decimal, datetime]]
) -> Iterator[Problem]:
    if wanted.completed is None and not settings:
        yield Problem("", "must have `completed` or `rules`: there is nothing to change")
    if not wanted.reason.strip():
        yield Problem("/reason", "must say why")
    seen = set()
    for number, (rule, value, at) in enumerate(settings):
        pointer = f"/rules/{number}"
        if fault(value) or value < 0:
            yield Problem(f"{pointer}/value", "must be 0 or more", "negative")
        if not 1 <= rule <= len(terms.rules):
            yield Problem(f"{pointer}/rule", f"must be 1 to {len(terms.rules)}")
            continue
        of = terms.rules[rule - 1]
        if of.count is CountKind.DISTINCT and of.period is PeriodKind.LAST_DAYS:
            yield Problem(f"{pointer}/rule", "can't be set: it counts which values there were on the last days")
        bucket = (rule, bucket_at(of, moment_of(at, terms.zone)))
        if bucket in seen:
            yield Problem(pointer, "is there twice: the rule, and the period of the instant")
        seen.add(bucket)


def _changed(
    terms: AchievementTerms, member_id: str, progress: Progress, now: datetime, *, recorded: bool
) -> ProgressChange:
    moment = moment_of(now, terms.zone)
    rules = tuple((rule, shown_at(rule, progress.of(rule.number).buckets, moment)) for rule in terms.rules)
    return ProgressChange(member_id, terms.achievement, progress.completed, rules, recorded)
