"""Campaigns as they stand at an instant, with what they have given and what is left; and as one member sees them."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from psycopg import AsyncConnection

from application.log.mapper import Mapper
from application.streams import ACHIEVEMENT, CAMPAIGN, CAMPAIGN_BUDGET, PARTICIPATION, entry_at
from domain.achievements.achievement import Achievement
from domain.campaigns.budget import Budget
from domain.campaigns.campaign import Campaign, Life, Status, status
from domain.campaigns.definition import CampaignTrigger, CampaignType, Definition, EffectKind, Limits, Recipient
from domain.campaigns.participation import NOTHING, AwardReason, Participation
from domain.campaigns.warnings import campaign_warnings
from domain.catalogue.entries import Account
from domain.expressions import CompiledExpression, ExpressionFailure, Type, compile_expression
from domain.facts.scope import FactContext, member_scope
from domain.members.member import Member
from domain.values.amounts import written, written_if
from domain.values.interval import NOTHING as NO_TALLY
from domain.values.interval import Moment, Tally, moment_of
from domain.values.limit import Limit
from domain.values.problems import Problem
from domain.values.texts import Text
from projections.history.log import latest, states
from projections.listing.columns import Column, ColumnKind
from projections.listing.page import Figure, fetch_all, fetch_one, fetch_page
from projections.listing.request import Listing, Selection

MOST_SEGMENTS = 1000
"""The most segments that a member's campaigns are shown by; members of others are taken not to be in them."""

SEGMENTS_COMPILED = 1024


class CampaignRow(Struct, frozen=True, gc=False):
    """A campaign with its figures: what was cancelled is in none of them but `cancellations`.

    `budget_left` is what can still be given at the instant that was asked for; None where there is no budget.
    """

    campaign: Campaign
    executions: int
    cancellations: int
    refusals: int
    units_given: Figure
    budget_left: Figure | None


class CampaignReach(Struct, frozen=True, gc=False):
    """How many members have been given something, and when it last decided anything, in which decision."""

    members: int
    last_decided_at: datetime | None
    last_decision: UUID | None


class Hindrance(StrEnum):
    """What keeps a campaign from rewarding a member now."""

    PAUSED = "paused"
    NOT_STARTED = "not_started"
    ENDED = "ended"
    NOT_IN_AUDIENCE = AwardReason.NOT_IN_AUDIENCE.value
    MEMBER_LIMIT_REACHED = AwardReason.MEMBER_LIMIT_REACHED.value
    MEMBER_UNITS_EXHAUSTED = AwardReason.MEMBER_UNITS_EXHAUSTED.value
    BUDGET_EXHAUSTED = AwardReason.BUDGET_EXHAUSTED.value


class MemberCampaignRow(Struct, frozen=True, gc=False):
    """A campaign that a member sees, with what the member has had of it.

    It is `available` when nothing is `missing`; that units are used up matters where it gives nothing else, and the
    member's limits where it gives the member anything. `executions_left` and `units_left` are what the limits leave the
    member now (of units whatever is less, the member's own or the budget); null where there is no limit. The same of
    what the member receives as a referrer is `referrer_executions` and so on.
    """

    id: UUID
    name: str
    description: str
    translations: dict[str, Text]
    type: CampaignType
    trigger: CampaignTrigger
    achievement: UUID | None
    status: Status
    starts_at: datetime | None
    ends_at: datetime | None
    display_order: int
    labels: dict[str, str]
    available: bool
    missing: tuple[Hindrance, ...]
    executions: int
    executions_left: int | None
    units: Figure
    units_left: Figure | None
    referrer_executions: int
    referrer_executions_left: int | None
    referrer_units: Figure
    referrer_units_left: Figure | None


_STATUS = "CASE WHEN c.life IN ('active', 'paused') AND c.ends_at <= %(now)s THEN 'ended' ELSE c.life END"

