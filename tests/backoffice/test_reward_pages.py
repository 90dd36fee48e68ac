"""The pages of achievements, campaigns and decisions, over a program whose every name is hostile."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest

from application.achievements import commands as achievements
from application.achievements import manual_progress
from application.achievements.manual_progress import ProgressRequest
from application.campaigns import commands as campaigns
from application.campaigns.cancellation import request_cancellation
from application.catalogue import commands as definitions
from application.facts import ingest
from application.log.working import Command
from application.members.commands import put_member
from application.schedule.run import Doing
from application.schedule.sandbox import Sandbox
from application.service.keys import Role, make_key
from application.service.preconditions import Precondition
from application.streams import PARTICIPATION
from domain.achievements.definition import Definition, Period, PeriodKind, Subject
from domain.campaigns.definition import CampaignRule as Prize
from domain.campaigns.definition import CampaignType, Effect, EffectKind, Limits, OnExhausted, People, Recipient
from domain.campaigns.definition import Definition as Offer
from domain.campaigns.participation import Granted, decision_id
from domain.catalogue.entries import Account, Badge, Coupon, EventType, Generator, Reward
from domain.facts.event import Happening
from domain.facts.transaction import Status
from domain.values.attributes import AttributeType
from domain.values.interval import Interval, IntervalUnit
from domain.values.limit import Limit
from projections.history.log import events_between
from tests.application.schedule.jobs.program import RULES, Running, running
from tests.backoffice.pages import Page, see, sign_in, visitor
from tests.support.achievements import rule
from tests.support.campaigns import purchase
from tests.support.rewarding import campaign, units

START = datetime(2026, 9, 1, tzinfo=UTC)
MEMBER = "M/1 <b>?&#"
MEMBER_PATH = "/members/" + quote(MEMBER, safe="")
BUYER = """Buyer <script>alert("1")</script> & 'more'"""
PRIZE = "Prize <img src=x onerror=alert(1)>"
RULE = "Big <b>"
BADGE = "Star <i>"

GOAL, STREAK, IDLE = (UUID(int=(0x18F << 100) + 0xA0 + number) for number in range(3))
GIVES, GOLD, DRAFT, ENDED = (UUID(int=(0x18F << 100) + 0xC0 + number) for number in range(4))

ENOUGH = {"all": [{"attribute": "transaction.total", "operator": "gte", "value": "5"}]}
HUGE = {"expression": 'transaction.total > 1000 and member.tier != "<b>"'}


@pytest.fixture
async def program(database: str) -> AsyncIterator[Running]:
    async with running(database, sandbox=True) as program:
        yield program


@pytest.fixture
async def client(program: Running) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in, to a program that has granted, refused for every sort of reason, and taken back."""
    sandbox = Sandbox(Doing(program.writer, program.reads), program.policy, program.sandbox)
    await program.sandbox.move(START)
    for command in [*catalogue(), *goals(), *offers()]:
        await program.writer.submit(command)
    await sandbox.happen(START + timedelta(days=1))
    for number, total in enumerate(("20", "30.25", "4", "50", "60", "70", "80"), 1):
        await buy(program, f"T-{number} <b>", total, START + timedelta(hours=number))
    happening = Happening("E-1", "run", "M-friend", START, attributes={"km": "7.5"})
    await program.writer.submit(lambda w: ingest.receive_event(w, happening, RULES))
    await sandbox.happen(START + timedelta(days=1, hours=1))
    by_hand = ProgressRequest("a gesture <b>", completed=5)
    await program.writer.submit(lambda w: manual_progress.change(w, MEMBER, GOAL, by_hand), actor="someone <i>")
    await cancel(program)
    await sandbox.happen(START + timedelta(days=1, hours=2))
    async with visitor(program) as client:
        await sign_in(client)
        yield client


def catalogue() -> list[Command]:
    entries = (
        Account("money", "Cash <b>back", "EUR", 2),
        Badge("star", BADGE),
        Coupon("tea", "Tea <b>", Generator(8), value="2.50", valid_for="30 days"),
        Reward("mug", "Mug <b>", stock=1),
        EventType("run", "Run", {"km": AttributeType.NUMBER}),
    )
    put = partial(partial, definitions.put_entry, precondition=Precondition())
    return [
        *(put(entry=entry) for entry in entries),
        partial(put_member, member_id=MEMBER, tier="silver", attributes={}, referrer=None),
        partial(put_member, member_id="M-friend", tier=None, attributes={}, referrer=MEMBER),
    ]


