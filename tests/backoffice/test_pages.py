from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import httpx
import pytest

from api.http.compression import SHORTEST_BYTES
from application.achievements import commands as achievements
from application.campaigns import commands as campaigns
from application.catalogue import commands as definitions
from application.facts import ingest
from application.schedule.run import Doing
from application.schedule.sandbox import Sandbox
from application.service.preconditions import Precondition
from application.tiered import commands as tiered_campaigns
from domain.achievements.definition import Period, PeriodKind, Subject
from domain.achievements.timeframe import Timeframe, TimeframeKind
from domain.campaigns.definition import CampaignRule, CampaignType, Definition, Effect, EffectKind, Limits, Recipient
from domain.catalogue.entries import Account
from domain.facts.transaction import Status
from domain.tiered.points import HitType
from domain.tiered.terms import Late
from domain.values.limit import Limit
from tests.application.schedule.jobs.program import RULES, Running, running
from tests.backoffice.pages import Page, see, sign_in, visitor
from tests.support.achievements import ACHIEVEMENT
from tests.support.achievements import definition as achievement
from tests.support.achievements import rule as goal
from tests.support.campaigns import CAMPAIGN, definition, purchase, tiers

START = datetime(2026, 9, 1, tzinfo=UTC)
HOSTILE = """Autumn <script>alert("1")</script> & 'more'"""
MEMBER = "M/1 <b>?&#"
MEMBER_PATH = "/members/M%2F1%20%3Cb%3E%3F%26%23"
DRAFT = UUID(int=CAMPAIGN.int + 1)
PRIZE = UUID("018f0000-0000-7000-8000-0000000000c1")


@pytest.fixture
async def program(database: str) -> AsyncIterator[Running]:
    async with running(database, sandbox=True) as program:
        yield program


