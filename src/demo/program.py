"""The program that `laurel demo` shows: a gym with a café, invented, with a few months behind it and facts coming in.

`seed` plays its history through the sandbox's clock, so everything in it was earned, previewed and paid at its time;
`live` goes on from there. What is invented is drawn from seeded generators by day, so it is the same wherever it is
played, and playing it again meets what is there.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID, uuid4, uuid5
from zoneinfo import ZoneInfo

from msgspec import Struct

from application.catalogue import commands as definitions
from application.facts import ingest
from application.facts.ingest import Repeated, Rules
from application.log.errors import LogError, Stopped
from application.log.working import Command, Working
from application.log.writer import Writer
from application.members.commands import change_list, put_member
from application.service import actors
from application.service.clock import SandboxClock, SandboxRefusedError
from application.service.preconditions import Precondition
from application.service.refusals import Conflict, VersionRequired
from application.streams import TIERED_CAMPAIGN
from application.tiered import commands as tiered_campaigns
from demo import goals as demo_goals
from domain.catalogue.entries import Account, EventType, MemberList, Segment
from domain.catalogue.product import Product
from domain.facts.event import Happening
from domain.facts.fact import FactKind
from domain.facts.purchase import Item, Purchase
from domain.facts.transaction import Status
from domain.tiered.campaign import TieredCampaign
from domain.tiered.definition import Aggregate, Audience, Definition
from domain.tiered.points import HitType, Tier
from domain.tiered.terms import CombinationPart, Late
from domain.values.amounts import EXACT, ZERO
from domain.values.attributes import AttributeType

MEMBERS = 150
FACTS_A_DAY = 45
DAYS_AT_ONCE = 3
"""No more than any grace period, so that no fact of the history comes too late."""
FLASH_FACTS_A_MINUTE = 120
FLASH_SHARE = 0.95
"""Most of what comes in live is sold at the pop-up bar, which only Flash counts: the others keep their shape."""
FLASH_MEMBERS_EVERY = 3
FACTS_A_SECOND = 2.5
HISTORY_MONTHS = 3
FLASH_OCCURRENCES = 1_000
FLASH_MINUTES = 2
FLASH_BEFORE = timedelta(minutes=3 * FLASH_MINUTES)
"""How much of the first Flash lies behind when the demo opens: an occurrence is paid, one is about to be."""
EARLY_BIRDS = 6
"""Members who work out nearly every morning, so that streaks are seen to come and go."""
AGAIN_SECONDS = 2.0

_NAMESPACE = UUID("5b0c6d5e-0a57-4d5f-9b0e-6a1f4a6f2d11")
POP_UP = "pop-up"
_RULES = Rules()
_PRICES = {
    "ESPRESSO": "2.80",
    "CROISSANT": "2.40",
    "ORANGE-JUICE": "4.20",
    "GRANOLA": "6.50",
    "SANDWICH": "7.90",
    "SMOOTHIE": "5.60",
    "DAY-PASS": "14.00",
    "TOWEL": "19.00",
    "YOGA-MAT": "36.00",
}
_BREAKFAST = ("ESPRESSO", "CROISSANT", "ORANGE-JUICE")

_log = logging.getLogger("laurel.demo")


class DemoProgram(Struct, frozen=True):
    """What the demo plays on. `happen` moves the clock on, with everything that is due on the way."""

    writer: Writer
    clock: SandboxClock
    happen: Callable[[datetime], Awaitable[None]]
    time_zone: ZoneInfo


async def seed(program: DemoProgram, until: datetime) -> None:
    """Plays the history up to an instant, where the clock then stands, once: a folder that has it is left as it is, one
    where it broke off goes on.
    """
    if await _campaign(program, WINTER) is not None:
        return
    spend = await _campaign(program, SPEND)
    if spend is None:
        await _refuse_others(program)
        began = _begin(program, until)
        await program.clock.move(began)
        await _submit(program, list(_catalogue()))
        await _submit(program, list(_members()))
        await _submit(program, [command for each in _campaigns(began) for command in each])
        await _submit(program, [*demo_goals.catalogue(), *demo_goals.goals(began, _channel("ne"))])
        await _submit(program, list(demo_goals.rewards(began)))
    else:
        began = spend.windows[0].starts_at.astimezone(program.time_zone)
    await _play_days(program, began, until)
    await _play_flash(program, until)
    await _submit(program, [partial(tiered_campaigns.define, campaign_id=WINTER, definition=_winter())])


async def live(program: DemoProgram) -> None:
    """Posts a few facts a second until it is cancelled, and begins another Flash when one is over."""
    drawn = random.Random()  # noqa: S311  invents facts, guards nothing
    while True:
        try:
            flash_ends_at = await _keep_flash(program)
            while program.clock.now() < flash_ends_at:
                draw = _flash_purchase if drawn.random() < FLASH_SHARE else _fact
                fact = draw(drawn, f"L-{uuid4().hex[:12]}", program.clock.now())
                await program.writer.submit(_received(fact), actor=actors.DEMO)
                await asyncio.sleep(drawn.uniform(0.4, 1.6) / FACTS_A_SECOND)
        except Stopped:
            return
        except (LogError, Conflict) as error:
            _log.warning("the demo waits: %s", error)
            await asyncio.sleep(AGAIN_SECONDS)


async def _play_days(program: DemoProgram, began: datetime, until: datetime) -> None:
    """Facts come in at the end of every few days, the last ones just before Flash begins."""
    day, ends_at = began.date(), began
    while True:
        starts_at, day = ends_at, day + timedelta(days=DAYS_AT_ONCE)
        ends_at = min(_midnight(program, day), _minute(until) - FLASH_BEFORE)
        if ends_at <= starts_at:
            return
        if ends_at >= program.clock.now():
            await program.happen(ends_at)
            await _submit(program, list(_days(starts_at, ends_at)))


def _midnight(program: DemoProgram, day: date) -> datetime:
    return datetime.combine(day, time(), program.time_zone)


async def _play_flash(program: DemoProgram, until: datetime) -> None:
    """The last minutes, one by one."""
    flash = await _campaign(program, _flash_id(1))
    if flash is None:
        starts_at = max(_minute(until) - FLASH_BEFORE, program.clock.now())
        await _submit(program, _flash(1, starts_at))
        at = starts_at
    else:
        at = program.clock.now()
    while (ends_at := at + timedelta(minutes=1)) <= until:
        await program.happen(ends_at)
        await _submit(program, list(_minute_of_flash(at)))
        at = ends_at
    await program.happen(until)


async def _keep_flash(program: DemoProgram) -> datetime:
    """When the running Flash ends; one that is over is followed by the next."""
    number = 1
    while (flash := await _campaign(program, _flash_id(number))) is not None:
        ends_at = flash.windows[-1].ends_at
        if program.clock.now() < ends_at:
            return ends_at
        number += 1
    now = _minute(program.clock.now())
    await _submit(program, _flash(number, now))
    return now + timedelta(minutes=FLASH_MINUTES * FLASH_OCCURRENCES)


async def _campaign(program: DemoProgram, campaign: UUID) -> TieredCampaign | None:
    def look(working: Working) -> TieredCampaign | None:
        found: TieredCampaign | None = working.state(TIERED_CAMPAIGN.of(campaign))
        return found

    found: TieredCampaign | None = (await program.writer.submit(look)).answer
    return found


async def _refuse_others(program: DemoProgram) -> None:
    """Raises SandboxRefusedError over a program that is not the demo's: its history would be played into it."""
    ours = {SPEND, MINUTES, BREAKFAST, CASHBACK}
    others = await program.writer.submit(
        lambda working: [c for c in working.catalogue.tiered_campaigns if c not in ours]
    )
    if others.answer:
        raise SandboxRefusedError("this sandbox holds a program of its own; give the demo a folder of its own: --data")