def goals() -> list[Command]:
    running_far = rule(
        name="Run <b>",
        trigger="event",
        event_type="run",
        subject=Subject.REFERRER,
        unique_referee=True,
        goal=Decimal(1),
        period=Period(PeriodKind.DAY),
        consecutive=3,
        frequency=Limit(Decimal(2), Interval(IntervalUnit.WEEK)),
    )
    twice = rule(name="Twice", goal=Decimal(2), conditions=ENOUGH)
    return [
        *tracked(GOAL, Definition(name=BUYER, description="Buy <b>twice", badge="star", rules=(twice,))),
        *tracked(STREAK, Definition(name="Streak", limit=Limit(Decimal(1)), rules=(running_far, rule(name="Five")))),
        *tracked(IDLE, Definition(name="Idle", rules=(rule(),))),
        partial(achievements.deactivate, achievement_id=IDLE),
    ]


def tracked(achievement: UUID, definition: Definition) -> list[Command]:
    return [
        partial(achievements.define, achievement_id=achievement, definition=definition),
        partial(achievements.activate, achievement_id=achievement),
    ]


def offers() -> list[Command]:
    gifts = (
        Effect(kind=EffectKind.GIVE_UNITS, account="money", units="2 * transaction.total"),
        Effect(kind=EffectKind.ISSUE_COUPON, coupon="tea"),
        Effect(kind=EffectKind.GIVE_REWARD, reward="mug"),
        units("5", Recipient.REFERRER),
    )
    gives = campaign(
        Prize(RULE, gifts, ENOUGH),
        Prize("Huge", (units(),), HUGE),
        name=PRIZE,
        type=CampaignType.REFERRAL,
        achievement=GOAL,
        labels={"owner <b>": "shop"},
        limits=Limits(
            member_executions=Limit(Decimal(3)),
            total_units=Limit(Decimal(100), Interval(IntervalUnit.MONTH)),
            on_exhausted=OnExhausted.CLAMP,
        ),
    )
    gold = campaign(
        Prize("Gold", (units("100"),)), name="Gold only", achievement=GOAL, audience=People(tiers=("gold",))
    )
    ended = campaign(name="Last year", achievement=GOAL, ends_at=START + timedelta(seconds=1))
    draft = Offer(name="Empty")
    return [
        *(
            command
            for key, definition in ((GIVES, gives), (GOLD, gold), (ENDED, ended))
            for command in (
                partial(campaigns.define, campaign_id=key, definition=definition),
                partial(campaigns.activate, campaign_id=key),
            )
        ),
        partial(campaigns.define, campaign_id=DRAFT, definition=draft),
    ]


async def buy(program: Running, transaction: str, total: str, at: datetime, member: str = MEMBER) -> None:
    bought = purchase(transaction, total, member, purchased_at=at)
    await program.writer.submit(lambda w: ingest.receive_transaction(w, bought, Status.ACCEPTED, RULES))


def decision_of(campaign_id: UUID, version: int) -> UUID:
    return decision_id(PARTICIPATION.at(campaign_id, MEMBER).id, version)


async def cancel(program: Running) -> None:
    """Takes the first grant back."""
    stream = PARTICIPATION.at(GIVES, MEMBER).id
    async with program.pool.connection() as connection:
        first, *_ = await events_between(connection, program.mapper, [stream], 0, 10**9, 100)
    granted: Granted = first.event
    asked = await program.writer.submit(
        lambda w: request_cancellation(w, granted, 1, "by mistake <b>"), actor="someone <i>"
    )
    assert await program.policy.awarded(asked.position, 30)


def shows(page: Page, *words: str) -> None:
    for each in words:
        assert each in page.words, (each, page.words)


async def test_every_page_shows_what_is_so(client: httpx.AsyncClient) -> None:
    await achievement_pages(client)
    await campaign_pages(client)
    await explorer(client)
    await decision_pages(client)
    await member_page(client)
    await progress_page(client)
    await failures(client)


async def test_a_referrer_is_shown_what_they_received_by_others(program: Running, client: httpx.AsyncClient) -> None:
    for number in (11, 12):
        await buy(program, f"T-{number}", "10", START + timedelta(hours=number), "M-friend")
    sandbox = Sandbox(Doing(program.writer, program.reads), program.policy, program.sandbox)
    await sandbox.happen(START + timedelta(days=1, hours=3))
    (made,) = await program.rows(
        "select id from p_decisions.decisions where member = 'M-friend' and campaign = %s", GIVES
    )
    for path in (MEMBER_PATH, f"/decisions?receiver={quote(MEMBER)}"):
        page = await see(client, path)
        assert {f"/decisions/{made[0]}", "/members/M-friend"} <= set(page.links())
    shows(
        await see(client, MEMBER_PATH),
        "completion 1, transaction T-12, of M-friend",
        f"5 to {MEMBER}",
        "as a referrer 1 \u00d7, 5 units",
    )
    shows(await see(client, f"/decisions/{made[0]}"), "Referrer's executions 0 1 Referrer's units 0 5")


