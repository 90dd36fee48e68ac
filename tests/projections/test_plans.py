"""No page of a list reads more than about a page of rows, the first one or a later one, however many there are."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import psycopg
import pytest
from psycopg import AsyncConnection, AsyncCursor, sql

from application import streams
from application.service.migrate import migrate
from domain.catalogue.entries import Account, Badge, Coupon, EventType, MemberList, Reward, Segment
from domain.facts.fact import Fact, FactKind
from domain.members.member import Member
from projections.achievements import progress
from projections.achievements import queries as achievements
from projections.campaigns import queries as campaigns
from projections.catalogue import queries as catalogue
from projections.decisions import queries as decisions
from projections.facts import queries as facts
from projections.feed.feed import TYPES, tags_of
from projections.history import log
from projections.listing.request import Listing, Selection
from projections.members import accounts
from projections.members import queries as members
from projections.rewards import queries as rewards
from projections.service import jobs
from projections.service import projections as following
from projections.tiered import previews
from projections.tiered.campaigns import queries as tiered_campaigns
from projections.tiered.standings import queries as standings
from tests.projections import rewarding
from tests.projections.achieving import definition as achievement_definition
from tests.projections.following import followed
from tests.projections.history import MAPPER, definition
from tests.support.database import fresh_database

CAMPAIGN = UUID("018f0000-0000-7000-8000-000000000001")
PREVIEWS = (UUID("018f0000-0000-7000-9000-000000000001"), UUID("018f0000-0000-7000-9000-000000000003"))
DECISION = UUID("018f0000-0000-7000-a000-000000000007")
MEMBER = "M-00007"
NOW = datetime(2026, 9, 10, tzinfo=UTC)
LIMIT = 10
ROWS = 120
"""The most rows that any step of a plan may read for a page of ten, where tables have thousands."""

Asked = Callable[[AsyncConnection[Any], Selection], Awaitable[tuple[list[Any], str | None]]]


class Explaining(AsyncCursor[Any]):
    """Explains every query before it runs it; the plans are kept with the connection."""

    async def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        text = query.as_string(self.connection) if isinstance(query, sql.Composable) else query
        async with AsyncCursor(self.connection) as cursor:
            await cursor.execute(cast(Any, f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {text}"), params, prepare=False)
            row = await cursor.fetchone()
        assert row is not None
        cast(Any, self.connection).plans.append(row[0][0]["Plan"])
        return await super().execute(query, params, **options)


@pytest.fixture(scope="module")
def filled(server: str) -> Iterator[str]:
    with fresh_database(server) as conninfo:
        migrate(conninfo)
        followed(conninfo)
        text = Path(__file__).with_name("seed.sql").read_text("utf-8")
        with psycopg.connect(conninfo, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
            written = msgspec.json.encode(definition()).decode()
            achievement = msgspec.json.encode(achievement_definition()).decode()
            prize = msgspec.json.encode(rewarding.definition()).decode()
            connection.execute(cast(Any, text), {"prize": prize, "definition": written, "achievement": achievement})
            connection.execute("update laurel.heads set head = 8000")
            connection.execute("analyze")
        yield conninfo


@pytest.fixture
async def connection(filled: str) -> AsyncIterator[AsyncConnection[Any]]:
    async with await AsyncConnection.connect(filled, autocommit=True, cursor_factory=Explaining) as connection:
        cast(Any, connection).plans = []
        yield connection


async def statistics_row(connection: AsyncConnection[Any]) -> tiered_campaigns.StatisticsRow:
    found = await tiered_campaigns.occurrence(connection, CAMPAIGN, 1, NOW)
    assert found is not None
    return found


async def occurrence_members(connection: AsyncConnection[Any], selection: Selection) -> Any:
    return await standings.occurrence_members_page(connection, CAMPAIGN, await statistics_row(connection), selection)


async def all_decisions(connection: AsyncConnection[Any], selection: Selection) -> Any:
    return await decisions.decisions_page(connection, decisions.DecisionQuery(selection))


async def comparison(connection: AsyncConnection[Any], selection: Selection) -> Any:
    this, other = [await previews.preview(connection, CAMPAIGN, preview) for preview in PREVIEWS]
    assert this is not None
    assert other is not None
    return await previews.comparison_page(connection, MAPPER, this, other, selection)


LISTS: dict[str, tuple[Listing, dict[str, str], Asked]] = {
    "event types": (catalogue.EVENT_TYPES, {}, lambda c, s: catalogue.entries_page(c, EventType, s)),
    "accounts": (catalogue.ACCOUNTS, {}, lambda c, s: catalogue.entries_page(c, Account, s)),
    "segments": (catalogue.SEGMENTS, {}, lambda c, s: catalogue.entries_page(c, Segment, s)),
    "lists": (catalogue.LISTS, {}, lambda c, s: catalogue.entries_page(c, MemberList, s)),
    "badges": (catalogue.BADGES, {}, lambda c, s: catalogue.entries_page(c, Badge, s)),
    "coupons": (catalogue.COUPONS, {}, lambda c, s: catalogue.stocked_page(c, Coupon, s)),
    "rewards": (catalogue.REWARDS, {}, lambda c, s: catalogue.stocked_page(c, Reward, s)),
    "codes of a coupon": (rewards.COUPON_CODES, {}, lambda c, s: rewards.coupon_codes_page(c, "welcome", s, NOW)),
    "void codes of a coupon": (
        rewards.COUPON_CODES,
        {"status": "void"},
        lambda c, s: rewards.coupon_codes_page(c, "welcome", s, NOW),
    ),
    "codes that a member has": (
        rewards.COUPON_CODES,
        {"member": MEMBER},
        lambda c, s: rewards.coupon_codes_page(c, "welcome", s, NOW),
    ),
    "coupons of a member": (rewards.MEMBER_COUPONS, {}, lambda c, s: rewards.member_coupons_page(c, MEMBER, s, NOW)),
    "badges of a member": (rewards.MEMBER_BADGES, {}, lambda c, s: rewards.member_badges_page(c, MEMBER, s)),
    "rewards of a member": (rewards.MEMBER_REWARDS, {}, lambda c, s: rewards.member_rewards_page(c, MEMBER, s)),
    "products": (catalogue.PRODUCTS, {}, catalogue.products_page),
    "members": (members.MEMBERS, {}, lambda c, s: members.members_page(c, MAPPER, s)),
    "members by registration": (
        members.MEMBERS,
        {"sort": "-registered_at"},
        lambda c, s: members.members_page(c, MAPPER, s),
    ),
    "members of a list": (members.LIST_MEMBERS, {}, lambda c, s: members.list_members_page(c, "all", s)),
    "transactions": (facts.TRANSACTIONS, {}, lambda c, s: facts.facts_page(c, MAPPER, s, kind=FactKind.TRANSACTION)),
    "transactions of a member": (
        facts.TRANSACTIONS,
        {"member": MEMBER},
        lambda c, s: facts.facts_page(c, MAPPER, s, kind=FactKind.TRANSACTION),
    ),
    "events": (facts.EVENTS, {}, lambda c, s: facts.facts_page(c, MAPPER, s, kind=FactKind.EVENT)),
    "facts of a member": (facts.MEMBER_FACTS, {}, lambda c, s: facts.facts_page(c, MAPPER, s, member=MEMBER)),
    "decisions": (decisions.DECISIONS, {}, all_decisions),
    "decisions of a member": (
        decisions.DECISIONS,
        {},
        lambda c, s: decisions.decisions_page(c, decisions.DecisionQuery(s), MEMBER),
    ),
    "decisions of a receiver": (decisions.DECISIONS, {"receiver": MEMBER}, all_decisions),
    "decisions of a campaign": (decisions.DECISIONS, {"campaign": str(CAMPAIGN)}, all_decisions),
    "decisions of a kind": (decisions.DECISIONS, {"kind": "correction"}, all_decisions),
    "refusals": (decisions.DECISIONS, {"outcome": "refused"}, all_decisions),
    "campaigns": (campaigns.CAMPAIGNS, {}, lambda c, s: campaigns.campaigns_page(c, MAPPER, s, NOW)),
    "campaigns of a member": (
        campaigns.MEMBER_CAMPAIGNS,
        {},
        lambda c, s: campaigns.member_campaigns_page(c, MAPPER, Member(MEMBER), s, NOW, "UTC"),
    ),
    "tiered campaigns": (tiered_campaigns.CAMPAIGNS, {}, lambda c, s: tiered_campaigns.campaigns_page(c, s, NOW)),
    "achievements": (achievements.ACHIEVEMENTS, {}, achievements.achievements_page),
    "achievements of a member": (
        progress.MEMBER_ACHIEVEMENTS,
        {},
        lambda c, s: progress.member_achievements_page(c, MAPPER, MEMBER, s, progress.ViewTime(NOW, ZoneInfo("UTC"))),
    ),
    "facts of a member's achievement": (
        progress.PROGRESS_FACTS,
        {},
        lambda c, s: progress.progress_facts_page(c, MEMBER, CAMPAIGN, s),
    ),
    "statistics": (tiered_campaigns.STATISTICS, {}, lambda c, s: tiered_campaigns.statistics_page(c, CAMPAIGN, s, NOW)),
    "members of an occurrence": (standings.OCCURRENCE_MEMBERS, {}, occurrence_members),
    "previews": (previews.PREVIEWS, {}, lambda c, s: previews.previews_page(c, CAMPAIGN, s)),
    "members of a preview": (
        previews.PREVIEW_MEMBERS,
        {},
        lambda c, s: previews.preview_members_page(c, CAMPAIGN, PREVIEWS[0], s),
    ),
    "comparison": (previews.COMPARISON, {}, comparison),
    "jobs": (jobs.JOBS, {}, jobs.jobs_page),
    "rebuilds": (following.REBUILDS, {}, following.rebuilds_page),
}


@pytest.mark.parametrize("name", LISTS)
async def test_a_page_costs_a_page(connection: AsyncConnection[Any], name: str) -> None:
    listing, asked, page = LISTS[name]
    query = {"limit": str(LIMIT), **asked}
    for _ in range(3):
        cast(Any, connection).plans.clear()
        _, cursor = await page(connection, listing.read(query))
        worst = max(read for plan in cast(Any, connection).plans for read in _read(plan))
        assert worst <= ROWS, cast(Any, connection).plans
        assert cursor is not None
        query["cursor"] = cursor


FEW = [{"reason": "no_tier_reached"}, {"account": "miles"}, {"receiver": "R-1"}, {"fact[in]": "T-1,T-2,T-3"}]


@pytest.mark.parametrize("asked", FEW, ids=str)
async def test_what_few_decisions_have_finds_them(connection: AsyncConnection[Any], asked: dict[str, str]) -> None:
    found, _ = await all_decisions(connection, decisions.DECISIONS.read(asked))
    assert len(found) == (3 if "fact[in]" in asked else 8)
    assert max(read for plan in cast(Any, connection).plans for read in _read(plan)) <= ROWS


async def test_what_a_member_has_is_found_by_the_member(connection: AsyncConnection[Any]) -> None:
    selection = accounts.MEMBER_ACCOUNTS.read({"limit": "10"})
    await accounts.member_accounts_page(connection, MEMBER, selection)
    await standings.member_standings_page(connection, MEMBER, standings.MEMBER_STANDINGS.read({}), NOW)
    scanned = {name for plan in cast(Any, connection).plans for name in _scanned_whole(plan)}
    assert not scanned & {"decisions", "standings", "entries", "occurrences", "revisions"}


async def test_who_is_in_progress_is_counted_by_the_index(connection: AsyncConnection[Any]) -> None:
    assert await achievements.members_in_progress(connection, CAMPAIGN, 2) == 2000
    (plan,) = cast(Any, connection).plans
    assert "Index Only Scan" in str(plan)
    assert max(_read(plan)) <= 2000
    assert await achievements.members_in_progress(connection, PREVIEWS[0], 1) == 0


async def test_single_things_are_found_by_their_key(connection: AsyncConnection[Any]) -> None:
    await log.latest(connection, MAPPER, streams.PRODUCT.at("SKU-00007"))
    await log.exists(connection, streams.MEMBER.at(MEMBER))
    await members.member(connection, MAPPER, MEMBER)
    await facts.transaction(connection, MAPPER, "T-7")
    await tiered_campaigns.campaign(connection, MAPPER, CAMPAIGN, NOW)
    await progress.member_achievement(connection, MAPPER, MEMBER, PREVIEWS[0], progress.ViewTime(NOW, ZoneInfo("UTC")))
    await campaigns.campaign(connection, MAPPER, CAMPAIGN, NOW)
    await campaigns.reach(connection, CAMPAIGN)
    await previews.preview(connection, CAMPAIGN, PREVIEWS[0])
    await decisions.decision(connection, MAPPER, DECISION)
    change = decisions.FactChange(Fact(FactKind.TRANSACTION, "T-7"), 7)
    assert len(await decisions.decisions_caused(connection, [change] * 2)) == 1
    await jobs.job(connection, CAMPAIGN)
    worst = max(read for plan in cast(Any, connection).plans for read in _read(plan))
    assert worst <= ROWS


async def test_the_feed_is_read_from_where_it_goes_on(connection: AsyncConnection[Any]) -> None:
    every = tags_of(TYPES)
    assert len((await log.read_feed(connection, MAPPER, every, None, 4000, LIMIT)).events) == LIMIT
    assert max(read for plan in cast(Any, connection).plans for read in _read(plan)) <= ROWS
    page = await log.read_feed(connection, MAPPER, every, "nobody", 4000, LIMIT)
    assert page.events == []
    assert 4000 < page.last <= 4000 + log.PASSED_EVENTS
    assert max(read for plan in cast(Any, connection).plans for read in _read(plan)) <= log.PASSED_EVENTS


def _read(plan: dict[str, Any]) -> Iterator[float]:
    """How many rows each step has read: what it gave on, and what it threw away."""
    thrown = sum(plan.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Index Recheck", "Join Filter"))
    yield (plan["Actual Rows"] + thrown) * max(plan["Actual Loops"], 1)
    for part in plan.get("Plans", ()):
        yield from _read(part)


def _scanned_whole(plan: dict[str, Any]) -> Iterator[str]:
    if plan["Node Type"] == "Seq Scan":
        yield plan["Relation Name"]
    for part in plan.get("Plans", ()):
        yield from _scanned_whole(part)
