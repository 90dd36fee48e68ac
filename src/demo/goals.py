"""The achievements of the demo's program, and the campaigns that reward them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID, uuid5

from application.achievements import commands as achievements
from application.campaigns import commands as campaigns
from application.catalogue import commands as definitions
from application.log.working import Command
from application.service.preconditions import Precondition
from domain.achievements.definition import Count, CountKind, Period, PeriodKind, Rule, Subject
from domain.achievements.definition import Definition as Goal
from domain.achievements.timeframe import Timeframe, TimeframeKind
from domain.campaigns.definition import CampaignRule as Rewarding
from domain.campaigns.definition import (
    CampaignType,
    Definition,
    Effect,
    EffectKind,
    Limits,
    OnExhausted,
    People,
    Recipient,
)
from domain.catalogue.entries import Badge, Coupon, Generator, Reward
from domain.facts.fact import FactKind
from domain.values.interval import Interval, IntervalUnit
from domain.values.limit import Limit
from domain.values.texts import Text

_NAMESPACE = UUID("7a4e1f0a-53f3-5b1e-8f0b-2f8f7d8c9b22")

FIRST = uuid5(_NAMESPACE, "first purchase")
SEASON = uuid5(_NAMESPACE, "season buyer")
STREAK = uuid5(_NAMESPACE, "seven in a row")
FRIENDS = uuid5(_NAMESPACE, "three friends")
ACHIEVEMENTS = (FIRST, SEASON, STREAK, FRIENDS)

_SEASONS = ("Winter", "Spring", "Summer", "Autumn")
_SEASON_DAYS = 183


def catalogue() -> Iterator[Command]:
    """What can be given besides points."""
    entries = (
        Badge("newcomer", "Newcomer"),
        Badge("seven-in-a-row", "Seven in a row"),
        Coupon("coffee", "Free coffee", Generator(8, prefix="COFFEE-"), stock=500, value="2.80", valid_for="30 days"),
        Reward("towel", "Towel of the house", stock=25),
    )
    for entry in entries:
        yield partial(definitions.put_entry, entry=entry, precondition=Precondition())


def goals(began: datetime, purchases: dict[str, Any]) -> Iterator[Command]:
    """The season is that of `began`, there; `purchases` is the condition of those that count."""
    season = _SEASONS[began.month % 12 // 3]
    until = began + timedelta(days=_SEASON_DAYS)
    dear = {"all": [purchases, {"attribute": "transaction.total", "operator": "gte", "value": "10"}]}
    yield from _tracked(
        FIRST,
        Goal(
            name="First purchase",
            translations={"de": Text("Erster Einkauf"), "hu": Text("Első vásárlás")},
            limit=Limit(Decimal(1)),
            badge="newcomer",
            rules=(_rule("A purchase", "1", conditions=purchases),),
        ),
    )
    yield from _tracked(
        SEASON,
        Goal(
            name=f"{season} buyer",
            description="Five purchases of at least 10 in the season, again and again.",
            timeframe=Timeframe(TimeframeKind.BETWEEN, start=f"{began:%Y-%m-%d}", to=f"{until:%Y-%m-%d}"),
            rules=(_rule("Five purchases", "5", conditions=dear),),
        ),
    )
    yield from _tracked(
        STREAK,
        Goal(
            name="Seven in a row",
            description="A workout on seven days in a row, half an hour each.",
            badge="seven-in-a-row",
            rules=(
                _rule(
                    "A day's workout",
                    "30",
                    trigger=FactKind.EVENT,
                    event_type="workout",
                    count=Count(CountKind.SUM, expression="event.attributes.minutes"),
                    period=Period(PeriodKind.DAY),
                    consecutive=7,
                ),
            ),
        ),
    )
    yield from _tracked(
        FRIENDS,
        Goal(
            name="Three friends",
            description="Three members you referred have bought something.",
            limit=Limit(Decimal(1)),
            rules=(
                _rule("A friend's purchase", "3", subject=Subject.REFERRER, unique_referee=True, conditions=purchases),
            ),
        ),
    )


def rewards(began: datetime) -> Iterator[Command]:
    """To the referrer too, within a budget that runs out, for some members only, and a coupon."""
    began = began.astimezone(UTC)
    monthly = Interval(IntervalUnit.MONTH)
    yield from _active(
        "welcome",
        Definition(
            name="Welcome",
            type=CampaignType.REFERRAL,
            achievement=FIRST,
            starts_at=began,
            display_order=1,
            rules=(
                Rewarding("To you", (_units("50"),)),
                Rewarding("To who sent you", (_units("100", Recipient.REFERRER),)),
            ),
        ),
    )
    yield from _active(
        "prize",
        Definition(
            name="Season prize",
            description="200 points for every five purchases, once a month, as long as there are any.",
            achievement=SEASON,
            starts_at=began,
            display_order=2,
            labels={"owner": "marketing"},
            rules=(Rewarding("Prize", (_units("200"),)),),
            limits=Limits(
                member_executions=Limit(Decimal(1), monthly),
                total_units=Limit(Decimal(80_000)),
                on_exhausted=OnExhausted.CLAMP,
            ),
        ),
    )
    yield from _active(
        "golden towel",
        Definition(
            name="Golden towel",
            achievement=SEASON,
            starts_at=began + timedelta(days=1),
            display_order=3,
            visibility=People(tiers=("gold",)),
            audience=People(tiers=("gold",)),
            rules=(Rewarding("Towel", (Effect(kind=EffectKind.GIVE_REWARD, reward="towel"),)),),
            limits=Limits(member_executions=Limit(Decimal(1))),
        ),
    )
    yield from _active(
        "finish",
        Definition(
            name="Strong finish",
            description="A point for each euro of the purchase that makes it five, when that is 25 or more.",
            achievement=SEASON,
            starts_at=began,
            display_order=5,
            rules=(
                Rewarding(
                    "A point a euro",
                    (_units("1 * transaction.total"),),
                    {"all": [{"attribute": "transaction.total", "operator": "gte", "value": "25"}]},
                ),
            ),
        ),
    )
    yield from _active(
        "coffee",
        Definition(
            name="Coffee after seven days",
            achievement=STREAK,
            starts_at=began,
            display_order=4,
            rules=(Rewarding("Coffee", (Effect(kind=EffectKind.ISSUE_COUPON, coupon="coffee"),)),),
        ),
    )


def _rule(name: str, goal: str, **fields: Any) -> Rule:  # noqa: ANN401  a rule's
    given: dict[str, Any] = {"trigger": FactKind.TRANSACTION, "count": Count(CountKind.OCCURRENCES)}
    return Rule(name=name, goal=Decimal(goal), **given | fields)


def _units(units: str, to: Recipient = Recipient.MEMBER) -> Effect:
    return Effect(kind=EffectKind.GIVE_UNITS, account="points", units=units, to=to)


def _tracked(achievement: UUID, definition: Goal) -> Iterator[Command]:
    yield partial(achievements.define, achievement_id=achievement, definition=definition)
    yield partial(achievements.activate, achievement_id=achievement)


def _active(name: str, definition: Definition) -> Iterator[Command]:
    campaign = uuid5(_NAMESPACE, name)
    yield partial(campaigns.define, campaign_id=campaign, definition=definition)
    yield partial(campaigns.activate, campaign_id=campaign)
