"""Whatever happens in whatever order: nothing is decided twice, and no cap is passed."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from application.campaigns import commands as campaigns
from application.catalogue.coupons import add_codes
from application.members.commands import put_member
from application.service.preconditions import Precondition
from application.streams import CAMPAIGN_BUDGET, PARTICIPATION, STOCK
from domain.campaigns.campaign import Defined, Life
from domain.campaigns.definition import CampaignType, Limits, OnExhausted, Recipient
from domain.campaigns.participation import NO_TALLIES, NOTHING, Cancelled, Granted, Refused
from domain.catalogue.coupon_code import Issued
from domain.catalogue.entries import Coupon, Reward
from domain.values.interval import Moment, number_of
from domain.values.limit import Limit
from tests.support.campaigns import buy, purchase
from tests.support.deciding import at_most
from tests.support.program import Program
from tests.support.progressing import rule, tracking
from tests.support.rewarding import (
    CAMPAIGN,
    OTHER_CAMPAIGN,
    cancel,
    coupon,
    decisions,
    prize,
    reward,
    rewarding,
    settle,
    stocked,
    turn,
    units,
)

REFERRER = "R-1"
MUGS = 4
MEMBERS = 3
START = datetime(2026, 3, 20, tzinfo=UTC)
ANY_VERSION = Precondition(exists=True)

BUY = st.tuples(st.just("buy"), st.integers(0, MEMBERS - 1), st.integers(0, 24 * 10), st.integers(0, 90))
LIMIT = st.tuples(st.just("limit"), st.integers(1, 300), st.sampled_from([None, "day", "week"]), st.booleans())
STEP = st.one_of(
    BUY,
    BUY,
    BUY,
    LIMIT,
    st.tuples(st.sampled_from(["decide", "decide", "pause", "activate", "codes"])),
    st.tuples(st.just("cancel"), st.integers(0, 50)),
)


class World:
    """A program with two campaigns on one achievement, and what is known of it from its log alone."""

    def __init__(self) -> None:
        self.program = Program()
        self.bought = 0
        self.codes = 0
        tracking(self.program, rule("1"))
        stocked(self.program, Reward("mug", "Mug", MUGS), Coupon("spring", "Spring"))
        for member in range(MEMBERS):
            put = partial(put_member, member_id=f"M-{member}", tier=None, attributes={}, referrer=REFERRER)
            self.program.do(put)
        limits = Limits(
            member_executions=at_most("4", "week"),
            member_units=at_most("150", "day"),
            referrer_executions=at_most("6"),
            referrer_units=at_most("60", "week"),
            total_units=at_most("300"),
        )
        effects = units("transaction.total"), units("10"), units("12", Recipient.REFERRER)
        rewarding(self.program, prize(*effects), at=CAMPAIGN, limits=limits, type=CampaignType.REFERRAL)
        rewarding(self.program, prize(coupon(), reward()), at=OTHER_CAMPAIGN)

    def step(self, what: str, *how: Any) -> None:
        getattr(self, what)(*how)

    def buy(self, member: int, hour: int, total: int) -> None:
        self.bought += 1
        at = START + timedelta(hours=hour)
        buy(self.program, purchase(f"T-{self.bought}", str(total), f"M-{member}", purchased_at=at))

    def decide(self) -> None:
        before = len(decisions(self.program))
        made = settle(self.program)
        assert len(decisions(self.program)) == before + len(made)

    def limit(self, value: int, unit: str | None, clamp: bool) -> None:  # noqa: FBT001  an example's value
        definition = self.program.catalogue.campaigns[CAMPAIGN].definition
        exhausted = OnExhausted.CLAMP if clamp else OnExhausted.REFUSE
        limits = replace(definition.limits, total_units=at_most(str(value), unit), on_exhausted=exhausted)
        edited = replace(definition, limits=limits)
        self.program.do(lambda working: campaigns.revise(working, CAMPAIGN, edited, ANY_VERSION))

    def pause(self) -> None:
        if self.program.catalogue.campaigns[CAMPAIGN].life is Life.ACTIVE:
            self.program.do(lambda working: campaigns.pause(working, CAMPAIGN))

    def activate(self) -> None:
        self.program.do(lambda working: campaigns.activate(working, CAMPAIGN))

    def codes_of(self) -> Iterator[str]:
        return (event.code for event in self.program.events if isinstance(event, Issued))

    def cancel(self, number: int) -> None:
        grants = [
            recorded
            for recorded in self.program.history
            if isinstance(recorded.event, Granted) and recorded.version not in self._cancelled(recorded.event)
        ]
        if grants:
            recorded = grants[number % len(grants)]
            cancel(self.program, recorded.event, recorded.version)

    def _cancelled(self, event: Granted) -> tuple[int, ...]:
        held = self.program.state(PARTICIPATION.at(event.campaign, event.member))
        return (*held.cancelled, *held.cancelling)

    def limits(self, revision: int) -> Limits:
        return next(
            event.definition.limits
            for event in self.program.events
            if isinstance(event, Defined) and (event.campaign, event.revision) == (CAMPAIGN, revision)
        )

    def given(self, campaign: UUID, upto: int | None = None) -> list[tuple[str, Moment, int, Decimal]]:
        """To whom the campaign gave what the first `upto` events did not take back: executions and units."""
        return [
            (receipt.member, event.moment, sign(event), sign(event) * receipt.units)
            for event in self.program.events[:upto]
            if isinstance(event, Granted | Cancelled) and event.campaign == campaign
            for receipt in event.receipts or ()
        ]


def add_some(world: World) -> None:
    world.codes += 2
    names = [f"C-{world.codes}", f"C-{world.codes + 1}"]
    world.program.do(lambda working: add_codes(working, "spring", names))


@settings(max_examples=100)
@given(st.lists(STEP, min_size=15, max_size=50))
def test_what_is_decided_holds_whatever_happens(steps: list[tuple[Any, ...]]) -> None:
    world = World()
    for step in steps:
        before = len(world.program.events)
        if step[0] == "codes":
            add_some(world)
        else:
            world.step(*step)
        check_caps(world, before)
    before = len(world.program.events)
    world.decide()
    check_caps(world, before)
    assert turn(world.program)[0].undecided > len(world.program.history)
    check_counts(world)


def check_caps(world: World, since: int) -> None:
    """What was just granted fits the limits there were at its trigger, by going through all that is given."""
    for number, event in enumerate(world.program.events[since:], since + 1):
        if not isinstance(event, Granted) or event.campaign != CAMPAIGN:
            continue
        limits, given_ = world.limits(event.revision), world.given(CAMPAIGN, number)
        for receipt in event.receipts or ():
            got = [one for one in given_ if one[0] == receipt.member]
            executions, spent = limits.executions(receipt.to), limits.units(receipt.to)
            assert executions
            assert spent
            assert in_interval(got, event.moment, executions)[0] <= executions.value
            assert in_interval(got, event.moment, spent)[1] <= spent.value
        assert limits.total_units
        assert in_interval(given_, event.moment, limits.total_units)[1] <= limits.total_units.value


def in_interval(given_: list[tuple[str, Moment, int, Decimal]], at: Moment, limit: Limit) -> tuple[int, Decimal]:
    """Executions and units in the calendar unit of a moment."""
    unit = limit.interval.unit if limit.interval else None
    within = [one for one in given_ if unit is None or number_of(one[1], unit) == number_of(at, unit)]
    return sum(one[2] for one in within), sum((one[3] for one in within), Decimal(0))


def check_counts(world: World) -> None:
    program = world.program
    made = Counter((event.campaign, event.trigger.position) for event in decisions(program))
    assert set(made.values()) <= {1}
    # the other campaign was never paused, so it has decided everything
    assert sum(at == OTHER_CAMPAIGN for at, _ in made) == world.bought
    budget = program.state(CAMPAIGN_BUDGET.at(CAMPAIGN))
    given_ = world.given(CAMPAIGN)
    total = sum((spent for *_, spent in given_), Decimal(0))
    assert (budget.units.total if budget else 0) == total
    codes = list(world.codes_of())
    assert len(set(codes)) == len(codes)
    kept = [event for event in program.events if isinstance(event, Granted | Cancelled)]
    for kind, most in (("reward", MUGS), ("coupon", world.codes)):
        stock = program.state(STOCK.at(kind, "mug" if kind == "reward" else "spring"))
        left = sum(sign(event) * len([one for one in effects(event) if one.kind.endswith(kind)]) for event in kept)
        assert (stock.given if stock else 0) == left <= most
    for receiver in (REFERRER, *(f"M-{member}" for member in range(MEMBERS))):
        held = program.state(PARTICIPATION.at(CAMPAIGN, receiver)) or NOTHING
        of, other = list(Recipient) if receiver != REFERRER else reversed(Recipient)
        got = [(times, spent) for who, _, times, spent in given_ if who == receiver]
        assert held.tallies(of).executions.total == sum(times for times, _ in got)
        assert held.tallies(of).units.total == sum((spent for _, spent in got), Decimal(0))
        assert held.tallies(other) == NO_TALLIES
    assert all(event.reasons for event in decisions(program) if isinstance(event, Refused))


def sign(event: Granted | Cancelled) -> int:
    return 1 if isinstance(event, Granted) else -1


def effects(event: Granted | Cancelled) -> list[Any]:
    if isinstance(event, Cancelled):
        return list(event.effects)
    return [effect for rule in event.rules for effect in rule.effects if effect.reason is None]