async def achievement_pages(client: httpx.AsyncClient) -> None:
    page = await see(client, "/achievements")
    assert f"/achievements/{GOAL}" in page.links()
    shows(page, f"{BUYER} active 2 transactions where total is at least 5 0 5 by 1 member star", "Idle inactive")
    found = await see(client, "/achievements?q=idle&status=inactive")
    assert (BUYER in found.words, "Idle" in found.words) == (False, True)
    shows(await see(client, "/achievements?q=nothing"), "No achievement is like that")
    first = await see(client, "/achievements?limit=1&status=active")
    following = next(link for link in first.links() if "cursor=" in link)
    second = await see(client, f"/achievements{following}")
    shows(second, "Streak", "First page")
    assert "/achievements?limit=1&status=active" in second.links()
    one = await see(client, f"/achievements/{STREAK}")
    shows(
        one,
        "1 run event, by different members they referred, on each of 3 days in a row, counting at most 2 a week",
        "Facts run events of the members they referred, each of them once",
        "Goal 1 in a day In a row 3 days in a row Frequency at most 2 a week",
        "Each member once",
        "None: members who complete it are given nothing.",
    )
    shows(
        await see(client, f"/achievements/{GOAL}"),
        "Buy <b>twice",
        f"{PRIZE} active 2 1 39.5",
        "Gold only active 0 4 0",
        "star",
    )


async def campaign_pages(client: httpx.AsyncClient) -> None:
    page = await see(client, "/campaigns")
    shows(
        page,
        f"{PRIZE} referral active {BUYER} is completed from 1 Jan, 01:00 2",
        "left a month",
        "Empty direct draft — — 0 0 0 none",
        "Last year direct ended",
    )
    (left,) = page.all("progress")
    assert left["max"] == "100"
    found = await see(client, "/campaigns?status=ended&type=direct&q=")
    assert (PRIZE in found.words, "Last year" in found.words) == (False, True)
    one = await see(client, f"/campaigns/{GIVES}")
    shows(
        one,
        f"When {BUYER} is completed: 2 * transaction.total in EUR to the member if its conditions hold",
        "reward mug to the member",
        "5 points to their referrer",
        "where total is at least 5",
        f"where {HUGE['expression']}",
        "Each member at most 3 in all Budget 100 units a month When less is left what is left is given",
        "owner <b> shop",
        "1 cancelled",
    )
    shows(await see(client, f"/campaigns/{GOLD}"), "Rewards members of tier gold", "not in audience")
    shows(await see(client, f"/campaigns/{DRAFT}"), "This is a draft. Before it can run it needs: achievement")


async def explorer(client: httpx.AsyncClient) -> None:
    page = await see(client, "/decisions")
    assert f"/decisions/{decision_of(GIVES, 1)}" in page.links()
    shows(page, f"{PRIZE} campaign, completion 1, transaction T-2 <b>", "granted cancelled", "taken back")
    asked = {
        "outcome=granted": False,
        "reason=not_in_audience": True,
        "kind=cancellation": False,
        f"campaign={GOLD}": True,
        f"member={quote(MEMBER)}&campaign={GOLD}&kind=campaign&outcome=refused&reason=": True,
    }
    for query, refused in asked.items():
        found = await see(client, f"/decisions?{query}")
        assert ("the member is in none of the audience" in found.words) == refused, query
    shows(await see(client, "/decisions?member=nobody"), "No decision is like that")
    selected = [each["value"] for each in found.all("option") if "selected" in each]
    assert selected == [str(GOLD), "campaign", "refused"]