async def _submit(program: DemoProgram, commands: list[Command]) -> None:
    """Raises what a command raises, unless it says that what it would do was done before."""
    for outcome in await program.writer.submit_many(commands, actor=actors.DEMO):
        if isinstance(outcome, Exception) and not isinstance(outcome, Repeated | Conflict | VersionRequired):
            raise outcome


def _begin(program: DemoProgram, until: datetime) -> datetime:
    """The start of a month, there; where the clock stands still, seeding broke off before anything was counted."""
    if program.clock.moved:
        return program.clock.now().astimezone(program.time_zone)
    local = until.astimezone(program.time_zone)
    year, month = divmod(local.year * 12 + local.month - 1 - HISTORY_MONTHS, 12)
    return _midnight(program, date(year, month + 1, 1))


def _minute(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)


def _catalogue() -> Iterator[Command]:
    entries = (
        Account("cashback", "Cashback", unit="EUR", decimals=2),
        EventType("workout", "Workout", {"minutes": AttributeType.NUMBER, "kind": AttributeType.STRING}),
        Segment("regulars", "Silver and gold", 'member.tier in ["silver", "gold"]'),
        MemberList("flash", "Asked to join Flash"),
    )
    for entry in entries:
        yield partial(definitions.put_entry, entry=entry, precondition=Precondition())
    for sku, price in _PRICES.items():
        category = "gym" if sku in ("DAY-PASS", "TOWEL", "YOGA-MAT") else "café"
        product = Product(sku, sku.replace("-", " ").capitalize(), category, price=Decimal(price))
        yield partial(definitions.put_product, product=product, precondition=Precondition())


