from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from application.campaigns import commands as campaigns
from application.catalogue.commands import put_entry
from application.service.preconditions import Precondition
from application.service.refusals import Conflict, Unknown
from application.streams import ACHIEVEMENT, CAMPAIGN
from domain.achievements import achievement as achievements
from domain.campaigns.campaign import Campaign
from domain.campaigns.definition import CampaignRule, CampaignTrigger, Definition, Effect, EffectKind, People
from domain.campaigns.effects.give_units import GiveUnits
from domain.campaigns.effects.issue_coupon import IssueCoupon
from domain.campaigns.occasion import AchievementContext, Occasion
from domain.campaigns.terms import CampaignTerms
from domain.catalogue.entries import Account, Coupon, EventType, Generator, Segment
from domain.expressions import ExpressionFailure
from domain.facts.fact import FactKind
from domain.facts.purchase import Purchase
from domain.members.member import Member
from domain.values.attributes import AttributeType
from domain.values.problems import Invalid
from tests.support.achievements import definition as goal
from tests.support.achievements import rule as goal_rule
from tests.support.program import Program

GOAL = UUID("018f0000-0000-7000-8000-0000000000a1")
OTHER_GOAL = UUID("018f0000-0000-7000-8000-0000000000a2")
CAMPAIGNS = tuple(UUID(f"018f0000-0000-7000-8000-0000000000c{number}") for number in range(1, 5))
CAMPAIGN_ID = CAMPAIGNS[0]
ANY = Precondition(exists=True)
COMPLETED, PROGRESSED = CampaignTrigger.ACHIEVEMENT_COMPLETED, CampaignTrigger.ACHIEVEMENT_PROGRESSED
BOUGHT = Occasion(
    Member("M-1", "gold"),
    AchievementContext(GOAL, "Buyer", 1),
    transaction=Purchase("T-1", "M-1", datetime(2026, 9, 1, tzinfo=UTC), Decimal("49.90")),
)


def june(day: int) -> datetime:
    return datetime(2026, 6, day, tzinfo=UTC)


def define_goal(program: Program, achievement: UUID, *event_types: str | None, revision: int = 1) -> None:
    rules = [
        goal_rule(trigger=FactKind.EVENT if event_type else FactKind.TRANSACTION, event_type=event_type)
        for event_type in event_types or (None,)
    ]
    defined = achievements.Defined(achievement, revision, goal(*rules))
    program.do(lambda working: working.record(ACHIEVEMENT.of(achievement), defined))


@pytest.fixture
def program() -> Program:
    program = Program()
    define_goal(program, GOAL)
    define_goal(program, OTHER_GOAL)
    return program


def units(expression: str, account: str = "points") -> Effect:
    return Effect(kind=EffectKind.GIVE_UNITS, account=account, units=expression)


def definition(*effects: Effect, conditions: dict[str, Any] | None = None, **fields: Any) -> Definition:
    rules = (CampaignRule("Prize", effects or (units("100"),), conditions),)
    defaults: dict[str, Any] = {"name": "Prize", "achievement": GOAL, "starts_at": june(1), "rules": rules}
    return Definition(**(defaults | fields))


def define(program: Program, given: Definition, campaign: UUID = CAMPAIGN_ID) -> Campaign:
    return program.do(lambda working: campaigns.define(working, campaign, given))


def running(program: Program, given: Definition, campaign: UUID = CAMPAIGN_ID) -> Campaign:
    define(program, given, campaign)
    return program.do(lambda working: campaigns.activate(working, campaign))


def revise(program: Program, given: Definition, campaign: UUID = CAMPAIGN_ID) -> Campaign:
    return program.do(lambda working: campaigns.revise(working, campaign, given, ANY))


def put(program: Program, entry: Any) -> None:
    program.do(lambda working: put_entry(working, entry, ANY if entry.code == "points" else Precondition()))


def only(program: Program, achievement: UUID = GOAL, trigger: CampaignTrigger = COMPLETED) -> CampaignTerms:
    (terms,) = program.catalogue.campaigns_on(achievement, trigger)
    return terms


def given_units(terms: CampaignTerms, effect: int = 0) -> Any:
    given = terms.rules[0].effects[effect]
    assert isinstance(given, GiveUnits)
    return given.units.evaluate(BOUGHT)