_SHOWN = (
    Column("display_order", ColumnKind.INTEGER, "c.display_order", sortable=True),
    Column("name", expression="c.name", sortable=True),
    Column("status", expression=_STATUS, values=tuple(Status)),
    Column("type", expression="c.type", values=tuple(CampaignType)),
    Column("trigger", expression="c.trigger", values=tuple(CampaignTrigger)),
    Column("achievement", ColumnKind.UUID, "c.achievement", nullable=True),
    Column("label", ColumnKind.TEXTS, "c.labels"),
    Column("starts_at", ColumnKind.INSTANT, "c.starts_at", sortable=True, nullable=True),
    Column("ends_at", ColumnKind.INSTANT, "c.ends_at", sortable=True, nullable=True),
)

CAMPAIGNS = Listing(
    name="campaigns",
    columns=(
        Column("id", ColumnKind.UUID, "c.id", sortable=True, filterable=False),
        *_SHOWN,
        Column("executions", ColumnKind.INTEGER, "coalesce(f.executions, 0)", sortable=True),
        Column("refusals", ColumnKind.INTEGER, "coalesce(f.refusals, 0)", sortable=True),
        Column("units_given", ColumnKind.NUMBER, "coalesce(f.units, 0)", sortable=True),
        Column("created_at", ColumnKind.INSTANT, "c.created_at", sortable=True),
        Column("updated_at", ColumnKind.INSTANT, "c.updated_at", sortable=True),
    ),
    key="id",
    sort="display_order",
    search=("c.name",),
)
"""A label is asked for by its name, or as `name:value`."""

MEMBER_CAMPAIGNS = Listing(
    name="member-campaigns",
    columns=(Column("id", ColumnKind.UUID, "c.id", filterable=False), *_SHOWN),
    key="id",
    sort="display_order",
    search=("c.name",),
)

_CAMPAIGNS = "p_campaigns.campaigns c LEFT JOIN p_campaigns.figures f ON f.campaign = c.id"

_CAMPAIGN = "c.id, c.definition::text, c.time_zone, c.revision, c.life, c.activated_at, c.version"

_FIGURES = """
coalesce(f.executions, 0), coalesce(f.cancellations, 0), coalesce(f.refusals, 0), coalesce(f.units, 0)::text
"""

_NO_FIGURES = (0, 0, 0, "0")

_REACH = """
SELECT
    (SELECT count(*) FROM p_campaigns.receivers r WHERE r.campaign = %(campaign)s AND r.executions > 0),
    last.recorded_at, last.id
FROM (VALUES (1)) one
LEFT JOIN LATERAL (
    SELECT d.recorded_at, d.id FROM p_decisions.decisions d
    WHERE d.campaign = %(campaign)s ORDER BY d.position DESC LIMIT 1
) last ON true
"""

_SEGMENTS = """
SELECT e.code, e.body ->> 'expression'
FROM p_catalogue.entries e
WHERE e.kind = 'segment' AND e.code IN (
    SELECT unnest(c.segments) FROM p_campaigns.campaigns c
    WHERE c.life IN ('active', 'paused') AND c.segments <> '{}'
)
ORDER BY e.code
LIMIT %(limit)s
"""

_VISIBLE = """
((c.definition #> '{visibility,everyone}')::boolean
    OR c.definition #> '{visibility,segments}' ?| %(segments)s::text[]
    OR c.definition #> '{visibility,tiers}' ? %(tier)s::text)
"""


async def campaigns_page(
    connection: AsyncConnection[Any], mapper: Mapper, selection: Selection, now: datetime
) -> tuple[list[CampaignRow], str | None]:
    """Deleted ones only where their status is asked for."""
    asked = any(condition.column.name == "status" for condition in selection.filters)
    found, following = await fetch_page(
        connection,
        selection,
        _row,
        f"{_CAMPAIGN}, {_FIGURES}",
        _CAMPAIGNS,
        where=() if asked else ("c.life <> 'deleted'",),
        parameters={"now": now},
    )
    return await _with_budgets(connection, mapper, found, now), following