def _members() -> Iterator[Command]:
    drawn = random.Random("members")  # noqa: S311  invents members, guards nothing
    for number in range(1, MEMBERS + 1):
        tier = drawn.choices(("gold", "silver", None), (1, 3, 6))[0]
        referrer = _member(drawn.randrange(1, number)) if number > 10 and drawn.random() < 0.2 else None
        attributes: dict[str, str | bool] = {"club": drawn.choice(("Harbour", "Old Town", "Station"))}
        yield partial(put_member, member_id=_member(number), tier=tier, attributes=attributes, referrer=referrer)
        if number % FLASH_MEMBERS_EVERY == 0:
            yield partial(change_list, code="flash", member_id=_member(number), joins=True)


def _member(number: int) -> str:
    return f"M-{number:03}"


Fact = Purchase | Happening


def _minute_of_flash(at: datetime) -> Iterator[Command]:
    drawn = random.Random(at.isoformat())  # noqa: S311  invents facts, guards nothing
    for number in range(FLASH_FACTS_A_MINUTE):
        when = at + timedelta(minutes=1) * number / FLASH_FACTS_A_MINUTE
        yield _received(_flash_purchase(drawn, f"F-{at:%Y%m%d%H%M}-{number}", when))


def _days(starts_at: datetime, until: datetime) -> Iterator[Command]:
    """What is done from a midnight on, there, day by day, and what becomes of some of it; weekends are busier."""
    while starts_at < until:
        drawn = random.Random(starts_at.isoformat())  # noqa: S311  invents facts, guards nothing
        for number in range(1, EARLY_BIRDS + 1):
            at = (starts_at + timedelta(hours=6, minutes=7 * number)).astimezone(UTC)
            if drawn.random() < 0.94 and at < until:
                yield _received(_workout(drawn, f"E-{starts_at:%Y%m%d}-{number}", _member(number), at))
        busy = 1.5 if starts_at.weekday() in (5, 6) else 1.0
        for number in range(round(FACTS_A_DAY * busy * drawn.uniform(0.7, 1.2))):
            minutes = round(drawn.triangular(6 * 60, 23 * 60, 17 * 60))
            at = (starts_at + timedelta(minutes=minutes)).astimezone(UTC)
            fact = _fact(drawn, f"H-{starts_at:%Y%m%d}-{number}", at)
            changed = drawn.random() < 0.05
            if at < until:
                yield _received(fact)
                if changed and isinstance(fact, Purchase):
                    yield _changed(fact)
        starts_at += timedelta(days=1)