def test_terms_are_what_was_filled_in(program: Program) -> None:
    put(program, Account("miles", "Miles", decimals=2))
    put(program, Segment("vip", "VIP", 'member.tier == "gold"'))
    put(program, Coupon("TENTH", "A tenth", Generator(), value="0.1 * transaction.total"))
    active = running(
        program,
        definition(
            units("100"),
            units("1 * transaction.total", "miles"),
            Effect(kind=EffectKind.ISSUE_COUPON, coupon="TENTH"),
            conditions={"all": [{"attribute": "transaction.total", "operator": "gte", "value": "20"}]},
            time_zone="Europe/Budapest",
            audience=People(segments=("vip",)),
            ends_at=june(30),
        ),
    )
    terms = only(program)
    assert (terms.campaign, terms.revision, terms.achievement) == (CAMPAIGN_ID, 1, GOAL)
    assert (terms.starts_at, terms.ends_at, active.activated_at) == (june(1), june(30), program.now)
    assert terms.zone.key == "Europe/Budapest"
    assert terms.audience.segments["vip"].evaluate(BOUGHT)
    (rule,) = terms.rules
    assert rule.conditions
    assert rule.conditions.source == "transaction.total >= 20"
    assert rule.conditions.evaluate(BOUGHT)
    assert [effect.decimals for effect in rule.effects if isinstance(effect, GiveUnits)] == [0, 2]
    assert (given_units(terms), given_units(terms, 1)) == (100, Decimal("49.90"))
    coupon = rule.effects[2]
    assert isinstance(coupon, IssueCoupon)
    assert coupon.given == "TENTH"
    assert coupon.value
    assert coupon.value.evaluate(BOUGHT) == Decimal("4.990")


def test_campaigns_fire_in_the_order_of_their_start_and_then_of_their_ids(program: Program) -> None:
    one, two, three, four = CAMPAIGNS
    running(program, definition(starts_at=june(2)), two)
    running(program, definition(starts_at=june(2)), one)
    running(program, definition(starts_at=june(1)), four)
    running(program, definition(trigger=PROGRESSED), three)
    found = [terms.campaign for terms in program.catalogue.campaigns_on(GOAL, COMPLETED)]
    assert found == [four, one, two]
    assert only(program, trigger=PROGRESSED).campaign == three
    assert program.catalogue.campaigns_on(OTHER_GOAL, COMPLETED) == ()


def test_only_active_ones_fire(program: Program) -> None:
    define(program, definition())
    assert program.catalogue.campaigns_on(GOAL, COMPLETED) == ()
    program.do(lambda working: campaigns.activate(working, CAMPAIGN_ID))
    assert only(program)
    program.do(lambda working: campaigns.pause(working, CAMPAIGN_ID))
    assert program.catalogue.campaigns_on(GOAL, COMPLETED) == ()
    program.do(lambda working: campaigns.activate(working, CAMPAIGN_ID))
    program.do(lambda working: campaigns.delete(working, CAMPAIGN_ID))
    assert program.catalogue.campaigns_on(GOAL, COMPLETED) == ()


def test_one_whose_dates_are_over_still_fires_on_what_comes_late(program: Program) -> None:
    running(program, definition(ends_at=june(30)))
    assert program.now > june(30)
    assert only(program).runs_at(june(29))


def test_an_edit_is_seen_at_once(program: Program) -> None:
    running(program, definition())
    before = only(program)
    assert only(program) is before
    revise(program, definition(units("200"), achievement=OTHER_GOAL))
    assert program.catalogue.campaigns_on(GOAL, COMPLETED) == ()
    terms = only(program, OTHER_GOAL)
    assert (terms.revision, given_units(terms)) == (2, 200)


def test_a_segment_that_changes_is_asked_anew(program: Program) -> None:
    put(program, Segment("vip", "VIP", 'member.tier == "gold"'))
    running(program, definition(audience=People(segments=("vip",))))
    assert only(program).audience.segments["vip"].evaluate(BOUGHT)
    program.do(lambda working: put_entry(working, Segment("vip", "VIP", 'member.tier == "silver"'), ANY))
    assert not only(program).audience.segments["vip"].evaluate(BOUGHT)