@pytest.fixture
async def client(program: Running) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in, to a program in which an occurrence is paid, one runs and one is still to come."""
    sandbox = Sandbox(Doing(program.writer, program.reads), program.policy, program.sandbox)
    await program.sandbox.move(START)
    account = Account("money", "Cash back", "EUR", 2)
    await program.writer.submit(lambda w: definitions.put_entry(w, account, Precondition()))
    await program.writer.submit(
        lambda w: tiered_campaigns.define(
            w, CAMPAIGN, definition(name=HOSTILE, duration="30 days", preview_every="20 days", account="money")
        )
    )
    await program.writer.submit(lambda w: tiered_campaigns.activate(w, CAMPAIGN))
    await program.writer.submit(lambda w: tiered_campaigns.define(w, DRAFT, definition(name="Empty", tiers=())))
    await buy(program, "T-1", "20.50", START)
    await buy(program, "T-2", "60", START, member="M-2")
    await sandbox.happen(START + timedelta(days=38))
    await buy(program, "T-3", "1234.5", START + timedelta(days=31))
    await sandbox.happen(START + timedelta(days=41))
    async with visitor(program) as client:
        await sign_in(client)
        yield client


async def buy(program: Running, transaction: str, total: str, at: datetime, member: str = MEMBER) -> None:
    bought = purchase(transaction, total, member, purchased_at=at)
    await program.writer.submit(lambda w: ingest.receive_transaction(w, bought, Status.ACCEPTED, RULES))


async def test_every_page_shows_what_is_so(client: httpx.AsyncClient) -> None:
    await program_page(client)
    await campaign_page(client)
    await draft_page(client)
    await occurrence_page(client)
    await members_page(client)
    await member_page(client)
    await failures(client)


async def program_page(client: httpx.AsyncClient) -> None:
    page = await see(client, "/")
    assert f"/tiered-campaigns/{CAMPAIGN}" in page.links()
    for words in (
        HOSTILE,
        "Members 2 Facts recorded 3",
        "Pending 0 points 2,000.00 EUR",
        "Awarded 0 points 1,405.00 EUR",
        "transactions total amount 7 Nov, 01:00 in 26 days yes, 2 of 3 left",
        "draft",
        "Times are in Europe/Budapest.",
    ):
        assert words in page.words, words
    only = await see(client, "/?q=empty&status=")
    assert (HOSTILE in only.words, "Empty" in only.words) == (False, True)
    assert "No tiered campaign is like that" in (await see(client, "/?q=nothing")).words


async def campaign_page(client: httpx.AsyncClient) -> None:
    page = await see(client, f"/tiered-campaigns/{CAMPAIGN}")
    rows = [attributes for attributes in page.all("tr") if "data-label" in attributes]
    assert [(row["data-number"], row["data-pending"], row["data-awarded"]) for row in rows] == [
        ("2", "2000.00", "0.00"),
        ("1", "0.00", "1405.00"),
    ]
    for words in (
        "Counts the total of transactions, for everyone.",
        "Occurrence 2 active ends in 19 days, is paid in 26 days",
        "1: its members 1 Sep, 02:00 completed 0.00 1,405.00 2 8 Oct, 02:00",
        "3 31 Oct, 01:00 scheduled 0.00 0.00 0 7 Dec, 01:00",
        "1 0 50 10 per unit 2 51 100 20 per unit",
        "Every unit earns the rate of the tier that the member has reached.",
        "21 Sep, 02:00:00 on schedule finished 1 2 1,405.00 paid",
        "Cash back, rounded half up",
    ):
        assert words in page.words, (words, page.words)
    (progress,) = page.all("progress")
    assert progress["value"] == "37"
    older = await see(client, f"/tiered-campaigns/{CAMPAIGN}?limit=1")
    following = next(link for link in older.links() if "cursor=" in link)
    assert "completed" in (await see(client, f"/tiered-campaigns/{CAMPAIGN}{following}")).words


async def draft_page(client: httpx.AsyncClient) -> None:
    page = await see(client, f"/tiered-campaigns/{DRAFT}")
    assert "This is a draft. Before it can run it needs: tiers." in page.words


async def occurrence_page(client: httpx.AsyncClient) -> None:
    paid = await see(client, f"/tiered-campaigns/{CAMPAIGN}/occurrences/1")
    assert MEMBER_PATH in paid.links()
    assert "M-2 60 2 1,200.00 paid" in paid.words
    assert f"{MEMBER} 20.5 1 205.00 paid" in paid.words
    assert "finished 2 of 2 members" in paid.words
    assert "Members 2 2 took part" in paid.words
    assert paid.words.index("M-2") < paid.words.index(MEMBER)
    sorted_page = await see(client, f"/tiered-campaigns/{CAMPAIGN}/occurrences/1?sort=total")
    assert sorted_page.words.index(MEMBER) < sorted_page.words.index("M-2")
    running_page = await see(client, f"/tiered-campaigns/{CAMPAIGN}/occurrences/2")
    assert f"{MEMBER} 1,234.5 2 2,000.00 at the top" in running_page.words
    assert "Nobody has done anything" in (await see(client, f"/tiered-campaigns/{CAMPAIGN}/occurrences/3")).words


async def members_page(client: httpx.AsyncClient) -> None:
    page = await see(client, "/members")
    assert MEMBER_PATH in page.links()
    found = await see(client, "/members?q=m-2")
    assert (MEMBER_PATH in found.links(), "/members/M-2" in found.links()) == (False, True)


async def member_page(client: httpx.AsyncClient) -> None:
    page = await see(client, MEMBER_PATH)
    for words in (
        f"Member {MEMBER}",
        "Cash back Awarded 205.00 EUR Pending 2,000.00",
        f"{HOSTILE} #1 tiered award granted tier 1: 20.5 \u00d7 10 → 205 of 20.5 in all +205.00 EUR",
        f"1,234.50 T-3 accepted {HOSTILE} #2: 1,234.5, now 1,234.5 for 2,000 pending",
    ):
        assert words in page.words, (words, page.words)


async def failures(client: httpx.AsyncClient) -> None:
    for path in (
        f"/tiered-campaigns/{UUID(int=1)}",
        f"/tiered-campaigns/{CAMPAIGN}/occurrences/4",
        f"/tiered-campaigns/{CAMPAIGN}/occurrences/99999999999",
        "/members/M-nobody",
        "/members/%00",
        "/static/nothing.js",
    ):
        answer = await client.get(path)
        assert answer.status_code == 404, path
    for query in ("cursor=x", "sort=x", "limit=0", "q=%00", f"q={'x' * 200}"):
        page = await see(client, f"/members?{query}", 400)
        assert "can't be asked" in page.words


async def test_files_are_served_whole_or_compressed_and_kept_for_ever(client: httpx.AsyncClient) -> None:
    page = Page((await client.get("/")).text)
    addresses = [a["href"] for a in page.all("link")] + [a["src"] for a in page.all("script")]
    for address in addresses:
        assert address
        assert "?" in address
        whole = await client.get(address, headers={"Accept-Encoding": "identity"})
        packed = await client.get(address)
        assert packed.headers.get("content-encoding") == ("gzip" if len(whole.content) >= SHORTEST_BYTES else None)
        assert packed.content == whole.content
        for answer in (whole, packed):
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert answer.headers["x-content-type-options"] == "nosniff"


async def test_an_award_and_what_corrected_it_lead_to_each_other(program: Running) -> None:
    sandbox = Sandbox(Doing(program.writer, program.reads), program.policy, program.sandbox)
    await program.sandbox.move(START)
    campaign = await program.campaign(starts_at=START, duration="30 days", occurrences=1, late=Late.CORRECT)
    await buy(program, "T-1", "10", START, member="M-1")
    pending = purchase("T-2", "7", "M-1", purchased_at=START)
    await program.writer.submit(lambda w: ingest.receive_transaction(w, pending, Status.PENDING, RULES))
    await sandbox.happen(START + timedelta(days=38))
    await program.writer.submit(lambda w: ingest.accept(w, "T-2"))
    await program.caught_up()
    found = await program.rows("select id from p_decisions.decisions where campaign = %s order by position", campaign)
    award, correction = (f"/decisions/{identity}" for (identity,) in found)
    async with visitor(program) as client:
        await sign_in(client)
        page = await see(client, award)
        assert correction in page.links()
        assert "Changes after the evaluation have corrected it: a correction" in page.words
        assert "transaction T-2 pending +7 17" in page.words
        assert "transaction T-1 +10 10" in page.words
        page = await see(client, correction)
        assert award in page.links()
        assert "A change of transaction T-2 after the evaluation corrected what was awarded" in page.words


async def test_pages_of_definitions_warn(program: Running) -> None:
    await program.sandbox.move(START)
    rows = tiers(("0", "1000", "10"), ("1000", "5000", "50"), ("5000", None, "100"))
    campaign = await program.campaign(hit_type=HitType.HIT_LIMIT, unlimited=True, tiers=rows)
    june = Timeframe(TimeframeKind.BETWEEN, start="2026-06-01", to="2026-06-05")
    streak = goal(subject=Subject.REFERRER, period=Period(PeriodKind.DAY), consecutive=6)
    tracked = achievement(streak, timeframe=june)
    units = Effect(kind=EffectKind.GIVE_UNITS, account="points", units="10", to=Recipient.REFERRER)
    limits = Limits(total_units=Limit(Decimal(9)))
    prize = Definition(
        name="Prize",
        type=CampaignType.REFERRAL,
        achievement=ACHIEVEMENT,
        rules=(CampaignRule("Pay", (units,)),),
        limits=limits,
    )
    await program.writer.submit(lambda w: achievements.define(w, ACHIEVEMENT, tracked))
    await program.writer.submit(lambda w: campaigns.define(w, PRIZE, prize))
    await program.caught_up()
    async with visitor(program) as client:
        await sign_in(client)
        for path, said in (
            (f"/tiered-campaigns/{campaign}", "Warning Tier 2 can never pay: whoever completes it has hit tier 3 too"),
            (f"/achievements/{ACHIEVEMENT}", "Rule 1 can never be complete: the timeframe holds 5 days"),
            (f"/campaigns/{PRIZE}", "Effect 1 of rule 1 goes to the referrer of the referrer"),
            (f"/campaigns/{PRIZE}", "The limit of total units is less than one execution gives: 10 units"),
        ):
            assert said in (await see(client, path)).words, path