async def decision_pages(client: httpx.AsyncClient) -> None:
    page = await see(client, f"/decisions/{decision_of(GIVES, 1)}")
    shows(
        page,
        f"{PRIZE}, for {MEMBER}",
        f"{RULE} met transaction.total >= 5 transaction.total was 30.25",
        f"Cash <b>back to {MEMBER} +60.50 EUR 2 * transaction.total = 60.5",
        "coupon tea",
        "worth 2.5 good until",
        "Points to the referrer nothing no referrer: the member has no referrer",
        "Huge not met",
        "transaction.total was 30.25 member.tier was silver",
        "What this granted was taken back: the cancellation says why.",
        "Member's executions 0 1 Member's units 0 60.5 All members' units 0 60.5",
        f"Completion 1 of {BUYER}, by these facts",
        "transaction T-2 <b> +1 2 of 2",
        "transaction T-1 <b> +1 1 of 2",
    )
    assert f"/achievements/{GOAL}" in page.links()
    assert MEMBER_PATH in page.links()
    clamped = await see(client, f"/decisions/{decision_of(GIVES, 2)}")
    shows(
        clamped, "2 * transaction.total = 120, of which 39.5 were left", "reward out of stock: no reward `mug` is left"
    )
    nothing = await see(client, f"/decisions?campaign={GOLD}&outcome=refused")
    shows(nothing, "none of the audience's segments and tiers —")
    refused = await see(client, f"/decisions/{decision_of(GOLD, 1)}")
    shows(
        refused, "Why nothing was given not in audience", "Gold always: it has no conditions", "nothing not in audience"
    )
    by_hand = await see(client, f"/decisions/{decision_of(GOLD, 4)}")
    shows(by_hand, "completion 5, by hand", "Progress changed by hand someone <i>: a gesture <b>")
    (cancellation,) = {link for link in page.links() if link.startswith("/decisions/")}
    taken = await see(client, cancellation)
    shows(taken, "someone <i> said why: by mistake <b>", "What was taken back", "-60.50 EUR", "reward mug")
    assert f"/decisions/{decision_of(GIVES, 1)}" in taken.links()


async def member_page(client: httpx.AsyncClient) -> None:
    page = await see(client, MEMBER_PATH)
    shows(
        page,
        f"{BUYER} 0 of 2, 2 to go",
        "Run <b> 0 of 1 today, 1 to go 3 days in a row 1 of 3",
        f"{BADGE} \u00d7 5",
        "void 2.5",
        f"{PRIZE} yes 2 \u00d7, 39.5 units as a referrer 0 \u00d7 1 \u00d7, 60.5 units as a referrer 60.5 units",
        f"{BUYER}, rule 1: 2 of 2, complete",
        f"{BUYER}: completion 3",
        f"{BUYER}, rule 1: not counted, condition not met",
    )
    assert f"{MEMBER_PATH}/achievements/{GOAL}" in page.links()
    friend = await see(client, "/members/M-friend")
    shows(friend, f"run, km 7.5 E-1 accepted Streak, rule 1: 1 of 1, of {MEMBER}")


async def progress_page(client: httpx.AsyncClient) -> None:
    page = await see(client, f"{MEMBER_PATH}/achievements/{GOAL}")
    shows(
        page,
        f"{BUYER}, by {MEMBER} active",
        "Completed 5",
        "Changed by hand When By Why What 2 Sep, 03:00 someone <i> a gesture <b> completed 3 \u2192 5",
        "transaction T-7 <b> counted 1 2 of 2",
        "transaction T-3 <b> not counted — condition not met",
    )
    (bar,) = page.all("progress")
    assert (bar["value"], bar["max"]) == ("0", "2")
    refused = await see(client, f"{MEMBER_PATH}/achievements/{GOAL}?outcome=not_counted")
    assert ("T-3" in refused.words, "T-7" in refused.words) == (True, False)
    of_another = await see(client, f"{MEMBER_PATH}/achievements/{STREAK}")
    shows(of_another, "event E-1 of M-friend counted 1 1 of 1 rule 1", "Limit 1 in all")


async def failures(client: httpx.AsyncClient) -> None:
    for path in (
        f"/achievements/{GIVES}",
        f"/campaigns/{GOAL}",
        f"/decisions/{GOAL}",
        f"/members/M-nobody/achievements/{GOAL}",
        f"/members/M-friend/achievements/{GIVES}",
        "/members/%00/achievements/" + str(GOAL),
        "/achievements/x",
    ):
        assert (await client.get(path)).status_code == 404, path
    for path in (
        "/achievements?status=x",
        "/campaigns?type=x",
        "/decisions?campaign=x",
        "/decisions?reason=x",
        "/decisions?cursor=x",
        f"/members/M-friend/achievements/{GOAL}?outcome=x",
    ):
        assert "can't be asked" in (await see(client, path, 400)).words


@pytest.mark.parametrize("role", [Role.ADMIN, Role.OPERATOR, Role.ANALYST, Role.AUDITOR])
async def test_whoever_reads_may_look(program: Running, role: Role) -> None:
    key, _ = await make_key(program.pool, "someone", role, START)
    await program.caught_up()
    async with visitor(program) as client:
        for path in ("/achievements", "/campaigns", "/decisions"):
            assert (await client.get(path)).headers["location"] == f"/sign-in?next={quote(path, safe='')}"
        await sign_in(client, key)
        for path in ("/achievements", "/campaigns", "/decisions"):
            shows(await see(client, path), "yet")