def test_other_campaigns_keep_their_terms(program: Program) -> None:
    running(program, definition())
    running(program, definition(achievement=OTHER_GOAL), CAMPAIGNS[1])
    kept = only(program)
    define_goal(program, OTHER_GOAL, revision=2)
    assert only(program) is kept


def test_what_no_longer_fits_its_achievement_fails_when_it_is_decided(program: Program) -> None:
    put(program, EventType("workout", "Workout", {"minutes": AttributeType.NUMBER}))
    large = {"attribute": "transaction.total", "operator": "gte", "value": "20"}
    running(program, definition(units("1 * transaction.total"), units("5"), conditions=large))
    define_goal(program, GOAL, "workout", revision=2)
    terms = only(program)
    with pytest.raises(ExpressionFailure, match=r"no attribute `transaction\.total`"):
        given_units(terms)
    assert given_units(terms, 1) == 5
    conditions = terms.rules[0].conditions
    assert conditions
    assert conditions.source == 'transaction.total >= "20"'
    with pytest.raises(ExpressionFailure):
        conditions.evaluate(BOUGHT)


def test_what_no_longer_fits_is_not_activated_again(program: Program) -> None:
    put(program, EventType("workout", "Workout"))
    running(program, definition(units("1 * transaction.total")))
    program.do(lambda working: campaigns.pause(working, CAMPAIGN_ID))
    define_goal(program, GOAL, "workout", revision=2)
    with pytest.raises(Conflict, match="/rules/0/effects/0/units") as refused:
        program.do(lambda working: campaigns.activate(working, CAMPAIGN_ID))
    assert refused.value.code == "rules_outdated"


def test_nothing_is_recorded_of_what_is_refused(program: Program) -> None:
    before = len(program.events)
    with pytest.raises(Invalid):
        define(program, definition(units("transaction.totl")))
    with pytest.raises(Unknown):
        program.do(lambda working: campaigns.activate(working, CAMPAIGN_ID))
    with pytest.raises(Unknown):
        program.do(lambda working: campaigns.delete(working, GOAL))
    assert len(program.events) == before
    assert program.state(CAMPAIGN.of(CAMPAIGN_ID)) is None


@pytest.mark.parametrize(
    ("expression", "line", "column", "hint"),
    [
        ("1 * transaction.totl", 1, 5, "did you mean `transaction.total`?"),
        ("1 +\n   memberr.tier", 2, 4, ""),
        ("transaction.total > 1", 1, 1, ""),
        ("2 *", 1, 4, ""),
    ],
)
def test_where_an_expression_is_wrong(program: Program, expression: str, line: int, column: int, hint: str) -> None:
    with pytest.raises(Invalid) as refused:
        define(program, definition(units(expression)))
    (problem,) = refused.value.problems
    assert (problem.pointer, problem.code) == ("/rules/0/effects/0/units", "expression")
    assert problem.detail.startswith(f"line {line}, column {column}: "), problem.detail
    assert hint in problem.detail


def test_an_attribute_that_a_campaign_reads_stays(program: Program) -> None:
    kinds = {"minutes": AttributeType.NUMBER, "reps": AttributeType.NUMBER}
    put(program, EventType("workout", "Workout", kinds))
    define_goal(program, GOAL, "workout", revision=2)
    bare = EventType("workout", "Workout")
    define(program, definition(units("event.attributes.minutes")))
    program.do(lambda working: put_entry(working, bare, ANY))
    program.do(lambda working: put_entry(working, EventType("workout", "Workout", kinds), ANY))
    program.do(lambda working: campaigns.activate(working, CAMPAIGN_ID))
    program.do(lambda working: campaigns.pause(working, CAMPAIGN_ID))
    with pytest.raises(Invalid) as refused:
        program.do(lambda working: put_entry(working, bare, ANY))
    assert [(problem.pointer, problem.code) for problem in refused.value.problems] == [
        ("/attributes/minutes", "in_use")
    ]
    program.do(lambda working: campaigns.delete(working, CAMPAIGN_ID))
    program.do(lambda working: put_entry(working, bare, ANY))