async def campaign(
    connection: AsyncConnection[Any], mapper: Mapper, campaign_id: UUID, now: datetime
) -> CampaignRow | None:
    """A campaign as the last command left it, with figures as far as the projection has come."""
    found = await latest(connection, mapper, CAMPAIGN.of(campaign_id))
    if found is None:
        return None
    figures = await fetch_one(
        connection,
        lambda *row: row,
        _FIGURES,
        "p_campaigns.figures f",
        where="f.campaign = %(campaign)s",
        parameters={"campaign": campaign_id},
    )
    return (await _with_budgets(connection, mapper, [_counted(found.state, *(figures or _NO_FIGURES))], now))[0]


async def warnings(connection: AsyncConnection[Any], mapper: Mapper, definition: Definition) -> list[Problem]:
    """What can't work as meant, by what the definition refers to now."""
    codes = {effect.account for rule in definition.rules for effect in rule.effects if effect.account}
    accounts = {code: entry_at(Account, code).id for code in codes}
    achievements = [ACHIEVEMENT.of(definition.achievement).id] if definition.achievement else []
    known = await states(connection, mapper, [*achievements, *accounts.values()])
    found = next((known[identity] for identity in achievements if identity in known), None)
    return campaign_warnings(
        definition,
        found.definition if isinstance(found, Achievement) else None,
        lambda code: account.decimals if (account := known.get(accounts[code])) else 0,
    )


async def reach(connection: AsyncConnection[Any], campaign_id: UUID) -> CampaignReach:
    (found,) = await fetch_all(connection, CampaignReach, _REACH, {"campaign": campaign_id})
    return found


async def member_campaigns_page(
    connection: AsyncConnection[Any], mapper: Mapper, member: Member, selection: Selection, now: datetime, zone: str
) -> tuple[list[MemberCampaignRow], str | None]:
    """What a member sees of active and paused campaigns, ended ones among them; segments are read in the program's
    `zone` and hold or don't as the member is now.
    """
    holding = await _holding(connection, member, zone)
    found, following = await fetch_page(
        connection,
        selection,
        _campaign,
        _CAMPAIGN,
        "p_campaigns.campaigns c",
        where=("c.life IN ('active', 'paused')", _VISIBLE),
        parameters={"now": now, "segments": sorted(holding), "tier": member.tier},
    )
    had = {each.id: PARTICIPATION.at(each.id, member.id).id for each in found}
    spent = {each.id: CAMPAIGN_BUDGET.at(each.id).id for each in found}
    known = await states(connection, mapper, [*had.values(), *spent.values()])
    return [
        _seen(each, member, holding, known.get(had[each.id]) or NOTHING, known.get(spent[each.id]), now)
        for each in found
    ], following


def _seen(
    shown: Campaign,
    member: Member,
    holding: frozenset[str],
    participation: Participation,
    budget: Budget | None,
    now: datetime,
) -> MemberCampaignRow:
    definition, limits = shown.definition, shown.definition.limits
    moment = moment_of(now, ZoneInfo(shown.time_zone))
    of_all = _left(budget.units if budget else NO_TALLY, limits.total_units, moment)
    own = _had(participation, limits, Recipient.MEMBER, moment)
    referred = _had(participation, limits, Recipient.REFERRER, moment)
    current = status(shown, now)
    effects = [effect for rule in definition.rules for effect in rule.effects]
    to_member = {effect.kind for effect in effects if effect.to is Recipient.MEMBER}
    kept = {
        Hindrance.PAUSED: current is Status.PAUSED,
        Hindrance.ENDED: current is Status.ENDED,
        Hindrance.NOT_STARTED: definition.starts_at is not None and now < definition.starts_at,
        Hindrance.NOT_IN_AUDIENCE: not definition.audience.include(member.tier, holding),
        Hindrance.MEMBER_LIMIT_REACHED: bool(to_member) and own.executions_left == 0,
        Hindrance.MEMBER_UNITS_EXHAUSTED: to_member == _UNITS and own.units_left == 0,
        Hindrance.BUDGET_EXHAUSTED: {effect.kind for effect in effects} == _UNITS and of_all == 0,
    }
    missing = tuple(reason for reason, so in kept.items() if so)
    return MemberCampaignRow(
        id=shown.id,
        name=definition.name,
        description=definition.description,
        translations=definition.translations,
        type=definition.type,
        trigger=definition.trigger,
        achievement=definition.achievement,
        status=current,
        starts_at=definition.starts_at,
        ends_at=definition.ends_at,
        display_order=definition.display_order,
        labels=definition.labels,
        available=not missing,
        missing=missing,
        executions=own.executions,
        executions_left=own.executions_left,
        units=written(own.units),
        units_left=_least(own.units_left, of_all),
        referrer_executions=referred.executions,
        referrer_executions_left=referred.executions_left,
        referrer_units=written(referred.units),
        referrer_units_left=_least(referred.units_left, of_all),
    )