def _received(fact: Fact) -> Command:
    if isinstance(fact, Happening):
        return partial(ingest.receive_event, happening=fact, rules=_RULES)
    status = Status.PENDING if fact.auto_accept_at else Status.ACCEPTED
    return partial(ingest.receive_transaction, purchase=fact, status=status, rules=_RULES)


def _changed(purchase: Purchase) -> Command:
    """What now and then becomes of a purchase: it is not paid, or a part of it comes back."""
    if purchase.auto_accept_at:
        return partial(ingest.reject, transaction_id=purchase.id, reason="not paid")
    half = EXACT.divide(purchase.total, Decimal(2)).quantize(Decimal("0.01"), context=EXACT)
    return partial(ingest.refund, transaction_id=purchase.id, amount=half, items=(), refund_id=f"R-{purchase.id}")


def _fact(drawn: random.Random, fact_id: str, at: datetime) -> Fact:
    """A purchase or a workout. Few members are there often, many now and then."""
    member = _member(_drawn(drawn, MEMBERS))
    if drawn.random() < 0.55:
        return _purchase(drawn, fact_id, member, at, _noon_later(at), drawn.choice(("counter", "app")))
    return _workout(drawn, fact_id, member, at)


def _workout(drawn: random.Random, fact_id: str, member: str, at: datetime) -> Happening:
    minutes = str(drawn.choice((20, 25, 30, 35, 40, 45, 50, 60, 75, 90)))
    kind = drawn.choice(("run", "weights", "yoga", "swim"))
    return Happening(fact_id, "workout", member, at, attributes={"minutes": minutes, "kind": kind})