_UNITS = {EffectKind.GIVE_UNITS}


class _Had(NamedTuple):
    """What a member has had of a campaign as one of its receivers, and what the limits of those leave them."""

    executions: int
    executions_left: int | None
    units: Decimal
    units_left: Decimal | None


def _had(participation: Participation, limits: Limits, of: Recipient, moment: Moment) -> _Had:
    tallies = participation.tallies(of)
    executions = _left(tallies.executions, limits.executions(of), moment)
    return _Had(
        int(tallies.executions.total),
        None if executions is None else int(executions),
        tallies.units.total,
        _left(tallies.units, limits.units(of), moment),
    )


def _least(*left_: Decimal | None) -> str | None:
    least = min((some for some in left_ if some is not None), default=None)
    return written_if(least)


def _left(tally: Tally, limit: Limit | None, moment: Moment) -> Decimal | None:
    return limit.left(tally, moment) if limit else None


async def _holding(connection: AsyncConnection[Any], member: Member, zone: str) -> frozenset[str]:
    """The segments that campaigns name and the member is in."""
    named = await fetch_all(connection, lambda *row: row, _SEGMENTS, {"limit": MOST_SEGMENTS})
    return frozenset(code for code, expression in named if _holds(_compiled(expression, zone), member))


@lru_cache(SEGMENTS_COMPILED)
def _compiled(expression: str, zone: str) -> CompiledExpression | None:
    found = compile_expression(expression, member_scope(zone), Type.BOOLEAN)
    return found if isinstance(found, CompiledExpression) else None


def _holds(segment: CompiledExpression | None, member: Member) -> bool:
    try:
        return bool(segment and segment.evaluate(FactContext(member)))
    except ExpressionFailure:
        return False


async def _with_budgets(
    connection: AsyncConnection[Any], mapper: Mapper, rows: list[CampaignRow], now: datetime
) -> list[CampaignRow]:
    """The budgets' own streams know what is left of them."""
    limited = [row for row in rows if row.campaign.definition.limits.total_units]
    known = await states(connection, mapper, [CAMPAIGN_BUDGET.at(row.campaign.id).id for row in limited])
    return [msgspec.structs.replace(row, budget_left=_budget_left(row.campaign, known, now)) for row in rows]


def _budget_left(shown: Campaign, known: Mapping[UUID, Budget], now: datetime) -> str | None:
    budget = known.get(CAMPAIGN_BUDGET.at(shown.id).id)
    moment = moment_of(now, ZoneInfo(shown.time_zone))
    rest = _left(budget.units if budget else NO_TALLY, shown.definition.limits.total_units, moment)
    return written_if(rest)


def _row(*columns: Any) -> CampaignRow:  # noqa: ANN401  a row of the query
    *known, executions, cancellations, refusals, units = columns
    return _counted(_campaign(*known), executions, cancellations, refusals, units)


def _counted(campaign: Campaign, executions: int, cancellations: int, refusals: int, units: str) -> CampaignRow:
    return CampaignRow(campaign, executions, cancellations, refusals, written(Decimal(units)), None)


def _campaign(
    campaign_id: UUID,
    definition: str,
    time_zone: str,
    revision: int,
    life: str,
    activated_at: datetime | None,
    version: int,
) -> Campaign:
    known = msgspec.json.decode(definition, type=Definition)
    return Campaign(campaign_id, known, time_zone, revision, Life(life), activated_at, version)