def _flash_purchase(drawn: random.Random, fact_id: str, at: datetime) -> Purchase:
    """At the pop-up bar, of a member who takes part in Flash; one that waits is accepted when the minute is over."""
    number = _drawn(drawn, MEMBERS // FLASH_MEMBERS_EVERY) * FLASH_MEMBERS_EVERY
    return _purchase(drawn, fact_id, _member(number), at, _minute(at) + timedelta(minutes=1), POP_UP)


def _drawn(drawn: random.Random, most: int) -> int:
    """From 1, the lower ones more often."""
    return 1 + int(most * drawn.random() ** 1.4)


def _purchase(
    drawn: random.Random, fact_id: str, member: str, at: datetime, accepted_at: datetime, channel: str
) -> Purchase:
    skus = list(_BREAKFAST) if drawn.random() < 0.25 else drawn.sample(list(_PRICES), drawn.choice((1, 1, 2, 2, 3)))
    items = tuple(Item(sku, Decimal(drawn.choice((1, 1, 1, 2))), Decimal(_PRICES[sku])) for sku in skus)
    total = ZERO
    for item in items:
        total = EXACT.add(total, item.value)
    return Purchase(
        fact_id,
        member,
        at,
        total,
        auto_accept_at=accepted_at if drawn.random() < 0.2 else None,
        currency="EUR",
        items=items,
        attributes={"channel": channel},
    )


def _noon_later(at: datetime) -> datetime:
    """One instant for all of a few days, so that time need not stop for each."""
    day = at.date() + timedelta(days=DAYS_AT_ONCE - at.toordinal() % DAYS_AT_ONCE)
    return datetime.combine(day, time(12), UTC)


SPEND = uuid5(_NAMESPACE, "monthly spend")
MINUTES = uuid5(_NAMESPACE, "active minutes")
BREAKFAST = uuid5(_NAMESPACE, "breakfast set")
CASHBACK = uuid5(_NAMESPACE, "cashback")
WINTER = uuid5(_NAMESPACE, "winter")


def _flash_id(number: int) -> UUID:
    return uuid5(_NAMESPACE, f"flash {number}")


def _campaigns(began: datetime) -> Iterator[list[Command]]:
    monday = (began - timedelta(days=began.weekday())).astimezone(UTC)
    began = began.astimezone(UTC)
    yield _running(
        SPEND,
        Definition(
            name="Monthly spend",
            starts_at=began,
            duration="1 month",
            occurrences=12,
            preview_every="2 weeks",
            grace_period="3 days",
            entity=FactKind.TRANSACTION,
            filter=_channel("ne"),
            aggregate=Aggregate(attribute="total"),
            hit_type=HitType.AMOUNT,
            bracketed=True,
            unlimited=True,
            tiers=_tiers(("0", "50", "1"), ("50", "150", "2"), ("150", None, "3")),
        ),
    )
    yield _running(
        MINUTES,
        Definition(
            name="Active minutes",
            starts_at=monday,
            duration="1 week",
            occurrences=26,
            preview_every="2 weeks",
            grace_period="3 days",
            entity=FactKind.EVENT,
            event_type="workout",
            aggregate=Aggregate(attribute="minutes"),
            hit_type=HitType.HIT_LIMIT,
            bracketed=True,
            tiers=_tiers(("0", "45", "25"), ("45", "90", "50"), ("90", "180", "125")),
        ),
    )
    yield _running(
        BREAKFAST,
        Definition(
            name="Breakfast set",
            translations={"de": "Frühstück", "hu": "Reggeli"},
            starts_at=began,
            duration="3 weeks",
            occurrences=8,
            grace_period="3 days",
            entity=FactKind.TRANSACTION,
            filter=_channel("ne"),
            aggregate=Aggregate(combination=tuple(CombinationPart(sku, Decimal(1)) for sku in _BREAKFAST)),
            hit_type=HitType.HIT_LIMIT,
            tiers=_tiers(("0", "1", "20"), ("1", "3", "75"), ("3", "6", "200")),
        ),
    )
    yield _running(
        CASHBACK,
        Definition(
            name="Cashback for regulars",
            starts_at=began,
            duration="4 weeks",
            occurrences=6,
            preview_every="4 weeks",
            grace_period="5 days",
            audience=Audience(segments=("regulars",)),
            entity=FactKind.TRANSACTION,
            filter=_channel("ne"),
            aggregate=Aggregate(attribute="total"),
            hit_type=HitType.PERCENTAGE,
            unlimited=True,
            tiers=_tiers(("0", "60", "1"), ("60", "150", "2"), ("150", None, "3.5")),
            account="cashback",
            late=Late.CORRECT,
        ),
    )


def _flash(number: int, starts_at: datetime) -> list[Command]:
    return _running(
        _flash_id(number),
        Definition(
            name="Flash",
            starts_at=starts_at,
            duration=f"{FLASH_MINUTES} minutes",
            occurrences=FLASH_OCCURRENCES,
            preview_every="1 minute",
            grace_period="1 minute",
            audience=Audience(lists=("flash",)),
            entity=FactKind.TRANSACTION,
            filter=_channel("eq"),
            aggregate=Aggregate(attribute="total"),
            hit_type=HitType.AMOUNT,
            bracketed=True,
            unlimited=True,
            tiers=_tiers(("0", "40", "1"), ("40", "120", "2"), ("120", None, "3")),
        ),
    )


def _winter() -> Definition:
    return Definition(
        name="Winter warm-up",
        duration="1 month",
        occurrences=3,
        entity=FactKind.EVENT,
        event_type="workout",
        aggregate=Aggregate(attribute="minutes"),
    )


def _running(campaign: UUID, definition: Definition) -> list[Command]:
    return [
        partial(tiered_campaigns.define, campaign_id=campaign, definition=definition),
        partial(tiered_campaigns.activate, campaign_id=campaign),
    ]


def _channel(operator: str) -> dict[str, Any]:
    return {"all": [{"attribute": "transaction.attributes.channel", "operator": operator, "value": POP_UP}]}


def _tiers(*rows: tuple[str, str | None, str]) -> tuple[Tier, ...]:
    return tuple(
        Tier(start=Decimal(start), to=None if to is None else Decimal(to), reward=Decimal(reward))
        for start, to, reward in rows
    )
